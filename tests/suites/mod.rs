/*! All suites. One file per chapter of what users rely on, one trial per behaviour. */

mod input;

use crate::support::matrix::Suite;

/// Every suite, in the order in which a reader would want to see them fail.
pub fn all() -> Vec<Suite> {
    vec![input::suite()]
}
