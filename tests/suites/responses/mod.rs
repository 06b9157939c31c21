/*! What is sent: status, headers, bodies, files, errors, the two streams. */

pub mod errors;
pub mod file_wrapper;
pub mod response;
pub mod shrinking_files;
pub mod statuses;
pub mod streams;
pub mod truncation;

use crate::support::matrix::Suite;

/// Its suites.
pub fn suites() -> Vec<Suite> {
    vec![
        response::suite(),
        file_wrapper::suite(),
        statuses::suite(),
        errors::suite(),
        shrinking_files::suite(),
        truncation::suite(),
        streams::suite(),
    ]
}
