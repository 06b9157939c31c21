/*! Attacks, each with what it must come to: by a daemon process that belongs to its attacker from the first byte on, by code in an httpd child, by the owner
of scripts and virtual environments, by httpd's own user and by a stranger on the machine.

All of them stand in one table, from which `docs/security.md` lists them. Where another suite tries one, its row names the trial. *Runs in: tests.* */

mod daemons;
mod local;
mod owner;
mod page;
mod siege;
mod table;
mod untried;

use crate::suite;
use crate::support::matrix::{Case, Reach, Setup, Suite};
use registration::trial;
use std::collections::BTreeSet;
use table::{How, Row};

/// The suites: one for each server that attacks share, and one for those that start their own.
pub fn suites() -> Vec<Suite> {
    let suite = |cases| Suite::new("attacks", cases).in_daemon_mode().reach(Reach::Once);
    let mut all: Vec<Suite> = table::servers().map(|rows| suite(cases(rows)).plan(|_| daemons::plan(rows))).collect();
    all.push(suite(cases(table::alone())));
    all.push(suite!("attacks", page).in_daemon_mode().reach(Reach::Once));
    all
}

fn cases(rows: &[Row]) -> Vec<Case> {
    let case = |row: &Row| match row.how {
        How::Shared(body) => Some(Case::shared(row.name, body)),
        How::Own(body) => Some(Case::own(row.name, body)),
        How::Held(_) | How::Beside(..) => None,
    };
    rows.iter().filter_map(case).collect()
}

/// Each row has a name of its own, and what it names in other suites exists.
#[trial]
fn each_attack_has_one_trial(_: &Setup) {
    let all = crate::suites::all();
    let there: BTreeSet<String> =
        all.iter().flat_map(|suite| suite.cases.iter().map(|case| format!("{}::{}", suite.name, case.name))).collect();
    let mut seen = BTreeSet::new();
    for row in table::rows() {
        assert!(seen.insert(row.name), "{} is there twice", row.name);
        assert!(!row.done.is_empty() && !row.comes_to.is_empty(), "{}: {:?} does what?", row.name, row.by);
        if let How::Held(trial) = row.how {
            assert!(there.contains(trial), "{}: there is no trial {trial}", row.name);
        }
        if let How::Beside(source, test) = row.how {
            let source = std::fs::read_to_string(page::file(source)).unwrap();
            let written = regex::Regex::new(&format!(r"#\[test\]\s+(#\[[^\n]*\]\s+)*fn {test}\(\)")).unwrap();
            assert!(written.is_match(&source), "{}", row.name);
        }
    }
    assert!(seen.len() >= 80, "{} attacks", seen.len());
}
