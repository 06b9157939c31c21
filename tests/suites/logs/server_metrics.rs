/*! `mod_wsgi.server_metrics()`: what httpd's processes and threads do, for those that the configuration lets ask. */

use crate::suite;
use crate::support::httpd::{Httpd, Plan};
use crate::support::installation::server_user;
use crate::support::matrix::{Mode, Reach, Setup, Suite};
use crate::support::poll;
use crate::support::site::Site;
use registration::trial;

/// The suite.
pub fn suite() -> Suite {
    suite!("server_metrics").in_both_modes()
}

fn start(setup: &Setup) -> Httpd {
    Httpd::start(setup, &plan().define("ASKED", "1"), "server-metrics")
}

fn plan() -> Plan {
    Plan::new("server_metrics.conf").define("OWN_GROUPS", "1").modules(&["status"])
}

#[trial(reach(Reach::Everywhere))]
fn httpds_processes_and_threads_are_shown(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let own = site.get("/pid").ok();
    // What a daemon process is shown is a moment old, and children of prefork have only just begun.
    let child = format!("\"pid\": {own}, ");
    poll::wait_for("the child that hands over is told of", || site.get("/now").ok().contains(&child));
    let text = site.get("/now").ok();
    for name in
        ["server_limit", "thread_limit", "running_generation", "restart_time", "current_time", "running_time", "processes"]
    {
        assert!(text.contains(&format!("\"{name}\": ")), "{name} in {text}");
    }
    assert!(text.contains("\"quiescing\": false"), "{text}");
    let worker = "{\"thread_num\": 0, \"generation\": 0, \"status\": \"";
    assert!(text.contains(worker), "{worker} in {text}");
    // Of a request that has ended, the next one can be told all.
    poll::wait_for("a request before it is told of", || {
        let text = site.get("/now?x=1").ok();
        text.contains("\"request\": \"GET /now?x=1 HTTP/1.1\"") && text.contains("\"client\": \"127.0.0.1\"")
    });
    server.graceful();
    poll::wait_for("the next generation is told of", || site.get("/now").ok().contains("\"running_generation\": 1, "));
}

#[trial]
fn who_may_not_ask_gets_none(setup: &Setup) {
    let server = Httpd::start(setup, &plan(), "server-metrics-off");
    let site = Site::new(&server, setup);
    match setup.mode {
        Mode::Embedded => assert_eq!(site.get("/now").ok(), "null"),
        // `WSGIServerMetrics` is for embedded mode, so that it is off means nothing here.
        Mode::Daemon => {
            assert_ne!(site.get("/now").ok(), "null");
            assert_eq!(site.get("/silent/now").ok(), "null");
            assert_eq!(site.get("/silent/ways").ok(), "");
        }
    }
}

/// The tenant of one group must not tell another one's what he likes.
#[trial(differs("its daemon processes have httpd's own memory"))]
fn a_daemon_process_can_only_read_it(setup: &Setup) {
    if setup.mode == Mode::Embedded {
        setup.skip("in an Apache child there is no such file");
    }
    let server = start(setup);
    let site = Site::new(&server, setup);
    let again = if server_user().is_some() { "PermissionError" } else { "opened" };
    assert_eq!(site.get("/ways").ok(), format!("OSError {again} 0"));
    assert_ne!(site.get("/now").ok(), "null", "it is still whole");
}

#[trial]
fn a_thread_without_a_request_may_ask(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let text = site.get("/thread").ok();
    assert!(text.contains("\"processes\""), "{text}");
}
