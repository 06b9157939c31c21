/*! One live process: its control connection, its output, its memory file, its reports before exec. Bytes in and out; what they mean is decided elsewhere.
*Runs in: supervisor.* */

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use protocol::control::{Message, Sender};
use protocol::line_buffer::LineBuffer;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, Shutdown, SocketFlags, SocketType, shutdown, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;

use crate::budget::Budget;
use crate::group_runner::crash_record::CrashRecord;
use crate::group_runner::pipe::{Got, Held, Pipe};
use crate::spawn::env_file;
use crate::spawn::exec_spec::ExecSpec;
use crate::spawn::spawn_report::{LENGTH, SpawnReport};
use crate::spawn::{Descriptors, spawn};
use crate::timers::Millis;

/// How many messages a process may send: a few for each script that it may name, at once, and so many a second.
const MESSAGES: Budget = Budget::new(4_096, 64);
/// The same in bytes.
const BYTES: Budget = Budget::new(4 * 1024 * 1024, 64 * 1024);
/// Into how many pieces it may divide them: each wakes the supervisor.
const READS: Budget = Budget::new(8_192, 128);
/// More than a child ever reports.
const REPORTS: usize = 256 * LENGTH;

/// A process that was forked.
#[derive(Debug)]
pub struct Child {
    /// Its pid, which is also its process group.
    pub pid: Pid,
    /// Our end of the control connection, until the process is cut off.
    pub control: Option<OwnedFd>,
    /// Read end of the pipe for its messages, until it ends.
    pub inbox: Option<Pipe>,
    /// Read end of its output, until it ends.
    pub output: Option<Pipe>,
    /// Read end of its reports, until it is Python. It is written before the process is its user's.
    pub trouble: Option<OwnedFd>,
    /// Its reports.
    pub reports: Vec<SpawnReport>,
    /// What it was at, to be read when it has died.
    pub memory: CrashRecord,
    /// A fault ended it, so that there is a stack in its memory.
    pub faulted: bool,
    /// The versions of those files of `env-file=` that root reads, at its start.
    pub env_files: Vec<Option<env_file::FileVersion>>,
    to_send: Vec<u8>,
    /// What has come of a message that is not complete.
    received: Vec<u8>,
    /// What it may still say.
    messages: Budget,
    bytes: Budget,
    reads: Budget,
    lines: LineBuffer,
    reported: Vec<u8>,
}

/// What a child is given: to take requests, which a service does not, and to show that it lives.
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupDescriptors<'a> {
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
    /// What came is no message, or one too many: what it was, for the log.
    pub bad: Option<String>,
    /// There may be more right now.
    pub more: bool,
}

impl Child {
    /// Forks a child that is to become Python. `null` is `/dev/null`, which also stands for what a service has no use for; `held` counts what is under way
    /// on pipes of its group.
    ///
    /// # Errors
    /// When there are no more descriptors or processes.
    pub fn start(
        spec: &ExecSpec,
        threads: u32,
        group: GroupDescriptors<'_>,
        null: &OwnedFd,
        held: &Held,
    ) -> std::io::Result<Self> {
        let memory = CrashRecord::new(usize::try_from(threads).unwrap_or(0))?;
        let flags = SocketFlags::CLOEXEC;
        let (control, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        // Nothing can be sent to us here: least of all a descriptor, which would wait here until we closed it.
        shutdown(&control, Shutdown::Read)?;
        let (inbox, outbox) = pipe_with(PipeFlags::CLOEXEC)?;
        let (output, output_in) = pipe_with(PipeFlags::CLOEXEC)?;
        let (trouble, trouble_in) = pipe_with(PipeFlags::CLOEXEC)?;
        // Non-blocking on our side alone: the other ends are the application's standard output and error.
        for fd in [&inbox, &output, &trouble] {
            rustix::io::ioctl_fionbio(fd, true)?;
        }
        let descriptors = Descriptors {
            null: null.as_fd(),
            output: output_in.as_fd(),
            listener: group.listener.unwrap_or(null.as_fd()),
            table: group.table.unwrap_or(null.as_fd()),
            control: theirs.as_fd(),
            outbox: outbox.as_fd(),
            memory: memory.as_fd(),
            lifeline: group.lifeline.unwrap_or(null.as_fd()),
            scoreboard: group.scoreboard.unwrap_or(null.as_fd()),
            trouble: trouble_in.as_fd(),
        };
        // Before the process reads them: a change in between is found later, and not missed.
        let env_files = spec.env_files.iter().map(|path| env_file::trusted_version(path.to_bytes())).collect();
        let pid = spawn(spec, descriptors)?;
        let (inbox, output) = (Pipe::new(inbox, held), Pipe::new(output, held));
        Ok(Self { output: Some(output), trouble: Some(trouble), env_files, ..Self::new(pid, control, inbox, memory) })
    }

    /// The child `pid` at the other ends of `control` and `inbox`.
    fn new(pid: Pid, control: OwnedFd, inbox: Pipe, memory: CrashRecord) -> Self {
        Self {
            pid,
            control: Some(control),
            inbox: Some(inbox),
            output: None,
            trouble: None,
            reports: Vec::new(),
            memory,
            faulted: false,
            env_files: Vec::new(),
            to_send: Vec::new(),
            received: Vec::new(),
            messages: MESSAGES,
            bytes: BYTES,
            reads: READS,
            lines: LineBuffer::default(),
            reported: Vec::new(),
        }
    }

    /// Its pid as a number.
    pub fn number(&self) -> u32 {
        u32::try_from(self.pid.as_raw_nonzero().get()).unwrap_or_default()
    }

    /// Sends a message, now or when the connection takes it.
    pub fn send(&mut self, message: &Message) {
        // A process that does not read what it is asked is not asked again. Everything else is said once.
        if *message == Message::Ask && self.wants_to_send() {
            return;
        }
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

    /// Reads what the process has said by `now`, one piece at most.
    pub fn receive(&mut self, now: Millis) -> Received {
        let mut got = Received::default();
        match read(&mut self.inbox) {
            Got::End => got.ended = true,
            Got::Some(bytes) => {
                got.more = true;
                if !self.reads.take(1, now) {
                    got.bad = Some(format!("messages in too many pieces (at most {READS})"));
                }
                self.received.extend_from_slice(&bytes);
            }
            Got::Nothing => {}
        }
        self.read_messages(&mut got, now);
        if got.ended || got.bad.is_some() {
            self.cut_off();
        }
        got
    }

    /// Nothing is said and heard any more.
    pub fn cut_off(&mut self) {
        self.control = None;
        self.inbox = None;
        self.to_send.clear();
        self.received.clear();
    }

    /// Takes the messages that are complete out of what was received.
    fn read_messages(&mut self, got: &mut Received, now: Millis) {
        let mut taken = 0;
        while got.bad.is_none() {
            match Message::decode(self.received.get(taken..).unwrap_or_default(), Sender::Daemon) {
                Ok(None) => break,
                Err(why) => got.bad = Some(why.to_string()),
                Ok(Some((message, length))) => {
                    taken += length;
                    let length = u64::try_from(length).unwrap_or(u64::MAX);
                    if self.messages.take(1, now) && self.bytes.take(length, now) {
                        got.messages.push(message);
                    } else {
                        got.bad = Some(format!("too many messages (at most {MESSAGES}; {BYTES} in bytes)"));
                    }
                }
            }
        }
        self.received.drain(..taken.min(self.received.len()));
    }

    /// Reads what it has written: whole lines, and whether there may be more right now.
    pub fn read_output(&mut self) -> (Vec<Vec<u8>>, bool) {
        if self.output.is_none() {
            return (Vec::new(), false);
        }
        match read(&mut self.output) {
            Got::End => (self.lines.take().into_iter().collect(), false),
            Got::Some(bytes) => (self.lines.push(&bytes), true),
            Got::Nothing => (Vec::new(), false),
        }
    }

    /// Whether it keeps a pipe to us locked. Once: both are let go of then.
    pub fn locks_its_pipes(&mut self) -> bool {
        let stuck = self.inbox.iter().chain(&self.output).any(Pipe::is_stuck);
        if stuck {
            self.output = None;
            self.cut_off();
        }
        stuck
    }

    /// What it had written without a newline when it ended.
    pub fn last_words(&mut self) -> Option<Vec<u8>> {
        self.lines.take()
    }

    /// Reads its reports; `true` when there will be no more: it is Python now, or gone.
    pub fn read_reports(&mut self) -> bool {
        let mut buffer = [0; 1_024];
        while let Some(count) = read_reports(&mut self.trouble, &mut buffer) {
            self.reported.extend_from_slice(buffer.get(..count).unwrap_or_default());
            self.reported.truncate(REPORTS);
        }
        self.reports = SpawnReport::decode(&self.reported);
        self.trouble.is_none()
    }
}

/// Reads from a pipe, which is closed at its end. One that is closed has nothing.
fn read(pipe: &mut Option<Pipe>) -> Got {
    let Some(reader) = pipe else { return Got::Nothing };
    let got = reader.read();
    if got == Got::End {
        *pipe = None;
    }
    got
}

/// Reads from the pipe for reports: the count, 0 at its end (and then the pipe is closed), `None` when there is nothing.
fn read_reports(pipe: &mut Option<OwnedFd>, buffer: &mut [u8]) -> Option<usize> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::{PipeWriter, Write as _};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use protocol::control::Message;
    use rustix::process::getpid;

    use super::Child;
    use crate::group_runner::crash_record::CrashRecord;
    use crate::group_runner::pipe::{Held, PIECE, Pipe};

    /// A child whose ends of the connection and of the pipe are the test's.
    fn child() -> (Child, UnixStream, PipeWriter) {
        let (control, theirs) = UnixStream::pair().unwrap();
        let (inbox, outbox) = std::io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&inbox, true).unwrap();
        rustix::io::ioctl_fionbio(&outbox, true).unwrap();
        let inbox = Pipe::new(OwnedFd::from(inbox), &Held::default());
        (Child::new(getpid(), OwnedFd::from(control), inbox, CrashRecord::new(1).unwrap()), theirs, outbox)
    }

    /// Writes `bytes` as fast as they are read, until all are read or the connection ends: what is said of the bad ones, and the most that was kept.
    fn flood(bytes: &[u8]) -> (usize, Option<String>, usize) {
        let (mut child, _control, mut theirs) = child();
        let (mut rest, mut messages, mut kept) = (bytes, 0, 0);
        loop {
            match theirs.write(rest) {
                Ok(count) => rest = rest.get(count..).unwrap(),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
            let got = child.receive(1_000);
            messages += got.messages.len();
            kept = kept.max(child.received.len());
            if got.bad.is_some() || (rest.is_empty() && !got.more) {
                assert_eq!(child.inbox.is_none(), got.bad.is_some(), "its connection ends with the first bad message");
                return (messages, got.bad, kept);
            }
        }
    }

    #[test]
    fn a_long_message_is_refused_by_its_head() {
        let (messages, bad, kept) = flood(&[[0, 0, 16, 0, 3].as_slice(), &[0; 1024 * 1024]].concat());
        assert!(messages == 0 && kept <= PIECE && bad.is_some_and(|why| why.contains("Loaded with 1048576 bytes")));
        // One that is never complete is kept within its longest.
        let (_, bad, kept) = flood(&[0, 32, 0, 0, 3]);
        assert!(bad.is_none() && kept == 5);
    }

    #[test]
    fn a_flood_of_messages_ends_the_connection() {
        let ready = Message::Ready.encode().repeat(20_000);
        let (messages, bad, _) = flood(&ready);
        assert!(messages == 4_096 && bad.is_some_and(|why| why.contains("4096 at once and 64 a second")));
        let script = |n: u32| Message::Loaded {
            script: [0; 16],
            version: [0; 32],
            path: [format!("/{n}").as_bytes(), &[b'x'; 4_000]].concat(),
            application_group: vec![b'g'; 4_000],
        };
        let paths: Vec<u8> = (0..1_000).flat_map(|n| script(n).encode()).collect();
        let (messages, bad, kept) = flood(&paths);
        assert!(messages < 600 && kept <= 2 * PIECE && bad.is_some_and(|why| why.contains("in bytes")), "{messages}");
    }

    #[test]
    fn a_message_in_many_pieces_ends_the_connection() {
        let (mut child, _control, mut theirs) = child();
        let bytes = [4_000_u32.to_le_bytes().as_slice(), &[5], &[b'x'; 4_000]].concat().repeat(3);
        let bad = bytes.iter().find_map(|byte| {
            theirs.write_all(&[*byte]).unwrap();
            child.receive(1_000).bad
        });
        assert!(bad.is_some_and(|why| why.contains("8192 at once and 128 a second")));
    }

    #[test]
    fn what_nobody_reads_does_not_grow() {
        let (mut child, theirs, _outbox) = child();
        for _ in 0..100_000 {
            child.send(&Message::Ask);
        }
        assert!(child.wants_to_send() && child.to_send.len() <= 5);
        drop(theirs);
        child.flush();
        assert!(!child.wants_to_send());
    }
}
