/*! What a supervisor may do and take, and that its processes have none of it, as the kernel says it. *Runs in: tests.* */

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect is to fail")]

mod support;

use support::{Bench, root, until};

/// CAP_CHOWN, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SYS_RESOURCE (capability.h).
const KEPT: u64 = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 24;
/// CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_PTRACE, CAP_SYS_BOOT, CAP_SYSLOG, CAP_BPF.
const GONE: u64 = 1 << 16 | 1 << 17 | 1 << 19 | 1 << 22 | 1 << 34 | 1 << 39;

fn status(pid: i32, name: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().to_owned()
}

fn set(pid: i32, name: &str) -> u64 {
    u64::from_str_radix(&status(pid, name), 16).unwrap()
}

/// Soft and hard value.
fn limit(pid: i32, name: &str) -> (String, String) {
    let text = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

#[test]
fn a_supervisor_has_the_rights_that_its_plan_needs_and_its_processes_have_none() {
    if !root() {
        return;
    }
    let own = i32::try_from(std::process::id()).unwrap();
    let mut bench = Bench::new("rights");
    let mut supervisor = bench.start();
    let process = bench.served_by(&[]);
    let pid = supervisor.pid();
    for name in ["CapEff", "CapPrm"] {
        assert_eq!(set(pid, name), KEPT & set(own, "CapPrm"), "{name}");
    }
    assert_eq!((set(pid, "CapInh"), set(pid, "CapAmb")), (0, 0));
    for pid in [pid, process] {
        assert_eq!(set(pid, "CapBnd"), set(own, "CapBnd") & set(pid, "CapBnd"), "nothing is added");
        assert_eq!(set(pid, "CapBnd") & GONE, 0);
    }
    for name in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert_eq!(set(process, name), 0, "{name}");
    }
    assert_eq!(limit(pid, "Max core file size").0, "0");
    assert!(limit(pid, "Max data size").0.parse::<u64>().is_ok_and(|bytes| bytes <= 512 * 1024 * 1024));
    assert_eq!(limit(pid, "Max open files").0, limit(pid, "Max open files").1);
    for name in ["Max core file size", "Max data size", "Max open files", "Max address space", "Max processes"] {
        assert_eq!(limit(process, name), limit(own, name), "{name}");
    }
    assert_eq!(status(process, "Umask"), status(own, "Umask"));
    supervisor.stop();
}

#[test]
fn many_groups_run_where_few_descriptors_are_allowed() {
    let mut bench = Bench::new("descriptors");
    let mut supervisor = bench.start_with_few_descriptors(72, 25);
    until("all groups are ready", || (bench.pids("ready").len() == 26).then_some(()));
    let process = bench.served_by(&[]);
    assert_eq!(limit(process, "Max open files").0, "72", "its processes have the limit that was set");
    assert!(!bench.log().contains("WSGI1312") && !bench.log().contains("WSGI1308"), "{}", bench.log());
    supervisor.stop();
}
