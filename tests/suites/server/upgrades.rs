/*! Another module under a running httpd: another build of this one, newer or older, and mod_wsgi. A graceful restart replaces everything, and no request is lost
between two builds. *Runs in: tests.* */

use crate::suite;
use crate::suites::project::differential::both;
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::module_under_test::{Module, build_directory};
use crate::support::poll;
use crate::support::processes::{self, Process};
use crate::support::site::Site;
use crate::support::workdir::{readable, writable_directory};
use registration::trial;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const OWN: &str = "it is about this module's files";

/// The suite.
pub fn suite() -> Suite {
    suite!("upgrades").in_daemon_mode().reach(Reach::Once)
}

/// A module's file and its companions.
const FILES: [&str; 3] = ["mod_wsgi_rs.so", "mod_wsgi_rs_engine.so", "wsgi-supervisor"];

/// A server whose module lies in a directory of the trial's, with two groups.
struct Upgrade {
    server: Httpd,
    files: PathBuf,
    module: PathBuf,
}

/// Puts a file in the place of another as package managers do: a new file under the old name.
fn put(path: &Path, content: &[u8], mode: u32) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(mode)).unwrap();
    fs::rename(new, path).unwrap();
}

fn script(files: &Path, name: &str, text: &str) {
    put(&files.join(format!("{name}.wsgi")), text.as_bytes(), 0o644);
}

const TEXT: &str = "import os\nimport mod_wsgi\n\n\ndef application(environ, start_response):\n    \
                    start_response('200 OK', [('Content-Type', 'text/plain')])\n    \
                    return [('%d %s' % (os.getpid(), getattr(mod_wsgi, 'rs_version', 'mod_wsgi'))).encode()]\n";

impl Upgrade {
    fn start(setup: &Setup, announced: &'static str) -> Self {
        let files = setup.run.workdir.server_root("upgrade-files");
        writable_directory(&files);
        let module = Module::copied(&setup.module.file, &files.join("module")).unwrap();
        let own = Setup { module: Arc::new(module.clone()), ..setup.clone() };
        let mut plan = Plan::new("daemon_reloads.conf")
            .define("OWN_GROUPS", "1")
            .define("OWN_SIZES", "1")
            .announce(announced)
            .line("WSGISocketPrefix \"${ROOT}/run/wsgi\"");
        for (name, options) in [("one", "processes=2 threads=4"), ("two", "threads=2")] {
            script(&files, name, TEXT);
            plan = plan.line(&format!("WSGIDaemonProcess {name} {options} python-home=\"{}\"", setup.home.display())).line(
                &format!(
                    "WSGIScriptAlias /{name} \"{}/{name}.wsgi\" process-group={name} application-group=%{{GLOBAL}}",
                    files.display()
                ),
            );
        }
        plan = plan.line(&format!("<Directory \"{}\">\nRequire all granted\n</Directory>", files.display()));
        readable(&files.join("module"));
        Self { server: Httpd::start(&own, &plan, "upgrades"), files, module: module.file }
    }

    /// Installs the files of `source` over those that httpd runs.
    fn install(&self, source: &Path) {
        for name in FILES {
            put(&self.module.with_file_name(name), &fs::read(source.join(name)).unwrap(), 0o755);
        }
    }

    /// Supervisors, daemon processes and log writers that run now.
    fn ours(&self) -> BTreeSet<Process> {
        let mut found: BTreeSet<Process> = self.server.supervisors().into_iter().flat_map(processes::descendants).collect();
        let supervisors = self.server.supervisors();
        found.extend(self.server.children().into_iter().filter(|child| supervisors.contains(&child.pid)));
        found.extend(self.server.log_writers());
        found
    }

    fn load(&self, from: &Path, to: &Path) {
        let text = fs::read_to_string(&self.server.files.config).unwrap();
        let changed = text.replace(&from.display().to_string(), &to.display().to_string());
        assert_ne!(text, changed, "nothing was changed");
        fs::write(&self.server.files.config, changed).unwrap();
    }
}

fn answer(site: &Site, group: &str) -> (i32, String) {
    let text = site.get(&format!("/{group}")).ok();
    let (pid, version) = text.split_once(' ').unwrap();
    (pid.parse().unwrap(), version.to_owned())
}

/// What a client of each group sees while `work` is done.
fn failures_during(site: &Site, work: impl FnOnce()) -> Vec<String> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = ["one", "two", "one"]
            .into_iter()
            .map(|name| {
                let done = &done;
                scope.spawn(move || {
                    let mut failed = Vec::new();
                    while !done.load(Ordering::Relaxed) {
                        let response = site.get(&format!("/{name}"));
                        if response.status != 200 {
                            failed.push(format!("{response:?}"));
                        }
                    }
                    failed
                })
            })
            .collect();
        work();
        done.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

#[track_caller]
fn gone(before: &BTreeSet<Process>) {
    // Old processes finish what they have: `graceful-timeout` and `shutdown-timeout` bound that.
    let left = || before.iter().filter(|process| process.runs()).copied().collect::<Vec<_>>();
    let all = poll::until(std::time::Duration::from_secs(40), || left().is_empty().then_some(()));
    assert!(all.is_some(), "waited 40 s in vain for the end of {:?}", left());
}

/// The build for tests is another one: its files have other content, and the module and the engine can do more.
#[trial(differs(OWN))]
fn another_build_replaces_everything_and_loses_no_request(setup: &Setup) {
    let upgrade = Upgrade::start(setup, "re:AH00488|AH03490|AH00493");
    let site = Site::new(&upgrade.server, setup);
    answer(&site, "one");
    answer(&site, "two");
    // There, and back again as a downgrade goes.
    for directory in [build_directory().join("test"), build_directory()] {
        let before = upgrade.ours();
        assert!(before.len() >= 5, "a supervisor, three processes and a log writer: {before:?}");
        let failed = failures_during(&site, || {
            upgrade.install(&directory);
            upgrade.server.graceful();
            gone(&before);
        });
        assert!(failed.is_empty(), "{} requests failed: {:?}", failed.len(), failed.first());
        for group in ["one", "two"] {
            let (pid, _) = answer(&site, group);
            assert!(before.iter().all(|process| process.pid != pid));
        }
        // A file of the application is read by the new processes as by the old ones.
        script(&upgrade.files, "two", TEXT);
        assert_eq!(upgrade.server.supervisors().len(), 1);
        let [supervisor] = upgrade.server.supervisors()[..] else { panic!("one supervisor") };
        let runs = fs::read(format!("/proc/{supervisor}/exe")).unwrap();
        assert!(runs == fs::read(directory.join("wsgi-supervisor")).unwrap(), "the installed supervisor runs");
    }
}

/// The configuration of both is the same, apart from the file that is loaded.
#[trial(differs(OWN))]
fn mod_wsgi_takes_over_by_a_graceful_restart_and_gives_back(setup: &Setup) {
    let (theirs, ours) = both(setup);
    let upgrade = Upgrade::start(&ours, "re:.");
    let site = Site::new(&upgrade.server, &ours);
    assert_ne!(answer(&site, "one").1, "mod_wsgi");
    for _ in 0..2 {
        let before = upgrade.ours();
        upgrade.load(&upgrade.module, &theirs.module.file);
        upgrade.server.graceful();
        poll::wait_for("mod_wsgi serves", || {
            let response = site.get("/one");
            response.status == 200 && response.text().ends_with(" mod_wsgi")
        });
        gone(&before);
        assert_eq!((upgrade.ours().len(), answer(&site, "two").1.as_str()), (0, "mod_wsgi"), "nothing of ours is left");
        let left = fs::read_dir(site.path("run")).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        let left: Vec<_> = left.filter(|name| name.contains("mod_wsgi_rs")).collect();
        assert!(
            left.iter().all(|name| fs::read_dir(site.path("run").join(name)).is_ok_and(|mut all| all.next().is_none())),
            "{left:?}"
        );
        upgrade.load(&theirs.module.file, &upgrade.module);
        upgrade.server.graceful();
        poll::wait_for("the module serves", || {
            let response = site.get("/two");
            response.status == 200 && !response.text().ends_with(" mod_wsgi")
        });
        answer(&site, "one");
    }
}

/// No script decides whether an upgrade takes effect: a tenant could keep a supervisor with a known fault, which is root, alive with a syntax error.
#[trial(differs(OWN))]
fn an_upgrade_does_not_wait_for_code_that_does_not_load(setup: &Setup) {
    let upgrade = Upgrade::start(setup, "re:AH00488|AH03490|AH00493|WSGI1202|WSGI1305|SyntaxError|Traceback|def application|\\^");
    upgrade.server.announce_tracebacks();
    let site = Site::new(&upgrade.server, setup);
    answer(&site, "one");
    answer(&site, "two");
    script(&upgrade.files, "two", "def application(:\n");
    site.expect_log("WSGI1305");
    // The old code serves, over a graceful restart of the same build, too.
    upgrade.server.graceful();
    answer(&site, "two");
    let before = upgrade.ours();
    upgrade.install(&build_directory().join("test"));
    upgrade.server.graceful();
    poll::wait_for("the new process says what is wrong with the code", || site.get("/two").status == 500);
    gone(&before);
    site.expect_log("WSGI1202");
    answer(&site, "one");
    script(&upgrade.files, "two", TEXT);
    poll::wait_for("the corrected code serves", || site.get("/two").status == 200);
}
