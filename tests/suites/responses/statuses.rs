/*! Who gets which status when a request to a daemon process group fails: each way of failing once, with the line of the log that explains
it. What takes a timer is in `daemon` and `daemon_timers`, what takes a death or a full queue in `trials` too. */

use crate::suite;
use crate::support::client::{Client, Request};
use crate::support::matrix::Suite;
use crate::support::poll;
use crate::support::site::Site;
use registration::trial;
use std::time::{Duration, Instant};

/// The suite.
pub fn suite() -> Suite {
    suite!("statuses").in_daemon_mode().plan(|plan| plan.announce("re:WSGI1021:|the service runs"))
}

fn serves(site: &Site) {
    assert_eq!(site.get("/").ok(), "served");
}

#[trial]
fn a_script_that_is_not_there_or_not_allowed(site: &Site) {
    site.allow_log("re:WSGI1(10[0-9]):");
    site.get("/missing").expect(404);
    site.get("/directory/nothing.wsgi").expect(404);
    site.get("/directory/").expect(403);
    site.get("/no-exec").expect(403);
    serves(site);
}

#[trial]
fn a_script_that_does_not_load_is_500(site: &Site) {
    site.allow_log("re:WSGI120[0-9]:|Error: |SystemExit|WSGI11[0-9][0-9]:");
    site.allow_tracebacks();
    for script in ["syntax_error", "import_error", "raises", "exits", "no_callable"] {
        site.allow_log("re:^.*\\] +(def|\\^|import|raise|sys).*");
        let response = site.get(&format!("/broken/{script}.wsgi"));
        assert_eq!(response.status, 500, "{script}");
    }
    serves(site);
}

#[trial]
fn an_exception_is_500_and_the_process_lives(site: &Site) {
    site.allow_log("re:WSGI120[0-9]:|RuntimeError|SystemExit");
    site.allow_tracebacks();
    site.get("/raise").expect(500);
    site.get("/leave").expect(500);
    site.log_lacks("WSGI1300");
    serves(site);
}

#[trial]
fn a_group_that_may_not_or_cannot_be_used_is_500(site: &Site) {
    site.get("/undefined").expect(500);
    assert!(site.expect_log("WSGI1110:").text.contains("nobody-declared-this"));
    site.get("/restricted").expect(500);
    assert!(site.expect_log("WSGI1321:").text.contains("WSGIRestrictProcess"));
}

#[trial]
fn a_service_group_is_503(site: &Site) {
    // It runs its script all the same.
    poll::wait_for("the service's own line in the log", || {
        site.server.whole_log().iter().any(|line| line.text.contains("the service runs"))
    });
    let begun = Instant::now();
    site.get("/service").expect(503);
    // Far from the time for which a group that is starting would be waited for.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    site.expect_log("WSGI1337:");
}

#[trial]
fn a_process_that_ends_is_502(site: &Site) {
    site.get("/small/end").expect(502);
    site.expect_log("WSGI1327:");
    site.expect_log("WSGI1300:");
    poll::wait_for("another process serves", || site.get("/small").status == 200);
}

#[trial]
fn a_header_that_is_too_long_is_500(site: &Site) {
    assert_eq!(site.get("/header?size=32000").expect(200).text(), "a long header");
    site.get("/header?size=33000").expect(500);
    assert!(site.expect_log("WSGI1333:").text.contains("32768"));
    site.get("/small/header?size=8000").expect(200);
    site.get("/small/header?size=8300").expect(500);
    serves(site);
}

#[trial]
fn a_request_that_is_too_long_for_the_channel_is_502(site: &Site) {
    let long = "x".repeat(17 * 1024 * 1024);
    let mut client = site.connect();
    client.exchange(&Request::get("/").header("X-Long", &long).header("Connection", "close")).unwrap().expect(502);
    site.expect_log("WSGI1334:");
    serves(site);
}

#[trial]
fn a_body_beyond_its_limit_is_413(site: &Site) {
    site.post("/limited/read", "x".repeat(1001)).expect(413);
    site.expect_log("WSGI1108:");
    assert_eq!(site.post("/limited/read", "x".repeat(1000)).ok(), "1000");
}

#[trial]
fn a_body_that_stops_coming_fails_its_reader_alone(site: &Site) {
    site.allow_log("re:WSGI1200:|OSError");
    site.allow_tracebacks();
    let stalled = |path: &str| {
        let mut client = Client::connect(site.server.files.other_port).unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this");
        client.send(head.as_bytes()).unwrap();
        let begun = Instant::now();
        let response = client.receive(false).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        response
    };
    // An application that lets the error pass leaves the answer to httpd; one that knows what to do with it answers as it likes.
    stalled("/read").expect(408);
    let answer = stalled("/read-on").expect(200);
    assert!(answer.text().starts_with("OSError: "), "{answer:?}");
    serves(site);
}

#[trial(threads())]
fn a_full_queue_is_503_at_once_with_retry_after(site: &Site) {
    site.allow_log("re:WSGI(1325|1590):");
    site.allow_tracebacks();
    let mut waiting = Vec::new();
    let mut refused = None;
    for _ in 0..8 {
        let mut client = site.connect();
        client.send(&Request::get("/narrow/sleep?for=1").head_bytes()).unwrap();
        if client.hears_something_within(Duration::from_millis(200)).unwrap() {
            refused = Some(client.receive(false).unwrap());
            break;
        }
        waiting.push(client);
    }
    let response = refused.expect("one of eight is refused by a thread with a queue of one");
    assert!(response.expect(503).header("Retry-After").is_some());
    for client in &mut waiting {
        // On a busy machine a refusal may have taken longer than it was waited for.
        let status = client.receive(false).unwrap().status;
        assert!(matches!(status, 200 | 503), "{status}");
    }
    site.expect_log("WSGI1325:");
}
