/*! All suites. One file per chapter of what users rely on, one trial per behaviour. */

mod attacks;
mod bad_input;
mod bodies;
mod boundaries;
mod channel;
mod complaints;
mod configtest;
mod corpus;
mod daemon;
mod daemon_deaths;
mod daemon_overlap;
mod daemon_reloads;
mod daemon_stops;
mod daemon_threads;
mod daemon_timers;
mod descriptors;
mod differential;
mod distrust;
mod documents;
mod environ;
mod errors;
mod example;
mod express;
mod extensions;
mod file_wrapper;
mod forks;
mod frameworks;
mod group_options;
mod harness;
mod hints;
mod homes;
mod hostile_applications;
mod input;
mod input_filters;
mod install;
mod interpreters;
mod lifecycle;
mod linkage;
mod log_destinations;
mod logging;
mod panics;
mod peers;
mod preload;
mod privileges;
mod proxies;
mod python;
mod reloading;
mod reports;
mod request_events;
mod request_metrics;
mod response;
mod response_bodies;
mod route;
mod run_modes;
mod script_owner;
mod serve;
mod server_metrics;
mod shrinking_files;
mod statuses;
mod strangers;
mod streams;
mod stress;
mod tenants;
mod tls;
mod trials;
mod truncation;
mod values;
mod waiting_clients;

use crate::support::matrix::Suite;

/// Every suite, in the order in which a reader would want to see them fail.
pub fn all() -> Vec<Suite> {
    let mut all = vec![
        harness::suite(),
        route::suite(),
        environ::suite(),
        input::suite(),
        input_filters::suite(),
        response::suite(),
        bodies::suite(),
        file_wrapper::suite(),
        proxies::suite(),
        lifecycle::suite(),
        forks::suite(),
        daemon::suite(),
        channel::suite(),
        daemon_deaths::suite(),
        group_options::suite(),
        daemon_timers::suite(),
        daemon_stops::suite(),
        daemon_threads::suite(),
        daemon_overlap::suite(),
        daemon_reloads::suite(),
        privileges::suite(),
        tenants::suite(),
        boundaries::suite(),
        peers::suite(),
        script_owner::suite(),
        strangers::suite(),
        distrust::suite(),
        run_modes::suite(),
        extensions::suite(),
        linkage::suite(),
        panics::suite(),
        bad_input::suite(),
        stress::suite(),
        shrinking_files::suite(),
        statuses::suite(),
        trials::suite(),
        differential::suite(),
        errors::suite(),
        hostile_applications::suite(),
        tls::suite(),
        truncation::suite(),
        waiting_clients::suite(),
        python::suite(),
        logging::suite(),
        streams::suite(),
        reports::suite(),
        preload::suite(),
        interpreters::suite(),
        server_metrics::suite(),
        request_events::suite(),
        request_metrics::suite(),
        frameworks::suite(),
    ];
    all.extend(of_configurations());
    all.extend(of_installing());
    all.extend([log_destinations::suite()]);
    all.extend(descriptors::suites());
    all.extend(attacks::suites());
    all
}

/// What is about configurations as a whole.
fn of_configurations() -> Vec<Suite> {
    vec![configtest::suite(), complaints::suite(), hints::suite(), express::suite(), values::suite(), corpus::suite()]
}

/// What is about the built files and what is written about them.
fn of_installing() -> Vec<Suite> {
    vec![example::suite(), serve::suite(), install::suite(), documents::suite()]
}
