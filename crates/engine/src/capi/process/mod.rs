/*! The process that Python runs in, as the system and the C library see it: signals, forks, memory, processor time, environment. */

mod descriptors;
pub mod environment;
pub mod fork;
mod heap;
pub mod signals;
mod usage;

pub use heap::share_heaps;
pub use usage::Usage;
