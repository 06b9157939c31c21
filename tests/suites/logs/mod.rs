/*! The error log, events and metrics. */

pub mod log_destinations;
pub mod logging;
pub mod reports;
pub mod request_events;
pub mod request_metrics;
pub mod server_metrics;

use crate::support::matrix::Suite;

/// Its suites.
pub fn suites() -> Vec<Suite> {
    vec![
        logging::suite(),
        log_destinations::suite(),
        reports::suite(),
        request_events::suite(),
        request_metrics::suite(),
        server_metrics::suite(),
    ]
}
