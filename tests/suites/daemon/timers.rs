/*! Time limits of daemon processes and of their requests: what happens when each is over, and that nothing happens before. */

use crate::suite;
use crate::support::client::{Client, Request};
use crate::support::httpd::Plan;
use crate::support::matrix::Suite;
use crate::support::poll;
use crate::support::processes::Process;
use crate::support::site::Site;
use registration::trial;
use std::time::{Duration, Instant};

/// The suite.
pub fn suite() -> Suite {
    suite!("daemon_timers").in_daemon_mode().plan(announced)
}

/// What processes may say at their end, which is not part of any trial. A process that was given up may be cut long after its trial. On a busy machine a
/// group with `startup-timeout=1` may need more than one try to start.
pub(super) fn announced(plan: Plan) -> Plan {
    plan.announce("re:WSGI(1253|1304|1306|1313): |WSGI1301: group starting|[0-9]+ ends: [a-z_]+$")
}

/// The process that serves a group.
pub(super) fn pid(site: &Site, group: &str) -> String {
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
pub(super) fn replaced(site: &Site, group: &str, before: &str) {
    poll::wait_for("another process serves", || {
        let response = site.get(&format!("/{group}/pid"));
        response.status == 200 && response.text() != before
    });
}

fn interrupted(site: &Site, group: &str) {
    let before = pid(site, group);
    site.allow_log("re:WSGI(1401|1332): ");
    site.allow_tracebacks();
    // Well before the five seconds after which `interrupt-timeout=4` would have ended the process; 2.2 s were seen on 0.8 of a processor.
    too_late(site, &format!("/{group}/loop?20"), Duration::from_millis(3900));
    let line =
        site.expect_log("re:WSGI1401: GET /.*/loop .request id .* has run for .* `request-timeout=1`, and mod_wsgi.Request");
    assert!(!line.text.contains("?20"), "no query is logged: {}", line.text);
    site.expect_log("re:File .*daemon_timers.wsgi., line .* in turn_in_circles");
    assert_eq!(pid(site, group), before, "the process goes on, with its only thread");
}

#[trial]
fn a_request_that_loops_is_interrupted_and_its_process_goes_on(site: &Site) {
    interrupted(site, "patient");
}

#[trial]
fn a_sub_interpreter_is_interrupted_alike(site: &Site) {
    interrupted(site, "sub");
}

#[trial]
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

#[trial]
fn an_application_may_answer_the_exception_itself(site: &Site) {
    site.allow_log("re:WSGI1401: ");
    site.allow_tracebacks();
    assert_eq!(site.get("/patient/answer").expect(408).text(), "its own answer");
}

#[trial]
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

#[trial]
fn a_request_that_ignores_the_exception_has_its_process_replaced(site: &Site) {
    let before = pid(site, "stubborn");
    site.allow_log("re:WSGI(1401|1332|1262): ");
    site.allow_tracebacks();
    too_late(site, "/stubborn/ignore?20", Duration::from_millis(2900));
    site.expect_log("re:WSGI1262: GET /stubborn/ignore .* and did not end within `interrupt-timeout=1`");
    replaced(site, "stubborn", &before);
}

#[trial]
fn a_request_that_holds_the_lock_in_c_is_504_on_time(site: &Site) {
    let before = pid(site, "locked");
    site.allow_log("re:WSGI(1401|1332|1262): ");
    site.allow_tracebacks();
    too_late(site, "/locked/hang", Duration::from_millis(2900));
    site.expect_log("re:WSGI1262: GET /locked/hang ");
    site.allow_log("re:Stack .most recent|File \"");
    site.expect_log("re:WSGI1401: GET /locked/hang .* is overdue, and the GIL could not be acquired");
    site.expect_log("re:daemon_timers.wsgi., line [0-9]+ in hang");
    replaced(site, "locked", &before);
}

#[trial]
fn a_request_without_interrupt_timeout_shows_where_it_was(site: &Site) {
    let before = pid(site, "strict");
    site.allow_log("re:WSGI(1401|1332|1262): ");
    site.allow_tracebacks();
    too_late(site, "/strict/loop?6", Duration::from_millis(3900));
    site.expect_log("re:WSGI1262: GET /strict/loop ");
    let line =
        site.expect_log("re:WSGI1401: GET /strict/loop .* longer than `request-timeout=1`. Its stack, innermost call last:");
    assert!(!line.text.contains("RequestTimeout"), "{}", line.text);
    site.expect_log("re:in turn_in_circles");
    replaced(site, "strict", &before);
}

#[trial]
fn a_process_whose_lock_nobody_gets_is_replaced(site: &Site) {
    let before = pid(site, "stuck");
    assert_eq!(site.get("/stuck/hold?1").ok(), before, "a second without the lock is no deadlock");
    site.allow_log("re:WSGI(1300|1360|1401): |Stack .most recent|File \"");
    let begun = Instant::now();
    site.get("/stuck/hang").expect(502);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_millis(5500), "{took:?}");
    site.expect_log("re:WSGI1402: .*`deadlock-timeout=2`.*it was serving GET /stuck/hang .request id ");
    site.expect_log("re:daemon_timers.wsgi., line [0-9]+ in hang");
    site.expect_log("re:WSGI1360: .*`stuck` was stopped .*, because no thread .* `deadlock-timeout`");
    replaced(site, "stuck", &before);
}

/// A C function keeps Python's lock while the queue is full: the thread writes its stack itself, its request ends well, and all is said once.
#[trial]
fn where_threads_are_is_shown_though_nobody_gets_the_lock(site: &Site) {
    let before = pid(site, "kept");
    site.allow_log("re:WSGI(1325|1590): |Stack .most recent|File \"");
    site.allow_tracebacks();
    let send = |target: &str| {
        let mut client = site.connect();
        client.send(&Request::get(target).head_bytes()).unwrap();
        client
    };
    let mut holds = send("/kept/grip?8");
    let mut waiting = Vec::new();
    let mut refused = false;
    while !refused && waiting.len() < 4 {
        let mut client = send("/kept/pid");
        if client.hears_something_within(Duration::from_millis(300)).unwrap() {
            // One that came before the thread had begun was answered.
            refused = client.receive(false).unwrap().status == 503;
        } else {
            waiting.push(client);
        }
    }
    assert!(refused, "a queue of one is full");
    site.expect_log(
        "re:WSGI1590: .*the GIL could not be acquired. The stack of GET /kept/grip .request id .* s., innermost call first",
    );
    site.expect_log("re:daemon_timers.wsgi., line [0-9]+ in grip");
    site.get("/kept/pid").expect(503);
    assert_eq!(holds.receive(false).unwrap().ok(), before, "nothing was done to the request");
    for client in &mut waiting {
        // On a busy machine a refusal may have taken longer than it was waited for.
        client.receive(false).unwrap();
    }
    assert_eq!(pid(site, "kept"), before);
    let said = |what: &str| site.log().iter().filter(|line| line.text.contains(what)).count();
    assert_eq!(said("in time, and the GIL could not be acquired"), 1, "once a minute is enough");
}

/// Waits until another process than `before` serves a group, and `before` has said why it ended. No request fails meanwhile.
fn succeeded(site: &Site, group: &str, before: &str, reason: &str) {
    poll::wait_for("another process serves", || pid(site, group) != before);
    site.expect_log(&format!("re:pid {before}\\] {before} ends: {reason}$"));
}

#[trial]
fn a_process_is_replaced_after_enough_requests(site: &Site) {
    let before = pid(site, "few");
    succeeded(site, "few", &before, "maximum_requests");
}

/// Begins a request that lets nothing end it.
pub(super) fn stubborn(site: &Site, group: &str) -> Client {
    let mut client = site.connect();
    client.send(&Request::get(&format!("/{group}/ignore?30")).head_bytes()).unwrap();
    poll::wait_for("the request runs", || site.get(&format!("/{group}/busy")).text() == "1");
    client
}

#[trial]
fn a_request_that_outlives_the_time_to_drain_is_cut(site: &Site) {
    site.allow_log("re:WSGI(1313|1360): ");
    let before = pid(site, "drained");
    let mut client = stubborn(site, "drained");
    poll::wait_for("another process serves", || pid(site, "drained") != before);
    let begun = Instant::now();
    client.receive(false).unwrap().expect(502);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    site.expect_log(&format!(
        "re:WSGI1313: process {before} of group drained .* while it served GET /drained/ignore .request id "
    ));
    site.expect_log("re:WSGI1360: .*`drained` was stopped .*`graceful-timeout` and then `shutdown-timeout` expired.*To fix: raise `graceful-timeout=`");
}

#[trial]
fn an_old_process_is_replaced(site: &Site) {
    let before = pid(site, "old");
    succeeded(site, "old", &before, "restart_interval");
}

/// Asks for `page` of the idle group until `limit` is over or another process than the first answers: whether that was so.
fn changes_while_asked(site: &Site, page: &str, limit: Duration) -> bool {
    let first = site.get(page).ok();
    poll::until(limit, || (site.get(page).ok() != first).then_some(())).is_some()
}

#[trial]
fn an_idle_process_is_replaced_and_one_that_is_asked_is_not(site: &Site) {
    assert!(!changes_while_asked(site, "/idle/pid", Duration::from_millis(4500)), "it had something to do all the time");
    let before = pid(site, "idle");
    let process = Process::find(before.parse().unwrap()).unwrap();
    poll::wait_for("the idle process ends", || !process.runs());
    site.expect_log(&format!("{before} ends: inactivity_timeout"));
    assert_ne!(pid(site, "idle"), before);
}

#[trial]
fn a_request_that_does_not_count_keeps_nothing_alive(site: &Site) {
    pid(site, "idle");
    assert!(changes_while_asked(site, "/idle/quiet", Duration::from_secs(8)), "such requests kept the process alive");
}

#[trial]
fn a_process_that_used_the_processor_enough_finishes_and_is_replaced(site: &Site) {
    let before = pid(site, "busy");
    assert_eq!(site.get("/busy/work?1.6").ok(), before, "the request that reached the limit is finished");
    succeeded(site, "busy", &before, "cpu_time_limit");
}

#[trial]
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

#[trial]
fn an_eviction_has_a_limit_of_its_own(site: &Site) {
    site.allow_log("re:WSGI(1313|1360): ");
    let before = pid(site, "evicted");
    let mut client = stubborn(site, "evicted");
    let begun = Instant::now();
    site.get("/evicted/signal?10").ok();
    client.receive(false).unwrap().expect(502);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_millis(4500), "{took:?}");
    replaced(site, "evicted", &before);
    site.expect_log(&format!("re:WSGI1313: process {before} of group evicted "));
    site.expect_log("re:WSGI1360: .*`evicted` was stopped .*`eviction-timeout` and then .*To fix: raise `eviction-timeout=`");
}

#[trial]
fn signals_that_mean_nothing_do_no_harm(site: &Site) {
    let before = pid(site, "told");
    for signal in ["1", "12"] {
        assert_eq!(site.get(&format!("/told/signal?{signal}")).ok(), before);
        site.expect_log(&format!("signal {signal} was ignored"));
    }
    assert_eq!(pid(site, "told"), before);
}

/// `mod_wsgi.subscribe_signals`: told once, what one callback returns is told to the next, and an exception is logged and ignored.
#[trial]
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

#[trial]
fn a_first_request_does_not_wait_for_ever_for_its_script(site: &Site) {
    site.allow_log("re:WSGI(1360|1403|1324|1301): ");
    let begun = Instant::now();
    site.get("/starting/daemon_slow_start").expect(502);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
    site.expect_log("re:WSGI1403: .*`startup-timeout=1`");
    site.expect_log("re:WSGI1360: .*`starting` was stopped .*no script was loaded within `startup-timeout`");
}
