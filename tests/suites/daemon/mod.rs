/*! Daemon mode: groups, their processes and threads, restarts. */

pub mod channel;
pub mod deaths;
pub mod environment;
pub mod group_options;
pub mod overlap;
pub mod reloads;
pub mod requests;
pub mod stops;
pub mod threads;
pub mod timers;
pub mod waiting_clients;

use crate::support::matrix::Suite;

/// Its suites.
pub fn suites() -> Vec<Suite> {
    vec![
        requests::suite(),
        deaths::suite(),
        environment::suite(),
        overlap::suite(),
        reloads::suite(),
        stops::suite(),
        threads::suite(),
        timers::suite(),
        group_options::suite(),
        waiting_clients::suite(),
        channel::suite(),
    ]
}
