/*! Trees that belong to users whom root does not trust: what configtest and start do with them, and what root does not. */

mod configtest;
mod touches;
mod trace;

use crate::suite;
use crate::support::httpd::Plan;
use crate::support::installation::server_user;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::workdir::readable;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// The suite.
pub fn suite() -> Suite {
    suite!("tenants", configtest, touches, trace).in_daemon_mode().reach(Reach::Once)
}

/// Two users besides httpd's.
fn users(setup: &Setup) -> [(&'static str, u32, u32); 2] {
    if server_user().is_none() {
        setup.skip("only root can be somebody else");
    }
    let text = fs::read_to_string("/etc/passwd").unwrap();
    let own = server_user().map(|(name, ..)| name);
    let ids = |name: &str| {
        let fields: Vec<&str> = text.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == name)?;
        Some((fields[2].parse().ok()?, fields[3].parse().ok()?))
    };
    let known = ["games", "man", "daemon", "bin", "nobody"].into_iter().filter(|name| Some(*name) != own);
    let mut found = known.filter_map(|name| ids(name).map(|(uid, gid)| (name, uid, gid)));
    match (found.next(), found.next()) {
        (Some(one), Some(other)) => [one, other],
        _ => setup.skip("this machine has no two users to be tenants"),
    }
}

/// A tenant's tree: all of it is his.
struct Tenant {
    root: PathBuf,
    user: (&'static str, u32, u32),
}

impl Tenant {
    fn new(setup: &Setup, name: &str, user: (&'static str, u32, u32)) -> Self {
        let root = setup.run.workdir.server_root(name).join("files/tree");
        fs::create_dir(&root).unwrap();
        readable(&root);
        Self { root, user }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn link(&self, name: &str, target: &Path) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    /// Hands the tree over: from now on it is the tenant's.
    fn owned(self) -> Self {
        fn give(path: &Path, uid: u32, gid: u32) {
            std::os::unix::fs::lchown(path, Some(uid), Some(gid)).unwrap();
            if fs::symlink_metadata(path).unwrap().is_dir() {
                readable(path);
                for entry in fs::read_dir(path).unwrap() {
                    give(&entry.unwrap().path(), uid, gid);
                }
            }
        }
        give(&self.root, self.user.1, self.user.2);
        chown(&self.root, Some(self.user.1), Some(self.user.2)).unwrap();
        self
    }

    /// Makes `venv` a virtualenv of the setup's Python.
    fn virtualenv(&self, setup: &Setup) {
        let mut command = std::process::Command::new(&setup.python.executable);
        let status = command.args(["-m", "venv", "--without-pip"]).arg(self.path("venv")).status().unwrap();
        assert!(status.success());
    }

    /// The line that declares a group of the tenant's.
    fn group(&self, name: &str, options: &str) -> String {
        let root = self.root.display();
        format!("WSGIDaemonProcess {name} user={} home=\"{root}\" {}", self.user.0, options.replace("TREE", &root.to_string()))
    }
}

/// A server with these lines and nothing else of WSGI.
fn plan(lines: &[String]) -> Plan {
    let plan = Plan::new("nothing.conf").define("OWN_HOME", "1");
    lines.iter().fold(plan, |plan, line| plan.line(line))
}
