/*! What arrives: the environ, the body, hosts, proxies, TLS, bad input. */

pub mod bad_input;
pub mod bodies;
pub mod environ;
pub mod input;
pub mod input_filters;
pub mod proxies;
pub mod route;
pub mod tls;

use crate::support::matrix::Suite;

/// Its suites.
pub fn suites() -> Vec<Suite> {
    vec![
        environ::suite(),
        route::suite(),
        input::suite(),
        input_filters::suite(),
        bodies::suite(),
        proxies::suite(),
        tls::suite(),
        bad_input::suite(),
    ]
}
