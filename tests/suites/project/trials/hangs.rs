/*! Trials A8 to A10, and what waits behind a busy thread: requests and processes that do not get on, though nobody has died. What waits for them is
told in time. *Runs in: tests.* */

use super::deaths::{STARTED, answer, begin, process};
use super::field::{Field, at_most, fact, long};
use crate::support::client::{Client, Request};
use crate::support::load::{self, Stream};
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::processes::{self, Process};
use registration::trial;
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// A8 for one way of hanging.
fn hang(setup: &Setup, name: &str, target: &str) {
    let field = Field::start(setup, name, "processes=2 threads=4 request-timeout=2");
    field.server.announce("re:WSGI(1262|1332|1300|1306|1313|1253|1302|1303|14[0-9][0-9])");
    field.server.announce_tracebacks();
    field.who();
    let streams = [Stream::kept(1, "/app/who").pause(Duration::from_millis(20)), Stream::kept(1, "/other")];
    let mut took = Duration::ZERO;
    let mut response = None;
    let tallies = load::run(field.server.files.port, &streams, &load::any, |_| {
        let mut client = Client::connect(field.server.files.port).unwrap();
        let begun = Instant::now();
        client.send(&Request::get(target).head_bytes()).unwrap();
        response = client.receive(false).ok();
        took = begun.elapsed();
    });
    let response = response.unwrap_or_else(|| panic!("the client of the hanging request got no answer"));
    fact(format!("status {} after {:.1} s", response.status, took.as_secs_f64()));
    assert_eq!(response.status, 504, "the client got {} after {took:?}", response.status);
    assert!(took < at_most(Duration::from_secs(3)), "the limit of 2 s took {took:?}");
    assert!(tallies[1].failed.is_empty(), "the other group failed: {:?}", tallies[1].failed);
    field.recovers_within(STARTED);
    poll::wait_for("the process that hung has gone", || field.loaded().len() == 2);
}

/// A8
pub fn a_hang_in_a_loop_ends_at_its_limit(setup: &Setup) {
    hang(setup, "hang-loop", "/app/spin?for=30");
}

/// A8
pub fn a_hang_in_a_sleep_ends_at_its_limit(setup: &Setup) {
    hang(setup, "hang-sleep", "/app/sleep?for=30");
}

/// A8
pub fn a_hang_with_the_gil_held_ends_at_its_limit(setup: &Setup) {
    hang(setup, "hang-gil", "/app/hold?for=30");
}

/// A9
pub fn a_full_queue_is_refused_early_and_recovers(setup: &Setup) {
    let field = Field::start(setup, "full-queue", "threads=2 listen-backlog=2 connect-timeout=2");
    field.server.announce("re:WSGI13(24|25|1[0-9]|4[0-9])|WSGI1590");
    field.server.announce_tracebacks();
    field.starts();
    let daemon = process(&field);
    let mut running = [begin(&field, "one"), begin(&field, "two")];
    let mut waiting = Vec::new();
    let mut refused = 0;
    for _ in 0..12 {
        let mut client = Client::connect(field.server.files.port).unwrap();
        let begun = Instant::now();
        client.send(&Request::get("/app/who").head_bytes()).unwrap();
        if client.hears_something_within(Duration::from_millis(300)).unwrap() {
            let response = answer(&mut client).expect(503);
            assert!(response.header("Retry-After").is_some(), "503 without Retry-After");
            assert!(begun.elapsed() < at_most(Duration::from_secs(1)), "a refusal took {:?}", begun.elapsed());
            refused += 1;
        } else {
            waiting.push(client);
        }
    }
    fact(format!("{} waited, {refused} were refused", waiting.len()));
    assert!(refused >= 6, "only {refused} of 12 requests were refused while both threads hung");
    field.others_serve();
    field.open_gate("one");
    field.open_gate("two");
    for client in running.iter_mut().chain(&mut waiting) {
        answer(client).expect(200);
    }
    assert_eq!(process(&field), daemon, "the process was not restarted");
}

/// Two requests to a group whose thread is busy and where one may wait: the one that does. The other was told so.
fn waits_alone(field: &Field<'_>, target: &str) -> Client {
    let ask = || {
        let mut client = Client::connect(field.server.files.port).unwrap();
        client.send(&Request::get(target).head_bytes()).unwrap();
        client
    };
    let (mut one, mut other) = (ask(), ask());
    let refused = poll::until(poll::SOON, || {
        let heard = |client: &mut Client| client.hears_something_within(Duration::from_millis(10)).unwrap();
        if heard(&mut one) { Some(true) } else { heard(&mut other).then_some(false) }
    });
    let (mut refused, waits) = if refused.expect("one of two finds the queue full") { (one, other) } else { (other, one) };
    answer(&mut refused).expect(503);
    waits
}

/// A request that waits in the queue of a process, and whose Apache child is killed meanwhile, is never begun; its place is free again while the
/// process is still busy.
#[trial]
pub fn a_killed_apache_child_gives_its_place_in_the_queue_back(setup: &Setup) {
    let field = Field::start(setup, "killed-waiting", "threads=1 listen-backlog=1");
    field.server.announce("re:AH0005[12]|exit signal|WSGI13(24|25|4[0-9])|WSGI1590");
    field.server.announce_tracebacks();
    field.starts();
    let daemon = process(&field);
    let _running = begin(&field, "running");
    let _waiting = waits_alone(&field, "/app/gate?name=waiting");
    let dead: Vec<Process> = field.workers().into_iter().filter_map(Process::find).collect();
    let killed = Instant::now();
    dead.iter().copied().for_each(Process::kill);
    poll::wait_for("new children serve", || {
        let other = || Client::connect(field.server.files.port).and_then(|mut client| client.exchange(&Request::get("/other")));
        !dead.iter().any(|child| child.runs()) && other().is_ok_and(|response| response.status == 200)
    });
    let next = poll::until(poll::SOON, || {
        let mut client = Client::connect(field.server.files.port).unwrap();
        client.send(&Request::get("/app/who").head_bytes()).unwrap();
        (!client.hears_something_within(Duration::from_millis(300)).unwrap()).then_some(client)
    });
    let mut next = next.expect("the place is free again while the process is busy");
    let took = killed.elapsed();
    assert!(field.notes("begun-waiting").is_empty(), "the one thread was still busy");
    field.open_gate("running");
    answer(&mut next).expect(200);
    assert!(took < at_most(Duration::from_secs(4)), "the place was free {took:?} after the child's death");
    assert!(field.notes("begun-waiting").is_empty(), "the request of a dead child was begun");
    assert_eq!(process(&field), daemon, "the process lives on");
}

/// A10
pub fn a_stopped_process_holds_up_its_group_for_the_queue_timeout_alone(setup: &Setup) {
    let field = Field::start(setup, "stopped", "threads=2 queue-timeout=2");
    field.server.announce("re:WSGI13(26|3[0-9]|4[0-9])|WSGI1590");
    field.server.announce_tracebacks();
    let daemon = process(&field);
    processes::stop(daemon.pid);
    let mut clients: Vec<Client> = (0..6)
        .map(|_| {
            let mut client = Client::connect(field.server.files.port).unwrap();
            client.send(&Request::get("/app/who").header("Connection", "close").head_bytes()).unwrap();
            client
        })
        .collect();
    field.others_serve();
    // Those that wait for a thread are told; those that were handed over wait for the process, which may have begun them.
    let begun = Instant::now();
    let mut told = 0;
    for client in &mut clients {
        if client
            .hears_something_within(Duration::from_secs(4).saturating_sub(begun.elapsed()).max(Duration::from_millis(1)))
            .unwrap()
        {
            answer(client).expect(504);
            told += 1;
        }
    }
    fact(format!("{told} of 6 requests got a response after the queue timeout"));
    assert!(told >= 4, "only {told} of 6 requests got a response after the queue timeout");
    if long() {
        // However long it stands still, it goes on when it may.
        poll::let_pass(Duration::from_secs(30));
    }
    processes::send(daemon.pid, Signal::CONT);
    field.recovers_within(STARTED);
    assert_eq!(process(&field), daemon, "the same process goes on");
    poll::wait_for("there is one process", || field.loaded().len() == 1);
}
