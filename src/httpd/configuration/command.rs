/*! The one callback behind every directive, and the notes of one reading of the configuration.

httpd hands over the rest of a line unsplit (`RAW_ARGS`); the directive's row does the rest. *Runs in: parent, and in a child for
`.htaccess` files.* */
#![expect(unsafe_code, reason = "called by httpd")]

use std::ffi::{c_char, c_void};

use super::{module_config, regex};
use crate::httpd::c_text::text;
use crate::httpd::guard::{self, Kind, Refusal};
use crate::httpd::log::Log;
use crate::httpd::pool::{Key, Pool};
use crate::httpd::server::Server;
use crate::httpd::sys;
use crate::httpd::system::process;
use config::settings::DirectoryConfig;
use config::settings::section::Section;
use config::{Apply, Diagnostics, Directive, DirectiveContext};

/// Where the notes of one reading of the configuration are kept: in the configuration's pool.
const NOTES: Key<Diagnostics> = Key::new(c"mod_wsgi_rs:notes");

/// Begins a reading of the configuration (`pre_config`).
pub fn begin(configuration: Pool<'_>) {
    configuration.remember(&NOTES, Diagnostics::default());
}

/// The notes of the reading that uses `configuration`; none for a `.htaccess` file, which uses the request's pool.
pub fn notes(configuration: Pool<'_>) -> Option<&Diagnostics> {
    configuration.remembered(&NOTES)
}

/// One directive of the configuration.
///
/// # Safety
/// Called by httpd for an entry of [`super::command_table::COMMANDS`].
pub(in crate::httpd) unsafe extern "C" fn directive(
    parms: *mut sys::cmd_parms,
    section: *mut c_void,
    words: *const c_char,
) -> *const c_char {
    let Refusal(message) = guard::callback(Kind::Directive, Log::MainServer, || {
        // SAFETY: httpd passes its command parameters, whose `info` is a row's `cmd_data` (command_table), the configuration of
        // the section that the line stands in, made by `module_config::create_directory` (or null), and the rest of the line.
        unsafe {
            let Some(parms) = parms.as_ref() else { return Refusal(std::ptr::null()) };
            let Some(row) = parms.info.cast::<Directive>().as_ref() else { return Refusal(std::ptr::null()) };
            let line = text(words).unwrap_or_default();
            apply(row, parms, section.cast::<DirectoryConfig>().as_mut(), line)
        }
    });
    message
}

/// # Safety
/// `parms` is what httpd passed for this line.
unsafe fn apply(row: &Directive, parms: &sys::cmd_parms, section: Option<&mut DirectoryConfig>, line: &[u8]) -> Refusal {
    // SAFETY: the pool and the server of the configuration that is being read, and the line's place in its file.
    let (pool, server, file, number) = unsafe {
        let place = parms.directive.as_ref();
        let file = place.and_then(|place| text(place.filename)).unwrap_or_default();
        (Pool::new(parms.pool), Server::new(parms.server), file, place.map_or(0, |place| place.line_num))
    };
    let fresh = Diagnostics::default();
    // SAFETY: the directives around this one, kept while the configuration is read.
    let around = unsafe { section_directive(parms) };
    // SAFETY: a string of the configuration, or null.
    let begins = String::from_utf8_lossy(around.and_then(|around| unsafe { text(around.filename) }).unwrap_or_default());
    let place = DirectiveContext {
        server_root: process::server_root(),
        virtual_host: server.is_some_and(Server::is_virtual),
        // SAFETY: as above.
        section: unsafe { section_of(parms, &begins) },
        file: &String::from_utf8_lossy(file),
        line: u32::try_from(number).unwrap_or(0),
        compile: &regex::compile,
        notes: notes(pool).unwrap_or(&fresh),
    };
    // SAFETY: the parser alone works on the configuration now; a directive of a `.htaccess` file is never one that takes the server
    // (`Apply::Both`, `Apply::Server`), because those have no context there.
    let config = server
        .filter(|_| !matches!(row.apply, Apply::Directory(_)))
        .and_then(|server| unsafe { module_config::of_server_mut(server) });
    let result = row.apply(line, config, section, &place);
    match result {
        Ok(()) => Refusal(std::ptr::null()),
        Err(error) => Refusal(pool.string(error.to_string().as_bytes()).as_ptr()),
    }
}

/// The directive of the section that the line stands in, past those that only decide whether it is read.
///
/// # Safety
/// `parms` is what httpd passed for this line.
unsafe fn section_directive(parms: &sys::cmd_parms) -> Option<&sys::ap_directive_t> {
    // SAFETY: null, or a directive of the tree that is being read; each one's parent is another, or null.
    unsafe {
        let mut around = parms.directive.as_ref()?.parent.as_ref();
        while let Some(directive) = around.filter(|one| Section::is_transparent(text(one.directive).unwrap_or_default())) {
            around = directive.parent.as_ref();
        }
        around
    }
}

/// The section that the line stands in. `begins` is the file of its first line.
///
/// # Safety
/// `parms` is what httpd passed for this line.
unsafe fn section_of<'a>(parms: &'a sys::cmd_parms, begins: &'a str) -> Option<Section<'a>> {
    // SAFETY: as promised: strings of the configuration, or null.
    unsafe {
        let path = text(parms.path)?;
        let around = section_directive(parms);
        Some(Section {
            directive: around.and_then(|around| text(around.directive)).unwrap_or_default(),
            arguments: around.and_then(|around| text(around.args)).unwrap_or_default(),
            path,
            begins: (begins, around.map_or(0, |around| u32::try_from(around.line_num).unwrap_or(0))),
        })
    }
}
