/*! All suites. One file per chapter of what users rely on, one trial per behaviour. */

mod configtest;
mod environ;
mod errors;
mod example;
mod file_wrapper;
mod frameworks;
mod input;
mod install;
mod interpreters;
mod lifecycle;
mod linkage;
mod logging;
mod panics;
mod proxies;
mod python;
mod response;
mod route;
mod serve;

use crate::support::matrix::Suite;

/// Every suite, in the order in which a reader would want to see them fail.
pub fn all() -> Vec<Suite> {
    vec![
        route::suite(),
        environ::suite(),
        input::suite(),
        response::suite(),
        file_wrapper::suite(),
        proxies::suite(),
        configtest::suite(),
        lifecycle::suite(),
        linkage::suite(),
        panics::suite(),
        errors::suite(),
        python::suite(),
        logging::suite(),
        interpreters::suite(),
        frameworks::suite(),
        example::suite(),
        serve::suite(),
        install::suite(),
    ]
}
