/*! The engine's own locks: held for a few instructions, never while Python code can run, and never while a thread waits for Python's lock.

Python code can run wherever an object is called, compared, hashed or dropped, and wherever a container is made (the garbage collector). A thread that
runs it may lose Python's lock to one that waits for ours. So what takes longer is a [`crate::sync::turn::Turn`]. The build for tests counts the locks that a
thread holds, and ends the process where Python is entered with one of them. */

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A lock that is held.
pub struct Locked<'a, T> {
    data: MutexGuard<'a, T>,
    held: Held,
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T> DerefMut for Locked<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.data
    }
}

impl<T> Locked<'_, T> {
    /// Waits to be woken; another may hold the lock meanwhile.
    pub fn wait(self, bell: &Condvar) -> Self {
        Self { data: bell.wait(self.data).unwrap_or_else(PoisonError::into_inner), held: self.held }
    }

    /// The same for `limit` at most.
    pub fn wait_for(self, bell: &Condvar, limit: Duration) -> Self {
        Self { data: bell.wait_timeout(self.data, limit).unwrap_or_else(PoisonError::into_inner).0, held: self.held }
    }
}

/// A lock of plain data: a panic while it was held leaves nothing half-done that matters.
pub fn lock<T>(mutex: &Mutex<T>) -> Locked<'_, T> {
    Locked { data: mutex.lock().unwrap_or_else(PoisonError::into_inner), held: Held::new() }
}

/// Counted in the build for tests. Not to be given to another thread.
struct Held(PhantomData<*const ()>);

#[cfg(feature = "test-faults")]
mod counted {
    use std::cell::Cell;
    use std::marker::PhantomData;

    thread_local! {
        static HELD: Cell<u32> = const { Cell::new(0) };
    }

    impl super::Held {
        pub(super) fn new() -> Self {
            HELD.set(HELD.get() + 1);
            Self(PhantomData)
        }
    }

    impl Drop for super::Held {
        fn drop(&mut self) {
            HELD.set(HELD.get() - 1);
        }
    }

    /// See the module: ends the process if this thread holds a lock.
    pub fn python_may_run() {
        let held = HELD.get();
        if held > 0 {
            let place = std::backtrace::Backtrace::force_capture();
            eprintln!("mod_wsgi_rs engine: Python code can run here while {held} of the engine's locks are held\n{place}");
            std::process::abort();
        }
    }
}

#[cfg(feature = "test-faults")]
pub use counted::python_may_run;

#[cfg(not(feature = "test-faults"))]
impl Held {
    const fn new() -> Self {
        Self(PhantomData)
    }
}

/// Says that Python code can run here. Checked in the build for tests alone.
#[cfg(not(feature = "test-faults"))]
pub const fn python_may_run() {}
