/*! Configurations: what is accepted, what configtest says, whole configurations of others. */

mod advice;
pub mod complaints;
pub mod configtest;
pub mod corpus;
pub mod examples;
pub mod express;
pub mod hints;
pub mod values;

use crate::support::matrix::Suite;

/// Its suites.
pub fn suites() -> Vec<Suite> {
    vec![
        configtest::suite(),
        values::suite(),
        express::suite(),
        corpus::suite(),
        examples::suite(),
        hints::suite(),
        complaints::suite(),
        advice::suite(),
    ]
}
