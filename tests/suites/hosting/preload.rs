/*! Scripts that are loaded when a process starts: `WSGIImportScript`, and aliases that name both their groups. */

use crate::suite;
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::site::Site;
use crate::support::workdir::writable;
use registration::trial;
use std::fs::{self, File};
use std::path::PathBuf;

/// The suite.
pub fn suite() -> Suite {
    suite!("preload")
}

/// A server with `lines` added, and the file in which its scripts note that they were loaded.
fn start(setup: &Setup, lines: &[&str]) -> (Httpd, PathBuf) {
    let notes = setup.run.workdir.server_root("preload-notes").join("loaded");
    File::create(&notes).unwrap();
    writable(&notes);
    let plan = Plan::new("preload.conf").environment("PRELOAD_FILE", notes.display().to_string().leak());
    let plan = lines.iter().fold(plan, |plan, line| plan.line(line));
    (Httpd::start(setup, &plan, "preload"), notes)
}

/// What one process has noted, when it has noted `count` lines for each process.
fn noted(server: &Httpd, notes: &PathBuf, setup: &Setup, count: usize) -> Vec<String> {
    let read = || -> Vec<String> { fs::read_to_string(notes).unwrap().lines().map(str::to_owned).collect() };
    if setup.mpm.threaded() {
        poll::wait_for("all scripts are loaded", || read().len() >= count);
        return read();
    }
    // On prefork every process loads them, in an order of its own: one process's share is what all have in common.
    poll::wait_for("all scripts are loaded", || read().len() >= count * server.children().len().max(1));
    let lines = read();
    let mut first_seen: Vec<String> = Vec::new();
    for line in lines {
        if !first_seen.contains(&line) {
            first_seen.push(line);
        }
    }
    first_seen
}

const FIRST: &str = "WSGIImportScript \"${APPS}/preload.wsgi\" process-group=%{GLOBAL} application-group=%{GLOBAL}";
const SECOND: &str = "WSGIImportScript \"${APPS}/Preload-Second.wsgi\" process-group=%{GLOBAL} application-group=named";

#[trial(reach(Reach::Everywhere))]
fn import_scripts_are_loaded_in_their_order(setup: &Setup) {
    let (server, notes) = start(setup, &[FIRST, SECOND]);
    assert_eq!(noted(&server, &notes, setup, 2), ["preload.wsgi:", "Preload-Second.wsgi:named"]);
}

#[trial]
fn an_import_script_that_fails_is_logged_and_the_rest_goes_on(setup: &Setup) {
    let broken = "WSGIImportScript \"${APPS}/broken/import_error.wsgi\" process-group=%{GLOBAL} application-group=%{GLOBAL}";
    let (server, notes) = start(setup, &[broken, SECOND]);
    server.announce("re:WSGI1|WSGI0|No module named");
    server.announce_tracebacks();
    assert_eq!(noted(&server, &notes, setup, 1), ["Preload-Second.wsgi:named"]);
    let log = server.whole_log();
    assert!(log.iter().any(|line| line.text.contains("No module named 'a_module_that_nobody_has'")), "{log:?}");
    Site::new(&server, setup).get("/lazy").expect(200);
}

const ALIAS: &str = "WSGIScriptAlias /ahead \"${APPS}/preload.wsgi\" process-group=%{GLOBAL} application-group=ahead";

#[trial]
fn an_alias_that_names_both_groups_is_loaded_ahead(setup: &Setup) {
    let lazy = "WSGIScriptAlias /later \"${APPS}/Preload-Second.wsgi\" application-group=later";
    let (server, notes) = start(setup, &[ALIAS, lazy]);
    assert_eq!(noted(&server, &notes, setup, 1), ["preload.wsgi:ahead"]);
    Site::new(&server, setup).get("/later").expect(200);
    assert_eq!(noted(&server, &notes, setup, 2), ["preload.wsgi:ahead", "Preload-Second.wsgi:later"]);
}

#[trial]
fn an_alias_is_loaded_once_however_many_hosts_there_are(setup: &Setup) {
    let hosts = ["a.example", "b.example"].map(|host| format!("<VirtualHost *:${{PORT}}>\nServerName {host}\n</VirtualHost>"));
    let (server, notes) = start(setup, &[ALIAS, &hosts[0], &hosts[1]]);
    Site::new(&server, setup).get("/ahead").expect(200);
    assert_eq!(noted(&server, &notes, setup, 1), ["preload.wsgi:ahead"]);
}

#[trial]
fn a_script_loaded_ahead_serves_its_requests(setup: &Setup) {
    let (server, notes) = start(setup, &[ALIAS]);
    let site = Site::new(&server, setup);
    for _ in 0..3 {
        assert!(site.get("/ahead").ok().starts_with("_mod_wsgi_"));
    }
    assert_eq!(noted(&server, &notes, setup, 1), ["preload.wsgi:ahead"], "it was not loaded again for the requests");
}

#[trial]
fn letters_of_both_cases_can_be_the_same(setup: &Setup) {
    let (server, _) = start(setup, &["WSGICaseSensitivity Off", "WSGIScriptAlias /Upper \"${APPS}/where.wsgi\""]);
    let response = Site::new(&server, setup).get("/Upper").expect(200);
    assert_eq!(response.value("mod_wsgi.application_group"), Some("localhost|/upper"));
}
