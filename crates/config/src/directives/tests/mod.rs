/*! The directives, line by line. *Runs in: tests.* */
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod daemon;
mod mapping;
mod python;
mod reading;
mod request;
mod table;

use reading::{refusal, text};
