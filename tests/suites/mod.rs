/*! All suites. One file per chapter of what users rely on, one trial per behaviour. */

mod environ;
mod errors;
mod example;
mod file_wrapper;
mod frameworks;
mod input;
mod response;
mod route;

use crate::support::matrix::Suite;

/// Every suite, in the order in which a reader would want to see them fail.
pub fn all() -> Vec<Suite> {
    vec![
        route::suite(),
        environ::suite(),
        input::suite(),
        response::suite(),
        file_wrapper::suite(),
        errors::suite(),
        frameworks::suite(),
        example::suite(),
    ]
}
