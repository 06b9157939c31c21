/*! Peers that break the protocol (`docs/protocol.md`, "Breaking the rules"): a daemon process whose application speaks into the engine's connection,
and strangers at a group's socket. Whatever they do, the Apache child answers with 502 or cuts the response, says so once, and lives on. */

use crate::suite;
use crate::support::client::Request;
use crate::support::matrix::{Reach, Suite};
use crate::support::poll;
use crate::support::processes;
use crate::support::response::Response;
use crate::support::site::Site;
use registration::trial;
use std::collections::BTreeSet;
use std::time::Duration;

/// More than is sent without being asked for, so that the two sides have spoken before the application does.
const BODY: usize = 200_000;
/// What the child says of a daemon that breaks the rules, dies or is silent.
const SAID: &str = r"WSGI1(327|328|329|330):";

/// The suite.
pub fn suite() -> Suite {
    suite!("peers").in_daemon_mode()
}

fn ask(site: &Site, target: &str) -> Response {
    site.post(&format!("/evil{target}"), vec![b'x'; BODY])
}

/// The processes that serve, without the supervisor.
fn children(site: &Site) -> BTreeSet<i32> {
    let program = |pid: i32| std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let all = site.server.children().into_iter().map(|child| child.pid);
    all.filter(|pid| program(*pid).file_name().is_some_and(|name| name != "wsgi-supervisor")).collect()
}

fn memory(site: &Site) -> u64 {
    children(site).into_iter().map(processes::anonymous_memory).sum()
}

/// How often the child has complained since the trial began.
fn complaints(site: &Site) -> usize {
    let pattern = regex::Regex::new(SAID).unwrap();
    site.log().iter().filter(|line| pattern.is_match(&line.text)).count()
}

/// Runs every case of a kind: `judge` looks at the response, the rest is the same for all.
fn every_case(site: &Site, kind: &str, judge: impl Fn(&str, &Response)) {
    site.allow_log(&format!("re:{SAID}"));
    // One that says nothing for longer than `socket-timeout=` has its thread's stack shown.
    site.allow_log("WSGI1590: ");
    site.allow_tracebacks();
    // The engine's own view of a response that the application broke off, once nobody on the channel hears it any more.
    site.allow_log("WSGI1181: ");
    let cases = ask(site, &format!("/cases/{kind}")).ok();
    let (before, alive) = (memory(site), children(site));
    assert!(cases.split(' ').count() > 20, "{cases}");
    for case in cases.split(' ') {
        let said = complaints(site);
        let response = ask(site, &format!("/{kind}/{case}"));
        judge(case, &response);
        assert!(response.headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("x-injected")), "{case}: {response:?}");
        assert_eq!(complaints(site), said + 1, "{case}: one line says what happened");
        assert_eq!(site.get("/process").status, 200, "{case}: others are served");
    }
    assert_eq!(children(site), alive, "no child of httpd ended");
    let grown = memory(site).saturating_sub(before);
    assert!(grown < 32_000_000, "the children have grown by {grown} bytes");
    assert!(ask(site, &format!("/cases/{kind}")).ok().contains("garbage"), "the group serves on");
}

#[trial(reach(Reach::Everywhere))]
fn whatever_a_daemon_says_before_its_head_is_502(site: &Site) {
    every_case(site, "before", |case, response| {
        let expected = if case == "half-a-frame-and-nothing" { 504 } else { 502 };
        assert_eq!(response.status, expected, "{case}: {response:?}");
    });
}

#[trial]
fn whatever_a_daemon_says_after_its_head_cuts_the_response(site: &Site) {
    every_case(site, "after", |case, response| {
        assert_eq!((response.status, response.complete), (200, false), "{case}: {response:?}");
        // A frame that is right in itself may have been taken before the rest of its message showed that it is not.
        let text = response.text();
        assert!(text.starts_with("begun") && text.len() < 20 && !text.contains("nobody"), "{case}: {response:?}");
    });
}

#[trial]
fn a_slow_daemon_is_heard_out(site: &Site) {
    assert_eq!(ask(site, "/slow/-").ok(), "slow");
    assert!(ask(site, "/cases/before").ok().contains("garbage"), "what the engine said afterwards disturbs nobody");
}

#[trial]
fn a_daemon_that_gives_more_than_it_promised_injects_nothing(site: &Site) {
    site.allow_log("WSGI1181: ");
    let mut client = site.connect();
    let response = client.exchange(&Request::post("/evil/more/-", vec![b'x'; BODY])).unwrap();
    assert_eq!(response.text(), "first");
    // What follows on the connection is the next request's answer, or nothing.
    let next = client.exchange(&Request::get("/process"));
    if let Ok(next) = next {
        assert!(next.headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("x-injected")), "{next:?}");
        assert!(next.text().starts_with("trials "), "{next:?}");
    }
}

#[trial]
fn a_daemon_that_talks_without_end_costs_no_memory(site: &Site) {
    let before = memory(site);
    assert_eq!(ask(site, "/lines/-").ok(), "all said");
    let grown = poll::until(Duration::from_secs(1), || Some(memory(site).saturating_sub(before))).unwrap();
    assert!(grown < 32_000_000, "the children have grown by {grown} bytes");
}
