/*! Where lines go: to syslog, to piped logs, in formats of the administrator's, for every way in which a daemon process, its supervisor or a thread of it
can write one. *Runs in: tests.* */

use crate::suite;
use crate::suites::security::privileges::compiled;
use registration::trial;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;
use rustix::process::Signal;

use crate::support::client::Request;
use crate::support::error_log::Line;
use crate::support::httpd::{Httpd, Plan};
use crate::support::installation::server_user;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::site::Site;
use crate::support::{poll, processes};

/// The suite.
pub fn suite() -> Suite {
    suite!("log_destinations").in_daemon_mode().reach(Reach::Once)
}

/// A format whose lines are objects of JSON.
const JSON: &str = r#"ErrorLogFormat "{\"time\":\"%{cu}t\",\"level\":\"%l\",\"module\":\"%m\",\"pid\":\"%P\",\"tid\":\"%-T\",\"request\":\"%-L\",\"text\":\"%M\"}""#;

static OBJECT: LazyLock<Regex> = LazyLock::new(|| {
    let string = r#""(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-f]{4})*""#;
    Regex::new(&format!(r"^\{{{string}:{string}(?:,{string}:{string})*\}}$")).unwrap()
});

/// A line of httpd's as it comes to syslog: priority, time, tag, text.
static OF_SYSLOG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^<(\d+)>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d [^ ]*(httpd|apache2)[^ ]*\[\d+\]: (.*)$").unwrap()
});

/// Whatever an application here writes is announced: the trials look at it.
fn start(setup: &Setup, name: &str, plan: Plan) -> Httpd {
    let server = Httpd::start(setup, &plan.announce("re:."), name);
    server.announce_tracebacks();
    server
}

fn plan(host_log: &str) -> Plan {
    Plan::new("log_destinations.conf").define("HOST_LOG", host_log)
}

/// What every trial writes to the log of the main server, and what to that of the virtual host.
const MAIN: [&str; 8] = [
    "group main runs Python",
    "main: at import, ",
    "main: raw on 1",
    "main: raw on 2 ",
    "main: of a thread",
    "main: of a request, ",
    "service: speaks",
    "group service runs Python",
];
const HOST: [&str; 6] =
    ["group own runs Python", "own: at import, ", "own: raw on 1", "own: raw on 2 ", "own: of a thread", "own: of a request, "];
/// What a death leaves.
const DEATH: [&str; 3] = ["WSGI1300: process", "Python stack of the thread that died", "log_destinations.wsgi"];

fn visit(site: &Site, group: &str, page: &str) -> u16 {
    let host = if group == "own" { "own.example" } else { "localhost" };
    site.send(&Request::get(&format!("/{group}/{page}")).header("Host", host)).status
}

/// Has a group write in every way, and waits until `lines` have all of `wanted`.
fn write_all(site: &Site, group: &str, wanted: &[&str], lines: &dyn Fn() -> Vec<Line>) {
    poll::wait_for("the group serves", || visit(site, group, "pid") == 200);
    for page in ["raw", "thread", "request", "long"] {
        assert_eq!(visit(site, group, page), 200, "{page}");
    }
    all_arrive(wanted, lines);
    assert_eq!(visit(site, group, "crash"), 502);
    all_arrive(&DEATH, lines);
}

#[track_caller]
fn all_arrive(wanted: &[&str], lines: &dyn Fn() -> Vec<Line>) {
    let lacks = || {
        let all = lines();
        wanted.iter().filter(|text| !all.iter().any(|line| line.text.contains(**text))).copied().collect::<Vec<_>>()
    };
    let found = poll::until(poll::SOON, || lacks().is_empty().then_some(()));
    assert!(found.is_some(), "{:?} did not arrive", lacks());
}

fn of_file<'s>(site: &'s Site<'_>, file: &'s str) -> impl Fn() -> Vec<Line> + 's {
    move || site.server.whole_log().into_iter().filter(|line| line.file == file).collect()
}

fn without_control_characters(lines: &[Line]) {
    let bad = lines.iter().find(|line| line.text.chars().any(|one| one.is_control() && one != '\t'));
    assert!(bad.is_none(), "{bad:?}");
}

#[trial(reach(Reach::Everywhere))]
fn syslog_gets_every_line(setup: &Setup) {
    if server_user().is_none() {
        setup.skip("only root can give httpd a /dev/log of its own");
    }
    let works =
        std::process::Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|output| output.status.success());
    if !works {
        setup.skip("this machine does not let root make a mount namespace");
    }
    for format in ["", "ErrorLogFormat \"own format: %l %m %P %M\""] {
        let plan = plan("syslog:local1").line("ErrorLog syslog:local1").line(format).define("BROKEN", "1").with_syslog();
        let server = start(setup, "log-syslog", plan);
        let site = Site::new(&server, setup);
        let lines = of_file(&site, "syslog.log");
        write_all(&site, "main", &MAIN, &lines);
        write_all(&site, "own", &HOST, &lines);
        visit(&site, "broken", "pid");
        all_arrive(&["WSGI1303: group broken"], &lines);
        let all = lines();
        without_control_characters(&all);
        for line in &all {
            let Some(parts) = OF_SYSLOG.captures(&line.text) else { panic!("{line:?}") };
            let priority: u32 = parts[1].parse().unwrap();
            // Facility local1 is 17; the priority is eight times that, and the severity.
            assert_eq!(priority >> 3, 17, "{line:?}");
            let ours = line.text.contains("wsgi");
            assert!(format.is_empty() || !ours || parts[3].starts_with("own format: "), "{line:?}");
        }
        let raw = all.iter().find(|line| line.text.contains("main: raw on 1")).unwrap();
        assert!(raw.text.starts_with("<139>"), "local1 and error: {raw:?}");
    }
}

#[trial]
fn piped_logs_get_every_line_and_are_rotated(setup: &Setup) {
    let pipe = |name: &str| format!("|$exec cat >> ${{ROOT}}/logs/{name}.log");
    for prefix in ["", "|"] {
        let plan = plan(&format!("{prefix}{}", pipe("host"))).line(&format!("ErrorLog \"{prefix}{}\"", pipe("piped")));
        let server = start(setup, "log-piped", plan);
        let site = Site::new(&server, setup);
        write_all(&site, "main", &MAIN, &of_file(&site, "piped.log"));
        write_all(&site, "own", &HOST, &of_file(&site, "host.log"));
        let host = of_file(&site, "host.log")();
        assert!(!host.iter().any(|line| line.text.contains("main: ")), "each to its own");
        // As logrotate does: renamed, and a graceful restart that makes new files.
        let (old, new) = (site.path("logs/piped.log"), site.path("logs/rotated.log"));
        std::fs::rename(&old, &new).unwrap();
        server.graceful();
        poll::wait_for("the new processes write to the new file", || {
            visit(&site, "main", "raw");
            of_file(&site, "piped.log")().iter().any(|line| line.text.contains("main: raw on 2"))
        });
    }
}

#[trial(reach(Reach::Everywhere))]
fn every_line_of_a_json_format_is_json(setup: &Setup) {
    let plan = plan("${ROOT}/logs/host.log").line(JSON).define("BROKEN", "1");
    let server = start(setup, "log-json", plan);
    let site = Site::new(&server, setup);
    write_all(&site, "main", &MAIN, &of_file(&site, "error.log"));
    write_all(&site, "own", &HOST, &of_file(&site, "host.log"));
    all_arrive(&["main: long \\\"\\\"x\\u0001\\u00e4"], &of_file(&site, "error.log"));
    visit(&site, "broken", "pid");
    all_arrive(&["WSGI1303: group broken"], &of_file(&site, "error.log"));
    server.graceful();
    poll::wait_for("it serves again", || visit(&site, "own", "raw") == 200);
    let all: Vec<Line> = server.whole_log().into_iter().filter(|line| line.file != "access.log").collect();
    let bad = all.iter().find(|line| !OBJECT.is_match(&line.text));
    assert!(bad.is_none(), "{bad:?}");
    poll::wait_for("a line names the process that wrote it", || {
        let process = visit_text(&site, "main", "pid");
        visit(&site, "main", "raw");
        let wanted = format!("\"level\":\"error\",\"module\":\"wsgi\",\"pid\":\"{process}\"");
        of_file(&site, "error.log")().iter().any(|line| line.text.contains(&wanted) && line.text.contains("main: raw on 1"))
    });
}

fn visit_text(site: &Site, group: &str, page: &str) -> String {
    site.send(&Request::get(&format!("/{group}/{page}")).header("Host", "localhost")).ok()
}

#[trial]
fn a_format_shows_what_httpd_would_show(setup: &Setup) {
    let format = "ErrorLogFormat \"%{cu}t|%-m|%l|%P|%{g}T|%-{FROM}e|%-v|%-a|%-F|% %M\"";
    let plan = plan("${ROOT}/logs/host.log").line(format).environment("FROM", "an environment");
    let server = start(setup, "log-format", plan);
    let site = Site::new(&server, setup);
    write_all(&site, "own", &HOST, &of_file(&site, "host.log"));
    let process = site.send(&Request::get("/own/pid").header("Host", "own.example")).ok();
    visit(&site, "own", "raw");
    let wanted = Regex::new(&format!(
        r"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{{6}}\|wsgi\|error\|{process}\|{process}\|(?:an environment|-)\|own\.example\|.*own: raw on 1$"
    ))
    .unwrap();
    let found = poll::until(poll::SOON, || of_file(&site, "host.log")().into_iter().find(|line| wanted.is_match(&line.text)));
    assert!(found.is_some(), "{:?}", of_file(&site, "host.log")().iter().find(|line| line.text.contains("raw on 1")));
}

#[trial]
fn a_killed_log_writer_is_replaced(setup: &Setup) {
    // httpd lets a debugger of its user look into its children with this.
    let plan = plan("${ROOT}/logs/host.log").line(JSON).line("CoreDumpDirectory \"${ROOT}/logs\"");
    let server = start(setup, "log-killed", plan);
    let site = Site::new(&server, setup);
    poll::wait_for("the group serves", || visit(&site, "own", "pid") == 200);
    let [writer] = server.log_writers()[..] else { panic!("{:?}", server.log_writers()) };
    if let Some((_, uid, ..)) = server_user() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", writer.pid)).unwrap();
        assert!(status.contains(&format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n")), "{status}");
        assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
        let owner = |pid| std::fs::metadata(format!("/proc/{pid}/environ")).unwrap().uid();
        let others: Vec<u32> = server.children().iter().map(|child| owner(child.pid)).collect();
        assert!(others.contains(&uid), "the directive takes effect: {others:?}");
        assert_eq!(owner(writer.pid), 0, "nobody of its user can trace it");
    }
    let inherited = processes::listening(writer.pid);
    assert!(inherited.is_empty(), "it listens: {inherited:?}");
    writer.kill();
    assert_eq!(visit(&site, "own", "raw"), 200, "nobody waits for it");
    // httpd looks after its processes once a second; one that lived for less than ten is replaced ten seconds later.
    let arrived = poll::until(std::time::Duration::from_secs(40), || {
        of_file(&site, "host.log")().iter().any(|line| line.text.contains("own: raw on 2")).then_some(())
    });
    assert!(arrived.is_some(), "what was written meanwhile arrives");
    all_arrive(&["WSGI1318: "], &of_file(&site, "error.log"));
    assert_ne!(server.log_writers()[..], [writer]);
}

#[trial]
fn a_pipe_that_nobody_reads_holds_up_no_other_log(setup: &Setup) {
    let plan = plan("|$exec sleep 1000").line(JSON);
    let mut server = start(setup, "log-stuck", plan);
    let site = Site::new(&server, setup);
    poll::wait_for("the group serves", || visit(&site, "own", "pid") == 200);
    for _ in 0..4 {
        assert_eq!(visit(&site, "own", "many?20000"), 200, "its own group does not stop either");
    }
    let lines = of_file(&site, "error.log");
    visit(&site, "main", "raw");
    all_arrive(&["main: raw on 2"], &lines);
    drop(lines);
    server.stop().unwrap();
}

#[trial]
fn a_burst_of_lines_arrives_whole(setup: &Setup) {
    let server = start(setup, "log-burst", plan("${ROOT}/logs/host.log").line(JSON));
    let site = Site::new(&server, setup);
    poll::wait_for("the group serves", || visit(&site, "own", "pid") == 200);
    assert_eq!(visit(&site, "own", "many?30000"), 200);
    all_arrive(&["own: line 29999."], &of_file(&site, "host.log"));
    let all = of_file(&site, "host.log")();
    let numbers: Vec<u64> =
        all.iter().filter_map(|line| line.text.split_once("own: line ")?.1.split_once('.')?.0.parse().ok()).collect();
    let lost = all.iter().any(|line| line.text.contains("WSGI1310"));
    assert!(
        lost || numbers == (0..30_000).collect::<Vec<_>>(),
        "{} lines, and nothing is said of those that lack",
        numbers.len()
    );
    assert!(numbers.is_sorted());
}

#[trial]
fn kept_processes_go_on_in_the_new_log_and_format(setup: &Setup) {
    let format = |word: &str| format!("ErrorLogFormat \"{word} %l %P %M\"");
    let server = start(setup, "log-kept", plan("${ROOT}/logs/host.log").line(&format("old")));
    let site = Site::new(&server, setup);
    poll::wait_for("the group serves", || visit(&site, "own", "pid") == 200);
    let process = || site.send(&Request::get("/own/pid").header("Host", "own.example")).ok();
    let before = process();
    let [writer] = server.log_writers()[..] else { panic!("{:?}", server.log_writers()) };
    assert_eq!(visit(&site, "own", "raw"), 200);
    all_arrive(&[&format!("old error {before} own: raw on 1"), "own: raw on 2"], &of_file(&site, "host.log"));
    std::fs::rename(site.path("logs/host.log"), site.path("logs/rotated.log")).unwrap();
    let text = std::fs::read_to_string(&server.files.config).unwrap();
    std::fs::write(&server.files.config, text.replace(&format("old"), &format("new"))).unwrap();
    server.graceful();
    assert_eq!(visit(&site, "own", "raw"), 200);
    all_arrive(&[&format!("new error {before} own: raw on 1"), "own: raw on 2"], &of_file(&site, "host.log"));
    assert_eq!(process(), before, "its process is kept");
    let ended = poll::until(std::time::Duration::from_secs(40), || (!writer.runs()).then_some(()));
    assert!(ended.is_some() && server.log_writers().len() == 1, "the old log writer ends: {:?}", server.log_writers());
    let rotated = of_file(&site, "rotated.log")();
    assert_eq!(rotated.iter().filter(|line| line.text.contains("own: raw on 1")).count(), 1, "{rotated:?}");
    // The supervisor's own lines, too: it says that a process has died.
    assert_eq!(visit(&site, "own", "crash"), 502);
    let [supervisor] = server.supervisors()[..] else { panic!("{:?}", server.supervisors()) };
    all_arrive(&[&format!("new error {} WSGI1300: process", supervisor)], &of_file(&site, "host.log"));
}

#[trial]
fn log_writers_end_with_their_generation(setup: &Setup) {
    let mut server = start(setup, "log-generations", plan("${ROOT}/logs/host.log"));
    for round in 0..6 {
        if round % 3 == 2 {
            server.restart()
        } else {
            server.graceful()
        };
    }
    let left = poll::until(std::time::Duration::from_secs(40), || (server.log_writers().len() == 1).then_some(()));
    assert!(left.is_some(), "one log writer is left: {:?}", server.log_writers());
    let [writer] = server.log_writers()[..] else { panic!("{:?}", server.log_writers()) };
    let family = server.kill_parent();
    poll::wait_for("all ends with the parent", || !writer.runs());
    for process in family {
        process.kill();
    }
    // A stop after a crash is none; the files are used again.
    server.start_again();
    let site = Site::new(&server, setup);
    poll::wait_for("it serves", || visit(&site, "main", "pid") == 200);
}

/// A file system whose only file is a log that can be made to take nothing; it goes when this is dropped.
struct StuckLog {
    place: PathBuf,
    server: Child,
    said: BufReader<ChildStdout>,
}

impl StuckLog {
    fn mount(setup: &Setup) -> Self {
        if server_user().is_none() || !Path::new("/dev/fuse").exists() {
            setup.skip("a file system of one's own needs root and /dev/fuse");
        }
        let place = setup.run.workdir.server_root("stuck-log");
        let script = setup.run.workdir.path().join("apps/stuck_log.py");
        let mut command = Command::new(&setup.python.executable);
        command.arg(script).arg(&place).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = command.spawn().unwrap();
        let said = BufReader::new(server.stdout.take().unwrap());
        let mut files = Self { place, server, said };
        let answer = files.answer();
        if answer != "mounted" {
            setup.skip(&format!("no file system can be mounted here: {answer}"));
        }
        files
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn path(&self) -> String {
        self.place.join("error.log").display().to_string()
    }

    /// `stop` or `go`.
    fn tell(&mut self, word: &str) {
        writeln!(self.server.stdin.as_ref().unwrap(), "{word}").unwrap();
        assert_eq!(self.answer(), word);
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path()).unwrap()).into_owned()
    }
}

impl Drop for StuckLog {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        self.server.wait().ok();
    }
}

/// What stands still for a log file that takes nothing: its lines, and nothing else.
fn only_lines_wait(setup: &Setup, name: &str, writers: usize, plan: &dyn Fn(&str) -> Plan) {
    let mut files = StuckLog::mount(setup);
    let mut server = start(setup, name, plan(&files.path()));
    {
        let site = Site::new(&server, setup);
        poll::wait_for("the group serves", || visit(&site, "own", "pid") == 200);
        let process = || site.send(&Request::get("/own/pid").header("Host", "own.example")).ok().parse().unwrap();
        assert_eq!(server.log_writers().len(), writers);
        files.tell("stop");
        for _ in 0..3 {
            assert_eq!(visit(&site, "own", "many?20000"), 200, "its own group does not stop");
            assert_eq!(visit(&site, "main", "raw"), 200, "nor does another");
        }
        // By a signal: httpd itself writes what it says of a request that fails to its virtual host's log, and waits for that.
        processes::send(process(), Signal::KILL);
        poll::wait_for("the supervisor starts another process", || visit(&site, "own", "pid") == 200);
        let before = server.log_writers();
        server.graceful();
        poll::wait_for("the next generation serves", || visit(&site, "own", "raw") == 200 && visit(&site, "main", "raw") == 200);
        files.tell("go");
        poll::wait_for("the log takes lines again, and says how many were lost", || {
            visit(&site, "own", "thread");
            let text = files.text();
            text.contains("own: of a thread") && text.contains("WSGI1310")
        });
        poll::wait_for("the log writer of the last generation ends", || before.iter().all(|writer| !writer.runs()));
        files.tell("stop");
        assert_eq!(visit(&site, "own", "many?20000"), 200);
    }
    let stuck = server.log_writers();
    // No signal ends a process that waits in the kernel; httpd does not wait for it.
    let stopped = server.stop();
    assert!(server.has_ended() && !stopped.is_err_and(|why| why.starts_with("httpd")));
    files.tell("go");
    poll::wait_for("the log writer ends", || stuck.iter().all(|writer| !writer.runs()));
}

#[trial]
fn a_log_file_that_never_answers_holds_up_lines_alone(setup: &Setup) {
    only_lines_wait(setup, "log-never", 1, &|log| plan(log));
}

#[trial]
fn a_log_file_that_never_answers_holds_up_lines_alone_without_a_log_writer_too(setup: &Setup) {
    let library: &'static str = compiled(setup, "no_log_writer").display().to_string().leak();
    only_lines_wait(setup, "log-alone", 0, &|log| plan(log).environment("LD_PRELOAD", library));
}
