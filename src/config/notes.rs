/*! What one reading of the configuration remembers besides the settings.

Settings of a directory section are only reachable from a request that enters it, but some questions concern all of them: does any
section name `%{GLOBAL}`, and what did the parser accept only with a shake of the head? One [`Notes`] is made in `pre_config`, lent to
every directive through [`super::Place`], and read when the configuration is frozen. A `.htaccess` file, which is read while
requests run, gets one of its own that is thrown away. *Runs in: parent.* */

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use protocol::log_code::{self, LogCode};

use super::error::ConfigError;

/// Something that only the whole configuration shows, or that is strange but allowed. Always a warning: what is wrong is
/// refused by the directive itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its numbered message.
    pub code: LogCode,
    /// Cause and cure.
    pub text: ConfigError,
    /// `file:line` of the directive concerned.
    pub place: Option<Arc<str>>,
}

impl std::fmt::Display for Finding {
    /// The line for the log: code, cause, cure, place.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.code)?;
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        self.text.fmt(f)
    }
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Notes {
    sequence: Cell<u32>,
    global_in_section: Cell<bool>,
    handler_script_in_section: Cell<bool>,
    proxies_anywhere: Cell<bool>,
    proxy_headers_in_section: RefCell<Option<Arc<str>>>,
    strange: RefCell<Vec<Finding>>,
}

impl Notes {
    /// Numbers mappings and imports in the order in which they stand in the configuration, over all files.
    pub fn next_sequence(&self) -> u32 {
        let now = self.sequence.get();
        self.sequence.set(now.saturating_add(1));
        now
    }

    /// A directory section named `%{GLOBAL}` as an application group. Which process group that concerns cannot be known,
    /// so no other application group is hosted in the main interpreter.
    pub fn note_global_in_section(&self) {
        self.global_in_section.set(true);
    }

    /// Whether [`Notes::note_global_in_section`] was called.
    pub fn global_in_section(&self) -> bool {
        self.global_in_section.get()
    }

    /// A directory section maps a handler to a script.
    pub fn note_handler_script_in_section(&self) {
        self.handler_script_in_section.set(true);
    }

    /// Whether [`Notes::note_handler_script_in_section`] was called.
    pub fn handler_script_in_section(&self) -> bool {
        self.handler_script_in_section.get()
    }

    /// `WSGITrustedProxies` stands somewhere.
    pub fn note_proxies(&self) {
        self.proxies_anywhere.set(true);
    }

    /// A directory section trusts proxy headers.
    pub fn note_proxy_headers_in_section(&self, place: Arc<str>) {
        self.proxy_headers_in_section.borrow_mut().get_or_insert(place);
    }

    /// The first section that trusts proxy headers while `WSGITrustedProxies` stands nowhere at all.
    pub fn proxy_headers_from_anyone(&self) -> Option<Arc<str>> {
        if self.proxies_anywhere.get() { None } else { self.proxy_headers_in_section.borrow().clone() }
    }

    /// A `%{...}` that is none of the known forms was taken as a literal name.
    pub fn note_unknown_form(&self, text: ConfigError, place: Arc<str>) {
        self.strange.borrow_mut().push(Finding { code: log_code::UNKNOWN_NAME_FORM, text, place: Some(place) });
    }

    /// What the parser accepted, but finds strange.
    pub fn strange(&self) -> Vec<Finding> {
        self.strange.borrow().clone()
    }
}
