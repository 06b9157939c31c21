/*! Lines for the error log: levels, the messages that a user reads with their codes, the line as the log writer receives it, and the bounds on lines. */

pub mod level;
pub mod line_buffer;
pub mod log_code;
pub mod log_line;
pub mod repetition;
