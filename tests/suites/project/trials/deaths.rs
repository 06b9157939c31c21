/*! Trials A: what happens when a process dies: a daemon's, an Apache child's, the parent's, the supervisor's. *Runs in: tests.* */

use super::field::{Field, at_most, fact};
use crate::support::client::{Client, Request};
use crate::support::curl;
use crate::support::error_log::{Line, pattern};
use crate::support::load::{self, Stream, nothing_failed};
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::processes::{self, Process};
use crate::support::response::{Framing, Response};
use crate::support::site::Site;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

/// What a death leads to in our log.
const DEATH: &str = "re:WSGI13(00|01|27|28|39):|Python stack of the thread|  File \"";
/// How long a new process may take until it serves, on a machine with other work to do.
pub(super) const STARTED: Duration = Duration::from_secs(8);

/// Sends a request that waits for the trial; it has begun when this returns.
pub(super) fn begin(field: &Field<'_>, gate: &str) -> Client {
    let mut client = Client::connect(field.server.files.port).unwrap();
    client.send(&Request::get(&format!("/app/gate?name={gate}")).head_bytes()).unwrap();
    field.wait_for_note(&format!("begun-{gate}"));
    client
}

/// Reads a response that must come soon; an error says what came instead.
#[track_caller]
pub(super) fn answer(client: &mut Client) -> Response {
    client.receive(false).unwrap_or_else(|error| panic!("no answer came: {error}"))
}

/// The hurt group's process.
#[track_caller]
pub(super) fn process(field: &Field<'_>) -> Process {
    Process::find(field.who().pid).expect("the process that answered lives")
}

/// A1
pub fn a_death_before_the_answer_is_502_at_once(setup: &Setup) {
    let field = Field::start(setup, "death-first", "threads=5");
    field.server.announce(DEATH);
    let site = field.site();
    let daemon = process(&field);
    let mut client = begin(&field, "first");
    let died = Instant::now();
    daemon.kill();
    let response = answer(&mut client).expect(502);
    let heard = died.elapsed();
    assert!(heard < at_most(Duration::from_secs(1)), "the answer came after {heard:?}");
    drop(response);
    let recovered = field.recovers_within(STARTED);
    fact(format!("502 after {} ms, served again {} ms later", heard.as_millis(), recovered.as_millis()));
    field.others_serve();
    explained(&site, Some(daemon), "SIGKILL|signal 9|Killed|killed", "/app/gate");
}

/// Asserts that one line of the log names a dead process, how it died, and what it served. Whose words they are does not matter.
#[track_caller]
fn explained(site: &Site<'_>, process: Option<Process>, death: &str, served: &str) {
    let pid = process.map_or_else(String::new, |process| process.pid.to_string());
    let death = pattern(&format!("re:{death}"));
    let names = |line: &Line| line.text.contains(&pid) && death.is_match(&line.text) && line.text.contains(served);
    let found = poll::until(Duration::from_secs(3), || site.log().into_iter().find(names));
    assert!(found.is_some(), "no line of the log names the process, its signal or status, and the request");
}

/// A2 and A3 over HTTP/1.1: the body was cut, and looks cut.
#[track_caller]
fn looks_cut(field: &Field<'_>, how: &str, when: &str) {
    let mut client = Client::connect(field.server.files.port).unwrap();
    let target = format!("/app/die?how={how}&when={when}");
    let response = client.exchange(&Request::get(&target));
    let response =
        response.unwrap_or_else(|error| panic!("the client waits for the rest of a response that was aborted: {error}"));
    let response = response.expect(200);
    let framing = if when == "length" { Framing::Length(1000) } else { Framing::Chunked };
    assert_eq!(response.framing, framing);
    assert!(!response.complete, "the aborted response ({how}, {when}) looks complete");
    assert_eq!(response.text(), "begun");
    assert!(client.is_closed().unwrap(), "the connection stays open after an aborted response");
    let line = poll::until(poll::SOON, || field.ends().into_iter().rfind(|line| line.contains(&target)));
    let line = line.expect("the request is in the access log");
    let sent: usize = line.split(' ').rev().nth(1).and_then(|word| word.parse().ok()).unwrap();
    assert!(sent < 1000, "the access log does not show how little was sent: {line}");
}

/// A2
pub fn a_death_in_a_body_with_a_length_shows(setup: &Setup) {
    let field = Field::start(setup, "death-length", "threads=5");
    field.server.announce(DEATH);
    looks_cut(&field, "kill", "length");
    field.recovers_within(STARTED);
}

/// A3
pub fn a_death_in_a_chunked_body_shows(setup: &Setup) {
    let field = Field::start_with(setup, "death-chunked", "threads=5", |plan| plan.modules(&["http2"]));
    field.server.announce(DEATH);
    // mod_http2 says what a worker that fails leaves behind.
    field.server.announce("http2:warn");
    for how in ["kill", "exit", "segv"] {
        looks_cut(&field, how, "chunked");
        field.recovers_within(STARTED);
    }
    let url = format!("http://localhost:{}/app/die?how=kill&when=chunked", field.server.files.port);
    let fetched = curl::fetch(&field.directory, &["--http2-prior-knowledge"], &url);
    assert_eq!((fetched.version.as_str(), fetched.status), ("2", 200), "{fetched:?}");
    assert!(fetched.exit != 0, "over HTTP/2 the aborted response looks complete");
    field.recovers_within(STARTED);
}

/// A4
pub fn an_exception_in_a_body_shows(setup: &Setup) {
    let field = Field::start(setup, "exception", "threads=5");
    field.server.announce("re:WSGI1200:|RuntimeError: the trial wants it");
    field.server.announce_tracebacks();
    let site = field.site();
    let daemon = process(&field);
    for (count, when) in ["length", "chunked"].into_iter().enumerate() {
        looks_cut(&field, "raise", when);
        poll::wait_for("close() is called", || field.notes("closed-die").len() == count + 1);
        let logged = || site.log().iter().filter(|line| line.text.contains("RuntimeError: the trial wants it")).count();
        poll::wait_for("the traceback is logged", || logged() > count);
        assert_eq!(logged(), count + 1, "the traceback is logged once");
    }
    assert_eq!(process(&field), daemon, "the process lives on");
}

/// A5
pub fn a_segmentation_fault_hurts_its_group_alone(setup: &Setup) {
    let field = Field::start(setup, "segfault", "threads=5");
    field.server.announce(DEATH);
    field.server.announce_tracebacks();
    let site = field.site();
    let streams = [Stream::kept(2, "/other"), Stream::fresh(1, "/other")];
    let tallies = load::run(field.server.files.port, &streams, &load::any, |progress| {
        for _ in 0..3 {
            site.get("/app/die?how=segv&when=first").expect(502);
            field.recovers_within(STARTED);
        }
        poll::wait_for("the others are served", || progress.served() > 100);
    });
    nothing_failed(&tallies);
    explained(&site, None, "SIGSEGV|signal 11|Segmentation", "/app/die");
    let stack = pattern("re:app\\.wsgi\", line [0-9]+,? in end");
    let stack = poll::until(Duration::from_secs(3), || site.log().into_iter().find(|line| stack.is_match(&line.text)));
    assert!(stack.is_some(), "the Python stack is not in the log");
}

/// A6 in a request.
pub fn an_application_that_ends_its_process_is_explained(setup: &Setup) {
    let field = Field::start(setup, "exits", "threads=5");
    field.server.announce(DEATH);
    field.server.announce("re:WSGI120[01]:|SystemExit|the trial wants it");
    field.server.announce_tracebacks();
    let site = field.site();
    for (how, said) in [("exit", "status 3"), ("abort", "SIGABRT|signal 6|Aborted")] {
        let daemon = process(&field);
        site.get(&format!("/app/die?how={how}&when=first")).expect(502);
        explained(&site, Some(daemon), said, "/app/die");
        field.recovers_within(STARTED);
    }
    let daemon = process(&field);
    site.get("/app/die?how=sys-exit&when=first").expect(500);
    assert_eq!(process(&field), daemon, "sys.exit() in a request ends the request alone");
}

/// A6 at import: a group that cannot start does not keep the machine busy.
pub fn a_crash_loop_is_slowed_down_and_named_once(setup: &Setup) {
    let text = "import os\nopen(os.path.join(os.path.dirname(__file__), 'starts'), 'a').write('x\\n')\nos._exit(3)\n";
    let field = Field::start_text(setup, "crash-loop", "threads=5", text);
    field.server.announce(DEATH);
    field.others_serve();
    poll::wait_for("it has died three times", || field.notes("starts").len() >= 3);
    // What is looked at is how often it starts in a given time.
    poll::let_pass(Duration::from_secs(3));
    let starts = field.notes("starts").len();
    fact(format!("{starts} starts in the first seconds"));
    assert!(starts < 8, "it was started {starts} times in the first seconds");
    // Which words stand for the loop is ours to say; of another server only the pace is judged.
    if setup.is_ours() {
        let lines = |code: &str| field.server.whole_log().iter().filter(|line| line.text.contains(code)).count();
        assert_eq!(lines("WSGI1301"), 1, "the loop is named once");
        assert!(lines("WSGI1300") <= 3, "a loop is not explained death by death");
    }
    field.others_serve();
    let begun = Instant::now();
    let response = field.site().get("/app/who").expect(503);
    assert!(response.header("Retry-After").is_some(), "503 without Retry-After");
    assert!(begun.elapsed() < at_most(Duration::from_secs(2)), "a group that cannot start said so after {:?}", begun.elapsed());
    // What is mended comes into service by itself.
    field.deploy(1);
    let recovered = field.recovers_within(Duration::from_secs(20));
    fact(format!("served {} ms after it was corrected", recovered.as_millis()));
    assert_eq!(field.who().version, 1);
}

/// A6 at import, by an exception: the process lives, and each request says 500.
pub fn an_exit_at_import_is_500_and_tried_again(setup: &Setup) {
    let field = Field::start_text(setup, "exit-at-import", "threads=5", "import sys\nsys.exit('not today')\n");
    field.server.announce("re:WSGI1202|WSGI120|SystemExit|not today");
    field.server.announce_tracebacks();
    let site = field.site();
    for _ in 0..3 {
        site.get("/app/who").expect(500);
    }
    field.others_serve();
    field.deploy(1);
    poll::wait_for("the corrected script serves", || site.get("/app/who").status == 200);
}

/// A11
pub fn a_killed_apache_child_frees_its_threads(setup: &Setup) {
    let field = Field::start(setup, "killed-child", "threads=1");
    field.server.announce("re:AH0005[12]|exit signal");
    let daemon = process(&field);
    let mut client = Client::connect(field.server.files.port).unwrap();
    client.send(&Request::get("/app/stream?name=child").head_bytes()).unwrap();
    assert_eq!(client.receive_head().unwrap().status, 200);
    let killed = Instant::now();
    for pid in field.workers() {
        processes::send(pid, Signal::KILL);
    }
    let closed = poll::until(Duration::from_secs(10), || (!field.notes("closed-child").is_empty()).then(|| killed.elapsed()));
    let closed = closed.unwrap_or_else(|| panic!("close() was not called within 10 s"));
    fact(format!("close() after {} ms", closed.as_millis()));
    assert!(closed < at_most(Duration::from_millis(1500)), "close() was called after {closed:?}");
    // httpd needs a moment for new children; a connection meanwhile waits in its queue.
    field.recovers_within(Duration::from_secs(10));
    assert_eq!(process(&field), daemon, "the daemon process lives on");
}

/// A12
pub fn a_killed_parent_takes_everything_along(setup: &Setup) {
    let mut field = Field::start(setup, "killed-parent", "processes=2 threads=2");
    field.server.announce("re:WSGI13(2[78]|1[0-9])|AH00098");
    field.who();
    let busy = begin(&field, "orphan");
    let workers: BTreeSet<i32> = field.workers().into_iter().collect();
    let killed = Instant::now();
    let family = field.server.kill_parent();
    let others: Vec<Process> = family.iter().copied().filter(|process| !workers.contains(&process.pid)).collect();
    assert!(others.len() >= 2, "the group's processes: {others:?}");
    let gone = poll::until(Duration::from_secs(8), || others.iter().all(|process| !process.runs()).then(|| killed.elapsed()));
    let gone = gone.unwrap_or_else(|| panic!("daemon processes live on 8 s after httpd's parent was killed"));
    fact(format!("all gone after {:.1} s, with a request running", gone.as_secs_f64()));
    assert!(gone < at_most(Duration::from_secs(5)), "it took {gone:?}");
    drop(busy);
    // httpd's own children: what becomes of them without a parent is httpd's affair, but they keep the port, until the last has gone.
    family.iter().copied().for_each(Process::kill);
    poll::wait_for("httpd's children have gone", || !family.iter().any(|process| process.runs()));
    let sockets = || fs::read_dir(field.server.files.root.join("run")).unwrap().count();
    assert!(sockets() > 0, "pid file and sockets are left, as after a power cut");
    field.server.start_again();
    field.recovers_within(STARTED);
    field.others_serve();
}

/// A13
pub fn a_killed_supervisor_costs_no_request(setup: &Setup) {
    assert!(setup.is_ours(), "n/a: it has no supervisor, httpd's parent starts the processes itself");
    let field = Field::start(setup, "killed-supervisor", "processes=2 threads=8");
    field.server.announce("re:WSGI1315:");
    field.who();
    let before = field.supervisors();
    assert_eq!(before.len(), 1);
    let streams = [Stream::kept(4, "/app/who"), Stream::fresh(2, "/app/who"), Stream::kept(2, "/app/sleep?for=1")];
    let tallies = load::run(field.server.files.port, &streams, &load::any, |progress| {
        poll::wait_for("requests are served", || progress.served() > 100);
        processes::send(before[0], Signal::KILL);
        poll::wait_for("another supervisor runs", || field.supervisors().iter().any(|pid| !before.contains(pid)));
        let so_far = progress.served();
        poll::wait_for("requests are served", || progress.served() > so_far + 500);
        poll::wait_for("the old processes have gone", || field.loaded().len() == 2);
    });
    let served: usize = tallies.iter().map(|tally| tally.served).sum();
    fact(format!("{served} requests, {} failed", tallies.iter().map(|tally| tally.failed.len()).sum::<usize>()));
    nothing_failed(&tallies);
}

/// A13 with a request that hangs: a process that nobody supervises ends all the same.
pub fn a_process_without_supervisor_keeps_its_limit(setup: &Setup) {
    assert!(setup.is_ours(), "n/a: it has no supervisor, httpd's parent starts the processes itself");
    let field = Field::start(setup, "unsupervised", "threads=3 shutdown-timeout=2");
    field.server.announce("re:WSGI13(15|60)|WSGI1253");
    let daemon = process(&field);
    let mut hanging = begin(&field, "hanging");
    let killed = Instant::now();
    field.supervisors().into_iter().for_each(|pid| processes::send(pid, Signal::KILL));
    field.recovers_within(STARTED);
    poll::wait_for("the process without supervisor has gone", || !daemon.runs());
    let gone = killed.elapsed();
    fact(format!("gone after {:.1} s", gone.as_secs_f64()));
    assert!(gone > Duration::from_millis(1900), "the running request was not given its time: {gone:?}");
    assert!(gone < at_most(Duration::from_secs(4)), "it was gone after {gone:?}");
    answer(&mut hanging).expect(502);
}

/// A14
pub fn children_of_an_application_end_with_it(setup: &Setup) {
    let field = Field::start(setup, "offspring", "threads=2");
    let site = field.site();
    let text = site.get("/app/offspring").ok();
    let pids: Vec<i32> = text.split(' ').map(|word| word.parse().unwrap()).collect();
    let children: Vec<Process> = pids.iter().map(|pid| Process::find(*pid).expect("the application's child runs")).collect();
    // What a fork can do with its copies is the matter of a suite of its own (`descriptors`).
    for child in &children[1..] {
        let sockets = processes::sockets(child.pid);
        assert!(sockets.is_empty(), "a program that the application started holds sockets of the server: {sockets:?}");
    }
    let begun = Instant::now();
    field.deploy(1);
    poll::wait_for("the new version serves", || field.who().version == 1);
    let gone = poll::until(Duration::from_secs(10), || children.iter().all(|child| !child.runs()).then(|| begun.elapsed()));
    if gone.is_none() {
        children.iter().for_each(|child| child.kill());
        panic!("children of the application live on after its process has gone");
    }
}
