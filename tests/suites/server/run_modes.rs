/*! httpd in other ways than as root with `-DFOREGROUND`: as an ordinary user, who can change nothing about who daemon processes are, and with `-X`
and `-DNO_DETACH`. */

use crate::suite;
use crate::support::client::Request;
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::installation::server_user;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::site::Site;
use registration::trial;
use std::fs;
use std::path::Path;

/// The suite.
pub fn suite() -> Suite {
    suite!("run_modes").in_daemon_mode()
}

/// An ordinary user: httpd's own, when the suites run as root.
fn user(setup: &Setup) -> (u32, u32) {
    match server_user() {
        Some((_, uid, _, gid)) => (uid, gid),
        None => setup.skip("the suites themselves run as an ordinary user"),
    }
}

fn plan(conf: &str) -> Plan {
    Plan::new(conf).define("OWN_GROUPS", "1").define("PATIENCE", "15")
}

/// Words of the process page: group, pid, parent, Python, uid.
fn process(site: &Site) -> Vec<String> {
    site.get("/process").ok().split(' ').map(str::to_owned).collect()
}

#[trial(reach(Reach::Everywhere))]
fn as_an_ordinary_user_everything_is_that_users(setup: &Setup) {
    let (uid, gid) = user(setup);
    let plan = plan("strangers.conf").run_by(uid, gid).announce("re:WSGI13(00|27|28): ");
    let mut server = Httpd::start(setup, &plan, "ordinary-user");
    let site = Site::new(&server, setup);
    let first = process(&site);
    assert_eq!(first[4], uid.to_string());
    assert_eq!(site.post("/count", vec![b'x'; 3_000_000]).ok(), "3000000");
    // A death, and another process.
    site.get("/die?kill-first").expect(502);
    poll::wait_for("another process serves", || site.get("/process").status == 200);
    let second = process(&site);
    assert_ne!(second[1], first[1]);
    let response = site.connect().exchange(&Request::get("/die?raise-chunked")).unwrap();
    site.allow_tracebacks();
    server.announce_tracebacks();
    server.announce("re:WSGI1200: |the trial wants it");
    assert!(!response.complete, "{response:?}");
    // Both kinds of restart give new processes.
    server.graceful();
    poll::wait_for("the next generation serves", || process(&site)[1] != second[1]);
    let third = process(&site);
    server.restart();
    poll::wait_for("the generation after it serves", || process(&site)[1] != third[1]);
    let last = process(&site);
    server.stop().unwrap();
    assert!(!Path::new(&format!("/proc/{}", last[1])).exists(), "the process has gone");
    let sockets = fs::read_dir(server.files.root.join("run/mod_wsgi_rs")).unwrap().count();
    assert_eq!(sockets, 0, "no socket is left");
}

#[trial]
fn an_ordinary_user_is_told_what_needs_root(setup: &Setup) {
    let (uid, gid) = user(setup);
    for (options, said) in [
        ("chroot=/srv", "chroot="),
        ("supplementary-groups=daemon", "supplementary-groups="),
        ("cpu-priority=-5", "cpu-priority="),
    ] {
        let plan = plan("strangers.conf").run_by(uid, gid).line(&format!("WSGIDaemonProcess privileged {options}"));
        let (accepted, text) = Prepared::new(setup, &plan, "needs-root").configtest();
        assert!(!accepted && text.contains("WSGI1024") && text.contains(said), "{options}: {accepted} {text}");
    }
    let plan = plan("strangers.conf").run_by(uid, gid).line("WSGIDaemonProcess other user=daemon");
    let (accepted, text) = Prepared::new(setup, &plan, "other-user").configtest();
    assert!(accepted && text.contains("user="), "a user that can't be had is a warning: {text}");
}

#[trial]
fn one_process_in_the_foreground_has_daemons(setup: &Setup) {
    let mut server = Httpd::start(setup, &plan("strangers.conf").flag("-X"), "single-process");
    let site = Site::new(&server, setup);
    let before = process(&site);
    assert_eq!(before[0], "only");
    assert_eq!(process(&site)[1], before[1]);
    server.stop().unwrap();
    assert!(!Path::new(&format!("/proc/{}", before[1])).exists(), "the process has gone");
}

#[trial]
fn not_detached_it_serves_and_stops(setup: &Setup) {
    let mut server = Httpd::start(setup, &plan("strangers.conf").flag("-DNO_DETACH"), "no-detach");
    let site = Site::new(&server, setup);
    let before = process(&site);
    server.graceful();
    poll::wait_for("the next generation serves", || process(&site)[1] != before[1]);
    let after = process(&site);
    server.stop().unwrap();
    assert!(!Path::new(&format!("/proc/{}", after[1])).exists(), "the process has gone");
}
