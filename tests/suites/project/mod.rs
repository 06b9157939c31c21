/*! The project itself: differences from mod_wsgi, the trials' own tools, documents. */

pub mod differential;
pub mod documents;
pub mod harness;
pub mod layers;
pub mod trials;

use crate::support::matrix::Suite;

/// Its suites.
pub fn suites() -> Vec<Suite> {
    vec![differential::suite(), trials::suite(), harness::suite(), documents::suite(), layers::suite()]
}
