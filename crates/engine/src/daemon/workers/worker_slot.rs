/*! What each worker is at: the request it runs, since when, and how far the time limits have gone with it.

The watching thread and the thread that interrupts (`interrupt.rs`) look at a slot while its worker runs a request. The name of the request stands in
the worker's slot of a memory that outlives the process (`protocol::running`). No lock of a slot is held while anybody waits for Python. *Runs in: daemon.* */

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use protocol::running::{self, WORDS};

use crate::capi::Attached;
use crate::capi::thread::{self, Ident};
use crate::daemon::channel::Channel;
use crate::daemon::descriptors::Descriptor;
use crate::gateway::serve::RequestObserver;
use crate::interpreter::Interpreter;
use crate::request::call::Call;
use crate::sync::clock;
use crate::sync::locks::{Locked, lock};

/// How far the time limits have gone with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It has time.
    InTime,
    /// `request-timeout` is over.
    Overdue {
        /// Its client has been told.
        told: bool,
    },
    /// `interrupt-timeout` is over as well: the process is given up.
    GivenUp,
}

/// A request that a worker runs.
pub struct Running {
    /// The request's connection.
    pub channel: Arc<Channel>,
    /// When it began.
    pub since: Instant,
    /// See [`Stage`].
    pub stage: Stage,
    /// Which of the slot's requests this is.
    pub serial: u64,
    /// The worker's thread.
    pub thread: Ident,
    /// Where it runs, while it is inside Python.
    pub interpreter: Option<&'static Interpreter>,
    /// An exception was set on the thread for it.
    interrupted: bool,
}

/// One worker's.
pub struct WorkerSlot {
    state: Mutex<State>,
    slot: &'static [AtomicU64],
}

#[derive(Default)]
struct State {
    serial: u64,
    running: Option<Running>,
}

/// Seats for so many workers, whose slots are at the front of a memory file.
///
/// # Errors
/// When the file can't be mapped, or is shorter than that.
pub fn rows(workers: usize, memory: &Descriptor) -> std::io::Result<Vec<WorkerSlot>> {
    let words = shared_memory::map(memory)?.get(..workers * WORDS).ok_or(std::io::ErrorKind::UnexpectedEof)?;
    Ok(words.chunks(WORDS).map(|slot| WorkerSlot { state: Mutex::default(), slot }).collect())
}

impl WorkerSlot {
    /// Runs a request in this slot, on the calling thread.
    pub fn taken(&self, channel: &Arc<Channel>, call: &Call<'_>, request: impl FnOnce() -> i32) -> i32 {
        self.write_name(call);
        {
            let mut state = lock(&self.state);
            state.serial += 1;
            state.running = Some(Running {
                channel: Arc::clone(channel),
                since: Instant::now(),
                stage: Stage::InTime,
                serial: state.serial,
                thread: Ident::own(),
                interpreter: None,
                interrupted: false,
            });
        }
        let left = Leave(self);
        let ended = request();
        drop(left);
        ended
    }

    fn write_name(&self, call: &Call<'_>) {
        let text = |key: &[u8]| call.entry(key).unwrap_or_default();
        let since = u64::try_from(call.daemon_start).unwrap_or(0);
        let words = running::words(since, text(b"REQUEST_METHOD"), text(b"REQUEST_URI"), text(b"mod_wsgi.request_id"));
        for (place, word) in self.slot.iter().zip(words).skip(1) {
            place.store(word, Ordering::Relaxed);
        }
        self.mark(since);
    }

    fn mark(&self, since: u64) {
        if let Some(first) = self.slot.first() {
            first.store(since, Ordering::Release);
        }
    }

    /// The request that runs here, for a log line.
    pub fn name(&self) -> String {
        self.described(None)
    }

    /// The same with how long it has run.
    pub fn name_with_age(&self) -> String {
        self.described(u64::try_from(clock::now()).ok())
    }

    fn described(&self, now: Option<u64>) -> String {
        let mut words = [0; WORDS];
        for (word, place) in words.iter_mut().zip(self.slot) {
            *word = place.load(Ordering::Acquire);
        }
        running::Running::read_words(&words).map_or_else(|| "a request".to_owned(), |request| request.describe(now))
    }

    /// The request that runs here, to look at and to change; nothing that may wait is done meanwhile.
    pub fn running(&self) -> SlotGuard<'_> {
        SlotGuard(lock(&self.state))
    }

    /// Sets an exception on the worker's thread, if it still runs that request in Python.
    pub fn interrupt(&self, py: Attached<'_>, serial: u64) -> bool {
        let mut state = lock(&self.state);
        let Some(running) = state.running.as_mut().filter(|running| running.serial == serial) else { return false };
        let Some(interpreter) = running.interpreter else { return false };
        running.interrupted = true;
        let ident = running.thread;
        // Not with the lock: what was to be raised before is dropped. The worker can't leave meanwhile, for that it needs Python's lock, which this
        // thread has.
        drop(state);
        thread::raise_in(py, ident, Some(interpreter.classes.request_timeout.get(py)));
        true
    }
}

/// A slot's state, locked.
pub struct SlotGuard<'a>(Locked<'a, State>);

impl SlotGuard<'_> {
    /// The request, if there is one.
    pub fn get(&mut self) -> Option<&mut Running> {
        self.0.running.as_mut()
    }
}

/// Empties a slot when its request is left, by a panic too.
struct Leave<'a>(&'a WorkerSlot);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).running = None;
        self.0.mark(0);
    }
}

impl RequestObserver for WorkerSlot {
    fn entered(&self, interpreter: &'static Interpreter) {
        if let Some(running) = lock(&self.state).running.as_mut() {
            running.interpreter = Some(interpreter);
        }
    }

    fn left(&self, py: Attached<'_>) {
        let mut state = lock(&self.state);
        let Some(running) = state.running.as_mut() else { return };
        // From here on `interrupt` finds nothing to do; what it has done and Python has not raised yet is taken back.
        running.interpreter = None;
        let interrupted = running.interrupted.then_some(running.thread);
        drop(state);
        if let Some(ident) = interrupted {
            thread::raise_in(py, ident, None);
        }
    }
}
