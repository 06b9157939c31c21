/*! Installing, serving, restarts of Apache. */

pub mod example;
pub mod install;
pub mod lifecycle;
pub mod run_modes;
pub mod serve;
pub mod stress;
pub mod upgrades;

use crate::support::matrix::Suite;

/// Its suites.
pub fn suites() -> Vec<Suite> {
    vec![
        example::suite(),
        install::suite(),
        lifecycle::suite(),
        run_modes::suite(),
        serve::suite(),
        stress::suite(),
        upgrades::suite(),
    ]
}
