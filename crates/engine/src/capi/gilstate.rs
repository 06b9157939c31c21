/*! Which state of a thread `PyGILState_Ensure` means.

C extensions, and parts of the standard library (sqlite3), enter Python by `PyGILState_Ensure`, which takes the state that a thread-specific
variable names. From Python 3.12 on that is the state that was attached last. Before, it is the thread's first state for ever, so that a call from within
another interpreter waits for a lock that its own thread holds. There the variable is found among the process's keys,
by its known value, and made to follow each attachment as in 3.12. */
#![expect(unsafe_code, reason = "this folder is the engine's border with Python's C API")]

use std::sync::OnceLock;

use pyo3::ffi;

use super::dynamic::version;

/// The variable's key, if this Python needs it and it was found.
static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();

/// Names `state` as this thread's. The thread must be about to attach to it, or attached.
pub(super) fn bind(state: *mut ffi::PyThreadState) {
    if let Some(Some(key)) = KEY.get() {
        // SAFETY: the key is Python's own, which it never deletes while it runs; its values are thread states.
        unsafe { libc::pthread_setspecific(*key, state.cast_const().cast()) };
    }
}

/// The state that is named as this thread's now. `None` where Python sees to that itself.
pub(super) fn bound() -> Option<*mut ffi::PyThreadState> {
    let key = KEY.get().copied().flatten()?;
    // SAFETY: the key is Python's own, which it never deletes while it runs; its values are thread states.
    Some(unsafe { libc::pthread_getspecific(key) }.cast())
}

/// Looks for the key. `state` is the one that Python has just named for this thread, which is attached to it.
pub(super) fn find(state: *mut ffi::PyThreadState) {
    KEY.get_or_init(|| if version() < (3, 12) { search(state) } else { None });
}

fn search(state: *mut ffi::PyThreadState) -> Option<libc::pthread_key_t> {
    // SAFETY: reads Python's own variable; this thread is attached.
    if unsafe { ffi::PyGILState_GetThisThreadState() } != state {
        return None;
    }
    // musl has no more keys than 128; both libraries answer null for a key that is not in use.
    let most: libc::pthread_key_t = if cfg!(target_env = "musl") { 128 } else { 1024 };
    (0..most).find(|key| {
        // SAFETY: below the library's limit; only a key that holds this very state is written to, for the length of one question, and
        // gets its value back.
        unsafe {
            if libc::pthread_getspecific(*key) != state.cast() {
                return false;
            }
            libc::pthread_setspecific(*key, std::ptr::null());
            let named_by_it = ffi::PyGILState_GetThisThreadState().is_null();
            libc::pthread_setspecific(*key, state.cast_const().cast());
            named_by_it
        }
    })
}
