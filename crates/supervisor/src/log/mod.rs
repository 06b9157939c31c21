/*! Lines for the error log: sent to the log writer, which writes them as httpd would (see `protocol::log_line`).

The supervisor must never wait for a log: a pipe that nobody reads would otherwise stop every group. What the log writer does not take waits here, within
bounds, while the processes of the group wait in their `write()`, for a moment at most; what is lost after that is counted, and the count is logged.
Where there is no log writer, or it can't be reached any more, lines go to the descriptor of the log, in httpd's default format: a pipe is opened again through
`/proc`, because its open file is shared with httpd and can't be made non-blocking; a socket is written to with a flag of its own; and a regular file, whose file system
may never answer, by a thread that gets the lines through a pipe.
*Runs in: supervisor.* */

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use protocol::Level;
use protocol::log_code::{LOG_LINES_LOST, LogCode};
use protocol::log_line::{Escapes, LONGEST_TEXT, Line, escape};
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::pipe::PipeFlags;
use rustix::time::{ClockId, clock_gettime};

use crate::sys::local_time;

/// Most bytes that wait for a log.
const WAITING: usize = 256 * 1024;
/// With so many waiting, no more output of processes is read for a moment.
const MANY: usize = 64 * 1024;
/// How long that moment is, since the log last took something. The log writer itself waits for a second for a log.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a line that waits counts besides its text.
const OVERHEAD: usize = 32;
/// Most bytes that are written on at a time, so that the logs of all groups have their turn.
const PIECE: usize = 64 * 1024;

/// Where the lines of a group, or the supervisor's own, go. A new generation has others.
#[derive(Debug)]
pub struct Target {
    /// The socket of the log writer.
    pub writer: Option<Rc<OwnedFd>>,
    /// The server whose log it is: the index in httpd's list.
    pub server: u32,
    /// The descriptor of that log, for when there is no log writer. Without either lines are lost.
    pub file: Option<OwnedFd>,
    /// The least urgent level that it takes.
    pub least: Level,
}

#[derive(Debug)]
enum Sink {
    /// The log writer, which knows the log by its server.
    Writer(Rc<OwnedFd>, u32),
    /// Opened by us, non-blocking. Where lines go to a regular file, a thread writes there what comes out of this pipe.
    File(File),
    /// The inherited socket.
    Socket(OwnedFd),
    /// It could not be opened: nobody to tell.
    Nowhere,
}

/// A line that waits.
#[derive(Debug)]
struct Waiting {
    level: Level,
    pid: u32,
    text: Vec<u8>,
}

/// One log.
#[derive(Debug)]
pub struct Log {
    sink: Sink,
    /// For when the log writer can't be reached. Opened then.
    instead: Option<OwnedFd>,
    /// The thread that writes to a regular file.
    thread: Option<JoinHandle<()>>,
    waiting: VecDeque<Waiting>,
    /// Bytes of `waiting`.
    bytes: usize,
    /// What a file or socket has not taken of a line that it has begun.
    rest: Vec<u8>,
    /// When the log last took something, or began to be waited for.
    moved: Instant,
    lost: u64,
    least: Level,
}

impl Log {
    /// The log that `target` is.
    pub fn new(target: Target) -> Self {
        let mut log = Self {
            sink: Sink::Nowhere,
            instead: None,
            thread: None,
            waiting: VecDeque::new(),
            bytes: 0,
            rest: Vec::new(),
            moved: Instant::now(),
            lost: 0,
            // As in httpd, a notice can't be suppressed.
            least: target.least.max(Level::Notice),
        };
        log.aim(target.writer, target.server, target.file);
        log
    }

    /// Has lines go to the log writer, or to the file.
    fn aim(&mut self, writer: Option<Rc<OwnedFd>>, server: u32, file: Option<OwnedFd>) {
        self.instead = file;
        match writer {
            Some(writer) => self.sink = Sink::Writer(writer, server),
            None => self.turn_to_file(),
        }
    }

    /// Has lines go to the log itself.
    fn turn_to_file(&mut self) {
        // The thread of the last one ends when its pipe is closed.
        (self.sink, self.thread) = self.instead.take().map_or((Sink::Nowhere, None), direct);
    }

    /// Has everything from here on, and what waits, go to another log: httpd has opened its logs again, and something else may move or remove the one that was
    /// used up to here.
    pub fn replace(&mut self, target: Target) {
        self.aim(target.writer, target.server, target.file);
        // The rest of a line that has begun elsewhere would be a line without its beginning.
        self.rest.clear();
        self.least = target.least.max(Level::Notice);
        self.flush();
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
            let text = format!("{LOG_LINES_LOST}: {lost} lines were lost, because the reader of this log was too slow");
            self.put(Level::Warning, std::process::id(), text.as_bytes());
        }
        self.put(level, pid, text);
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

    /// Whether so much waits that those who write had better wait, too. Not for long: a log that nobody reads stops no group.
    pub fn is_behind(&self) -> bool {
        self.bytes >= MANY && self.moved.elapsed() < PATIENCE
    }

    /// The descriptor to wait on until it takes more, while something waits.
    pub fn wants(&self) -> Option<BorrowedFd<'_>> {
        match &self.sink {
            _ if self.waiting.is_empty() && self.rest.is_empty() => None,
            Sink::Writer(socket, _) => Some(socket.as_fd()),
            Sink::File(file) => Some(file.as_fd()),
            Sink::Socket(socket) => Some(socket.as_fd()),
            Sink::Nowhere => None,
        }
    }

    /// Writes on what waits, as far as the log takes it.
    pub fn flush(&mut self) {
        let mut left = PIECE;
        while left > 0 {
            if !self.rest.is_empty() {
                let rest = std::mem::take(&mut self.rest);
                if !self.begin(rest) {
                    return;
                }
            }
            let Some(line) = self.waiting.pop_front() else { return };
            if !self.write(line.level, line.pid, &line.text) {
                self.waiting.push_front(line);
                return;
            }
            let length = line.text.len() + OVERHEAD;
            self.bytes = self.bytes.saturating_sub(length);
            self.moved = Instant::now();
            left = left.saturating_sub(length);
        }
    }

    /// Writes on what waits, for so long at most: the supervisor is about to end.
    pub fn finish(&mut self, until: Instant) {
        while self.wants().is_some() && Instant::now() < until {
            self.flush();
            if self.wants().is_some() {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        if let Some(thread) = self.thread.take() {
            // It ends with what is in its pipe.
            self.sink = Sink::Nowhere;
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    fn put(&mut self, level: Level, pid: u32, text: &[u8]) {
        let text = text.get(..LONGEST_TEXT).unwrap_or(text);
        self.flush();
        if self.wants().is_none() && self.write(level, pid, text) {
            return;
        }
        let length = text.len() + OVERHEAD;
        if self.bytes.saturating_add(length) > WAITING {
            self.lose();
        } else {
            if self.waiting.is_empty() {
                self.moved = Instant::now();
            }
            self.bytes += length;
            self.waiting.push_back(Waiting { level, pid, text: text.to_vec() });
        }
    }

    /// Whether the log has taken a line, or at least its beginning.
    fn write(&mut self, level: Level, pid: u32, text: &[u8]) -> bool {
        let Sink::Writer(socket, server) = &self.sink else { return self.begin(render(level, pid, text)) };
        let message = Line { server: *server, level, pid, text }.encode();
        match rustix::net::send(socket, &message, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(_) => true,
            Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS | Errno::NOMEM) => false,
            Err(_) => {
                // It has gone, and httpd's parent with it, or into a newer generation.
                self.turn_to_file();
                self.begin(render(level, pid, text))
            }
        }
    }

    /// Begins to write bytes to a file or socket; what it does not take becomes `rest`. Whether it has taken any. What goes wrong for good (a closed pipe, a
    /// full disk) counts as taken: it can't be logged.
    fn begin(&mut self, bytes: Vec<u8>) -> bool {
        let result = match &self.sink {
            Sink::File(file) => {
                let mut file: &File = file;
                file.write(&bytes)
            }
            Sink::Socket(socket) => {
                rustix::net::send(socket, &bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).map_err(Into::into)
            }
            // The rest of a line is never the log writer's.
            Sink::Writer(..) | Sink::Nowhere => return true,
        };
        match result {
            Ok(taken) => {
                self.rest = bytes.get(taken..).unwrap_or_default().to_vec();
                self.moved = Instant::now();
                true
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => false,
            Err(_) => true,
        }
    }
}

/// The log behind an inherited descriptor, and the thread that writes there.
fn direct(fd: OwnedFd) -> (Sink, Option<JoinHandle<()>>) {
    if is_regular(&fd) {
        // The descriptor of a log that httpd appends to is used as it is: to open it again may take long.
        return by_thread(fd).map_or((Sink::Nowhere, None), |(pipe, thread)| (Sink::File(pipe), Some(thread)));
    }
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::APPEND | OFlags::NOCTTY | OFlags::CLOEXEC).bits()).unwrap_or_default();
    let sink = match OpenOptions::new().append(true).custom_flags(flags).open(path) {
        Ok(file) => Sink::File(file),
        Err(_) if rustix::net::sockopt::socket_type(&fd).is_ok() => Sink::Socket(fd),
        // Of a user whose files the supervisor may not open any more.
        Err(_) => Sink::Nowhere,
    };
    (sink, None)
}

/// A pipe from which a thread writes to a file, until it is closed. Nobody waits for the thread.
///
/// # Errors
/// There is no pipe, or no thread.
fn by_thread(file: OwnedFd) -> std::io::Result<(File, JoinHandle<()>)> {
    let (reader, pipe) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&pipe, true)?;
    let (mut reader, mut file) = (File::from(reader), File::from(file));
    let work = move || {
        let mut buffer = vec![0; 8 * 1024];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            // A full disk can't be logged.
            file.write_all(buffer.get(..count).unwrap_or_default()).unwrap_or_default();
        }
    };
    let thread = std::thread::Builder::new().name("wsgi-log-file".to_owned()).stack_size(64 * 1024).spawn(work)?;
    Ok((File::from(pipe), thread))
}

fn is_regular(fd: &OwnedFd) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile)
}

/// The level that stands before a line as `<4>`, and the line.
fn marked(line: &[u8]) -> Option<(Level, &[u8])> {
    match line {
        [b'<', digit @ b'0'..=b'9', b'>', text @ ..] => Some((Level::from_number(i32::from(digit - b'0')), text)),
        _ => None,
    }
}

/// A line in httpd's default format. No application can forge one, or a terminal's commands.
fn render(level: Level, pid: u32, text: &[u8]) -> Vec<u8> {
    let now = clock_gettime(ClockId::Realtime);
    let time = local_time(now.tv_sec, now.tv_nsec / 1_000);
    let mut line = format!("[{time}] [wsgi:{}] [pid {pid}] ", level.name()).into_bytes();
    escape(text, Escapes::Plain, 4 * LONGEST_TEXT, &mut line);
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests;
