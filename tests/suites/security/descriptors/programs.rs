/*! The programs that look at interpreters: what configtest's helper has open, and what an interpreter gets that a helper or a child of httpd asks about
itself. An interpreter that is a shell script keeps them waiting for the time of a look. *Runs in: tests.* */

use super::check::{differences, unseen};
use super::kinds::{self, Kind};
use super::open::Snapshot;
use crate::suites::configuration::configtest::{self, needs_root};
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::matrix::Setup;
use crate::support::workdir::{readable, unique_number, writable_directory};
use crate::support::{poll, processes};
use registration::trial;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// An interpreter that notes its process number, and waits until it is allowed to go on.
struct Waiting {
    home: PathBuf,
    asker: String,
    notes: PathBuf,
}

impl Waiting {
    /// It waits where a program with this name asks.
    fn new(setup: &Setup, asker: &str) -> Self {
        let home = setup.run.workdir.path().join(format!("waiting-{}", unique_number()));
        let copied = Command::new("cp").arg("-a").arg(&setup.home).arg(&home).status().unwrap();
        assert!(copied.success());
        readable(&home);
        let notes = home.with_extension("notes");
        fs::create_dir(&notes).unwrap();
        writable_directory(&notes);
        let waiting = Self { home, asker: asker.to_owned(), notes };
        let (python, real) = (waiting.path("bin/python"), waiting.path("bin/python-itself"));
        symlink(fs::canonicalize(&python).unwrap(), &real).unwrap();
        fs::remove_file(&python).unwrap();
        let (notes, real) = (waiting.notes.display(), real.display());
        // In a PID namespace a helper's program knows no number of its parent's.
        let asked = if asker == "wsgi-supervisor" { "true".to_owned() } else { format!("grep -q '^{asker}$' /proc/$PPID/comm") };
        let text = format!(
            "#!/bin/sh\nif {asked}; then\n: > {notes}/$$\nwhile [ ! -e {notes}/go ]; do sleep 0.05; done\nfi\n\
             exec {real} \"$@\"\n"
        );
        fs::write(&python, text).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        waiting
    }

    fn path(&self, part: &str) -> PathBuf {
        self.home.join(part)
    }

    /// The process that waits. In a PID namespace it knows its number itself under another.
    fn pid(&self) -> Option<i32> {
        fs::read_dir(&self.notes).unwrap().next()?.unwrap();
        let all = processes::mentioning(&self.path("bin/python"));
        let asked = |pid: i32| processes::parent(pid).is_some_and(|parent| kinds::program(parent) == self.asker);
        all.into_iter().map(|process| process.pid).find(|pid| !kinds::program(*pid).starts_with("python") && asked(*pid))
    }

    fn go_on(&self) {
        fs::write(self.notes.join("go"), "").unwrap();
    }
}

/// Looks until the processes of `kinds` have what the list says, for less time than the program may take.
fn look(setup: &Setup, root: &Path, kinds: &[Kind], find: impl Fn() -> Option<Vec<(i32, Kind)>>) -> String {
    let root = root.display().to_string();
    let (mut last, mut seen) = ("the program was not seen".to_owned(), BTreeSet::new());
    poll::until(Duration::from_secs(30), || {
        let snapshot = Snapshot::new(&find()?).only(kinds);
        last = differences(&snapshot, setup.mpm, &root, &mut seen);
        last.is_empty().then_some(())
    });
    if last.is_empty() { unseen(kinds, setup.mpm, &seen) } else { last }
}

#[trial]
pub fn a_helper_has_what_the_list_says(setup: &Setup) {
    needs_root(setup);
    let waiting = Waiting::new(setup, "wsgi-supervisor");
    let plan = configtest::plan(&[
        &format!("WSGIDaemonProcess probed python-home=\"{}\"", waiting.home.display()),
        "WSGIScriptAlias /probed \"${APPS}/where.wsgi\" process-group=probed application-group=%{GLOBAL}",
    ]);
    let files = Prepared::new(setup, &plan, "configtest");
    let console = fs::File::create(waiting.path("console.txt")).unwrap();
    let mut httpd = files.command().arg("-t").stdout(console.try_clone().unwrap()).stderr(console).spawn().unwrap();
    let configtest = i32::try_from(httpd.id()).unwrap();
    let namespaces =
        Command::new("unshare").args(["--pid", "--fork", "true"]).output().is_ok_and(|output| output.status.success());
    let all = [Kind::Configtest, Kind::Helper, Kind::InterpreterOfHelper, Kind::FirstHelper];
    let kinds = if namespaces { &all[..] } else { &all[..3] };
    let found = look(setup, &waiting.home, kinds, || {
        let interpreter = waiting.pid()?;
        let helper = processes::parent(interpreter)?;
        let first = processes::parent(helper).filter(|first| *first != configtest).map(|first| (first, Kind::FirstHelper));
        let known = [(configtest, Kind::Configtest), (helper, Kind::Helper), (interpreter, Kind::InterpreterOfHelper)];
        Some(known.into_iter().chain(first).collect())
    });
    waiting.go_on();
    let ended = poll::until(Duration::from_secs(60), || httpd.try_wait().unwrap());
    if ended.is_none() {
        httpd.kill().unwrap();
        httpd.wait().unwrap();
    }
    assert!(found.is_empty(), "{found}{}", fs::read_to_string(waiting.path("console.txt")).unwrap_or_default());
    assert!(ended.is_some(), "configtest did not end");
}

#[trial(embedded("with daemon processes alone no child asks one"))]
pub fn an_interpreter_that_a_child_asks_has_what_the_list_says(setup: &Setup) {
    // Not where helpers of the start or supervisors run it.
    let program = setup.run.installation.program.file_name().unwrap().to_str().unwrap();
    let waiting = Waiting::new(setup, program);
    let plan = Plan::new("open_files.conf")
        .modules(&["log_config"])
        .announce("long lost child came home")
        .define("OWN_HOME", "1")
        .line(&format!("WSGIPythonHome \"{}\"", waiting.home.display()))
        // On a busy machine the look may take longer than the child waits for its interpreter.
        .announce("re:WSGI10[0-9]{2}");
    let server = Httpd::start(setup, &plan, "asked");
    let kinds = [Kind::InterpreterOfChild];
    let found = look(setup, &waiting.home, &kinds, || {
        let interpreter = waiting.pid()?;
        let mut all = kinds::of(&server, setup.mode, 0, &[]);
        all.push((interpreter, Kind::InterpreterOfChild));
        Some(all)
    });
    waiting.go_on();
    assert!(found.is_empty(), "{found}");
}
