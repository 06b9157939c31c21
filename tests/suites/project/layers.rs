/*! The structure that ARCHITECTURE.md draws, held against the sources: imports run from higher layers to lower ones, no files import each other in a circle, and the
way of a request through the files is the one that is written down. *Runs in: tests.* */

use crate::suite;
use crate::support::matrix::{Reach, Setup, Suite};
use regex::Regex;
use registration::trial;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The suite.
pub fn suite() -> Suite {
    suite!("layers").reach(Reach::Once)
}

/// The layers of the Apache module (`src/`), highest first. What stands in one line knows nothing of its neighbours there.
const MODULE: [&[&str]; 7] = [
    // `lib.rs` itself: the record and the hooks.
    &[""],
    &["handler", "configtest"],
    &["embedded", "daemon"],
    &["request"],
    &["install_paths"],
    &["httpd"],
    // Further libraries begin here.
    &[],
];

/// The sources of the libraries and programs, whose files import each other in one direction only.
const SOURCES: [&str; 7] = [
    "src",
    "crates/config/src",
    "crates/engine/src",
    "crates/interpreter/src",
    "crates/protocol/src",
    "crates/shared_memory/src",
    "crates/supervisor/src",
];

/// Two files that are one subject: an error of Python's is an object, and an object's functions raise errors; the adapter and the body that it sends.
const ONE_SUBJECT: [[&str; 2]; 2] = [["capi::error", "capi::object"], ["gateway::wsgi::adapter", "gateway::wsgi::body"]];

/// More files or folders than this in one folder are more than one subject.
const LONGEST_FOLDER: usize = 12;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The modules of a crate, by their paths (`httpd::pool`; the crate itself is empty), and what each imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The path of a file's module below the root of its crate.
fn module(root: &Path, file: &Path) -> Vec<String> {
    let relative = file.strip_prefix(root).unwrap().with_extension("");
    let mut names: Vec<String> = relative.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if matches!(names.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        names.pop();
    }
    names
}

/// The leaves of what stands behind `use`.
fn leaves(tree: &str, before: &[String], found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let path =
        |text: &str| text.split("::").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect::<Vec<_>>();
    let Some((head, rest)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or_default();
        found.push([before, &path(name)].concat());
        return;
    };
    let before = [before, &path(head)].concat();
    let (mut depth, mut from) = (0, 0);
    let inside = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    for (at, character) in inside.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                leaves(&inside[from..at], &before, found);
                from = at + 1;
            }
            _ => {}
        }
    }
    if !inside[from..].trim().is_empty() {
        leaves(&inside[from..], &before, found);
    }
}

static HEAD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)^/\*!.*?\*/").unwrap());
static USE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^\s*(?:pub(?:\([^)]*\))? )?use ([^;]+);").unwrap());
static VISIBILITY: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"pub\(in [^)]*\)").unwrap());
static INLINE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b(?:crate|super)(?:::\w+)+").unwrap());

/// What a text imports, as paths below its crate; `own` is its module. Only the part before its tests counts.
fn imported(text: &str, own: &[String]) -> Vec<Vec<String>> {
    let product =
        text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().split("#[cfg(test)]\npub mod ").next().unwrap_or_default();
    let code: String =
        product.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect();
    let code = HEAD.replace(&code, "").into_owned();
    let mut found = Vec::new();
    USE.captures_iter(&code).for_each(|one| leaves(one.get(1).unwrap().as_str(), &[], &mut found));
    let rest = USE.replace_all(&code, "");
    let rest = VISIBILITY.replace_all(&rest, "").into_owned();
    found.extend(INLINE.find_iter(&rest).map(|one| one.as_str().split("::").map(str::to_owned).collect()));
    found.into_iter().filter_map(|path| absolute(&path, own)).collect()
}

/// A path as seen from the crate's root.
fn absolute(path: &[String], own: &[String]) -> Option<Vec<String>> {
    let mut at = own.to_vec();
    let mut rest = path;
    match path.first().map(String::as_str)? {
        "crate" => {
            at.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|name| name == "super") {
                at.pop();
                rest = &rest[1..];
            }
        }
        // A module below this one, or another crate.
        _ => {}
    }
    Some(at.into_iter().chain(rest.iter().filter(|name| *name != "self").cloned()).collect())
}

/// What the modules of a crate import of each other. A path leads to the longest module that it begins with.
fn imports(root: &str) -> Imports {
    let root = repository().join(root);
    let mut all = Vec::new();
    files(&root, &mut all);
    let modules: BTreeMap<String, (Vec<String>, PathBuf)> =
        all.into_iter().map(|file| (module(&root, &file), file)).map(|(names, file)| (names.join("::"), (names, file))).collect();
    let leads_to = |path: &[String]| {
        (0..=path.len()).rev().map(|length| path[..length].join("::")).find(|path| modules.contains_key(path)).unwrap_or_default()
    };
    let of = |names: &Vec<String>, file: &Path| {
        let text = fs::read_to_string(file).unwrap();
        let own = names.join("::");
        imported(&text, names).iter().map(|path| leads_to(path)).filter(|to| *to != own).collect()
    };
    let is_test =
        |names: &[String]| names.iter().any(|name| name == "tests" || name.ends_with("_tests") || name == "test_support");
    modules
        .iter()
        .filter(|(_, (names, _))| !is_test(names))
        .map(|(path, (names, file))| (path.clone(), of(names, file)))
        .collect()
}

fn top(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

#[trial]
fn no_import_runs_from_a_lower_layer_to_a_higher_one(_: &Setup) {
    let layer = |path: &str| MODULE.iter().position(|names| names.contains(&top(path)));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (from, to) in imports("src") {
        let own = layer(&from).unwrap_or_else(|| panic!("`{from}` stands in no layer: add it to `MODULE`"));
        for to in to.iter().filter(|to| top(to) != top(&from)) {
            count += 1;
            if layer(to).is_none_or(|other| other <= own) {
                wrong.push(format!("{from} imports {to}"));
            }
        }
    }
    assert!(count > 100, "only {count} imports between layers were found");
    assert!(wrong.is_empty(), "imports that do not run down: {wrong:#?}");
}

/// The modules that can be reached from `from`, itself only if there is a way back.
fn reached(imports: &Imports, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(at) = next.pop() {
        for to in imports.get(&at).into_iter().flatten() {
            if seen.insert(to.clone()) {
                next.push(to.clone());
            }
        }
    }
    seen
}

#[trial]
fn no_files_import_each_other_in_a_circle(_: &Setup) {
    for root in SOURCES {
        let mut imports = imports(root);
        // A module that is made of its children, and is known to them, is one thing in several files.
        for (from, to) in &mut imports {
            let same = |to: &str| ONE_SUBJECT.iter().any(|two| two.contains(&from.as_str()) && two.contains(&to));
            to.retain(|to| !from.starts_with(&format!("{to}::")) && !to.is_empty() && !same(to));
        }
        assert!(imports.len() >= 3, "{root}: only {} files were found", imports.len());
        let circle: Vec<&String> = imports.keys().filter(|path| reached(&imports, path).contains(*path)).collect();
        assert!(circle.is_empty(), "{root}: these import each other in a circle: {circle:#?}");
    }
}

#[trial]
fn no_folder_is_longer_than_a_reader_takes_in_at_once(_: &Setup) {
    let mut all = Vec::new();
    SOURCES.iter().for_each(|root| files(&repository().join(root), &mut all));
    let folders: BTreeSet<&Path> = all.iter().filter_map(|file| file.parent()).collect();
    assert!(folders.len() > 10, "only {} folders were found", folders.len());
    for folder in folders {
        let count = all.iter().filter(|file| file.parent() == Some(folder)).count();
        assert!(count <= LONGEST_FOLDER, "{} has {count} files: put those of one subject into a folder", folder.display());
    }
}

#[trial]
fn the_reading_order_leads_through_files_that_exist(_: &Setup) {
    let text = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let (_, text) = text.split_once("\n## One request, in reading order\n").expect("ARCHITECTURE.md has no reading order");
    let text = text.split("\n## ").next().unwrap_or_default();
    let named = Regex::new(r"`((?:src|crates)/[^`]+\.rs)`").unwrap();
    for mode in ["**Embedded mode**", "**Daemon mode**"] {
        let (_, way) = text.split_once(mode).unwrap_or_else(|| panic!("the reading order has no `{mode}`"));
        let way = way.split("\n\n").next().unwrap_or_default();
        let files: Vec<&str> = named.captures_iter(way).map(|one| one.get(1).unwrap().as_str()).collect();
        assert!(files.len() >= 8, "{mode}: only {files:?}");
        for file in &files {
            assert!(repository().join(file).is_file(), "{mode}: {file} does not exist");
        }
        let once: BTreeSet<&&str> = files.iter().collect();
        assert_eq!(once.len(), files.len(), "{mode}: the way comes back to a file that it has left");
    }
}

#[trial]
fn unsafe_code_is_where_the_architecture_says(_: &Setup) {
    let text = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let (_, text) = text.split_once("**Unsafe code** is in").expect("ARCHITECTURE.md does not say where unsafe code is");
    let text = text.split("\n\n").next().unwrap_or_default();
    let path = Regex::new(r"`((?:src|crates)/[^`]+)`").unwrap();
    let places: Vec<&str> = path.captures_iter(text).map(|one| one.get(1).unwrap().as_str()).collect();
    assert!(places.len() >= 5, "only {places:?}");
    // The lint's own permission is a file's or a module's, and a module's is that of all below it.
    let code = Regex::new(r#"\bunsafe (?:\{|impl\b|fn \w|extern "C" (?:fn \w|\{))"#).unwrap();
    let (mut all, mut found, mut wrong) = (Vec::new(), BTreeSet::new(), Vec::new());
    files(&repository().join("src"), &mut all);
    files(&repository().join("crates"), &mut all);
    for file in all {
        let name = file.strip_prefix(repository()).unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let is_unsafe = product.lines().any(|line| !line.trim_start().starts_with("//") && code.is_match(line));
        if !is_unsafe || name.contains("/tests/") || name.ends_with("tests.rs") {
            continue;
        }
        match places.iter().find(|place| if place.ends_with('/') { name.starts_with(**place) } else { name == **place }) {
            Some(place) => drop(found.insert(*place)),
            None => wrong.push(name),
        }
    }
    assert!(wrong.is_empty(), "unsafe code where ARCHITECTURE.md names none: {wrong:#?}");
    assert_eq!(found.len(), places.len(), "ARCHITECTURE.md names a place without unsafe code: {places:?}, found {found:?}");
}
