/*! Trust boundaries. */

pub mod attacks;
pub mod boundaries;
pub mod descriptors;
pub mod distrust;
pub mod hostile_applications;
pub mod panics;
pub mod peers;
pub mod privileges;
pub mod refused_calls;
pub mod script_owner;
pub mod strangers;
pub mod tenants;

use crate::support::matrix::Suite;

/// Its suites.
pub fn suites() -> Vec<Suite> {
    let mut all = vec![
        boundaries::suite(),
        distrust::suite(),
        hostile_applications::suite(),
        peers::suite(),
        privileges::suite(),
        refused_calls::suite(),
        script_owner::suite(),
        strangers::suite(),
        tenants::suite(),
        panics::suite(),
    ];
    all.extend(attacks::suites());
    all.extend(descriptors::suites());
    all
}
