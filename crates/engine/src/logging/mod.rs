/*! Lines for Apache's error log, from wherever in the engine they come.

A line of a thread that runs a request belongs to that request, so that Apache writes it to the request's virtual host's log with client
and request id; any other line belongs to the server. */

pub mod panics;

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use protocol::Level;
use protocol::line_buffer::LONGEST;
use protocol::log_code::LogCode;

/// Where lines go that belong to no request.
pub trait ProcessLog: Send + Sync {
    /// Writes one line; `file` and `line` name a source, or are empty and 0.
    fn line(&self, level: Level, text: &[u8], file: &[u8], line: i32);
    /// Would a line of that level be written?
    fn takes(&self, level: Level) -> bool;
}

/// Where the lines of a thread go while it works for somebody: the log of a request, in which the line stands beside what httpd says of that.
pub trait ThreadLog: Send + Sync {
    /// Writes one line; `file` and `line` name a source, or are empty and 0.
    fn log(&self, level: Level, text: &[u8], file: &[u8], line: i32);
    /// Would a line of that level be written?
    fn logs(&self, level: Level) -> bool;
}

static PROCESS: OnceLock<Box<dyn ProcessLog>> = OnceLock::new();

thread_local! {
    static CURRENT: RefCell<Option<Arc<dyn ThreadLog>>> = const { RefCell::new(None) };
}

/// Says where the process's own lines go. Once, at start.
pub fn set_process_log(log: Box<dyn ProcessLog>) {
    // A second call keeps the first: there is one process log.
    drop(PROCESS.set(log));
}

/// Makes `log` the one that this thread's lines go to until the guard is dropped.
pub fn enter(log: Arc<dyn ThreadLog>) -> Entered {
    Entered(CURRENT.with(|current| current.replace(Some(log))))
}

/// Gives the thread back the log that it had before [`enter`].
pub struct Entered(Option<Arc<dyn ThreadLog>>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| current.replace(self.0.take()));
    }
}

fn of_thread() -> Option<Arc<dyn ThreadLog>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// Writes text, one log line per line of it.
pub fn text(level: Level, text: &[u8]) {
    from_source(level, text, b"", 0);
}

/// Writes text that a source line of the application asked for.
pub fn from_source(level: Level, text: &[u8], file: &[u8], line: i32) {
    let thread = of_thread();
    for piece in text.split(|c| *c == b'\n').flat_map(|l| l.chunks(LONGEST)) {
        match &thread {
            Some(thread) => thread.log(level, piece, file, line),
            None => of_process(level, piece, file, line),
        }
    }
}

/// Writes one line that belongs to no request.
pub fn of_process(level: Level, text: &[u8], file: &[u8], line: i32) {
    if let Some(process) = PROCESS.get() {
        process.line(level, text, file, line);
    }
}

/// Would a line of that level be written?
pub fn takes(level: Level) -> bool {
    of_thread().map_or_else(|| PROCESS.get().is_some_and(|p| p.takes(level)), |thread| thread.logs(level))
}

/// A name that an application or a client has chosen, as a line of the log may have it: control characters are spelled out.
pub fn shown(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for character in String::from_utf8_lossy(name).chars() {
        match character {
            // These turn the direction of what is read, or end a line for some viewers.
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => text.extend(character.escape_unicode()),
            _ if character.is_control() => text.extend(character.escape_default()),
            _ => text.push(character),
        }
    }
    text
}

/// Writes a numbered message.
pub fn log_code(code: LogCode, message: &str) {
    text(code.level, format!("{code}: {message}").as_bytes());
}
