/*! The contract between the Apache module, the engine and the supervisor.

Plain values only: what crosses from one to another, how it is encoded, and the codes of the messages that a
user reads. The standard library only and no unsafe code, so that every peer can trust it alike and all of it is tested
without Apache and without Python. *Runs in: every kind of process.* */
#![forbid(unsafe_code)]

mod channel;
pub mod embedded;
mod log;
pub mod record;
pub mod scoreboard;
pub mod settings;
mod supervision;
mod sync;
pub mod table;

pub use channel::{field, frame, rules};
pub use log::level::Level;
pub use log::{line_buffer, log_code, log_line, repetition};
pub use supervision::{control, file_watch, kept, plan, probe, reason, running};
