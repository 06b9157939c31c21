/*! `env=` and `env-file=`: what a group's processes find in their environment, and who can see it. */

use crate::suite;
use crate::suites::security::privileges::other_user;
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::installation::server_user;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::site::Site;
use crate::support::workdir::unique_number;
use registration::trial;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

const WHY: &str = "it has no such options";

/// The suite.
pub fn suite() -> Suite {
    suite!("environment").in_daemon_mode()
}

/// A directory of root's, for files with variables.
fn directory(setup: &Setup) -> PathBuf {
    let path = setup.run.workdir.path().join(format!("environment-{}", unique_number()));
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn write(path: &Path, text: &str, owner: Option<u32>, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if let Some(owner) = owner {
        chown(path, Some(owner), None).unwrap();
    }
}

/// A server with these groups, each with its options.
fn plan(groups: &[String]) -> Plan {
    let plan = Plan::new("environment.conf").define("OWN_GROUPS", "1").environment("FROM_HTTPD", "httpd's");
    groups.iter().fold(plan, |plan, group| {
        let name = group.split(' ').next().unwrap();
        plan.line(&format!("WSGIDaemonProcess {group}")).line(&format!(
            "WSGIScriptAlias /{name} \"${{APPS}}/environment.wsgi\" process-group={name} application-group=%{{GLOBAL}}"
        ))
    })
}

/// The part of the page that says what a variable is: to Python now, to Python at import, to a program that the application starts.
fn values(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("\"{name}\": [")).unwrap_or_else(|| panic!("{name} in {page}"));
    rest.split(']').next().unwrap().to_owned()
}

fn three(value: &str) -> String {
    format!("\"{value}\", \"{value}\", \"{value}\"")
}

#[trial(reach(Reach::Everywhere).differs(WHY))]
fn variables_are_there_from_the_beginning_and_hidden_from_others(setup: &Setup) {
    let directory = directory(setup);
    write(&directory.join("one"), "# comment\nSECRET=hunter2\nBOTH='of the file'\nLATER=1\n", None, 0o644);
    write(&directory.join("two"), "LATER=2\nexport QUOTED=\"two words\"\nPATH_LIKE=/a:/b\n", None, 0o644);
    let group = format!(
        "shop env=WORD=hunter3 env=\"SPACE=a b=c\" env=EMPTY= env=BOTH=mine env=FROM_HTTPD=changed env-file={0}/one env-file={0}/two env-inherit=all",
        directory.display()
    );
    let server = Httpd::start(setup, &plan(&[group, "other env-inherit=all".to_owned()]), "environment");
    let site = Site::new(&server, setup);
    let page = site.get("/shop?SECRET&WORD&SPACE&EMPTY&BOTH&LATER&QUOTED&PATH_LIKE&FROM_HTTPD").ok();
    for (name, value) in [
        ("SECRET", "hunter2"),
        ("WORD", "hunter3"),
        ("SPACE", "a b=c"),
        ("EMPTY", ""),
        ("BOTH", "mine"),
        ("LATER", "2"),
        ("QUOTED", "two words"),
        ("PATH_LIKE", "/a:/b"),
        ("FROM_HTTPD", "changed"),
    ] {
        assert_eq!(values(&page, name), three(value), "{name}");
    }
    assert!(!page.contains("WSGI_PRIVATE_ENVIRONMENT\""), "{page}");
    // As root `/proc` shows what `ps e` does.
    let pid = page.split_once("\"pid\": ").unwrap().1.split(',').next().unwrap();
    let shown = String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/environ")).unwrap()).into_owned();
    assert!(shown.contains("SECRET=") && shown.contains("WORD="), "{shown:?}");
    for secret in ["hunter2", "hunter3", "two words"] {
        assert!(!shown.contains(secret), "{secret} is shown: {shown:?}");
    }
    let other = site.get("/other?SECRET&FROM_HTTPD").ok();
    assert!(!other.contains("hunter2") && values(&other, "FROM_HTTPD") == three("httpd's"), "{other}");
    for line in server.whole_log() {
        assert!(!line.text.contains("hunter"), "{}", line.text);
    }
}

#[trial(differs(WHY))]
fn a_file_of_roots_is_read_though_the_user_may_not(setup: &Setup) {
    if server_user().is_none() {
        setup.skip("only root can read for others");
    }
    let (user, uid) = other_user();
    let directory = directory(setup);
    write(&directory.join("roots"), "SECRET=of root\n", None, 0o600);
    write(&directory.join("users"), "OWN=of the user\n", Some(uid), 0o400);
    let group = format!("shop user={user} group={user} env-file={0}/users env-file={0}/roots", directory.display());
    let server = Httpd::start(setup, &plan(&[group]), "environment-roots");
    let site = Site::new(&server, setup);
    let page = site.get(&format!("/shop{}/roots?SECRET&OWN", directory.display())).ok();
    assert_eq!((values(&page, "SECRET"), values(&page, "OWN")), (three("of root"), three("of the user")));
    assert!(page.contains("\"readable\": false"), "the process itself may not read it: {page}");
}

#[trial(differs(WHY))]
fn a_file_that_nobody_may_read_is_named_and_the_advice_helps(setup: &Setup) {
    if server_user().is_none() {
        setup.skip("only root can give files to others");
    }
    let (user, uid) = other_user();
    let stranger = 61_077;
    assert_ne!(stranger, uid);
    let directory = directory(setup);
    let file = directory.join("strangers");
    write(&file, "SECRET=hunter2\n", Some(stranger), 0o600);
    let group = format!("shop user={user} group={user} env-file={}", file.display());
    let server = Httpd::start(setup, &plan(&[group]).announce("re:WSGI13(01|02|39)"), "environment-strangers");
    let site = Site::new(&server, setup);
    site.get("/shop").expect(503);
    let line = poll::until(poll::SOON, || server.whole_log().into_iter().find(|line| line.text.contains("env-file=")));
    let text = line.expect("the log names the file").text;
    assert!(text.contains(&format!("env-file=`{}` could not be read: Permission denied", file.display())), "{text}");
    assert!(text.contains(&format!("`chown root {0}` and `chmod 0600 {0}`", file.display())), "{text}");
    chown(&file, Some(0), None).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    poll::wait_for("it serves", || site.get("/shop").status == 200);
    assert_eq!(values(&site.get("/shop?SECRET").ok(), "SECRET"), three("hunter2"));
}

#[trial(differs(WHY))]
fn a_wrong_line_is_named_and_not_shown(setup: &Setup) {
    let directory = directory(setup);
    let file = directory.join("wrong");
    write(&file, "A=1\n\nhunter2 is the password\n", None, 0o644);
    let server = Httpd::start(
        setup,
        &plan(&[format!("shop env-file={}", file.display())]).announce("re:WSGI13(01|02|39)"),
        "environment-wrong",
    );
    let site = Site::new(&server, setup);
    site.get("/shop").expect(503);
    let named = format!("env-file=`{}`, line 3 is not `NAME=VALUE`", file.display());
    poll::wait_for("the log names the line", || server.whole_log().iter().any(|line| line.text.contains(&named)));
    assert!(server.whole_log().iter().all(|line| !line.text.contains("hunter2")));
    write(&file, "A=1\n\n# hunter2 is the password\n", None, 0o644);
    poll::wait_for("it serves", || site.get("/shop").status == 200);
    assert_eq!(values(&site.get("/shop?A").ok(), "A"), three("1"));
}

#[trial(differs(WHY).reach(Reach::Once))]
fn configtest_shows_no_value(setup: &Setup) {
    for (option, wanted) in [
        ("env=1A=hunter2", "`env=` must be `NAME=VALUE`"),
        ("env=hunter2", "`env=` must be `NAME=VALUE`"),
        ("enf=A=hunter2", "found: `enf=A=...`"),
        ("env-file=relative", "`env-file=` must be an absolute path"),
    ] {
        let (accepted, said) = Prepared::new(setup, &plan(&[format!("shop {option}")]), "environment-configtest").configtest();
        assert!(!accepted && said.contains(wanted) && !said.contains("hunter2"), "{option}: {said}");
    }
    let (accepted, said) = Prepared::new(setup, &plan(&["shop env=A=hunter2".to_owned()]), "environment-configtest").configtest();
    assert!(accepted && !said.contains("hunter2"), "{said}");
}

#[trial(differs(WHY))]
fn a_graceful_restart_replaces_processes_whose_file_has_changed_and_no_others(setup: &Setup) {
    let directory = directory(setup);
    let files = ["one", "two"].map(|name| directory.join(name));
    // Root reads the first, if there is a root; the user reads the second.
    let owner = server_user().map(|(_, uid, ..)| uid);
    write(&files[0], "WORD=first\n", None, if owner.is_some() { 0o600 } else { 0o644 });
    write(&files[1], "WORD=first\n", owner, 0o644);
    let groups: Vec<String> = ["one", "two", "three"]
        .iter()
        .zip([Some(0), Some(1), None])
        .map(|(name, file)| match file {
            Some(file) => format!("{name} env-file={}", files[file].display()),
            None => (*name).to_owned(),
        })
        .collect();
    let server = Httpd::start(setup, &plan(&groups).announce("re:AH00493|AH00494|AH00488|WSGI1339"), "environment-graceful");
    let site = Site::new(&server, setup);
    let pids = || ["one", "two", "three"].map(|name| values_of_pid(&site.get(&format!("/{name}")).ok()));
    let before = pids();
    server.graceful();
    assert_eq!(pids(), before, "nothing has changed");
    for (number, file) in files.iter().enumerate() {
        let old = pids();
        write(
            file,
            "WORD=second\n",
            if number == 1 { owner } else { None },
            if number == 0 && owner.is_some() { 0o600 } else { 0o644 },
        );
        server.graceful();
        let name = ["one", "two"][number];
        poll::wait_for("the new value is there", || values(&site.get(&format!("/{name}?WORD")).ok(), "WORD") == three("second"));
        let new = pids();
        for other in (0..3).filter(|other| *other != number) {
            assert_eq!(new[other], old[other], "a group whose file has not changed");
        }
    }
}

fn values_of_pid(page: &str) -> String {
    page.split_once("\"pid\": ").unwrap().1.split(',').next().unwrap().to_owned()
}
