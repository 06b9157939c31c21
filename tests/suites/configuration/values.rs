/*! Every option and directive with values of every kind, given to mod_wsgi 6.1.1 and to us: both accept them, or both refuse them, or
`tests/differences.txt` says why not (`values:`). The options are those of `docs/directives.md`, which is made from our table. What a value
that looks like none means is asked of the running server. */

mod lines;

use crate::suite;
use crate::suites::project::differential::{self, covers, table};
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::site::Site;
use registration::trial;
use std::collections::BTreeSet;
use std::fs;

/// How many options mod_wsgi 6.1.1 has. Those that it calls invalid are ours alone.
const THEIRS: usize = 44;

/// The suite.
pub fn suite() -> Suite {
    suite!("values").reach(Reach::Once)
}

/// The options of the table, with the syntax of their values.
fn options() -> Vec<(&'static str, &'static str)> {
    let page = include_str!("../../../docs/directives.md");
    let (_, section) = page.split_once("## Options of WSGIDaemonProcess").expect("the options' part");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("=`"));
    rows.collect()
}

/// A value that is right for the option.
fn good(name: &str, syntax: &str) -> &'static str {
    match name {
        "user" | "group" | "supplementary-groups" | "socket-user" | "script-user" | "script-group" => "daemon",
        "umask" => "027",
        "env" => "NAME=VALUE",
        "env-file" => "/etc/hostname",
        _ if syntax.starts_with("bytes") || syntax.starts_with("size") => "1073741824",
        _ if syntax.starts_with("directory") || syntax.starts_with("prefix") => "/usr",
        _ if syntax.starts_with("On") => "On",
        _ => "2",
    }
}

/// `name/kind` and the line for it.
fn cases() -> Vec<(String, String)> {
    let mut cases = Vec::new();
    for (name, syntax) in options() {
        let good = good(name, syntax);
        let written = [
            ("good", format!("{name}={good}")),
            ("quoted", format!("{name}=\"{good}\"")),
            ("blank-before", format!("{name}= {good}")),
            ("repeated", format!("{name}={good} {name}={good}")),
            ("repeated-empty", format!("{name}={good} {name}=''")),
            ("upper-case", format!("{}={good}", name.to_ascii_uppercase())),
            ("without-equals", name.to_owned()),
            ("empty", format!("{name}=''")),
            ("nothing", format!("{name}=")),
            ("zero", format!("{name}=0")),
            ("negative", format!("{name}=-1")),
            ("signed", format!("{name}=+1")),
            ("unit", format!("{name}=5s")),
            ("huge", format!("{name}=99999999999")),
            ("word", format!("{name}=abc")),
            ("ON", format!("{name}=ON")),
            ("root", format!("{name}=#0")),
        ];
        cases.extend(written.into_iter().map(|(kind, text)| (format!("{name}/{kind}"), format!("WSGIDaemonProcess g {text}"))));
    }
    cases
}

#[trial(differs("it is what we are compared with"))]
fn options_are_accepted_and_refused_as_by_mod_wsgi(setup: &Setup) {
    compare(setup, &cases(), "");
}

#[trial(differs("it is what we are compared with"))]
fn directives_are_accepted_and_refused_as_by_mod_wsgi(setup: &Setup) {
    let named = lines::LINES.iter().map(|line| {
        let name = line.replace("\\n", ";").replace(' ', "_");
        (format!("line/{name}"), line.replace("\\n", "\n"))
    });
    compare(setup, &named.collect::<Vec<_>>(), "line/");
}

/// Each line to both modules; what differs is to be listed, and what is listed is to differ. `part`: what the names begin with.
fn compare(setup: &Setup, cases: &[(String, String)], part: &str) {
    let (their_setup, our_setup) = differential::both(setup);
    let verdicts = |setup: &Setup, name: &str| -> Vec<(bool, String)> {
        let plan = Plan::new("complaints.conf").define("OWN_HOME", "1").define("OWN_GROUPS", "1");
        let files = Prepared::new(setup, &plan, name);
        let base = fs::read_to_string(&files.config).unwrap();
        let one = |line: &str| {
            fs::write(&files.config, format!("{base}{line}\n")).unwrap();
            // mod_wsgi's configtest may crash at its end, with or without a word.
            let tried = (0..3).map(|_| files.configtest()).find(|(_, said)| !said.is_empty()).unwrap_or_default();
            (tried.0 || tried.1.lines().any(|line| line == "Syntax OK"), tried.1)
        };
        cases.iter().map(|(_, line)| one(line)).collect()
    };
    let (ours, theirs) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| verdicts(&their_setup, "their-values"));
        (verdicts(&our_setup, "our-values"), theirs.join().unwrap())
    });
    let listed: BTreeSet<String> = table::read().into_iter().flat_map(|difference| difference.values).collect();
    let listed = listed.iter().filter(|pattern| pattern.starts_with("line/") == (part == "line/"));
    let listed: Vec<&String> = listed.collect();
    let alone = ours_alone(cases, &theirs);
    assert!(!part.is_empty() || options().len() - alone.len() == THEIRS, "mod_wsgi has {THEIRS} options, and not {alone:?}");
    let (mut report, mut seen) = (String::new(), BTreeSet::<&String>::new());
    for (((name, line), (their_verdict, they_say)), (our_verdict, we_say)) in cases.iter().zip(&theirs).zip(&ours) {
        let of_ours = name.split_once('/').is_some_and(|(option, _)| alone.contains(option));
        if of_ours || their_verdict == our_verdict {
            continue;
        }
        let difference = format!("{name}:{}", if *our_verdict { "accepted" } else { "refused" });
        let covering: Vec<&String> = listed.iter().copied().filter(|pattern| covers(pattern, &difference)).collect();
        if covering.is_empty() {
            report.push_str(&format!("\n{difference}\n  {line}\n  mod_wsgi: {they_say}  ours:     {we_say}"));
        }
        seen.extend(covering);
    }
    assert!(report.is_empty(), "differences that tests/differences.txt does not list:\n{report}");
    let gone: Vec<_> = listed.iter().filter(|pattern| !seen.contains(**pattern)).collect();
    assert!(gone.is_empty(), "tests/differences.txt lists what is no difference any more: {gone:?}");
}

/// The options whose right values mod_wsgi calls invalid options.
fn ours_alone<'c>(cases: &'c [(String, String)], theirs: &[(bool, String)]) -> BTreeSet<&'c str> {
    let refused = |said: &str| said.contains("Invalid option to WSGI daemon process definition");
    let judged = cases.iter().zip(theirs).filter(|(_, (accepted, said))| !accepted && refused(said));
    judged.filter_map(|((name, _), _)| name.strip_suffix("/good")).collect()
}

/// What the values mean, in both modules.
#[trial]
fn what_an_empty_value_and_a_repeated_one_mean(setup: &Setup) {
    const MEANS: &[(&str, &[(&str, &str)])] = &[
        ("umask=0022", &[("threads", "15"), ("multiprocess", "False"), ("LANG", "xx_XX"), ("LC_ALL", "None"), ("first", "None")]),
        ("lang=''", &[("LANG", "")]),
        ("lang=\"C.UTF-8\"", &[("LANG", "C.UTF-8")]),
        ("supplementary-groups=''", &[("threads", "15")]),
        ("python-path='' python-eggs='' python-home=\"${PYTHON_HOME}\"", &[("first", "None"), ("threads", "15")]),
        ("python-path=/nowhere-at-all python-path=\"${APPS}/lib\" python-path=''", &[("first", "None")]),
        ("threads= 2", &[("threads", "2")]),
        ("threads= '3'", &[("threads", "3")]),
        ("threads=3 threads=2", &[("threads", "2")]),
        ("processes=1", &[("multiprocess", "True"), ("processes", "1")]),
        ("processes=\"2\" threads=1", &[("multiprocess", "True"), ("processes", "2"), ("threads", "1")]),
        (
            "request-timeout=0 socket-timeout=0 queue-timeout=0 maximum-requests=0 memory-limit=0 stack-size=1048576",
            &[("threads", "15")],
        ),
        ("response-buffer-size=0 header-buffer-size=0 send-buffer-size=0 receive-buffer-size=0", &[("threads", "15")]),
    ];
    let mut plan = Plan::new("complaints.conf")
        .define("OWN_GROUPS", "1")
        .environment("LANG", "xx_XX")
        .announce("re:WSGI1422|WSGI1017|WSGI0079")
        .line("WSGIApplicationGroup %{GLOBAL}")
        .line("WSGISocketPrefix \"${ROOT}/run/s\"");
    for (number, (options, _)) in MEANS.iter().enumerate() {
        plan = plan
            .line(&format!("WSGIDaemonProcess g{number} {options}"))
            .line(&format!("WSGIScriptAlias /g{number} \"${{APPS}}/values.wsgi\" process-group=g{number}"));
    }
    let server = Httpd::start(setup, &plan, "meaning");
    let site = Site::new(&server, setup);
    for (number, (options, expected)) in MEANS.iter().enumerate() {
        let response = site.get(&format!("/g{number}")).expect(200);
        for (key, value) in *expected {
            assert_eq!(response.value(key), Some(*value), "{options}: {key}\n{}", response.text());
        }
    }
}
