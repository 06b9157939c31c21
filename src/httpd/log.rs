/*! Apache's error log: of a request, of a server, or of the main server.

The level is asked for first, so that what nobody reads is not even put together. Coded lines begin with `WSGI1001: ` and come
from the table in `protocol::log_code`. *Runs in: parent, child.* */
#![expect(unsafe_code, reason = "calls into httpd")]

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_int};
use std::fmt::Arguments;

use protocol::Level;
use protocol::log_code::LogCode;

use super::request::Request;
use super::server::Server;
use super::{config, sys};

/// Where a line goes.
#[derive(Clone, Copy)]
pub enum Log<'a> {
    /// The main server's log, or standard error before there is a server.
    MainServer,
    /// A server's log.
    Server(Server<'a>),
    /// The log of a request's virtual host, with client and request id as `ErrorLogFormat` says.
    Request(Request<'a>),
}

impl Log<'_> {
    /// Would a line of `level` be written? (`LogLevel`, also per module and per directory.)
    pub fn enabled(self, level: Level) -> bool {
        let limit = match self {
            Self::MainServer => match Server::main() {
                Some(main) => return Log::Server(main).enabled(level),
                None => Level::Notice as c_int,
            },
            // SAFETY: the server is live; the index is this module's, set by httpd when it was loaded.
            Self::Server(server) => unsafe { sys::ap_get_server_module_loglevel(server.raw(), config::module_index()) },
            // SAFETY: as above, for a request.
            Self::Request(request) => unsafe { sys::ap_get_request_module_loglevel(request.raw(), config::module_index()) },
        };
        level as c_int <= limit
    }

    /// Writes a numbered message at its level: the number, then `text`.
    pub fn coded(self, code: &LogCode, text: Arguments<'_>) {
        self.line(code.level, format_args!("{code}: {text}"));
    }

    /// Writes one line if its level is wanted.
    pub fn line(self, level: Level, text: Arguments<'_>) {
        if self.enabled(level) {
            match text.as_str() {
                Some(text) => self.write(level, text.as_bytes(), c"", 0),
                None => self.write(level, text.to_string().as_bytes(), c"", 0),
            }
        }
    }

    /// Writes one line without asking for the level. `file` and `line` name its source, which an application may have chosen. A NUL ends
    /// the text, as in all of httpd. httpd escapes control characters in the text, but not in the source.
    pub fn write(self, level: Level, text: &[u8], file: &CStr, line: c_int) {
        let length = c_int::try_from(text.len()).unwrap_or(c_int::MAX);
        let shown = escaped(file);
        // Without a file httpd leaves the source out, in the formats that show it.
        let file = if shown.is_empty() { std::ptr::null() } else { shown.as_ptr() };
        let (index, level, text) = (config::module_index(), level as c_int, text.as_ptr());
        match self {
            // SAFETY: the format takes an `int` and a pointer readable for that many bytes; a null server means standard error.
            Self::MainServer => unsafe {
                let server = Server::main().map_or(std::ptr::null_mut(), Server::raw);
                sys::ap_log_error_(file, line, index, level, 0, server, FORMAT.as_ptr(), length, text);
            },
            // SAFETY: as above; the server is live.
            Self::Server(server) => unsafe {
                sys::ap_log_error_(file, line, index, level, 0, server.raw(), FORMAT.as_ptr(), length, text);
            },
            // SAFETY: as above; the request is live.
            Self::Request(request) => unsafe {
                sys::ap_log_rerror_(file, line, index, level, 0, request.raw(), FORMAT.as_ptr(), length, text);
            },
        }
    }
}

/// The text needs no NUL at its end: its length goes with it.
const FORMAT: &CStr = c"%.*s";

/// Longest name of a source file that a line shows, in bytes of the name.
const LONGEST_FILE: usize = 255;

/// The end of a source file's name as it may stand in a line: what is not printable ASCII becomes `\xHH`, as httpd shows it in the text.
fn escaped(file: &CStr) -> Cow<'_, CStr> {
    let bytes = file.to_bytes();
    let printable = |byte: &u8| (b' '..=b'~').contains(byte);
    if bytes.len() <= LONGEST_FILE && bytes.iter().all(printable) {
        return Cow::Borrowed(file);
    }
    let end = bytes.get(bytes.len().saturating_sub(LONGEST_FILE)..).unwrap_or_default();
    let mut shown = Vec::with_capacity(end.len() * 4);
    for byte in end {
        if printable(byte) {
            shown.push(*byte);
        } else {
            shown.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
    // Printable characters hold no NUL.
    Cow::Owned(CString::new(shown).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_FILE, escaped};

    #[test]
    fn a_source_file_cannot_begin_another_line() {
        assert_eq!(escaped(c"/srv/app.wsgi").as_ref(), c"/srv/app.wsgi");
        assert_eq!(escaped(c"a\nb\r\x1b[31m\x7f\t").as_ref(), c"a\\x0ab\\x0d\\x1b[31m\\x7f\\x09");
        // C1 characters and all others of UTF-8, as httpd shows them in the text of a line.
        assert_eq!(escaped(c"\xc2\x85\xc3\xa9").as_ref(), c"\\xc2\\x85\\xc3\\xa9");
        for byte in (1..=31u8).chain(127..=255) {
            let file = std::ffi::CString::new([b'a', byte, b'b']).unwrap_or_default();
            assert!(escaped(&file).to_bytes().iter().all(|byte| (b' '..=b'~').contains(byte)), "{byte}");
        }
    }

    #[test]
    fn a_long_source_file_is_shown_by_its_end() {
        let long = std::ffi::CString::new([&[b'x'; 1000][..], b"/end.py"].concat()).unwrap_or_default();
        let shown = escaped(&long);
        assert_eq!(shown.to_bytes().len(), LONGEST_FILE);
        assert!(shown.to_bytes().ends_with(b"/end.py"));
    }
}
