/*! `mod_wsgi.subscribe_events`, `event_callbacks` and `active_requests`: what applications hear of requests. Most of it is tried on mod_wsgi, too. */

use crate::suite;
use crate::support::client::Request;
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Mode, Reach, Setup, Suite};
use crate::support::poll;
use crate::support::site::Site;
use registration::trial;

/// The suite.
pub fn suite() -> Suite {
    suite!("request_events").plan(|plan| plan.announce("process event of ")).in_both_modes()
}

/// What was told of the request whose query is `tag`.
fn told(site: &Site, tag: &str) -> String {
    site.expect_log(&format!("events of {tag}: ")).text
}

fn assert_told(site: &Site, tag: &str, parts: &[&str]) {
    let text = told(site, tag);
    let mut rest = text.as_str();
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("`{part}` should come next in `{rest}` of `{text}`"));
        rest = &rest[at + part.len()..];
    }
}

#[trial(reach(Reach::Everywhere))]
fn a_request_is_told_from_its_start_to_its_end(site: &Site) {
    site.get("/told/plain?start").ok();
    let daemon = site.setup.mode == Mode::Daemon;
    let (time, connects, steps) = if daemon { ("float", 1, 5) } else { ("0.0", 0, 3) };
    let started = format!(
        "request_started(application_object=function application_start=float callable_object=application daemon_connects={connects} \
         daemon_restarts=0 daemon_start={time} queue_start={time} request_data=dict request_environ=dict request_id="
    );
    let text = told(site, "start");
    assert!(text.contains(&started), "{started} in {text}");
    assert_told(
        site,
        "start",
        &[
            "request_start=float server_pid=",
            "response_started(exception_info=None request_data=dict request_id=",
            "response_headers=list response_status=200 OK)",
            "request_finished(application_finish=float application_time=float cpu_system_time=",
            "cpu_time=",
            "cpu_user_time=",
            &format!("daemon_start={time} gil_wait_count="),
            "gil_wait_time=",
            "input_length=0 input_reads=0 input_time=0.0 output_length=5 output_time=",
            &format!("output_writes=1 queue_start={time} request_data=dict request_id="),
            "request_start=float server_pid=",
            "status=200 thread_id=",
            &format!(") in {steps} steps"),
        ],
    );
}

#[trial]
fn groups_hear_of_their_own_requests(site: &Site) {
    site.get("/told/plain?group-told").ok();
    site.get("/other/plain?group-other").ok();
    for tag in ["group-told", "group-other"] {
        told(site, tag);
        let lines = site.log().iter().filter(|line| line.text.contains(&format!("events of {tag}: "))).count();
        assert_eq!(lines, 1, "{tag}");
    }
}

#[trial]
fn another_callable_can_be_put_in_its_place(site: &Site) {
    assert_eq!(site.get("/told/instead?substitute").ok(), "instead");
    assert_told(site, "substitute", &["request_started(", "more=told", "response_started(", "status=200"]);
}

#[trial]
fn only_a_dictionary_is_told_to_the_next(site: &Site) {
    assert_eq!(site.get("/told/nonsense?nonsense").ok(), "plain");
    assert_told(site, "nonsense", &["request_started(", "response_started(", "status=200"]);
}

#[trial]
fn an_exception_of_a_callback_is_logged_and_ignored(site: &Site) {
    let (failed, left) = if site.setup.is_ours() { ("WSGI1425", "WSGI1425") } else { ("WSGI0112", "WSGI0190") };
    assert_eq!(site.get("/told/failing?failing").ok(), "plain");
    site.allow_tracebacks();
    site.expect_log("KeyError: 'for the trial'");
    site.expect_log(failed);
    assert_told(site, "failing", &["request_started(", "response_started(", "status=200"]);
    assert_eq!(site.get("/told/leaving?leaving").ok(), "plain");
    site.expect_log("SystemExit: for the trial");
    site.expect_log(left);
    assert_told(site, "leaving", &["request_started(", "response_started(", "status=200"]);
}

#[trial]
fn an_exception_of_the_application_is_told(site: &Site) {
    site.get("/told/raises?raising").expect(500);
    site.allow_tracebacks();
    site.expect_log("RuntimeError: of the application");
    site.allow_log("re:WSGI[0-9]+: ");
    let parts = ["request_exception(exception_info=RuntimeError:of the application request_data=dict request_id=", "status=500"];
    assert_told(site, "raising", &parts);
    assert!(!told(site, "raising").contains("response_started"));
}

#[trial]
fn an_exception_of_close_is_told(site: &Site) {
    site.get("/told/closing?closing").expect(201);
    site.allow_tracebacks();
    site.expect_log("RuntimeError: of close");
    site.allow_log("re:WSGI[0-9]+: ");
    let end = "output_length=6 output_time=";
    let parts =
        ["response_started(", "request_exception(exception_info=RuntimeError:of close", end, "output_writes=2", "status=201"];
    assert_told(site, "closing", &parts);
}

#[trial]
fn a_second_start_of_the_response_is_told(site: &Site) {
    site.get("/told/again?again").expect(404);
    let second = "response_started(exception_info=ValueError:of the first";
    assert_told(site, "again", &["response_status=200 OK", second, "response_status=404 Gone", "status=404"]);
}

#[trial]
fn body_and_response_are_counted(site: &Site) {
    assert_eq!(site.post("/told/echo?counted", "0123456789").ok(), "0123456789");
    assert_told(site, "counted", &["input_length=10 input_reads=", "output_length=10 output_time=", "output_writes=2 "]);
    assert!(!told(site, "counted").contains("input_reads=0"));
}

#[trial(differs("it counts what httpd drops"))]
fn nothing_is_counted_of_the_body_of_a_head(site: &Site) {
    site.send(&Request::new("HEAD", "/told/plain?head")).expect(200);
    assert_told(site, "head", &["output_length=0 output_time=", "output_writes=0 ", "status=200"]);
}

#[trial(differs("it is the one that start_response was given"))]
fn the_end_tells_the_status_that_the_client_saw(site: &Site) {
    site.get("/told/broken?broken").expect(500);
    site.expect_traceback("RuntimeError: of the application");
    site.allow_log("re:WSGI[0-9]+: ");
    assert_told(site, "broken", &["response_status=200 OK", "request_exception(", "status=500"]);
}

#[trial(reach(Reach::Everywhere).threads())]
fn the_processors_time_is_counted(site: &Site) {
    let mut tries = 0;
    // Of the request that the script is loaded for it is not known how long it has waited for Python.
    poll::wait_for("a request that was watched from its beginning", || {
        tries += 1;
        site.get(&format!("/told/used?used-{tries}")).ok();
        let line = site.expect_log(&format!("used by used-{tries}: ")).text;
        assert!(line.contains("enough=True"), "{line}");
        told(site, &format!("used-{tries}"));
        line.ends_with("waited=True")
    });
}

#[trial]
fn callbacks_can_be_taken_away(site: &Site) {
    assert_eq!(site.get("/told/silent?silent").ok(), "silent");
    let text = told(site, "silent");
    assert!(text.contains("request_started(") && text.contains("request_finished("), "{text}");
    assert!(!text.contains("response_started"), "{text}");
}

#[trial]
fn a_signal_to_a_daemon_process_is_told_to_each_group(site: &Site) {
    if site.setup.mode != Mode::Daemon {
        site.setup.skip("in an Apache child signals are httpd's own");
    }
    let groups = ["told", "other"];
    // Both have been loaded.
    for group in groups {
        site.get(&format!("/{group}/plain?loaded-{group}")).ok();
        told(site, &format!("loaded-{group}"));
    }
    let mut processes = Vec::new();
    for (name, number) in [("SIGHUP", 1), ("SIGUSR2", 12)] {
        processes.push(site.get(&format!("/told/signal?{number}")).ok());
        told(site, &number.to_string());
        for group in groups {
            let line = format!("process event of {group}: process_signal(signame={name} signum={number})");
            site.expect_log(&line);
            let told = site.log().iter().filter(|found| found.text.contains(&line)).count();
            assert_eq!(told, 1, "{line}");
        }
    }
    assert_eq!(processes[0], processes[1], "the process goes on");
}

#[trial]
fn active_requests_are_those_that_run(site: &Site) {
    let shown = site.get("/told/active?active").ok();
    let (shown, own) = shown.split_once(' ').unwrap();
    assert_eq!(shown, "True");
    told(site, "active");
    // mod_wsgi tells of the end after the client has got everything.
    poll::wait_for("the request is no longer active", || !site.get("/told/others?others").ok().contains(own));
    told(site, "others");
}

#[trial(differs("they are always kept"))]
fn active_requests_begin_when_they_are_asked_for(setup: &Setup) {
    let plan = Plan::new("request_events.conf").define("UNASKED", "1");
    let server = Httpd::start(setup, &plan, "request-events-unasked");
    let site = Site::new(&server, setup);
    assert_eq!(site.get("/unasked").ok(), "0 False");
    assert_eq!(site.get("/unasked").ok(), "1 True");
}

#[trial]
fn the_end_of_a_process_is_told(setup: &Setup) {
    let mut server = Httpd::start(setup, &Plan::new("request_events.conf"), "request-events-end");
    server.announce("events of ");
    server.announce("process event of ");
    Site::new(&server, setup).get("/told/plain?ending").ok();
    server.stop().unwrap();
    let reason = if setup.mode == Mode::Daemon { "shutdown_signal" } else { "" };
    let line = format!("process event of told: process_stopping(shutdown_reason={reason})");
    let log = server.whole_log();
    assert!(log.iter().any(|found| found.text.contains(&line)), "{line}");
}
