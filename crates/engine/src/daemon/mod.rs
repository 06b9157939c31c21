/*! A daemon process: native worker threads that take requests from the group's listening socket and run them in this interpreter.

In reading order: [`process`] (from the first message to the end), [`worker`] (one thread), [`channel`] (the frames of one request), [`control`]
(the supervisor), [`descriptors`] (which of them are the engine's own), [`seat`] (what a worker is at), [`watch`] (what happens beside the
requests: signals, the parent's death, time limits), [`interrupt`] (the part of the time limits that needs Python), [`deadlock`] (whether Python can
be had at all), [`faults`] (the stack that a fault leaves). *Runs in: daemon.* */

mod channel;
mod control;
mod deadlock;
mod descriptors;
mod faults;
mod interrupt;
mod process;
mod seat;
mod watch;
mod worker;

pub use process::{script_loaded, serve};
