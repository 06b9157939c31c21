/*! The part of the time limits that needs Python: the stack of a request that is overdue goes to the log, and `mod_wsgi.RequestTimeout` is set on its thread.

It has a thread of its own because it waits for the interpreter's lock, which a C extension may keep for ever; the watching thread
(`watch.rs`) never does, and tells the client in time whatever happens here. *Runs in: daemon.* */

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use protocol::log_code::REQUEST_OVERDUE;

use crate::capi::{Attached, Object, PyResult, thread};
use crate::daemon::state::Shared;
use crate::daemon::workers::worker_threads;
use crate::interpreter::Interpreter;
use crate::logging;

/// A request that is overdue.
#[derive(Clone, Copy)]
pub struct Overdue {
    /// Index of its slot.
    pub slot: usize,
    /// Which of the slot's requests.
    pub serial: u64,
    /// Set the exception, too.
    pub raise: bool,
}

/// The way to the thread that interrupts.
pub struct Interrupter {
    orders: Sender<Overdue>,
    /// How many it has been given, and when the last one was.
    given: Cell<(u64, Instant)>,
    /// How many it is done with.
    done: Arc<AtomicU64>,
}

impl Interrupter {
    /// Starts the thread that sees to what it is given.
    ///
    /// # Errors
    /// When there can't be a further thread.
    pub fn begin(shared: &Arc<Shared>) -> Result<Self, String> {
        let (orders, overdue) = channel();
        let done = Arc::new(AtomicU64::new(0));
        let (shared, counter) = (Arc::clone(shared), Arc::clone(&done));
        let started =
            std::thread::Builder::new().name("wsgi-interrupt".to_owned()).spawn(move || see_to_each(&shared, &overdue, &counter));
        started.map_err(|error| worker_threads::refused(&error))?;
        Ok(Self { orders, given: Cell::new((0, Instant::now())), done })
    }

    /// Gives it a request to see to. Never waits.
    pub fn give(&self, overdue: Overdue) {
        if self.orders.send(overdue).is_ok() {
            self.given.set((self.given.get().0 + 1, Instant::now()));
        }
    }

    /// It has had something to do for so long, and is not done: it can't get the interpreter's lock, so nobody can.
    pub fn is_stuck(&self, limit: Duration) -> bool {
        let (given, last) = self.given.get();
        given != self.done.load(Ordering::Acquire) && last.elapsed() >= limit
    }
}

fn see_to_each(shared: &Shared, orders: &Receiver<Overdue>, done: &AtomicU64) {
    while let Ok(overdue) = orders.recv() {
        see_to(shared, overdue);
        done.fetch_add(1, Ordering::AcqRel);
    }
}

fn see_to(shared: &Shared, overdue: Overdue) {
    let Some(slot) = shared.slots.get(overdue.slot) else { return };
    let name = slot.name();
    let found = slot.running().get().filter(|running| running.serial == overdue.serial).and_then(|running| {
        let interpreter = running.interpreter?;
        Some((interpreter, running.thread, running.since))
    });
    let Some((interpreter, ident, since)) = found else { return };
    let stack = thread::attached(interpreter.handle, |py| {
        let frames = stack(py, interpreter, ident);
        // It may have ended while this thread waited for Python.
        let runs = match overdue.raise {
            true => slot.interrupt(py, overdue.serial),
            false => slot.running().get().is_some_and(|running| running.serial == overdue.serial),
        };
        runs.then(|| formatted(py, interpreter, frames))
    });
    let Some(stack) = stack else { return };
    let (ran, limit) = (since.elapsed().as_secs_f32(), shared.process.request_timeout / 1_000);
    let done = if overdue.raise { ", and mod_wsgi.RequestTimeout was raised in it" } else { "" };
    let number = overdue.slot + 1;
    logging::log_code(
        REQUEST_OVERDUE,
        &format!(
            "{name} has run for {ran:.1} s in thread {number}, longer than `request-timeout={limit}`{done}. Its stack, innermost call last:\n{stack}"
        ),
    );
}

/// Where a thread is: its frames, not formatted yet.
///
/// # Errors
/// What Python raises.
pub fn stack<'py>(py: Attached<'py>, interpreter: &Interpreter, ident: thread::Ident) -> PyResult<Object<'py>> {
    interpreter.helpers.stack_of.get(py).call(&[&Object::int(py, ident.number())?])
}

/// Frames as lines of text.
pub fn formatted(py: Attached<'_>, interpreter: &Interpreter, frames: PyResult<Object<'_>>) -> String {
    let text =
        frames.and_then(|frames| interpreter.helpers.format_stack.get(py).call(&[&frames])).and_then(|text| text.to_text());
    text.unwrap_or_else(|raised| {
        raised.clear(py);
        "  (its stack could not be read)".to_owned()
    })
}
