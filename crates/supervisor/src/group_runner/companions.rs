/*! Programs that an application has started and not ended: the other members of the process group of its process, which are killed with that.

They are looked for in the list of the machine's processes, for the log alone, and only where the log takes such lines. Nothing is read that a process can hold up: its number, its process
group, and its name as the kernel keeps it. Its command line lies in its own memory, whose pages may never come, and what leads through that memory (`/proc/PID/stat`) can make who reads it close the
files of a process that ends just then. *Runs in: supervisor.* */

use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::budget::Budget;
use crate::sys::process_group;
use crate::timers::Millis;

/// So many processes of the machine are looked at.
const MOST: usize = 32_768;
/// So many are named.
const NAMED: usize = 10;
/// A list of this age is used again: many processes may end at once.
const FRESH: Millis = 100;
/// How often the list is made: at once, and each second.
const LOOKS: Budget = Budget::new(20, 5);
/// Longest name of a process, in bytes, with its newline (`TASK_COMM_LEN`).
const NAME: usize = 16;

/// The machine's processes with their process groups.
struct List {
    made: Option<Millis>,
    looks: Budget,
    all: Vec<(Pid, Pid)>,
}

static LIST: Mutex<List> = Mutex::new(List { made: None, looks: LOOKS, all: Vec::new() });

/// The others in the process group of `leader`, for a sentence; `None` if there are none, or it can't be known.
pub fn of(leader: Pid, now: Millis) -> Option<String> {
    let mut list = LIST.lock().unwrap_or_else(PoisonError::into_inner);
    if list.made.is_none_or(|made| now >= made.saturating_add(FRESH)) {
        if !list.looks.take(1, now) {
            return None;
        }
        list.made = Some(now);
        list.all = processes();
    }
    let others = list.all.iter().filter(|(pid, group)| *group == leader && *pid != leader).map(|(pid, _)| *pid);
    // Some have ended since, and their numbers may be others'.
    let there: Vec<Pid> = others.filter(|pid| process_group(*pid) == Some(leader) && runs(*pid)).collect();
    let named: Vec<String> = there.iter().take(NAMED).map(|pid| described(*pid)).collect();
    let more = there.len().saturating_sub(NAMED);
    match (named.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(named.join(", ")),
        (false, _) => Some(format!("{} and {more} more", named.join(", "))),
    }
}

/// What `/proc` lists, if it is of this process's own PID namespace.
fn processes() -> Vec<(Pid, Pid)> {
    let own = std::process::id().to_string();
    if std::fs::read_link("/proc/self").is_ok_and(|it| it.as_os_str() != own.as_str()) {
        return Vec::new();
    }
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?));
    numbers.take(MOST).filter_map(|pid| Some((pid, process_group(pid)?))).collect()
}

/// Whether a process has not ended, as far as that can be known.
fn runs(pid: Pid) -> bool {
    let ended = |process: OwnedFd| {
        let mut set = [PollFd::new(&process, PollFlags::IN)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut set, Some(&at_once)).is_ok_and(|found| found > 0)
    };
    !pidfd_open(pid, PidfdFlags::empty()).is_ok_and(ended)
}

/// Name and number of a process.
fn described(pid: Pid) -> String {
    let mut name = [0; NAME];
    let read = rustix::fs::open(format!("/proc/{pid}/comm"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .and_then(|file| rustix::io::read(file, &mut name));
    let name = read.ok().and_then(|count| name.get(..count)).unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    let name = name.trim_end_matches('\n');
    format!("`{}` (pid {pid})", if name.is_empty() { "?" } else { name })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use rustix::process::{Pid, Signal, kill_process_group};

    use super::of;

    #[test]
    fn members_of_a_process_group_are_named() {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "sleep 600 & sleep 600 & exec sleep 600"]).process_group(0).stdin(Stdio::null());
        let mut leader = shell.spawn().unwrap();
        let pid = Pid::from_raw(leader.id().try_into().unwrap()).unwrap();
        let (mut now, end) = (1_000, Instant::now() + Duration::from_secs(20));
        let found = loop {
            now += 1_000;
            let found = of(pid, now).unwrap_or_default();
            if found.matches("`sleep` (pid ").count() == 2 {
                break found;
            }
            assert!(Instant::now() < end, "{found}");
            std::thread::yield_now();
        };
        assert!(!found.contains(&format!("(pid {pid})")), "not the leader itself: {found}");
        kill_process_group(pid, Signal::KILL).unwrap();
        // Ended ones are not named, though the list is still fresh, and a list is not made without end.
        while of(pid, now).is_some() {
            assert!(Instant::now() < end);
        }
        leader.wait().unwrap();
    }
}
