/*! One live process: its control connection, its output, its memory file, its reports before exec. Bytes in and out; what they mean is decided elsewhere.
*Runs in: supervisor.* */

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use protocol::control::{BadMessage, Message};
use protocol::line_buffer::LineBuffer;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;

use crate::memory::Memory;
use crate::recipe::Recipe;
use crate::spawn::{Descriptors, spawn};
use crate::trouble::{LENGTH, Report};

/// Most that is read at a time, so that one process that writes without end does not keep the others waiting.
const PIECE: usize = 64 * 1024;
/// More than a child ever reports.
const REPORTS: usize = 256 * LENGTH;

/// A process that was forked.
#[derive(Debug)]
pub struct Child {
    /// Its pid, which is also its process group.
    pub pid: Pid,
    /// Our end of the control connection, until it ends.
    pub control: Option<OwnedFd>,
    /// Read end of its output, until it ends.
    pub output: Option<OwnedFd>,
    /// Read end of its reports, until it is Python.
    pub trouble: Option<OwnedFd>,
    /// Its reports.
    pub reports: Vec<Report>,
    /// What it was at, to be read when it has died.
    pub memory: Memory,
    /// A fault ended it, so that there is a stack in its memory.
    pub faulted: bool,
    to_send: Vec<u8>,
    received: Vec<u8>,
    lines: LineBuffer,
    reported: Vec<u8>,
}

/// What a child is given: to take requests, which a service does not, and to show that it lives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Post<'a> {
    /// Its listening socket.
    pub listener: Option<BorrowedFd<'a>>,
    /// The group's table.
    pub table: Option<BorrowedFd<'a>>,
    /// What shows that it lives, if its successor has to wait for its end.
    pub lifeline: Option<BorrowedFd<'a>>,
    /// What it reads httpd's scoreboard from, if it may.
    pub scoreboard: Option<BorrowedFd<'a>>,
}

/// What came over the control connection.
#[derive(Debug, Default)]
pub struct Received {
    /// Whole messages.
    pub messages: Vec<Message>,
    /// The connection has ended.
    pub ended: bool,
    /// What came is no message.
    pub bad: bool,
}

impl Child {
    /// Forks a child that is to become Python. `null` is `/dev/null`, which also stands for what a service has no use for.
    ///
    /// # Errors
    /// When there are no more descriptors or processes.
    pub fn start(recipe: &Recipe, threads: u32, post: Post<'_>, null: &OwnedFd) -> std::io::Result<Self> {
        let memory = Memory::new(usize::try_from(threads).unwrap_or(0))?;
        let flags = SocketFlags::CLOEXEC;
        let (control, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let (output, output_in) = pipe_with(PipeFlags::CLOEXEC)?;
        let (trouble, trouble_in) = pipe_with(PipeFlags::CLOEXEC)?;
        // Non-blocking on our side alone: the other ends are the application's standard output and error.
        for fd in [&output, &trouble] {
            rustix::io::ioctl_fionbio(fd, true)?;
        }
        let descriptors = Descriptors {
            null: null.as_fd(),
            output: output_in.as_fd(),
            listener: post.listener.unwrap_or(null.as_fd()),
            table: post.table.unwrap_or(null.as_fd()),
            control: theirs.as_fd(),
            memory: memory.as_fd(),
            lifeline: post.lifeline.unwrap_or(null.as_fd()),
            scoreboard: post.scoreboard.unwrap_or(null.as_fd()),
            trouble: trouble_in.as_fd(),
        };
        let pid = spawn(recipe, descriptors)?;
        Ok(Self {
            pid,
            control: Some(control),
            output: Some(output),
            trouble: Some(trouble),
            reports: Vec::new(),
            memory,
            faulted: false,
            to_send: Vec::new(),
            received: Vec::new(),
            lines: LineBuffer::default(),
            reported: Vec::new(),
        })
    }

    /// Its pid as a number.
    pub fn number(&self) -> u32 {
        u32::try_from(self.pid.as_raw_nonzero().get()).unwrap_or_default()
    }

    /// Sends a message, now or when the connection takes it.
    pub fn send(&mut self, message: &Message) {
        self.to_send.extend(message.encode());
        self.flush();
    }

    /// Whether bytes wait to be sent.
    pub fn wants_to_send(&self) -> bool {
        !self.to_send.is_empty()
    }

    /// Sends on what waits.
    pub fn flush(&mut self) {
        while let (Some(control), false) = (&self.control, self.to_send.is_empty()) {
            match rustix::net::send(control, &self.to_send, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(count) => drop(self.to_send.drain(..count.min(self.to_send.len()))),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                // Its end of file is about to be read.
                Err(_) => self.to_send.clear(),
            }
        }
    }

    /// Reads what has come over the control connection.
    pub fn receive(&mut self) -> Received {
        let mut got = Received::default();
        let mut buffer = [0; PIECE];
        let Some(control) = &self.control else { return got };
        match rustix::net::recv(control, &mut buffer, RecvFlags::DONTWAIT) {
            Ok((0, _)) => got.ended = true,
            Ok((count, _)) => self.received.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => got.ended = true,
        }
        loop {
            match Message::decode(&self.received) {
                Ok(Some((message, length))) => {
                    self.received.drain(..length.min(self.received.len()));
                    got.messages.push(message);
                }
                Ok(None) => break,
                Err(BadMessage) => {
                    got.bad = true;
                    break;
                }
            }
        }
        if got.ended || got.bad {
            self.control = None;
        }
        got
    }

    /// Reads what it has written: whole lines, and whether there may be more right now.
    pub fn read_output(&mut self) -> (Vec<Vec<u8>>, bool) {
        let mut buffer = [0; PIECE];
        match read(&mut self.output, &mut buffer) {
            Some(0) => (self.lines.take().into_iter().collect(), false),
            Some(count) => (self.lines.push(buffer.get(..count).unwrap_or_default()), true),
            None => (Vec::new(), false),
        }
    }

    /// What it had written without a newline when it ended.
    pub fn last_words(&mut self) -> Option<Vec<u8>> {
        self.lines.take()
    }

    /// Reads its reports; `true` when there will be no more: it is Python now, or gone.
    pub fn read_reports(&mut self) -> bool {
        let mut buffer = [0; 1_024];
        while let Some(count) = read(&mut self.trouble, &mut buffer) {
            self.reported.extend_from_slice(buffer.get(..count).unwrap_or_default());
            self.reported.truncate(REPORTS);
        }
        self.reports = Report::decode(&self.reported);
        self.trouble.is_none()
    }
}

/// Reads from a pipe: the count, 0 at its end (and then the pipe is closed), `None` when there is nothing.
fn read(pipe: &mut Option<OwnedFd>, buffer: &mut [u8]) -> Option<usize> {
    let fd = pipe.as_ref()?;
    loop {
        match rustix::io::read(fd, &mut *buffer) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return None,
            Ok(count) if count > 0 => return Some(count),
            Ok(_) | Err(_) => {
                *pipe = None;
                return Some(0);
            }
        }
    }
}
