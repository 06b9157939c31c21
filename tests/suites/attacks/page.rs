/*! The list of attacks in `docs/security.md`, and what they come to with mod_wsgi 6.1.1. *Runs in: tests.* */

use super::daemons;
use super::table::{self, By, How, Row};
use crate::suites::differential;
use crate::support::httpd::Httpd;
use crate::support::matrix::{Setup, caught};
use crate::support::site::Site;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The list begins behind this line of the page.
const BEGIN: &str = "<!-- The rest is made from tests/suites/attacks/table. -->\n";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Where what mod_wsgi does is noted: a line of `name: what` for each attack that applies to it.
const THEIRS: &str = "tests/attacks_on_mod_wsgi.txt";

fn section(by: By) -> &'static str {
    match by {
        By::Daemon => "A daemon process without an engine, of another user than httpd's",
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
    noted.map_or_else(|| "does not apply, or was not tried".to_owned(), str::to_owned)
}

fn list() -> String {
    let notes = fs::read_to_string(file(THEIRS)).unwrap_or_default();
    let mut out = String::new();
    for by in [By::Daemon, By::Kin, By::Child, By::Owner, By::Stranger, By::Client] {
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

/// `ATTACKS_ON_MOD_WSGI=1`: what can be tried on mod_wsgi as well is, and what came of it noted. Its daemon processes are forked by httpd's parent and
/// run no program of a tenant's, so what such a program does to its peers does not apply.
pub fn what_mod_wsgi_does_is_noted(setup: &Setup) {
    if std::env::var_os("ATTACKS_ON_MOD_WSGI").is_none() {
        setup.skip("ATTACKS_ON_MOD_WSGI is not set");
    }
    let (their_setup, _) = differential::both(setup);
    let mut notes = String::new();
    for rows in table::servers() {
        let applies = |row: &&Row| matches!(row.by, By::Child | By::Stranger);
        if !rows.iter().any(|row| applies(&row)) {
            continue;
        }
        for row in rows.iter().filter(applies) {
            let How::Shared(body) = row.how else { continue };
            let server = Httpd::start(&their_setup, &daemons::plan(&[]).announce("re:."), "theirs");
            let site = Site::new(&server, &their_setup);
            let outcome = caught(|| body(&site));
            let said = outcome.map_or_else(|why| format!("**no**: {}", reason(&why)), |()| "yes".to_owned());
            writeln!(notes, "{}: {}", row.name, said).unwrap();
            // How it stops after that is another matter.
            caught(move || drop(server)).ok();
        }
    }
    fs::write(file(THEIRS), notes).unwrap();
}

/// What succeeded, without numbers and paths that change.
fn reason(why: &str) -> String {
    let line = why.lines().find_map(|line| line.trim().strip_prefix("left: ")).or(why.lines().next()).unwrap_or_default();
    let text = regex::Regex::new(r"\d{2,}|/tmp/[^ ;]*").unwrap().replace_all(line, "…").replace('|', "\\|");
    text.trim_matches('"').chars().take(160).collect()
}
