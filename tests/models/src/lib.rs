/*! The parts of the product that several threads or processes use without a lock, compiled with loom's atomics and locks in the place of the
standard library's.

Each file is the product's own: only [`sync`], and what it calls of the rest of its crate, stand here. The models themselves are in `tests/`.
loom runs each in every order of its threads' steps that can make a difference, with at most [`PREEMPTIONS`] of them interrupted, and knows which
store a load may still miss. */
#![allow(dead_code, unused_imports, missing_docs, reason = "the files of other crates, of which the models use a part")]

/// So often a thread is interrupted at most. More finds next to nothing else, and takes hours.
pub const PREEMPTIONS: usize = 3;

/// What the files take from `crate::sync`.
pub mod sync {
    pub use loom::sync::{Condvar, Mutex, MutexGuard, atomic};

    /// How many tickets a table has.
    pub const TICKETS: usize = 2;
}

#[path = "../../../crates/protocol/src/table/mod.rs"]
pub mod table;

/// Tries `model` in every order.
pub fn every_order(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(model);
}
