/*! The parts of the product that several threads or processes use without a lock, compiled with loom's atomics and locks in the place of the
standard library's.

Each file is the product's own: only [`sync`] stands here. The models themselves are in `tests/`. loom runs each in every order of its
threads' steps that can make a difference, with at most [`PREEMPTIONS`] of them interrupted, and knows which store a load may still miss.
A thread that nobody wakes any more is reported: no wait has a time limit here. */
#![allow(dead_code, unused_imports, missing_docs, reason = "the files of other crates, of which the models use a part")]

/// So often a thread is interrupted at most. More finds next to nothing else, and takes hours.
pub const PREEMPTIONS: usize = 3;

/// What the files take from `crate::sync`.
pub mod sync {
    pub use loom::sync::{Condvar, Mutex};

    pub mod atomic;

    /// How many tickets a table has.
    pub const TICKETS: usize = 2;

    /// As the engine's own, without its count.
    pub mod locks {
        use std::ops::{Deref, DerefMut};
        use std::sync::PoisonError;
        use std::time::Duration;

        use loom::sync::{Condvar, Mutex, MutexGuard};

        pub struct Locked<'a, T>(MutexGuard<'a, T>);

        impl<T> Deref for Locked<'_, T> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.0
            }
        }

        impl<T> DerefMut for Locked<'_, T> {
            fn deref_mut(&mut self) -> &mut T {
                &mut self.0
            }
        }

        impl<T> Locked<'_, T> {
            pub fn wait(self, bell: &Condvar) -> Self {
                Self(bell.wait(self.0).unwrap_or_else(PoisonError::into_inner))
            }

            /// Without the limit, which no wait may need.
            pub fn wait_for(self, bell: &Condvar, _limit: Duration) -> Self {
                self.wait(bell)
            }
        }

        pub fn lock<T>(mutex: &Mutex<T>) -> Locked<'_, T> {
            Locked(mutex.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }
}

#[path = "../../../crates/engine/src/daemon/channel/deferred_flush.rs"]
pub mod deferred_flush;
#[path = "../../../crates/protocol/src/table/mod.rs"]
pub mod table;
#[path = "../../../crates/engine/src/daemon/workers/worker_gate.rs"]
pub mod worker_gate;

/// Tries `model` in every order.
pub fn every_order(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(model);
}
