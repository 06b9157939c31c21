/*! Lines in httpd's default error-log format, to a descriptor that may be a file, a pipe to a log program, or a socket.

The supervisor must never wait for a log: a pipe that nobody reads would otherwise stop every group. The descriptor's open file is
shared with httpd, so it can't be made non-blocking; it is opened anew through `/proc` instead, and a socket is written to with a flag
of its own. What a log does not take is counted, and the count is logged when it takes lines again. *Runs in: supervisor.* */

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use protocol::Level;
use protocol::log_code::{LOG_LINES_LOST, LogCode};
use rustix::fs::{FileType, OFlags};
use rustix::net::SendFlags;
use rustix::time::{ClockId, clock_gettime};

use crate::spawn::local_time;

/// Most bytes that wait for a log.
const WAITING: usize = 64 * 1024;
/// Longest line; httpd cuts its own at 8 KiB.
const LONGEST: usize = 8_000;

#[derive(Debug)]
enum Sink {
    /// Opened by us, non-blocking.
    File(File),
    /// The inherited socket.
    Socket(OwnedFd),
    /// It could not be opened: nobody to tell.
    Nowhere,
}

impl Sink {
    fn new(fd: OwnedFd) -> Self {
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        let flags =
            i32::try_from((OFlags::NONBLOCK | OFlags::APPEND | OFlags::NOCTTY | OFlags::CLOEXEC).bits()).unwrap_or_default();
        match OpenOptions::new().append(true).custom_flags(flags).open(path) {
            Ok(file) => Self::File(file),
            Err(_) if rustix::net::sockopt::socket_type(&fd).is_ok() => Self::Socket(fd),
            // Of a user whose files the supervisor may not open any more. To write to a file never waits for a reader.
            Err(_) if regular(&fd) => Self::File(File::from(fd)),
            Err(_) => Self::Nowhere,
        }
    }
}

fn regular(fd: &OwnedFd) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile)
}

/// One log.
#[derive(Debug)]
pub struct Log {
    sink: Sink,
    waiting: Vec<u8>,
    lost: u64,
    least: Level,
}

impl Log {
    /// The log behind an inherited descriptor, which takes lines down to level `least`. As in httpd, a notice can't be suppressed.
    pub fn new(fd: OwnedFd, least: Level) -> Self {
        Self { sink: Sink::new(fd), waiting: Vec::new(), lost: 0, least: least.max(Level::Notice) }
    }

    /// Goes on in another log. What waits goes there, too: httpd has closed the one that was used up to here, and something else may move or remove it.
    pub fn go_on_in(&mut self, fd: OwnedFd, least: Level) {
        self.flush();
        self.sink = Sink::new(fd);
        self.least = least.max(Level::Notice);
    }

    /// Whether it takes lines of that level.
    pub fn takes(&self, level: Level) -> bool {
        level <= self.least
    }

    /// Logs one line, from process `pid`.
    pub fn line(&mut self, level: Level, pid: u32, text: &[u8]) {
        if !self.takes(level) {
            return;
        }
        if self.lost > 0 && self.waiting.is_empty() {
            let lost = std::mem::take(&mut self.lost);
            let own = std::process::id();
            let text = format!("{LOG_LINES_LOST}: {lost} lines were lost: this log did not take them in time");
            self.put(&render(Level::Warning, own, text.as_bytes()));
        }
        self.put(&render(level, pid, text));
    }

    /// Logs a line of a process's output. The engine's own begin with `<level>`; whatever else comes is an application's, of level error.
    pub fn output(&mut self, pid: u32, line: &[u8]) {
        let (level, text) = marked(line).unwrap_or((Level::Error, line));
        self.line(level, pid, text);
    }

    /// Counts a line that is not logged.
    pub fn lose(&mut self) {
        self.lost = self.lost.saturating_add(1);
    }

    /// Logs a numbered line of the supervisor's own.
    pub fn coded(&mut self, code: LogCode, text: &str) {
        self.line(code.level, std::process::id(), format!("{code}: {text}").as_bytes());
    }

    /// The descriptor to wait on until it takes more, while something waits.
    pub fn wants(&self) -> Option<BorrowedFd<'_>> {
        use std::os::fd::AsFd;
        match &self.sink {
            _ if self.waiting.is_empty() => None,
            Sink::File(file) => Some(file.as_fd()),
            Sink::Socket(socket) => Some(socket.as_fd()),
            Sink::Nowhere => None,
        }
    }

    /// Writes on what waits.
    pub fn flush(&mut self) {
        let taken = self.write(&self.waiting);
        self.waiting.drain(..taken.min(self.waiting.len()));
    }

    fn put(&mut self, line: &[u8]) {
        if !self.waiting.is_empty() {
            self.flush();
        }
        let taken = if self.waiting.is_empty() { self.write(line) } else { 0 };
        let rest = line.get(taken..).unwrap_or_default();
        if taken == 0 && self.waiting.len() + rest.len() > WAITING {
            self.lost += 1;
        } else {
            self.waiting.extend_from_slice(rest);
        }
    }

    /// How many bytes the log takes now. What goes wrong for good (a closed pipe, a full disk) counts as taken: it can't be logged.
    fn write(&self, bytes: &[u8]) -> usize {
        let result = match &self.sink {
            Sink::File(file) => {
                let mut file: &File = file;
                file.write(bytes)
            }
            Sink::Socket(socket) => {
                rustix::net::send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).map_err(Into::into)
            }
            Sink::Nowhere => return bytes.len(),
        };
        match result {
            Ok(taken) => taken,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            Err(_) => bytes.len(),
        }
    }
}

/// The level that stands before a line as `<4>`, and the line.
fn marked(line: &[u8]) -> Option<(Level, &[u8])> {
    match line {
        [b'<', digit @ b'0'..=b'9', b'>', text @ ..] => Some((Level::from_number(i32::from(digit - b'0')), text)),
        _ => None,
    }
}

/// A line as httpd writes it. Control characters are shown, so that no application can forge a line or a terminal's commands.
fn render(level: Level, pid: u32, text: &[u8]) -> Vec<u8> {
    let now = clock_gettime(ClockId::Realtime);
    let name = match level {
        Level::Critical => "crit",
        Level::Error => "error",
        Level::Warning => "warn",
        Level::Notice => "notice",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace1",
    };
    let time = local_time(now.tv_sec, now.tv_nsec / 1_000);
    let mut line = format!("[{time}] [wsgi:{name}] [pid {pid}] ").into_bytes();
    let text = text.get(..LONGEST).unwrap_or(text);
    for piece in text.utf8_chunks() {
        for character in piece.valid().chars() {
            if character != '\t' && character.is_control() {
                line.extend_from_slice(format!("\\x{:02x}", u32::from(character)).as_bytes());
            } else {
                line.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        for byte in piece.invalid() {
            // Text of another encoding; some terminals take these for control characters.
            match byte {
                0xa0.. => line.push(*byte),
                other => line.extend_from_slice(format!("\\x{other:02x}").as_bytes()),
            }
        }
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that meets what it does not expect is to fail")]

    use super::{Level, Log, WAITING, render};
    use std::io::Read;
    use std::os::fd::OwnedFd;

    #[test]
    fn lines_look_like_httpds_and_forge_nothing() {
        let line = String::from_utf8(render(Level::Error, 4711, b"a\tb\r\x1b[0m \xc3\xa4\xc2\x9b\x9d\x7f")).unwrap();
        assert!(
            line.starts_with('[') && line.ends_with("] [wsgi:error] [pid 4711] a\tb\\x0d\\x1b[0m \u{e4}\\x9b\\x9d\\x7f\n"),
            "{line}"
        );
    }

    #[test]
    fn a_full_pipe_blocks_nobody_and_the_loss_is_told() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut log = Log::new(OwnedFd::from(writer), Level::Warning);
        // Far more than the pipe (64 KiB) and what may wait can hold.
        for _ in 0..1_000 {
            log.line(Level::Error, 1, &[b'x'; 1_000]);
        }
        assert!(log.waiting.len() <= WAITING + 2_000 && log.lost > 0 && log.wants().is_some());
        let mut seen = Vec::new();
        while !log.waiting.is_empty() {
            let mut buffer = [0; 65_536];
            let count = reader.read(&mut buffer).unwrap();
            seen.extend_from_slice(&buffer[..count]);
            log.flush();
        }
        log.line(Level::Error, 1, b"after");
        drop(log);
        reader.read_to_end(&mut seen).unwrap();
        let text = String::from_utf8(seen).unwrap();
        assert!(text.lines().all(|line| line.starts_with('[')), "no line is torn");
        assert!(text.contains("lines were lost") && text.ends_with("after\n"));
    }

    #[test]
    fn levels_are_kept_and_obeyed() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut log = Log::new(OwnedFd::from(writer), Level::Warning);
        for line in ["<4>engine", "<6>too much", "application", "<x>odd", "<5>notice"] {
            log.output(7, line.as_bytes());
        }
        drop(log);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let said: Vec<_> = text.lines().map(|line| line.split("] [").skip(1).collect::<Vec<_>>().join(" ")).collect();
        let expected =
            ["wsgi:warn pid 7] engine", "wsgi:error pid 7] application", "wsgi:error pid 7] <x>odd", "wsgi:notice pid 7] notice"];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_closed_log_is_no_error() {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut log = Log::new(OwnedFd::from(writer), Level::Warning);
        drop(reader);
        log.line(Level::Error, 1, b"to nobody");
        assert!(log.waiting.is_empty());
    }

    #[test]
    fn a_socket_is_written_to_as_well() {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut log = Log::new(OwnedFd::from(ours), Level::Warning);
        log.line(Level::Notice, 1, b"hello");
        drop(log);
        let mut text = String::new();
        theirs.read_to_string(&mut text).unwrap();
        assert!(text.ends_with("[wsgi:notice] [pid 1] hello\n"), "{text}");
    }
}
