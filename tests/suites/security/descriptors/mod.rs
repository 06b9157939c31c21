/*! Descriptors of a daemon process: what it has and why, what the application's own share of the numbers is, and what the programs and processes
that it starts find of them. */

mod check;
mod kinds;
mod open;
mod page;
mod programs;
mod table;

use crate::suite;
use crate::support::matrix::{Reach, Suite};
use crate::support::poll;
use crate::support::site::Site;
use registration::trial;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// `FD_SETSIZE`: the engine's own lie from here on.
const FIRST_OF_ENGINE: i32 = 1024;

/// The suites: of daemon processes, and of every kind of process.
pub fn suites() -> [Suite; 2] {
    [suite(), check::suite()]
}

fn suite() -> Suite {
    suite!("descriptors").in_daemon_mode()
}

type Open = BTreeMap<i32, String>;

/// A process's descriptors, as `/proc` tells about it.
fn open_in(pid: &str) -> Open {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let target = |number| fs::read_link(format!("/proc/{pid}/fd/{number}")).map(|path| path.to_string_lossy().into_owned());
    numbers.filter_map(|number| Some((number, target(number).ok()?))).collect()
}

/// The same, as a page lists it.
fn listed(text: &str) -> Open {
    let line = |line: &str| line.split_once(' ').and_then(|(number, target)| Some((number.parse().ok()?, target.to_owned())));
    text.lines().filter_map(line).collect()
}

/// What tells one open file from another: sockets and pipes have numbers of their own.
fn identities(open: &Open) -> BTreeSet<&str> {
    open.values().map(String::as_str).filter(|target| target.starts_with("socket:[") || target.starts_with("pipe:[")).collect()
}

/// The process that serves, which lists itself; its descriptors as root sees them, because it may be one of another user.
fn process(site: &Site, mount: &str) -> Open {
    open_in(&site.get(&format!("{mount}/pid")).ok())
}

/// What Linux knows the Unix socket with this identity by: whether it listens, and its path.
fn unix_socket(identity: &str) -> Option<(bool, String)> {
    let inode = identity.strip_prefix("socket:[")?.strip_suffix(']')?;
    let table = fs::read_to_string("/proc/net/unix").unwrap();
    table.lines().skip(1).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // Bit 16 of the flags says that it listens.
        (words.get(6) == Some(&inode)).then(|| (words[3] == "00010000", words.get(7).unwrap_or(&"").to_string()))
    })
}

#[trial(reach(Reach::Everywhere))]
fn each_descriptor_of_a_process_has_its_purpose(site: &Site) {
    let open = process(site, "");
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, target) in &open {
        let what = match (*number, target.as_str()) {
            (0, "/dev/null") => "input",
            (1 | 2, pipe) if pipe.starts_with("pipe:[") => "output",
            (FIRST_OF_ENGINE.., "anon_inode:[eventpoll]") => "a worker's idle set",
            (FIRST_OF_ENGINE.., "anon_inode:[eventfd]") => "stop",
            (FIRST_OF_ENGINE.., memory) if memory.starts_with("/memfd:wsgi-memory") => "memory",
            (FIRST_OF_ENGINE.., "anon_inode:[pidfd]" | "pidfd:[") => "httpd's parent",
            (FIRST_OF_ENGINE.., pipe) if pipe.starts_with("pipe:[") => "signals, and messages to the supervisor",
            (FIRST_OF_ENGINE.., pidfd) if pidfd.starts_with("pidfd:[") => "httpd's parent",
            (FIRST_OF_ENGINE.., socket) if socket.starts_with("socket:[") => match unix_socket(socket) {
                Some((true, path)) => {
                    assert!(path.contains("mod_wsgi_rs"), "the listener is the group's: {path}");
                    "listener"
                }
                Some((false, _)) => "a connected socket",
                None => panic!("descriptor {number} is a socket of another family than Unix"),
            },
            _ => panic!("descriptor {number} is {target}: nobody needs that in {open:?}"),
        };
        *counted.entry(what).or_default() += 1;
    }
    for (what, least, most) in [
        ("input", 1, 1),
        ("output", 2, 2),
        ("listener", 1, 1),
        ("signals, and messages to the supervisor", 3, 3),
        ("httpd's parent", 1, 1),
        ("memory", 1, 1),
    ] {
        let count = counted.get(what).copied().unwrap_or(0);
        assert!((least..=most).contains(&count), "{count} times {what}: {open:?}");
    }
}

#[trial]
fn nothing_of_apache_is_open_in_a_process(site: &Site) {
    let open = process(site, "");
    let listeners: Vec<&str> =
        open.values().filter(|t| unix_socket(t).is_some_and(|(listens, _)| listens)).map(String::as_str).collect();
    let httpd = open_in(&site.server.pid().to_string());
    for identity in identities(&httpd).intersection(&identities(&open)) {
        assert!(listeners.contains(identity), "{identity} is open in httpd's parent and in a daemon process");
    }
    let root = site.server.files.root.display().to_string();
    let files: Vec<&String> = open.values().filter(|target| target.starts_with(&root)).collect();
    assert!(files.is_empty(), "{files:?}");
}

#[trial]
fn nothing_of_one_group_is_open_in_another(site: &Site) {
    let (here, there) = (process(site, ""), process(site, "/neighbour"));
    let both: Vec<_> = identities(&here).intersection(&identities(&there)).map(|s| (*s).to_owned()).collect();
    assert!(both.is_empty(), "{both:?}");
}

/// Asserts that `open` has nothing of the engine's that could be used.
#[track_caller]
fn nothing_usable(site: &Site, open: &Open) {
    let of_process = process(site, "");
    let of_engine: Open = of_process.into_iter().filter(|(number, _)| *number >= FIRST_OF_ENGINE).collect();
    let both: Vec<_> = identities(&of_engine).intersection(&identities(open)).map(|s| (*s).to_owned()).collect();
    // What fills the places has no peer, and is the one thing that is there more than once.
    let dead = |identity: &String| open.values().filter(|target| *target == identity).count() > 1;
    assert!(both.iter().all(dead) && both.len() <= 1, "{both:?} of {open:?}");
    for target in open.values() {
        assert!(!target.starts_with("anon_inode:"), "{target} in {open:?}");
        assert!(unix_socket(target).is_none_or(|(listens, _)| !listens), "a listener in {open:?}");
    }
}

#[trial(reach(Reach::Everywhere))]
fn a_program_that_is_executed_gets_none_of_them(site: &Site) {
    let open = listed(&site.get("/executed").ok());
    assert!(open.contains_key(&1), "{open:?}");
    assert!(open.keys().all(|number| *number < FIRST_OF_ENGINE), "{open:?}");
    nothing_usable(site, &open);
}

#[trial(reach(Reach::Everywhere))]
fn a_forked_process_can_use_none_of_them(site: &Site) {
    let open = listed(&site.get("/forked").ok());
    assert!(open.contains_key(&2), "{open:?}");
    nothing_usable(site, &open);
}

#[trial(reach(Reach::Everywhere))]
fn multiprocessing_can_use_none_of_them(site: &Site) {
    for method in ["fork", "spawn"] {
        let text = site.get(&format!("/started?{method}")).ok();
        assert!(text.ends_with("exit 0"), "{method}: {text}");
        let open = listed(&text);
        assert!(open.contains_key(&2), "{method}: {open:?}");
        nothing_usable(site, &open);
    }
}

#[trial]
fn a_forked_process_logs_and_dies_as_any_other(site: &Site) {
    site.allow_log("said-by-a-forked-process");
    assert_eq!(site.post("/forked_speaks", vec![b'x'; 1_000_000]).ok(), "OSError");
    let said = || site.log().into_iter().find(|line| line.text.contains("said-by-a-forked-process"));
    assert!(poll::until(poll::SOON, said).is_some(), "its line is in the group's log");
    assert_eq!(site.get("/terminated").ok(), "15", "SIGTERM ends it as it ends any other process");
}

#[trial]
fn a_forked_process_that_comes_back_answers_nobody(site: &Site) {
    site.allow_tracebacks();
    site.allow_log("re:WSGI1201:|SystemExit");
    let before = site.get("/pid").ok();
    for how in ["return", "exit"] {
        let mut client = site.connect();
        let answer = client.exchange(&crate::support::client::Request::get(&format!("/comes_back?{how}"))).unwrap().ok();
        assert!(answer.starts_with("the parent's answer"), "{answer}");
        site.expect_log("re:WSGI1460: .*/comes_back");
    }
    assert_eq!(site.get("/pid").ok(), before, "the process serves on");
}

#[trial]
fn select_has_its_whole_range(site: &Site) {
    let answer = site.get("/selects").ok();
    let (ready, count) = answer.split_once(" of ").unwrap();
    assert_eq!(ready, "1");
    assert!(count.parse::<usize>().unwrap() > 490, "{answer}");
}
