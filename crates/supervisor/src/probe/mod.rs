/*! `wsgi-supervisor probe`: configtest's helper. It reads one request (`protocol::probe`) from descriptor 0, becomes the user whose files are to be looked at, looks at them, runs
the interpreter that is configured, and writes one answer to descriptor 1.

All that it prepares, it prepares as root and without looking at anything of the user's: a session of its own, so that there is no terminal to type into; no
descriptor but three; then root directory, groups and user, which are verified; no new privileges, limits, no debugger. Who asks kills its whole process group at the end.

| file | what |
|---|---|
| `root` | the root directory of `chroot=` |
| `questions` | what is asked about a group, and of embedded mode |
| `chroot_check` | what is missing in a `chroot=` |
| `scripts` | whether the user can read its scripts |

*Runs in: helper.* */

pub mod chroot;
mod chroot_check;
mod questions;
mod scripts;

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use interpreter::StartError;
use protocol::log_code::{FILES_NOT_CHECKED, JAIL_INCOMPLETE};
use protocol::probe::{Answer, Finding, Identity, LONGEST_REQUEST, Request};
use rustix::fs::{Mode, OFlags};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};

use crate::spawn::exec_spec::Drop;
use crate::{spawn, sys};

/// The address space of the helper, and of what it runs. A Python takes 50 MB.
const MEMORY: u64 = 4 << 30;

/// Seconds of a processor.
const PROCESSOR: u64 = 20;

/// Processes of the user, all of them counted.
const PROCESSES: u64 = 4_096;

/// Open files.
const FILES: u64 = 256;

/// Says that this process is the first of its PID namespace.
const INSIDE: &str = "inside";

/// Asks, answers: in a PID namespace of its own where this process may make one. Then the kernel ends all that was started in it, whatever session
/// or process group that has made itself, as soon as the helper has ended.
pub fn main() -> ExitCode {
    let inside = std::env::args_os().nth(2).is_some_and(|word| word == INSIDE);
    if inside {
        // Killed with the outer process, which belongs to the group that is killed at the end.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).unwrap_or_default();
    } else if let Some(ended) = in_namespace() {
        return ended;
    }
    let mut answer = match prepare() {
        Ok(request) => questions::answer(&request),
        Err(problem) => Answer { findings: vec![finding(&problem)], ..Answer::default() },
    };
    answer.complete = true;
    match std::io::stdout().write_all(&answer.encode_bounded()).and_then(|()| std::io::stdout().flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // Who asked has gone.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Runs this program as the first process of a PID namespace, and waits for it. `None` where there can't be one: in many containers, and without root.
fn in_namespace() -> Option<ExitCode> {
    // One that leads a session already has no other's terminal.
    rustix::process::setsid().map(drop).unwrap_or_default();
    sys::only_standard_descriptors();
    let program = std::env::current_exe().ok()?;
    if !sys::own_process_numbers() {
        return None;
    }
    let status = Command::new(program).args(["probe", INSIDE]).env_clear().status();
    Some(if status.is_ok_and(|status| status.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn finding(problem: &StartError) -> Finding {
    Finding { number: problem.code().number.into(), text: problem.text().as_bytes().to_vec() }
}

/// Reads the request, and becomes who it says. Nothing of that user's is looked at before.
fn prepare() -> Result<Request, StartError> {
    // One that leads a session already has no other's terminal.
    rustix::process::setsid().map(drop).unwrap_or_default();
    sys::leave_keyring();
    sys::only_standard_descriptors();
    sys::signals_to_default();
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        let hint = "check the limits of the user, and the privileges that httpd was started with";
        StartError::new(&FILES_NOT_CHECKED, format!("nothing was checked, because {what}: {error}. To fix: {hint}"))
    };
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| failed("`/dev/null` could not be opened", &error))?;
    let most = u64::try_from(LONGEST_REQUEST).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    std::io::stdin().take(most).read_to_end(&mut bytes).map_err(|error| failed("the questions could not be read", &error))?;
    let request = Request::decode(&bytes).map_err(|error| failed("the questions could not be read", &error))?;
    // What is run later has this as its input.
    rustix::stdio::dup2_stdin(&null).map_err(|error| failed("its input could not be closed", &error))?;
    if !request.root.is_empty() {
        chroot::enter(Path::new(OsStr::from_bytes(&request.root)))
            .map_err(|why| StartError::new(&JAIL_INCOMPLETE, format!("the directory of `chroot=`: {why}")))?;
    }
    rustix::process::chdir("/").map_err(|error| failed("`/` could not be entered", &error))?;
    if let Some(identity) = &request.identity {
        become_user(identity).map_err(|why| failed(&format!("the helper could not become user {}", identity.uid), &why))?;
    }
    if rustix::process::geteuid().is_root() || rustix::process::getuid().is_root() {
        return Err(failed("the helper would be root", &"files and programs of users are not checked as root"));
    }
    confine(&LIMITS).map_err(|error| failed("the helper could not be confined", &error))?;
    Ok(request)
}

/// Becomes that user for good.
///
/// # Errors
/// What the system refused, in words; root is refused here.
pub fn become_user(identity: &Identity) -> Result<(), String> {
    if identity.uid == 0 || identity.gid == 0 {
        return Err("user 0 and group 0 are refused".to_owned());
    }
    let mut groups = identity.groups.clone();
    groups.sort_unstable();
    groups.dedup();
    let identity = Drop { uid: identity.uid, gid: identity.gid, groups };
    spawn::identity::become_identity(&identity)
        .map_err(|(step, error)| format!("{step:?}: {}", std::io::Error::from_raw_os_error(error)))
}

/// Limits of the helper, and of all that it runs.
const LIMITS: [(Resource, u64); 6] = [
    (Resource::As, MEMORY),
    (Resource::Cpu, PROCESSOR),
    (Resource::Fsize, 0),
    (Resource::Core, 0),
    (Resource::Nproc, PROCESSES),
    (Resource::Nofile, FILES),
];

/// What this process, and all that it runs, cannot do from now on: gain rights, be looked into, outlive who started it, or go beyond `limits`.
///
/// # Errors
/// What the kernel says.
pub fn confine(limits: &[(Resource, u64)]) -> rustix::io::Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // A change of user would have taken this back.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    for (resource, most) in limits {
        // A limit that is lower already stays.
        let now = rustix::process::getrlimit(*resource).maximum.unwrap_or(u64::MAX).min(*most);
        rustix::process::setrlimit(*resource, Rlimit { current: Some(now), maximum: Some(now) })?;
    }
    Ok(())
}
