/*! Attacks by code in a child of httpd's, by a program of httpd's user, and by a stranger with an account on the machine. *Runs in: tests.* */

use super::daemons::VICTIM;
use super::siege::Siege;
use crate::suites::security::privileges::other_user;
use crate::support::installation::server_user;
use crate::support::poll;
use crate::support::processes;
use crate::support::site::Site;
use std::fs;
use std::process::Command;
use std::time::Duration;

/// Somebody with an account, and nothing else.
const STRANGER: u32 = 65_533;

fn only_as_root(site: &Site) {
    if server_user().is_none() {
        site.setup.skip("the suites do not run as root, so every process is of one user");
    }
}

#[track_caller]
fn from_child(site: &Site, name: &str) -> String {
    only_as_root(site);
    let attempt = name.strip_prefix("child-").unwrap_or(name);
    let siege = Siege::lay(site, VICTIM);
    let said = tries(site, "child", attempt);
    siege.lift();
    said
}

/// What the program of that place says that it has achieved.
#[track_caller]
fn tries(site: &Site, place: &str, attempt: &str) -> String {
    site.get(&format!("/{place}/{attempt}?{}:{}", site.server.pid(), site.server.files.root.display())).ok()
}

/// An application in a daemon process of another user's tries what must be refused.
#[track_caller]
pub fn tenant(site: &Site, name: &str) {
    only_as_root(site);
    let attempt = name.strip_prefix("tenant-").unwrap_or(name);
    site.allow_log("re:forged-line|\\] one$");
    let siege = Siege::lay(site, VICTIM);
    let said = tries(site, "tenant", attempt);
    siege.lift();
    assert_eq!(said, "refused", "{name}");
}

/// Code in a child tries what must be refused.
#[track_caller]
pub fn child(site: &Site, name: &str) {
    assert_eq!(from_child(site, name), "refused", "{name}");
}

/// Code in a child does what its user may. Afterwards httpd restarts, twice: what root keeps over that comes from nobody else.
#[track_caller]
pub fn restarted(site: &Site, name: &str) {
    only_as_root(site);
    let attempt = name.strip_prefix("child-").unwrap_or(name);
    site.get(VICTIM).ok();
    let said = tries(site, "child", attempt);
    assert!(said.starts_with("done: "), "{said}");
    if said == "done: 0" {
        site.setup.skip("the child has nothing of the kind");
    }
    // httpd's parent and supervisors are root; nobody else is, or becomes another tenant.
    let supervisors = site.server.supervisors();
    let users = || {
        let all = processes::descendants(site.server.pid()).into_iter().map(|process| process.pid);
        let all =
            all.filter(|pid| *pid != site.server.pid() && !site.server.supervisors().contains(pid) && !supervisors.contains(pid));
        all.map(|pid| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default())
            .filter_map(|status| status.lines().find(|line| line.starts_with("Uid:")).map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let allowed = [server_user().map_or(0, |(_, uid, ..)| uid), other_user().1].map(|uid| uid.to_string());
    for _ in 0..2 {
        site.server.graceful();
        for page in [VICTIM, "/tenant/regains?0:"] {
            poll::wait_for("the group is served", || site.get(page).status == 200);
        }
        // A process that has just been forked is root's until it has changed its user.
        let all_are =
            || users().iter().all(|line| line.split_whitespace().skip(1).all(|uid| allowed.iter().any(|own| own == uid)));
        poll::until(Duration::from_secs(5), || all_are().then_some(()))
            .unwrap_or_else(|| panic!("some process has another user: {:?}", users()));
    }
}

fn by(site: &Site, name: &str, uid: u32) {
    only_as_root(site);
    let attempt = name.split_once('-').map_or(name, |(_, attempt)| attempt);
    let siege = Siege::lay(site, VICTIM);
    let program = site.setup.run.workdir.path().join("apps/attacker/attempts.py");
    let output = Command::new("/usr/bin/python3")
        .arg(program)
        .args([attempt, &site.server.pid().to_string()])
        .arg(&site.server.files.root)
        .arg(uid.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "refused", "{name}");
    siege.lift();
}

/// A stranger tries what must be refused.
#[track_caller]
pub fn stranger(site: &Site, name: &str) {
    by(site, name, STRANGER);
}

/// A program of httpd's user tries what must be refused.
#[track_caller]
pub fn server(site: &Site, name: &str) {
    by(site, name, server_user().map_or(0, |(_, uid, ..)| uid));
}
