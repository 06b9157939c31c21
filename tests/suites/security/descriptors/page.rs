/*! `docs/descriptors.md`, made from the list. *Runs in: tests.* */

use super::kinds::Kind;
use super::table::{At, Count, ROWS, Row, Whose};
use crate::support::matrix::{Reach, Setup};
use registration::trial;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const HEAD: &str = "# Open descriptors

What each kind of process of a server with mod_wsgi_rs has open, and why. This page is made from the list that a test holds the processes of a running server against, in both
modes and with each MPM (`tests/suites/security/descriptors/table.rs`): a descriptor that is not listed fails it, and so does an entry that no process has.

The server of the test has two groups of one process each, one of them with `server-metrics=On` and `overlap=Off`. `/logs/error.log` is its `ErrorLog`, `/console.txt` is
where httpd was started to write to. \"httpd\" in the last column but one: httpd opens it and passes it on, with or without this module. \"closed\" means `FD_CLOEXEC`: programs
that the process executes do not get it.
";

fn number(row: &Row) -> String {
    match row.at {
        At::Number(number) => number.to_string(),
        At::Above => "from 3 on".to_owned(),
        At::Engine => "from 1024 on".to_owned(),
    }
}

fn count(row: &Row) -> String {
    match row.count {
        Count::Exactly(count) => count.to_string(),
        Count::EachGroup(count) => format!("{count} for each group"),
        Count::EachProcess(count) => format!("{count} for each process"),
        Count::UpTo(_) => "as needed".to_owned(),
    }
}

fn line(row: &Row) -> String {
    let at_exec = if row.closed_at_exec { "closed" } else { "kept" };
    let whose = match row.whose {
        Whose::Ours => "mod_wsgi_rs",
        Whose::Httpds => "httpd",
        Whose::Programs => "the program",
    };
    let mpms: Vec<&str> = row.mpms.iter().map(|mpm| mpm.name()).collect();
    let mpms = if mpms.is_empty() { String::new() } else { format!(" ({})", mpms.join(", ")) };
    format!(
        "| {} | `{}` | {} | {at_exec} | {} | {whose} | {}{mpms} |\n",
        number(row),
        row.leads_to,
        row.access,
        count(row),
        row.why
    )
}

fn text() -> String {
    let mut out = HEAD.to_owned();
    for kind in Kind::ALL {
        write!(out, "\n## {}\n\n", kind.title()).unwrap();
        out.push_str("| number | leads to | access | at exec | how many | whose | why |\n|---|---|---|---|---|---|---|\n");
        ROWS.iter().filter(|row| row.kinds.contains(&kind)).for_each(|row| out.push_str(&line(row)));
    }
    out
}

#[trial(reach(Reach::Once))]
pub fn the_page_names_each_descriptor(_: &Setup) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/descriptors.md");
    let text = text();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&page, text).unwrap();
    } else {
        let written = fs::read_to_string(&page).unwrap_or_default();
        assert!(
            written == text,
            "docs/descriptors.md is out of date: run `UPDATE_DOCS=1 make test TESTS=the_page_names_each_descriptor`"
        );
    }
}
