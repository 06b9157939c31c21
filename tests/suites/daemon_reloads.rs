/*! What a graceful restart does to daemon processes: whose go on, whose are replaced, and that none outlives the module. *Runs in: tests.* */

use crate::own;
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::processes::{self, Process};
use crate::support::site::Site;
use crate::support::workdir::{readable, writable_directory};
use std::collections::BTreeSet;
use std::fs;

/// The suite.
pub fn suite() -> Suite {
    Suite::new(
        "daemon_reloads",
        vec![
            own!(processes_end_with_the_module_at_a_graceful_restart).reach(Reach::Everywhere),
            own!(processes_end_with_the_last_group_at_a_graceful_restart),
        ],
    )
    .in_daemon_mode()
}

/// A server with a script for each of `groups`, whose options stand behind its name.
struct Reloads {
    server: Httpd,
}

impl Reloads {
    fn start(setup: &Setup, groups: &[&str], announced: &'static str) -> Self {
        let files = setup.run.workdir.server_root("reloads-files");
        writable_directory(&files);
        let mut plan = Plan::new("daemon_reloads.conf").define("OWN_GROUPS", "1").define("OWN_SIZES", "1").announce(announced);
        for group in groups {
            let name = group.split(' ').next().unwrap();
            write(&files, name, "first");
            plan = plan.line(&format!("WSGIDaemonProcess {group}")).line(&alias(&files, name));
        }
        plan = plan.line(&format!("<Directory \"{}\">\nRequire all granted\n</Directory>", files.display()));
        Self { server: Httpd::start(setup, &plan, "daemon-reloads") }
    }

    /// Changes the configuration.
    fn configure(&self, change: impl FnOnce(String) -> String) {
        let file = &self.server.files.config;
        let old = fs::read_to_string(file).unwrap();
        let new = change(old.clone());
        assert_ne!(old, new, "nothing was changed");
        fs::write(file, new).unwrap();
    }

    /// All processes of ours that run now.
    fn ours(&self) -> BTreeSet<Process> {
        self.server.supervisors().into_iter().flat_map(processes::descendants).collect()
    }
}

fn alias(files: &std::path::Path, name: &str) -> String {
    format!("WSGIScriptAlias /{name} \"{}/{name}.wsgi\" process-group={name} application-group=%{{GLOBAL}}", files.display())
}

/// Writes a group's script, which answers `word` and the number of its process.
fn write(files: &std::path::Path, name: &str, word: &str) {
    let text = format!(
        "import os\n\n\ndef application(environ, start_response):\n    \
         start_response('200 OK', [('Content-Type', 'text/plain')])\n    return [f'{word} {{os.getpid()}}'.encode()]\n"
    );
    put(files, name, &text);
}

/// Puts a script in its place, as deployments do: the file is there at every moment.
fn put(files: &std::path::Path, name: &str, text: &str) {
    let (new, place) = (files.join(format!("{name}.new")), files.join(format!("{name}.wsgi")));
    fs::write(&new, text).unwrap();
    readable(&new);
    fs::rename(new, place).unwrap();
}

/// Comments out the directives and the loading of the module.
fn without_the_module(text: &str) -> String {
    let off = |line: &str| line.starts_with("WSGI") || line.starts_with("LoadModule wsgi_module");
    text.lines().map(|line| if off(line) { format!("# {line}\n") } else { format!("{line}\n") }).collect()
}

fn with_the_module(text: &str) -> String {
    text.replace("# WSGI", "WSGI").replace("# LoadModule wsgi_module", "LoadModule wsgi_module")
}

fn processes_end_with_the_module_at_a_graceful_restart(setup: &Setup) {
    // httpd reaps a supervisor that nobody has told it of.
    let reloads = Reloads::start(setup, &["one threads=2", "two threads=2 overlap=Off"], "re:AH00488|long lost child");
    let site = Site::new(&reloads.server, setup);
    site.get("/one").expect(200);
    site.get("/two").expect(200);
    for _ in 0..2 {
        let ours = reloads.ours();
        assert!(ours.len() >= 2, "{ours:?}");
        reloads.configure(|text| without_the_module(&text));
        reloads.server.graceful();
        poll::wait_for("supervisor and processes are gone", || ours.iter().all(|process| !process.runs()));
        site.expect_log("WSGI1350: ");
        site.get("/one").expect(404);
        // Another one without it, so that the module does not find what it has left as it was.
        reloads.server.graceful();
        reloads.configure(|text| with_the_module(&text));
        reloads.server.graceful();
        assert!(site.get("/one").ok().starts_with("first "));
        site.get("/two").expect(200);
        assert_eq!(reloads.server.supervisors().len(), 1);
    }
}

fn processes_end_with_the_last_group_at_a_graceful_restart(setup: &Setup) {
    let reloads = Reloads::start(setup, &["one threads=2"], "re:AH00488");
    let site = Site::new(&reloads.server, setup);
    site.get("/one").expect(200);
    let ours = reloads.ours();
    reloads.configure(|text| text.lines().filter(|line| !line.starts_with("WSGI")).map(|line| format!("{line}\n")).collect());
    reloads.server.graceful();
    poll::wait_for("supervisor and processes are gone", || ours.iter().all(|process| !process.runs()));
    site.get("/one").expect(404);
}
