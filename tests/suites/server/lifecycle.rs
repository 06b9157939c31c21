/*! Start, stop, restart: what ends, what goes on, and what is left behind in the parent, which never has Python in it. */

use crate::suite;
use crate::support::client::{Client, Request};
use crate::support::httpd::{Httpd, Plan};
use crate::support::installation::Mpm;
use crate::support::keys::Keys;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::processes::{self, Process};
use crate::support::site::Site;
use crate::support::workdir::writable_directory;
use registration::trial;
use rustix::process::Signal;
use std::fs::{self, File};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The suite.
pub fn suite() -> Suite {
    suite!("lifecycle")
}

/// A server whose applications write into a directory of their own.
fn start(setup: &Setup, name: &str, change: impl FnOnce(Plan) -> Plan) -> Httpd {
    let files = setup.run.workdir.server_root("lifecycle-files");
    writable_directory(&files);
    let files: &'static str = files.display().to_string().leak();
    Httpd::start(setup, &change(Plan::new("lifecycle.conf").define("OWN_SIZES", "1").environment("LIFECYCLE_FILES", files)), name)
}

/// The directory that [`start`] gave the applications.
fn files(server: &Httpd) -> std::path::PathBuf {
    server.environment("LIFECYCLE_FILES").expect("set by start").into()
}

fn is_python(file: &str) -> bool {
    file.contains("libpython") || file.contains("engine")
}

#[trial(reach(Reach::Everywhere))]
fn the_parent_has_no_python(setup: &Setup) {
    let server = start(setup, "parent", |plan| plan);
    let site = Site::new(&server, setup);
    for _ in 0..2 {
        site.get("/main").expect(200);
        site.get("/sub").expect(200);
        if setup.is_ours() {
            let mapped = processes::mapped_files(server.pid());
            assert!(!mapped.iter().any(|file| is_python(file)), "{mapped:?}");
        }
        assert_eq!(processes::threads(server.pid()), 1, "no thread in the parent");
        // Right after a restart the next child may only be on its way.
        poll::wait_for("the children have Python", || {
            server.children().iter().any(|child| processes::mapped_files(child.pid).iter().any(|file| is_python(file)))
        });
        server.graceful();
    }
}

#[trial(reach(Reach::Everywhere))]
fn a_stop_ends_everything_soon(setup: &Setup) {
    let mut server = start(setup, "stop", |plan| plan);
    let site = Site::new(&server, setup);
    site.get("/main").expect(200);
    site.get("/sub").expect(200);
    let started = Instant::now();
    server.stop().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "it took {:?}", started.elapsed());
}

/// Processes whose `atexit` functions noted the end of a group.
fn noted(server: &Httpd, group: &str) -> usize {
    notes(server, &format!("at-exit-{group}"))
}

fn notes(server: &Httpd, file: &str) -> usize {
    fs::read_to_string(files(server).join(file)).map_or(0, |text| text.lines().count())
}

#[trial(reach(Reach::Everywhere))]
fn a_stop_runs_what_atexit_registered(setup: &Setup) {
    let mut server = start(setup, "atexit", |plan| plan);
    let site = Site::new(&server, setup);
    let mut client = site.connect();
    client.exchange(&Request::get("/main/at-exit")).unwrap().expect(200);
    client.exchange(&Request::get("/sub/at-exit")).unwrap().expect(200);
    assert_eq!((noted(&server, "main"), noted(&server, "sub")), (0, 0));
    drop(client);
    server.stop().unwrap();
    assert_eq!((noted(&server, "main"), noted(&server, "sub")), (1, 1));
}

#[trial]
fn a_stop_can_leave_out_atexit(setup: &Setup) {
    let mut server = start(setup, "no-atexit", |plan| plan.line("WSGIDestroyInterpreter Off"));
    let site = Site::new(&server, setup);
    site.get("/main/at-exit").expect(200);
    site.get("/sub/at-exit").expect(200);
    server.stop().unwrap();
    assert_eq!((noted(&server, "main"), noted(&server, "sub")), (0, 0));
    assert_eq!((notes(&server, "told-main"), notes(&server, "told-sub")), (1, 1), "subscribe_shutdown is another thing");
}

#[trial]
fn a_hanging_atexit_does_not_hold_up_a_stop(setup: &Setup) {
    let mut server = start(setup, "hanging-atexit", |plan| plan);
    // httpd's own reaper says so when it had to insist.
    server.announce("re:AH00045|AH00046|AH00047|WSGI");
    Site::new(&server, setup).get("/main/at-exit?hang=yes").expect(200);
    let started = Instant::now();
    server.stop().unwrap();
    assert!(started.elapsed() < Duration::from_secs(15), "it took {:?}", started.elapsed());
}

/// Begins a request that is held up, and sees its first piece.
fn begin(site: &Site, gate: &str) -> Client {
    let mut client = site.connect();
    client.send(&Request::get(&format!("/main/slow?gate={gate}")).header("Connection", "close").head_bytes()).unwrap();
    assert_eq!(client.receive_head().unwrap().status, 200);
    assert!(client.hears_something_within(poll::SOON).unwrap());
    client
}

fn finish(server: &Httpd, client: &mut Client, gate: &str) {
    File::create(files(server).join(gate)).unwrap();
    let rest = String::from_utf8(client.read_to_end().unwrap()).unwrap();
    assert!(rest.contains("begun;") && rest.contains("ended") && rest.ends_with("0\r\n\r\n"), "{rest}");
}

#[trial(reach(Reach::Everywhere))]
fn a_graceful_restart_lets_requests_finish(setup: &Setup) {
    let server = start(setup, "graceful", |plan| plan);
    let site = Site::new(&server, setup);
    let before = server.children();
    let mut client = begin(&site, "graceful");
    server.graceful();
    site.get("/main").expect(200);
    site.get("/sub").expect(200);
    finish(&server, &mut client, "graceful");
    poll::wait_for("the old processes are gone", || before.iter().all(|old| !old.runs()));
}

/// Tells the clients to stop, also when the trial fails.
struct SetOnDrop<'f>(&'f AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Counts requests that fail: no connection, a status from 500, a short body. A reused connection that
/// is closed before any byte of an answer is tried once more on a new one.
#[trial]
fn no_request_fails_over_graceful_restarts(setup: &Setup) {
    let server = start(setup, "no-failures", |plan| plan);
    let site = Site::new(&server, setup);
    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let failures = std::thread::scope(|scope| {
        let ends = SetOnDrop(&done);
        let clients: Vec<_> = (0..4)
            .map(|number| {
                let (done, served, server) = (&done, &served, &server);
                scope.spawn(move || {
                    let mut failed = Vec::new();
                    let target = if number % 2 == 0 { "/main" } else { "/sub" };
                    let mut client: Option<Client> = None;
                    while !done.load(Ordering::Relaxed) {
                        let reused = client.is_some();
                        let answer = client
                            .take()
                            .map_or_else(|| Client::connect(server.files.port), Ok)
                            .and_then(|mut c| c.exchange(&Request::get(target)).map(|response| (c, response)));
                        match answer {
                            Ok((c, response)) if response.status == 200 && response.complete => {
                                served.fetch_add(1, Ordering::Relaxed);
                                client = (response.header("Connection").as_deref() != Some("close")).then_some(c);
                            }
                            Ok((_, response)) => failed.push(format!("{response:?}")),
                            Err(error) if reused && error.kind() == std::io::ErrorKind::UnexpectedEof => {}
                            Err(error) => failed.push(error.to_string()),
                        }
                    }
                    failed
                })
            })
            .collect();
        for _ in 0..5 {
            let before = served.load(Ordering::Relaxed);
            server.graceful();
            poll::wait_for("requests are served", || served.load(Ordering::Relaxed) > before + 50);
        }
        drop(ends);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(failures.is_empty(), "{} of {} requests failed: {failures:?}", failures.len(), served.load(Ordering::Relaxed));
    site.get("/main").expect(200);
}

#[trial(reach(Reach::Everywhere))]
fn a_restart_serves_the_new_configuration(setup: &Setup) {
    let server = start(setup, "restart", |plan| plan.line("IncludeOptional ${ROOT}/files/*.part"));
    // A restart ends what runs at once; prefork says how its children ended.
    server.announce("AH00051");
    let site = Site::new(&server, setup);
    site.get("/later").expect(404);
    fs::write(site.path("files/later.part"), "WSGIScriptAlias /later \"${APPS}/lifecycle.wsgi\"\n").unwrap();
    let before = server.children();
    server.restart();
    site.get("/later").expect(200);
    site.get("/main").expect(200);
    poll::wait_for("the old processes are gone", || before.iter().all(|old| !old.runs()));
}

#[trial]
fn a_graceful_stop_lets_requests_finish(setup: &Setup) {
    let mut server = start(setup, "graceful-stop", |plan| plan);
    let mut client = begin(&Site::new(&server, setup), "graceful-stop");
    server.signal(Signal::WINCH);
    poll::wait_for("no new connection is accepted", || Client::connect(server.files.port).is_err());
    finish(&server, &mut client, "graceful-stop");
    poll::wait_for("httpd has ended", || server.has_ended());
    server.stop().unwrap();
}

#[trial(reach(Reach::Everywhere))]
fn a_killed_child_is_replaced(setup: &Setup) {
    let server = start(setup, "killed", |plan| plan);
    server.announce("re:AH00051|AH00052|exit signal");
    let site = Site::new(&server, setup);
    let pid: i32 = site.get("/main").expect(200).value("pid").unwrap().parse().unwrap();
    Process::find(pid).unwrap().kill();
    poll::wait_for("another process serves", || {
        Client::connect(server.files.port)
            .and_then(|mut client| client.exchange(&Request::get("/main").header("Connection", "close")))
            .is_ok_and(|response| response.status == 200 && response.value("pid") != Some(&pid.to_string()))
    });
}

#[trial]
fn children_that_retire_are_replaced(setup: &Setup) {
    let server = start(setup, "retiring", |plan| plan.line("MaxConnectionsPerChild 20"));
    let site = Site::new(&server, setup);
    let mut pids = std::collections::BTreeSet::new();
    for _ in 0..120 {
        pids.insert(site.get("/sub").expect(200).value("pid").unwrap().to_owned());
    }
    assert!(pids.len() > 1, "{pids:?}");
}

#[trial]
fn one_process_mode_works(setup: &Setup) {
    let mut server = start(setup, "one-process", |plan| plan.flag("-X"));
    let site = Site::new(&server, setup);
    for target in ["/main", "/sub"] {
        assert_eq!(site.get(target).expect(200).value("pid"), Some(server.pid().to_string().as_str()));
    }
    site.get("/main/at-exit").expect(200);
    server.stop().unwrap();
}

/// What may grow in the parent.
#[derive(Debug)]
struct Size {
    memory: u64,
    descriptors: usize,
    mappings: usize,
    keys: i64,
}

fn size(server: &Httpd, keys: &Keys) -> Size {
    let pid = server.pid();
    Size {
        memory: processes::anonymous_memory(pid),
        descriptors: processes::descriptors(pid),
        mappings: processes::mappings(pid),
        keys: keys.of(server),
    }
}

/// Restarts a server 20 times, then 200 times, and says how the parent grew over the 200.
fn growth(server: &Httpd, keys: &Keys, request: impl Fn()) -> (i64, Size, Size) {
    let rounds = |count: u32| {
        for round in 0..count {
            server.graceful();
            if round % 20 == 0 {
                request();
            }
        }
    };
    rounds(20);
    let before = size(server, keys);
    rounds(200);
    let after = size(server, keys);
    (i64::try_from(after.memory).unwrap() - i64::try_from(before.memory).unwrap(), before, after)
}

/// Measured against httpd without the module in the same trial.
#[trial(reach(Reach::Once))]
fn two_hundred_graceful_restarts_leave_nothing_behind(setup: &Setup) {
    assert_eq!(setup.mpm, Mpm::Event);
    let (keys, plan) = Keys::count(&setup.run.workdir, Plan::new("floor.conf").without_the_module());
    let without = Httpd::start(setup, &plan, "floor");
    let (floor, ..) = growth(&without, &keys, || ());
    drop(without);
    let mut keys = None;
    let server = start(setup, "restarts", |plan| {
        let (counted, plan) = Keys::count(&setup.run.workdir, plan);
        keys = Some(counted);
        plan
    });
    let keys = keys.unwrap();
    let site = Site::new(&server, setup);
    let (grown, before, after) = growth(&server, &keys, || {
        site.get("/main").expect(200);
        site.get("/sub").expect(200);
    });
    assert!(grown <= floor.max(0) + 200 * 1024, "the parent grew by {grown} bytes, httpd alone by {floor}: {before:?} {after:?}");
    assert_eq!(before.descriptors, after.descriptors, "descriptors of the parent");
    assert_eq!(before.keys, after.keys, "thread-specific keys of the parent");
    assert!(after.mappings <= before.mappings + 2, "mappings of the parent: {before:?} {after:?}");
    assert_eq!(processes::threads(server.pid()), 1, "threads of the parent");
}
