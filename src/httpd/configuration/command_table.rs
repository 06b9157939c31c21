/*! Apache's command table, made from the rows of `config::DIRECTIVES` when this is compiled. *Runs in: parent, child.* */
#![expect(unsafe_code, reason = "pointers for httpd")]
#![expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses an index that is out of range")]

use std::ffi::c_int;

use super::command::directive;
use crate::httpd::sys;
use config::{Contexts, DIRECTIVES, Directive, Override};

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

#[cfg(test)]
mod tests {
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
