/*! What an Apache child holds to by itself, whatever a group's processes do: the group's share of httpd's workers, a request's time, and who may send it descriptors. */

use crate::suite;
use crate::suites::security::privileges::other_user;
use crate::support::client::{Client, Request};
use crate::support::installation::server_user;
use crate::support::matrix::{Reach, Suite};
use crate::support::poll;
use crate::support::processes;
use crate::support::site::Site;
use registration::trial;
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The suite.
pub fn suite() -> Suite {
    suite!("distrust")
        .plan(|plan| {
            // Without root there is no other user; the trial about it is left out.
            let foreign = server_user().map_or("threads=2".to_owned(), |_| format!("user={}", other_user().0));
            plan.define("FOREIGN", &foreign)
        })
        .in_daemon_mode()
}

/// Requests that run until they are let go.
struct Running {
    clients: Vec<Client>,
    directories: Vec<PathBuf>,
}

impl Running {
    fn new(site: &Site, prefix: &str, count: usize) -> Self {
        let (mut clients, mut directories) = (Vec::new(), Vec::new());
        for number in 0..count {
            let directory = site.path("running").join(format!("{prefix}-{number}-{}", std::process::id()));
            fs::create_dir_all(&directory).unwrap();
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
            let mut client = site.connect();
            client.send(&Request::get(&format!("/{prefix}/hold?{}", directory.display())).head_bytes()).unwrap();
            poll::wait_for("a request runs", || directory.join("begun").exists());
            clients.push(client);
            directories.push(directory);
        }
        Self { clients, directories }
    }

    fn let_go(&self) {
        for directory in &self.directories {
            fs::write(directory.join("go"), "").unwrap();
        }
    }

    fn end(mut self) {
        self.let_go();
        for client in &mut self.clients {
            client.receive(false).unwrap().ok();
        }
        self.directories.iter().for_each(|directory| fs::remove_dir_all(directory).unwrap());
    }
}

#[trial]
fn a_group_has_its_share_of_httpds_workers(site: &Site) {
    site.get("/share/process").ok();
    site.allow_log("WSGI1344: ");
    let running = Running::new(site, "share", 2);
    let response = site.get("/share/process");
    assert_eq!((response.status, response.header("Retry-After").is_some()), (503, true), "three threads are free");
    site.expect_log(
        "re:WSGI1344: the process group `share` has reached its limit of 2 requests in httpd \\(maximum-in-flight\\)",
    );
    site.get("/process").ok();
    running.end();
    poll::wait_for("the group serves again", || site.get("/share/process").status == 200);
}

#[trial]
fn the_share_of_a_child_that_died_is_free_again(site: &Site) {
    site.get("/share/process").ok();
    site.allow_log("WSGI1344: ");
    site.allow_log("re:AH00052|AH00051|AH00045|exit signal Killed");
    // Requests that were cut with their child have nobody to be logged for.
    site.allow_log("WSGI1181: ");
    let running = Running::new(site, "share", 2);
    let program = |pid: i32| fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let is_child = |pid: &i32| program(*pid).file_name().is_some_and(|name| name != "wsgi-supervisor");
    for child in site.server.children().into_iter().map(|child| child.pid).filter(is_child) {
        processes::send(child, Signal::KILL);
    }
    running.let_go();
    poll::wait_for("children that came after it serve", || {
        site.connect().exchange(&Request::get("/share/process")).is_ok_and(|response| response.status == 200)
    });
    let again = Running::new(site, "share", 2);
    again.end();
}

#[trial]
fn a_process_that_stands_still_does_not_keep_a_request_beyond_its_time(site: &Site) {
    let process = site.get("/stopped/process").ok();
    let pid: i32 = process.split(' ').nth(1).unwrap().parse().unwrap();
    site.allow_log("re:WSGI1(346|300): ");
    site.allow_tracebacks();
    let running = Running::new(site, "stopped", 1);
    processes::stop(pid);
    let began = Instant::now();
    let response = running.clients.into_iter().next().unwrap().receive(false);
    // It would have much to say when it goes on.
    processes::send(pid, Signal::KILL);
    assert_eq!(response.unwrap().status, 504);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    site.expect_log("re:WSGI1346: a process of the group `stopped` had the request for 7 s ");
    site.expect_log("re:WSGI1300: .*stopped");
    poll::wait_for("the group serves again", || site.get("/stopped/process").status == 200);
}

#[trial(reach(Reach::Everywhere))]
fn files_of_another_users_group_arrive_whole(site: &Site) {
    if server_user().is_none() {
        site.setup.skip("the suites do not run as root, so every process is of one user");
    }
    for size in [0, 1, 8191, 8192, 65_536, 131_072, 131_073, 700_000, 10_000_000_u32] {
        let path = site.path("files").join(format!("foreign-{size}"));
        let bytes: Vec<u8> = (0..size).map(|n| (n.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
        fs::write(&path, &bytes).unwrap();
        // Again: the connection has memory for bodies by then.
        for _ in 0..3 {
            let response = site.get(&format!("/foreign/file?file={}", path.display())).expect(200);
            assert!(response.complete && response.body == bytes, "{} of {size} bytes came", response.body.len());
        }
    }
}

/// A TCP socket that lingers stands for all descriptors that take for ever to let go of. Where the kernel refuses it (from Linux 6.16 on) its sender is told; elsewhere
/// the child does not receive it.
#[trial]
fn nobody_waits_for_a_descriptor_of_another_users_group(site: &Site) {
    if server_user().is_none() {
        site.setup.skip("the suites do not run as root, so every process is of one user");
    }
    // Also when the server is stopped: a descriptor that lingers then is still being closed.
    site.server.announce("re:WSGI1(329|181|253): ");
    site.allow_tracebacks();
    let began = Instant::now();
    for _ in 0..3 {
        let response = site.post("/evil/hand-over/-", vec![b'x'; 200_000]);
        assert!(response.status == 502 || (response.status == 200 && response.text() == "refused"), "{response:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    site.get("/process").ok();
}
