/*! Whole configurations, read line by line. *Runs in: tests.* */
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

mod findings;
mod groups;
mod interpreters;
mod whole;

use whole::Whole;
