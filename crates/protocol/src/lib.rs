/*! The contract between the Apache module, the engine and the supervisor.

Plain values only: what crosses from one to another, how it is encoded, and the codes of the messages that a
user reads. The standard library only and no unsafe code, so that every peer can trust it alike and all of it is tested
without Apache and without Python. *Runs in: every kind of process.* */
#![forbid(unsafe_code)]

pub mod control;
pub mod embedded;
pub mod field;
pub mod file_watch;
pub mod frame;
pub mod kept;
pub mod level;
pub mod line_buffer;
pub mod log_code;
pub mod log_line;
pub mod plan;
pub mod probe;
pub mod reason;
pub mod record;
pub mod repetition;
pub mod rules;
pub mod running;
pub mod scoreboard;
pub mod settings;
pub mod table;

pub use level::Level;
