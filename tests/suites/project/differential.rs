/*! The same requests to mod_wsgi 6.1.1 and to us: every difference in what a client sees is listed with its reason, in
`tests/differences.txt`, from which `docs/compatibility.md` is made. A difference that is not listed fails; so does a listed one that
is no more. */

mod observation;
mod probes;
pub mod table;

use crate::suite;
use crate::support::httpd::{Httpd, Plan};
use crate::support::installation::server_user;
use crate::support::matrix::{Mode, Reach, Setup, Suite};
use crate::support::module_under_test::Module;
use crate::support::pythons;
use crate::support::site::Site;
use observation::observe;
use registration::trial;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What we are compared with.
const THEIRS: &str = "mod_wsgi==6.1.1";

/// The suite.
pub fn suite() -> Suite {
    suite!("differential").reach(Reach::Once)
}

/// The combination with mod_wsgi, and the one with our module on the same Python.
pub fn both(setup: &Setup) -> (Setup, Setup) {
    let mut candidates: Vec<_> = setup.run.pythons.iter().filter(|python| python.minor() >= 10).collect();
    // A distribution's Python has its headers where a compiler looks for them.
    candidates.sort_by_key(|python| python.copied_from.is_some());
    let mut reasons = Vec::new();
    for python in candidates {
        let built = pythons::virtualenv(python, &[THEIRS]).and_then(|home| {
            let module = Module::copied(&built_module(&home)?, &setup.run.workdir.path().join("mod_wsgi"))?;
            Ok((home, module))
        });
        match built {
            Ok((home, module)) => {
                let ours = Setup { python: Arc::clone(python), home, ..setup.clone() };
                return (Setup { module: Arc::new(module), ..ours.clone() }, ours);
            }
            Err(why) => reasons.push(format!("Python {}: {why}", python.version)),
        }
    }
    setup.skip(&format!("{THEIRS} could not be built: {}", reasons.join("; ")))
}

/// The module that pip compiled.
fn built_module(home: &Path) -> Result<PathBuf, String> {
    let lib = home.join("lib");
    let versions = fs::read_dir(&lib).map_err(|e| e.to_string())?;
    versions
        .filter_map(|entry| fs::read_dir(entry.ok()?.path().join("site-packages/mod_wsgi/server")).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "so"))
        .ok_or_else(|| format!("no module below {}", lib.display()))
}

/// In both modes. A pattern of the table is about both of them, unless it begins with the name of one; what ends with `?` is not seen in every run.
#[trial(differs("it is what we are compared with"))]
fn answers_differ_only_as_listed(setup: &Setup) {
    let (their_setup, our_setup) = both(setup);
    let listed: BTreeSet<String> = table::read().into_iter().flat_map(|difference| difference.probes).collect();
    let (mut report, mut gone) = (String::new(), Vec::new());
    // Without root mod_wsgi's daemon mode was seen to answer everything with 503: there is nothing to compare with.
    let modes = [Mode::Embedded, Mode::Daemon];
    let modes = if server_user().is_some() { &modes[..] } else { &modes[..1] };
    for mode in modes.iter().copied() {
        let in_mode = |setup: &Setup| Setup { mode, ..setup.clone() };
        let differences = differences(&in_mode(&their_setup), &in_mode(&our_setup));
        let here: Vec<&str> = listed.iter().filter_map(|pattern| about(pattern, mode)).collect();
        for (name, theirs, ours) in &differences {
            if !here.iter().any(|pattern| covers(pattern.trim_end_matches('?'), name)) {
                report.push_str(&format!("\n{} {name}\n  mod_wsgi: {theirs}\n  ours:     {ours}\n", mode.name()));
            }
        }
        let certain = here.iter().filter(|pattern| !pattern.ends_with('?'));
        let missing = certain.filter(|pattern| !differences.iter().any(|(name, ..)| covers(pattern, name)));
        gone.extend(missing.map(|pattern| format!("{}:{pattern}", mode.name())));
    }
    assert!(report.is_empty(), "differences that tests/differences.txt does not list:\n{report}");
    assert!(gone.is_empty(), "tests/differences.txt lists what is no difference any more: {gone:?}");
}

/// What differs: the probe with its aspect, what they answer and what we do.
fn differences(their_setup: &Setup, our_setup: &Setup) -> Vec<(String, String, String)> {
    let plan = || Plan::new("differential.conf").modules(&["filter", "deflate"]).announce("re:.");
    let (theirs, ours) = (Httpd::start(their_setup, &plan(), "theirs"), Httpd::start(our_setup, &plan(), "ours"));
    let (their_site, our_site) = (Site::new(&theirs, their_setup), Site::new(&ours, our_setup));
    let mut found = Vec::new();
    for probe in probes::read().into_iter().filter(|probe| their_setup.mode == Mode::Daemon || !probe.name.starts_with("daemon."))
    {
        let (left, right) = (observe(&their_site, &probe), observe(&our_site, &probe));
        for (aspect, theirs, ours) in left.differences(&right) {
            found.push((format!("{}/{aspect}", probe.name), theirs, ours));
        }
    }
    found
}

/// The pattern, without the mode that it names, if it is about that mode.
fn about(pattern: &str, mode: Mode) -> Option<&str> {
    let of = |mode: Mode| pattern.strip_prefix(mode.name()).and_then(|rest| rest.strip_prefix(':'));
    match (of(Mode::Embedded), of(Mode::Daemon)) {
        (None, None) => Some(pattern),
        _ => of(mode),
    }
}

/// Does a pattern of the table (`*` stands for any text) cover a difference?
pub fn covers(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name
            .strip_prefix(head)
            .is_some_and(|tail| tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| covers(rest, &tail[at..]))),
    }
}

/// Each trial that says how mod_wsgi differs is named in the table, and each probe and trial in one entry alone.
#[trial(differs("the table is about us"))]
fn every_difference_is_explained_once(_: &Setup) {
    let table = table::read();
    let mut seen = BTreeSet::new();
    for name in table.iter().flat_map(|difference| difference.probes.iter().chain(&difference.trials)) {
        assert!(seen.insert(name), "{name} is named twice");
    }
    let there: BTreeSet<String> = crate::suites::all()
        .iter()
        .flat_map(|suite| suite.cases.iter().map(|case| format!("{}::{}", suite.name, case.name)))
        .collect();
    let lost: Vec<&String> = table.iter().flat_map(|difference| &difference.held).filter(|name| !there.contains(*name)).collect();
    assert!(lost.is_empty(), "tests/differences.txt names trials that do not exist: {lost:?}");
    let listed: BTreeSet<String> = table.iter().flat_map(|difference| difference.trials.clone()).collect();
    let marked: BTreeSet<String> = crate::suites::all()
        .iter()
        .flat_map(|suite| {
            suite.cases.iter().filter(|case| case.differs.is_some()).map(|case| format!("{}::{}", suite.name, case.name))
        })
        // What checks our own files, or this table, says nothing of mod_wsgi's behaviour.
        .filter(|name| {
            ![
                "advice::",
                "examples::",
                "linkage::",
                "panics::",
                "differential::",
                "install::",
                "refused_calls::",
                "serve::",
                "trials::",
                "upgrades::",
                "values::",
            ]
            .iter()
            .any(|own| name.starts_with(own))
        })
        .collect();
    let lacking: Vec<&String> = marked.difference(&listed).collect();
    assert!(lacking.is_empty(), "tests/differences.txt has no entry for: {lacking:?}");
    let stale: Vec<&String> = listed.difference(&marked).collect();
    assert!(stale.is_empty(), "tests/differences.txt names trials that do not differ: {stale:?}");
}

#[trial(differs("the table is about us"))]
fn the_page_of_differences_is_up_to_date(_: &Setup) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md");
    let page = table::page(&table::read());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let have = fs::read_to_string(&file).unwrap_or_default();
    assert!(have == page, "docs/compatibility.md is out of date: run `UPDATE_DOCS=1 make test TESTS=the_page_of_differences`");
}
