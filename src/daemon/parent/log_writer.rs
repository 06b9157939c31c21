/*! The log writer: a process of each generation that writes the lines of daemon processes and of their supervisor to httpd's error logs.

It is forked from httpd's parent and runs as Apache's user. It has the open logs and the parsed formats of its generation, as a child has, so a line reaches every kind
of `ErrorLog` (file, pipe, syslog, a provider) in the `ErrorLogFormat` of its server. The supervisor, which is root, sends it one message for each line
(`protocol::log_line`), and never waits for it. The parent holds both ends of the socket until the generation ends, so a writer that dies is replaced and finds the
messages that wait. It ends when nobody can send any more. *Runs in: parent (starts it), log writer.* */

use std::collections::BTreeSet;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, IntoRawFd as _};
use std::time::{Duration, Instant};

use protocol::Level;
use protocol::kept::{Kept, Writer};
use protocol::log_code::{LOG_LINES_LOST, LOG_WRITER_FAILED};
use protocol::log_line::{LONGEST, Line, Message, decode, end};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

use crate::daemon::clock;
use crate::httpd::log::foreign_line;
use crate::httpd::system::{descriptor, forked, other_child, retained};
use crate::httpd::{Log, Pool, Server};

/// How much may wait for the log writer in the kernel, bytes.
const WAITING: usize = 1024 * 1024;
/// How long a line waits for a log that takes nothing (a pipe that nobody reads). The lines after it do not wait until it takes something again.
const PATIENCE: Duration = Duration::from_secs(1);
/// Up to this length a line goes into a pipe that has room at all (`PIPE_BUF`).
const SURE: usize = 4_000;
/// A log writer that took a dead one's place and lived no longer than this, milliseconds, is not replaced at once.
const SHORT_LIFE: u64 = 10_000;
/// How long httpd's end waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(3);

/// Goes on watching the log writers of older generations.
pub fn watch(configuration: Pool<'_>, kept: &mut Kept) {
    kept.writers.retain(|one| is_child(one.pid) && !other_child::reap(one.pid));
    for one in &kept.writers {
        other_child::watch(configuration, one.pid, died, |_| ());
    }
}

/// Starts the log writer of a generation. The number of the descriptor over which lines are sent.
pub fn begin(configuration: Pool<'_>, main: Server<'_>, kept: &mut Kept) -> Option<i32> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        Log::Server(main).log_code(&LOG_WRITER_FAILED, format_args!("{what}: {error}"));
    };
    let pair = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
    let (read, write) = pair.inspect_err(|error| failed("could not create the socket of the log writer", error)).ok()?;
    // Less than that may wait where the second fails, too.
    sockopt::set_socket_send_buffer_size_force(&write, WAITING)
        .or_else(|_| sockopt::set_socket_send_buffer_size(&write, WAITING))
        .unwrap_or_default();
    let pid = start(configuration, main, kept, read.as_fd(), Some(write.as_raw_fd()))
        .inspect_err(|error| failed("could not fork the log writer", error))
        .ok()?;
    let write = write.into_raw_fd();
    kept.writers.push(Writer {
        pid,
        generation: kept.generation,
        read: Some(read.into_raw_fd()),
        write: Some(write),
        started: clock::microseconds() / 1000,
        again: false,
    });
    Some(write)
}

/// Forks a log writer that reads from `read`; `write` is closed there.
fn start(
    configuration: Pool<'_>,
    main: Server<'_>,
    kept: &Kept,
    read: BorrowedFd<'_>,
    write: Option<i32>,
) -> std::io::Result<i32> {
    let pid = forked::start(c"wsgi-log", configuration, main, || {
        // The end of the socket is seen when nobody else can send.
        drop(write.and_then(descriptor::take));
        close_parents(kept, Some(read.as_raw_fd()));
        foreign_line::adopt(configuration, main);
        run(main, read);
    })?;
    other_child::watch(configuration, pid, died, |_| ());
    Ok(pid)
}

/// Closes in a forked process what belongs to the parent alone, except `but`.
pub fn close_parents(kept: &Kept, but: Option<i32>) {
    let tables = kept.groups.iter().map(|group| group.table);
    let successors = kept.supervisors.iter().filter_map(|one| one.successor);
    let lifelines = kept.supervisors.iter().filter_map(|one| one.lifeline);
    let pipes = kept.supervisors.iter().filter_map(|one| one.next_configuration);
    let writers = kept.writers.iter().flat_map(|one| [one.read, one.write]).flatten();
    let of_supervisors = successors.chain(lifelines).chain(pipes);
    let all: BTreeSet<i32> =
        tables.chain(of_supervisors).chain(kept.orphans.iter().copied()).chain(kept.scoreboard).chain(writers).collect();
    for number in all.into_iter().filter(|number| Some(*number) != but) {
        drop(descriptor::take(number));
    }
}

/// Saves what is kept, and closes the parent's ends: the generation ends, and its log writer when the last supervisor has closed its own, or has taken up the next configuration.
pub fn release(kept: &mut Kept) {
    let ends: Vec<i32> = kept.writers.iter_mut().flat_map(|one| [one.write.take(), one.read.take()]).flatten().collect();
    // What is noted must be open, or its number may become another file's.
    if retained::keep(Log::MainServer, kept) {
        ends.into_iter().for_each(|number| drop(descriptor::take(number)));
    }
}

/// httpd ends, and its supervisors have: waits until the last lines are written.
pub fn finish(kept: &mut Kept) {
    for one in &kept.writers {
        if let Some(write) = one.write.and_then(descriptor::lend) {
            // Another module's process may have a copy of this end, so that closing it is not enough. What is full of lines is ended below.
            rustix::net::send(write, &end(), SendFlags::DONTWAIT | SendFlags::NOSIGNAL).map(drop).unwrap_or_default();
        }
    }
    release(kept);
    let limit = Instant::now() + LAST_LINES;
    for one in std::mem::take(&mut kept.writers) {
        while is_child(one.pid) && !other_child::reap(one.pid) {
            if Instant::now() >= limit {
                kill(one.pid);
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Whether it is a child of this process that was not waited for, so that the number is nobody else's. httpd waits for those that nobody has told it of.
fn is_child(pid: i32) -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Pid::from_raw(pid).is_some_and(|pid| waitid(WaitId::Pid(pid), look).is_ok())
}

fn kill(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        // Not waited for yet, so the number is its own.
        rustix::process::kill_process(pid, Signal::KILL).unwrap_or_default();
    }
}

/// httpd's main loop says that a log writer has ended.
fn died(main: Server<'_>, pid: i32, _: i32) {
    let mut kept = retained::load();
    let Some(at) = kept.writers.iter().position(|one| one.pid == pid) else { return };
    let current = kept.writers.get(at).is_some_and(|one| one.generation == kept.generation && one.read.is_some());
    let short = |one: &Writer| one.again && clock::microseconds() / 1000 < one.started.saturating_add(SHORT_LIFE);
    let short = kept.writers.get(at).is_some_and(short);
    if let Some(one) = kept.writers.get_mut(at) {
        // The number may be another process's from here on.
        one.pid = 0;
    }
    if !current {
        kept.writers.remove(at);
    } else if short {
        Log::Server(main).log_code(
            &LOG_WRITER_FAILED,
            format_args!("the log writer (pid {pid}) exited soon after its start; another one will be started in a few seconds"),
        );
    } else {
        Log::Server(main)
            .log_code(&LOG_WRITER_FAILED, format_args!("the log writer (pid {pid}) exited; another one was started"));
        replace(main, &mut kept, at);
    }
    retained::keep(Log::Server(main), &kept);
}

/// Starts a log writer again that has ended, if it is still to be replaced.
fn replace(main: Server<'_>, kept: &mut Kept, at: usize) {
    let Some(one) = kept.writers.get(at) else { return };
    let Some(read) = one.read.and_then(descriptor::lend) else { return };
    match start(main.configuration_pool(), main, kept, read, None) {
        Ok(pid) => {
            if let Some(one) = kept.writers.get_mut(at) {
                one.pid = pid;
                one.started = clock::microseconds() / 1000;
                one.again = true;
            }
        }
        Err(error) => Log::Server(main).log_code(&LOG_WRITER_FAILED, format_args!("could not fork the log writer: {error}")),
    }
}

/// Every few seconds, in httpd's main loop. Whether something has changed in `kept`.
pub fn look(main: Server<'_>, kept: &mut Kept) -> bool {
    let Some(at) =
        kept.writers.iter().position(|one| one.generation == kept.generation && one.read.is_some() && !is_child(one.pid))
    else {
        return false;
    };
    replace(main, kept, at);
    true
}

/// A log, as the log writer knows it.
struct Destination<'s> {
    server: Server<'s>,
    /// Its descriptor, if writing there may take long.
    pipe: Option<BorrowedFd<'s>>,
    /// It took nothing when it was waited for last.
    stuck: bool,
    lost: u64,
}

/// Writes what comes, until nobody can send any more.
fn run(main: Server<'_>, socket: BorrowedFd<'_>) {
    let mut all: Vec<Destination<'_>> = main
        .all()
        .map(|server| Destination {
            server,
            pipe: server.log_descriptor().and_then(descriptor::lend).filter(may_block),
            stuck: false,
            lost: 0,
        })
        .collect();
    let mut buffer = vec![0; LONGEST];
    loop {
        match rustix::net::recv(socket, &mut buffer, RecvFlags::empty()) {
            // No message is empty.
            Ok((0, _)) => return,
            Ok((count, _)) => match decode(buffer.get(..count).unwrap_or_default()) {
                Some(Message::Line(line)) => {
                    let at = usize::try_from(line.server).ok().filter(|at| *at < all.len()).unwrap_or(0);
                    if let Some(destination) = all.get_mut(at) {
                        destination.write(&line);
                    }
                }
                Some(Message::End) => return,
                None => {}
            },
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Whether writing there may take long: everything but a regular file.
fn may_block(log: &BorrowedFd<'_>) -> bool {
    rustix::fs::fstat(log)
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile)
}

impl Destination<'_> {
    fn write(&mut self, line: &Line<'_>) {
        if !self.takes(line.text.len()) {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        if self.lost > 0 {
            let lost = std::mem::take(&mut self.lost);
            let text = format!("{LOG_LINES_LOST}: {lost} lines were lost, because the reader of this log was too slow");
            foreign_line::write(
                self.server,
                &Line { server: line.server, level: Level::Warning, pid: std::process::id(), text: text.as_bytes() },
            );
        }
        foreign_line::write(self.server, line);
    }

    /// Whether the log takes a line with a text of `length` bytes without making all others wait.
    fn takes(&mut self, length: usize) -> bool {
        let Some(pipe) = self.pipe else { return true };
        let until = Instant::now() + if self.stuck { Duration::ZERO } else { PATIENCE };
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let mut set = [PollFd::from_borrowed_fd(pipe, PollFlags::OUT)];
            let ready = rustix::event::poll(&mut set, Timespec::try_from(left).ok().as_ref()).is_ok_and(|found| found > 0);
            if ready && (length <= SURE || has_room(pipe)) {
                self.stuck = false;
                return true;
            }
            if left.is_zero() {
                self.stuck = true;
                return false;
            }
            if ready {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

/// Whether a pipe takes a line of 8 KiB whole. The kernel fills at least half of each of its pages.
fn has_room(pipe: BorrowedFd<'_>) -> bool {
    let (Ok(size), Ok(unread)) = (rustix::pipe::fcntl_getpipe_size(pipe), rustix::io::ioctl_fionread(pipe)) else {
        // No pipe: a terminal, a socket.
        return true;
    };
    usize::try_from(unread).is_ok_and(|unread| unread.saturating_mul(2).saturating_add(16 * 1024) <= size)
}
