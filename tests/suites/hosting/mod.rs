/*! How applications run: interpreters, scripts that change, extensions, forks, frameworks. */

pub mod extensions;
pub mod forks;
pub mod frameworks;
pub mod interpreters;
pub mod linkage;
pub mod preload;
pub mod python;

use crate::support::matrix::Suite;

/// Its suites.
pub fn suites() -> Vec<Suite> {
    vec![
        interpreters::suite(),
        extensions::suite(),
        forks::suite(),
        python::suite(),
        preload::suite(),
        linkage::suite(),
        frameworks::suite(),
    ]
}
