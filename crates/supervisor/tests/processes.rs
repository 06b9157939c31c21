/*! The supervisor with real processes: identity, descriptors, deaths, new code, the end. A small script stands in for Python and notes in files
what it sees and does. *Runs in: tests.* */

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect is to fail")]

mod support;

use std::time::{Duration, Instant};

use support::{Bench, NOBODY, root, until};

#[test]
fn a_process_is_who_it_is_meant_to_be_and_holds_nothing_else() {
    let mut bench = Bench::new("identity");
    bench.group.no_new_privileges = true;
    bench.group.engine.group_options.umask = Some(0o27);
    bench.group.directory = b"/usr".to_vec();
    // Without rights it can only go up from ours: `nice make test` is a fair thing to say.
    let priority = 3.max(rustix::process::getpriority_process(None).unwrap());
    bench.group.priority = priority;
    bench.group.cpu_time_limit = 100;
    bench.group.shutdown_timeout = 2_000;
    bench.group.virtual_memory_limit = 1 << 33;
    bench.group.identity.groups = vec![NOBODY, 12_345];
    bench.group.display_name = b"(wsgi:shop)".to_vec();
    let mut supervisor = bench.start();
    let born = bench.file("born");
    assert!(born.contains(r#""NoNewPrivs": "1""#) && born.contains(r#""SigBlk": "0000000000000000""#), "{born}");
    assert!(
        born.contains(r#""umask": 23"#)
            && born.contains(r#""directory": "/usr""#)
            && born.contains(&format!(r#""nice": {priority},"#)),
        "{born}"
    );
    assert!(born.contains(r#""cpu": [100, 103]"#) && born.contains(r#""memory": [8589934592, 8589934592]"#), "{born}");
    assert!(
        born.contains(r#""session": true"#) && born.contains("mod_wsgi_rs_engine") && born.contains("/lib/engine.so"),
        "{born}"
    );
    assert!(!born.contains("NOTIFY_SOCKET") && born.contains(r#""FAKE_PLACE""#), "{born}");
    if root() {
        assert!(born.contains(r#""Uid": "65534\t65534\t65534\t65534""#), "{born}");
        assert!(born.contains(r#""Gid": "65534\t65534\t65534\t65534""#), "{born}");
        assert!(born.contains(r#""Groups": "12345 65534 ""#), "{born}");
        assert!(born.contains(r#""CapEff": "0000000000000000""#), "{born}");
    }
    let held = born.split(r#""descriptors": {"#).nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    let numbers: Vec<_> = held.split(", ").map(|entry| entry.split(':').next().unwrap().trim_matches('"')).collect();
    assert_eq!(numbers, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], "{held}");
    assert!(
        held.contains(r#""0": "/dev/null""#)
            && held.matches("pipe:").count() == 3
            && held.matches("socket:").count() == 2
            && held.contains("wsgi-memory")
            && held.contains("memfd:table"),
        "{held}"
    );
    supervisor.stop();
    assert!(bench.log().contains("group shop runs Python 3.fake"), "{}", bench.log());
}

#[test]
fn root_is_never_what_an_application_runs_as() {
    if !root() {
        return;
    }
    for privileged in [true, false] {
        let mut bench = Bench::new("root");
        bench.plan.privileged = privileged;
        bench.group.identity.uid = 0;
        let mut supervisor = bench.start();
        // A plan of a privileged httpd is refused before anything is forked, another before anything is executed.
        bench.wait_for_log(if privileged { "WSGI1312" } else { "WSGI1302" });
        assert!(bench.log().contains("it would run as root"), "{}", bench.log());
        supervisor.stop();
        assert!(bench.files("born").is_empty());
    }
}

#[test]
fn a_step_that_fails_is_the_end_before_any_python() {
    if !root() {
        return;
    }
    // Root without one of its rights, so that the call fails as it would for a hardened server.
    for (missing, said) in [
        ("-setgid", "its supplementary groups [65534] could not be set: Operation not permitted"),
        ("-setuid", "its user nobody (65534) could not be set: Operation not permitted"),
        ("-sys_chroot", "chroot `/`: Operation not permitted"),
        (
            "-sys_nice",
            "`/nonexistent`, the home directory of its user `nobody`, cannot be its working directory: No such file or directory",
        ),
    ] {
        let mut bench = Bench::new("fails");
        if missing == "-sys_chroot" {
            bench.group.chroot = b"/".to_vec();
        }
        if missing == "-sys_nice" {
            bench.group.priority = -5;
            bench.group.directory = b"/nonexistent".to_vec();
        }
        let mut supervisor = bench.start_without(missing);
        bench.wait_for_log("WSGI1302");
        supervisor.stop();
        assert!(bench.log().contains(said) && bench.log().contains("httpd.conf:12"), "{}", bench.log());
        assert_eq!(bench.log().contains("WSGI1307"), missing == "-sys_nice", "{}", bench.log());
        assert!(bench.files("born").is_empty());
    }
}

#[test]
fn a_closed_virtualenv_is_named_and_no_crash_loop_of_lines() {
    if !root() {
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let mut bench = Bench::new("closed");
    let home = bench.place.join("private");
    std::fs::create_dir_all(home.join("bin")).unwrap();
    std::fs::copy(bench.place.join("python"), home.join("bin/python")).unwrap();
    std::fs::set_permissions(&home, PermissionsExt::from_mode(0o700)).unwrap();
    bench.interpreter(&home, true);
    let mut supervisor = bench.start();
    bench.wait_for_log("WSGI1301");
    supervisor.stop();
    let log = bench.log();
    assert!(log.contains("WSGI1303") && log.contains("private` (mode 0700) is not accessible to user nobody (65534)"), "{log}");
    assert_eq!(log.matches("WSGI1303").count(), 1, "the reason is logged once: {log}");
    assert!(log.lines().all(|line| line.starts_with('[') && line.contains("] [wsgi:")), "{log}");
}

#[test]
fn a_death_is_explained_with_its_last_words_and_made_good() {
    let mut bench = Bench::new("death");
    bench.script("segv");
    let mut supervisor = bench.start();
    bench.wait_for_log("died by SIGSEGV");
    bench.script("exit");
    bench.wait_for_log("exited with status 3");
    bench.script("serve");
    let pid = until("a process serves", || bench.pids("ready").into_iter().find(|pid| bench.read("ready", *pid) == "serve"));
    supervisor.stop();
    let log = bench.log();
    assert!(log.contains("WSGI1300: process ") && log.contains(" of group shop died by SIGSEGV"), "{log}");
    let words = log.lines().find(|line| line.ends_with("last words")).unwrap();
    let death = log.lines().position(|line| line.contains("exited with status 3")).unwrap();
    assert!(words.contains("[wsgi:error] [pid ") && log.lines().position(|line| line == words).unwrap() < death, "{log}");
    assert_eq!(bench.files(&format!("stopped.{pid}")).len(), 1);
}

/// The process that looks at files for a supervisor's group that cannot start.
fn helper_of(supervisor: i32) -> Option<i32> {
    let line = |pid: &i32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    support::children_of(supervisor).into_iter().find(|pid| line(pid).ends_with(b"watch\0"))
}

#[test]
fn a_saved_script_ends_the_pause_of_a_crash_loop() {
    let mut bench = Bench::new("woken");
    bench.script("exit");
    let mut supervisor = bench.start();
    // Pauses of 0, 1, 2 and 4 seconds; the next one has 8.
    until("five have died", || (bench.pids("born").len() >= 5).then_some(()));
    let helper = until("somebody looks", || helper_of(supervisor.pid()));
    let status = |pid| std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    if root() {
        until("it is the group's user, for good", || status(helper).contains("Uid:\t65534\t65534\t65534\t65534").then_some(()));
        until("it has no rights", || {
            let status = status(helper);
            (status.contains("CapPrm:\t0000000000000000") && status.contains("NoNewPrivs:\t1")).then_some(())
        });
    }
    bench.script("serve");
    until("a process serves", || bench.pids("ready").into_iter().find(|pid| bench.read("ready", *pid) == "serve"));
    let log = bench.log();
    assert!(log.contains("WSGI1354: group shop: `") && log.contains("app.wsgi` has changed"), "{log}");
    until("nobody looks any more", || helper_of(supervisor.pid()).is_none().then_some(()));
    supervisor.stop();
}

#[test]
fn a_virtual_environment_that_is_made_meanwhile_is_used_at_once() {
    let mut bench = Bench::new("venv");
    let home = bench.place.join("venv");
    bench.interpreter(&home, true);
    let mut supervisor = bench.start();
    bench.wait_for_log("WSGI1301");
    let helper = until("somebody looks", || helper_of(supervisor.pid()));
    // Its user ends it, as he can. There is another one soon.
    assert!(support::alive(helper));
    rustix::process::kill_process(rustix::process::Pid::from_raw(helper).unwrap(), rustix::process::Signal::KILL).unwrap();
    until("somebody else looks", || helper_of(supervisor.pid()).filter(|pid| *pid != helper));
    std::fs::create_dir_all(home.join("bin")).unwrap();
    std::fs::copy(bench.place.join("python"), home.join("bin/python.new")).unwrap();
    std::fs::rename(home.join("bin/python.new"), home.join("bin/python")).unwrap();
    bench.served_by(&[]);
    supervisor.stop();
    assert!(bench.log().contains("WSGI1354"), "{}", bench.log());
}

#[test]
fn who_looks_ends_with_the_supervisor() {
    for killed in [true, false] {
        let mut bench = Bench::new("watched");
        bench.interpreter(std::path::Path::new("/nonexistent"), true);
        let mut supervisor = bench.start();
        bench.wait_for_log("WSGI1301");
        let helper = until("somebody looks", || helper_of(supervisor.pid()));
        if root() {
            // Before that it has not asked the kernel yet for the signal.
            let status = || std::fs::read_to_string(format!("/proc/{helper}/status")).unwrap_or_default();
            until("it is the group's user", || status().contains("NoNewPrivs:\t1").then_some(()));
        }
        if killed {
            supervisor.kill()
        } else {
            supervisor.stop()
        }
        until("it ends", || (!support::alive(helper)).then_some(()));
    }
}

#[test]
fn new_code_takes_over_and_broken_code_does_not() {
    let mut bench = Bench::new("reload");
    let mut supervisor = bench.start();
    let first = bench.served_by(&[]);
    bench.script("serve ");
    let second = bench.served_by(&[first]);
    until("the old process drains", || (bench.pids("drained") == [first]).then_some(()));
    bench.script("broken");
    bench.wait_for_log("WSGI1305");
    until("the broken one is gone", || (!bench.pids("refused").is_empty()).then_some(()));
    assert!(support::alive(second));
    bench.script("serve");
    let third = bench.served_by(&[first, second]);
    until("the old process drains", || bench.pids("drained").contains(&second).then_some(()));
    let log = bench.log();
    assert!(log.find("the new code is broken") < log.find("WSGI1305"), "{log}");
    supervisor.stop();
    assert_eq!(bench.pids("stopped"), [third]);
    assert_eq!(bench.log().matches("Traceback: the new code is broken").count(), 1, "{}", bench.log());
}

#[test]
fn whoever_does_not_end_is_killed_with_its_children() {
    let mut bench = Bench::new("hang");
    bench.group.shutdown_timeout = 300;
    bench.script("hang");
    let mut supervisor = bench.start();
    let pid = bench.served_by(&[]);
    supervisor.stop();
    assert!(!support::alive(pid));
    assert!(bench.log().contains("WSGI1306"), "{}", bench.log());
}

/// Programs that an application leaves behind are killed, and the log names them where it takes such lines.
#[test]
fn programs_are_killed_with_the_process_that_has_started_them() {
    for (word, level) in [("litter", 6), ("litter", 4), ("litter-hang", 6)] {
        let mut bench = Bench::new("litter");
        bench.group.log_level = level;
        bench.group.shutdown_timeout = 300;
        bench.script(word);
        let mut supervisor = bench.start();
        let pid = bench.served_by(&[]);
        let child: i32 = bench.read("child", pid).parse().unwrap();
        assert!(support::alive(child));
        supervisor.stop();
        until("the application's child is gone", || (!support::alive(child)).then_some(()));
        let log = bench.log();
        let named = log.contains(&format!("WSGI1355: process {pid} of group shop has started programs"))
            && log.contains(&format!(": `sleep` (pid {child}). "));
        assert_eq!(named, level == 6, "{log}");
        assert_eq!(log.matches("WSGI1355").count(), usize::from(named), "{log}");
    }
}

#[test]
fn junk_on_the_control_connection_ends_the_process() {
    let mut bench = Bench::new("junk");
    bench.script("junk");
    let mut supervisor = bench.start();
    bench.wait_for_log("WSGI1309");
    bench.script("serve");
    until("a process serves", || bench.pids("ready").into_iter().find(|pid| bench.read("ready", *pid) == "serve"));
    supervisor.stop();
}

#[test]
fn nothing_is_left_when_httpds_parent_is_killed() {
    let mut bench = Bench::new("parent");
    bench.group.shutdown_timeout = 600_000;
    bench.script("hang");
    let mut shell = bench.start_below_a_shell();
    let pid = bench.served_by(&[]);
    let supervisor = support::parent_of(pid);
    let killed = Instant::now();
    shell.kill();
    until("all are gone", || (!support::alive(pid) && !support::alive(supervisor)).then_some(()));
    assert!(killed.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_process_hears_of_the_supervisors_death() {
    let mut bench = Bench::new("orphan");
    let mut supervisor = bench.start();
    let pid = bench.served_by(&[]);
    supervisor.kill();
    until("the process ends", || (!support::alive(pid)).then_some(()));
}

#[test]
fn a_generation_retires_when_told_to() {
    let mut bench = Bench::new("retire");
    let mut supervisor = bench.start();
    let pid = bench.served_by(&[]);
    supervisor.signal(rustix::process::Signal::USR1);
    assert!(supervisor.wait());
    assert_eq!(bench.pids("drained"), [pid]);
}

#[test]
fn a_ready_generation_takes_over() {
    for overlap in [true, false] {
        let mut bench = Bench::new("takeover");
        bench.group.overlap = overlap;
        let (mut old, end) = bench.start_with_command();
        let first = bench.served_by(&[]);
        let mut new = bench.start_after(end);
        let second = bench.served_by(&[first]);
        assert!(old.wait());
        assert_eq!(bench.pids("drained"), [first]);
        if !overlap {
            // The second was born when the first was gone.
            assert!(bench.modified("drained", first) <= bench.modified("born", second));
        }
        new.stop();
        assert_eq!(bench.pids("stopped"), [second]);
    }
}

/// The supervisor before this one was killed, and its processes are still ending: what may not overlap waits for them, and the rest does not.
#[test]
fn what_may_not_overlap_waits_for_orphans() {
    let mut bench = Bench::new("orphans");
    for overlap in [false, true] {
        bench.group.overlap = overlap;
        let (lifeline, alive) = std::io::pipe().unwrap();
        let mut supervisor = bench.start_beside_orphans(&alive);
        let before = bench.pids("born").len();
        if overlap {
            until("it begins at once", || (bench.pids("born").len() > before).then_some(()));
        } else {
            // The other group, which may, has begun by then.
            until("the supervisor is at work", || bench.log().contains("group beside runs").then_some(()));
            assert_eq!(bench.pids("born").len(), before, "it waits");
        }
        drop(lifeline);
        until("it begins", || (bench.pids("born").len() > before).then_some(()));
        supervisor.stop();
    }
}

/// One that does not end is not waited for without a limit.
#[test]
fn an_orphan_that_does_not_end_is_not_waited_for_for_ever() {
    let mut bench = Bench::new("undying");
    bench.group.overlap = false;
    bench.group.shutdown_timeout = 100;
    let (_lifeline, alive) = std::io::pipe().unwrap();
    let begun = Instant::now();
    let mut supervisor = bench.start_beside_orphans(&alive);
    bench.served_by(&[]);
    // As long as a process without supervisor may take at most.
    assert!(begun.elapsed() >= Duration::from_secs(5), "{:?}", begun.elapsed());
    supervisor.stop();
}

#[test]
fn a_log_that_nobody_reads_stops_nobody() {
    let mut bench = Bench::new("fulllog");
    bench.script("chatter");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut supervisor = bench.start_with_log(&writer);
    // It becomes ready only when it has got rid of a megabyte.
    bench.served_by(&[]);
    supervisor.stop();
    drop(reader);
}

#[test]
fn a_stop_says_that_no_process_comes_any_more() {
    let mut bench = Bench::new("closed");
    let mut supervisor = bench.start();
    bench.served_by(&[]);
    assert!(!bench.is_closed(1));
    supervisor.stop();
    assert!(bench.is_closed(1) && !bench.is_closed(2));
}

#[test]
fn several_processes_and_groups_end_together() {
    let mut bench = Bench::new("several");
    bench.group.processes = 3;
    let mut supervisor = bench.start();
    until("all are ready", || (bench.pids("ready").len() == 3).then_some(()));
    bench.script("serve ");
    until("all are replaced", || (bench.pids("drained").len() == 3).then_some(()));
    until("their successors have said so", || (bench.pids("ready").len() == 6).then_some(()));
    supervisor.stop();
    assert_eq!(bench.pids("stopped").len(), 3);
}

#[test]
fn a_useless_plan_is_refused_in_words() {
    let mut bench = Bench::new("useless");
    let mut supervisor = bench.start_with_bytes(b"junk");
    assert!(!supervisor.wait());
    assert!(bench.log().contains("WSGI1311"), "{}", bench.log());
}

#[test]
fn a_plan_that_somebody_could_still_change_is_not_read() {
    let mut bench = Bench::new("unsealed");
    let mut supervisor = bench.start_unsealed();
    assert!(!supervisor.wait());
    bench.wait_for_log("could not read the plan");
    assert!(bench.pids("started").is_empty());
}
