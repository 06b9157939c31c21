/*! Where the busy threads of the process are: said in the log when a child asks for it, because a request waited too long for a thread or could not even
wait. At most once a minute.

The stacks are read by a thread that is made for it, since it has to wait for Python's lock; those that are the same are said once. Where the lock can't be
had, each busy thread writes its own, from a signal handler that needs no lock. *Runs in: daemon.* */

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protocol::log_code::{REQUEST_OVERDUE, THREADS_BUSY};

use crate::capi::{signals, thread};
use crate::daemon::limits::interrupt;
use crate::daemon::state::Shared;
use crate::daemon::workers::worker_slot::{Running, WorkerSlot};
use crate::daemon::workers::worker_threads;
use crate::logging;

/// How often they are said at most.
const EACH: Duration = Duration::from_secs(60);
/// How long Python's lock is waited for. A signal ends some of the calls that a thread may wait in, so it is not sent for a lock that is just slow to be had.
const PATIENCE: Duration = Duration::from_secs(3);

/// When they were said last, and by whom.
#[derive(Default)]
pub struct Stacks {
    last: Cell<Option<Instant>>,
    /// Nobody has looked yet whether the reading thread got Python's lock.
    pending: Cell<bool>,
    /// Whether the thread that read them last has ended.
    ended: RefCell<Option<Arc<AtomicBool>>>,
}

impl Stacks {
    /// Sees to it that they are said if somebody has asked. Never waits.
    pub fn look(&self, shared: &Arc<Shared>) {
        let over = |limit: Duration| self.last.get().is_none_or(|at| at.elapsed() >= limit);
        // Those that kept others waiting may have ended meanwhile: that is not worth the minute.
        if shared.table_slot.are_stacks_asked() && over(EACH) && shared.gate.running() > 0 {
            self.last.set(Some(Instant::now()));
            self.pending.set(true);
            if !self.is_reading() {
                self.begin(shared);
            }
        }
        if self.pending.get() && over(PATIENCE) {
            self.pending.set(false);
            if self.is_reading() {
                // It has its say too, when it can.
                each_its_own(&shared.slots);
            }
        }
    }

    fn is_reading(&self) -> bool {
        self.ended.borrow().as_ref().is_some_and(|ended| !ended.load(Ordering::Acquire))
    }

    fn begin(&self, shared: &Arc<Shared>) {
        let ended = Arc::new(AtomicBool::new(false));
        let (shared, done) = (Arc::clone(shared), Arc::clone(&ended));
        let started = std::thread::Builder::new().name("wsgi-stacks".to_owned()).spawn(move || {
            say(&shared.slots);
            done.store(true, Ordering::Release);
        });
        match started {
            Ok(_) => drop(self.ended.replace(Some(ended))),
            Err(error) => {
                let why = worker_threads::refused(&error);
                logging::log_code(
                    THREADS_BUSY,
                    &format!(
                        "a request got no thread or no response in time, and the stacks of the busy threads are not available: {why}"
                    ),
                );
            }
        }
    }
}

/// Says where each busy thread is.
fn say(slots: &[WorkerSlot]) {
    let mut places: Vec<(String, Vec<String>)> = Vec::new();
    for slot in slots {
        let Some((stack, name)) = look_at(slot) else { continue };
        match places.iter_mut().find(|(known, _)| *known == stack) {
            Some((_, names)) => names.push(name),
            None => places.push((stack, vec![name])),
        }
    }
    let busy: usize = places.iter().map(|(_, names)| names.len()).sum();
    for (stack, names) in places {
        let names = names.join(", ");
        logging::log_code(
            THREADS_BUSY,
            &format!(
                "a request got no thread or no response in time, and {busy} of {} threads are busy. The stack of {names}, innermost call last:\n{stack}",
                slots.len()
            ),
        );
    }
}

/// The stack of the request that runs in a slot, and its name; nothing if it has ended meanwhile.
fn look_at(slot: &WorkerSlot) -> Option<(String, String)> {
    let (interpreter, ident, serial) = slot.running().get().map(|one| (one.interpreter, one.thread, one.serial))?;
    let name = slot.name_with_age();
    let stack = match interpreter {
        Some(interpreter) => thread::attached(interpreter.handle, |py| {
            let frames = interrupt::stack(py, interpreter, ident);
            interrupt::formatted(py, interpreter, frames)
        }),
        None => "  (no Python code: it waits for the GIL, or for its client)".to_owned(),
    };
    slot.running().get().is_some_and(|one| one.serial == serial).then_some((stack, name))
}

/// Nobody can have Python's lock: each busy thread writes where it is. Workers' threads live as long as the process.
fn each_its_own(slots: &[WorkerSlot]) {
    for slot in slots {
        let Some(thread) = slot.running().get().map(|running| running.thread) else { continue };
        let name = slot.name_with_age();
        logging::log_code(
            THREADS_BUSY,
            &format!(
                "a request got no thread or no response in time, and the GIL could not be acquired. The stack of {name}, innermost call first:"
            ),
        );
        if !signals::show_stack(thread) {
            logging::log_code(
                THREADS_BUSY,
                "the stacks of the threads are not available, because faulthandler could not be set up",
            );
            return;
        }
    }
}

/// Where a request is, when the interpreter's lock can't be had: its own thread writes that behind this line.
pub fn show_stack(slot: &WorkerSlot, wanted: impl Fn(&Running) -> bool) {
    let thread = slot.running().get().filter(|running| wanted(running)).map(|running| running.thread);
    if let Some(thread) = thread {
        let name = slot.name();
        logging::log_code(
            REQUEST_OVERDUE,
            &format!("{name} is overdue, and the GIL could not be acquired. Its stack, innermost call first:"),
        );
        // Where it can't, the line above says at least what runs.
        let _shown = signals::show_stack(thread);
    }
}
