/*! `docs/reliability.md`: what came of each trial, in full length for us and once against mod_wsgi 6.1.1. `make soak` writes it. *Runs in: tests.* */

use super::field::{set_long, take_facts};
use super::{ROWS, Row};
use crate::suites::project::differential;
use crate::support::installation::Installation;
use crate::support::matrix::{Setup, caught};
use registration::trial;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The most of a reason that goes into the page.
const LONGEST: usize = 300;

/// What came of a trial.
struct Outcome {
    failed: Option<String>,
    facts: Vec<String>,
    took: Duration,
}

impl Outcome {
    fn of(setup: &Setup, row: &Row, long: bool) -> Self {
        set_long(long);
        let begun = Instant::now();
        let failed = caught(|| (row.trial)(setup)).err();
        set_long(false);
        Self { failed, facts: take_facts(), took: begun.elapsed() }
    }

    /// For a cell of the table.
    fn cell(&self) -> String {
        let facts = self.facts.join("; ");
        let text = match self.failed.as_deref().map(reason) {
            None if facts.is_empty() => "yes".to_owned(),
            None => format!("yes: {facts}"),
            Some(why) if why.starts_with("n/a: ") => why.replacen("n/a: ", "does not apply: ", 1),
            Some(why) if facts.is_empty() => format!("**no**: {why}"),
            Some(why) => format!("**no**: {why} ({facts})"),
        };
        text.replace('|', "\\|")
    }
}

/// What a trial that failed said first: without the place in our sources, and in one line.
fn reason(text: &str) -> String {
    let line = text.lines().take_while(|line| !line.starts_with("---")).collect::<Vec<_>>().join(" ");
    let said = match line.split_once(".rs:") {
        Some((file, rest)) if !file.contains(' ') => rest.split_once(": ").map_or(rest, |(_, said)| said),
        _ => line.as_str(),
    };
    let said = said.strip_prefix("assertion `left == right` failed: ").unwrap_or(said);
    said.chars().take(LONGEST).collect()
}

/// Runs everything, for as long as it takes (`SOAK=short`: as `make test` does), and writes the page. `SOAK_TRIALS=A1,B3` runs those and
/// leaves the other lines as they are.
#[trial(differs("it is what we are compared with"))]
pub fn every_trial_in_full_length_and_against_mod_wsgi(setup: &Setup) {
    let Some(length) = std::env::var_os("SOAK") else { setup.skip("`make soak` runs it") };
    let (theirs, ours) = differential::both(setup);
    let only = std::env::var("SOAK_TRIALS").unwrap_or_default();
    let before = fs::read_to_string(file()).unwrap_or_default();
    let mut page = head(&ours);
    let mut failed = Vec::new();
    for row in ROWS {
        if !only.is_empty() && !only.split(',').any(|number| number == row.number) {
            let line = before.lines().find(|line| line.starts_with(&start(row)));
            writeln!(page, "{}", line.unwrap_or_else(|| panic!("{} has not run before", row.name))).expect("a string takes it");
            continue;
        }
        eprintln!("{} {}", row.number, row.name);
        let their_outcome = Outcome::of(&theirs, row, false);
        eprintln!("  mod_wsgi ({:.0} s): {}", their_outcome.took.as_secs_f64(), their_outcome.cell());
        let our_outcome = Outcome::of(&ours, row, length != "short");
        eprintln!("  ours ({:.0} s): {}", our_outcome.took.as_secs_f64(), our_outcome.cell());
        if let Some(why) = &our_outcome.failed {
            eprintln!("{why}");
            failed.push(row.name);
        }
        writeln!(page, "{}{} | {} |", start(row), our_outcome.cell(), their_outcome.cell()).expect("a string takes it");
    }
    // What stands below the table is written by hand.
    page.push_str(before.find("\n## ").and_then(|at| before.get(at..)).unwrap_or_default());
    fs::write(file(), page).unwrap();
    assert!(failed.is_empty(), "these failed: {failed:?}");
}

/// The first cells of a trial's line.
fn start(row: &Row) -> String {
    format!("| {} | {} | {} | ", row.number, row.injected, row.demanded)
}

fn head(ours: &Setup) -> String {
    let mut out = String::from(
        "# Reliability\n\n\
         What is done to a server on purpose, what must come of it, and what came of it: here, and with mod_wsgi 6.1.1 under the same \
         trial. The trials are `tests/suites/project/trials`. `make test` runs them in a short form at every change; `make soak` runs \
         them in full length, mod_wsgi once in the short form, and writes this page. A trial says what it saw besides: figures belong to one \
         run on one machine.\n\n",
    );
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    writeln!(
        out,
        "This run: {}, the {} MPM, Python {}, daemon mode, {cores} processors, clients on the same machine.\n\n\
         A *failed request* is a connection that could not be made, a status from 500, or a short body. A kept connection that is closed before \
         any byte of an answer is none: the request is sent once more on a new one, as RFC 9112 allows, and the closure counted.\n\n\
         | | what is done | what must come of it | mod_wsgi_rs | mod_wsgi 6.1.1 |\n|---|---|---|---|---|",
        server(&ours.run.installation),
        ours.mpm.name(),
        ours.python.version,
    )
    .expect("a string takes it");
    out
}

/// As `httpd -v` says it.
fn server(installation: &Installation) -> String {
    let said = Command::new(&installation.program).arg("-v").output().map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&said).into_owned();
    text.lines().find_map(|line| line.strip_prefix("Server version: ")).unwrap_or("httpd").to_owned()
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reliability.md")
}

/// The page is about the trials that there are.
#[trial(differs("the page is about us"))]
pub fn the_page_names_every_trial(_: &Setup) {
    let page = fs::read_to_string(file()).unwrap_or_default();
    // Other chapters may have tables of their own.
    let table = page.split("\n## ").next().unwrap_or_default();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| | ")).collect();
    let starts: Vec<String> =
        ROWS.iter().map(|row| format!("| {} | {} | {} | ", row.number, row.injected, row.demanded)).collect();
    let lacking: Vec<&String> = starts.iter().filter(|start| !rows.iter().any(|row| row.starts_with(*start))).collect();
    assert!(lacking.is_empty(), "docs/reliability.md lacks these trials (run `make soak`): {lacking:#?}");
    assert_eq!(rows.len(), starts.len(), "docs/reliability.md has trials that are no more (run `make soak`)");
}
