/*! Where a trial takes place: a server with a group that is hurt and one that must not notice, and a copy of the application that
the trial may change. *Runs in: tests.* */

use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::processes::Process;
use crate::support::site::Site;
use crate::support::workdir::{readable, writable_directory};
use std::cell::{Cell, RefCell};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// The line of the application that a new version changes.
const VERSION: &str = "VERSION = 0\n";

thread_local! {
    /// What the trial on this thread has to tell besides that it passed.
    static FACTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static LONG: Cell<bool> = const { Cell::new(false) };
}

/// Notes what was seen, for the page of results.
pub fn fact(text: String) {
    FACTS.with(|facts| facts.borrow_mut().push(text));
}

/// Takes what was noted on this thread.
pub fn take_facts() -> Vec<String> {
    FACTS.with(|facts| std::mem::take(&mut *facts.borrow_mut()))
}

/// Whether the trials of this thread run for as long as they should, or for as long as `make test` has time for.
pub fn long() -> bool {
    LONG.with(Cell::get)
}

/// See [`long`].
pub fn set_long(long: bool) {
    LONG.with(|cell| cell.set(long));
}

/// How long something may take that should take at most `limit`: in the short form the machine has other work to do.
pub fn at_most(limit: Duration) -> Duration {
    if long() { limit } else { limit + Duration::from_secs(4) }
}

/// A server and its application.
#[derive(Debug)]
pub struct Field<'s> {
    /// The combination.
    pub setup: &'s Setup,
    /// Holds `app.wsgi`, and what the application notes.
    pub directory: PathBuf,
    /// The server.
    pub server: Httpd,
}

impl<'s> Field<'s> {
    /// A server whose group `hurt` has `options`.
    pub fn start(setup: &'s Setup, name: &str, options: &str) -> Self {
        Self::start_with(setup, name, options, |plan| plan)
    }

    /// The same with other code from the start.
    pub fn start_text(setup: &'s Setup, name: &str, options: &str, text: &str) -> Self {
        Self::begin(setup, name, options, text, |plan| plan)
    }

    /// The same with a plan that was changed.
    pub fn start_with(setup: &'s Setup, name: &str, options: &str, change: impl FnOnce(Plan) -> Plan) -> Self {
        Self::begin(setup, name, options, &source(0), change)
    }

    fn begin(setup: &'s Setup, name: &str, options: &str, text: &str, change: impl FnOnce(Plan) -> Plan) -> Self {
        let directory = setup.run.workdir.server_root("trial-site");
        writable_directory(&directory);
        write(&directory, text);
        let plan = Plan::new("trials.conf")
            .define("OWN_SIZES", "1")
            .define("OWN_GROUPS", "1")
            .define("SITE", directory.display().to_string())
            .define("OPTIONS", options)
            .define("SERVERS", "24")
            .define("WORKERS", "768");
        // What mod_wsgi logs is not judged: the trial says what it demands.
        let plan = if setup.is_ours() { plan } else { plan.announce("re:.") };
        let server = Httpd::start(setup, &change(plan), name);
        fs::write(server.files.root.join("htdocs/floor.txt"), "httpd alone").unwrap();
        Self { setup, directory, server }
    }

    /// A view that begins now.
    pub fn site(&self) -> Site<'_> {
        Site::new(&self.server, self.setup)
    }

    /// Puts version `number` of the application in place, as a deployment does: a new file under the old name.
    pub fn deploy(&self, number: usize) {
        write(&self.directory, &source(number));
    }

    /// Puts other code in place.
    pub fn deploy_text(&self, text: &str) {
        write(&self.directory, text);
    }

    /// The lines of a note, whole ones only.
    pub fn notes(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.directory.join(name)).unwrap_or_default();
        text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
    }

    /// Waits for a note.
    #[track_caller]
    pub fn wait_for_note(&self, name: &str) {
        poll::wait_for(&format!("the application's note `{name}`"), || !self.notes(name).is_empty());
    }

    /// Makes the file that the application's `gate` waits for.
    pub fn open_gate(&self, name: &str) {
        fs::write(self.directory.join(format!("open-{name}")), "").unwrap();
    }

    /// Processes that have loaded the application and live, with the version that each has.
    pub fn loaded(&self) -> Vec<(i32, usize)> {
        let entries = fs::read_dir(&self.directory).unwrap();
        let loaded = entries.filter_map(|entry| {
            let entry = entry.ok()?;
            let pid: i32 = entry.file_name().to_str()?.strip_prefix("loaded-")?.parse().ok()?;
            let text = fs::read_to_string(entry.path()).ok()?;
            let (version, started) = text.strip_suffix('\n')?.split_once(' ')?;
            Process::started_at(pid, started.parse().ok()?)?;
            Some((pid, version.parse().ok()?))
        });
        loaded.collect()
    }

    /// Waits until the hurt group serves: on a busy machine it may start for longer than the trial's limits let a request wait.
    #[track_caller]
    pub fn starts(&self) {
        self.recovers_within(poll::SOON);
    }

    /// What `/app/who` says: version, process, its parent.
    #[track_caller]
    pub fn who(&self) -> Who {
        Who::of(&self.site().get("/app/who").ok()).expect("three numbers")
    }

    /// Asserts that the group that was not hurt serves.
    #[track_caller]
    pub fn others_serve(&self) {
        let begun = std::time::Instant::now();
        self.site().get("/other").ok();
        assert!(begun.elapsed() < at_most(Duration::from_secs(1)), "the other group took {:?}", begun.elapsed());
    }

    /// Asserts that the hurt group serves again within `limit`, with one request after the other.
    #[track_caller]
    pub fn recovers_within(&self, limit: Duration) -> Duration {
        let begun = std::time::Instant::now();
        let served = poll::until(limit, || (self.site().get("/app/who").status == 200).then_some(()));
        assert!(served.is_some(), "the group did not serve again within {limit:?}");
        begun.elapsed()
    }

    /// The supervisors among httpd's children.
    pub fn supervisors(&self) -> Vec<i32> {
        self.server.supervisors()
    }

    /// httpd's own children: those that serve clients.
    pub fn workers(&self) -> Vec<i32> {
        let other = self.other_process();
        self.workers_unasked().into_iter().filter(|pid| Some(*pid) != other).collect()
    }

    /// The same without a request; with mod_wsgi it may be a process of the other group.
    pub fn workers_unasked(&self) -> Vec<i32> {
        let httpd = fs::read_link(format!("/proc/{}/exe", self.server.pid())).unwrap_or_default();
        let all = self.server.children().into_iter().map(|child| child.pid);
        let served: Vec<i32> = self.loaded().into_iter().map(|(pid, _)| pid).collect();
        all.filter(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == httpd))
            .filter(|pid| !served.contains(pid))
            .collect()
    }

    /// The process of the group that is not hurt.
    fn other_process(&self) -> Option<i32> {
        self.site().get("/other").value("pid")?.parse().ok()
    }

    /// Lines of the access log that the trials have of their own: `request status bytes connection`.
    pub fn ends(&self) -> Vec<String> {
        let text = fs::read_to_string(self.server.files.root.join("logs/ends.access")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// The version of the application.
    pub version: usize,
    /// The process.
    pub pid: i32,
    /// The process's parent.
    pub parent: i32,
}

impl Who {
    /// From the text of a response.
    pub fn of(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        Some(Self { version: words.next()?.parse().ok()?, pid: words.next()?.parse().ok()?, parent: words.next()?.parse().ok()? })
    }
}

/// The application in version `number`.
pub fn source(number: usize) -> String {
    let text = include_str!("../../../apps/trials.wsgi");
    assert!(text.contains(VERSION), "tests/apps/trials.wsgi has a version");
    text.replace(VERSION, &format!("VERSION = {number}\n"))
}

fn write(directory: &std::path::Path, text: &str) {
    let (new, file) = (directory.join("app.wsgi.new"), directory.join("app.wsgi"));
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).unwrap();
    readable(directory);
    writable_directory(directory);
    fs::rename(new, file).unwrap();
}
