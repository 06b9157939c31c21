/*! Daemon processes that die: what the client gets, what the log says of it, and that nobody else notices. */

use crate::suite;
use crate::support::client::Request;
use crate::support::matrix::{Reach, Suite};
use crate::support::poll;
use crate::support::processes;
use crate::support::site::Site;
use registration::trial;
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// The suite.
pub fn suite() -> Suite {
    suite!("daemon_deaths").in_daemon_mode()
}

const FRAME: &str = "re:pid [0-9]+\\]   File \"|Python stack of the thread that died";

fn pid(site: &Site, group: &str) -> String {
    site.get(&format!("/{group}/pid")).ok()
}

/// Sends a request that its process does not survive: the line about the death.
fn dies(site: &Site, group: &str, page: &str) -> String {
    let (before, other) = (pid(site, group), pid(site, "sound"));
    site.allow_log("re:WSGI13(00|27): ");
    site.allow_log(FRAME);
    let begun = Instant::now();
    site.get(&format!("/{group}/{page}?secret=1")).expect(502);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let line = site.expect_log(&format!("re:WSGI1300: process {before} of group {group} ")).text;
    assert!(!line.contains("secret"), "no query is logged: {line}");
    let (way, named) = (format!("GET /{group}/{page} (request id "), " while it served ");
    assert!(line.contains(named) && line.contains(&way), "{line}");
    poll::wait_for("another process serves", || site.get(&format!("/{group}/pid")).status == 200);
    assert_eq!(pid(site, "sound"), other, "other groups do not notice");
    line
}

#[trial(reach(Reach::Everywhere))]
fn a_fault_leaves_its_python_stack_and_the_request(site: &Site) {
    let line = dies(site, "segv", "segv");
    assert!(line.contains("died by SIGSEGV"), "{line}");
    site.expect_log("Python stack of the thread that died, innermost call first:");
    site.expect_log("re:File .*daemon_deaths.wsgi\", line [0-9]+ in read_nowhere");
    site.expect_log("re:File .*daemon_deaths.wsgi\", line [0-9]+ in application");
}

#[trial]
fn a_fault_in_a_sub_interpreter_does_too(site: &Site) {
    assert_eq!(site.get("/sub-main/pid").status, 200);
    let line = dies(site, "sub", "segv");
    assert!(line.contains("died by SIGSEGV"), "{line}");
    site.expect_log("re:File .*daemon_deaths.wsgi\", line [0-9]+ in read_nowhere");
}

#[trial]
fn an_abort_leaves_its_python_stack(site: &Site) {
    let line = dies(site, "abort", "abort");
    assert!(line.contains("died by SIGABRT"), "{line}");
    site.expect_log("re:File .*daemon_deaths.wsgi\", line [0-9]+ in abort");
}

#[trial]
fn an_exit_status_is_named_with_the_request(site: &Site) {
    let line = dies(site, "status", "status");
    assert!(line.contains("exited with status 3 while it served"), "{line}");
    site.log_lacks("Python stack of the thread");
}

#[trial]
fn an_exit_of_the_application_ends_the_request_alone(site: &Site) {
    let before = pid(site, "sound");
    site.allow_log("re:WSGI1201: |SystemExit: the application wants it");
    site.allow_tracebacks();
    site.get("/sound/leave").expect(500);
    assert_eq!(pid(site, "sound"), before);
    site.expect_log("re:SystemExit: the application wants it");
}

#[trial]
fn all_requests_that_were_running_are_named(site: &Site) {
    site.allow_log("re:WSGI13(00|27): ");
    let before = pid(site, "killed");
    let mut waiting: Vec<_> = (0..6)
        .map(|_| {
            let mut client = site.connect();
            client.send(&Request::get("/killed/sleep?20").head_bytes()).unwrap();
            client
        })
        .collect();
    poll::wait_for("six requests run", || site.get("/killed/asleep").text() == "6");
    processes::send(before.parse().unwrap(), Signal::KILL);
    for client in &mut waiting {
        client.receive(false).unwrap().expect(502);
    }
    let line = site.expect_log(&format!("re:WSGI1300: process {before} of group killed died by SIGKILL")).text;
    assert_eq!(line.matches("GET /killed/sleep (request id ").count(), 4, "{line}");
    assert!(line.ends_with(", 2 more"), "{line}");
}

#[trial]
fn an_application_may_use_faulthandler_itself(site: &Site) {
    site.allow_log("re:Fatal Python error: Segmentation fault|hread 0x|Extension modules|<no Python frame>|\\] $");
    let line = dies(site, "own", "faults");
    assert!(line.contains("died by SIGSEGV"), "{line}");
    site.expect_log("re:File .*daemon_deaths.wsgi\", line [0-9]+ in read_nowhere");
    site.log_lacks("Python stack of the thread");
}

#[trial]
fn a_dead_child_of_an_application_is_not_taken_for_the_process(site: &Site) {
    let line = dies(site, "status", "child");
    assert!(line.contains("exited with status 4 while it served"), "{line}");
    site.log_lacks("in read_nowhere");
}

#[trial]
fn memory_beyond_the_limit_is_500_and_the_process_lives(site: &Site) {
    let before = pid(site, "narrow");
    site.allow_log("re:WSGI1200: |MemoryError");
    site.allow_tracebacks();
    site.get("/narrow/much").expect(500);
    assert_eq!(pid(site, "narrow"), before);
    site.expect_log("re:MemoryError");
}
