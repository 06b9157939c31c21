/*! A daemon process: native worker threads that take requests from the process's connections and run them in this interpreter.

In reading order: [`process`] (from the first message to the end), [`crew`] (its worker threads), [`worker`] (one of them), [`connections`] and [`admission`] (what the workers wait
for, and how many of them; [`pace`] says when that changes), [`channel`] and [`incoming`] (the frames of one connection), [`holding`] (what goes along with a response's end), [`standing`] (the process in its group's table), [`news`] and [`scripts`]
(changed scripts), [`control`] (the supervisor), [`descriptors`] (which of them are the engine's own), [`seat`] (what a worker is at), [`life`] (what
the process has done and why it ends), [`watch`] (what happens beside the
requests: signals, the parent's death, time limits), [`interrupt`] (the part of the time limits that needs Python), [`stacks`] (where the busy threads are, when too many requests wait), [`deadlock`] (whether Python can
be had at all), [`subscribers`] (signals that applications want to hear of), [`faults`] (the stack that a fault leaves), [`scoreboard`] (what httpd does). *Runs in: daemon.* */

mod admission;
mod channel;
mod connections;
mod control;
mod crew;
mod deadlock;
mod descriptors;
mod faults;
mod holding;
mod incoming;
mod interrupt;
mod lending;
mod life;
mod looking;
mod news;
mod pace;
mod peer;
mod process;
mod scoreboard;
mod scripts;
mod seat;
mod stacks;
mod standing;
mod subscribers;
mod watch;
mod worker;

pub use process::{Inherited, is_successor, script_loaded, serve};
pub use scripts::version as script_version;
