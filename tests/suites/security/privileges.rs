/*! Who daemon processes are: the change of identity, each of its calls made to fail; what `/proc` says of a process whose definition asks for
everything; and files of a tenant that run a line of their own wherever a Python starts, which must never be root's Python. */

use crate::suite;
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::installation::server_user;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::site::Site;
use crate::support::workdir::{readable, unique_number, writable_directory};
use registration::trial;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The suite.
pub fn suite() -> Suite {
    suite!("privileges").in_daemon_mode()
}

/// The groups whose preparation fails, and what the line about it says.
const REFUSED: [(&str, &str); 14] = [
    ("setgroups", "its supplementary groups .* could not be set"),
    ("setresgid", "its group 61002 could not be set"),
    ("setresuid", "its user .* could not be set"),
    ("getresuid", "could not be verified"),
    ("getresgid", "could not be verified"),
    ("getgroups", "could not be verified"),
    ("no-new-privileges", "the kernel refused no-new-privileges"),
    ("death-signal", "it could not arrange to be stopped together with the supervisor"),
    ("chdir", "cannot be its working directory"),
    ("setresuid-lies", "could not be verified"),
    ("saved-uid-stays", "could not be verified"),
    ("setresgid-lies", "could not be verified"),
    ("setgroups-lies", "could not be verified"),
    ("chroot", "chroot `.*refused-root`"),
];

fn only_as_root(setup: &Setup) {
    if server_user().is_none() {
        setup.skip("the suites do not run as root, so nothing can change its identity");
    }
}

/// A user besides httpd's.
pub fn other_user() -> (&'static str, u32) {
    let text = fs::read_to_string("/etc/passwd").unwrap();
    let uid = |name: &str| {
        let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
        line.split(':').nth(2)?.parse::<u32>().ok()
    };
    let own = server_user().map(|(name, ..)| name);
    ["daemon", "nobody", "games"].into_iter().filter(|name| Some(*name) != own).find_map(|name| Some((name, uid(name)?))).unwrap()
}

/// A directory that everybody may write to, in which files of the tenant note who ran them.
struct Witness(PathBuf);

impl Witness {
    fn new(setup: &Setup) -> Self {
        let path = setup.run.workdir.path().join(format!("witness-{}", unique_number()));
        fs::create_dir(&path).unwrap();
        writable_directory(&path);
        Self(path)
    }

    /// What was noted: `what-euid-ruid-egid`.
    fn notes(&self) -> BTreeSet<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.map(|name| name.rsplit_once('-').unwrap().0.to_owned()).collect()
    }

    /// A virtualenv like `home` whose `.pth` file, `sitecustomize` and `usercustomize` note who runs them.
    fn hostile_home(&self, setup: &Setup) -> PathBuf {
        let home = self.0.with_extension("home");
        let copied = Command::new("cp").arg("-a").arg(&setup.home).arg(&home).status().unwrap();
        assert!(copied.success());
        readable(&home);
        let packages = home.join(format!("lib/python{}/site-packages", setup.python.version));
        let note = |what: &str| {
            let place = self.0.display();
            format!(
                "import os; open('{place}/{what}-%d-%d-%d-%d' % (os.geteuid(), os.getuid(), os.getegid(), os.getpid()), 'w').close()\n"
            )
        };
        fs::write(packages.join("hostile.pth"), note("pth")).unwrap();
        fs::write(packages.join("sitecustomize.py"), note("sitecustomize")).unwrap();
        fs::write(packages.join("usercustomize.py"), note("usercustomize")).unwrap();
        home
    }

    /// An executable that notes who runs it, and becomes Python then.
    fn wrapped_python(&self, setup: &Setup) -> PathBuf {
        let path = self.0.with_extension("python");
        let (place, python) = (self.0.display(), setup.python.executable.display());
        let text = format!("#!/bin/sh\n: > {place}/exec-$(id -u)-$(id -ru)-$(id -g)-$$\nexec {python} \"$@\"\n");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

/// Compiles a library that makes calls fail.
pub fn compiled(setup: &Setup, name: &str) -> PathBuf {
    let directory = setup.run.workdir.path();
    let library = directory.join(format!("{name}-{}.so", unique_number()));
    let source = directory.join(format!("apps/{name}.c"));
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .arg(&library)
        .arg(source)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

#[trial]
fn a_call_that_fails_is_the_end_before_python(setup: &Setup) {
    only_as_root(setup);
    let witness = Witness::new(setup);
    let root = setup.run.workdir.path().join("refused-root");
    fs::create_dir_all(&root).unwrap();
    let library: &'static str = compiled(setup, "identity_calls").display().to_string().leak();
    let plan = Plan::new("privileges.conf")
        .define("REFUSED_ROOT", root.display().to_string())
        .define("OWN_HOME", "1")
        .define("TENANT", witness.hostile_home(setup).display().to_string())
        .line("WSGIPythonHome \"${TENANT}\"")
        .environment("LD_PRELOAD", library)
        // Each refusal is a line, and the third in a row is one more.
        .announce("re:WSGI130[12]: ")
        .announce("WSGI1017: ")
        .announce("re:WSGI10\\d\\d: .*chroot");
    let server = Httpd::start(setup, &plan, "identity-calls");
    let site = Site::new(&server, setup);
    assert!(site.get("/").ok().contains("pid"), "a group that nobody interferes with serves");
    for (group, why) in REFUSED {
        let wanted =
            regex::Regex::new(&format!("WSGI1302: .*no Python was run \\(WSGIDaemonProcess {group} at .*: .*{why}")).unwrap();
        let found =
            poll::until(Duration::from_secs(20), || server.whole_log().into_iter().find(|line| wanted.is_match(&line.text)));
        assert!(found.is_some(), "no line says why {group} failed: {wanted}");
    }
    let httpd = rustix::process::getuid();
    let notes = witness.notes();
    assert!(notes.iter().any(|note| note.starts_with("pth-")), "the group that works ran Python: {notes:?}");
    for note in &notes {
        let [_, euid, ruid, egid] = note.split('-').collect::<Vec<_>>()[..] else { panic!("{note}") };
        assert!(euid != "0" && ruid != "0", "root ran Python: {note}, httpd is {httpd:?}");
        assert!(!egid.starts_with("610"), "a process whose preparation failed ran Python: {note}");
    }
}

/// A line of `/proc/PID/status`.
fn status(pid: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default();
    line.split_whitespace().map(str::to_owned).collect()
}

/// A variable of a process's environment as it was executed.
fn variable(pid: &str, name: &str) -> Option<String> {
    let all = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let text = String::from_utf8_lossy(&all).into_owned();
    text.split('\0').find_map(|entry| entry.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}

/// Soft and hard value of a line of `/proc/PID/limits`.
fn limit(pid: &str, name: &str) -> (String, String) {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {text}"));
    let words: Vec<&str> = line.split_whitespace().collect();
    (words[0].to_owned(), words[1].to_owned())
}

/// What `ps` shows.
fn shown(pid: &str) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    String::from_utf8_lossy(&line).trim_end_matches('\0').to_owned()
}

/// The value of a JSON member that is a number or a list, as text. (The pages are ours, and flat.)
fn member<'t>(text: &'t str, name: &str) -> &'t str {
    let rest = text.split_once(&format!("\"{name}\": ")).unwrap_or_else(|| panic!("{name} in {text}")).1;
    let end = if rest.starts_with('[') { rest.find(']').map(|at| at + 1) } else { rest.find([',', '}']) };
    &rest[..end.unwrap()]
}

#[trial(reach(Reach::Everywhere))]
fn a_process_is_what_its_definition_says(setup: &Setup) {
    only_as_root(setup);
    let (user, uid) = other_user();
    let plan = Plan::new("privileges.conf")
        .define("OTHER_USER", user)
        .environment("LANG", "C")
        .environment("LC_ALL", "C")
        .environment("TRIAL_SECRET", "hunter2")
        .environment("USER", "root")
        .environment("LOGNAME", "root");
    let server = Httpd::start(setup, &plan, "identity");
    let site = Site::new(&server, setup);
    let text = site.get("/dressed").ok();
    let pid = member(&text, "pid");
    let four = |id: u32| vec![id.to_string(); 4];
    assert_eq!(status(pid, "Uid"), four(uid));
    assert_eq!(status(pid, "Gid"), four(61020));
    assert_eq!(status(pid, "Groups"), ["61020", "61021", "61022"]);
    assert_eq!(member(&text, "ids"), format!("[{uid}, {uid}, {uid}, 61020, 61020, 61020]"));
    assert_eq!(status(pid, "Umask"), ["0027"]);
    assert_eq!(status(pid, "NoNewPrivs"), ["1"]);
    for capabilities in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status(pid, capabilities), ["0000000000000000"], "{capabilities}");
    }
    let files = server.files.root.join("files");
    assert_eq!(member(&text, "directory"), format!("{:?}", files.display().to_string()));
    for (name, value) in [("LANG", "C.UTF-8"), ("LC_ALL", "C.UTF-8"), ("USER", user), ("LOGNAME", user)] {
        assert_eq!(member(&text, name), format!("\"{value}\""));
    }
    assert_eq!(member(&text, "locale"), "\"C.UTF-8\"", "all of it, not LC_CTYPE alone");
    let same = |value: &str| (value.to_owned(), value.to_owned());
    assert_eq!(limit(pid, "Max data size"), same("2000000000"));
    assert_eq!(limit(pid, "Max address space"), same("8000000000"));
    assert_eq!(limit(pid, "Max cpu time").0, "300");
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    assert_eq!(stat.rsplit(')').next().unwrap().split_whitespace().nth(16), Some("5"), "its nice value");
    assert_eq!(fs::metadata(format!("/proc/{pid}/mem")).unwrap().uid(), 0, "an undumpable process's files are root's");
    poll::wait_for("each worker thread has the stack that was asked for", || stacks(pid, 3_407_872) == 3);
    assert!(shown(pid).starts_with("(wsgi:dressed)"), "`pkill -f '(wsgi:dressed)'` finds it: {}", shown(pid));

    let text = site.get("/plain").ok();
    let pid = member(&text, "pid");
    assert_eq!(status(pid, "NoNewPrivs"), ["1"], "by default, for a user who is not httpd's");
    assert_eq!(fs::metadata(format!("/proc/{pid}/mem")).unwrap().uid(), 0, "undumpable by default");
    assert_eq!(shown(pid), "(trial:named)");
    assert_eq!(member(&text, "LANG"), "\"C\"", "what is harmless of httpd's environment reaches the application");
    assert_eq!(variable(pid, "TRIAL_SECRET"), None, "what else httpd has does not");

    let text = site.get("/lenient").ok();
    let pid = member(&text, "pid");
    assert_eq!(status(pid, "NoNewPrivs"), ["0"]);
    assert_eq!(fs::metadata(format!("/proc/{pid}/mem")).unwrap().uid(), uid, "dumpable, as its option says");
    assert_eq!(variable(pid, "TRIAL_SECRET").as_deref(), Some("hunter2"));
    let text = site.get("/named").ok();
    let pid = member(&text, "pid");
    assert_eq!((variable(pid, "TRIAL_SECRET").as_deref(), variable(pid, "LANG")), (Some("hunter2"), None));
    let supervisor = server.children().into_iter().find(|child| shown(&child.pid.to_string()).contains("wsgi-supervisor"));
    assert!(supervisor.is_some(), "the supervisor is not hidden behind another name");
}

/// How many mappings have that size, less a guard page.
fn stacks(pid: &str, size: u64) -> usize {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let length = |line: &str| {
        let (start, end) = line.split_whitespace().next()?.split_once('-')?;
        Some(u64::from_str_radix(end, 16).ok()? - u64::from_str_radix(start, 16).ok()?)
    };
    maps.lines()
        .filter(|line| line.contains("rw-p"))
        .filter_map(length)
        .filter(|length| (size - 16_384..=size + 16_384).contains(length))
        .count()
}

#[trial]
fn a_tenants_files_never_run_as_root(setup: &Setup) {
    only_as_root(setup);
    let (user, uid) = other_user();
    let witness = Witness::new(setup);
    let home = witness.hostile_home(setup);
    let plan = Plan::new("privileges.conf")
        .define("OTHER_USER", user)
        .define("HOSTILE_HOME", home.display().to_string())
        .define("WRAPPED_PYTHON", witness.wrapped_python(setup).display().to_string())
        .define("OWN_HOME", "1")
        .line("WSGIPythonHome \"${HOSTILE_HOME}\"");
    let (accepted, said) = Prepared::new(setup, &plan, "hostile-configtest").configtest();
    assert!(accepted, "{said}");
    nobody_was_root(&witness.0, &witness, "configtest");
    let mut server = Httpd::start(setup, &plan, "hostile");
    for what in ["start", "restart", "graceful"] {
        match what {
            "restart" => server.restart(),
            "graceful" => server.graceful(),
            _ => {}
        }
        let site = Site::new(&server, setup);
        for page in ["/", "/tenant", "/wrapped", "/near"] {
            site.get(page).ok();
        }
        nobody_was_root(&witness.0, &witness, what);
    }
    server.stop().unwrap();
    nobody_was_root(&witness.0, &witness, "stop");
    let notes = witness.notes();
    // Debian's Python has a sitecustomize of its own, which comes before a virtualenv's.
    let customize = (!has_module(&setup.python.executable, "sitecustomize")).then_some("sitecustomize");
    for what in ["pth", "exec"].into_iter().chain(customize) {
        let wanted = format!("{what}-{uid}-{uid}-");
        assert!(notes.iter().any(|note| note.starts_with(&wanted)), "{what} was run by the tenant's own user: {notes:?}");
    }
}

/// Does a Python find a module of that name before any virtualenv is looked at?
fn has_module(python: &Path, name: &str) -> bool {
    let program = format!("import sys, importlib.util; sys.exit(importlib.util.find_spec({name:?}) is None)");
    Command::new(python).args(["-I", "-c", &program]).status().unwrap().success()
}

#[track_caller]
fn nobody_was_root(place: &Path, witness: &Witness, when: &str) {
    let notes = witness.notes();
    for note in &notes {
        let words: Vec<&str> = note.split('-').collect();
        assert!(words[1] != "0" && words[2] != "0", "{note} at {when}");
    }
    // What root itself made would be root's, whatever it wrote into the name.
    for entry in fs::read_dir(place).unwrap() {
        let entry = entry.unwrap();
        assert_ne!(entry.metadata().unwrap().uid(), 0, "{} at {when}", entry.path().display());
    }
}
