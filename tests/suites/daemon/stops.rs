/*! How daemon processes end with their server: at a stop, a restart, a graceful stop, and when their supervisor is gone. What runs is finished,
what hangs is not waited for. *Runs in: tests.* */

use crate::suite;
use crate::suites::daemon::timers::{announced, pid, replaced, stubborn};
use crate::support::client::{Client, Request};
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::processes::{self, Process};
use crate::support::site::Site;
use registration::trial;
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// The suite.
pub fn suite() -> Suite {
    suite!("daemon_stops").in_daemon_mode()
}

/// A server with a request in a process with `shutdown-timeout=1` that nothing ends: that process, and an idle one of another group. httpd waits for its
/// own child, which waits for the request; after three seconds it would say so (`AH00045`), which nobody announces here.
fn hanging(setup: &Setup, name: &str) -> (Httpd, Client, Process, Process) {
    let plan = announced(Plan::new("daemon_timers.conf")).announce("re:WSGI132[78]: ");
    let server = Httpd::start(setup, &plan, name);
    let site = Site::new(&server, setup);
    let process = |group: &str| Process::find(pid(&site, group).parse().unwrap()).unwrap();
    let (hangs, idle) = (process("evicted"), process("told"));
    let client = stubborn(&site, "evicted");
    (server, client, hangs, idle)
}

/// Waits until the processes of [`hanging`] have gone, each as soon as it should.
fn gone_in_time(server: &Httpd, hangs: Process, idle: Process, begun: Instant) {
    poll::wait_for("the idle process has gone", || !idle.runs());
    assert!(hangs.runs(), "an idle process waited for shutdown-timeout");
    poll::wait_for("the process whose request hangs has gone", || !hangs.runs());
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(950) && took < Duration::from_millis(2500), "shutdown-timeout=1 took {took:?}");
    let cut = format!("pid {}] WSGI1253: requests were still running", hangs.pid);
    // Its words reach the log by way of the supervisor.
    poll::wait_for("it has said why it ended", || server.whole_log().iter().any(|line| line.text.contains(&cut)));
}

#[trial(reach(Reach::Everywhere))]
fn a_stop_does_not_wait_for_a_request_that_never_ends(setup: &Setup) {
    let (mut server, _client, hangs, idle) = hanging(setup, "daemon-timers-stop");
    let begun = Instant::now();
    server.signal(Signal::TERM);
    gone_in_time(&server, hangs, idle, begun);
    poll::wait_for("httpd has ended", || server.has_ended());
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(3500), "shutdown-timeout=1, and httpd took {took:?}");
    server.stop().unwrap();
}

#[trial(reach(Reach::Everywhere))]
fn a_restart_does_not_wait_for_it_either(setup: &Setup) {
    let (server, _client, hangs, idle) = hanging(setup, "daemon-timers-restart");
    let begun = Instant::now();
    server.signal(Signal::HUP);
    gone_in_time(&server, hangs, idle, begun);
    let site = Site::new(&server, setup);
    poll::wait_for("the next generation serves", || {
        let answer = Client::connect(server.files.port).and_then(|mut client| client.exchange(&Request::get("/evicted/pid")));
        answer.is_ok_and(|response| response.status == 200)
    });
    assert_ne!(pid(&site, "evicted"), hangs.pid.to_string());
}

/// A server with a request that waits for the processes of a group that takes its time to start; nobody else may wait beside it.
fn waiting(setup: &Setup, name: &str) -> (Httpd, Client) {
    let plan = announced(Plan::new("daemon_timers.conf"))
        .line("WSGIDaemonProcess slow threads=1 listen-backlog=1 connect-timeout=60 shutdown-timeout=1")
        .line("WSGIScriptAlias /slow \"${APPS}/daemon_slow_start.wsgi\" process-group=slow application-group=%{GLOBAL}")
        .announce("re:WSGI(1313|1341): ");
    let server = Httpd::start(setup, &plan, name);
    let site = Site::new(&server, setup);
    let mut first = site.connect();
    first.send(&Request::get("/slow").head_bytes()).unwrap();
    // Only when it has been taken can nobody be before it.
    assert!(!first.hears_something_within(Duration::from_millis(400)).unwrap(), "the first one waits");
    poll::wait_for("another request is refused, as one waits", || is_refused(&site));
    site.expect_log("no process of the group `slow` is ready yet, and 1 requests (listen-backlog) are waiting for one");
    assert!(!first.hears_something_within(Duration::from_millis(1)).unwrap(), "the first one still waits");
    (server, first)
}

/// Whether a request for the slow group is refused; else it is given up at once.
fn is_refused(site: &Site) -> bool {
    let mut client = site.connect();
    client.send(&Request::get("/slow").head_bytes()).unwrap();
    let answered = client.hears_something_within(Duration::from_millis(400)).unwrap();
    answered && client.receive(false).unwrap().status == 503
}

/// Nothing will come for it any more, and its `connect-timeout` is longer than httpd waits for its children.
#[trial(reach(Reach::Everywhere))]
fn who_waits_for_a_process_does_not_hold_a_stop_up(setup: &Setup) {
    let (mut server, _client) = waiting(setup, "daemon-waits-stop");
    let begun = Instant::now();
    server.signal(Signal::TERM);
    poll::wait_for("httpd has ended", || server.has_ended());
    let took = begun.elapsed();
    // The process that loads its script has its `shutdown-timeout`. After three seconds httpd would complain of its child.
    assert!(took < Duration::from_secs(3), "the stop took {took:?}");
    server.stop().unwrap();
}

#[trial]
fn who_leaves_while_it_waits_for_a_process_makes_room(setup: &Setup) {
    let (server, first) = waiting(setup, "daemon-waits-leave");
    let site = Site::new(&server, setup);
    drop(first);
    poll::wait_for("another one may wait in its place", || !is_refused(&site));
}

/// Begins a request that takes so long, and says in the log when its work is done.
fn working(site: &Site, seconds: f32) -> Client {
    let mut client = site.connect();
    let request = Request::get(&format!("/told/finish?{seconds}")).header("Connection", "close");
    client.send(&request.head_bytes()).unwrap();
    poll::wait_for("the request runs", || site.get("/told/busy").text() == "1");
    client
}

/// At a stop and at a restart httpd closes its clients' connections; the application has its time to finish all the same, as long as it needs and no longer.
#[trial(reach(Reach::Everywhere))]
fn what_runs_at_a_stop_or_restart_is_finished(setup: &Setup) {
    for signal in [Signal::HUP, Signal::TERM] {
        let plan = announced(Plan::new("daemon_timers.conf")).announce("re:WSGI132[78]: |AH00051|the work is done");
        let mut server = Httpd::start(setup, &plan, "daemon-timers-finish");
        let site = Site::new(&server, setup);
        let process = Process::find(pid(&site, "told").parse().unwrap()).unwrap();
        let _client = working(&site, 1.0);
        let begun = Instant::now();
        // A signal to stop that comes while httpd restarts is lost, so that is waited for.
        if signal == Signal::HUP {
            server.restart()
        } else {
            server.signal(signal)
        }
        poll::wait_for("the process has gone", || !process.runs());
        // `shutdown-timeout` is 5 s.
        assert!(begun.elapsed() < Duration::from_secs(4), "{signal:?}: {:?}", begun.elapsed());
        poll::wait_for("it did its work", || server.whole_log().iter().any(|line| line.text.contains("the work is done")));
        if signal == Signal::TERM {
            poll::wait_for("httpd has ended", || server.has_ended());
            server.stop().unwrap();
        }
    }
}

/// A graceful stop waits for requests, whose clients get their answers, and ends what it finds idle.
#[trial(reach(Reach::Everywhere))]
fn a_graceful_stop_answers_what_runs(setup: &Setup) {
    let plan = announced(Plan::new("daemon_timers.conf")).announce("the work is done");
    let mut server = Httpd::start(setup, &plan, "daemon-timers-graceful-stop");
    let site = Site::new(&server, setup);
    let process = Process::find(pid(&site, "told").parse().unwrap()).unwrap();
    let mut client = working(&site, 2.0);
    server.signal(Signal::WINCH);
    assert_eq!(client.receive(false).unwrap().ok(), process.pid.to_string());
    let answered = Instant::now();
    poll::wait_for("httpd has ended", || server.has_ended());
    assert!(!process.runs() && answered.elapsed() < Duration::from_secs(4), "{:?}", answered.elapsed());
    server.stop().unwrap();
}

/// What it waits for too long is httpd's to say (`GracefulShutdownTimeout`); then it is a stop, with `shutdown-timeout`.
#[trial(reach(Reach::Everywhere))]
fn a_graceful_stop_that_takes_too_long_is_a_stop(setup: &Setup) {
    let plan = announced(Plan::new("daemon_timers.conf")).announce("re:WSGI1360: |AH00051");
    let mut server = Httpd::start(setup, &plan.line("GracefulShutdownTimeout 1"), "daemon-timers-graceful-limit");
    let site = Site::new(&server, setup);
    let process = Process::find(pid(&site, "evicted").parse().unwrap()).unwrap();
    let _client = stubborn(&site, "evicted");
    let begun = Instant::now();
    server.signal(Signal::WINCH);
    poll::wait_for("httpd has ended", || server.has_ended());
    let took = begun.elapsed();
    // A second each: httpd's limit, how often it looks at it, shutdown-timeout.
    assert!(!process.runs() && took >= Duration::from_secs(2) && took < Duration::from_millis(5500), "{took:?}");
    server.stop().unwrap();
}

#[trial]
fn a_process_that_lost_its_supervisor_ends_in_time(setup: &Setup) {
    let plan = announced(Plan::new("daemon_timers.conf")).announce("re:WSGI(1315|1360): ");
    let server = Httpd::start(setup, &plan, "daemon-timers-lost");
    let site = Site::new(&server, setup);
    let before = pid(&site, "evicted");
    let process = Process::find(before.parse().unwrap()).unwrap();
    let mut client = stubborn(&site, "evicted");
    let parents = server.children().into_iter().map(|child| child.pid);
    let supervisor = parents.into_iter().find(|pid| processes::children(*pid).contains(&process)).unwrap();
    let begun = Instant::now();
    processes::send(supervisor, Signal::KILL);
    client.receive(false).unwrap().expect(502);
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(4), "shutdown-timeout=1 took {took:?}");
    poll::wait_for("the process has gone", || !process.runs());
    site.expect_log("re:WSGI1360: .*`evicted` was stopped while it served the request, because `shutdown-timeout` expired");
    replaced(&site, "evicted", &before);
}
