/*! Apache's error log: of a request, of a server, or of the main server.

The level is asked for first, so that what nobody reads is not even put together. Coded lines begin with `WSGI1001: ` and come
from the table in `protocol::log_code`. *Runs in: parent, child.* */
#![expect(unsafe_code, reason = "lends httpd's records to what writes the line")]

pub mod foreign_line;
pub mod target;

use std::ffi::{CStr, c_int};
use std::fmt::Arguments;

use protocol::Level;
use protocol::log_code::LogCode;

use super::request::Request;
use super::server::Server;
use target::Target;

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

impl<'a> From<Log<'a>> for Target<'a> {
    fn from(log: Log<'a>) -> Self {
        match log {
            Log::MainServer => Target::MAIN_SERVER,
            // SAFETY: the server is live for `'a`.
            Log::Server(server) => unsafe { Target::server(server.raw()) },
            // SAFETY: the request is live for `'a`.
            Log::Request(request) => unsafe { Target::request(request.raw()) },
        }
    }
}

impl Log<'_> {
    /// Would a line of `level` be written? (`LogLevel`, also per module and per directory.)
    pub fn enabled(self, level: Level) -> bool {
        Target::from(self).enabled(level)
    }

    /// Writes a numbered message at its level: the number, then `text`.
    pub fn log_code(self, code: &LogCode, text: Arguments<'_>) {
        self.line(code.level, format_args!("{code}: {text}"));
    }

    /// Writes one line if its level is wanted.
    pub fn line(self, level: Level, text: Arguments<'_>) {
        Target::from(self).line(level, text);
    }

    /// Writes one line without asking for the level (see [`Target::write`]).
    pub fn write(self, level: Level, text: &[u8], file: &CStr, line: c_int) {
        Target::from(self).write(level, text, file, line);
    }
}
