/*! A real httpd: its own directory and port, the module in it, started as a child of the test and stopped with it.

A server that is dropped is stopped, nothing of it may be left running, and its log must be clean to the end. */

use crate::support::error_log::{Announced, ErrorLogs, Line, Position, pattern, unannounced};
use crate::support::matrix::Setup;
pub use crate::support::plan::{Plan, Prepared};
use crate::support::processes::{self, Process};
use crate::support::syslog::Syslog;
use crate::support::{client::Client, poll};
use rustix::process::Signal;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Child;
use std::sync::Mutex;
use std::time::Duration;

/// How long httpd may take to listen, or to stop.
const LIMIT: Duration = Duration::from_secs(30);

fn run(files: &Prepared, flags: &[&str]) -> Child {
    let console = fs::File::create(files.root.join("console.txt")).unwrap();
    let mut command = files.command();
    // prefork signals its whole process group when it stops: it must not be ours.
    command.process_group(0);
    command.args(flags).stdout(console.try_clone().unwrap()).stderr(console);
    command.spawn().unwrap_or_else(|error| panic!("{}: {error}", files.program.display()))
}

/// A running server.
#[derive(Debug)]
pub struct Httpd {
    /// Its files.
    pub files: Prepared,
    child: Mutex<Child>,
    logs: ErrorLogs,
    announced: Mutex<Vec<Announced>>,
    /// Up to here the log has been judged.
    judged: Mutex<Position>,
    single: bool,
    flags: Vec<&'static str>,
    stopped: bool,
    abandoned: bool,
    _syslog: Option<Syslog>,
}

fn writes_logs(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "wsgi-log\n")
}

thread_local! {
    /// What was running when a trial failed on this thread.
    static REPORTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Takes the reports of the servers that were dropped by a failing trial on this thread.
pub fn take_reports() -> Vec<String> {
    REPORTS.with(|reports| std::mem::take(&mut *reports.borrow_mut()))
}

impl Httpd {
    /// Starts a server for `plan` and waits until it listens.
    pub fn start(setup: &Setup, plan: &Plan, name: &str) -> Self {
        for attempt in 0.. {
            let server = Self::spawn(setup, plan, name);
            match server.wait_until_it_listens() {
                Ok(()) => return server,
                // Somebody else took the port between our look and httpd's bind.
                Err(why) if attempt < 3 && why.contains("AH00072") => server.abandon(),
                Err(why) => panic!("httpd did not start: {why}"),
            }
        }
        unreachable!("the loop returns or panics")
    }

    fn spawn(setup: &Setup, plan: &Plan, name: &str) -> Self {
        let files = Prepared::new(setup, plan, name);
        let syslog = plan.syslog.then(|| Syslog::start(&files.root.join("dev-log"), &files.root.join("logs/syslog.log")));
        let child = run(&files, &plan.flags);
        let logs = ErrorLogs::new(&files.root.join("logs"));
        Self {
            files,
            child: Mutex::new(child),
            logs,
            announced: Mutex::new(plan.announced.iter().map(|text| Announced::Line(pattern(text))).collect()),
            judged: Mutex::default(),
            single: plan.flags.contains(&"-X"),
            flags: plan.flags.clone(),
            stopped: false,
            abandoned: false,
            _syslog: syslog,
        }
    }

    fn wait_until_it_listens(&self) -> Result<(), String> {
        let outcome = poll::until(LIMIT, || {
            if let Ok(Some(status)) = self.child.lock().unwrap().try_wait() {
                return Some(Err(format!("it ended with {status}: {}", self.console())));
            }
            // The port is open before the modules had their say; this line comes after them. With -X there is none.
            ((self.single || self.generation_lines() > 0) && Client::connect(self.files.port).is_ok()).then_some(Ok(()))
        });
        outcome.unwrap_or_else(|| Err(format!("it does not listen on port {} after {LIMIT:?}", self.files.port)))
    }

    fn abandon(mut self) {
        self.abandoned = true;
    }

    /// The parent's process number.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.lock().unwrap().id()).unwrap()
    }

    /// What httpd wrote to its own stdout and stderr.
    pub fn console(&self) -> String {
        fs::read_to_string(self.files.root.join("console.txt")).unwrap_or_default()
    }

    /// Its error logs.
    pub const fn logs(&self) -> &ErrorLogs {
        &self.logs
    }

    /// All that was logged so far.
    pub fn whole_log(&self) -> Vec<Line> {
        self.logs.since(&Position::default())
    }

    /// Announces lines for the whole life of this server: what its start or its end will log.
    pub fn announce(&self, text: &str) {
        self.announced.lock().unwrap().push(Announced::Line(pattern(text)));
    }

    /// Announces that Python will print tracebacks in this server's life.
    pub fn announce_tracebacks(&self) {
        self.announced.lock().unwrap().push(Announced::Traceback);
    }

    /// Sends the parent a signal (`SIGUSR1` is a graceful restart, `SIGHUP` a restart).
    pub fn signal(&self, signal: Signal) {
        processes::send(self.pid(), signal);
    }

    /// The processes that serve: the parent's children.
    pub fn children(&self) -> Vec<Process> {
        processes::children(self.pid()).into_iter().filter(|child| !writes_logs(child.pid)).collect()
    }

    /// The processes that write lines of daemon processes to the logs; of older generations, too, while they live.
    pub fn log_writers(&self) -> Vec<Process> {
        processes::children(self.pid()).into_iter().filter(|child| writes_logs(child.pid)).collect()
    }

    /// The supervisors of daemon processes among them.
    pub fn supervisors(&self) -> Vec<i32> {
        let program = |pid: i32| fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        let all = self.children().into_iter().map(|child| child.pid);
        all.filter(|pid| program(*pid).file_name().is_some_and(|name| name == "wsgi-supervisor")).collect()
    }

    /// A variable that its plan set.
    pub fn environment(&self, name: &str) -> Option<&'static str> {
        self.files.environment.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }

    /// Has the parent ended?
    pub fn has_ended(&self) -> bool {
        !matches!(self.child.lock().unwrap().try_wait(), Ok(None))
    }

    /// Restarts gracefully and waits until a new generation serves.
    pub fn graceful(&self) {
        self.next_generation(Signal::USR1);
    }

    /// Restarts at once and waits until a new generation serves.
    pub fn restart(&self) {
        self.next_generation(Signal::HUP);
    }

    fn next_generation(&self, signal: Signal) {
        let before = self.generation_lines();
        self.signal(signal);
        poll::wait_for("httpd resumes normal operations", || self.generation_lines() > before);
    }

    fn generation_lines(&self) -> usize {
        self.whole_log().iter().filter(|line| line.text.contains("resuming normal operations")).count()
    }

    /// Stops the server and looks at what it left behind: exit status, processes, log. `Err` says what was wrong.
    pub fn stop(&mut self) -> Result<(), String> {
        if std::mem::replace(&mut self.stopped, true) {
            return Ok(());
        }
        let pid = self.pid();
        self.let_workers_finish();
        let mut family: BTreeSet<Process> = processes::descendants(pid);
        processes::send(pid, Signal::TERM);
        let status = poll::until(LIMIT, || self.child.lock().unwrap().try_wait().ok().flatten());
        family.extend(processes::mentioning(&self.files.root));
        let left = poll::until(Duration::from_secs(5), || family.iter().all(|p| !p.runs()).then_some(())).is_none();
        let left: Vec<Process> = if left { family.into_iter().filter(|p| p.runs()).collect() } else { Vec::new() };
        left.iter().for_each(|process| process.kill());
        let Some(status) = status else {
            self.kill();
            return Err(format!("httpd did not stop within {LIMIT:?} after SIGTERM"));
        };
        if !left.is_empty() {
            return Err(format!("processes were left running: {left:?}"));
        }
        if !status.success() {
            return Err(format!("httpd ended with {status}"));
        }
        Ok(())
    }

    /// Kills the parent as a crash or a careless hand does, and gives all that descended from it. Nothing is cleaned up.
    pub fn kill_parent(&mut self) -> BTreeSet<Process> {
        // Standing still it starts no child that would be missing in the list, and keep the port.
        processes::stop(self.pid());
        let family = processes::descendants(self.pid());
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        self.stopped = true;
        family
    }

    /// Starts a server whose parent was killed on the same files, with what the old one has left there.
    pub fn start_again(&mut self) {
        let before = self.generation_lines();
        *self.child.lock().unwrap() = run(&self.files, &self.flags);
        self.stopped = false;
        poll::wait_for("httpd serves again", || {
            assert!(!self.has_ended(), "it ended: {}", self.console());
            self.generation_lines() > before && Client::connect(self.files.port).is_ok()
        });
    }

    /// Waits a moment until no worker is busy. httpd's event MPM, when it is told to stop at once, closes the sockets of its workers
    /// from another thread; a worker that is just letting go of one can crash the process then (seen: `AH00051` and `AH00052`, in
    /// mod_mpm_event's `apr_os_sock_get` of a socket whose pool is gone). It needs no module of ours: when eight clients closed their
    /// connections in the moment of the stop, 8 of 600 stops of httpd alone ended so, 18 of 600 with the module loaded and idle, 3 of 300 in
    /// embedded mode and 6 of 300 in daemon mode, on a busy machine.
    fn let_workers_finish(&self) {
        let quiet = || self.children().iter().all(|child| processes::is_quiet(child.pid));
        let mut in_a_row = 0;
        poll::until(Duration::from_secs(2), || {
            in_a_row = if quiet() { in_a_row + 1 } else { 0 };
            (in_a_row == 5).then_some(())
        });
    }

    /// Judges the log from where it was judged last: trouble that neither `announced` nor the server's own list covers.
    pub fn judge(&self, announced: &[Announced]) -> Result<(), String> {
        let mut all = self.announced.lock().unwrap().clone();
        all.extend_from_slice(announced);
        let mut judged = self.judged.lock().unwrap();
        let lines = self.logs.since(&judged);
        *judged = self.logs.end();
        let mut trouble: Vec<String> =
            unannounced(&lines, &all).iter().map(|line| format!("{}: {}", line.file, line.text)).collect();
        if self.stopped && self.is_event() && trouble.len() == 1 {
            // The race that `let_workers_finish` makes rare: one child, while it was being ended. A crash of ours at the end of a process
            // shows on worker and prefork, and in every stop that is graceful.
            trouble.retain(|line| !(line.contains("AH00052") && line.contains("Segmentation fault")));
        }
        if trouble.is_empty() {
            return Ok(());
        }
        Err(format!("the error log holds what nobody announced:\n{}", trouble.join("\n")))
    }

    fn is_event(&self) -> bool {
        fs::read_to_string(&self.files.config).is_ok_and(|config| config.contains("mod_mpm_event"))
    }

    fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        for process in processes::descendants(i32::try_from(child.id()).unwrap()) {
            process.kill();
        }
        // It may have ended by itself; that is what we want.
        child.kill().ok();
        child.wait().ok();
    }

    /// Everything that somebody who looks at a failure wants to see; of the log, what was written after `from`.
    pub fn report(&self, from: &Position) -> String {
        let mut out = String::new();
        let mut section = |title: &str, text: &str| writeln!(out, "--- {title}\n{}", text.trim_end()).expect("a string takes it");
        section("command", &format!("{:?}", self.files.command()));
        section("configuration", &fs::read_to_string(&self.files.config).unwrap_or_default());
        let console = self.console();
        if !console.is_empty() {
            section("console", &console);
        }
        let lines: Vec<String> = self.logs.since(from).iter().map(|line| format!("{}: {}", line.file, line.text)).collect();
        let skipped = lines.len().saturating_sub(120);
        section(&format!("error log (the last {} lines)", lines.len() - skipped), &lines[skipped..].join("\n"));
        section("running", &format!("parent {}, children {:?}", self.pid(), self.children()));
        out
    }
}

impl Drop for Httpd {
    fn drop(&mut self) {
        if self.abandoned {
            self.kill();
        } else if std::thread::panicking() {
            // The report first: it shows what was running.
            REPORTS.with(|reports| reports.borrow_mut().push(self.report(&Position::default())));
            // How it stops is not what failed.
            self.stop().ok();
        } else if let Err(why) = self.stop().and_then(|()| self.judge(&[])) {
            panic!("{why}\n{}", self.report(&Position::default()));
        }
    }
}
