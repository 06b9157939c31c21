/*! Groups of which no two processes may live side by side: `overlap=Off`, services, and what has to be said where it should have been `Off`.
*Runs in: tests.* */

use crate::suite;
use crate::suites::daemon::timers::{announced, pid, replaced};
use crate::support::client::Request;
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Setup, Suite};
use crate::support::poll;
use crate::support::processes::{self, Process};
use crate::support::site::Site;
use registration::trial;
use rustix::process::Signal;

/// The suite.
pub fn suite() -> Suite {
    suite!("daemon_overlap").in_daemon_mode()
}

#[trial]
fn what_only_one_process_can_have_is_told_of_overlap(setup: &Setup) {
    let held = "re:WSGI(12[0-9]+|1305): |the slow service |OSError: .*Address already in use|BlockingIOError: ";
    let name = format!("{}-{}", std::process::id(), setup.python.version);
    let plan = Plan::new("daemon_overlap.conf").announce(held).environment("TRIAL_PORT", name.leak());
    let server = Httpd::start(setup, &plan, "daemon-overlap");
    server.announce_tracebacks();
    let site = Site::new(&server, setup);
    for group in ["port", "lock"] {
        let before = pid(&site, group);
        site.get(&format!("/{group}/signal")).ok();
        site.expect_log(&format!("re:WSGI1305: process [0-9]+ of group {group} "));
        site.expect_log("re:To fix: set `overlap=Off` in the WSGIDaemonProcess of the group");
        assert_eq!(pid(&site, group), before, "the old process serves on");
    }
    let before = pid(&site, "sole");
    site.get("/sole/signal").ok();
    poll::wait_for("the next process serves", || pid(&site, "sole") != before);
    // The processes of the next configuration meet those of the last.
    let hints = || {
        server
            .whole_log()
            .iter()
            .filter(|line| line.text.contains("set `overlap=Off` in the WSGIDaemonProcess of the group"))
            .count()
    };
    let before = hints();
    server.graceful();
    poll::wait_for("it is told at a graceful restart, too", || hints() > before);
}

/// SIGHUP and SIGUSR2 do nothing to a service, unless its script wants them; SIGUSR1 and SIGINT have it replaced, and it ends as its script likes.
#[trial]
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
    site.expect_log("signal 1 was ignored by this service");
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
#[trial]
fn what_may_not_overlap_waits_for_the_processes_of_a_killed_supervisor(setup: &Setup) {
    let plan = announced(Plan::new("daemon_overlap.conf")).announce("re:WSGI13(15|60): |the slow service ");
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
