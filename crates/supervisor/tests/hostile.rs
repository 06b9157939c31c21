/*! Daemon processes that belong to an attacker from their first byte on, beside a group that has done nothing: what they do to the supervisor of both.
*Runs in: tests.* */

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect is to fail")]

mod support;

use std::time::{Duration, Instant};

use support::{Bench, Running, parent_of, resident, until};

/// What a supervisor of two groups may hold, in kilobytes, in a build without optimisation.
const MEMORY: u64 = 48 * 1024;

/// A group whose processes do what `word` says, and its neighbour, which serves.
struct Street {
    hostile: Bench,
    neighbour: Bench,
    supervisor: Running,
    /// The neighbour's process.
    first: i32,
}

impl Street {
    fn new(word: &str) -> Self {
        Self::with(word, |_| {})
    }

    fn with(word: &str, change: impl FnOnce(&mut Bench)) -> Self {
        let (mut hostile, mut neighbour) = (Bench::new(word), Bench::new("neighbour"));
        hostile.script(word);
        neighbour.group.name = b"neighbour".to_vec();
        change(&mut hostile);
        let supervisor = hostile.start_beside(&neighbour);
        let first = neighbour.served_by(&[]);
        Self { hostile, neighbour, supervisor, first }
    }

    /// The neighbour's new code is served in time, and the supervisor holds little.
    fn unharmed(&mut self) {
        let begun = Instant::now();
        self.neighbour.script("serve ");
        let next = self.neighbour.served_by(&[self.first]);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        let held = resident(parent_of(next));
        assert!(held < MEMORY, "the supervisor holds {held} kB");
        assert!(!self.neighbour.log().contains("] WSGI1"), "{}", self.neighbour.log());
        self.first = next;
    }

    fn end(mut self) {
        self.unharmed();
        self.supervisor.stop();
    }
}

#[test]
fn no_descriptor_can_be_passed_to_the_supervisor() {
    let street = Street::new("passes");
    assert_eq!(street.hostile.file("refused"), "BrokenPipeError");
    street.end();
}

#[test]
fn messages_that_are_too_long_are_not_kept() {
    let street = Street::new("long");
    street.hostile.wait_for_log("the message Loaded with 1048576 bytes, which is more than its maximum");
    street.end();
}

#[test]
fn no_more_is_heard_than_a_process_has_to_say() {
    let street = Street::new("paths");
    street.hostile.wait_for_log("WSGI1370");
    street.hostile.wait_for_log("WSGI1309");
    let said = street.hostile.log().lines().filter(|line| line.contains("WSGI1309")).count();
    assert!(said <= street.hostile.log().matches("died by SIGTERM").count() + 1, "each process is named once");
    street.end();
    let street = Street::new("flood");
    street.hostile.wait_for_log("too many messages (at most 4096 at once and 64 a second");
    street.end();
}

#[test]
fn what_a_group_writes_keeps_nobody_waiting() {
    for word in ["babble", "trickle"] {
        let street = Street::new(word);
        street.hostile.served_by(&[]);
        street.end();
    }
}

#[test]
fn a_pipe_that_somebody_keeps_filling_is_not_read_for_ever() {
    let street = Street::new("heir");
    street.hostile.wait_for_log("exited with status 3");
    street.end();
}

#[test]
fn children_that_a_process_has_made_the_supervisors_are_reaped() {
    let street = Street::new("fosters");
    street.hostile.served_by(&[]);
    let supervisor = parent_of(street.first);
    assert_eq!(street.hostile.file("fostered"), "200");
    let dead = || {
        let all = std::fs::read_dir("/proc").unwrap();
        let pids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        pids.filter(|pid| !support::alive(*pid) && support::stat(*pid).is_some_and(|(_, parent)| parent == supervisor)).count()
    };
    until("none of them is left", || (dead() == 0).then_some(()));
    street.end();
}

/// A writer that faults on a page which never comes keeps the pipe's lock: whoever reads then waits without being interruptible.
#[test]
fn a_pipe_that_its_writer_keeps_locked_holds_up_nobody_else() {
    let probe = Bench::new("probe");
    if !support::root() || !probe.lend_faults() {
        return;
    }
    let mut street = Street::with("locks", |hostile| assert!(hostile.lend_faults()));
    let stuck: i32 = street.hostile.file("locked").parse().unwrap();
    street.unharmed();
    street.hostile.wait_for_log("WSGI1309: process");
    street.hostile.wait_for_log("because the process keeps it locked");
    until("it is ended", || (!support::alive(stuck)).then_some(()));
    street.supervisor.stop();
}

/// Those that have left their group keep pipes locked beyond its processes' ends, and each holds a thread of the supervisor.
#[test]
fn so_many_pipes_are_kept_locked_and_no_more() {
    let probe = Bench::new("probe");
    if !support::root() || !probe.lend_faults() {
        return;
    }
    let mut street = Street::with("locks-on", |hostile| {
        assert!(hostile.lend_faults());
        hostile.group.processes = 8;
    });
    street.hostile.wait_for_log("WSGI1390");
    street.unharmed();
    let threads = std::fs::read_dir(format!("/proc/{}/task", street.supervisor.pid())).unwrap().count();
    assert!(threads < 40, "{threads} threads");
    assert!(street.hostile.pids("heir").len() >= 8);
    // Its threads hold the supervisor for as long as they hold the pipes.
    street.supervisor.signal(rustix::process::Signal::TERM);
    until("the supervisor ends", || {
        for pid in street.hostile.pids("heir").into_iter().filter_map(rustix::process::Pid::from_raw) {
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap_or_default();
        }
        street.supervisor.ended()
    });
}

#[test]
fn keys_of_who_started_httpd_are_nobodys_else() {
    if !support::root() {
        return;
    }
    let mut bench = Bench::new("keys");
    bench.script("keys");
    let mut supervisor = bench.start_with_a_key();
    assert_eq!(bench.file("keys"), "refused");
    supervisor.stop();
}

#[test]
fn processes_that_ask_to_be_replaced_all_the_time_are_slowed() {
    let street = Street::new("restless");
    street.hostile.wait_for_log("WSGI1371");
    let before = street.hostile.pids("born").len();
    let since = Instant::now();
    until("another is started", || (street.hostile.pids("born").len() > before + 2).then_some(()));
    assert!(since.elapsed() > Duration::from_secs(1), "one a second, no more");
    street.end();
}

#[test]
fn a_successor_that_never_gets_ready_keeps_its_permit_for_so_long() {
    let mut street = Street::with("sleeper", |hostile| {
        hostile.plan.replacements = 1;
        hostile.group.shutdown_timeout = 300;
    });
    street.hostile.served_by(&[]);
    street.hostile.script("sleeper ");
    street.hostile.file("sleeps");
    let begun = Instant::now();
    street.neighbour.script("serve ");
    let next = street.neighbour.served_by(&[street.first]);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!(support::alive(next));
    street.supervisor.stop();
}

#[test]
fn a_table_that_is_overwritten_all_the_time_disturbs_its_group_alone() {
    let street = Street::new("scribble");
    street.hostile.served_by(&[]);
    street.end();
}

/// Processes that must not overlap end before their successors begin. One that never ends keeps its own successor waiting, and nobody else's.
#[test]
fn a_process_that_never_drains_holds_up_no_other_group() {
    for service in [false, true] {
        let (mut hostile, mut neighbour) = (Bench::new("hang"), Bench::new("neighbour"));
        hostile.script("hang");
        hostile.group.overlap = false;
        neighbour.group.name = b"neighbour".to_vec();
        neighbour.group.overlap = false;
        if service {
            neighbour.group.threads = 0;
            neighbour.group.table = None;
        }
        let (mut old, end) = hostile.start_generation_beside(&neighbour, None);
        let (stuck, first) = (hostile.served_by(&[]), neighbour.served_by(&[]));
        let begun = Instant::now();
        let (mut new, end) = hostile.start_generation_beside(&neighbour, Some(end));
        let next = neighbour.served_by(&[first]);
        assert!(begun.elapsed() < Duration::from_secs(10) && support::alive(stuck), "{:?}", begun.elapsed());
        assert!(!support::alive(first), "two of a group never live side by side");
        assert_eq!(hostile.pids("ready"), [stuck], "its own successor waits");
        assert!(support::alive(next));
        drop(end);
        old.stop();
        hostile.served_by(&[stuck]);
        new.stop();
    }
}
