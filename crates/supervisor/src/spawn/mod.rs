/*! From fork to exec.

Between fork and exec the child makes async-signal-safe calls alone and allocates nothing. Every step of the identity is checked, and a failure is
the end of the child: it says which step over a pipe and exits. It never executes anything with effective user 0.
*Runs in: supervisor, and in a daemon before it is Python.* */
#![expect(unsafe_code, reason = "fork, exec and the change of identity have no safe form")]

pub mod chroot;
pub mod env_file;
pub mod exec_spec;
pub mod explain;
pub mod identity;
pub mod spawn_report;

use std::ffi::{CStr, CString, c_char, c_int};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr::null;

use protocol::control::{CONTROL, LIFELINE, LISTENER, MEMORY, OUTBOX, SCOREBOARD, TABLE};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::rights;
use crate::spawn::env_file::{EnvFiles, MOST_VARIABLES};
use crate::spawn::exec_spec::{Candidate, ExecSpec, Limit, Resource};
use crate::spawn::identity::{drop_root, verify};
use crate::spawn::spawn_report::{SpawnReport, Step, ways};
use crate::sys::{check, leave_keyring, signals_to_default};

/// Where the pipe for reports stands in the child.
const TROUBLE: RawFd = 10;
/// Descriptors are first moved above this, so that putting one in its place can't overwrite another.
const ASIDE: RawFd = TROUBLE + 1;
/// Exit status of a child that never became Python.
pub const NOT_STARTED: i32 = 127;

/// The entry before the variables of `env-file=` and `env=`, which the engine hides from `ps`.
const PRIVATE_ENVIRONMENT: &CStr = c"WSGI_PRIVATE_ENVIRONMENT=below";

/// Descriptors for a child.
#[derive(Clone, Copy, Debug)]
pub struct Descriptors<'a> {
    /// `/dev/null`
    pub null: BorrowedFd<'a>,
    /// Write end of the pipe for its output.
    pub output: BorrowedFd<'a>,
    /// The group's listening socket.
    pub listener: BorrowedFd<'a>,
    /// The group's table.
    pub table: BorrowedFd<'a>,
    /// Its end of the control connection.
    pub control: BorrowedFd<'a>,
    /// Write end of the pipe for its messages.
    pub outbox: BorrowedFd<'a>,
    /// The memory file that outlives it.
    pub memory: BorrowedFd<'a>,
    /// Shows to others that it lives.
    pub lifeline: BorrowedFd<'a>,
    /// What httpd's scoreboard is read from.
    pub scoreboard: BorrowedFd<'a>,
    /// Write end of the pipe for its reports.
    pub trouble: BorrowedFd<'a>,
}

/// An argument or environment list as exec wants it: pointers, then null.
struct List<'a> {
    pointers: Vec<*const c_char>,
    _strings: &'a [CString],
}

impl<'a> List<'a> {
    fn new(strings: &'a [CString]) -> Self {
        Self { pointers: strings.iter().map(|s| s.as_ptr()).chain([null()]).collect(), _strings: strings }
    }
}

/// What the child looks at, allocated before the fork.
struct Prepared<'a> {
    spec: &'a ExecSpec,
    arguments: Vec<List<'a>>,
    /// Pointers to the environment's entries, with room for all of them.
    environment: Vec<*const c_char>,
    env_files: EnvFiles,
    supervisor: libc::pid_t,
    /// Limits and mask as httpd has them.
    inherited: rights::Inherited,
    groups_found: Vec<libc::gid_t>,
    highest: c_int,
    /// The directories on the way to each candidate, and to the working directory.
    ways: Vec<Vec<CString>>,
    directory_ways: Vec<CString>,
}

fn ways_to(path: &CStr) -> Vec<CString> {
    ways(path.to_bytes()).into_iter().filter_map(|way| CString::new(way).ok()).collect()
}

/// Starts a child. Whether it became Python shows in its pipe for reports.
///
/// # Errors
/// When there can't be a further process.
pub fn spawn(spec: &ExecSpec, descriptors: Descriptors<'_>) -> io::Result<Pid> {
    // SAFETY: getpid and sysconf have no preconditions.
    let (supervisor, highest) = unsafe { (libc::getpid(), libc::sysconf(libc::_SC_OPEN_MAX)) };
    let mut prepared = Prepared {
        spec,
        arguments: spec.candidates.iter().map(|c| List::new(&c.arguments)).collect(),
        environment: Vec::with_capacity(room_for_environment(spec)),
        env_files: EnvFiles::new(spec.env_files.len()),
        supervisor,
        inherited: rights::inherited(),
        groups_found: vec![0; spec.identity.as_ref().map_or(0, |i| i.groups.len()) + 64],
        highest: c_int::try_from(highest).unwrap_or(65_536).max(1_024),
        ways: spec.candidates.iter().map(|candidate| ways_to(&candidate.path)).collect(),
        directory_ways: spec.directory.as_deref().map(ways_to).unwrap_or_default(),
    };
    // SAFETY: the child calls async-signal-safe functions alone and ends in exec or _exit, so nothing of this process runs twice.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => child(&mut prepared, descriptors),
        pid => Pid::from_raw(pid).ok_or_else(|| io::Error::other("fork returned no pid")),
    }
}

/// How many entries the environment may have: all lists, the mark between them, and the null at its end.
fn room_for_environment(spec: &ExecSpec) -> usize {
    let of_files = if spec.env_files.is_empty() { 0 } else { MOST_VARIABLES };
    spec.environment.len() + spec.group_environment.len() + of_files + 2
}

/// Runs in the child.
fn child(prepared: &mut Prepared<'_>, descriptors: Descriptors<'_>) -> ! {
    let trouble = descriptors.trouble.as_raw_fd();
    let failed = match place_descriptors(descriptors, prepared.highest) {
        Err(error) => Some((trouble, Step::Descriptors, error)),
        Ok(()) => {
            let done = become_user(prepared).and_then(|()| compose_environment(prepared));
            done.err().map(|(step, error)| (TROUBLE, step, error))
        }
    };
    if let Some((fd, step, error)) = failed {
        report(fd, SpawnReport { step, fatal: true, number: error });
    } else {
        execute(prepared);
    }
    // SAFETY: _exit has no preconditions; no destructor and no exit handler of the supervisor runs.
    unsafe { libc::_exit(NOT_STARTED) }
}

type Failed = (Step, i32);

fn report(fd: RawFd, report: SpawnReport) {
    let bytes = report.encode();
    // SAFETY: the buffer is valid for its length. A report that can't be written has nobody to be told to.
    unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
}

fn place_descriptors(from: Descriptors<'_>, highest: c_int) -> Result<(), i32> {
    let aside = |fd: BorrowedFd<'_>| {
        // SAFETY: fcntl on an open descriptor.
        check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, ASIDE) })
    };
    let (null, output, listener) = (aside(from.null)?, aside(from.output)?, aside(from.listener)?);
    let (control, memory, lifeline) = (aside(from.control)?, aside(from.memory)?, aside(from.lifeline)?);
    let (table, trouble, scoreboard) = (aside(from.table)?, aside(from.trouble)?, aside(from.scoreboard)?);
    let outbox = aside(from.outbox)?;
    let own = [
        (listener, LISTENER),
        (control, CONTROL),
        (memory, MEMORY),
        (table, TABLE),
        (lifeline, LIFELINE),
        (scoreboard, SCOREBOARD),
        (outbox, OUTBOX),
    ];
    let places = [(null, 0), (output, 1), (output, 2)].into_iter().chain(own);
    for (fd, place) in places {
        // SAFETY: dup2 onto a number that nothing in the child uses any more; the copy has no close-on-exec flag.
        check(unsafe { libc::dup2(fd, place) })?;
    }
    // SAFETY: as above; this one closes at exec, which is how the supervisor learns of it.
    check(unsafe { libc::dup3(trouble, TROUBLE, libc::O_CLOEXEC) })?;
    // SAFETY: closes what nobody in the child uses. A kernel older than 5.9 does not know the call; then one by one.
    unsafe {
        if libc::syscall(libc::SYS_close_range, TROUBLE + 1, c_int::MAX, 0) == -1 {
            for fd in TROUBLE + 1..highest {
                libc::close(fd);
            }
        }
    }
    Ok(())
}

/// Everything from the session to the working directory, in an order in which each step still has the rights that it needs.
fn become_user(prepared: &mut Prepared<'_>) -> Result<(), Failed> {
    let spec = prepared.spec;
    signals_to_default();
    // SAFETY: no preconditions.
    check(unsafe { libc::setsid() }).map_err(|e| (Step::Session, e))?;
    leave_keyring();
    give_back(&prepared.inherited);
    warn_only(spec);
    if spec.identity.is_some() {
        // What only root may read is read while this process is root's.
        for (number, path) in spec.env_files.iter().enumerate() {
            prepared.env_files.read_as_root(number, path);
        }
    }
    if let Some(directory) = &spec.chroot {
        enter_root(directory.to_bytes()).map_err(|obstacle| obstructed(&obstacle))?;
    }
    if let Some(identity) = &spec.identity {
        drop_root(identity)?;
        verify(identity, &mut prepared.groups_found)?;
    }
    // SAFETY: no preconditions.
    if unsafe { libc::geteuid() == 0 || libc::getuid() == 0 } {
        return Err((Step::Root, libc::EPERM));
    }
    // SAFETY: prctl with constant arguments. The signal comes after the change of user, which would clear it.
    unsafe {
        if spec.no_new_privileges {
            check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)).map_err(|e| (Step::NoNewPrivileges, e))?;
        }
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM, 0, 0, 0)).map_err(|e| (Step::Parent, e))?;
        if libc::getppid() != prepared.supervisor {
            return Err((Step::Parent, libc::ESRCH));
        }
    }
    if let Some(directory) = &spec.directory {
        // SAFETY: a NUL-terminated path.
        check(unsafe { libc::chdir(directory.as_ptr()) }).map_err(|e| {
            tell_obstacle(&prepared.directory_ways, directory);
            (Step::Directory, e)
        })?;
    }
    if let Some(mask) = spec.umask {
        // SAFETY: no preconditions; it can't fail.
        unsafe { libc::umask(mask) };
    }
    Ok(())
}

/// The name of a variable.
fn name(entry: &CStr) -> &[u8] {
    entry.to_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// Reads the files of `env-file=` that the group's user reads, and puts the environment together: what is private to the group is at its end, behind a mark.
fn compose_environment(prepared: &mut Prepared<'_>) -> Result<(), Failed> {
    let Prepared { spec, environment, env_files, .. } = prepared;
    let read = spec.env_files.iter().enumerate().try_for_each(|(number, path)| env_files.read_as_user(number, path));
    if let Err(unusable) = read.and_then(|()| env_files.parse()) {
        let hint = |step, number: usize| {
            report(TROUBLE, SpawnReport { step, fatal: false, number: c_int::try_from(number).unwrap_or_default() })
        };
        hint(Step::EnvFileNumber, unusable.file);
        hint(Step::EnvFileLine, unusable.line);
        return Err((Step::EnvFile, unusable.error.raw_os_error()));
    }
    let in_files = |wanted: &CStr| env_files.variables().any(|entry| name(entry) == name(wanted));
    let in_group = |wanted: &CStr| spec.group_environment.iter().any(|entry| name(entry) == name(wanted));
    // There is room for all, so that nothing is allocated.
    let others = spec.environment.iter().filter(|entry| !in_files(entry) && !in_group(entry));
    environment.extend(others.map(|entry| entry.as_ptr()));
    if !spec.group_environment.is_empty() || env_files.variables().next().is_some() {
        environment.push(PRIVATE_ENVIRONMENT.as_ptr());
    }
    for (number, entry) in env_files.variables().enumerate() {
        let again = env_files.variables().skip(number + 1).any(|later| name(later) == name(entry));
        if !again && !in_group(entry) {
            environment.push(entry.as_ptr());
        }
    }
    environment.extend(spec.group_environment.iter().map(|entry| entry.as_ptr()));
    environment.push(null());
    Ok(())
}

/// Makes `root` the root directory of this process, if nobody but root can change the way to it.
///
/// # Errors
/// The first obstacle on the way; for a system call after that, `root` itself.
#[expect(clippy::result_large_err, reason = "an error holds its path, because nothing may be allocated")]
pub fn enter_root(root: &[u8]) -> Result<(), chroot::Obstacle> {
    let directory = chroot::find(root)?;
    // SAFETY: an open descriptor, then constants.
    unsafe {
        check(libc::fchdir(directory.as_raw_fd()))
            .and_then(|_| check(libc::chroot(c".".as_ptr())))
            .and_then(|_| check(libc::chdir(c"/".as_ptr())))
    }
    .map(drop)
    .map_err(|number| chroot::Obstacle::failed(root, Errno::from_raw_os_error(number)))
}

/// The error for an obstacle. The owner or the mode of what others can change is reported, too.
fn obstructed(obstacle: &chroot::Obstacle) -> Failed {
    let hint = |step, number| report(TROUBLE, SpawnReport { step, fatal: false, number });
    let number = match obstacle.cause {
        chroot::Cause::Failed(error) => error.raw_os_error(),
        chroot::Cause::Owner(uid) => {
            hint(Step::RootOwner, uid.cast_signed());
            libc::EPERM
        }
        chroot::Cause::Writable(mode) => {
            hint(Step::RootMode, mode.cast_signed());
            libc::EPERM
        }
    };
    (Step::Chroot, number)
}

/// What the supervisor has changed for itself alone.
fn give_back(inherited: &rights::Inherited) {
    for (what, limit) in &inherited.limits {
        // It is what it was: only the kernel's refusal of a call that raises nothing could keep it from being so.
        rustix::process::setrlimit(*what, *limit).unwrap_or_default();
    }
    // SAFETY: no preconditions; it can't fail.
    unsafe { libc::umask(inherited.umask) };
}

/// Priority and limits: what can't be had is worth a warning, not a refusal.
fn warn_only(spec: &ExecSpec) {
    if let Some(nice) = spec.priority {
        // SAFETY: no preconditions.
        if let Err(number) = check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) }) {
            report(TROUBLE, SpawnReport { step: Step::Priority, fatal: false, number });
        }
    }
    for Limit { what, soft, hard } in &spec.limits {
        let what = match what {
            Resource::Data => libc::RLIMIT_DATA,
            Resource::AddressSpace => libc::RLIMIT_AS,
            Resource::Cpu => libc::RLIMIT_CPU,
        };
        let limit = libc::rlimit { rlim_cur: *soft, rlim_max: *hard };
        // SAFETY: a valid structure.
        if let Err(number) = check(unsafe { libc::setrlimit(what, &raw const limit) }) {
            report(TROUBLE, SpawnReport { step: Step::Limit, fatal: false, number });
        }
    }
}

/// Tries each executable in turn; returns only if none could be executed.
fn execute(prepared: &Prepared<'_>) {
    let mut worst = (libc::ENOENT, 0);
    for (number, (candidate, arguments)) in (0_i32..).zip(prepared.spec.candidates.iter().zip(&prepared.arguments)) {
        if !wanted(candidate) {
            continue;
        }
        report(TROUBLE, SpawnReport { step: Step::Trying, fatal: false, number });
        // SAFETY: a NUL-terminated path, and two null-terminated lists whose strings live in `prepared`.
        let tried = unsafe { libc::execve(candidate.path.as_ptr(), arguments.pointers.as_ptr(), prepared.environment.as_ptr()) };
        // Why one that is there could not be executed says more than that others are not there.
        if let Err(error) = check(tried)
            && worst.0 == libc::ENOENT
        {
            worst = (error, if error == libc::ENOENT { worst.1 } else { number });
        }
    }
    report(TROUBLE, SpawnReport { step: Step::Trying, fatal: false, number: worst.1 });
    let index = usize::try_from(worst.1).unwrap_or_default();
    if let (Some(ways), Some(candidate)) = (prepared.ways.get(index), prepared.spec.candidates.get(index)) {
        tell_obstacle(ways, &candidate.path);
    }
    report(TROUBLE, SpawnReport { step: Step::Exec, fatal: true, number: worst.0 });
}

/// Says what is in the way to `path`. This process is the user's, and looks as the user: the supervisor looks at nothing that he owns.
fn tell_obstacle(ways: &[CString], path: &CStr) {
    let hint = |step, number| report(TROUBLE, SpawnReport { step, fatal: false, number });
    // SAFETY: an all-zero stat is valid, and is filled by the kernel; NUL-terminated paths.
    unsafe {
        let mut found: libc::stat = std::mem::zeroed();
        for (number, directory) in (0_i32..).zip(ways) {
            let closed = check(libc::access(directory.as_ptr(), libc::X_OK)) == Err(libc::EACCES);
            let seen = closed && libc::stat(directory.as_ptr(), &raw mut found) == 0;
            if seen && found.st_mode & libc::S_IFMT == libc::S_IFDIR {
                hint(Step::Closed, number);
                hint(Step::Mode, c_int::try_from(found.st_mode & 0o7777).unwrap_or_default());
                hint(Step::Owner, found.st_uid.cast_signed());
                hint(Step::Group, found.st_gid.cast_signed());
                return;
            }
        }
        if libc::lstat(path.as_ptr(), &raw mut found) == 0 {
            hint(Step::There, c_int::from(found.st_mode & libc::S_IFMT == libc::S_IFLNK));
        }
    }
}

/// Whether a candidate's condition holds: one of its library directories is there.
fn wanted(candidate: &Candidate) -> bool {
    // SAFETY: NUL-terminated paths.
    let there = |directory: &CString| unsafe { libc::access(directory.as_ptr(), libc::F_OK) == 0 };
    candidate.libraries.is_empty() || candidate.libraries.iter().any(there)
}
