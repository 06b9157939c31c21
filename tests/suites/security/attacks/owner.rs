/*! Attacks by the owner of a virtual environment or of scripts: what configtest, start, requests and a graceful restart find there. *Runs in: tests.* */

use super::daemons::VICTIM;
use crate::suites::security::privileges::other_user;
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::installation::server_user;
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::processes;
use crate::support::site::Site;
use crate::support::workdir::{readable, unique_number};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// What configtest may take: a helper is given up after ten seconds, and asked twice at most.
const LIMIT: Duration = Duration::from_secs(45);
/// Memory that configtest and its helpers may use: bytes.
const MEMORY: u64 = 100_000_000;

/// A tenant's directory.
struct Tenant {
    directory: PathBuf,
    uid: u32,
}

impl Tenant {
    fn new(setup: &Setup) -> Self {
        if server_user().is_none() {
            setup.skip("the suites do not run as root, so there is no tenant");
        }
        let directory = setup.run.workdir.path().join(format!("tenant-{}", unique_number()));
        fs::create_dir_all(directory.join("bin")).unwrap();
        readable(&directory);
        Self { directory, uid: other_user().1 }
    }

    /// A virtual environment that works.
    fn virtualenv(setup: &Setup) -> Self {
        let tenant = Self::new(setup);
        fs::remove_dir_all(&tenant.directory).unwrap();
        let copied = std::process::Command::new("cp").arg("-a").arg(&setup.home).arg(&tenant.directory).status().unwrap();
        assert!(copied.success());
        readable(&tenant.directory);
        tenant
    }

    fn path(&self, name: &str) -> PathBuf {
        let path = self.directory.join(name);
        fs::remove_file(&path).ok();
        path
    }

    fn fifo(&self, name: &str) {
        let path = self.path(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
        chown(path, Some(self.uid), None).unwrap();
    }

    fn sparse(&self, name: &str) {
        let file = fs::File::create(self.path(name)).unwrap();
        file.set_len(3 << 30).unwrap();
    }

    fn link(&self, name: &str, target: impl AsRef<Path>) {
        symlink(target, self.path(name)).unwrap();
    }

    fn program(&self, text: &str) {
        let path = self.path("bin/python");
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn plan(&self, setup: &Setup, script: &Path) -> Plan {
        // Where nothing stops the reading of a device without end, the machine's memory must.
        let limit = if setup.is_ours() { "" } else { "virtual-memory-limit=2000000000" };
        Plan::new("attacks.conf")
            .define("OWN_GROUPS", "1")
            .define("OWN_SIZES", "1")
            .announce("re:.")
            .line(&format!(
                "WSGIDaemonProcess tenant user={} python-home=\"{}\" threads=2 connect-timeout=3 startup-timeout=5 \
                 request-timeout=5 socket-timeout=5 shutdown-timeout=2 {limit}",
                other_user().0,
                self.directory.display()
            ))
            .line(&format!("WSGIScriptAlias /tenant \"{}\" process-group=tenant application-group=%{{GLOBAL}}", script.display()))
            .line(&format!("<Directory \"{}\">\nRequire all granted\n</Directory>", self.directory.display()))
    }

    /// Configtest, a start, a request, a graceful restart: each ends, and the victim is served.
    #[track_caller]
    fn is_borne(&self, setup: &Setup, script: &Path, statuses: &[u16]) -> String {
        let plan = self.plan(setup, script);
        let said = configtest(setup, &plan);
        let server = Httpd::start(setup, &plan, "tenant");
        let site = Site::new(&server, setup);
        site.get(VICTIM).ok();
        let status = site.get("/tenant").status;
        assert!(statuses.contains(&status), "{status} is none of {statuses:?}");
        server.graceful();
        site.get(VICTIM).ok();
        for pid in server.supervisors().into_iter().chain([server.pid()]) {
            assert!(processes::anonymous_memory(pid) < MEMORY, "process {pid} has {} bytes", processes::anonymous_memory(pid));
        }
        said
    }
}

/// Runs configtest, and looks at what it and its helpers use.
#[track_caller]
fn configtest(setup: &Setup, plan: &Plan) -> String {
    let files = Prepared::new(setup, plan, "tenant-configtest");
    let output = fs::File::create(files.root.join("said")).unwrap();
    let mut command = files.command();
    command.arg("-t").stdout(output.try_clone().unwrap()).stderr(output).stdin(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let mut most = 0;
    let ended = poll::until(LIMIT, || {
        let all = processes::descendants(pid).into_iter().map(|process| process.pid).chain([pid]);
        most = most.max(all.map(processes::anonymous_memory).max().unwrap_or(0));
        child.try_wait().unwrap()
    });
    if ended.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let said = fs::read_to_string(files.root.join("said")).unwrap_or_default();
    assert!(ended.is_some(), "configtest has not ended after {:?}: {said}", begun.elapsed());
    assert!(most < MEMORY, "configtest has used {most} bytes");
    assert!(said.len() < 64 * 1024, "configtest has said {} bytes", said.len());
    assert!(!said.contains("/etc/shadow. To fix") && !said.contains("chmod o+r /etc/shadow"), "{said}");
    said
}

const UNAVAILABLE: &[u16] = &[500, 502, 503, 504];

fn where_script(setup: &Setup) -> PathBuf {
    setup.run.workdir.path().join("apps/where.wsgi")
}

/// A virtual environment that was changed.
#[track_caller]
fn changed(setup: &Setup, statuses: &[u16], change: impl FnOnce(&Tenant)) -> String {
    let tenant = Tenant::virtualenv(setup);
    change(&tenant);
    tenant.is_borne(setup, &where_script(setup), statuses)
}

/// `pyvenv.cfg` is a FIFO that nobody writes.
pub fn pyvenv_fifo(setup: &Setup) {
    changed(setup, &[200, 500, 502, 503, 504], |tenant| tenant.fifo("pyvenv.cfg"));
}

/// `pyvenv.cfg` is a file of 3 GiB.
pub fn pyvenv_sparse(setup: &Setup) {
    changed(setup, &[200, 500, 502, 503, 504], |tenant| tenant.sparse("pyvenv.cfg"));
}

/// `pyvenv.cfg` is a device without end.
pub fn pyvenv_device(setup: &Setup) {
    changed(setup, &[200, 500, 502, 503, 504], |tenant| tenant.link("pyvenv.cfg", "/dev/zero"));
}

/// The interpreter is a link to a device.
pub fn python_device(setup: &Setup) {
    changed(setup, UNAVAILABLE, |tenant| tenant.link("bin/python", "/dev/zero"));
}

/// The interpreter is a link to a file that its owner may not read.
pub fn python_shadow(setup: &Setup) {
    let said = changed(setup, UNAVAILABLE, |tenant| tenant.link("bin/python", "/etc/shadow"));
    assert!(!said.contains("root:"), "{said}");
}

/// The interpreter is a FIFO.
pub fn python_fifo(setup: &Setup) {
    changed(setup, UNAVAILABLE, |tenant| tenant.fifo("bin/python"));
}

/// The interpreter is a link to itself.
pub fn python_loop(setup: &Setup) {
    changed(setup, UNAVAILABLE, |tenant| tenant.link("bin/python", "python"));
}

/// The interpreter writes more than anybody wants to hear.
pub fn python_endless(setup: &Setup) {
    changed(setup, UNAVAILABLE, |tenant| tenant.program("#!/bin/sh\nyes nonsense | head -n 20000\nexit 1\n"));
}

/// The interpreter does not end, nor does its child.
pub fn python_hangs(setup: &Setup) {
    changed(setup, UNAVAILABLE, |tenant| tenant.program("#!/bin/sh\nsleep 55 &\nexec sleep 55\n"));
}

/// The interpreter says who it is and what it has when configtest asks it.
pub fn python_looks_around(setup: &Setup) {
    let tenant = Tenant::virtualenv(setup);
    // The last line of what an interpreter says that fails is shown. By its number it is not found in /proc, which is that of another PID namespace.
    tenant.program(
        "#!/bin/sh\nopen=\nfor n in 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$n ] && open=$open,$n; done\n\
         while read -r name value rest; do case $name in NoNewPrivs:) nnp=$value;; Uid:) uid=$value;; esac; done < /proc/self/status\n\
         terminal=no\n(: < /dev/tty) 2>/dev/null && terminal=yes\n\
         echo \"looked around: open=$open uid=$uid nnp=$nnp terminal=$terminal\"\nexit 1\n",
    );
    let said = configtest(setup, &tenant.plan(setup, &where_script(setup)));
    let wanted = format!("looked around: open= uid={} nnp=1 terminal=no", tenant.uid);
    assert!(said.contains(&wanted), "{said}");
}

/// A script that `make` puts in place.
#[track_caller]
fn script(setup: &Setup, statuses: &[u16], make: impl FnOnce(&Tenant)) {
    let tenant = Tenant::virtualenv(setup);
    make(&tenant);
    tenant.is_borne(setup, &tenant.directory.join("app.wsgi"), statuses);
}

const NOT_SERVED: &[u16] = &[403, 404, 500, 502, 503, 504];

/// The script is a FIFO.
pub fn script_fifo(setup: &Setup) {
    script(setup, NOT_SERVED, |tenant| tenant.fifo("app.wsgi"));
}

/// The script is a device without end.
pub fn script_device(setup: &Setup) {
    script(setup, NOT_SERVED, |tenant| tenant.link("app.wsgi", "/dev/zero"));
}

/// The script has 3 GiB.
pub fn script_sparse(setup: &Setup) {
    script(setup, NOT_SERVED, |tenant| tenant.sparse("app.wsgi"));
}

/// The script is a directory.
pub fn script_directory(setup: &Setup) {
    // mod_dir adds a slash.
    script(setup, &[301, 403, 404, 500, 502, 503, 504], |tenant| fs::create_dir(tenant.directory.join("app.wsgi")).unwrap());
}

/// The script is a link to itself.
pub fn script_loop(setup: &Setup) {
    script(setup, NOT_SERVED, |tenant| tenant.link("app.wsgi", "app.wsgi"));
}
