/*! Time limits of daemon processes and of their requests: what happens when each is over, and that nothing happens before. */

use crate::support::client::{Client, Request};
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::processes::{self, Process};
use crate::support::site::Site;
use crate::{case, own};
use rustix::process::Signal;
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
            case!(a_process_is_replaced_after_enough_requests),
            case!(a_request_that_outlives_the_time_to_drain_is_cut),
            case!(an_old_process_is_replaced),
            case!(an_idle_process_is_replaced_and_one_that_is_asked_is_not),
            case!(a_request_that_does_not_count_keeps_nothing_alive),
            case!(a_process_that_used_the_processor_enough_finishes_and_is_replaced),
            case!(a_signal_asks_for_a_successor_and_loses_no_request),
            case!(an_eviction_has_a_limit_of_its_own),
            case!(signals_that_mean_nothing_do_no_harm),
            case!(signals_are_told_to_whoever_has_subscribed),
            case!(a_first_request_does_not_wait_for_ever_for_its_script),
            own!(what_only_one_process_can_have_is_told_of_overlap),
            own!(a_service_lives_on_after_sighup_and_is_replaced_at_sigusr1),
            own!(what_may_not_overlap_waits_for_the_processes_of_a_killed_supervisor),
            own!(a_stop_does_not_wait_for_a_request_that_never_ends).reach(Reach::Everywhere),
            own!(a_restart_does_not_wait_for_it_either).reach(Reach::Everywhere),
            own!(what_runs_at_a_stop_or_restart_is_finished).reach(Reach::Everywhere),
            own!(a_graceful_stop_answers_what_runs).reach(Reach::Everywhere),
            own!(a_graceful_stop_that_takes_too_long_is_a_stop).reach(Reach::Everywhere),
            own!(a_process_that_lost_its_supervisor_ends_in_time),
        ],
    )
    .in_daemon_mode()
    .plan(announced)
}

/// What processes may say at their end, which is not part of any trial. A process that was given up may be cut long after its trial. On a busy machine a
/// group with `startup-timeout=1` may need more than one try to start.
fn announced(plan: Plan) -> Plan {
    plan.announce("re:WSGI(1253|1304|1306|1313): |WSGI1301: group starting|[0-9]+ ends: [a-z_]+$")
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

/// Waits until another process than `before` serves a group, and `before` has said why it ended. No request fails meanwhile.
fn succeeded(site: &Site, group: &str, before: &str, reason: &str) {
    poll::wait_for("another process serves", || pid(site, group) != before);
    site.expect_log(&format!("re:pid {before}\\] {before} ends: {reason}$"));
}

fn a_process_is_replaced_after_enough_requests(site: &Site) {
    let before = pid(site, "few");
    succeeded(site, "few", &before, "maximum_requests");
}

/// Begins a request that lets nothing end it.
fn stubborn(site: &Site, group: &str) -> Client {
    let mut client = site.connect();
    client.send(&Request::get(&format!("/{group}/ignore?30")).head_bytes()).unwrap();
    poll::wait_for("the request runs", || site.get(&format!("/{group}/busy")).text() == "1");
    client
}

fn a_request_that_outlives_the_time_to_drain_is_cut(site: &Site) {
    site.allow_log("re:WSGI(1313|1327): ");
    let before = pid(site, "drained");
    let mut client = stubborn(site, "drained");
    poll::wait_for("another process serves", || pid(site, "drained") != before);
    let begun = Instant::now();
    client.receive(false).unwrap().expect(502);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    site.expect_log(&format!(
        "re:WSGI1313: process {before} of group drained .* while it served GET /drained/ignore .request id "
    ));
}

fn an_old_process_is_replaced(site: &Site) {
    let before = pid(site, "old");
    succeeded(site, "old", &before, "restart_interval");
}

/// Asks for `page` of the idle group until `limit` is over or another process than the first answers: whether that was so.
fn changes_while_asked(site: &Site, page: &str, limit: Duration) -> bool {
    let first = site.get(page).ok();
    poll::until(limit, || {
        std::thread::park_timeout(Duration::from_millis(200));
        (site.get(page).ok() != first).then_some(())
    })
    .is_some()
}

fn an_idle_process_is_replaced_and_one_that_is_asked_is_not(site: &Site) {
    assert!(!changes_while_asked(site, "/idle/pid", Duration::from_millis(4500)), "it had something to do all the time");
    let before = pid(site, "idle");
    let process = Process::find(before.parse().unwrap()).unwrap();
    poll::wait_for("the idle process ends", || !process.runs());
    site.expect_log(&format!("{before} ends: inactivity_timeout"));
    assert_ne!(pid(site, "idle"), before);
}

fn a_request_that_does_not_count_keeps_nothing_alive(site: &Site) {
    pid(site, "idle");
    assert!(changes_while_asked(site, "/idle/quiet", Duration::from_secs(8)), "such requests kept the process alive");
}

fn a_process_that_used_the_processor_enough_finishes_and_is_replaced(site: &Site) {
    let before = pid(site, "busy");
    assert_eq!(site.get("/busy/work?1.6").ok(), before, "the request that reached the limit is finished");
    succeeded(site, "busy", &before, "cpu_time_limit");
}

fn a_signal_asks_for_a_successor_and_loses_no_request(site: &Site) {
    for (signal, reason) in [("15", "shutdown_signal"), ("2", "shutdown_signal"), ("10", "graceful_signal")] {
        let before = pid(site, "told");
        let mut waiting = site.connect();
        waiting.send(&Request::get("/told/sleep?1").head_bytes()).unwrap();
        site.get(&format!("/told/signal?{signal}")).ok();
        poll::wait_for("another process serves", || pid(site, "told") != before);
        waiting.receive(false).unwrap().ok();
        site.expect_log(&format!("{before} ends: {reason}"));
    }
}

fn an_eviction_has_a_limit_of_its_own(site: &Site) {
    site.allow_log("re:WSGI(1313|1327): ");
    let before = pid(site, "evicted");
    let mut client = stubborn(site, "evicted");
    let begun = Instant::now();
    site.get("/evicted/signal?10").ok();
    client.receive(false).unwrap().expect(502);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_millis(4500), "{took:?}");
    replaced(site, "evicted", &before);
    site.expect_log(&format!("re:WSGI1313: process {before} of group evicted "));
}

fn signals_that_mean_nothing_do_no_harm(site: &Site) {
    let before = pid(site, "told");
    for signal in ["1", "12"] {
        assert_eq!(site.get(&format!("/told/signal?{signal}")).ok(), before);
        site.expect_log(&format!("signal {signal} means nothing"));
    }
    assert_eq!(pid(site, "told"), before);
}

/// `mod_wsgi.subscribe_signals`: told once, what one callback returns is told to the next, and an exception is logged and ignored.
fn signals_are_told_to_whoever_has_subscribed(site: &Site) {
    let before = pid(site, "hears");
    let event =
        |signal: &str, number: u8, more: &str| format!("process_signal [{more}('signame', '{signal}'), ('signum', {number})]");
    let mut told = Vec::new();
    for (signal, number) in [("SIGHUP", 1), ("SIGUSR2", 12)] {
        site.get(&format!("/hears/signal?{number}")).ok();
        told.push(event(signal, number, ""));
        told.push(event(signal, number, &format!("('more', {}), ", told.len())));
        poll::wait_for("both callbacks are told", || site.get("/hears/heard").ok() == told.join("; "));
        site.expect_traceback(&format!("KeyError: '{signal} for the trial'"));
        site.expect_log("WSGI1425");
    }
    assert_eq!(pid(site, "hears"), before);
}

fn a_first_request_does_not_wait_for_ever_for_its_script(site: &Site) {
    site.allow_log("re:WSGI(1327|1403|1324|1301): ");
    let begun = Instant::now();
    site.get("/starting/daemon_slow_start").expect(502);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
    site.expect_log("re:WSGI1403: .*`startup-timeout=1`");
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

/// Begins a request that takes so long, and says in the log when its work is done.
fn working(site: &Site, seconds: f32) -> Client {
    let mut client = site.connect();
    let request = Request::get(&format!("/told/finish?{seconds}")).header("Connection", "close");
    client.send(&request.head_bytes()).unwrap();
    poll::wait_for("the request runs", || site.get("/told/busy").text() == "1");
    client
}

/// At a stop and at a restart httpd closes its clients' connections; the application has its time to finish all the same, as long as it needs and no longer.
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
fn a_graceful_stop_that_takes_too_long_is_a_stop(setup: &Setup) {
    let plan = announced(Plan::new("daemon_timers.conf")).announce("re:WSGI132[78]: |AH00051");
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

fn a_process_that_lost_its_supervisor_ends_in_time(setup: &Setup) {
    let plan = announced(Plan::new("daemon_timers.conf")).announce("re:WSGI(1315|1327): ");
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
    replaced(&site, "evicted", &before);
}

/// SIGHUP and SIGUSR2 do nothing to a service, unless its script wants them; SIGUSR1 and SIGINT have it replaced, and it ends as its script likes.
fn a_service_lives_on_after_sighup_and_is_replaced_at_sigusr1(setup: &Setup) {
    let plan = announced(Plan::new("daemon_overlap.conf")).announce("the slow service ");
    let server = Httpd::start(setup, &plan, "daemon-service-signals");
    let site = Site::new(&server, setup);
    let said = |text: &str| server.whole_log().into_iter().filter(|line| line.text.contains(text)).collect::<Vec<_>>();
    let mut lives = 0;
    let mut next = || {
        lives += 1;
        poll::wait_for("the service runs", || said("the slow service begins").len() == lives);
        let line = said("the slow service begins").pop().unwrap().text;
        let pid = line.split("[pid ").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
        Process::find(pid.parse().unwrap()).unwrap()
    };
    let mut service = next();
    processes::send(service.pid, Signal::HUP);
    site.expect_log("signal 1 means nothing to a service");
    processes::send(service.pid, Signal::USR2);
    site.expect_log("the slow service hears of SIGUSR2");
    for signal in [Signal::USR1, Signal::INT] {
        assert!(service.runs());
        processes::send(service.pid, signal);
        poll::wait_for("the service ends", || !service.runs());
        service = next();
    }
    assert_eq!(said("the slow service ends").len(), 2, "it was not cut");
}

/// Killed processes' successors begin when they have gone: one with a request that hangs, and a service that takes its time to end. Each owns a name that
/// only one process can have, so that a successor that begins too early says so in the log.
fn what_may_not_overlap_waits_for_the_processes_of_a_killed_supervisor(setup: &Setup) {
    let plan = announced(Plan::new("daemon_overlap.conf")).announce("re:WSGI13(15|27|28): |the slow service ");
    // What its processes own has the same name whoever is their parent.
    let name = format!("{}-{}-{:?}", std::process::id(), setup.python.version, setup.mpm);
    let plan = plan.environment("TRIAL_NAME", name.leak()).define("OWN_SIZES", "1");
    let server = Httpd::start(setup, &plan, "daemon-orphans");
    let site = Site::new(&server, setup);
    let before = pid(&site, "sole");
    let process = Process::find(before.parse().unwrap()).unwrap();
    let begun =
        |count: usize| server.whole_log().iter().filter(|line| line.text.contains("the slow service begins")).count() >= count;
    poll::wait_for("the service runs", || begun(1));
    let mut client = site.connect();
    client.send(&Request::get("/sole/stubborn").head_bytes()).unwrap();
    poll::wait_for("the request runs", || site.get("/sole/busy").text() == "1");
    let parents = server.children().into_iter().map(|child| child.pid);
    let supervisor = parents.into_iter().find(|pid| processes::children(*pid).contains(&process)).unwrap();
    let descriptors = processes::descriptors(server.pid());
    processes::send(supervisor, Signal::KILL);
    client.receive(false).unwrap().expect(502);
    replaced(&site, "sole", &before);
    poll::wait_for("the service runs again", || begun(2));
    assert!(!process.runs());
    server.graceful();
    poll::wait_for("the service runs in the next generation", || begun(3));
    poll::wait_for("nothing is left open", || processes::descriptors(server.pid()) == descriptors);
}

fn what_only_one_process_can_have_is_told_of_overlap(setup: &Setup) {
    let held = "re:WSGI(12[0-9]+|1305): |the slow service |OSError: .*Address already in use|BlockingIOError: ";
    let plan = Plan::new("daemon_overlap.conf").announce(held);
    let server = Httpd::start(setup, &plan, "daemon-overlap");
    server.announce_tracebacks();
    let site = Site::new(&server, setup);
    for group in ["port", "lock"] {
        let before = pid(&site, group);
        site.get(&format!("/{group}/signal")).ok();
        site.expect_log(&format!("re:WSGI1305: process [0-9]+ of group {group} "));
        site.expect_log("re:hint: .* with `overlap=Off` in the group's WSGIDaemonProcess");
        assert_eq!(pid(&site, group), before, "the old process serves on");
    }
    let before = pid(&site, "sole");
    site.get("/sole/signal").ok();
    poll::wait_for("the next process serves", || pid(&site, "sole") != before);
}
