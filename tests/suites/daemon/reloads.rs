/*! What a graceful restart does to daemon processes: whose go on, whose are replaced, and that none outlives the module. *Runs in: tests.* */

use crate::suite;
use crate::suites::security::privileges::other_user;
use crate::support::httpd::{Httpd, Plan};
use crate::support::installation::server_user;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::processes::{self, Process};
use crate::support::site::Site;
use crate::support::workdir::{readable, writable_directory};
use registration::trial;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The suite.
pub fn suite() -> Suite {
    suite!("daemon_reloads").in_daemon_mode()
}

/// A server with a script for each of `groups`, whose options stand behind its name.
struct Reloads {
    server: Httpd,
    files: PathBuf,
}

impl Reloads {
    fn start(setup: &Setup, groups: &[&str], announced: &'static str) -> Self {
        let files = setup.run.workdir.server_root("reloads-files");
        writable_directory(&files);
        let mut plan = Plan::new("daemon_reloads.conf").define("OWN_GROUPS", "1").define("OWN_SIZES", "1").announce(announced);
        for group in groups {
            let name = group.split(' ').next().unwrap();
            write(&files, name, "first");
            plan = plan.line(&format!("WSGIDaemonProcess {group}")).line(&alias(&files, name));
        }
        plan = plan.line(&format!("<Directory \"{}\">\nRequire all granted\n</Directory>", files.display()));
        Self { server: Httpd::start(setup, &plan, "daemon-reloads"), files }
    }

    /// Changes the configuration.
    fn configure(&self, change: impl FnOnce(String) -> String) {
        let file = &self.server.files.config;
        let old = fs::read_to_string(file).unwrap();
        let new = change(old.clone());
        assert_ne!(old, new, "nothing was changed");
        fs::write(file, new).unwrap();
    }

    /// All processes of ours that run now.
    fn ours(&self) -> BTreeSet<Process> {
        self.server.supervisors().into_iter().flat_map(processes::descendants).collect()
    }
}

/// Who serves a group now.
fn pid(site: &Site, group: &str) -> String {
    site.get(&format!("/{group}")).ok().split(' ').nth(1).unwrap().to_owned()
}

/// What the group's script says now.
fn word(site: &Site, group: &str) -> String {
    site.get(&format!("/{group}")).ok().split(' ').next().unwrap().to_owned()
}

fn alias(files: &std::path::Path, name: &str) -> String {
    format!("WSGIScriptAlias /{name} \"{}/{name}.wsgi\" process-group={name} application-group=%{{GLOBAL}}", files.display())
}

/// Writes a group's script, which answers `word` and the number of its process.
fn write(files: &std::path::Path, name: &str, word: &str) {
    let text = format!(
        "import os\n\n\ndef application(environ, start_response):\n    \
         start_response('200 OK', [('Content-Type', 'text/plain')])\n    return [f'{word} {{os.getpid()}}'.encode()]\n"
    );
    put(files, name, &text);
}

/// Puts a script in its place, as deployments do: the file is there at every moment.
fn put(files: &std::path::Path, name: &str, text: &str) {
    let (new, place) = (files.join(format!("{name}.new")), files.join(format!("{name}.wsgi")));
    fs::write(&new, text).unwrap();
    readable(&new);
    fs::rename(new, place).unwrap();
}

/// Comments out the directives and the loading of the module.
fn without_the_module(text: &str) -> String {
    let off = |line: &str| line.starts_with("WSGI") || line.starts_with("LoadModule wsgi_module");
    text.lines().map(|line| if off(line) { format!("# {line}\n") } else { format!("{line}\n") }).collect()
}

fn with_the_module(text: &str) -> String {
    text.replace("# WSGI", "WSGI").replace("# LoadModule wsgi_module", "LoadModule wsgi_module")
}

#[trial(reach(Reach::Everywhere))]
fn processes_end_with_the_module_at_a_graceful_restart(setup: &Setup) {
    // httpd reaps a supervisor that nobody has told it of.
    let reloads = Reloads::start(setup, &["one threads=2", "two threads=2 overlap=Off"], "re:AH00488|long lost child");
    let site = Site::new(&reloads.server, setup);
    site.get("/one").expect(200);
    site.get("/two").expect(200);
    for _ in 0..2 {
        let ours = reloads.ours();
        assert!(ours.len() >= 2, "{ours:?}");
        reloads.configure(|text| without_the_module(&text));
        reloads.server.graceful();
        poll::wait_for("supervisor and processes are gone", || ours.iter().all(|process| !process.runs()));
        site.expect_log("WSGI1350: ");
        site.get("/one").expect(404);
        // Another one without it, so that the module does not find what it has left as it was.
        reloads.server.graceful();
        reloads.configure(|text| with_the_module(&text));
        reloads.server.graceful();
        assert!(site.get("/one").ok().starts_with("first "));
        site.get("/two").expect(200);
        assert_eq!(reloads.server.supervisors().len(), 1);
    }
}

/// The number of the memory file that is a process's table: files with the same number are one.
fn table(pid: &str) -> u64 {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let number = maps
        .lines()
        .find(|line| line.contains("mod_wsgi_rs-table"))
        .and_then(|line| line.split_whitespace().nth(4)?.parse().ok());
    number.unwrap_or_else(|| panic!("process {pid} has no table: {maps}"))
}

#[trial]
fn another_user_of_a_group_gets_another_table_and_secret(setup: &Setup) {
    let Some((own, ..)) = server_user() else { setup.skip("only root can run processes as other users") };
    let (other, _) = other_user();
    let reloads = Reloads::start(setup, &[&format!("one threads=2 user={own} group={own}")], "re:AH00488|WSGI1339");
    let site = Site::new(&reloads.server, setup);
    let (first, table_of_first) = (pid(&site, "one"), table(&pid(&site, "one")));
    write(&reloads.files, "one", "second");
    poll::wait_for("the new code serves", || word(&site, "one") == "second");
    let second = pid(&site, "one");
    assert_ne!(second, first);
    assert_eq!(table(&second), table_of_first, "the same user keeps it");
    reloads.configure(|text| text.replace(&format!("user={own} group={own}"), &format!("user={other} group={other}")));
    reloads.server.graceful();
    poll::wait_for("the other user's process serves", || pid(&site, "one") != second);
    // What the first user's processes may know or have written is worth nothing to the second user's. The secret is kept in the same record as the table.
    assert_ne!(table(&pid(&site, "one")), table_of_first);
    poll::wait_for("the first user's process has ended", || !std::path::Path::new(&format!("/proc/{second}")).exists());
}

#[trial]
fn processes_end_with_the_last_group_at_a_graceful_restart(setup: &Setup) {
    let reloads = Reloads::start(setup, &["one threads=2"], "re:AH00488");
    let site = Site::new(&reloads.server, setup);
    site.get("/one").expect(200);
    let ours = reloads.ours();
    reloads.configure(|text| text.lines().filter(|line| !line.starts_with("WSGI")).map(|line| format!("{line}\n")).collect());
    reloads.server.graceful();
    poll::wait_for("supervisor and processes are gone", || ours.iter().all(|process| !process.runs()));
    site.get("/one").expect(404);
}

#[trial(reach(Reach::Everywhere))]
fn unchanged_groups_keep_their_processes(setup: &Setup) {
    let groups = ["one threads=2", "two threads=2 overlap=Off", "three threads=2"];
    let reloads = Reloads::start(setup, &groups, "re:AH00488");
    let site = Site::new(&reloads.server, setup);
    let names = ["one", "two", "three"];
    let before = names.map(|name| pid(&site, name));
    let supervisors = reloads.server.supervisors();
    for timeout in [21, 22, 22] {
        // It concerns each group that has no `socket-timeout=` of its own.
        reloads.configure(|text| format!("{text}Timeout {timeout}\n# moves no line that counts\n"));
        reloads.server.graceful();
        assert_eq!(names.map(|name| pid(&site, name)), before);
    }
    // One is changed, one is removed.
    reloads.configure(|text| text.replace("Process three threads=2", "Process three threads=3"));
    reloads.configure(|text| text.lines().filter(|line| !line.contains(" two ")).map(|line| format!("{line}\n")).collect());
    reloads.configure(|text| text.lines().filter(|line| !line.contains("/two.wsgi")).map(|line| format!("{line}\n")).collect());
    reloads.server.graceful();
    assert_eq!(pid(&site, "one"), before[0]);
    poll::wait_for("the changed group is replaced", || pid(&site, "three") != before[2]);
    poll::wait_for("old processes are gone", || {
        before[1..].iter().all(|pid| Process::find(pid.parse().unwrap()).is_none_or(|process| !process.runs()))
    });
    assert_eq!(reloads.server.supervisors(), supervisors);
}

#[trial]
fn reload_always_replaces_the_processes(setup: &Setup) {
    let reloads = Reloads::start(setup, &["one threads=2 reload=always", "two threads=2"], "re:AH00488");
    let site = Site::new(&reloads.server, setup);
    let before = ["one", "two"].map(|name| pid(&site, name));
    reloads.server.graceful();
    poll::wait_for("it is replaced", || pid(&site, "one") != before[0]);
    assert_eq!(pid(&site, "two"), before[1]);
}

#[trial]
fn a_module_that_has_changed_is_loaded_again_by_a_graceful_restart(setup: &Setup) {
    let reloads = Reloads::start(setup, &["one threads=2", "two threads=2"], "re:AH00488");
    let site = Site::new(&reloads.server, setup);
    let module = reloads.files.join("trial_module.py");
    let says = |word: &str| {
        fs::write(&module, format!("WORD = {word:?}\n")).unwrap();
        readable(&module);
    };
    says("old");
    let text = format!(
        "import os, sys\nsys.dont_write_bytecode = True\nsys.path.insert(0, {:?})\nimport trial_module\n\n\ndef application(environ, start_response):\n    \
         start_response('200 OK', [('Content-Type', 'text/plain')])\n    return [f'{{trial_module.WORD}} {{os.getpid()}}'.encode()]\n",
        reloads.files.display().to_string()
    );
    put(&reloads.files, "one", &text);
    poll::wait_for("the script is loaded", || word(&site, "one") == "old");
    let other = pid(&site, "two");
    says("entirely-new");
    reloads.server.graceful();
    poll::wait_for("the module is loaded again", || word(&site, "one") == "entirely-new");
    assert_eq!(pid(&site, "two"), other);
}

#[trial]
fn kept_processes_write_to_the_logs_of_the_new_configuration(setup: &Setup) {
    let reloads = Reloads::start(setup, &["one threads=2"], "re:AH00488|the thread says");
    let site = Site::new(&reloads.server, setup);
    let text = "import os, sys, threading\n\n\ndef application(environ, start_response):\n    \
                word = environ['QUERY_STRING']\n    thread = threading.Thread(target=print, args=(f'the thread says {word}',), kwargs={'file': \
                sys.stderr})\n    \
                thread.start()\n    thread.join()\n    start_response('200 OK', [('Content-Type', 'text/plain')])\n    return [f'said \
                {os.getpid()}'.encode()]\n";
    put(&reloads.files, "one", text);
    poll::wait_for("the script is loaded", || word(&site, "one") == "said");
    let before = pid(&site, "one");
    let log = reloads.server.files.root.join("logs/error.log");
    let rotated = log.with_extension("log.1");
    site.get("/one?before").expect(200);
    poll::wait_for("it is in the log", || fs::read_to_string(&log).unwrap().contains("says before"));
    fs::rename(&log, &rotated).unwrap();
    reloads.server.signal(rustix::process::Signal::USR1);
    poll::wait_for("httpd has its new log", || log.exists() && fs::read_to_string(&log).unwrap().contains("resuming normal"));
    let length = fs::metadata(&rotated).unwrap().len();
    site.get("/one?after").expect(200);
    poll::wait_for("it is in the new log", || fs::read_to_string(&log).unwrap().contains("says after"));
    assert_eq!(pid(&site, "one"), before);
    assert_eq!(fs::metadata(&rotated).unwrap().len(), length, "nothing is written to the old one");
}

#[trial]
fn broken_code_stays_out_over_graceful_restarts(setup: &Setup) {
    let announced = "re:AH00488|WSGI1305: |SyntaxError|Traceback|wsgi:error";
    let reloads = Reloads::start(setup, &["one threads=2"], announced);
    reloads.server.announce_tracebacks();
    let site = Site::new(&reloads.server, setup);
    assert_eq!(word(&site, "one"), "first");
    put(&reloads.files, "one", "def application(:\n");
    site.expect_log("WSGI1305: ");
    for _ in 0..3 {
        reloads.server.graceful();
        for _ in 0..5 {
            assert_eq!(word(&site, "one"), "first");
        }
    }
    write(&reloads.files, "one", "third");
    poll::wait_for("the corrected code serves", || word(&site, "one") == "third");
}

#[trial]
fn changed_options_do_not_take_effect_before_the_code_loads_with_them(setup: &Setup) {
    let announced = "re:AH00488|WSGI1305: |WSGI1351: |SyntaxError|Traceback|wsgi:error";
    let reloads = Reloads::start(setup, &["one threads=2", "two threads=2"], announced);
    reloads.server.announce_tracebacks();
    let site = Site::new(&reloads.server, setup);
    let other = pid(&site, "two");
    let before = pid(&site, "one");
    put(&reloads.files, "one", "def application(:\n");
    reloads.configure(|text| text.replace("Process one threads=2", "Process one threads=3"));
    reloads.server.graceful();
    site.expect_log("WSGI1351: ");
    for _ in 0..2 {
        assert_eq!(pid(&site, "one"), before);
        assert_eq!(pid(&site, "two"), other);
        reloads.server.graceful();
    }
    write(&reloads.files, "one", "third");
    poll::wait_for("the corrected code serves", || word(&site, "one") == "third");
    assert_ne!(pid(&site, "one"), before);
    // With the new options, not with the old ones until somebody looks an hour later.
    site.expect_log("re:WSGI1352: group one: its options have changed: 1 process took over in ");
}

#[trial(reach(Reach::Once))]
fn no_request_fails_while_kept_and_changed_groups_are_mixed(setup: &Setup) {
    let reloads = Reloads::start(setup, &["one threads=4", "two threads=4"], "re:AH00488|AH03490");
    let site = Site::new(&reloads.server, setup);
    let kept = pid(&site, "one");
    let done = AtomicBool::new(false);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = ["one", "two"]
            .into_iter()
            .map(|name| {
                let (done, site) = (&done, &site);
                scope.spawn(move || {
                    let mut failed = Vec::new();
                    while !done.load(Ordering::Relaxed) {
                        let response = site.get(&format!("/{name}"));
                        if response.status != 200 {
                            failed.push(format!("{response:?}"));
                        }
                    }
                    failed
                })
            })
            .collect();
        for round in 0..8 {
            reloads.configure(|text| {
                let from = format!("Process two threads={}", 4 + round);
                text.replace(&from, &format!("Process two threads={}", 5 + round))
            });
            reloads.server.graceful();
        }
        done.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} requests failed: {:?}", failures.len(), failures.first());
    assert_eq!(pid(&site, "one"), kept);
}

#[trial(reach(Reach::Once))]
fn supervisors_do_not_pile_up(setup: &Setup) {
    let reloads = Reloads::start(setup, &["one threads=2", "two threads=2"], "re:AH00488|AH03490");
    let site = Site::new(&reloads.server, setup);
    let before = ["one", "two"].map(|name| pid(&site, name));
    let supervisors = reloads.server.supervisors();
    let descriptors = || {
        let of = |pid: i32| processes::descriptors(pid);
        (of(reloads.server.pid()), of(supervisors[0]))
    };
    for _ in 0..3 {
        reloads.server.graceful();
    }
    let held = descriptors();
    for _ in 0..40 {
        reloads.server.graceful();
    }
    assert_eq!(["one", "two"].map(|name| pid(&site, name)), before);
    assert_eq!(reloads.server.supervisors(), supervisors);
    // A busy machine's supervisor may have been in the middle of a handover at the first count; what is left behind is left forty times.
    let few = |now: usize, then: usize| now < then + 10;
    let same = poll::until(poll::SOON, || {
        let now = descriptors();
        (few(now.0, held.0) && few(now.1, held.1)).then_some(())
    });
    assert!(same.is_some(), "parent and supervisor held {held:?} descriptors, and hold {:?} forty restarts later", descriptors());
}

/// How many processes the log says have been replaced for new code of a group's script.
fn told(site: &Site, group: &str) -> usize {
    let (head, file) = (format!("WSGI1352: group {group}: `"), format!("/{group}.wsgi` has changed: "));
    let count = |line: &str| line.split_once(&head)?.1.split_once(&file)?.1.split(' ').next()?.parse::<usize>().ok();
    site.log().iter().filter(|line| line.text.contains("[wsgi:notice]")).filter_map(|line| count(&line.text)).sum()
}

#[trial]
fn a_deployment_that_succeeds_is_told(setup: &Setup) {
    let reloads = Reloads::start(setup, &["one processes=2 threads=2", "two threads=2 overlap=Off"], "re:AH00488");
    let site = Site::new(&reloads.server, setup);
    let before = ["one", "two"].map(|name| pid(&site, name));
    // A process that starts late would load the second version at once.
    let loads =
        || site.log().iter().filter(|line| line.text.contains("Loading WSGI script") && line.text.contains("/one.wsgi")).count();
    poll::wait_for("both processes load the first version", || loads() == 2);
    write(&reloads.files, "one", "second");
    // A process of a busy machine may notice so late that there are two lines.
    poll::wait_for("both processes are told of", || told(&site, "one") == 2);
    assert_eq!((word(&site, "one").as_str(), told(&site, "two")), ("second", 0));
    write(&reloads.files, "two", "second");
    poll::wait_for("the process is told of", || told(&site, "two") == 1);
    assert_eq!(word(&site, "two"), "second");
    assert!(!before.contains(&pid(&site, "one")) && !before.contains(&pid(&site, "two")));
    // Nothing is deployed by a graceful restart.
    reloads.server.graceful();
    site.get("/one").expect(200);
    assert_eq!((told(&site, "one"), told(&site, "two")), (2, 1));
}

#[trial]
fn a_saved_script_ends_the_pause_of_a_crash_loop(setup: &Setup) {
    let reloads = Reloads::start(setup, &["one threads=2", "two threads=2"], "re:AH00488|AH00493|AH00494|WSGI13(00|01|24|39): ");
    let site = Site::new(&reloads.server, setup);
    let (births, broken) = (reloads.files.join("births"), reloads.files.join("broken"));
    let text = format!(
        "import os\nif os.path.exists({broken:?}):\n    with open({births:?}, 'a') as file:\n        file.write('x')\n    os._exit(3)\n\n\n\
         def application(environ, start_response):\n    start_response('200 OK', [('Content-Type', 'text/plain')])\n    return [b'whole']\n",
        broken = broken.display().to_string(),
        births = births.display().to_string()
    );
    put(&reloads.files, "one", &text);
    poll::wait_for("the script is loaded", || word(&site, "one") == "whole");
    fs::write(&broken, "").unwrap();
    reloads.server.restart();
    // After pauses of 0, 1, 2 and 4 seconds; the next one has eight.
    let died = poll::until(Duration::from_secs(60), || fs::read(&births).ok().filter(|births| births.len() >= 5));
    assert!(died.is_some(), "five have not died");
    site.expect_log("WSGI1301: group one");
    write(&reloads.files, "one", "corrected");
    poll::wait_for("it serves", || String::from_utf8_lossy(&site.get("/one").body).starts_with("corrected "));
    site.expect_log("re:WSGI1354: group one: `.*/one.wsgi` has changed");
    assert_eq!(word(&site, "two"), "first");
    // Who has looked is gone.
    poll::wait_for("processes of groups alone are left", || reloads.ours().len() == 2);
}

#[trial]
fn programs_are_killed_with_the_process_that_has_started_them(setup: &Setup) {
    let reloads = Reloads::start(setup, &["one threads=2"], "re:AH00488");
    let site = Site::new(&reloads.server, setup);
    let text = "import subprocess\n\n\ndef application(environ, start_response):\n    \
                start_response('200 OK', [('Content-Type', 'text/plain')])\n    if not environ['QUERY_STRING']:\n        return [b'loaded']\n    \
                own, apart = (subprocess.Popen(['sleep', '300'], start_new_session=new) for new in (False, True))\n    \
                return [f'{own.pid} {apart.pid}'.encode()]\n";
    put(&reloads.files, "one", text);
    poll::wait_for("the script is loaded", || word(&site, "one") == "loaded");
    let answer = site.get("/one?start").ok();
    let programs: Vec<_> = answer.split(' ').map(|pid| Process::find(pid.parse().unwrap()).unwrap()).collect();
    let [own, apart] = programs[..] else { panic!("{answer}") };
    write(&reloads.files, "one", "second");
    poll::wait_for("the process is replaced", || word(&site, "one") == "second");
    site.expect_log(&format!("re:WSGI1355: process .* of group one has started programs .*`sleep` \\(pid {}\\)", own.pid));
    poll::wait_for("its program is gone", || !own.runs());
    assert!(apart.runs(), "one with a session of its own is nobody's");
    apart.kill();
}
