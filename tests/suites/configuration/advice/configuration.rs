//! What configtest says of a configuration.

use super::{EMBEDDED, GROUP, HOME, IN_GROUP, WORDS, at_configtest, complaints, follow, needs_root, owned, plan};
use crate::support::httpd::{Httpd, Prepared};
use crate::support::installation::server_user;
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::site::Site;
use crate::support::workdir::readable;
use registration::trial;
use std::fs;

const FIRST: &str = "WSGIScriptAlias /a \"${APPS}/where.wsgi\"";
const BELOW: &str = "WSGIScriptAlias /a/b \"${APPS}/where.wsgi\"";

#[trial(differs(WORDS))]
fn an_alias_that_is_shadowed_is_removed_or_moved(setup: &Setup) {
    at_configtest(setup, "WSGI1010", &[HOME, FIRST, BELOW, EMBEDDED], &[HOME, FIRST, EMBEDDED]);
    at_configtest(setup, "WSGI1010", &[HOME, FIRST, BELOW, EMBEDDED], &[HOME, BELOW, FIRST, EMBEDDED]);
}

#[trial(differs(WORDS))]
fn an_alias_gets_its_slash(setup: &Setup) {
    at_configtest(setup, "WSGI1011", &[HOME, "WSGIScriptAlias a \"${APPS}/where.wsgi\"", EMBEDDED], &[HOME, FIRST, EMBEDDED]);
}

#[trial(differs(WORDS))]
fn embedded_mode_is_allowed_or_left(setup: &Setup) {
    let restricted = "WSGIRestrictEmbedded On";
    at_configtest(setup, "WSGI1013", &[HOME, restricted, EMBEDDED], &[HOME, EMBEDDED]);
    at_configtest(setup, "WSGI1013", &[HOME, restricted, EMBEDDED], &[GROUP, restricted, IN_GROUP]);
}

#[trial(differs(WORDS))]
fn a_form_is_written_as_the_message_writes_it(setup: &Setup) {
    at_configtest(
        setup,
        "WSGI1014",
        &[HOME, EMBEDDED, "WSGIApplicationGroup %{GLOBEL}"],
        &[HOME, EMBEDDED, "WSGIApplicationGroup %{GLOBAL}"],
    );
}

#[trial(differs(WORDS))]
fn what_does_nothing_is_removed(setup: &Setup) {
    at_configtest(setup, "WSGI1015", &["WSGILazyInitialization On", HOME, EMBEDDED], &[HOME, EMBEDDED]);
    let with = |options: &str| format!("{GROUP} {options}");
    let (alone, both) = (with("interrupt-timeout=5"), with("interrupt-timeout=5 request-timeout=10"));
    at_configtest(setup, "WSGI1016", &[&alone, IN_GROUP], &[GROUP, IN_GROUP]);
    at_configtest(setup, "WSGI1016", &[&alone, IN_GROUP], &[&both, IN_GROUP]);
}

#[trial(differs(WORDS))]
fn a_group_that_nobody_defines_is_declared_or_its_name_corrected(setup: &Setup) {
    let misspelt = IN_GROUP.replace("shop", "shpo");
    at_configtest(setup, "WSGI1018", &[GROUP, &misspelt], &[GROUP, IN_GROUP]);
    at_configtest(setup, "WSGI1018", &[IN_GROUP], &[GROUP, IN_GROUP]);
    let section = "<Location />\nWSGIProcessGroup shop\n</Location>";
    at_configtest(setup, "WSGI1019", &[EMBEDDED, section], &[EMBEDDED, section, GROUP]);
}

#[trial(differs(WORDS))]
fn a_group_of_another_host_is_declared_outside_or_repeated(setup: &Setup) {
    let host = |name: &str, lines: &[&str]| {
        format!("<VirtualHost 127.0.0.1:${{PORT}}>\nServerName {name}\n{}\n</VirtualHost>", lines.join("\n"))
    };
    let (owner, user) = (host("b.example", &[GROUP, IN_GROUP]), host("a.example", &[IN_GROUP]));
    at_configtest(setup, "WSGI1020", &[&user, &owner], &[GROUP, &user, &host("b.example", &[IN_GROUP])]);
    at_configtest(setup, "WSGI1020", &[&user, &owner], &[&host("a.example", &[GROUP, IN_GROUP]), &owner]);
}

#[trial(differs(WORDS))]
fn a_service_gets_threads_or_a_script(setup: &Setup) {
    let service = GROUP.replace("threads=2", "threads=0");
    at_configtest(setup, "WSGI1021", &[&service, IN_GROUP], &[GROUP, IN_GROUP]);
    let import = "WSGIImportScript \"${APPS}/service_done.wsgi\" process-group=shop application-group=%{GLOBAL}";
    let (_, said) = complaints::configtest(setup, &owned(&[&service]));
    assert!(said.contains("WSGI1021"), "{said}");
    let (accepted, said) = complaints::configtest(setup, &owned(&[&service, import]));
    assert!(accepted && !said.contains("WSGI1021"), "{said}");
}

/// Both as the ordinary user whom the message concerns, and as root, whom it advises to start httpd.
#[trial(differs(WORDS))]
fn what_only_root_can_is_left_out_or_root_starts_httpd(setup: &Setup) {
    needs_root(setup);
    let (_, uid, _, gid) = server_user().unwrap();
    for (code, option) in [("WSGI1024", "cpu-priority=-1"), ("WSGI1025", "user=daemon home=/")] {
        let lines = owned(&[&format!("{GROUP} {option}"), IN_GROUP]);
        let said = |lines: &[String]| Prepared::new(setup, &plan(lines).run_by(uid, gid), "ordinary").configtest();
        assert!(said(&lines).1.contains(code), "{code} is missing: {:?}", said(&lines));
        let (accepted, without) = said(&owned(&[GROUP, IN_GROUP]));
        assert!(accepted && !without.contains(code), "{without}");
        complaints::serves(setup, &lines, "/");
    }
    // Configtest runs interpreters for root alone.
    let lines = owned(&[GROUP, IN_GROUP]);
    let (_, ordinary) = Prepared::new(setup, &plan(&lines).run_by(uid, gid), "ordinary").configtest();
    assert!(ordinary.contains("WSGI1058"), "{ordinary}");
    let (_, root) = complaints::configtest(setup, &lines);
    assert!(!root.contains("WSGI1058"), "{root}");
}

#[trial(differs(WORDS))]
fn a_path_of_sockets_that_is_too_long_is_shortened(setup: &Setup) {
    let long = format!("WSGISocketPrefix \"${{ROOT}}/run/{}\"", "s".repeat(100));
    at_configtest(setup, "WSGI1026", &[&long, GROUP, IN_GROUP], &["WSGISocketPrefix \"${ROOT}/run/s\"", GROUP, IN_GROUP]);
}

/// The command that the message names, with the options of `install` that it names.
#[trial(differs(WORDS))]
fn a_directory_is_made_by_the_command_of_the_message(setup: &Setup) {
    needs_root(setup);
    let place = setup.run.workdir.server_root("eggs");
    let group = format!("{GROUP} python-eggs=\"{}/of the shop\"", place.display());
    let lines = owned(&[&group, IN_GROUP]);
    let (_, said) = complaints::configtest(setup, &lines);
    let line = said.lines().find(|line| line.contains("WSGI1510")).unwrap_or_else(|| panic!("{said}"));
    follow(line, "install ");
    complaints::serves(setup, &lines, "/");
    // A path with a mistake in it is corrected.
    let wrong = format!("{GROUP} python-path=\"{}/of the shpo\"", place.display());
    at_configtest(setup, "WSGI1510", &[&wrong, IN_GROUP], &[GROUP, IN_GROUP]);
}

#[trial(differs(WORDS))]
fn sockets_get_a_directory_that_root_alone_writes(setup: &Setup) {
    needs_root(setup);
    let root = setup.run.workdir.server_root("advised-sockets");
    let foreign = root.join("tenant");
    fs::create_dir(&foreign).unwrap();
    readable(&foreign);
    let (_, uid) = crate::suites::security::privileges::other_user();
    std::os::unix::fs::chown(&foreign, Some(uid), None).unwrap();
    let fault = owned(&[&format!("WSGISocketPrefix \"{}/s\"", foreign.display()), GROUP, IN_GROUP]);
    let (_, said) = complaints::configtest(setup, &fault);
    let line = said.lines().find(|line| line.contains("WSGI1317")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("`WSGISocketPrefix /run/wsgi`"), "{line}");
    // The same in the trial's own directory, to which root alone may write: the machine's `/run` is not for trials.
    let own = root.join("run").display().to_string();
    complaints::serves(setup, &owned(&[&format!("WSGISocketPrefix \"{own}/wsgi\""), GROUP, IN_GROUP]), "/");
    let (accepted, said) = complaints::configtest(setup, &owned(&["WSGISocketPrefix /run/wsgi", GROUP, IN_GROUP]));
    assert!(accepted && !said.contains("WSGI1"), "{said}");
    // A server that is started all the same says so, too, until `apachectl graceful` brings another prefix.
    let server = Httpd::start(setup, &plan(&fault), "foreign-sockets");
    server.announce("re:WSGI1316|WSGI1317|WSGI1322|AH00493");
    let site = Site::new(&server, setup);
    site.get("/").expect(503);
    super::expect_advice(&site, &["WSGI1316"]);
    let text = fs::read_to_string(&server.files.config).unwrap();
    fs::write(&server.files.config, text.replace(&format!("{}/s", foreign.display()), &format!("{own}/wsgi"))).unwrap();
    server.graceful();
    poll::wait_for("the group serves", || site.get("/").status == 200);
}
