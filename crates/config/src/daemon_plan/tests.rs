/*! Plans of whole configurations, on a machine that is made up. *Runs in: tests.* */
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use protocol::plan::{Group, Identity, Interpreter};
use protocol::settings::{EngineSettings, ScriptOwner};

use super::{Built, HostInfo, Launch, Resources, User, build, check, socket};
use crate::global_checks::ServerView;
use crate::settings::ProcessSettings;
use crate::test_support::Sample;

/// Two users (`www` is httpd's), their groups, and two processors.
struct Fake {
    privileged: bool,
    httpd: (u32, u32),
    runtime: &'static str,
}

const ROOT: Fake = Fake { privileged: true, httpd: (33, 33), runtime: "/run/apache2" };
const SOMEBODY: Fake = Fake { privileged: false, ..ROOT };

const USERS: [(&str, u32, &str); 5] = [
    ("www", 33, "/var/www"),
    ("shop", 1000, "/home/shop"),
    ("me", 500, "/home/me"),
    ("toor", 0, "/root"),
    ("operator", 11, "/home/operator"),
];
const GROUPS: [(&str, u32); 5] = [("www", 33), ("shop", 1000), ("media", 44), ("me", 500), ("toors", 0)];

impl HostInfo for Fake {
    fn privileged(&self) -> bool {
        self.privileged
    }
    fn myself(&self) -> (u32, u32) {
        if self.privileged { (0, 0) } else { (500, 500) }
    }
    fn httpd(&self) -> (u32, u32) {
        self.httpd
    }
    fn user(&self, name: &[u8]) -> Option<User> {
        let (name, uid, home) = USERS.iter().find(|(known, ..)| known.as_bytes() == name)?;
        Some(User { name: name.as_bytes().to_vec(), uid: *uid, gid: *uid, home: home.as_bytes().to_vec() })
    }
    fn user_by_id(&self, uid: u32) -> Option<User> {
        let (name, ..) = USERS.iter().find(|(_, known, _)| *known == uid)?;
        self.user(name.as_bytes())
    }
    fn group(&self, name: &[u8]) -> Option<u32> {
        GROUPS.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, gid)| *gid)
    }
    fn groups_of(&self, user: &[u8], gid: u32) -> Vec<u32> {
        match user {
            b"shop" => vec![gid, 44],
            b"operator" => vec![gid, 0],
            _ => vec![gid],
        }
    }
    fn cores(&self) -> u32 {
        2
    }
    fn path(&self) -> Option<Vec<u8>> {
        Some(b"/opt/bin:relative:/usr/bin/::/bin".to_vec())
    }
    fn timeout(&self) -> Duration {
        Duration::from_secs(60)
    }
    fn runtime_directory(&self) -> Vec<u8> {
        self.runtime.as_bytes().to_vec()
    }
}

/// Lends one server that says `lines`.
fn with<T>(lines: &[&str], run: impl FnOnce(&[ServerView<'_>]) -> T) -> T {
    let sample = Sample::of(lines);
    let main = ServerView { config: &sample.server, directory: &sample.directory, host: b"main", port: 80, reachable: true };
    run(&[main])
}

fn built(lines: &[&str], machine: &Fake) -> Built {
    let httpd = EngineSettings { apache_version: [2, 4, 60], mpm_name: b"event".to_vec(), ..EngineSettings::default() };
    let launch =
        Launch { generation: 7, parent: 42, engine: b"/lib/engine.so".to_vec(), main_log: 3, predecessor: Some(9), httpd };
    with(lines, |servers| {
        build(servers, machine, &launch, &mut |group, identity| Resources {
            table: Some(10 + group.number),
            log: identity.uid,
            log_level: 4,
            token: [5; 16],
        })
    })
}

/// The first group, on a machine with root's rights.
fn group(lines: &[&str]) -> Group {
    built(lines, &ROOT).plan.groups.swap_remove(0)
}

#[test]
fn a_plan_says_what_the_start_is() {
    let built = built(&["WSGIDaemonProcess a", "WSGIDaemonProcess b"], &ROOT);
    let plan = built.plan;
    assert_eq!((plan.generation, plan.parent, plan.privileged, plan.main_log, plan.predecessor), (7, 42, true, 3, Some(9)));
    assert_eq!((plan.engine.as_slice(), plan.replacements), (b"/lib/engine.so".as_slice(), 2));
    let groups: Vec<(&[u8], Option<u32>)> = plan.groups.iter().map(|group| (&*group.name, group.table)).collect();
    assert_eq!(groups, [(b"a".as_slice(), Some(11)), (b"b", Some(12))]);
    assert!(plan.groups.iter().all(|group| (group.log, group.log_level, group.token) == (33, 4, [5; 16])));
    assert!(built.refused.is_empty());
}

#[test]
fn scripts_of_a_jail_are_named_as_they_are_in_it() {
    let group = group(&[
        "WSGIDaemonProcess a chroot=/jail",
        "WSGIScriptAlias /in /jail/srv/in.wsgi process-group=a application-group=x",
        "WSGIScriptAlias /out /srv/out.wsgi process-group=a application-group=x",
        "WSGIScriptAlias /also-out /jailed/out.wsgi process-group=a",
        "WSGIImportScript /jail/srv/one.py process-group=a application-group=x",
        "WSGIImportScript /srv/two.py process-group=a application-group=x",
    ]);
    let paths: Vec<&[u8]> = group.scripts.iter().map(|script| &*script.path).collect();
    assert_eq!(paths, [b"/srv/in.wsgi".as_slice(), b"/srv/one.py", b"/srv/two.py"]);
}

#[test]
fn silence_means_httpds_own_identity_and_the_defaults() {
    let a = group(&["WSGIDaemonProcess a"]);
    assert_eq!((a.place.as_slice(), a.processes, a.threads, a.stack_size, a.peer), (b"test.conf:1".as_slice(), 1, 15, 0, 33));
    let www = Identity { uid: 33, gid: 33, groups: vec![33], name: b"www".to_vec(), home: b"/var/www".to_vec() };
    assert_eq!(a.identity, www);
    assert!(a.directory.is_empty(), "httpd's user stays where httpd is");
    assert_eq!((a.engine.group_options.umask, a.priority, a.no_new_privileges, a.undumpable), (None, 0, false, false));
    assert!(a.chroot.is_empty() && a.environment.is_empty() && a.display_name == b"(wsgi:a)" && a.scripts.is_empty());
    assert_eq!((a.memory_limit, a.virtual_memory_limit, a.cpu_time_limit), (0, 0, 0));
    assert!(a.preload && a.overlap && a.reload && !a.graceful_explicit);
    let times = [a.reload_wait, a.graceful_timeout, a.shutdown_timeout, a.deadlock_timeout, a.socket_timeout];
    assert_eq!(times, [10_000, 15_000, 5_000, 300_000, 60_000]);
    let none = [
        a.startup_timeout,
        a.request_timeout,
        a.interrupt_timeout,
        a.eviction_timeout,
        a.inactivity_timeout,
        a.restart_interval,
        a.maximum_requests,
    ];
    assert_eq!(none, [0; 7]);
}

#[test]
fn code_of_another_user_gets_less_unless_it_is_said() {
    let given = |options: &str, machine: &Fake| {
        let a = built(&[&format!("WSGIDaemonProcess a {options}")], machine).plan.groups.swap_remove(0);
        let inherited: Vec<String> =
            a.inherited_environment.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        (a.no_new_privileges, a.undumpable, inherited.join(","))
    };
    let all = || "*".to_owned();
    for (options, machine) in [("", &ROOT), ("user=www", &ROOT), ("user=shop", &SOMEBODY), ("", &SOMEBODY)] {
        assert_eq!(given(options, machine), (false, false, all()), "{options}: httpd's own user");
    }
    let (no_new_privileges, undumpable, inherited) = given("user=shop", &ROOT);
    assert!(no_new_privileges && undumpable);
    assert!(inherited.starts_with("PATH,LANG,LANGUAGE,LC_*,TZ,") && !inherited.split(',').any(|name| name == "*"), "{inherited}");
    assert_eq!(given("user=shop no-new-privileges=Off dumpable=On env-inherit=all", &ROOT), (false, false, all()));
    assert_eq!(given("no-new-privileges=On dumpable=Off env-inherit=none", &ROOT), (true, true, String::new()));
    assert_eq!(given("env-inherit=PATH,DB_*", &SOMEBODY).2, "PATH,DB_*");
    let options = crate::daemon::OPTIONS;
    let documented = options.iter().find(|option| option.name == "env-inherit").unwrap().default;
    assert!(documented.contains(&format!("`{inherited}`")), "the documents name the same list");
}

#[test]
fn every_option_reaches_the_plan() {
    let a = group(&[
        "WSGIDaemonProcess a processes=3 threads=2 stack-size=65536 umask=027 chroot=/jail home=/srv/a lang=C locale=de_DE.UTF-8 \
         display-name=%{GROUP} cpu-priority=-3 memory-limit=10000000 virtual-memory-limit=20000000 cpu-time-limit=30 no-new-privileges=On \
         dumpable=Off overlap=Off reload-wait=1 startup-timeout=2 request-timeout=3 interrupt-timeout=4 graceful-timeout=5 \
         eviction-timeout=6 shutdown-timeout=7 inactivity-timeout=8 deadlock-timeout=9 restart-interval=10 maximum-requests=11 \
         queue-timeout=12 socket-timeout=13 python-eggs=/eggs preload=Off",
        "WSGIScriptReloading Off",
    ]);
    assert_eq!((a.processes, a.threads, a.stack_size, a.engine.group_options.umask, a.priority), (3, 2, 65536, Some(0o27), -3));
    assert_eq!((a.chroot.as_slice(), a.directory.as_slice()), (b"/jail".as_slice(), b"/srv/a".as_slice()));
    assert_eq!(a.environment, [b"LANG=C".to_vec(), b"LC_ALL=de_DE.UTF-8".to_vec(), b"PYTHON_EGG_CACHE=/eggs".to_vec()]);
    assert_eq!(a.display_name, b"(wsgi:a)");
    assert_eq!((a.memory_limit, a.virtual_memory_limit, a.cpu_time_limit), (10_000_000, 20_000_000, 30));
    assert_eq!((a.no_new_privileges, a.undumpable, a.overlap, a.preload, a.reload), (true, true, false, false, false));
    let times = [
        a.reload_wait,
        a.startup_timeout,
        a.request_timeout,
        a.interrupt_timeout,
        a.graceful_timeout,
        a.eviction_timeout,
        a.shutdown_timeout,
        a.inactivity_timeout,
        a.deadlock_timeout,
        a.restart_interval,
    ];
    assert_eq!(times, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(|seconds| seconds * 1000));
    assert_eq!((a.maximum_requests, a.socket_timeout, a.graceful_explicit), (11, 13_000, true));
}

#[test]
fn engines_are_told_about_their_group() {
    let lines = [
        "WSGIPythonOptimize 1",
        "WSGIPythonHashSeed 7",
        "WSGIPythonPath /embedded",
        "WSGIPythonEggs /embedded",
        "WSGISwitchInterval 0.5",
        "WSGIRestrictStdin On",
        "WSGIDaemonProcess a processes=2 threads=5 python-path=/a:/b switch-interval=0.01",
        "WSGIScriptAlias / /a.wsgi process-group=a",
    ];
    let engine = group(&lines).engine;
    assert_eq!((engine.options.clone(), engine.hash_seed.as_slice()), (vec![b"-O".to_vec()], b"7".as_slice()));
    assert_eq!(engine.python_path, [b"/a".to_vec(), b"/b".to_vec()]);
    assert!(engine.python_eggs.is_empty() && engine.executable.is_empty() && engine.home.is_empty());
    assert!((engine.switch_interval - 0.01).abs() < f64::EPSILON);
    assert!(engine.restrict_stdin && !engine.restrict_stdout && engine.restrict_signal && engine.destroy_interpreter);
    assert_eq!((engine.process_group.as_slice(), engine.main_group.as_slice()), (b"a".as_slice(), b"main|".as_slice()));
    assert_eq!((engine.multithread, engine.multiprocess, engine.max_dynamic_interpreters), (true, true, 100));
    assert_eq!((engine.maximum_processes, engine.threads_per_process), (2, 5));
    assert_eq!((engine.apache_version, engine.mpm_name.as_slice()), ([2, 4, 60], b"event".as_slice()));
    let engine = |options: &str| group(&[&format!("WSGIDaemonProcess a {options}")]).engine;
    assert!(engine("").descriptors, "httpd's own user");
    assert!(!engine("user=shop").descriptors && !engine("descriptors=Off").descriptors);
    assert!(engine("user=shop descriptors=On").descriptors);
    assert!(!engine("").multiprocess && engine("processes=1").multiprocess, "processes= is given at all");
    let run_once = |options: &str| engine(options).run_once;
    assert!(run_once("threads=1 maximum-requests=1") && run_once("threads=1 maximum-requests=1 processes=3"));
    assert!(!run_once("threads=1") && !run_once("maximum-requests=1") && !run_once("threads=1 maximum-requests=2"));
    assert_eq!((engine("locale=C.UTF-8").locale, engine("lang=C.UTF-8").locale), (b"C.UTF-8".to_vec(), Vec::new()));
    assert!(!engine("threads=1").multithread && engine("threads=2").multithread);
    assert!(!engine("threads=0").restrict_signal, "a service hears that it shall end");
    assert!(engine("").switch_interval.abs() < f64::EPSILON, "WSGISwitchInterval is embedded mode's");
}

#[test]
fn scripts_and_preload_stand_in_the_plan() {
    let lines = [
        "WSGIDaemonProcess a",
        "WSGIImportScript /first.py process-group=a application-group=%{GLOBAL}",
        "WSGIScriptAlias / /a.wsgi process-group=a",
    ];
    let a = group(&lines);
    let scripts: Vec<(&[u8], &[u8], bool)> =
        a.scripts.iter().map(|script| (&*script.path, &*script.application_group, script.import)).collect();
    assert_eq!(scripts, [(b"/first.py".as_slice(), b"".as_slice(), true), (b"/a.wsgi", b"main|", false)]);
    assert!(a.preload && a.engine.main_group.is_empty(), "%{{GLOBAL}} is named");
}

#[test]
fn the_engine_is_told_whose_scripts_it_loads() {
    let owner = |lines: &[&str]| group(lines).engine.script_owner;
    assert_eq!(owner(&["WSGIDaemonProcess a"]), None);
    let lines = [
        "WSGIDaemonProcess a script-user=#1000",
        "WSGIImportScript /first.py process-group=a application-group=%{GLOBAL}",
        "WSGIImportScript /a.wsgi process-group=a application-group=%{GLOBAL}",
        "WSGIScriptAlias / /a.wsgi process-group=a application-group=%{GLOBAL}",
    ];
    // What URLs lead to is never root's.
    let or_roots = vec![b"/first.py".to_vec()];
    assert_eq!(owner(&lines), Some(ScriptOwner { is_group: false, id: 1000, name: b"`#1000`".to_vec(), or_roots }));
    let unknown = owner(&["WSGIDaemonProcess a script-group=nobody-has-this"]).map(|owner| (owner.is_group, owner.id));
    assert_eq!(unknown, Some((true, ScriptOwner::NOBODY)));
}

#[test]
fn a_named_python_is_the_only_one_that_is_tried() {
    let found = |lines: &[&str]| -> Vec<(String, bool, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let interpreters = group(lines).interpreters;
        interpreters.iter().map(|Interpreter { path, home, because }| (text(path), *home, text(because))).collect()
    };
    let one = |path: &str, home: bool, because: &str| vec![(path.to_owned(), home, because.to_owned())];
    let home = "WSGIPythonHome /usr/venv";
    assert_eq!(
        found(&[home, "WSGIDaemonProcess a python=/opt/bin/python3"]),
        one("/opt/bin/python3", false, "python= of WSGIDaemonProcess at test.conf:2")
    );
    assert_eq!(
        found(&[home, "WSGIDaemonProcess a python-home=/srv/venv"]),
        one("/srv/venv", true, "python-home= of WSGIDaemonProcess at test.conf:2")
    );
    assert_eq!(found(&[home, "WSGIDaemonProcess a"]), one("/usr/venv", true, "WSGIPythonHome at test.conf:1"));
    let system = found(&["WSGIDaemonProcess a"]);
    let paths: Vec<&str> = system.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(paths, ["/usr/bin/python3", "/usr/local/bin/python3", "/opt/bin/python3", "/bin/python3"]);
    for (path, home, because) in system {
        let by_path = paths_after_usual(&path);
        assert!(!home && because.starts_with("no python=, no python-home=, no WSGIPythonHome"), "{because}");
        assert_eq!(because.ends_with(", found on PATH"), by_path, "{path}");
    }
}

fn paths_after_usual(path: &str) -> bool {
    !["/usr/bin/python3", "/usr/local/bin/python3"].contains(&path)
}

#[test]
fn an_installation_in_two_parts_is_told_to_python_beforehand() {
    for line in ["WSGIDaemonProcess a python-home=/usr:/usr/lib64", "WSGIDaemonProcess a"] {
        let a = group(&["WSGIPythonHome /usr:/usr/lib64", line]);
        assert_eq!(a.interpreters[0].path, b"/usr:/usr/lib64");
        assert_eq!(
            (a.environment.as_slice(), a.engine.home.as_slice()),
            ([b"PYTHONHOME=/usr:/usr/lib64".to_vec()].as_slice(), b"/usr:/usr/lib64".as_slice())
        );
    }
    let a = group(&["WSGIPythonHome /usr:/usr/lib64", "WSGIDaemonProcess a python=/x/python"]);
    assert!(a.environment.is_empty() && a.engine.home.is_empty());
}

#[test]
fn root_gives_each_group_its_identity() {
    let identity = |options: &str| {
        let a = group(&[&format!("WSGIDaemonProcess a {options}")]);
        (a.identity.uid, a.identity.gid, a.identity.groups, String::from_utf8_lossy(&a.identity.name).into_owned(), a.directory)
    };
    let home = || b"/home/shop".to_vec();
    assert_eq!(identity("user=shop"), (1000, 33, vec![33, 44], "shop".into(), home()));
    assert_eq!(identity("user=shop group=shop"), (1000, 1000, vec![1000, 44], "shop".into(), home()));
    assert_eq!(identity("user=#1000 group=#7"), (1000, 7, vec![7, 44], "shop".into(), home()));
    assert_eq!(identity("user=shop supplementary-groups=media,#9"), (1000, 33, vec![33, 44, 9], "shop".into(), home()));
    assert_eq!(identity("user=#4711"), (4711, 33, vec![33], String::new(), Vec::new()), "a number that has no name");
    assert_eq!(identity("user=www"), (33, 33, vec![33], "www".into(), Vec::new()));
    assert_eq!(identity("user=shop home=/srv").4, b"/srv");
}

#[test]
fn a_group_that_cannot_run_is_left_out_and_explained() {
    let cases: &[(&Fake, &str, &str)] = &[
        (&ROOT, "user=nobody-here", "WSGI1022: test.conf:1: WSGIDaemonProcess `a`: `user=` names the user `nobody-here`"),
        (&ROOT, "group=none", "WSGI1022: test.conf:1: WSGIDaemonProcess `a`: `group=` names the group `none`"),
        (&ROOT, "supplementary-groups=media,none", "`supplementary-groups=` names the group `none`"),
        (&ROOT, "user=toor", "WSGI1023: test.conf:1: WSGIDaemonProcess `a`: WSGI process blocked from running as root."),
        (&Fake { httpd: (0, 0), ..ROOT }, "", "WSGI process blocked from running as root."),
        (&ROOT, "group=toors", "WSGI process blocked from running with the group of root. Its group has the ID 0"),
        (&ROOT, "supplementary-groups=media,toors", "One of its supplementary groups has the ID 0"),
        (&ROOT, "user=operator", "One of its supplementary groups has the ID 0"),
        (&Fake { httpd: (33, 0), ..ROOT }, "", "Its group has the ID 0"),
        (&SOMEBODY, "chroot=/jail", "WSGI1024: test.conf:1: WSGIDaemonProcess `a`: `chroot=` requires root"),
        (&SOMEBODY, "supplementary-groups=media", "`supplementary-groups=` requires root"),
        (&SOMEBODY, "cpu-priority=-1", "`cpu-priority= below 0` requires root"),
    ];
    for (machine, options, cause) in cases {
        let line = format!("WSGIDaemonProcess a {options}");
        let built = built(&[&line, "WSGIDaemonProcess b user=#5 group=#5"], machine);
        let names: Vec<&[u8]> = built.plan.groups.iter().map(|group| &*group.name).collect();
        assert_eq!(names, [b"b"], "{options}: everything else runs");
        let [refused] = built.refused.as_slice() else { unreachable!("{options}: {:?}", built.refused) };
        let said = refused.finding.to_string();
        assert!(said.contains(cause) && said.contains(". To fix: "), "{options}: {said}");
        let findings = with(&[&line], |servers| check(servers, *machine));
        assert!(findings.contains(&refused.finding), "configtest says the same: {findings:?}");
        let needs_root = refused.finding.code.number == 1024;
        assert_eq!(refused.finding.code.level == protocol::Level::Error, needs_root, "the machine's state is a warning");
    }
}

#[test]
fn without_root_everything_runs_as_who_started_httpd() {
    let built = built(&["WSGIDaemonProcess a user=shop group=media cpu-priority=5"], &SOMEBODY);
    let a = &built.plan.groups[0];
    assert!(!built.plan.privileged && built.refused.is_empty());
    assert_eq!((a.identity.uid, a.identity.gid, a.peer, a.identity.name.as_slice()), (500, 500, 500, b"me".as_slice()));
    let said = |options: &str, machine: &Fake| -> Vec<String> {
        let line = format!("WSGIDaemonProcess a {options}");
        with(&[&line], |servers| check(servers, machine)).iter().map(ToString::to_string).collect()
    };
    let both = said("user=shop group=media", &SOMEBODY);
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(both[0].starts_with("WSGI1025: test.conf:1: WSGIDaemonProcess `a`: `user=` names `shop`"), "{both:?}");
    assert!(both[1].contains("`group=` names `media`"), "{both:?}");
    for (options, machine) in [("user=me group=me", &SOMEBODY), ("", &SOMEBODY), ("user=shop group=media", &ROOT), ("", &ROOT)] {
        assert_eq!(said(options, machine), [""; 0], "{options}");
    }
    for (options, machine) in [
        ("user=none", &SOMEBODY),
        ("group=none", &SOMEBODY),
        ("socket-user=none", &ROOT),
        ("script-user=none", &ROOT),
        ("script-group=none", &ROOT),
    ] {
        let found = said(options, machine);
        assert!(found.len() == 1 && found[0].starts_with("WSGI1022: ") && found[0].contains("`none`"), "{options}: {found:?}");
    }
}

/// An ordinary user's home need not exist (a service's account, a container), and a process that is sent to a directory that is not there cannot start.
#[test]
fn without_root_no_group_is_sent_to_a_home() {
    assert_ne!(SOMEBODY.myself(), SOMEBODY.httpd(), "`User` names another user than the one who starts httpd");
    for options in ["", "user=me", "user=shop group=shop", "user=#4711"] {
        let a = built(&[&format!("WSGIDaemonProcess a {options}")], &SOMEBODY).plan.groups.swap_remove(0);
        assert_eq!((a.directory.as_slice(), a.identity.home.as_slice()), (b"".as_slice(), b"/home/me".as_slice()), "{options}");
    }
    let a = built(&["WSGIDaemonProcess a home=/srv"], &SOMEBODY).plan.groups.swap_remove(0);
    assert_eq!(a.directory, b"/srv", "what the configuration names is another matter");
}

#[test]
fn a_socket_has_a_name_that_no_other_start_has() {
    let settings = |lines: &[&str]| Sample::of(lines).server.process;
    let path = |settings: &ProcessSettings| socket(settings, b"/run/apache2/", 42, 7, 1000, 3).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let default = path(&settings(&[]));
    assert_eq!(text(&default.path), "/run/apache2/mod_wsgi_rs/wsgi.42.7.3");
    assert_eq!(default.directory.as_deref().map(text).as_deref(), Some("/run/apache2/mod_wsgi_rs"));
    let prefixed = path(&settings(&["WSGISocketPrefix /var/run/x"]));
    assert_eq!((text(&prefixed.path), prefixed.directory), ("/var/run/x.42.7.3".to_owned(), None));
    let fixed = path(&settings(&["WSGISocketPrefix /var/run/x", "WSGISocketRotation Off"]));
    assert_eq!(text(&fixed.path), "/var/run/x.42.u1000.3");
}

#[test]
fn a_path_that_no_socket_can_have_is_refused_before() {
    let long = format!("WSGISocketPrefix /{}", "x".repeat(86));
    let said = |prefix: &str| with(&[prefix, "WSGIDaemonProcess a"], |servers| check(servers, &ROOT));
    let findings = said(&long);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].to_string().starts_with("WSGI1026: test.conf:2: the socket path `/xxx"), "{findings:?}");
    assert_eq!(findings[0].code.level, protocol::Level::Error);
    let fits = format!("WSGISocketPrefix /{}", "x".repeat(85));
    assert_eq!(said(&fits), []);
    let process = Sample::of(&[&long]).server.process;
    assert!(socket(&process, b"/run", 4_194_304, 9_999, 0, 1).is_err());
    assert_eq!(socket(&process, b"/run", 4_194_304, 999, 0, 1).unwrap().path.len(), 101, "the longest that fits");
}
