/*! Apache's command table, made at compile time from the rows of `config::DIRECTIVES`, and the one callback behind all of it.

httpd hands over the rest of a line unsplit (`RAW_ARGS`); the row does the rest. *Runs in: parent, and in a child for `.htaccess`
files.* */
#![expect(unsafe_code, reason = "called by httpd")]

use std::ffi::{c_char, c_int, c_void};

use super::guard::{self, Kind, Refusal};
use super::log::Log;
use super::pool::Pool;
use super::server::Server;
use super::table::text;
use super::{config, process, regex, sys};
use crate::config::settings::DirectoryConfig;
use crate::config::{Apply, Contexts, DIRECTIVES, Directive, Notes, Override, Place};

/// How many rows there are.
const ROWS: usize = DIRECTIVES.len();

/// Bytes that the names and the help texts take, each with its NUL.
const TEXT: usize = {
    let mut sum = 0;
    let mut row = 0;
    while row < ROWS {
        sum += DIRECTIVES[row].name.len() + 1 + DIRECTIVES[row].help.len() + 1;
        row += 1;
    }
    sum
};

/// The names and help texts as C strings, one after another.
static STRINGS: [u8; TEXT] = {
    let mut all = [0; TEXT];
    let mut at = 0;
    let mut row = 0;
    while row < ROWS {
        let texts = [DIRECTIVES[row].name.as_bytes(), DIRECTIVES[row].help.as_bytes()];
        let mut which = 0;
        while which < 2 {
            let mut n = 0;
            while n < texts[which].len() {
                all[at] = texts[which][n];
                at += 1;
                n += 1;
            }
            at += 1;
            which += 1;
        }
        row += 1;
    }
    all
};

/// The rows, for the pointers in the command table.
static DATA: [Directive; ROWS] = {
    let mut data = [DIRECTIVES[0]; ROWS];
    let mut row = 0;
    while row < ROWS {
        data[row] = DIRECTIVES[row];
        row += 1;
    }
    data
};

/// What httpd gets: one entry per row, and an empty one at the end.
pub static COMMANDS: Commands = Commands({
    let mut all = [END; ROWS + 1];
    let mut at = 0;
    let mut row = 0;
    while row < ROWS {
        let help = at + DATA[row].name.len() + 1;
        all[row] = sys::command_rec {
            name: (&raw const STRINGS[at]).cast(),
            func: sys::cmd_func { raw_args: Some(directive) },
            cmd_data: (&raw const DATA[row]).cast_mut().cast(),
            req_override: place_bits(DATA[row].contexts),
            args_how: sys::RAW_ARGS,
            errmsg: (&raw const STRINGS[help]).cast(),
        };
        at = help + DATA[row].help.len() + 1;
        row += 1;
    }
    all
});

const END: sys::command_rec = sys::command_rec {
    name: std::ptr::null(),
    func: sys::cmd_func { raw_args: None },
    cmd_data: std::ptr::null_mut(),
    req_override: 0,
    args_how: sys::RAW_ARGS,
    errmsg: std::ptr::null(),
};

/// The command table.
pub struct Commands([sys::command_rec; ROWS + 1]);

// SAFETY: pointers to static data that nobody writes.
unsafe impl Sync for Commands {}

impl Commands {
    /// For the module's record.
    pub const fn as_ptr(&self) -> *const sys::command_rec {
        self.0.as_ptr()
    }
}

/// Apache's bits for the places where a directive may stand (http_config.h).
const fn place_bits(contexts: Contexts) -> c_int {
    let bits = match contexts {
        Contexts::MainServer | Contexts::Servers => sys::RSRC_CONF,
        Contexts::Directories => sys::RSRC_CONF | sys::ACCESS_CONF,
        Contexts::Htaccess(Override::FileInfo) => sys::OR_FILEINFO,
        Contexts::Htaccess(Override::AuthConfig) => sys::RSRC_CONF | sys::OR_AUTHCFG,
        Contexts::SectionsAndHtaccess(Override::FileInfo) => sys::ACCESS_CONF | sys::OR_FILEINFO,
        Contexts::SectionsAndHtaccess(Override::AuthConfig) => sys::OR_AUTHCFG,
    };
    bits.cast_signed()
}

/// Where the notes of one reading of the configuration are kept: in the configuration's pool.
const NOTES: &std::ffi::CStr = c"mod_wsgi_rs:notes";

/// Begins a reading of the configuration (`pre_config`).
pub fn begin(configuration: Pool<'_>) {
    configuration.remember(NOTES, Notes::default());
}

/// The notes of the reading that uses `configuration`; none for a `.htaccess` file, which uses the request's pool.
pub fn notes(configuration: Pool<'_>) -> Option<&Notes> {
    configuration.remembered(NOTES)
}

/// One directive of the configuration.
unsafe extern "C" fn directive(parms: *mut sys::cmd_parms, section: *mut c_void, words: *const c_char) -> *const c_char {
    let Refusal(message) = guard::callback(Kind::Directive, Log::MainServer, || {
        // SAFETY: httpd passes its command parameters, whose `info` is a row's `cmd_data` (COMMANDS), the configuration of
        // the section that the line stands in, made by `config::create_directory` (or null), and the rest of the line.
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
    let fresh = Notes::default();
    let place = Place {
        server_root: process::server_root(),
        virtual_host: server.is_some_and(Server::is_virtual),
        section: !parms.path.is_null(),
        file: &String::from_utf8_lossy(file),
        line: u32::try_from(number).unwrap_or(0),
        compile: &regex::compile,
        notes: notes(pool).unwrap_or(&fresh),
    };
    let result = match row.apply {
        // SAFETY: the parser alone works on the configuration now.
        Apply::Server(_) => match server.and_then(|server| unsafe { config::of_server_mut(server) }) {
            Some(config) => row.apply_to_server(line, config, &place),
            None => return lost(),
        },
        Apply::Directory(_) => match section {
            Some(config) => row.apply_to_directory(line, config, &place),
            None => return lost(),
        },
    };
    match result {
        Ok(()) => Refusal(std::ptr::null()),
        Err(error) => Refusal(pool.string(error.to_string().as_bytes()).as_ptr()),
    }
}

/// The configuration could not be made (WSGI1001 in the log says why).
fn lost() -> Refusal {
    Refusal(c"mod_wsgi_rs has no configuration here: the error log names the place (WSGI1001)".as_ptr())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]

    use std::ffi::CStr;

    use super::{COMMANDS, DIRECTIVES};

    #[test]
    fn every_row_is_in_the_table_with_its_texts() {
        for (entry, row) in COMMANDS.0.iter().zip(DIRECTIVES) {
            // SAFETY: the table's strings end with a NUL each.
            let (name, help) = unsafe { (CStr::from_ptr(entry.name), CStr::from_ptr(entry.errmsg)) };
            assert_eq!((name.to_bytes(), help.to_bytes()), (row.name.as_bytes(), row.help.as_bytes()));
        }
        assert!(COMMANDS.0[DIRECTIVES.len()].name.is_null());
    }
}
