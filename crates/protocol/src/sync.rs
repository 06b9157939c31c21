/*! What the models of concurrency (`tests/models`) replace: they compile [`crate::table`] with atomics of their own, and with fewer tickets. */

pub use std::sync::atomic;

/// How many tickets a table has.
pub const TICKETS: usize = 2048;
