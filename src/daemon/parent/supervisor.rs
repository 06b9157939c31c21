/*! The supervisors: started, started again when one dies, and ended with httpd.

A generation's supervisor and its predecessor talk to each other (`crates/supervisor`, handover): at a graceful restart the parent has
nothing to say. At a stop and at a restart it tells all to stop, before httpd waits for its own children, which may be waiting for daemon processes;
at httpd's end it waits for them. *Runs in: parent.* */

use std::ffi::{OsString, c_int};
use std::os::fd::{AsRawFd as _, BorrowedFd, IntoRawFd as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use protocol::kept::{self, Kept, Supervisor};
use protocol::plan::Plan;
use protocol::table::socket_path;
use protocol::{Level, log_code};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags, Signal};

use super::{handover, log_writer};
use crate::daemon::clock;
use crate::httpd::system::process::{self, After, after_configuration, server_root};
use crate::httpd::system::{descriptor, other_child, retained};
use crate::httpd::{Log, Pool, Server};
use crate::install_paths;

/// A supervisor that took a dead one's place and lived no longer than this is not started again at once.
const SHORT_LIFE: u64 = 10_000;
/// What a supervisor gets on top of its longest `shutdown-timeout`.
const GRACE: Duration = Duration::from_secs(2);

/// Starts the supervisor of `plan`, and goes on watching those that are there.
///
/// # Errors
/// Why there is none, for the requests of its groups.
pub fn begin(configuration: Pool<'_>, main: Server<'_>, kept: &mut Kept, plan: &Plan) -> Result<(), String> {
    kept.overdue = false;
    forget_ended(kept);
    for one in &kept.supervisors {
        other_child::watch(configuration, one.pid, died, ends);
    }
    if plan.groups.is_empty() {
        // Nobody takes over.
        for one in &mut kept.supervisors {
            signal(one.pid, Signal::USR1);
            one.build.clear();
        }
        return Ok(());
    }
    if handover::hand_over(main.logs_pool(), kept, plan) {
        forget_orphans(kept);
        forget_removed(kept);
        return Ok(());
    }
    let predecessor = kept.supervisors.last_mut().and_then(|last| last.successor.take());
    match start(main.logs_pool(), kept, plan, predecessor, false) {
        Ok(pid) => {
            // The new supervisor has its own copy.
            drop(predecessor.and_then(descriptor::take));
            other_child::watch(configuration, pid, died, ends);
            Ok(())
        }
        Err(why) => {
            // The one that is started next gets it.
            if let Some(last) = kept.supervisors.last_mut() {
                last.successor = predecessor;
            }
            Log::Server(main).log_code(&log_code::SUPERVISOR_NOT_STARTED, format_args!("{why}"));
            Err(why)
        }
    }
}

/// Starts a supervisor, and notes it in `kept`.
fn start(logs: Pool<'_>, kept: &mut Kept, plan: &Plan, predecessor: Option<i32>, again: bool) -> Result<i32, String> {
    let program: PathBuf = install_paths::supervisor().map_err(|problem| problem.text().to_owned())?;
    let failed = |what: &str, error: &dyn std::fmt::Display| format!("could not start `{}`: {what}: {error}", program.display());
    let (own, successor) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(|error| failed("its command socket", &error))?;
    let (lifeline, alive) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed("its lifeline", &error))?;
    // Processes get the end that is read: who can write to a pipe can keep it locked, and even to close the other end would wait for him.
    let (next, closes) =
        rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed("its pipe for the next configuration", &error))?;
    forget_orphans(kept);
    let numbers = |numbers: &[i32]| numbers.iter().filter_map(|number| u32::try_from(*number).ok()).collect();
    let elder = predecessor.and_then(|_| kept.supervisors.last()).and_then(|last| last.lifeline);
    let mut orphans = kept.orphans.clone();
    if again {
        // Of generations before it, which the one that died may have been waiting for.
        orphans.extend(kept.supervisors.iter().filter_map(|one| one.lifeline));
    }
    let plan = Plan {
        predecessor: predecessor.and_then(|number| u32::try_from(number).ok()),
        lifeline: u32::try_from(lifeline.as_raw_fd()).ok(),
        predecessor_lifeline: elder.and_then(|number| u32::try_from(number).ok()),
        orphans: numbers(&orphans),
        next_configuration: u32::try_from(next.as_raw_fd()).ok(),
        ..plan.clone()
    };
    let encoded = plan.encode();
    // It passes through a file that nobody can change any more, and is kept in memory that only this process writes.
    let memory = shared_memory::seal(c"mod_wsgi_rs-plan", &encoded).map_err(|error| failed("its plan", &error))?;
    let named = plan.passed().into_iter().filter_map(|number| i32::try_from(number).ok());
    let passed = [memory.as_raw_fd(), own.as_raw_fd()].into_iter().chain(named).collect();
    // `ServerRoot`, as httpd's own option, says in a list of processes which server's supervisor it is. The log writer is named in the plan as well, but the
    // supervisor needs it to say what is wrong with the plan.
    let writer = plan.log_writer.and_then(|number| i32::try_from(number).ok());
    let numbers = [memory.as_raw_fd(), own.as_raw_fd()].into_iter().chain(writer).map(|number| number.to_string().into());
    let arguments: Vec<OsString> = numbers.chain(["-d".into(), OsString::from_vec(server_root().to_vec())]).collect();
    let pid = other_child::start(&program, &arguments, passed).map_err(|error| failed("could not run it", &error))?;
    // Not kept by this process alone: it must be closed where nothing of this module is loaded any more.
    let closes =
        logs.close_at_end(closes).map_err(|status| failed("its pipe for the next configuration", &status.to_string()))?;
    kept.plan = encoded;
    kept.supervisors.push(Supervisor {
        pid,
        generation: plan.generation,
        successor: Some(successor.into_raw_fd()),
        lifeline: Some(alive.into_raw_fd()),
        shutdown_timeout: plan.shutdown_timeout(),
        started: now(),
        again,
        next_configuration: Some(closes),
        build: handover::build(),
        may_chroot: plan.rights().chroot,
        may_prioritise: plan.rights().priority,
    });
    Ok(pid)
}

/// Milliseconds of the monotonic clock.
fn now() -> u64 {
    clock::microseconds() / 1000
}

fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // It has not been waited for, so the number is still its own; being dead already is as well.
        let _sent: rustix::io::Result<()> = rustix::process::kill_process(pid, signal);
    }
}

/// Says to the supervisors that the configuration which is being read has the module.
pub fn announce(kept: &Kept) {
    for socket in kept.supervisors.iter().filter_map(|one| one.successor).filter_map(descriptor::lend) {
        // One that is gone needs no word, and none lets so much unread that it would not fit.
        let _said = rustix::net::send(socket, b"H", SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }
}

/// Forgets what was the configuration's before this one: the pipe that httpd has closed, whose number may be another file's now. And what there was before
/// httpd ran with a configuration without the module: the supervisors and log writers have ended or are about to, and httpd has reaped those that did, so their
/// numbers may be other processes'.
pub fn forget_missed(kept: &mut Kept) {
    for one in &mut kept.supervisors {
        one.next_configuration = None;
    }
    let number = process::configuration_number();
    if std::mem::replace(&mut kept.configuration, number).checked_add(1) == Some(number) {
        return;
    }
    for pid in kept.supervisors.iter().map(|one| one.pid).collect::<Vec<_>>() {
        forget(kept, pid);
    }
    kept.writers.clear();
}

/// Forgets supervisors that ended while nobody looked, and what only they used.
fn forget_ended(kept: &mut Kept) {
    let ended: Vec<i32> = kept.supervisors.iter().map(|one| one.pid).filter(|pid| other_child::reap(*pid)).collect();
    for pid in ended {
        forget(kept, pid);
    }
}

/// Forgets the lifelines of killed supervisors whose last process has gone.
fn forget_orphans(kept: &mut Kept) {
    kept.orphans.retain(|number| {
        let lives = descriptor::lend(*number).is_some_and(|lifeline| !hung_up(lifeline));
        if !lives {
            drop(descriptor::take(*number));
        }
        lives
    });
}

/// Whether nobody has the reading end of a pipe any more.
fn hung_up(pipe: BorrowedFd<'_>) -> bool {
    let mut descriptors = [PollFd::from_borrowed_fd(pipe, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut descriptors, Some(&at_once)).is_ok_and(|found| found > 0)
}

/// Forgets a supervisor; its lifeline is kept while somebody has its other end. Groups that no later generation defines go with it.
fn forget(kept: &mut Kept, pid: i32) -> Option<Supervisor> {
    let at = kept.supervisors.iter().position(|one| one.pid == pid)?;
    let gone = kept.supervisors.remove(at);
    drop(gone.successor.and_then(descriptor::take));
    kept.orphans.extend(gone.lifeline);
    forget_orphans(kept);
    let current = kept.generation;
    let oldest = kept.supervisors.iter().map(|one| one.generation).min().unwrap_or(current);
    kept.groups.retain(|group| {
        let used = group.generation >= current || group.generation >= oldest;
        if !used {
            drop(descriptor::take(group.table));
            remove_sockets(group);
        }
        used
    });
    Some(gone)
}

/// Forgets groups that have been out of the configuration for a while. Their supervisor removes the sockets of their processes itself.
fn forget_removed(kept: &mut Kept) {
    /// So many configurations later a group that comes back gets another table.
    const FORGOTTEN: u64 = 16;
    let current = kept.generation;
    kept.groups.retain(|group| {
        let used = group.generation.saturating_add(FORGOTTEN) >= current;
        if !used {
            drop(descriptor::take(group.table));
        }
        used
    });
}

/// Removes what a supervisor that was killed has left behind.
fn remove_sockets(group: &kept::Group) {
    for slot in 0..group.slots {
        // Most are gone, or never were.
        let _gone: rustix::io::Result<()> = rustix::fs::unlink(socket_path(&group.path, slot));
    }
}

/// httpd's main loop says that a supervisor has ended.
fn died(main: Server<'_>, pid: i32, status: c_int) {
    let mut kept = retained::load();
    let newest = kept.supervisors.last().is_some_and(|last| last.pid == pid);
    let Some(gone) = forget(&mut kept, pid) else { return };
    if newest && gone.generation == kept.generation {
        let how = describe(status);
        if gone.again && now().saturating_sub(gone.started) < SHORT_LIFE {
            kept.overdue = true;
            Log::Server(main).log_code(
                &log_code::SUPERVISOR_DIED,
                format_args!("the supervisor of the daemon processes (pid {pid}) {how} soon after its start; another one will be started in a few seconds"),
            );
        } else {
            Log::Server(main).log_code(
                &log_code::SUPERVISOR_DIED,
                format_args!("the supervisor of the daemon processes (pid {pid}) {how}; another one was started"),
            );
            start_again(main, &mut kept);
        }
    }
    retained::keep(Log::Server(main), &kept);
}

/// httpd begins to end its children. It is reaped when the configuration has ended, so until then its number is its own.
fn ends(pid: i32) {
    let mut kept = retained::load();
    end(kept.supervisors.iter_mut().filter(|one| one.pid == pid));
    retained::keep(Log::MainServer, &kept);
}

/// Has supervisors end. None of them takes up a further configuration.
fn end<'s>(supervisors: impl Iterator<Item = &'s mut Supervisor>) {
    for one in supervisors {
        signal(one.pid, Signal::TERM);
        one.build.clear();
    }
}

fn describe(status: c_int) -> String {
    if libc::WIFSIGNALED(status) {
        format!("was terminated by signal {}", libc::WTERMSIG(status))
    } else {
        format!("exited with status {}", libc::WEXITSTATUS(status))
    }
}

/// Starts the newest generation's supervisor again, with the same sockets.
fn start_again(main: Server<'_>, kept: &mut Kept) {
    kept.overdue = false;
    let Ok(plan) = Plan::decode(&kept.plan) else { return };
    // Whoever was to be told by the one that died is told by nobody else.
    for one in &kept.supervisors {
        signal(one.pid, Signal::USR1);
    }
    match start(main.logs_pool(), kept, &plan, None, true) {
        Ok(pid) => other_child::watch(main.configuration_pool(), pid, died, ends),
        Err(why) => {
            kept.overdue = true;
            Log::Server(main).log_code(&log_code::SUPERVISOR_NOT_STARTED, format_args!("{why}"));
        }
    }
}

/// Every few seconds, in httpd's main loop.
pub fn look(main: Server<'_>) {
    let mut kept = retained::load();
    let mut changed = log_writer::look(main, &mut kept);
    if kept.overdue {
        start_again(main, &mut kept);
        changed = true;
    }
    if changed {
        retained::keep(Log::Server(main), &kept);
    }
}

/// The configuration ends (its pool is destroyed).
pub fn configuration_ends() {
    let after = after_configuration();
    let mut kept = retained::load();
    if after == After::Graceful {
        log_writer::release(&mut kept);
        return;
    }
    // Those that were told by `ends` are told again; with `-X` nobody was.
    end(kept.supervisors.iter_mut());
    if after == After::Stop {
        wait_for_all(&mut kept);
        kept.groups.iter().for_each(remove_sockets);
        log_writer::finish(&mut kept);
        return;
    }
    log_writer::release(&mut kept);
}

/// Waits until the supervisors have ended, each as long as its groups may take.
fn wait_for_all(kept: &mut Kept) {
    let begun = Instant::now();
    for one in std::mem::take(&mut kept.supervisors) {
        let limit = begun + Duration::from_millis(one.shutdown_timeout) + GRACE;
        let watch = Pid::from_raw(one.pid).and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
        while !other_child::reap(one.pid) && Instant::now() < limit {
            let left = limit.saturating_duration_since(Instant::now()).min(Duration::from_millis(if watch.is_some() {
                1000
            } else {
                20
            }));
            let timeout = Timespec::try_from(left).ok();
            let mut descriptors: Vec<PollFd<'_>> = watch.iter().map(|watch| PollFd::new(watch, PollFlags::IN)).collect();
            // Woken or not, the loop looks again.
            let _woken: rustix::io::Result<usize> = rustix::event::poll(&mut descriptors, timeout.as_ref());
            if Pid::from_raw(one.pid).is_none_or(|pid| rustix::process::test_kill_process(pid).is_err()) {
                break;
            }
        }
        if Instant::now() >= limit {
            Log::MainServer
                .line(Level::Warning, format_args!("the supervisor (pid {}) did not exit in time and was killed", one.pid));
            signal(one.pid, Signal::KILL);
        }
    }
}
