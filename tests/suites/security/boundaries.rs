/*! What root acts on is written by nobody else: code in an httpd child that overwrites all that it can, a group whose user changes, and sockets in
a directory that somebody else owns. */

use crate::suite;
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::installation::server_user;
use crate::support::matrix::{Setup, Suite};
use crate::support::site::Site;
use crate::support::{poll, processes};
use registration::trial;
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::chown;
use std::process::{Child, Command};

use crate::suites::security::privileges::other_user;

/// The suite.
pub fn suite() -> Suite {
    suite!("boundaries").in_daemon_mode()
}

fn only_as_root(setup: &Setup) {
    if server_user().is_none() {
        setup.skip("the suites do not run as root, so there are no others' rights to gain");
    }
}

/// A process of root's that a hostile record names.
struct Victim(Child);

impl Victim {
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }

    fn lives(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}

#[trial]
fn what_a_child_writes_moves_nobody_with_more_rights(setup: &Setup) {
    only_as_root(setup);
    let mut victim = Victim::new();
    let plan = Plan::new("boundaries.conf").define("RELOAD_ALWAYS", "yes").announce("re:WSGI1315:").announce("AH00051");
    let server = Httpd::start(setup, &plan, "hostile-child");
    let site = Site::new(&server, setup);
    let (_, user, _, group) = server_user().unwrap();
    let who = || {
        let text = site.get("/").ok();
        let (pid, rest) = text.trim_start_matches('[').split_once(',').unwrap();
        assert_eq!(rest, format!(" {user}, {group}, false, \"\"]"), "it runs as the configuration says");
        pid.to_owned()
    };
    let attack = || {
        let written = site.get(&format!("/attack?{}", victim.0.id())).ok();
        let others: Vec<&str> = written
            .trim_matches(['[', ']'])
            .split(", ")
            .filter(|name| !name.is_empty() && !name.contains("mod_wsgi_rs-table"))
            .collect();
        assert!(others.is_empty(), "a child can write what others read: {written}");
    };
    let before = who();
    attack();
    server.graceful();
    poll::wait_for("the next generation serves", || who() != before);
    poll::wait_for("one supervisor is left", || server.supervisors().len() == 1);
    attack();
    let before = who();
    let [supervisor] = server.supervisors()[..] else { panic!("one supervisor") };
    processes::send(supervisor, Signal::KILL);
    poll::wait_for("another supervisor's process serves", || who() != before);
    site.expect_log("WSGI1315");
    attack();
    server.restart();
    who();
    assert!(victim.lives(), "a process that a child named was signalled by root");
}

/// The inode of the table that a process has mapped.
fn table(pid: &str) -> String {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let line = maps.lines().find(|line| line.contains("mod_wsgi_rs-table")).unwrap_or_else(|| panic!("no table in {maps}"));
    line.split_whitespace().nth(4).unwrap().to_owned()
}

#[trial]
fn a_group_that_changes_its_user_gets_another_table_and_secret(setup: &Setup) {
    only_as_root(setup);
    let (other, uid) = other_user();
    // Of three graceful restarts one after the other a busy machine's children leave late.
    let server = Httpd::start(setup, &Plan::new("boundaries.conf").announce("AH03490"), "changed-user");
    let site = Site::new(&server, setup);
    let part = site.path("files/shop.part");
    let mapped = "WSGIScriptAlias /other \"${APP}\" process-group=shop application-group=%{GLOBAL}";
    let define = |options: &str| fs::write(&part, format!("WSGIDaemonProcess shop {options}\n{mapped}\n")).unwrap();
    let serves = |uid: u32| {
        let mut found = String::new();
        poll::wait_for("the group serves as that user", || {
            let response = site.get("/other");
            let text = response.text();
            let words: Vec<&str> = text.trim_matches(['[', ']']).split(", ").collect();
            found = words[0].to_owned();
            response.status == 200
                && words.last() == Some(&"\"/other\"")
                && words.get(1).is_some_and(|found| **found == uid.to_string())
        });
        found
    };
    define("");
    server.graceful();
    let own = serves(server_user().unwrap().1);
    let first = table(&own);
    define("threads=3");
    server.graceful();
    poll::wait_for("the new definition serves", || serves(server_user().unwrap().1) != own);
    assert_eq!(table(&serves(server_user().unwrap().1)), first, "the same user keeps the table");
    define(&format!("user={other}"));
    server.graceful();
    let foreign = serves(uid);
    assert_ne!(table(&foreign), first, "who ran the group before has mapped the old table");
}

#[trial]
fn sockets_in_a_directory_of_somebody_else_are_refused(setup: &Setup) {
    only_as_root(setup);
    let (_, uid) = other_user();
    let place = setup.run.workdir.server_root("prefix").join("tenant");
    fs::create_dir_all(place.join("sockets")).unwrap();
    chown(&place, Some(uid), None).unwrap();
    let plan = Plan::new("boundaries.conf").define("SOCKETS", place.join("sockets/wsgi").display().to_string());
    let (accepted, said) = Prepared::new(setup, &plan, "prefix-configtest").configtest();
    let line = said.lines().find(|line| line.contains("WSGI1317")).unwrap_or_else(|| panic!("{said}"));
    assert!(accepted && line.contains(&format!("tenant` belongs to user {uid}")) && line.contains("WSGISocketPrefix"), "{line}");
    let server = Httpd::start(setup, &plan, "prefix");
    server.announce("re:WSGI1(316|323|339|322)");
    let site = Site::new(&server, setup);
    site.get("/").expect(503);
    assert!(site.expect_log("WSGI1322").text.contains("not safe for the sockets"));
    assert!(server.whole_log().iter().any(|line| line.text.contains("WSGI1316")), "the start says so");
    assert_eq!(fs::read_dir(place.join("sockets")).unwrap().count(), 0, "root makes nothing there");
}
