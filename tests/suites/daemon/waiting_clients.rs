/*! In embedded mode all requests of a child share Python's lock: a client that takes its response slowly, or not at all, holds up nobody else. */

use crate::suite;
use crate::support::client::{Client, Request};
use crate::support::matrix::{Reach, Suite};
use crate::support::site::Site;
use registration::trial;
use std::time::{Duration, Instant};

/// The suite.
pub fn suite() -> Suite {
    suite!("waiting_clients")
        .reach(Reach::Everywhere)
        .plan(|plan| plan.modules(&["ratelimit"]).announce("re:AH00[0-9]+|AH01[0-9]+"))
}

/// Far less than the waits of these trials take, and than `Timeout`.
const PROMPT: Duration = Duration::from_secs(4);

/// For `time` other requests are answered, each of them promptly.
fn others_are_served(site: &Site, time: Duration, during: &str) {
    let end = Instant::now() + time;
    loop {
        let began = Instant::now();
        let mut other = Client::connect_with(site.server.files.port, PROMPT).unwrap();
        let answer = other.exchange(&Request::get("/quick").header("Connection", "close"));
        let answer = answer.unwrap_or_else(|error| panic!("held up by {during}: {error}, after {:?}", began.elapsed()));
        assert_eq!(answer.ok(), "quick");
        if Instant::now() > end {
            return;
        }
    }
}

#[trial(threads())]
fn a_filter_that_sleeps_holds_up_nobody(site: &Site) {
    let mut slow = site.connect();
    // Each piece takes 15 s at 4 kB a second; the socket has room for it.
    slow.send(&Request::get("/limited/pieces?count=2&size=60000").head_bytes()).unwrap();
    slow.receive_head().unwrap();
    others_are_served(site, Duration::from_secs(2), "a client whose rate is limited");
}

/// Pipelines more and more responses that nobody reads before `last`: some number of them fills the socket and leaves a little in httpd's filters.
fn behind_unread_responses(site: &Site, last: &Request) {
    for count in (0..140).step_by(7) {
        let mut deaf = site.connect();
        let one = Request::get("/list?size=60000").head_bytes();
        deaf.send(&[one.repeat(count), last.head_bytes()].concat()).unwrap();
        others_are_served(site, Duration::from_millis(150), &format!("{last:?} behind {count} unread responses"));
    }
}

#[trial(threads())]
fn a_client_that_pipelines_and_does_not_read_holds_up_nobody(site: &Site) {
    behind_unread_responses(site, &Request::get("/pieces?count=2000&size=1"));
}

#[trial(threads())]
fn a_client_that_does_not_take_a_long_head_holds_up_nobody(site: &Site) {
    behind_unread_responses(site, &Request::get("/long-head"));
}

#[trial(threads())]
fn a_client_that_does_not_take_100_continue_holds_up_nobody(site: &Site) {
    behind_unread_responses(site, &Request::post("/peek", "x".repeat(10)).header("Expect", "100-continue"));
}

#[trial(threads())]
fn a_read_of_nothing_asks_for_the_body(site: &Site) {
    let mut client = site.connect();
    client.send(&Request::post("/peek", "0123456789").header("Expect", "100-continue").head_bytes()).unwrap();
    let interim = client.receive_head().unwrap();
    assert_eq!(interim.status, 100, "{interim:?}");
    client.send(b"0123456789").unwrap();
    assert_eq!(client.receive(false).unwrap().ok(), "peeked");
}
