/*! The limits of a daemon process and of its requests, seen to beside the requests: time limits, dead locks, the process's end. */

mod deadlock;
pub mod faults;
mod interrupt;
pub mod lifecycle;
mod stacks;
pub mod watch;
