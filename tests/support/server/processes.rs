/*! Looking at processes through `/proc`: who descends from whom, what they have mapped, whether they are really gone. */

use crate::support::poll;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A process, told apart from a later one with the same number by its start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    started: u64,
}

impl Process {
    /// The process with that number, if it exists and is no zombie. Its first thread may be one while others are still ending, and as
    /// long as they do, they hold what it had open (a killed server's port: seen in 79 of 200 deaths on a busy machine).
    pub fn find(pid: i32) -> Option<Self> {
        let stat = stat(pid)?;
        let ended = |state: char| matches!(state, 'Z' | 'X');
        let lives = !ended(stat.state) || !states(pid).into_iter().all(ended);
        lives.then_some(Self { pid, started: stat.started })
    }

    /// The process with that number, if it is the one that was started then (in the kernel's ticks).
    pub fn started_at(pid: i32, started: u64) -> Option<Self> {
        Self::find(pid).filter(|process| process.started == started)
    }

    /// Does it still run? (A zombie does not.)
    pub fn runs(self) -> bool {
        Self::find(self.pid) == Some(self)
    }

    /// Ends it at once, if it is still the same one.
    pub fn kill(self) {
        if self.runs() {
            send(self.pid, rustix::process::Signal::KILL);
        }
    }
}

/// Sends a signal to one process. One that has just gone is none of our concern.
pub fn send(pid: i32, signal: rustix::process::Signal) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        rustix::process::kill_process(pid, signal).ok();
    }
}

/// Stops a process, and waits until it does stand still: the signal is one thread's to take, which tells the others, and on a busy machine
/// those run on for a while.
#[track_caller]
pub fn stop(pid: i32) {
    send(pid, rustix::process::Signal::STOP);
    poll::wait_for("every thread of the process stands still", || states(pid).into_iter().all(|state| state == 'T'));
}

struct Stat {
    state: char,
    parent: i32,
    started: u64,
}

fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces; the fields after the last one are plain.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

fn all() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The parent of a process.
pub fn parent(pid: i32) -> Option<i32> {
    stat(pid).map(|stat| stat.parent)
}

/// Direct children of a process, zombies left out.
pub fn children(parent: i32) -> Vec<Process> {
    all().into_iter().filter(|pid| stat(*pid).is_some_and(|s| s.parent == parent)).filter_map(Process::find).collect()
}

/// The TCP sockets that a process has open and that listen, by their numbers in the kernel.
pub fn listening(pid: i32) -> BTreeSet<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let listens = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // The fourth is the state, the tenth the number.
        (fields.get(3) == Some(&"0A")).then(|| format!("socket:[{}]", fields[9]))
    };
    let all: BTreeSet<String> = tables.iter().flat_map(|table| table.lines()).filter_map(listens).collect();
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    links.map(|link| link.to_string_lossy().into_owned()).filter(|link| all.contains(link)).collect()
}

/// All descendants of a process, zombies left out.
pub fn descendants(root: i32) -> BTreeSet<Process> {
    let table: Vec<(i32, i32)> = all().into_iter().filter_map(|pid| Some((pid, stat(pid)?.parent))).collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(table.iter().filter(|(_, p)| *p == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.into_iter().skip(1).filter_map(Process::find).collect()
}

/// Processes whose command line mentions `path`: servers started from a directory, whoever their parent is by now.
pub fn mentioning(path: &Path) -> BTreeSet<Process> {
    let needle = path.as_os_str().as_encoded_bytes();
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    all()
        .into_iter()
        .filter(|pid| *pid != own)
        .filter(|pid| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| contains(&line, needle)))
        .filter_map(Process::find)
        .collect()
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && hay.windows(needle.len()).any(|window| window == needle)
}

/// Files that a process has mapped.
pub fn mapped_files(pid: i32) -> BTreeSet<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    maps.lines().filter_map(|line| line.split_whitespace().nth(5)).filter(|f| f.starts_with('/')).map(str::to_owned).collect()
}

/// Number of lines in a process's memory map.
pub fn mappings(pid: i32) -> usize {
    fs::read_to_string(format!("/proc/{pid}/maps")).map_or(0, |maps| maps.lines().count())
}

/// Number of open descriptors.
pub fn descriptors(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// The sockets that a process holds.
pub fn sockets(pid: i32) -> Vec<String> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let links = entries.filter_map(|entry| Some(fs::read_link(entry.ok()?.path()).ok()?.display().to_string()));
    links.filter(|link| link.starts_with("socket:")).collect()
}

/// Anonymous memory in bytes: what the process has allocated or written. (What counts as private depends on whether a child that
/// shares its pages lives just now; this does not.)
pub fn anonymous_memory(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// What each thread of a process does: the letters of proc(5).
fn states(pid: i32) -> Vec<char> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let state = |text: String| text.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok()).filter_map(state).collect()
}

/// Does no thread of the process run or wait for a disk just now?
pub fn is_quiet(pid: i32) -> bool {
    states(pid).into_iter().all(|state| !matches!(state, 'R' | 'D'))
}

/// Does a thread of the process wait where no signal reaches it?
pub fn is_uninterruptible(pid: i32) -> bool {
    states(pid).contains(&'D')
}

/// Number of threads.
pub fn threads(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}
