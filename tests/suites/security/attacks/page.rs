/*! The list of attacks in `docs/security.md`, and what they come to with mod_wsgi 6.1.1. *Runs in: tests.* */

use super::daemons;
use super::table::{self, By, How, Row};
use super::untried;
use crate::suites;
use crate::suites::project::differential;
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Body, Mode, Setup, Suite, caught, take_skipped};
use crate::support::site::Site;
use registration::trial;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The list begins behind this line of the page.
const BEGIN: &str = "<!-- The rest is made from tests/suites/security/attacks/table. -->\n";

/// A file of the repository.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Where what mod_wsgi does is noted: a line of `name: what` for each attack that applies to it.
const THEIRS: &str = "tests/attacks_on_mod_wsgi.txt";

fn section(by: By) -> &'static str {
    match by {
        By::Daemon => "A daemon process without an engine, of another user than httpd's",
        By::Tenant => "An application in a daemon process of another user than httpd's",
        By::Kin => "An application in a daemon process",
        By::Child => "Code in a child of httpd's",
        By::Owner => "The owner of scripts and virtual environments",
        By::Stranger => "A stranger on the machine, or a program of httpd's user",
        By::Client => "A client",
    }
}

/// What mod_wsgi does, as noted.
fn theirs(notes: &str, row: &Row) -> String {
    let noted = notes.lines().find_map(|line| line.strip_prefix(row.name)?.strip_prefix(": "));
    match (untried::why(row), noted) {
        (Some(why), _) => why.to_owned(),
        (None, Some(noted)) => noted.to_owned(),
        (None, None) => "not tried yet".to_owned(),
    }
}

fn list() -> String {
    let notes = fs::read_to_string(file(THEIRS)).unwrap_or_default();
    let mut out = String::new();
    for by in [By::Daemon, By::Tenant, By::Kin, By::Child, By::Owner, By::Stranger, By::Client] {
        let rows: Vec<&Row> = table::rows().filter(|row| row.by == by).collect();
        if rows.is_empty() {
            continue;
        }
        write!(out, "\n### {}\n\n| attack | mod_wsgi_rs | mod_wsgi 6.1.1 |\n|---|---|---|\n", section(by)).unwrap();
        for row in rows {
            writeln!(out, "| {} | {} | {} |", row.done, row.comes_to, theirs(&notes, row)).unwrap();
        }
    }
    out
}

/// The page names every attack.
#[trial]
pub fn the_page_of_security_names_every_attack(_: &Setup) {
    let page = file("docs/security.md");
    let text = fs::read_to_string(&page).unwrap();
    let (written, have) = text.split_once(BEGIN).expect("the page has the line behind which its list begins");
    let list = list();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&page, format!("{written}{BEGIN}{list}")).unwrap();
    } else {
        assert!(have == list, "docs/security.md is out of date: run `UPDATE_DOCS=1 make test TESTS=the_page_of_security`");
    }
}

/// `ATTACKS_ON_MOD_WSGI=all`, or a part of the names of some: what can be tried on mod_wsgi as well is, each attack on a server of its own, and what came of
/// it noted.
#[trial]
pub fn what_mod_wsgi_does_is_noted(setup: &Setup) {
    let Ok(wanted) = std::env::var("ATTACKS_ON_MOD_WSGI") else { setup.skip("ATTACKS_ON_MOD_WSGI is not set") };
    let (their_setup, _) = differential::both(setup);
    let known = fs::read_to_string(file(THEIRS)).unwrap_or_default();
    let mut notes = String::new();
    for row in table::rows().filter(|row| untried::why(row).is_none()) {
        let noted = known.lines().find(|line| line.starts_with(&format!("{}: ", row.name)));
        if let Some(noted) = noted.filter(|_| wanted != "all" && !row.name.contains(&wanted)) {
            writeln!(notes, "{noted}").unwrap();
            continue;
        }
        let outcome = tried(&their_setup, row);
        eprintln!("{}: {outcome:?}", row.name);
        let said = match (outcome, take_skipped()) {
            (_, Some(why)) => format!("does not apply: {why}"),
            (Ok(()), None) => untried::with_help(row).to_owned(),
            (Err(why), None) => untried::in_words(row).map_or_else(|| format!("**not so**: {}", reason(&why)), str::to_owned),
        };
        writeln!(notes, "{}: {}", row.name, said).unwrap();
    }
    fs::write(file(THEIRS), notes).unwrap();
}

/// Tries one attack.
fn tried(setup: &Setup, row: &Row) -> Result<(), String> {
    match row.how {
        How::Shared(body) => {
            let rows = table::servers().find(|rows| rows.iter().any(|other| other.name == row.name)).unwrap_or_default();
            on_server(setup, daemons::plan(rows), body)
        }
        How::Own(body) => caught(|| body(setup)),
        How::Beside(file, _) => setup.skip(&format!("`{file}` tries it on this project's own code")),
        How::Held(trial) => {
            let all = suites::all();
            let named = |suite: &&Suite| suite.cases.iter().any(|case| format!("{}::{}", suite.name, case.name) == trial);
            let suite = all.iter().find(named).ok_or("there is no such suite")?;
            let case =
                suite.cases.iter().find(|case| trial.ends_with(&format!("::{}", case.name))).ok_or("there is no such trial")?;
            let mode = if suite.modes.contains(&Mode::Daemon) { Mode::Daemon } else { Mode::Embedded };
            let setup = &Setup { mode, ..setup.clone() };
            match case.body {
                Body::Shared(body) => on_server(setup, suite.plan.clone(), body),
                Body::Own(body) => caught(|| body(setup)),
            }
        }
    }
}

fn on_server(setup: &Setup, plan: Plan, body: fn(&Site)) -> Result<(), String> {
    let server = caught(|| Httpd::start(setup, &plan.announce("re:."), "theirs"))?;
    let outcome = caught(|| body(&Site::new(&server, setup)));
    // How it stops after that is another matter.
    caught(move || drop(server)).ok();
    outcome
}

/// What succeeded, without numbers and paths that change.
fn reason(why: &str) -> String {
    let line = why.lines().find_map(|line| line.trim().strip_prefix("left: ")).or(why.lines().next()).unwrap_or_default();
    let line = line.split_once(".rs:").and_then(|(_, rest)| rest.split_once(": ")).map_or(line, |(_, rest)| rest);
    let text = regex::Regex::new(r"\d{2,}|/tmp/[^ ;]*").unwrap().replace_all(line, "…").replace('|', "\\|");
    text.trim_matches('"').chars().take(160).collect()
}
