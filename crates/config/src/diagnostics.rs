/*! What one reading of the configuration remembers besides the settings.

What one server says is not visible to another's directives, and settings of a directory section are only reachable from a request that
enters it. But some questions concern all of them: is there a daemon group of that name yet, and what did the parser accept only with a
shake of the head? One [`Diagnostics`] is made in `pre_config`, lent to every directive through [`super::DirectiveContext`], and read when the configuration is frozen. A `.htaccess` file, which is read while
requests run, gets one of its own that is thrown away. *Runs in: parent.* */

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use protocol::log_code::{self, LogCode};

use super::daemon::DaemonProcess;
use super::error::ConfigError;

/// Something that only the whole configuration shows, or that is strange but allowed. Its code's level says how bad it is: an error
/// is a mistake in the configuration's text, for which configtest fails (and nothing else).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its numbered message.
    pub code: LogCode,
    /// Cause and cure.
    pub text: ConfigError,
    /// `file:line` of the directive concerned.
    pub defined_at: Option<Arc<str>>,
}

impl Finding {
    /// Of cause and cure. `place`: `file:line` of the directive concerned.
    pub fn new(code: LogCode, message: String, fix: &str, defined_at: Option<Arc<str>>) -> Self {
        Self { code, text: ConfigError::new(message, fix), defined_at }
    }
}

impl std::fmt::Display for Finding {
    /// The line for the log: code, cause, cure, place.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.code)?;
        if let Some(place) = &self.defined_at {
            write!(f, "{place}: ")?;
        }
        self.text.fmt(f)
    }
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Diagnostics {
    sequence: Cell<u32>,
    daemons: RefCell<Vec<Arc<DaemonProcess>>>,
    proxies_anywhere: Cell<bool>,
    proxy_headers_in_section: RefCell<Option<Arc<str>>>,
    strange: RefCell<Vec<Finding>>,
}

impl Diagnostics {
    /// Numbers mappings and imports in the order in which they stand in the configuration, over all files.
    pub fn next_sequence(&self) -> u32 {
        let now = self.sequence.get();
        self.sequence.set(now.saturating_add(1));
        now
    }

    /// A daemon group is declared, in whatever server.
    pub fn note_daemon(&self, process: Arc<DaemonProcess>) {
        self.daemons.borrow_mut().push(process);
    }

    /// The first declaration of a daemon group of that name so far.
    pub fn daemon(&self, name: &[u8]) -> Option<Arc<DaemonProcess>> {
        self.daemons.borrow().iter().find(|daemon| *daemon.name == *name).cloned()
    }

    /// `WSGITrustedProxies` stands somewhere.
    pub fn note_proxies(&self) {
        self.proxies_anywhere.set(true);
    }

    /// A directory section trusts proxy headers.
    pub fn note_proxy_headers_in_section(&self, defined_at: Arc<str>) {
        self.proxy_headers_in_section.borrow_mut().get_or_insert(defined_at);
    }

    /// The first section that trusts proxy headers while `WSGITrustedProxies` stands nowhere at all.
    pub fn proxy_headers_from_anyone(&self) -> Option<Arc<str>> {
        if self.proxies_anywhere.get() { None } else { self.proxy_headers_in_section.borrow().clone() }
    }

    /// A `%{...}` that is none of the known forms was taken as a literal name.
    pub fn note_unknown_form(&self, text: ConfigError, defined_at: Arc<str>) {
        self.strange.borrow_mut().push(Finding { code: log_code::UNKNOWN_NAME_FORM, text, defined_at: Some(defined_at) });
    }

    /// An option of a daemon group does nothing.
    pub fn note_option_without_effect(&self, text: ConfigError, defined_at: Arc<str>) {
        self.strange.borrow_mut().push(Finding {
            code: log_code::DAEMON_OPTION_WITHOUT_EFFECT,
            text,
            defined_at: Some(defined_at),
        });
    }

    /// A directive is accepted and does nothing.
    pub fn note_directive_without_effect(&self, text: ConfigError, defined_at: Arc<str>) {
        self.strange.borrow_mut().push(Finding { code: log_code::DIRECTIVE_WITHOUT_EFFECT, text, defined_at: Some(defined_at) });
    }

    /// What the parser accepted, but finds strange.
    pub fn strange(&self) -> Vec<Finding> {
        self.strange.borrow().clone()
    }
}
