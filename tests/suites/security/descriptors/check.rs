/*! A server's processes, held against the list. *Runs in: tests.* */

use super::kinds::{self, Kind};
use super::open::{Open, Snapshot};
use super::table::{At, Count, GROUPS, ROWS, Row};
use crate::support::client::{Client, Request};
use crate::support::httpd::{Httpd, Plan};
use crate::support::installation::Mpm;
use crate::support::matrix::{Mode, Reach, Setup, Suite};
use crate::support::{poll, processes};
use registration::trial;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

/// The suite.
pub fn suite() -> Suite {
    Suite::of("open_files", &["security::descriptors::check", "security::descriptors::page", "security::descriptors::programs"])
        .in_both_modes()
        .reach(Reach::Everywhere)
}

fn fits(row: &Row, kind: Kind, mpm: Mpm, open: &Open, words: &str) -> bool {
    let there = match row.at {
        At::Number(number) => open.number == number,
        At::Above => open.number > 2,
        At::Engine => open.number >= 1024,
    };
    let which = row.kinds.contains(&kind) && (row.mpms.is_empty() || row.mpms.contains(&mpm));
    which && there && row.leads_to == words && row.access == open.access && row.closed_at_exec == open.closed_at_exec
}

/// What differs from the list; `seen` collects the numbers of the rows that were met.
pub fn differences(snapshot: &Snapshot, mpm: Mpm, root: &str, seen: &mut BTreeSet<(usize, Kind)>) -> String {
    let mut out = String::new();
    for (pid, kind, all) in &snapshot.processes {
        let mut counts = vec![0_usize; ROWS.len()];
        for open in all {
            let words = snapshot.words(*pid, open, root);
            match ROWS.iter().position(|row| fits(row, *kind, mpm, open, &words)) {
                Some(number) => counts[number] += 1,
                None => writeln!(out, "{kind:?} {pid}: {words} ({open:?}) is not in the list").unwrap(),
            }
        }
        for (number, row) in ROWS.iter().enumerate().filter(|(_, row)| row.kinds.contains(kind)) {
            let wrong = match row.count {
                _ if !row.mpms.is_empty() && !row.mpms.contains(&mpm) => false,
                Count::Exactly(wanted) => counts[number] != wanted,
                Count::EachGroup(wanted) | Count::EachProcess(wanted) => counts[number] != wanted * GROUPS,
                Count::UpTo(most) => counts[number] > most,
            };
            if wrong {
                writeln!(out, "{kind:?} {pid}: {} times {:?} {} ({})", counts[number], row.at, row.leads_to, row.why).unwrap();
            } else if counts[number] > 0 {
                seen.insert((number, *kind));
            }
        }
    }
    out
}

/// Rows of these kinds that no process had.
pub fn unseen(kinds: &[Kind], mpm: Mpm, seen: &BTreeSet<(usize, Kind)>) -> String {
    let mut out = String::new();
    for (number, row) in ROWS.iter().enumerate().filter(|(_, row)| row.mpms.is_empty() || row.mpms.contains(&mpm)) {
        for kind in row.kinds.iter().filter(|kind| kinds.contains(kind) && !seen.contains(&(number, **kind))) {
            writeln!(out, "{kind:?}: nothing is {} ({}): take it out of the list", row.leads_to, row.why).unwrap();
        }
    }
    out
}

/// An answer, and the connection on which it came, which stays. A child that is being replaced may close one unread.
fn ask(server: &Httpd, target: &str) -> (Client, String) {
    let mut asked = || {
        let mut client = Client::connect(server.files.port).ok()?;
        let answer = client.exchange(&Request::get(target)).ok()?.ok();
        Some((client, answer))
    };
    poll::until(poll::SOON, &mut asked).unwrap_or_else(|| panic!("no answer to {target}"))
}

/// The kinds of processes that a server of the suite consists of.
const fn kinds_of(mode: Mode) -> &'static [Kind] {
    match mode {
        Mode::Embedded => &[
            Kind::Parent,
            Kind::EmbeddedChild,
            Kind::Supervisor,
            Kind::LogWriter,
            Kind::Daemon,
            Kind::DaemonWithMore,
            Kind::DaemonProgram,
            Kind::EmbeddedProgram,
            Kind::Logger,
        ],
        Mode::Daemon => &[
            Kind::Parent,
            Kind::Child,
            Kind::Supervisor,
            Kind::LogWriter,
            Kind::Daemon,
            Kind::DaemonWithMore,
            Kind::DaemonProgram,
            Kind::Logger,
        ],
    }
}

/// Looks at the server while clients are connected and programs run that applications have executed.
fn look(server: &Httpd, setup: &Setup, seen: &mut BTreeSet<(usize, Kind)>) {
    let (_large, body) = ask(server, "/neighbour/large");
    assert_eq!(body.len(), 3_000_000);
    let (_neighbour, with_more) = ask(server, "/neighbour/pid");
    let with_more = with_more.parse().unwrap();
    let by_application = match setup.mode {
        Mode::Embedded => Kind::EmbeddedProgram,
        Mode::Daemon => Kind::DaemonProgram,
    };
    let (mut application, one) = ask(server, "/program");
    let (mut daemon, other) = ask(server, "/daemon/program");
    let programs = [(one.parse().unwrap(), by_application), (other.parse().unwrap(), Kind::DaemonProgram)];
    let executes = |pid: i32| processes::children(pid).iter().any(|program| kinds::program(program.pid) == "sleep");
    let executed = poll::until(Duration::from_secs(60), || programs.iter().all(|(pid, _)| executes(*pid)).then_some(()));
    assert!(executed.is_some(), "no program executes another");
    // On the way from one generation to the next both are there.
    let mut last = String::new();
    let agreed = poll::until(Duration::from_secs(30), || {
        let snapshot = Snapshot::new(&kinds::of(server, setup.mode, with_more, &programs));
        last = differences(&snapshot, setup.mpm, &server.files.root.display().to_string(), seen);
        last.is_empty().then_some(())
    });
    for (pid, _) in &programs {
        let executed = processes::children(*pid);
        // The shell first: it would report the other's end.
        processes::send(*pid, Signal::KILL);
        executed.into_iter().for_each(|program| program.kill());
    }
    for (client, target) in [(&mut application, "/reap"), (&mut daemon, "/daemon/reap")] {
        client.exchange(&Request::get(target)).unwrap().ok();
    }
    assert!(agreed.is_some(), "{last}");
}

#[trial]
fn each_process_has_what_the_list_says(setup: &Setup) {
    // Of a program that reads a log httpd says so, when it starts another in its place.
    let plan = Plan::new("open_files.conf").modules(&["log_config"]).announce("long lost child came home");
    let server = Httpd::start(setup, &plan, "open-files");
    let mut seen = BTreeSet::new();
    look(&server, setup, &mut seen);
    server.graceful();
    look(&server, setup, &mut seen);
    let missing = unseen(kinds_of(setup.mode), setup.mpm, &seen);
    assert!(missing.is_empty(), "{missing}");
}
