/*! What the pages that are written by hand promise: links that lead somewhere, and commands, directives, options and messages that exist.
*Runs in: tests.* */

use crate::suite;
use crate::support::matrix::{Reach, Setup, Suite};
use regex::Regex;
use registration::trial;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The suite.
pub fn suite() -> Suite {
    suite!("documents").reach(Reach::Once)
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All pages of the repository, by their paths from its top.
fn pages() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for directory in ["", "docs", "docs/guides"] {
        for entry in fs::read_dir(repository().join(directory)).unwrap() {
            let name = PathBuf::from(entry.unwrap().file_name());
            if name.extension().is_some_and(|extension| extension == "md") {
                let page = Path::new(directory).join(name);
                let text = read(&repository().join(&page));
                found.push((page, text));
            }
        }
    }
    found
}

/// Those that somebody reads to set a server up.
fn guides() -> Vec<(PathBuf, String)> {
    pages().into_iter().filter(|(page, _)| page.starts_with("docs/guides") || page == Path::new("README.md")).collect()
}

/// What stands between the first brackets of `pattern`, wherever it matches.
fn all<'t>(pattern: &str, text: &'t str) -> BTreeSet<&'t str> {
    let pattern = Regex::new(pattern).unwrap();
    pattern.captures_iter(text).map(|found| found.get(1).unwrap().as_str()).collect()
}

/// The names by which a page's headings can be linked to: lower case, without punctuation, with hyphens for spaces.
fn anchors(text: &str) -> BTreeSet<String> {
    let of = |heading: &str| -> String {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    text.lines().filter(|line| line.starts_with('#')).map(|line| of(line.trim_start_matches('#').trim())).collect()
}

#[trial]
fn every_relative_link_leads_somewhere(_: &Setup) {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (page, text) in pages() {
        for target in all(r"\]\(([^)\s]+)\)", &text) {
            if target.contains("://") {
                continue;
            }
            count += 1;
            let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            let directory = page.parent().unwrap_or(Path::new(""));
            let path = if file.is_empty() { repository().join(&page) } else { repository().join(directory).join(file) };
            let leads = path.exists() && anchor.is_none_or(|anchor| anchors(&read(&path)).contains(anchor));
            if !leads {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(count > 50, "only {count} links were found");
    assert!(wrong.is_empty(), "links that lead nowhere: {wrong:#?}");
}

#[trial]
fn every_make_command_exists(_: &Setup) {
    let makefile = read(&repository().join("Makefile"));
    let targets: BTreeSet<&str> =
        makefile.lines().find_map(|line| line.strip_prefix(".PHONY: ")).unwrap().split_whitespace().collect();
    let mut variables = all(r"(?m)^([A-Z_]+) \??:?=", &makefile);
    // Given to install alone, and empty otherwise.
    variables.extend(all(r"\$\(([A-Z]+)\)", &makefile));
    let mut wrong = Vec::new();
    let mut count = 0;
    for (page, text) in pages() {
        // A command begins a line of code, an inline piece of it, or what follows in a shell.
        for command in all(r"(?m)(?:^    |`|sudo |&& )make((?: +[A-Za-z_]+(?:=[^\s`]*)?)*)", &text) {
            for word in command.split_whitespace() {
                count += 1;
                let known = match word.split_once('=') {
                    Some((variable, _)) => variables.contains(variable),
                    None => targets.contains(word),
                };
                if !known {
                    wrong.push(format!("{}: make {word}", page.display()));
                }
            }
        }
    }
    assert!(count > 15, "only {count} words of commands were found");
    assert!(wrong.is_empty(), "the Makefile does not know: {wrong:#?}");
}

#[trial]
fn every_directive_option_and_message_exists(_: &Setup) {
    let (directives, messages) = (read(&repository().join("docs/directives.md")), read(&repository().join("docs/messages.md")));
    let known_directives = all(r"(?m)^### (WSGI\w+)$", &directives);
    let known_options = all(r"`([a-z]+(?:-[a-z]+)*)=`", &directives);
    let known_messages = all(r"(?m)^## (WSGI[0-9]+):", &messages);
    assert!(known_directives.len() > 30 && known_options.len() > 40 && known_messages.len() > 90);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (page, text) in guides() {
        let named = [
            (all(r"\b(WSGI[A-Z][a-z]\w+)", &text), &known_directives),
            (all(r"\b(WSGI[0-9]{4})\b", &text), &known_messages),
            // With a hyphen: anything else may be an option of another program.
            (all(r"(?:^|[\s`])([a-z]+(?:-[a-z]+)+)=", &text), &known_options),
        ];
        for (names, known) in named {
            count += names.len();
            wrong.extend(names.difference(known).map(|name| format!("{}: {name}", page.display())));
        }
    }
    assert!(count > 40, "only {count} names were found");
    assert!(wrong.is_empty(), "pages name what does not exist: {wrong:#?}");
}
