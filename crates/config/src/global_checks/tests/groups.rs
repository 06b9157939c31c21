/*! Daemon groups: who may use them, and the scripts that are known beforehand. *Runs in: tests.* */

use super::Whole;
use crate::global_checks::{Groups, NoAccess, scripts};

#[test]
fn a_group_belongs_to_the_name_of_its_virtual_host() {
    let whole = Whole::main(&["WSGIDaemonProcess all"])
        .host("b.example", &["WSGIDaemonProcess own processes=2"])
        .host("b.example", &["WSGIDaemonProcess own processes=2"])
        .host("c.example", &["WSGIDaemonProcess shared"])
        .host("d.example", &["WSGIDaemonProcess shared"])
        .host("", &["WSGIDaemonProcess nameless"])
        .host("e.example", &["WSGIDaemonProcess all"]);
    let groups = Groups::new(&whole.views());
    let names: Vec<(&[u8], u32, usize)> = groups.iter().map(|group| (&*group.process.name, group.number, group.server)).collect();
    assert_eq!(names, [(b"all".as_slice(), 1, 0), (b"own", 2, 1), (b"shared", 3, 3), (b"nameless", 4, 5)]);
    let cases: &[(&str, &str, Option<NoAccess>)] = &[
        ("all", "b.example", None),
        ("all", "", None),
        ("own", "b.example", None),
        ("own", "c.example", Some(NoAccess::Foreign)),
        ("own", "main.example", Some(NoAccess::Foreign)),
        ("own", "", Some(NoAccess::Nameless)),
        ("shared", "c.example", None),
        ("shared", "d.example", None),
        ("shared", "b.example", Some(NoAccess::Foreign)),
        ("nameless", "b.example", Some(NoAccess::Nameless)),
        ("Own", "b.example", Some(NoAccess::Unknown)),
        ("", "b.example", Some(NoAccess::Unknown)),
    ];
    for (name, host, expected) in cases {
        assert_eq!(groups.usable(name.as_bytes(), host.as_bytes()).err(), *expected, "{name} {host}");
    }
    assert!(NoAccess::Foreign.phrase().ends_with("not accessible.") && NoAccess::Nameless.phrase().ends_with("not matchable."));
}

/// Path, application group and kind of a group's scripts; whether they are preloaded.
fn scripts_of(whole: &Whole, name: &str) -> (Vec<String>, bool) {
    let views = whole.views();
    let groups = Groups::new(&views);
    let found = scripts(groups.get(name.as_bytes()).unwrap(), &views);
    let show = |script: &protocol::plan::Script| {
        let kind = if script.import { "import" } else { "mapped" };
        format!("{kind} {} {}", String::from_utf8_lossy(&script.path), String::from_utf8_lossy(&script.application_group))
    };
    (found.list.iter().map(show).collect(), found.preload)
}

#[test]
fn a_group_may_be_defined_after_its_scripts_are_named() {
    // As certbot sorts it: `site-le-ssl.conf` is read before `site.conf`.
    let whole = Whole::main(&["WSGIImportScript /late.py process-group=all application-group=x"])
        .host("b.example", &["WSGIScriptAlias / /b.wsgi process-group=own application-group=%{GLOBAL}"])
        .host("b.example", &["WSGIDaemonProcess own"])
        .host("c.example", &["WSGIScriptAlias / /c.wsgi process-group=own application-group=%{GLOBAL}", "WSGIDaemonProcess all"]);
    assert_eq!(scripts_of(&whole, "own").0, ["import /b.wsgi "], "a neighbour's script is not loaded in it");
    assert_eq!(scripts_of(&whole, "all").0, Vec::<String>::new(), "it is c.example's alone");
}

#[test]
fn the_scripts_of_a_group_are_known_before_a_request() {
    let lines = [
        "WSGIDaemonProcess shop",
        "WSGIProcessGroup shop",
        "WSGIScriptAlias /a /a.wsgi",
        "WSGIImportScript /late.py process-group=shop application-group=x",
        "WSGIScriptAlias /g /g.wsgi process-group=shop application-group=%{GLOBAL}",
        "WSGIScriptAlias /e /e.wsgi process-group=%{GLOBAL}",
        "WSGIScriptAlias /h /h.wsgi application-group=%{HOST}",
        "WSGIScriptAlias /s /srv/scripts",
        "WSGIScriptAliasMatch ^/m /m.wsgi application-group=m",
        "WSGIScriptAlias /again /a.wsgi application-group=main.example|/a",
    ];
    let (list, preload) = scripts_of(&Whole::main(&lines), "shop");
    assert_eq!(
        list,
        ["import /late.py x", "import /g.wsgi ", "mapped /a.wsgi main.example|/a", "mapped /srv/scripts main.example|/s"],
        "root does not look whether a target is a directory: the group's processes do"
    );
    assert!(preload);
    let uncertain = Whole::main(&lines).section(&["WSGIProcessGroup %{GLOBAL}"]);
    assert_eq!(
        scripts_of(&uncertain, "shop").0,
        ["import /late.py x", "import /g.wsgi "],
        "what a request may move is not loaded"
    );
}

#[test]
fn few_scripts_are_preloaded_and_many_only_if_told() {
    let aliases = ["/a", "/b", "/c", "/d", "/e"].map(|path| format!("WSGIScriptAlias {path} {path}.wsgi process-group=shop"));
    let aliases: Vec<&str> = aliases.iter().map(String::as_str).collect();
    for (option, count, expected) in [
        ("", 4, true),
        ("", 5, false),
        ("", 0, true),
        (" preload=auto", 5, false),
        (" preload=On", 5, true),
        (" preload=Off", 1, false),
        (" threads=0", 1, false),
    ] {
        let group = format!("WSGIDaemonProcess shop{option}");
        let whole = Whole::main(&[&[group.as_str()], &aliases[..count]].concat());
        assert_eq!(scripts_of(&whole, "shop").1, expected, "{group} {count}");
    }
}

#[test]
fn a_neighbour_loads_no_script_in_a_group() {
    let whole = Whole::main(&[])
        .host("a.example", &["WSGIDaemonProcess own", "WSGIScriptAlias / /a.wsgi process-group=own"])
        .host("b.example", &["WSGIImportScript /evil.py process-group=own application-group=x"])
        .host("c.example", &["WSGIScriptAlias / /evil.wsgi process-group=own"]);
    assert_eq!(scripts_of(&whole, "own").0, ["mapped /a.wsgi a.example:8080|"]);
    let findings = whole.findings();
    assert_eq!(findings.len(), 2, "{findings:?}");
    for (finding, directive) in findings.iter().zip(["WSGIImportScript", "WSGIScriptAlias"]) {
        let start = format!("WSGI1020: test.conf:101: WSGI process group not accessible. {directive} (process-group=)");
        assert!(finding.starts_with(&start) && finding.contains("at test.conf:101"), "{finding}");
    }
}
