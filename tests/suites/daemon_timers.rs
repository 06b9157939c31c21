/*! Time limits of daemon processes and of their requests: what happens when each is over, and that nothing happens before. */

use crate::case;
use crate::support::client::Request;
use crate::support::matrix::Suite;
use crate::support::poll;
use crate::support::site::Site;
use std::time::{Duration, Instant};

/// The suite.
pub fn suite() -> Suite {
    Suite::new(
        "daemon_timers",
        vec![
            case!(a_request_that_loops_is_interrupted_and_its_process_goes_on),
            case!(a_sub_interpreter_is_interrupted_alike),
            case!(an_interrupted_response_that_has_begun_is_cut),
            case!(an_application_may_answer_the_exception_itself),
            case!(an_exception_that_came_too_late_hits_no_other_request),
            case!(a_request_that_ignores_the_exception_has_its_process_replaced),
            case!(a_request_that_holds_the_lock_in_c_is_504_on_time),
            case!(a_request_without_interrupt_timeout_shows_where_it_was),
            case!(a_process_whose_lock_nobody_gets_is_replaced),
        ],
    )
    .in_daemon_mode()
    // A process that was given up may be cut long after its trial.
    .plan(|plan| plan.announce("re:WSGI(1253|1306|1313): "))
}

/// The process that serves a group.
fn pid(site: &Site, group: &str) -> String {
    site.get(&format!("/{group}/pid")).ok()
}

/// Sends a request that is to get 504 within `limit` of its sending.
fn too_late(site: &Site, target: &str, limit: Duration) {
    let begun = Instant::now();
    site.get(target).expect(504);
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(950) && took < limit, "{target} took {took:?}");
}

/// Waits until another process than `before` serves a group.
fn replaced(site: &Site, group: &str, before: &str) {
    poll::wait_for("another process serves", || {
        let response = site.get(&format!("/{group}/pid"));
        response.status == 200 && response.text() != before
    });
}

fn interrupted(site: &Site, group: &str) {
    let before = pid(site, group);
    site.allow_log("re:WSGI(1401|1332): ");
    site.allow_tracebacks();
    too_late(site, &format!("/{group}/loop?20"), Duration::from_millis(1900));
    let line =
        site.expect_log("re:WSGI1401: GET /.*/loop .request id .* has run for .* `request-timeout=1`, and mod_wsgi.Request");
    assert!(!line.text.contains("?20"), "no query is logged: {}", line.text);
    site.expect_log("re:File .*daemon_timers.wsgi., line .* in turn_in_circles");
    assert_eq!(pid(site, group), before, "the process goes on, with its only thread");
}

fn a_request_that_loops_is_interrupted_and_its_process_goes_on(site: &Site) {
    interrupted(site, "patient");
}

fn a_sub_interpreter_is_interrupted_alike(site: &Site) {
    interrupted(site, "sub");
}

fn an_interrupted_response_that_has_begun_is_cut(site: &Site) {
    let before = pid(site, "patient");
    site.allow_log("re:WSGI(1401|1200): |RequestTimeout");
    site.allow_tracebacks();
    let mut client = site.connect();
    let response = client.exchange(&Request::get("/patient/late?20")).unwrap().expect(200);
    assert_eq!((response.text(), response.complete), ("begun", false));
    assert!(client.is_closed().unwrap());
    assert_eq!(pid(site, "patient"), before);
}

fn an_application_may_answer_the_exception_itself(site: &Site) {
    site.allow_log("re:WSGI1401: ");
    site.allow_tracebacks();
    assert_eq!(site.get("/patient/answer").expect(408).text(), "its own answer");
}

fn an_exception_that_came_too_late_hits_no_other_request(site: &Site) {
    site.allow_log("re:WSGI1401: ");
    site.allow_tracebacks();
    let before = pid(site, "patient");
    assert_eq!(site.get("/patient/native?1.6").ok(), "slept");
    site.expect_log("WSGI1401");
    for _ in 0..10 {
        assert_eq!(pid(site, "patient"), before);
    }
}

fn a_request_that_ignores_the_exception_has_its_process_replaced(site: &Site) {
    let before = pid(site, "stubborn");
    site.allow_log("re:WSGI(1401|1332|1262): ");
    site.allow_tracebacks();
    too_late(site, "/stubborn/ignore?20", Duration::from_millis(2900));
    site.expect_log("re:WSGI1262: GET /stubborn/ignore .* and did not end within `interrupt-timeout=1`");
    replaced(site, "stubborn", &before);
}

fn a_request_that_holds_the_lock_in_c_is_504_on_time(site: &Site) {
    let before = pid(site, "locked");
    site.allow_log("re:WSGI(1401|1332|1262): ");
    site.allow_tracebacks();
    too_late(site, "/locked/hang", Duration::from_millis(2900));
    site.expect_log("re:WSGI1262: GET /locked/hang ");
    site.allow_log("re:Stack .most recent|File \"");
    site.expect_log("re:WSGI1401: GET /locked/hang .* runs with Python's interpreter lock out of reach");
    site.expect_log("re:daemon_timers.wsgi., line [0-9]+ in hang");
    replaced(site, "locked", &before);
}

fn a_request_without_interrupt_timeout_shows_where_it_was(site: &Site) {
    let before = pid(site, "strict");
    site.allow_log("re:WSGI(1401|1332|1262): ");
    site.allow_tracebacks();
    too_late(site, "/strict/loop?6", Duration::from_millis(1900));
    site.expect_log("re:WSGI1262: GET /strict/loop ");
    let line = site.expect_log("re:WSGI1401: GET /strict/loop .* longer than `request-timeout=1`. It is at:");
    assert!(!line.text.contains("RequestTimeout"), "{}", line.text);
    site.expect_log("re:in turn_in_circles");
    replaced(site, "strict", &before);
}

fn a_process_whose_lock_nobody_gets_is_replaced(site: &Site) {
    let before = pid(site, "stuck");
    assert_eq!(site.get("/stuck/hold?1").ok(), before, "a second without the lock is no deadlock");
    site.allow_log("re:WSGI(1300|1327|1401): |Stack .most recent|File \"");
    let begun = Instant::now();
    site.get("/stuck/hang").expect(502);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_millis(5500), "{took:?}");
    site.expect_log("re:WSGI1402: .*`deadlock-timeout=2`.*it was serving GET /stuck/hang .request id ");
    site.expect_log("re:daemon_timers.wsgi., line [0-9]+ in hang");
    replaced(site, "stuck", &before);
}
