/*! Reading ends of pipes that a process writes to: read and closed by threads that nobody waits for.

The writer of a pipe holds its lock while the kernel copies his bytes. Where one of his pages never comes (a file of a file system that he has made himself, `userfaultfd`),
`read()` and `close()` of the other end wait for that lock, whatever `O_NONBLOCK` says, and no signal ends the wait. So the supervisor hands both to a thread, and looks at the
outcome when there is one: at once, as a rule. A thread that is stuck costs the group that holds it up ([`Held`]). *Runs in: supervisor.* */

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

/// Most that is read at a time, so that one process that writes without end does not keep the others waiting.
pub const PIECE: usize = 16 * 1024;
/// How long the outcome of a call is waited for that a thread has begun; it takes microseconds.
const SOON: Duration = Duration::from_millis(50);
/// How long it is waited for that a thread begins: only a machine that is very busy needs so long.
const BEGINS: Duration = Duration::from_secs(1);
/// A call that has not come back for so long does not: its process is ended.
const STUCK: Duration = Duration::from_secs(10);
/// More threads than this do not wait for work.
const MOST_IDLE: usize = 2;
/// A thread needs little: it makes one system call at a time.
const STACK: usize = 64 * 1024;

/// How many calls on pipes of a group are under way.
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<AtomicUsize>);

impl Held {
    /// The number.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

/// A reading end.
#[derive(Debug)]
pub struct Pipe {
    fd: Option<Arc<OwnedFd>>,
    call: Option<Arc<Call>>,
    since: Instant,
    held: Held,
}

/// What reading gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Got {
    /// Bytes.
    Some(Vec<u8>),
    /// Nothing for now, or the call has not come back.
    Nothing,
    /// No writer is left.
    End,
}

/// How far a call is.
#[derive(Debug)]
enum Stage {
    Waits,
    Begun,
    /// What came of it, if that has not been taken.
    Done(Option<Result<Vec<u8>, Errno>>),
}

/// A `read()` that a thread makes.
#[derive(Debug)]
struct Call {
    stage: Mutex<Stage>,
    moved: Condvar,
}

impl Call {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, stage: Stage) {
        *self.stage() = stage;
        self.moved.notify_all();
    }

    /// Waits a moment for the outcome.
    fn wait(&self) {
        for (limit, begun) in [(BEGINS, false), (SOON, true)] {
            let waits = |stage: &mut Stage| matches!((stage, begun), (Stage::Waits, _) | (Stage::Begun, true));
            // Over or not is seen by the stage.
            drop(self.moved.wait_timeout_while(self.stage(), limit, waits).unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn is_done(&self) -> bool {
        matches!(*self.stage(), Stage::Done(_))
    }
}

impl Pipe {
    /// Takes over a reading end that does not block.
    pub fn new(fd: OwnedFd, held: &Held) -> Self {
        Self { fd: Some(Arc::new(fd)), call: None, since: Instant::now(), held: held.clone() }
    }

    /// What has been written, up to [`PIECE`], as far as a thread could read it.
    pub fn read(&mut self) -> Got {
        let Some(fd) = &self.fd else { return Got::End };
        let call = match &self.call {
            Some(call) => Arc::clone(call),
            None => {
                let call = Arc::new(Call { stage: Mutex::new(Stage::Waits), moved: Condvar::new() });
                self.since = Instant::now();
                self.call = Some(Arc::clone(&call));
                POOL.take_on(Task { fd: Arc::clone(fd), call: Some(Arc::clone(&call)), held: self.held.clone() });
                call.wait();
                call
            }
        };
        let outcome = match &mut *call.stage() {
            Stage::Done(outcome) => outcome.take(),
            _ => return Got::Nothing,
        };
        self.call = None;
        match outcome {
            Some(Ok(bytes)) if !bytes.is_empty() => Got::Some(bytes),
            Some(Err(Errno::AGAIN | Errno::INTR)) => Got::Nothing,
            _ => Got::End,
        }
    }

    /// The descriptor to wait on; `None` while a call is under way.
    pub fn wants(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().filter(|_| self.call.is_none()).map(|fd| fd.as_fd())
    }

    /// Whether a call has come back whose outcome has not been looked at.
    pub fn is_back(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.is_done())
    }

    /// Whether a call does not come back.
    pub fn is_stuck(&self) -> bool {
        self.since.elapsed() > STUCK && self.call.as_ref().is_some_and(|call| !call.is_done())
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if let Some(fd) = self.fd.take() {
            POOL.take_on(Task { fd, call: None, held: self.held.clone() });
        }
    }
}

/// Readable when a call has come back that was waited for in vain.
pub fn bell() -> Option<BorrowedFd<'static>> {
    static BELL: OnceLock<Option<OwnedFd>> = OnceLock::new();
    BELL.get_or_init(|| eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok()).as_ref().map(AsFd::as_fd)
}

/// The bell has been heard.
pub fn heard() {
    if let Some(bell) = bell() {
        // It may have been silent.
        rustix::io::read(bell, &mut [0; 8]).map(drop).unwrap_or_default();
    }
}

/// To read from a pipe, or to close it.
#[derive(Debug)]
struct Task {
    fd: Arc<OwnedFd>,
    call: Option<Arc<Call>>,
    held: Held,
}

impl Task {
    fn run(self) {
        if let Some(call) = &self.call {
            call.turn(Stage::Begun);
            let mut bytes = vec![0; PIECE];
            let outcome = rustix::io::read(&self.fd, &mut bytes[..]).map(|count| {
                bytes.truncate(count);
                bytes
            });
            call.turn(Stage::Done(Some(outcome)));
            if let Some(bell) = bell() {
                // Full, it rings already.
                rustix::io::write(bell, &1_u64.to_ne_bytes()).map(drop).unwrap_or_default();
            }
        }
        // Closed here, if nobody else has it.
        drop(self.fd);
        self.held.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The threads, and what they have to do.
struct Pool {
    work: Mutex<Work>,
    more: Condvar,
}

struct Work {
    tasks: VecDeque<Task>,
    /// Threads that wait for one.
    idle: usize,
}

static POOL: Pool = Pool { work: Mutex::new(Work { tasks: VecDeque::new(), idle: 0 }), more: Condvar::new() };

impl Pool {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_on(&'static self, task: Task) {
        task.held.0.fetch_add(1, Ordering::AcqRel);
        let mut work = self.work();
        work.tasks.push_back(task);
        let too_few = work.idle < work.tasks.len();
        drop(work);
        if too_few {
            // Without a further thread it is done by the next one that is free.
            std::thread::Builder::new()
                .name("wsgi-pipes".to_owned())
                .stack_size(STACK)
                .spawn(|| self.serve())
                .map(drop)
                .unwrap_or_default();
        }
        self.more.notify_one();
    }

    fn serve(&self) {
        let mut work = self.work();
        loop {
            if let Some(task) = work.tasks.pop_front() {
                drop(work);
                task.run();
                work = self.work();
            } else if work.idle >= MOST_IDLE {
                return;
            } else {
                work.idle += 1;
                work = self.more.wait(work).unwrap_or_else(PoisonError::into_inner);
                work.idle -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;
    use std::os::fd::OwnedFd;

    use super::{Got, Held, Pipe};

    fn pipe(held: &Held) -> (Pipe, std::io::PipeWriter) {
        let (reader, writer) = std::io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        (Pipe::new(OwnedFd::from(reader), held), writer)
    }

    #[test]
    fn what_is_written_is_read_at_once() {
        let held = Held::default();
        let (mut pipe, mut writer) = pipe(&held);
        assert_eq!(pipe.read(), Got::Nothing);
        for text in ["one", "two"] {
            writer.write_all(text.as_bytes()).unwrap();
            assert_eq!(pipe.read(), Got::Some(text.as_bytes().to_vec()));
        }
        assert!(pipe.wants().is_some() && !pipe.is_back() && !pipe.is_stuck());
        drop(writer);
        assert_eq!(pipe.read(), Got::End);
    }

    #[test]
    fn a_pipe_that_is_dropped_is_closed() {
        let held = Held::default();
        let (pipe, mut writer) = pipe(&held);
        drop(pipe);
        while writer.write(b"x").is_ok() {}
        while held.count() > 0 {
            std::thread::yield_now();
        }
    }
}
