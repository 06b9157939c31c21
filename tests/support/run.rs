/*! One run of the suites: what there is to test on, which trials follow from it, the count at the end.

The last line is `N passed, N failed, N skipped`, alone. With `CI=true` a Python that must be there and is not fails the run;
elsewhere it is a skipped trial that says why. `SECOND_ATTEMPTS=N` lets N trials that fail run once more, and the run names them. */

use super::installation::{Installation, Mpm};
use super::matrix::{Mode, Reach, Run, Setup, Suite};
use super::module_under_test::Module;
use super::pythons::{self, Python};
use super::workdir::Workdir;
use libtest_mimic::{Arguments, Completion, Trial};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

thread_local! {
    static PANIC_PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Where the last panic of this thread happened, as `file:line: `.
pub fn take_panic_place() -> Option<String> {
    PANIC_PLACE.with(|place| place.borrow_mut().take())
}

/// Trials that took long, for the run's last lines: a suite that must stay quick needs to know its slow ones.
static SLOW: Mutex<Vec<(Duration, String)>> = Mutex::new(Vec::new());

/// Notes how long a trial took.
pub fn note_duration(name: &str, took: Duration) {
    if took > Duration::from_secs(2) {
        SLOW.lock().unwrap().push((took, name.to_owned()));
    }
}

/// Trials that failed: the name, and why.
static FAILURES: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Trials that failed and then passed on a new server: the name, and why the first attempt failed.
static SECOND_ATTEMPTS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Notes why a trial failed, for the run's last lines.
pub fn note_failure(name: &str, why: &str) {
    FAILURES.lock().unwrap().push((name.to_owned(), why.to_owned()));
}

/// Whether a trial that failed may run once more. `SECOND_ATTEMPTS=N` allows N trials of a run; without it there are none.
pub fn second_attempt(name: &str, why: &str) -> bool {
    let allowed = std::env::var("SECOND_ATTEMPTS").ok().and_then(|value| value.parse().ok()).unwrap_or(0);
    let mut used = SECOND_ATTEMPTS.lock().unwrap();
    let free = used.len() < allowed;
    if free {
        used.push((name.to_owned(), why.to_owned()));
    }
    free
}

/// Prints what failed, the first lines of each: who sees only the end of the output needs the reasons there.
fn print_failures() {
    let lines = |why: &str| why.lines().take(6).map(|line| format!("\n    {line:.300}")).collect::<String>();
    let failed = FAILURES.lock().unwrap();
    for (name, why) in SECOND_ATTEMPTS.lock().unwrap().iter().filter(|(name, _)| failed.iter().all(|(other, _)| other != name)) {
        println!("passed at the second attempt: {name}{}", lines(why));
    }
    for (name, why) in failed.iter() {
        println!("failed: {name}{}", lines(why));
    }
}

/// Runs the suites as the command line says.
pub fn main(suites: Vec<Suite>) -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!("{}:{}: ", at.file(), at.line()));
        // The first panic is the reason; one while unwinding is a consequence.
        PANIC_PLACE.with(|slot| {
            slot.borrow_mut().get_or_insert_with(|| place.unwrap_or_default());
        });
    }));
    let mut arguments = Arguments::from_args();
    if arguments.test_threads.is_none() {
        // Trials mostly wait for a server; a few more than there are processors keep them busy.
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        arguments.test_threads = Some((processors + 1).min(8));
    }
    match prepare().map(|prepared| trials(&suites, prepared)) {
        Ok(trials) => {
            let conclusion = libtest_mimic::run(&arguments, trials);
            if !arguments.list {
                let mut slow = std::mem::take(&mut *SLOW.lock().unwrap());
                slow.sort();
                for (took, name) in slow.iter().rev().take(20) {
                    println!("slow: {:5.1} s {name}", took.as_secs_f64());
                }
                print_failures();
                let (passed, failed, skipped) = (conclusion.num_passed, conclusion.num_failed, conclusion.num_ignored);
                println!("{passed} passed, {failed} failed, {skipped} skipped");
            }
            conclusion.exit_code()
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

struct Prepared {
    run: Arc<Run>,
    module: Arc<Module>,
    homes: Vec<(Arc<Python>, std::path::PathBuf)>,
}

fn prepare() -> Result<Prepared, String> {
    let installation = Installation::find()?;
    let workdir = Workdir::new();
    let module = Module::find(&workdir.path().join("module"))?;
    let faults = Module::with_faults(&workdir.path().join("module-with-faults"));
    let mut found = pythons::find();
    if let Some(version) = &module.linked_to {
        found.retain(|python| &python.version == version);
    }
    for python in &found {
        println!("Python {}: {}", python.version, python.describe());
    }
    if found.is_empty() {
        return Err("no Python from 3.9 was found that httpd's user can run: install python3 and python3-venv".to_owned());
    }
    let pythons: Vec<Arc<Python>> = found.into_iter().map(Arc::new).collect();
    let homes = pythons
        .iter()
        .map(|python| pythons::virtualenv(python, &[]).map(|home| (Arc::clone(python), home)))
        .collect::<Result<_, _>>()?;
    Ok(Prepared { run: Arc::new(Run { workdir, installation, faults, pythons }), module: Arc::new(module), homes })
}

fn trials(suites: &[Suite], prepared: Prepared) -> Vec<Trial> {
    let Prepared { run, module, homes } = prepared;
    let mut lanes: Vec<VecDeque<Trial>> = Vec::new();
    let newest = homes.len() - 1;
    for (index, (python, home)) in homes.iter().enumerate() {
        for mpm in Mpm::ALL.into_iter().filter(|mpm| run.installation.has(mpm.module())) {
            let needed = match (index, mpm) {
                (n, Mpm::Event) if n == newest => Reach::Once,
                (0, Mpm::Event) => Reach::Full,
                (_, Mpm::Event) => Reach::Everywhere,
                (n, _) if n == newest => Reach::Everywhere,
                _ => continue,
            };
            let setup = |mode| Setup {
                run: Arc::clone(&run),
                module: Arc::clone(&module),
                mode,
                python: Arc::clone(python),
                home: home.clone(),
                mpm,
            };
            for mode in [Mode::Embedded, Mode::Daemon] {
                let meant = suites.iter().filter(|suite| suite.modes.contains(&mode));
                lanes.extend(meant.map(|suite| suite.trials(&setup(mode), needed).into()));
            }
        }
    }
    let mut all = required(&run, &module);
    all.extend(interleave(lanes));
    all
}

/// Orders trials so that neighbours belong to different servers, and each server still lives for a short time only.
fn interleave(lanes: Vec<VecDeque<Trial>>) -> Vec<Trial> {
    const AT_ONCE: usize = 6;
    let mut waiting: VecDeque<_> = lanes.into_iter().filter(|lane| !lane.is_empty()).collect();
    let mut open: VecDeque<VecDeque<Trial>> = VecDeque::new();
    let mut all = Vec::new();
    loop {
        while open.len() < AT_ONCE {
            match waiting.pop_front() {
                Some(lane) => open.push_back(lane),
                None => break,
            }
        }
        let Some(mut lane) = open.pop_front() else { return all };
        all.extend(lane.pop_front());
        if !lane.is_empty() {
            open.push_back(lane);
        }
    }
}

/// What the machine must have: failures in CI, skipped elsewhere.
fn required(run: &Arc<Run>, module: &Module) -> Vec<Trial> {
    let versions: Vec<u32> = run.pythons.iter().map(|python| python.minor()).collect();
    let mod_wsgi = !module.is_ours();
    let requirement = |name: &str, met: bool, lack: String| {
        Trial::ignorable_test(format!("machine::{name}"), move || match (met, mod_wsgi) {
            (true, _) => Ok(Completion::Completed),
            (false, true) => Ok(Completion::ignored_with("mod_wsgi is bound to one Python")),
            (false, false) if std::env::var("CI").is_ok_and(|value| value == "true") => Err(lack.into()),
            (false, false) => Ok(Completion::ignored_with(lack)),
        })
    };
    let mut trials = vec![
        requirement("at_least_three_pythons", versions.len() >= 3, format!("only {} were found", versions.len())),
        requirement("an_old_python", versions.iter().any(|v| *v <= 10), "neither Python 3.9 nor 3.10 was found".to_owned()),
        requirement("a_new_python", versions.iter().any(|v| *v >= 12), "no Python from 3.12 was found".to_owned()),
    ];
    for mpm in Mpm::ALL {
        let lack = format!("this Apache has no mod_mpm_{}", mpm.name());
        let met = run.installation.has(mpm.module());
        trials.push(requirement(&format!("the_{}_mpm", mpm.name()), met, lack));
    }
    trials
}
