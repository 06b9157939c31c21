/*! Which Python runs, and how the directives set it up. Each trial has a server of its own: these settings are the process's. */

use crate::suite;
use crate::support::error_log;
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::response::Response;
use crate::support::site::Site;
use registration::trial;
use std::fs;

/// The suite.
pub fn suite() -> Suite {
    suite!("python")
}

/// Starts a server with `lines` added, and gives what the application says of its Python.
fn facts(setup: &Setup, lines: &[&str]) -> Response {
    let plan = lines.iter().fold(Plan::new("python.conf"), |plan, line| plan.line(line));
    of(setup, &plan)
}

fn of(setup: &Setup, plan: &Plan) -> Response {
    let server = Httpd::start(setup, plan, "python");
    Site::new(&server, setup).get("/").expect(200)
}

#[track_caller]
fn is(facts: &Response, key: &str, expected: &str) {
    assert_eq!(facts.value(key), Some(expected), "{key}");
}

#[trial(reach(Reach::Everywhere))]
fn a_virtualenv_is_the_home(setup: &Setup) {
    let facts = facts(setup, &[]);
    let home = setup.home.display().to_string();
    is(&facts, "version", &setup.python.version);
    is(&facts, "prefix", &home);
    is(&facts, "exec_prefix", &home);
    assert!(facts.value("executable").unwrap().starts_with(&format!("{home}/bin/python")), "{facts:?}");
    is(&facts, "base_prefix", &setup.python.prefix.display().to_string());
    is(&facts, "site_packages", &format!("['{home}/lib/python{}/site-packages']", setup.python.version));
    is(&facts, "isolated", "0");
    is(&facts, "no_site", "0");
    is(&facts, "argv", "['mod_wsgi']");
    is(&facts, "main_thread", "MainThread");
}

#[trial(reach(Reach::Everywhere))]
fn an_installation_is_the_home(setup: &Setup) {
    let prefix = setup.python.prefix.display().to_string();
    let plan = Plan::new("python.conf").define("OWN_HOME", "1").line(&format!("WSGIPythonHome \"{prefix}\""));
    let facts = of(setup, &plan);
    is(&facts, "version", &setup.python.version);
    is(&facts, "prefix", &prefix);
    is(&facts, "base_prefix", &prefix);
}

#[trial(reach(Reach::Once).differs("it has no choice: it is linked to one Python"))]
fn without_a_home_a_python_is_found(setup: &Setup) {
    let server = Httpd::start(setup, &Plan::new("python.conf").define("OWN_HOME", "1"), "no-home");
    let facts = Site::new(&server, setup).get("/").expect(200);
    // In this order: /usr/bin/python3, then /usr/local/bin/python3, then the PATH.
    let expected = ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|path| fs::exists(path).unwrap());
    if let Some(expected) = expected {
        let executable = fs::canonicalize(facts.value("executable").unwrap()).unwrap();
        assert_eq!(executable, fs::canonicalize(expected).unwrap());
    }
}

#[trial(differs("does not say the version there"))]
fn the_log_says_which_python_was_chosen(setup: &Setup) {
    let server = Httpd::start(setup, &Plan::new("python.conf"), "says");
    Site::new(&server, setup).get("/").expect(200);
    let wanted = error_log::pattern(&format!("re:Python {}\\..*{}", setup.python.version, setup.home.display()));
    let lines = server.whole_log();
    assert!(lines.iter().any(|line| line.text.contains("wsgi:info") && wanted.is_match(&line.text)), "{lines:?}");
}

/// Two directories with a module of the same name.
fn directories(setup: &Setup) -> (String, String) {
    let root = setup.run.workdir.server_root("python-path");
    let (first, second) = (root.join("first"), root.join("second"));
    for (directory, word) in [(&first, "first"), (&second, "second")] {
        fs::create_dir_all(directory).unwrap();
        crate::support::workdir::readable(directory);
        fs::write(directory.join("placed_by_the_trial.py"), format!("word = {word:?}\n")).unwrap();
    }
    fs::write(second.join("settings.pth"), "import site; site.set_by_pth = True\n").unwrap();
    (first.display().to_string(), second.display().to_string())
}

#[trial]
fn directories_of_the_path_come_first(setup: &Setup) {
    let (first, second) = directories(setup);
    let lib = setup.run.workdir.path().join("apps/lib");
    let server = Httpd::start(
        setup,
        &Plan::new("python.conf").line(&format!("WSGIPythonPath \"{first}:{second}:{}\"", lib.display())),
        "path",
    );
    let site = Site::new(&server, setup);
    let facts = site.get("/").expect(200);
    let path = facts.value("path").unwrap();
    assert!(path.starts_with(&format!("['{first}', '{second}', '{}', ", lib.display())), "{path}");
    assert!(site.get("/import").ok().contains("word=first"));
}

#[trial]
fn pth_files_of_the_path_are_read(setup: &Setup) {
    let (first, second) = directories(setup);
    let lib = setup.run.workdir.path().join("apps/lib");
    let server = Httpd::start(
        setup,
        &Plan::new("python.conf").line(&format!("WSGIPythonPath \"{second}:{first}:{}\"", lib.display())),
        "pth",
    );
    assert_eq!(Site::new(&server, setup).get("/import").ok(), "word=second\npth=True\n");
}

#[trial]
fn optimisation_is_set(setup: &Setup) {
    is(&facts(setup, &[]), "optimize", "0");
    let one = facts(setup, &["WSGIPythonOptimize 1"]);
    is(&one, "optimize", "1");
    is(&one, "debug", "False");
    is(&facts(setup, &["WSGIPythonOptimize 2"]), "optimize", "2");
}

#[trial]
fn optimisation_of_the_environment_counts_too(setup: &Setup) {
    let plan = || Plan::new("python.conf").environment("PYTHONOPTIMIZE", "2");
    is(&of(setup, &plan()), "optimize", "2");
    is(&of(setup, &plan().line("WSGIPythonOptimize 1")), "optimize", "2");
}

#[trial]
fn what_a_pth_file_fails_with_is_a_line_of_the_log(setup: &Setup) {
    let (directory, _) = directories(setup);
    fs::write(format!("{directory}/broken.pth"), "import no_such_module\n").unwrap();
    let lib = setup.run.workdir.path().join("apps/lib");
    let line = format!("WSGIPythonPath \"{directory}:{}\"", lib.display());
    let server = Httpd::start(setup, &Plan::new("python.conf").line(&line), "broken-pth");
    let site = Site::new(&server, setup);
    site.get("/").expect(200);
    server.announce("re:\\[wsgi:(error|warn)\\]");
    let told = |line: &error_log::Line| line.text.contains("[wsgi:") && line.text.contains("No module named 'no_such_module'");
    assert!(server.whole_log().iter().any(told), "{:#?}", server.whole_log());
}

#[trial]
fn warnings_are_set(setup: &Setup) {
    let facts = facts(setup, &["WSGIPythonWarnings ignore::UserWarning", "WSGIPythonWarnings error::ImportWarning"]);
    is(&facts, "warnoptions", "['ignore::UserWarning', 'error::ImportWarning']");
    is(&facts, "filters", "[('error', 'ImportWarning'), ('ignore', 'UserWarning'), ('default', 'DeprecationWarning')]");
}

#[trial]
fn a_fixed_hash_seed_is_set(setup: &Setup) {
    let seeded = |seed: &str| facts(setup, &[&format!("WSGIPythonHashSeed {seed}")]).value("hash").unwrap().to_owned();
    let output = std::process::Command::new(&setup.python.executable)
        .args(["-c", "print(hash('a fixed text'))"])
        .env("PYTHONHASHSEED", "42")
        .output()
        .unwrap();
    assert_eq!(seeded("42"), String::from_utf8(output.stdout).unwrap().trim());
    assert_ne!(seeded("43"), seeded("42"));
}

#[trial(differs("it gives a fixed seed"))]
fn a_random_hash_seed_is_random(setup: &Setup) {
    let seeded = || facts(setup, &["WSGIPythonHashSeed random"]);
    let (one, other) = (seeded(), seeded());
    is(&one, "hash_randomization", "1");
    assert_ne!(one.value("hash"), other.value("hash"));
}

#[trial]
fn bytecode_can_be_left_unwritten(setup: &Setup) {
    is(&facts(setup, &[]), "dont_write_bytecode", "False");
    is(&facts(setup, &["WSGIDontWriteBytecode On"]), "dont_write_bytecode", "True");
}

#[trial]
fn the_switch_interval_is_set(setup: &Setup) {
    is(&facts(setup, &[]), "switch_interval", "0.005");
    is(&facts(setup, &["WSGISwitchInterval 0.02"]), "switch_interval", "0.02");
}

#[trial]
fn the_egg_cache_is_set(setup: &Setup) {
    is(&facts(setup, &["WSGIPythonEggs /var/tmp/eggs"]), "eggs", "/var/tmp/eggs");
}

#[trial]
fn signal_handlers_are_refused_with_a_notice(setup: &Setup) {
    let server = Httpd::start(setup, &Plan::new("python.conf"), "signals");
    server.announce("re:[Ss]ignal");
    server.announce_tracebacks();
    let site = Site::new(&server, setup);
    assert_eq!(site.get("/signal").ok(), "returned handler; installed=False");
    site.expect_log("re:[Ii]gnor.*signal|[Ss]ignal.*ignored");
}

#[trial]
fn signal_handlers_can_be_allowed(setup: &Setup) {
    let server = Httpd::start(setup, &Plan::new("python.conf").line("WSGIRestrictSignal Off"), "signals-allowed");
    // Python itself allows it on the main thread alone, and no request runs there.
    assert_eq!(Site::new(&server, setup).get("/signal").ok(), "ValueError; installed=False");
}

#[trial(differs("PYTHONHOME of httpd's environment reaches it"))]
fn the_callers_environment_does_not_choose_the_python(setup: &Setup) {
    let plan = Plan::new("python.conf").environment("PYTHONHOME", "/nowhere");
    let facts = of(setup, &plan);
    is(&facts, "prefix", &setup.home.display().to_string());
}
