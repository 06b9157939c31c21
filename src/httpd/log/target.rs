/*! Lines for httpd's error logs, by httpd's own records: below everything that may have something to log. [`super::Log`] is what the rest of the module uses.
*Runs in: parent, child.* */
#![expect(unsafe_code, reason = "calls into httpd")]

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_int};
use std::fmt::Arguments;
use std::marker::PhantomData;
use std::ptr::NonNull;

use protocol::Level;

use crate::httpd::c_text::text;
use crate::httpd::{module, sys};

/// Where a line goes.
#[derive(Clone, Copy)]
enum To {
    MainServer,
    Server(NonNull<sys::server_rec>),
    Request(NonNull<sys::request_rec>),
}

/// Where a line goes, as httpd's functions take it.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    to: To,
    life: PhantomData<&'a sys::server_rec>,
}

impl Target<'_> {
    /// The main server's log, or standard error before there is a server.
    pub const MAIN_SERVER: Target<'static> = Target { to: To::MainServer, life: PhantomData };

    /// A server's log; null is the main server's.
    ///
    /// # Safety
    /// `server` is null or live for as long as the result is used.
    pub(in crate::httpd) unsafe fn server(server: *mut sys::server_rec) -> Self {
        Self { to: NonNull::new(server).map_or(To::MainServer, To::Server), life: PhantomData }
    }

    /// A request's log; null is the main server's.
    ///
    /// # Safety
    /// `request` is null or live for as long as the result is used.
    pub(in crate::httpd) unsafe fn request(request: *mut sys::request_rec) -> Self {
        Self { to: NonNull::new(request).map_or(To::MainServer, To::Request), life: PhantomData }
    }

    /// The request whose log this is.
    #[cfg(feature = "test-faults")]
    pub(in crate::httpd) fn of_request(self) -> Option<NonNull<sys::request_rec>> {
        match self.to {
            To::Request(request) => Some(request),
            To::MainServer | To::Server(_) => None,
        }
    }

    /// Would a line of `level` be written? (`LogLevel`, also per module and per directory.)
    pub fn enabled(self, level: Level) -> bool {
        let limit = match self.to {
            To::MainServer => match main_server() {
                // SAFETY: the main server of the present configuration.
                Some(main) => return unsafe { Target::server(main.as_ptr()) }.enabled(level),
                None => Level::Notice as c_int,
            },
            // SAFETY: the server is live; the index is this module's, set by httpd when it was loaded.
            To::Server(server) => unsafe { sys::ap_get_server_module_loglevel(server.as_ptr(), module::index()) },
            // SAFETY: as above, for a request.
            To::Request(request) => unsafe { sys::ap_get_request_module_loglevel(request.as_ptr(), module::index()) },
        };
        level as c_int <= limit
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
        let server = match self.to {
            To::MainServer => main_server(),
            To::Server(server) => Some(server),
            // SAFETY: the request is live; its server is never null.
            To::Request(request) => NonNull::new(unsafe { request.as_ref() }.server),
        };
        // SAFETY: a live server.
        if server.is_some_and(|server| unsafe { writes_json(server) }) {
            for part in json_parts(text) {
                self.write_part(level, &part, file, line);
            }
        } else {
            self.write_part(level, text, file, line);
        }
    }

    fn write_part(self, level: Level, text: &[u8], file: &CStr, line: c_int) {
        let length = c_int::try_from(text.len()).unwrap_or(c_int::MAX);
        let shown = escaped(file);
        // Without a file httpd leaves the source out, in the formats that show it.
        let file = if shown.is_empty() { std::ptr::null() } else { shown.as_ptr() };
        let (index, level, text) = (module::index(), level as c_int, text.as_ptr());
        match self.to {
            // SAFETY: the format takes an `int` and a pointer readable for that many bytes; a null server means standard error.
            To::MainServer => unsafe {
                let server = main_server().map_or(std::ptr::null_mut(), NonNull::as_ptr);
                sys::ap_log_error_(file, line, index, level, 0, server, FORMAT.as_ptr(), length, text);
            },
            // SAFETY: as above; the server is live.
            To::Server(server) => unsafe {
                sys::ap_log_error_(file, line, index, level, 0, server.as_ptr(), FORMAT.as_ptr(), length, text);
            },
            // SAFETY: as above; the request is live.
            To::Request(request) => unsafe {
                sys::ap_log_rerror_(file, line, index, level, 0, request.as_ptr(), FORMAT.as_ptr(), length, text);
            },
        }
    }
}

/// The main server of the present configuration, once there is one.
fn main_server() -> Option<NonNull<sys::server_rec>> {
    // SAFETY: httpd's own variable: null, or a live server.
    NonNull::new(unsafe { sys::ap_server_conf })
}

/// Whether a server's `ErrorLogFormat` makes objects of JSON: it begins with a brace.
///
/// # Safety
/// The server is live.
pub(in crate::httpd) unsafe fn writes_json(server: NonNull<sys::server_rec>) -> bool {
    // SAFETY: promised by the caller. The record of httpd's core for it, and its array of items (http_core.h), do not change after the configuration was
    // read. An item's argument is null or a string of the configuration.
    unsafe {
        let core = sys::ap_get_core_module_config((*server.as_ptr()).module_config).cast::<sys::core_server_config>();
        let format = core.as_ref().and_then(|core| core.error_log_format.as_ref()).filter(|format| format.nelts > 0);
        let first = format.and_then(|format| format.elts.cast::<sys::ap_errorlog_format_item>().as_ref());
        first.is_some_and(|item| text(item.arg).is_some_and(|text| text.trim_ascii_start().starts_with(b"{")))
    }
}

/// How long a part of a message may be as httpd shows it. A line has 8 KiB, and the end of an object must find room.
const LONGEST_JSON: usize = 5_000;

/// A text in parts that httpd shows as strings of JSON. httpd escapes backslashes and tabs as JSON does, but leaves quotes as they are, and shows every other byte
/// that is not printable ASCII as `\xHH`. So a quote becomes an apostrophe here, and another character `\uHHHH`, which httpd shows with a second
/// backslash: a reader of the object finds these six characters.
fn json_parts(text: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let mut shown = 0;
    let mut add = |bytes: &[u8], length: usize| {
        if shown + length > LONGEST_JSON {
            parts.push(Vec::new());
            shown = 0;
        }
        shown += length;
        if let Some(part) = parts.last_mut() {
            part.extend_from_slice(bytes);
        }
    };
    for piece in text.utf8_chunks() {
        for character in piece.valid().chars() {
            match character {
                // httpd shows these with a backslash.
                '\t' | '\\' => add(character.encode_utf8(&mut [0; 4]).as_bytes(), 2),
                '"' => add(b"'", 1),
                ' '..='~' => add(character.encode_utf8(&mut [0; 4]).as_bytes(), 1),
                _ => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        add(format!("\\u{unit:04x}").as_bytes(), 7);
                    }
                }
            }
        }
        for byte in piece.invalid() {
            add(format!("\\u{byte:04x}").as_bytes(), 7);
        }
    }
    parts
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
    use super::{LONGEST_FILE, LONGEST_JSON, escaped, json_parts};

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
    fn what_httpd_would_not_show_as_json_is_made_printable() {
        let text = "a\t\"\\\u{e4}\u{1f600}\x1b\n".as_bytes();
        assert_eq!(json_parts(text), [b"a\t'\\\\u00e4\\ud83d\\ude00\\u001b\\u000a"]);
        assert_eq!(json_parts(b"\xff\0"), [b"\\u00ff\\u0000"]);
        assert_eq!(json_parts(b""), [b""]);
        let parts = json_parts("\u{e4}\"".repeat(5_000).as_bytes());
        assert!(parts.iter().all(|part| part.len() <= LONGEST_JSON));
        assert_eq!(parts.concat(), "\\u00e4'".repeat(5_000).as_bytes());
    }

    #[test]
    fn a_long_source_file_is_shown_by_its_end() {
        let long = std::ffi::CString::new([&[b'x'; 1000][..], b"/end.py"].concat()).unwrap_or_default();
        let shown = escaped(&long);
        assert_eq!(shown.to_bytes().len(), LONGEST_FILE);
        assert!(shown.to_bytes().ends_with(b"/end.py"));
    }
}
