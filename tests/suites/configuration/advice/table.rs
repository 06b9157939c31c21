//! `tests/advice.txt`: which trial follows the advice of which message.

use crate::support::matrix::{Registered, Setup};
use registration::trial;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Below it lies what the table names.
fn tests() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a line of the table says of a message.
enum Entry {
    /// `WSGI1010 suite::trial suite::trial`: trials that follow its advice.
    Tried(Vec<String>),
    /// `WSGI1010: why no trial can`.
    Untried(String),
}

fn table() -> BTreeMap<String, Entry> {
    let text = fs::read_to_string(tests().join("advice.txt")).unwrap();
    let mut table = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (code, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line}: neither a trial nor a reason"));
        let entry = match code.strip_suffix(':') {
            Some(_) => Entry::Untried(rest.trim().to_owned()),
            None => Entry::Tried(rest.split_whitespace().map(str::to_owned).collect()),
        };
        let known = table.insert(code.trim_end_matches(':').to_owned(), entry);
        assert!(known.is_none(), "{code} stands there twice");
    }
    table
}

/// The numbers of all messages, as their page lists them. A unit test of the messages' own holds the page to their table.
fn messages() -> BTreeSet<String> {
    let page = fs::read_to_string(tests().join("../docs/messages.md")).unwrap();
    let heads = page.lines().filter_map(|line| line.strip_prefix("## "));
    heads.map(|head| head.split(':').next().unwrap().to_owned()).collect()
}

/// The source file of a module, and its text.
fn source(module: &str) -> String {
    let inner: PathBuf = module.split("::").skip(1).collect();
    let path = tests().join(inner);
    let files = [path.with_extension("rs"), path.join("mod.rs")];
    files.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap_or_else(|| panic!("no file of {module}"))
}

/// Does the trial's function name the message? Patterns may hold the number without its head, as `re:WSGI(1262|1332)`.
fn names(one: &Registered, code: &str) -> bool {
    let text = source(one.module);
    let number = code.trim_start_matches("WSGI");
    let start =
        text.find(&format!("fn {}(", one.case.name)).unwrap_or_else(|| panic!("{} has no fn {}", one.module, one.case.name));
    let body = &text[start..];
    let end = body.find("\n}\n").map_or(body.len(), |at| at + 2);
    body[..end].contains(number)
}

#[trial]
fn each_message_has_a_trial_that_follows_its_advice_or_a_reason(_: &Setup) {
    let (table, messages) = (table(), messages());
    assert!(messages.len() > 100, "only {} messages were found", messages.len());
    let listed: BTreeSet<String> = table.keys().cloned().collect();
    let missing: Vec<_> = messages.difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "tests/advice.txt lacks {missing:?}: name a trial that follows the advice, or say why there can be none"
    );
    let gone: Vec<_> = listed.difference(&messages).collect();
    assert!(gone.is_empty(), "tests/advice.txt has {gone:?}, which are no messages");
    let mut wrong = Vec::new();
    for (code, entry) in &table {
        match entry {
            Entry::Untried(why) => assert!(why.len() > 20, "{code}: `{why}` is no reason"),
            Entry::Tried(trials) => wrong.extend(trials.iter().filter_map(|trial| fault(trial, code))),
        }
    }
    assert!(wrong.is_empty(), "tests/advice.txt: {wrong:#?}");
}

/// What is wrong with a trial that the table names for a message.
fn fault(trial: &str, code: &str) -> Option<String> {
    let found = trial.split_once("::").and_then(|(suite, name)| {
        let suites = crate::suites::all();
        suites.iter().find(|one| one.name == suite)?.cases.iter().find(|case| case.name == name)?;
        inventory::iter::<Registered>.into_iter().find(|one| one.case.name == name && source(one.module).contains(name))
    });
    match found {
        None => Some(format!("{code} names the trial {trial}, which does not exist")),
        Some(one) if !names(one, code) => Some(format!("{code} names the trial {trial}, which does not name {code}")),
        Some(_) => None,
    }
}
