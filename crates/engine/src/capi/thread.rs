/*! Which thread is attached to which interpreter.

A worker thread owns one `PyThreadState` per interpreter for its whole life, so that `threading.local` survives from request to request, and
enters with `PyEval_RestoreThread`. What `PyGILState_Ensure` takes for the thread's state follows along ([`super::gilstate`]). When a thread ends, its states are
cleared and deleted (httpd's HTTP/2 workers come and go). */
#![expect(unsafe_code, reason = "this folder is the engine's border with Python's C API")]

use std::cell::{Cell, RefCell};
use std::ffi::c_ulong;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::time::{Duration, Instant};

use pyo3::ffi;

use super::dynamic::symbol;
use super::error::Raised;
use super::gilstate;
use super::object::{Attached, Object};
use crate::sync::locks::python_may_run;

/// An interpreter of this process. It is never deleted while threads may attach.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Handle(*mut ffi::PyInterpreterState);

// SAFETY: the pointer is only handed to Python's own functions, which lock what they touch.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

static MAIN: AtomicPtr<ffi::PyInterpreterState> = AtomicPtr::new(std::ptr::null_mut());
/// Set when the process ends: threads no longer enter Python to tidy up.
static LEAVING: AtomicBool = AtomicBool::new(false);

/// Whether anybody wants to know how long threads wait for the GIL.
static TIMED: AtomicBool = AtomicBool::new(false);

/// How long a thread has waited for the GIL, and how often it has asked for it, since it was last attached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waits {
    /// The time.
    pub time: Duration,
    /// How often it has been taken.
    pub count: u64,
}

/// A thread's state for an interpreter.
struct State {
    interpreter: Handle,
    pointer: *mut ffi::PyThreadState,
    /// The interpreter was made with it. It stays when its thread ends: Python up to 3.12 makes the next state of an interpreter that has
    /// none left in the memory of its first, and aborts over what it finds there.
    first: bool,
}

struct States(RefCell<Vec<State>>);

thread_local! {
    /// Whether the thread is inside [`attached`].
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static STATES: States = const { States(RefCell::new(Vec::new())) };
    static WAITS: Cell<Waits> = const { Cell::new(Waits { time: Duration::ZERO, count: 0 }) };
}

impl Drop for States {
    fn drop(&mut self) {
        // A thread that ends inside Python is one that called exit(), as an extension may, or Python itself over an error: it may hold
        // the GIL that would be waited for here.
        if LEAVING.load(Ordering::Acquire) || INSIDE.get() {
            return;
        }
        // The main interpreter's state came first and goes last.
        for state in self.0.take().into_iter().rev().filter(|state| !state.first) {
            // SAFETY: the state belongs to this thread, which is attached to nothing now. It is cleared with its interpreter's GIL
            // held, which runs destructors of thread locals, and deleted when it is no longer current.
            unsafe {
                gilstate::bind(state.pointer);
                ffi::PyEval_RestoreThread(state.pointer);
                ffi::PyThreadState_Clear(state.pointer);
                ffi::PyEval_SaveThread();
                ffi::PyThreadState_Delete(state.pointer);
            }
        }
    }
}

fn main() -> Handle {
    Handle(MAIN.load(Ordering::Acquire))
}

/// This thread's state for an interpreter, made on first use.
fn state_of(interpreter: Handle) -> *mut ffi::PyThreadState {
    STATES.with(|states| {
        let known = states.0.borrow().iter().find(|state| state.interpreter == interpreter).map(|state| state.pointer);
        known.unwrap_or_else(|| {
            if interpreter != main() {
                // Where `PyGILState_Ensure` goes by the first state after all, an extension at least meets the main interpreter.
                state_of(main());
            }
            // SAFETY: the interpreter lives as long as the process; PyThreadState_New needs no GIL.
            let state = unsafe { ffi::PyThreadState_New(interpreter.0) };
            states.0.borrow_mut().push(State { interpreter, pointer: state, first: false });
            state
        })
    })
}

/// Takes note of the state that an interpreter was made with.
fn remember(interpreter: Handle, pointer: *mut ffi::PyThreadState) {
    STATES.with(|states| states.0.borrow_mut().push(State { interpreter, pointer, first: true }));
}

/// Runs `body` attached to an interpreter.
///
/// A thread may be inside already: a page that httpd includes in another one (mod_include) is a request within a request, often of another
/// application group. What the outer one had is put back afterwards.
pub fn attached<R>(interpreter: Handle, body: impl FnOnce(Attached<'_>) -> R) -> R {
    python_may_run();
    let outer = INSIDE.get().then(|| Outer {
        // SAFETY: the thread holds the GIL, and gets this very state back.
        released: holds_gil().then(|| unsafe { ffi::PyEval_SaveThread() }),
        bound: gilstate::bound(),
        waits: WAITS.get(),
    });
    let state = state_of(interpreter);
    gilstate::bind(state);
    // SAFETY: the state is this thread's own for that interpreter; the thread is attached to nothing (see above).
    let take = || unsafe { ffi::PyEval_RestoreThread(state) };
    if TIMED.load(Ordering::Relaxed) {
        WAITS.set(Waits::default());
        timed(take);
    } else {
        take();
    }
    INSIDE.set(true);
    let leave = Leave(outer);
    // SAFETY: attached just now, until `leave` is dropped, which outlives the body.
    let result = body(unsafe { Attached::assume() });
    drop(leave);
    result
}

/// What a thread was at when it came to [`attached`] from within.
struct Outer {
    /// The state that it was attached with, if it held the GIL.
    released: Option<*mut ffi::PyThreadState>,
    /// What `PyGILState_Ensure` took for its state.
    bound: Option<*mut ffi::PyThreadState>,
    waits: Waits,
}

/// Detaches when the body of [`attached`] is left, by a panic too.
struct Leave(Option<Outer>);

impl Drop for Leave {
    fn drop(&mut self) {
        python_may_run();
        // SAFETY: this thread attached in `attached` and every nested detachment has been undone.
        unsafe { ffi::PyEval_SaveThread() };
        let Some(outer) = &self.0 else {
            INSIDE.set(false);
            return;
        };
        if let Some(bound) = outer.bound {
            gilstate::bind(bound);
        }
        WAITS.set(outer.waits);
        if let Some(released) = outer.released {
            // SAFETY: the state that the thread came with, and that nobody else uses.
            unsafe { ffi::PyEval_RestoreThread(released) };
        }
    }
}

/// Whether this thread is attached right now, with a state of the engine's.
fn holds_gil() -> bool {
    type Current = unsafe extern "C" fn() -> *mut ffi::PyThreadState;
    static CURRENT: OnceLock<Option<Current>> = OnceLock::new();
    let current = CURRENT.get_or_init(|| {
        // The first since 3.13, the second before.
        [c"PyThreadState_GetUnchecked", c"_PyThreadState_UncheckedGet"].into_iter().find_map(symbol).map(|address| {
            // SAFETY: the signature of both functions.
            unsafe { std::mem::transmute::<*mut std::ffi::c_void, Current>(address) }
        })
    });
    // SAFETY: no preconditions. Before 3.12 it names the state of whichever thread has the GIL.
    let state = current.map_or(std::ptr::null_mut(), |current| unsafe { current() });
    !state.is_null() && STATES.with(|states| states.0.borrow().iter().any(|own| own.pointer == state))
}

/// Attaches again when the body of [`detached`] is left, by a panic too.
struct Return {
    state: *mut ffi::PyThreadState,
    inside: bool,
    /// What `PyGILState_Ensure` takes for the thread's state: requests within this one (mod_include) have had states of their own meanwhile.
    bound: Option<*mut ffi::PyThreadState>,
}

impl Drop for Return {
    fn drop(&mut self) {
        python_may_run();
        // SAFETY: the state was this thread's current one when `detached` saved it.
        let take = || unsafe { ffi::PyEval_RestoreThread(self.state) };
        if TIMED.load(Ordering::Relaxed) {
            timed(take)
        } else {
            take()
        }
        INSIDE.set(self.inside);
        if let Some(bound) = self.bound {
            gilstate::bind(bound);
        }
    }
}

/// Takes the GIL, and counts how long that lasts.
#[cold]
fn timed(take: impl FnOnce()) {
    let since = Instant::now();
    take();
    let waits = WAITS.get();
    WAITS.set(Waits { time: waits.time + since.elapsed(), count: waits.count + 1 });
}

/// From here on it is counted how long threads wait for the GIL.
pub fn time_waits() {
    TIMED.store(true, Ordering::Relaxed);
}

/// What the calling thread has waited for the GIL in its present attachment.
pub fn waits() -> Waits {
    WAITS.get()
}

/// Runs `body` without the GIL: for whatever may wait. It can take no object and no proof of being attached along, since neither is `Send`.
pub fn detached<R: Send>(_py: Attached<'_>, body: impl FnOnce() -> R + Send) -> R {
    python_may_run();
    let (inside, bound) = (INSIDE.get(), gilstate::bound());
    // SAFETY: the token proves that this thread is attached.
    let back = Return { state: unsafe { ffi::PyEval_SaveThread() }, inside, bound };
    let result = body();
    drop(back);
    result
}

/// Takes note of the main interpreter, right after it was started on this thread, and detaches from it.
pub(super) fn adopt_main() -> Handle {
    // SAFETY: Py_Initialize* leaves the calling thread attached to the main interpreter.
    unsafe {
        let handle = Handle(ffi::PyInterpreterState_Get());
        MAIN.store(handle.0, Ordering::Release);
        let state = ffi::PyEval_SaveThread();
        ffi::PyEval_RestoreThread(state);
        gilstate::find(state);
        remember(handle, ffi::PyEval_SaveThread());
        handle
    }
}

/// Takes note of the main interpreter, which this thread is attached to because Python called it, and runs `body` detached.
pub fn with_main_adopted<R>(body: impl FnOnce(Handle) -> R) -> R {
    let handle = adopt_main();
    let result = body(handle);
    // SAFETY: `adopt_main` detached this thread; its caller in Python expects it attached again.
    unsafe { ffi::PyEval_RestoreThread(state_of(handle)) };
    result
}

/// Makes a sub-interpreter that shares the main one's GIL. The thread must be detached, and is so afterwards.
///
/// # Errors
/// What Python says of the failure.
pub fn new_interpreter() -> Result<Handle, String> {
    let state = state_of(main());
    // SAFETY: attaches to the main interpreter as Py_NewInterpreter wants it; afterwards the new one (or, after a failure, the
    // main one) is current, and PyEval_SaveThread detaches from the current one.
    unsafe {
        ffi::PyEval_RestoreThread(state);
        let fresh = ffi::Py_NewInterpreter();
        if fresh.is_null() {
            let py = Attached::assume();
            let why = Raised::pending(py)
                .then(|| {
                    Raised::assume().take(py).and_then(|e| e.value.call_method(&Object::text(py, "__str__").ok()?, &[]).ok())
                })
                .flatten()
                .and_then(|text| text.to_text().ok());
            ffi::PyEval_SaveThread();
            return Err(why.unwrap_or_else(|| "Py_NewInterpreter failed".to_owned()));
        }
        let handle = Handle(ffi::PyInterpreterState_Get());
        remember(handle, ffi::PyEval_SaveThread());
        Ok(handle)
    }
}

unsafe extern "C" {
    /// In the stable ABI since 3.2; pyo3's bindings leave it out.
    fn PyThread_get_thread_ident() -> c_ulong;
}

/// A thread as Python numbers it (`threading.get_ident()`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ident(c_ulong);

impl Ident {
    /// The calling thread.
    pub fn own() -> Self {
        // SAFETY: no preconditions; it asks the system alone.
        Self(unsafe { PyThread_get_thread_ident() })
    }

    /// The number.
    pub fn number(self) -> i64 {
        // Python itself reads the number as signed in some places and as unsigned in others.
        #[expect(clippy::cast_possible_wrap, reason = "the bits are what counts")]
        let number = self.0 as i64;
        number
    }
}

impl Ident {
    /// The same as the system's library names it: Python's number is that, as an integer.
    pub(super) const fn pthread(self) -> libc::pthread_t {
        self.0 as libc::pthread_t
    }
}

/// Sets the exception `class` on another thread of the attached interpreter: it is raised when that thread next runs Python code. With
/// `None` one that has not been raised yet is taken back.
pub fn raise_in(_py: Attached<'_>, thread: Ident, class: Option<&Object<'_>>) {
    python_may_run();
    let exception = class.map_or(std::ptr::null_mut(), Object::as_ptr);
    // SAFETY: attached; a live class or null. A thread that the interpreter does not know is left alone.
    unsafe { ffi::PyThreadState_SetAsyncExc(thread.number(), exception) };
}

/// From here on threads that end leave Python alone: the process is about to go.
pub fn leaving() {
    LEAVING.store(true, Ordering::Release);
}
