/*! All suites. One file per chapter of what users rely on, one trial per behaviour. */

mod configuration;
mod daemon;
mod hosting;
mod logs;
mod project;
mod requests;
mod responses;
mod security;
mod server;

use crate::support::matrix::Suite;

/// Every suite, in the order in which a reader would want to see them fail.
pub fn all() -> Vec<Suite> {
    [
        requests::suites(),
        responses::suites(),
        hosting::suites(),
        server::suites(),
        daemon::suites(),
        security::suites(),
        configuration::suites(),
        logs::suites(),
        project::suites(),
    ]
    .concat()
}
