/*! Attacks by code in a child of httpd's, by a program of httpd's user, and by a stranger with an account on the machine. *Runs in: tests.* */

use super::daemons::VICTIM;
use super::siege::Siege;
use crate::support::installation::server_user;
use crate::support::poll;
use crate::support::site::Site;
use std::process::Command;

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
    let said = site.get(&format!("/child/{attempt}?{}", site.server.files.root.display())).ok();
    siege.lift();
    said
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
    assert_eq!(site.get(&format!("/child/{attempt}?{}", site.server.files.root.display())).ok(), "done");
    let users = || {
        let all = site.server.supervisors().into_iter().flat_map(crate::support::processes::descendants);
        all.map(|process| std::fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap_or_default())
            .filter_map(|status| status.lines().find(|line| line.starts_with("Uid:")).map(str::to_owned))
            .collect::<Vec<_>>()
    };
    for _ in 0..2 {
        site.server.graceful();
        poll::wait_for("the victim is served", || site.get(VICTIM).status == 200);
        let own = server_user().map_or(0, |(_, uid, ..)| uid);
        for line in users() {
            assert!(line.split_whitespace().skip(1).all(|uid| uid == own.to_string()), "a daemon process has {line}");
        }
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
