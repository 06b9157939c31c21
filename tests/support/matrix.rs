/*! Suites, and how they become trials: every suite runs once for each combination of mode, Python and MPM that it is meant for.

The trials of a suite share one server per combination where their configuration allows it; the first one that runs starts it, the
last one stops it and answers for what its end brought to light. Which combinations there are: everything on
event with the oldest and the newest Python, a marked part on the others. */

use super::httpd::{Httpd, Plan, take_reports};
use super::installation::{Installation, Mpm};
use super::module_under_test::Module;
use super::pythons::Python;
use super::run::{note_failure, second_attempt};
use super::site::Site;
use super::workdir::Workdir;
use libtest_mimic::{Completion, Failed, Trial};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Where the application runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Inside Apache's children.
    Embedded,
    /// In a daemon process group of two processes.
    Daemon,
}

impl Mode {
    /// The name in trial names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Daemon => "daemon",
        }
    }

    /// The name that is defined for the configuration.
    pub const fn define(self) -> &'static str {
        match self {
            Self::Embedded => "EMBEDDED",
            Self::Daemon => "DAEMON",
        }
    }
}

impl Mpm {
    /// The module's name for `LoadModule`.
    pub const fn module(self) -> &'static str {
        match self {
            Self::Event => "mpm_event",
            Self::Worker => "mpm_worker",
            Self::Prefork => "mpm_prefork",
        }
    }

    /// The name that is defined for the configuration.
    pub const fn define(self) -> &'static str {
        match self {
            Self::Event => "EVENT",
            Self::Worker => "WORKER",
            Self::Prefork => "PREFORK",
        }
    }
}

/// What the whole run shares.
#[derive(Debug)]
pub struct Run {
    /// The run's directory.
    pub workdir: Workdir,
    /// This machine's Apache.
    pub installation: Installation,
    /// The built module with faults on demand, if there is one.
    pub faults: Option<Module>,
    /// All Pythons that take part, the oldest first.
    pub pythons: Vec<Arc<Python>>,
}

/// One combination, and what a server of it needs.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What the run shares.
    pub run: Arc<Run>,
    /// The module that is tested.
    pub module: Arc<Module>,
    /// Where the application runs.
    pub mode: Mode,
    /// The Python that it runs on.
    pub python: Arc<Python>,
    /// The virtualenv that `WSGIPythonHome` names.
    pub home: PathBuf,
    /// Apache's MPM.
    pub mpm: Mpm,
}

impl Setup {
    /// As it stands before `::` in a trial's name.
    pub fn name(&self) -> String {
        format!("{}/py{}/{}", self.mode.name(), self.python.version, self.mpm.name())
    }

    /// Is mod_wsgi_rs under test (and not mod_wsgi)?
    pub fn is_ours(&self) -> bool {
        self.module.is_ours()
    }
}

impl Setup {
    /// Ends the trial as skipped.
    pub fn skip(&self, reason: &str) -> ! {
        SKIPPED.with(|slot| *slot.borrow_mut() = Some(reason.to_owned()));
        panic!("skipped: {reason}")
    }
}

/// Why a trial that was run on this thread by another one was skipped, if it was.
pub fn take_skipped() -> Option<String> {
    SKIPPED.with(|slot| slot.borrow_mut().take())
}

thread_local! {
    /// Why the trial that runs on this thread cannot run here.
    static SKIPPED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// On which combinations a suite or a trial runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The newest Python on event.
    Once,
    /// The oldest and the newest Python on event.
    Full,
    /// Those, the Pythons between them, and the other MPMs with the newest Python.
    Everywhere,
}

/// What a trial does.
#[derive(Clone, Copy)]
pub enum Body {
    /// Talks to the server that its suite shares.
    Shared(fn(&Site)),
    /// Starts what it needs itself.
    Own(fn(&Setup)),
}

/// One trial of a suite.
#[derive(Clone, Copy)]
pub struct Case {
    /// In words, from the function's name.
    pub name: &'static str,
    /// What it does.
    pub body: Body,
    /// Wider or narrower than its suite.
    pub reach: Option<Reach>,
    /// Why mod_wsgi behaves otherwise, where it does.
    pub differs: Option<&'static str>,
    /// Needs an MPM with threads.
    pub threads: bool,
    /// Why it is about embedded mode alone, in a suite for both modes.
    pub embedded: Option<&'static str>,
}

impl Case {
    /// A trial on the suite's server.
    pub const fn shared(name: &'static str, body: fn(&Site)) -> Self {
        Self { name, body: Body::Shared(body), reach: None, differs: None, threads: false, embedded: None }
    }

    /// A trial that starts its own servers.
    pub const fn own(name: &'static str, body: fn(&Setup)) -> Self {
        Self { name, body: Body::Own(body), reach: None, differs: None, threads: false, embedded: None }
    }

    /// Sets on which combinations it runs.
    #[must_use]
    pub const fn reach(mut self, reach: Reach) -> Self {
        self.reach = Some(reach);
        self
    }

    /// Says that mod_wsgi 6.1.1 behaves otherwise, so that the trial is skipped when mod_wsgi is under test.
    #[must_use]
    pub const fn differs(mut self, why: &'static str) -> Self {
        self.differs = Some(why);
        self
    }

    /// Says why daemon mode behaves otherwise, so that the trial runs in embedded mode alone.
    #[must_use]
    pub const fn embedded(mut self, why: &'static str) -> Self {
        self.embedded = Some(why);
        self
    }

    /// Says that it needs several threads in one process.
    #[must_use]
    pub const fn threads(mut self) -> Self {
        self.threads = true;
        self
    }
}

/// A trial as `#[trial]` registers it.
pub struct Registered {
    /// The module in which it is written.
    pub module: &'static str,
    /// Where in that module.
    pub line: u32,
    /// The trial.
    pub case: Case,
}

inventory::collect!(Registered);

/// The suite of a module: its trials and those of the modules below it that are named.
#[macro_export]
macro_rules! suite {
    ($name:literal $(, $module:ident)*) => {
        $crate::support::matrix::Suite::of($name, &[module_path!(), $(concat!(module_path!(), "::", stringify!($module))),*])
    };
}

/// Trials that belong together.
#[derive(Clone)]
pub struct Suite {
    /// The name before `::`.
    pub name: &'static str,
    /// The server that its shared trials use.
    pub plan: Plan,
    /// Where its trials run, unless one says otherwise.
    pub reach: Reach,
    /// Its trials.
    pub cases: Vec<Case>,
    /// In which modes they run.
    pub modes: &'static [Mode],
}

impl Suite {
    /// The suite of the trials that are written in these modules, in their order. Its server has the configuration `tests/conf/<name>.conf`.
    pub fn of(name: &'static str, modules: &[&str]) -> Self {
        let mut found: Vec<(usize, &Registered)> = inventory::iter::<Registered>
            .into_iter()
            .filter_map(|one| Some((modules.iter().position(|module| one.module.ends_with(module))?, one)))
            .collect();
        found.sort_by_key(|(module, one)| (*module, one.line));
        Self::new(name, found.into_iter().map(|(_, one)| one.case).collect())
    }

    /// A suite whose server has the configuration `tests/conf/<name>.conf`.
    pub fn new(name: &'static str, cases: Vec<Case>) -> Self {
        Self { name, plan: Plan::new(&format!("{name}.conf")), reach: Reach::Full, cases, modes: &[Mode::Embedded] }
    }

    /// Changes the server.
    #[must_use]
    pub fn plan(mut self, change: impl FnOnce(Plan) -> Plan) -> Self {
        self.plan = change(self.plan);
        self
    }

    /// Sets on which combinations its trials run.
    #[must_use]
    pub const fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// What its trials see does not depend on where the application runs: they run in both modes.
    #[must_use]
    pub const fn in_both_modes(mut self) -> Self {
        self.modes = &[Mode::Embedded, Mode::Daemon];
        self
    }

    /// It is about daemon mode.
    #[must_use]
    pub const fn in_daemon_mode(mut self) -> Self {
        self.modes = &[Mode::Daemon];
        self
    }

    /// Its trials for one combination whose trials must reach at least `needed`.
    pub fn trials(&self, setup: &Setup, needed: Reach) -> Vec<Trial> {
        let shared =
            Arc::new(Shared { setup: setup.clone(), plan: self.plan.clone(), name: self.name, server: Mutex::default() });
        let wanted = |case: &&Case| case.reach.unwrap_or(self.reach) >= needed && (!case.threads || setup.mpm.threaded());
        self.cases.iter().filter(wanted).map(|case| trial(*case, self.name, Arc::clone(&shared))).collect()
    }
}

/// The server of a suite in one combination, started when the first trial asks for it.
struct Shared {
    setup: Setup,
    plan: Plan,
    name: &'static str,
    server: Mutex<Option<Option<Httpd>>>,
}

impl Shared {
    fn run(&self, label: &str, body: fn(&Site)) -> Result<(), String> {
        // A trial that panicked poisons nothing: the lock only keeps trials of one server apart.
        let mut slot = self.server.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if slot.is_none() {
            let label = format!("{}-{}", self.setup.name(), self.name);
            match caught(|| Httpd::start(&self.setup, &self.plan, &label)) {
                Ok(server) => *slot = Some(Some(server)),
                Err(why) => {
                    *slot = Some(None);
                    return Err(why);
                }
            }
        }
        let server = slot.iter().flatten().next().ok_or("the suite's server did not start: another trial says why")?;
        let site = Site::new(server, &self.setup);
        let outcome = timed(label, || caught(|| body(&site)));
        let log = site.settle();
        outcome.and(log).map_err(|why| format!("{why}\n{}", site.report()))
    }

    /// Stops the server; the next trial starts another.
    fn stop(&self) -> Result<(), String> {
        let server = self.server.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take().flatten();
        let stopped = caught(move || drop(server));
        stopped.map_err(|why| format!("when the suite's server was stopped: {why}"))
    }

    fn attempt(&self, case: &Case, label: &str) -> Result<(), String> {
        match case.body {
            Body::Shared(body) => self.run(label, body),
            Body::Own(body) => timed(label, || caught(|| body(&self.setup))),
        }
    }
}

fn trial(case: Case, suite: &'static str, shared: Arc<Shared>) -> Trial {
    let name = format!("{}/{suite}::{}", shared.setup.name(), case.name);
    let label = name.clone();
    Trial::ignorable_test(name, move || {
        if let (Some(why), Mode::Daemon) = (case.embedded, shared.setup.mode) {
            return Ok(Completion::ignored_with(format!("embedded mode alone: {why}")));
        }
        if let (Some(why), false) = (case.differs, shared.setup.is_ours()) {
            return Ok(Completion::ignored_with(format!("mod_wsgi differs: {why}")));
        }
        run_trial(&case, &label, shared)
    })
}

fn run_trial(case: &Case, label: &str, shared: Arc<Shared>) -> Result<Completion, Failed> {
    let mut outcome = shared.attempt(case, label);
    if let Some(reason) = take_skipped() {
        return Ok(Completion::ignored_with(reason));
    }
    if outcome.as_ref().is_err_and(|why| second_attempt(label, why)) {
        // On a new server: what the old one has to say at its end belongs to the first attempt.
        shared.stop().ok();
        outcome = shared.attempt(case, label);
    }
    // The last trial of a suite answers for what the server's end brought to light.
    if let Some(shared) = Arc::into_inner(shared) {
        let mut end = shared.stop();
        if outcome.is_ok() && end.as_ref().is_err_and(|why| second_attempt(label, why)) {
            end = shared.attempt(case, label).and_then(|()| shared.stop());
        }
        outcome = outcome.and(end);
    }
    outcome.inspect_err(|why| note_failure(label, why))?;
    Ok(Completion::Completed)
}

fn timed<T>(label: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    super::run::note_duration(label, started.elapsed());
    result
}

/// Runs something that may panic; a panic becomes its message, its place and what the failing trial's own servers had to say.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let mut text = super::run::take_panic_place().unwrap_or_default();
        text.push_str(&message(&payload));
        for report in take_reports() {
            text.push('\n');
            text.push_str(&report);
        }
        text
    })
}

fn message(payload: &Box<dyn Any + Send>) -> String {
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "it panicked without a message".to_owned())
}
