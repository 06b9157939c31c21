/*! What a process has open, as `/proc` shows it to root, in words that do not change from run to run. *Runs in: tests.* */

use super::kinds::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// One descriptor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Open {
    /// Its number.
    pub number: i32,
    /// What it leads to, as `/proc` says.
    pub target: String,
    /// `r`, `w` or `rw`.
    pub access: &'static str,
    /// Is it closed in a program that the process executes (`FD_CLOEXEC`)?
    pub closed_at_exec: bool,
}

/// The descriptors of a process; none if it has gone.
pub fn of(pid: i32) -> Vec<Open> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let numbers: BTreeSet<i32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    numbers.into_iter().filter_map(|number| one(pid, number)).collect()
}

fn one(pid: i32, number: i32) -> Option<Open> {
    let target = fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()?.to_string_lossy().into_owned();
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?.trim();
    let flags = u32::from_str_radix(flags, 8).ok()?;
    let access = match flags & 3 {
        0 => "r",
        1 => "w",
        _ => "rw",
    };
    // O_CLOEXEC
    Some(Open { number, target, access, closed_at_exec: flags & 0o2_000_000 != 0 })
}

/// The processes of one server, and what they have open at one time.
#[derive(Debug)]
pub struct Snapshot {
    /// Each process with its kind.
    pub processes: Vec<(i32, Kind, Vec<Open>)>,
    holders: BTreeMap<String, BTreeSet<(i32, Kind)>>,
    /// What the suites' own process passes on to every program is no descriptor of httpd's.
    of_the_suites: BTreeSet<(i32, String)>,
}

impl Snapshot {
    /// Looks at them.
    pub fn new(processes: &[(i32, Kind)]) -> Self {
        let own = i32::try_from(std::process::id()).unwrap();
        let of_the_suites = of(own).into_iter().filter(|open| open.number > 2).map(|open| (open.number, open.target)).collect();
        let mut seen = Self { processes: Vec::new(), holders: BTreeMap::new(), of_the_suites };
        for (pid, kind) in processes {
            let mut all = of(*pid);
            all.retain(|open| !seen.of_the_suites.contains(&(open.number, open.target.clone())));
            for open in all.iter().filter(|open| open.target.starts_with("pipe:[")) {
                seen.holders.entry(open.target.clone()).or_default().insert((*pid, *kind));
            }
            seen.processes.push((*pid, *kind, all));
        }
        seen
    }

    /// Keeps the processes of these kinds. The others were there to say who is at the other end of a pipe.
    pub fn only(mut self, kinds: &[Kind]) -> Self {
        self.processes.retain(|(_, kind, _)| kinds.contains(kind));
        self
    }

    /// What a descriptor of the process `pid` leads to, in words. Paths below `root` are shown without it.
    pub fn words(&self, pid: i32, open: &Open, root: &str) -> String {
        let target = open.target.as_str();
        if let Some(inode) = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
            return unix(inode).or_else(|| inet(inode)).unwrap_or_else(|| "unbound socket".to_owned());
        }
        if target.starts_with("pipe:[") {
            return self.pipe(pid, target).to_owned();
        }
        let target = target.strip_suffix(" (deleted)").unwrap_or(target);
        target.strip_prefix(root).unwrap_or(target).to_owned()
    }

    /// Who is at the other end.
    fn pipe(&self, pid: i32, target: &str) -> &'static str {
        let holders = self.holders.get(target).into_iter().flatten();
        let (pids, kinds): (BTreeSet<i32>, BTreeSet<Kind>) = holders.copied().unzip();
        if pids.iter().all(|other| *other == pid) {
            "pipe within the process"
        } else if kinds.contains(&Kind::Logger) {
            "pipe to a program that reads a log"
        } else if kinds.contains(&Kind::Supervisor) {
            "pipe to or from the supervisor"
        } else if kinds.contains(&Kind::InterpreterOfHelper) {
            "pipe to the helper"
        } else if kinds.contains(&Kind::Helper) {
            "pipe from the helper"
        } else if kinds.contains(&Kind::InterpreterOfChild) {
            "pipe to the child"
        } else {
            "pipe among httpd's processes"
        }
    }
}

/// The line of a socket in a table of `/proc/net`, in words.
fn entry(table: &str, inode: &str, place: usize) -> Option<Vec<String>> {
    let text = fs::read_to_string(table).ok()?;
    let lines = text.lines().skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let mut lines = lines.filter(|words| words.get(place).is_some_and(|word| word == inode));
    lines.next()
}

fn unix(inode: &str) -> Option<String> {
    let words = entry("/proc/net/unix", inode, 6)?;
    let kind = match words[4].as_str() {
        "0001" => "stream",
        "0002" => "datagram",
        _ => "seqpacket",
    };
    // Bit 16 of the flags says that it listens.
    let listens = if words[3] == "00010000" { "listening " } else { "" };
    let named = if words.len() > 7 { " with a name" } else { "" };
    Some(format!("{listens}Unix {kind} socket{named}"))
}

fn inet(inode: &str) -> Option<String> {
    let words = entry("/proc/net/tcp", inode, 9).or_else(|| entry("/proc/net/tcp6", inode, 9))?;
    // TCP_LISTEN
    Some(if words[3] == "0A" { "listening TCP socket" } else { "TCP connection" }.to_owned())
}
