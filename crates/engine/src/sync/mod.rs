/*! What threads share: short locks, turns that may take long, and the time of day. */

pub mod clock;
pub mod locks;
pub mod turn;

/// Named here so that the models of concurrency (`tests/models`) can put others in their place.
pub use std::sync::{Condvar, Mutex, atomic};
