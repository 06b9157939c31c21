/*! Daemon mode: what the processes are, the channel to them, who gets which status when it does not work, and restarts. */

use crate::suite;
use crate::support::client::{Client, Request};
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::processes;
use crate::support::pythons;
use crate::support::response::Framing;
use crate::support::site::Site;
use registration::trial;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What a death leads to in the log.
const DEATH: &str = "re:WSGI13(00|01|27|28):";
const HEADING: &str = "re:WSGI1200:|RuntimeError: the trial wants it";

/// The suite.
pub fn suite() -> Suite {
    suite!("daemon")
        .in_daemon_mode()
        .plan(|plan| plan.announce("re:WSGI1022: .*no-such-user-here|WSGI1313: .*of group narrow|WSGI13(00|01): .*group frail"))
}

/// What the process page says.
fn process(site: &Site, target: &str) -> Vec<String> {
    site.get(target).ok().split(' ').map(str::to_owned).collect()
}

#[trial(reach(Reach::Everywhere))]
fn a_request_runs_in_a_process_of_its_group(site: &Site) {
    let [group, pid, parent, python, uid] = &process(site, "/process")[..] else { panic!("five words") };
    assert_eq!((group.as_str(), python), ("trials", &site.setup.python.version));
    let own: BTreeSet<String> = site.server.children().iter().map(|child| child.pid.to_string()).collect();
    assert!(!own.contains(pid), "it is no child of httpd's parent");
    assert!(own.contains(parent), "its parent, the supervisor, is one");
    let httpd = rustix::process::getuid();
    assert!(uid != "0" || !httpd.is_root(), "no application runs as root");
}

#[trial]
fn processes_are_ready_before_the_first_request(setup: &Setup) {
    let server = Httpd::start(setup, &plan(), "daemon-ready");
    let loaded = |name: &str| {
        let line = format!("Loading WSGI script '{}'", setup.run.workdir.path().join("apps/daemon.wsgi").display());
        server.whole_log().iter().filter(|l| l.text.contains(&line)).count() >= 2
            && server.whole_log().iter().any(|l| l.text.contains(name))
    };
    poll::wait_for("the groups' processes have loaded the application", || loaded("group slow runs Python"));
    let access = server.files.root.join("logs/access.log");
    assert_eq!(std::fs::read_to_string(access).unwrap_or_default(), "", "nobody has asked for anything");
}

#[trial]
fn a_group_shows_its_display_name(site: &Site) {
    let pid = &process(site, "/frail/process")[1];
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    let shown = String::from_utf8_lossy(&line).into_owned();
    assert!(shown.starts_with("(wsgi:frail)"), "{shown:?}");
}

#[trial(reach(Reach::Everywhere))]
fn near_and_far_serve_side_by_side(site: &Site) {
    assert_eq!(process(site, "/near/process")[0], "");
    assert_eq!(process(site, "/slow/process")[0], "slow");
}

#[trial(reach(Reach::Once))]
fn two_pythons_serve_at_once(setup: &Setup) {
    let oldest = &setup.run.pythons[0];
    let home = pythons::virtualenv(oldest, &[]).unwrap();
    let plan = plan().define("OTHER_HOME", home.display().to_string());
    let server = Httpd::start(setup, &plan, "two-pythons");
    let site = Site::new(&server, setup);
    assert_eq!(process(&site, "/process")[3], setup.python.version);
    assert_eq!(process(&site, "/other/process")[3], oldest.version);
}

/// The suite's server, for a trial of its own.
fn plan() -> Plan {
    Plan::new("daemon.conf").announce("re:WSGI1022: .*no-such-user-here")
}

#[trial(threads())]
fn a_busy_process_keeps_nobody_waiting(site: &Site) {
    let directory = open_directory(site, "slow");
    let mut busy = site.connect();
    busy.send(&Request::get(&format!("/slow/hold?{}", directory.display())).head_bytes()).unwrap();
    poll::wait_for("a process is busy", || directory.join("begun").exists());
    let begun = Instant::now();
    let mut served = 0;
    // Whoever waited for the busy process would wait until it is let go.
    while served < 20 || begun.elapsed() < Duration::from_millis(1500) {
        let one = Instant::now();
        site.get("/slow/process").ok();
        assert!(one.elapsed() < Duration::from_secs(2), "request {served} took {:?}", one.elapsed());
        served += 1;
    }
    std::fs::write(directory.join("go"), "").unwrap();
    busy.receive(false).unwrap().ok();
}

#[trial(reach(Reach::Everywhere))]
fn a_large_body_arrives_whole(site: &Site) {
    assert_eq!(site.post("/count", vec![b'x'; 30_000_000]).ok(), "30000000");
}

#[trial]
fn a_large_body_is_echoed_whole(site: &Site) {
    let body: Vec<u8> = (0..10_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let response = site.post("/whole", body.clone()).expect(200);
    assert!(response.body == body, "{} bytes came back", response.body.len());
}

#[trial]
fn an_unread_body_of_100_mb_holds_up_nothing(site: &Site) {
    assert_eq!(site.post("/unread", vec![b'x'; 100_000_000]).ok(), "not read");
}

#[trial(reach(Reach::Everywhere))]
fn both_directions_may_be_full_at_once(site: &Site) {
    let body: Vec<u8> = (0..20_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    let response = site.post("/mirror", body.clone()).expect(200);
    assert!(response.complete && response.body == body, "{} bytes came back", response.body.len());
}

#[trial]
fn an_early_answer_is_heard_early(site: &Site) {
    for target in ["/unread", "/near/unread"] {
        let mut client = site.connect();
        let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nonly this");
        let begun = Instant::now();
        client.send(head.as_bytes()).unwrap();
        assert_eq!(client.receive(false).unwrap().ok(), "not read");
        // httpd itself waits for the rest as long as `Timeout` says before it is done with the request.
        assert!(begun.elapsed() < Duration::from_secs(5), "{target}: {:?}", begun.elapsed());
    }
}

#[trial]
fn a_log_line_reaches_the_log_of_its_virtual_host(site: &Site) {
    site.allow_log("far-away-words");
    let mut client = Client::connect(site.server.files.other_port).unwrap();
    client.exchange(&Request::get("/say?far-away-words")).unwrap().expect(200);
    let line = poll::until(Duration::from_secs(5), || {
        site.log().into_iter().find(|line| line.text.contains("far-away-words") && line.text.contains("[client 127.0.0.1"))
    });
    let line = line.expect("the line is in a log");
    assert_eq!(line.file, "other.log");
}

#[trial]
fn a_death_before_the_answer_is_502(site: &Site) {
    site.allow_log(DEATH);
    site.get("/frail/die?exit-first").expect(502);
    let line = site.expect_log("re:WSGI1300: .*group frail.* exited with status 3");
    assert!(line.text.contains("process"), "{}", line.text);
    site.get("/frail/die?kill-first").expect(502);
    poll::wait_for("a new process serves", || site.get("/frail/process").status == 200);
}

#[trial(reach(Reach::Everywhere))]
fn a_death_in_the_middle_cuts_the_response(site: &Site) {
    site.allow_log(DEATH);
    for (how, framing) in [("exit-chunked", Framing::Chunked), ("kill-length", Framing::Length(1000))] {
        let mut client = site.connect();
        let response = client.exchange(&Request::get(&format!("/frail/die?{how}"))).unwrap().expect(200);
        assert_eq!((response.framing, response.text(), response.complete), (framing, "begun", false), "{how}");
        assert!(client.is_closed().unwrap());
    }
    site.expect_log("re:WSGI1328: .*`frail` died in the middle");
}

#[trial]
fn an_exception_in_the_middle_cuts_the_response(site: &Site) {
    site.allow_log(HEADING);
    site.allow_tracebacks();
    for (how, framing) in [("raise-chunked", Framing::Chunked), ("raise-length", Framing::Length(1000))] {
        let mut client = site.connect();
        let response = client.exchange(&Request::get(&format!("/frail/die?{how}"))).unwrap().expect(200);
        assert_eq!((response.framing, response.text(), response.complete), (framing, "begun", false), "{how}");
    }
}

#[trial(threads())]
fn the_application_learns_that_its_client_has_gone(site: &Site) {
    let mut client = site.connect();
    client.send(&Request::get("/gone").head_bytes()).unwrap();
    assert_eq!(client.receive_head().unwrap().status, 200);
    assert_eq!(site.get("/closed").ok(), "0");
    let left = Instant::now();
    drop(client);
    poll::wait_for("close() is called", || site.get("/closed").ok() == "1");
    assert!(left.elapsed() < Duration::from_secs(4), "{:?}", left.elapsed());
}

/// A directory in which an application may write.
fn open_directory(site: &Site, name: &str) -> PathBuf {
    let directory = site.path("files").join(name);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o777)).unwrap();
    directory
}

#[trial(threads())]
fn a_full_queue_is_503_at_once(site: &Site) {
    site.allow_log("re:WSGI(1325|1590): ");
    site.allow_tracebacks();
    let directory = open_directory(site, "full");
    let mut runs = site.connect();
    runs.send(&Request::get(&format!("/full/hold?{}", directory.display())).head_bytes()).unwrap();
    poll::wait_for("the group's thread is busy", || directory.join("begun").exists());
    // Far more than may wait: most are told so while the thread is still busy, the others wait.
    let statuses: Vec<u16> = thread::scope(|scope| {
        let ask = || {
            let response = site.get("/full/process");
            assert_eq!(response.header("Retry-After").is_some(), response.status == 503, "{response:?}");
            response.status
        };
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        poll::wait_for("those that cannot wait are answered", || asking.iter().filter(|one| one.is_finished()).count() >= 5);
        let line = site.expect_log(
            "re:WSGI1590: .* 1 of 1 threads are busy. The stack of GET /full/hold .request id .* s., innermost call last",
        );
        assert!(!line.text.contains("full/hold?"), "no query is logged: {}", line.text);
        site.expect_log("re:File .*daemon.wsgi., line [0-9]+, in hold");
        assert_eq!(site.get("/full/process").status, 503);
        std::fs::write(directory.join("go"), "").unwrap();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert!(count(503) >= 5 && count(200) >= 1 && count(503) + count(200) == 8, "{statuses:?}");
    site.expect_log("re:WSGI1325: .* are waiting, WSGIDaemonProcess at .*/daemon.conf:[0-9]+, mapped at .*To fix: look for WSGI1590 in the log of the group");
    runs.receive(false).unwrap().expect(200);
}

#[trial]
fn what_is_said_after_the_client_has_gone_is_not_lost(site: &Site) {
    let directory = open_directory(site, "late");
    let mut client = site.connect();
    client.send(&Request::get(&format!("/frail/fail_late?{}", directory.display())).head_bytes()).unwrap();
    poll::wait_for("the application runs", || directory.join("begun").exists());
    drop(client);
    // A client that has closed its half alone might still read: httpd's child waits a second before it lets the process be.
    poll::let_pass(Duration::from_millis(2500));
    std::fs::write(directory.join("go"), "").unwrap();
    site.expect_log("said after the client had gone");
    site.expect_traceback("RuntimeError: raised after the client had gone");
}

#[trial(threads())]
fn a_request_that_waits_too_long_is_504(site: &Site) {
    site.allow_log("re:WSGI(1331|1590): ");
    site.allow_tracebacks();
    let begun = open_directory(site, "queue").join("begun");
    let mut busy = site.connect();
    busy.send(&Request::get(&format!("/queue/mark?3.5&{}", begun.display())).head_bytes()).unwrap();
    poll::wait_for("the group's thread is busy", || begun.exists());
    site.get("/queue/process").expect(504);
    busy.receive(false).unwrap().ok();
    site.expect_log("re:WSGI1331: .*WSGI1590 in the log of the group");
    site.expect_log("re:WSGI1590: .*GET /queue/mark ");
}

#[trial]
fn a_request_that_runs_too_long_is_504(site: &Site) {
    site.allow_log("re:WSGI(1262|1401|1332|1300|1306|1313|1253)");
    site.allow_tracebacks();
    let begun = Instant::now();
    site.get("/narrow/sleep?6").expect(504);
    assert!(begun.elapsed() < Duration::from_millis(5500), "{:?}", begun.elapsed());
    site.expect_log("WSGI1332");
    poll::wait_for("the group serves again", || site.get("/narrow/process").status == 200);
}

#[trial(threads())]
fn a_silent_process_is_504(site: &Site) {
    site.allow_log("re:WSGI(1330|1590): ");
    site.allow_tracebacks();
    let begun = Instant::now();
    site.get("/hasty/sleep?4").expect(504);
    assert!(begun.elapsed() < Duration::from_millis(3800), "{:?}", begun.elapsed());
    site.expect_log("re:WSGI1330: .*the 1 s of socket-timeout, WSGIDaemonProcess at .*/daemon.conf:[0-9]+, mapped at .*WSGI1590 in the log of the \
                     group.*raise `socket-timeout=`");
    site.expect_log("re:WSGI1590: .* 1 of 2 threads are busy. The stack of GET /hasty/sleep .*, innermost call last");
    site.expect_log("re:File .*daemon.wsgi., line [0-9]+, in sleep");
}

#[trial]
fn a_group_that_cannot_run_is_503(site: &Site) {
    if crate::support::installation::server_user().is_none() {
        site.setup.skip("without root every group runs as the user that httpd runs as");
    }
    site.allow_log("WSGI1322");
    assert!(site.get("/nobody/process").expect(503).header("Retry-After").is_some());
    assert!(site.expect_log("WSGI1322").text.contains("no-such-user-here"));
}

/// Sends requests over new connections until told to stop: how many, and what failed. `all` counts the good ones of all clients.
fn load(site: &Site, target: &str, stop: &AtomicBool, all: &AtomicUsize) -> (usize, Vec<String>) {
    let (mut served, mut failed) = (0, Vec::new());
    while !stop.load(Ordering::Acquire) {
        served += 1;
        let mut client = site.connect();
        match client.exchange(&Request::get(target).header("Connection", "close")) {
            Ok(response) if response.status == 200 && response.complete => {
                all.fetch_add(1, Ordering::AcqRel);
            }
            Ok(response) => failed.push(format!("{response:?}")),
            Err(error) => failed.push(error.to_string()),
        }
    }
    (served, failed)
}

/// Runs `restart` several times under load, with requests that take a second in flight all the time; the new generation serves between two
/// of them.
fn under_load(site: &Site, times: usize, restart: impl Fn(usize)) {
    let (stop, all) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let fast: Vec<_> = (0..3).map(|_| scope.spawn(|| load(site, "/process", &stop, &all))).collect();
        let slow = scope.spawn(|| load(site, "/sleep?1", &stop, &all));
        for number in 0..times {
            restart(number);
            let before = all.load(Ordering::Acquire);
            poll::wait_for("requests are served", || all.load(Ordering::Acquire) > before + 40);
        }
        stop.store(true, Ordering::Release);
        let mut served = 0;
        for worker in fast.into_iter().chain([slow]) {
            let (count, failed) = worker.join().unwrap();
            assert!(failed.is_empty(), "{} of {count} failed: {:?}", failed.len(), failed.first());
            served += count;
        }
        assert!(served > 20, "{served}");
    });
}

#[trial(reach(Reach::Everywhere))]
fn no_request_fails_over_graceful_restarts(setup: &Setup) {
    let plan = plan().define("OWN_SIZES", "1");
    // mod_wsgi replaces processes at each restart; here those of unchanged groups go on without this.
    let plan = if setup.is_ours() { plan.define("RELOAD_ALWAYS", "1") } else { plan };
    let server = Httpd::start(setup, &plan, "daemon-graceful");
    let site = Site::new(&server, setup);
    let before = process(&site, "/process")[1].clone();
    under_load(&site, 5, |_| server.graceful());
    assert_ne!(process(&site, "/process")[1], before, "a new generation serves");
    poll::wait_for("one supervisor is left", || server.supervisors().len() == 1);
}

#[trial]
fn a_changed_group_loses_no_request_either(setup: &Setup) {
    let server = Httpd::start(setup, &plan().define("OWN_SIZES", "1"), "daemon-changed");
    let site = Site::new(&server, setup);
    let file = server.files.root.join("httpd.conf");
    let original = std::fs::read_to_string(&file).unwrap();
    under_load(&site, 4, |number| {
        // What Python is told belongs to every group.
        std::fs::write(&file, format!("{original}\nWSGIPythonWarnings ignore::Warning:m{number}\n")).unwrap();
        server.graceful();
    });
}

#[trial]
fn a_killed_supervisor_is_replaced(setup: &Setup) {
    let server = Httpd::start(setup, &plan().announce("re:WSGI1315:"), "daemon-supervisor");
    let site = Site::new(&server, setup);
    let before = process(&site, "/process");
    let [supervisor] = server.supervisors()[..] else { panic!("one supervisor") };
    assert_eq!(before[2], supervisor.to_string());
    processes::send(supervisor, Signal::KILL);
    poll::wait_for("another supervisor's process serves", || process(&site, "/process")[2] != before[2]);
    poll::wait_for("the old process has gone", || !std::path::Path::new(&format!("/proc/{}", before[1])).exists());
    site.expect_log("WSGI1315");
}

#[trial(reach(Reach::Everywhere))]
fn a_stop_leaves_nothing_behind(setup: &Setup) {
    let mut server = Httpd::start(setup, &plan(), "daemon-stop");
    let site = Site::new(&server, setup);
    let pid = process(&site, "/process")[1].clone();
    let begun = Instant::now();
    server.stop().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(6), "it took {:?}", begun.elapsed());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "the daemon process is gone");
    let sockets = server.files.root.join("run/mod_wsgi_rs");
    assert_eq!(std::fs::read_dir(sockets).unwrap().count(), 0, "no socket is left");
}
