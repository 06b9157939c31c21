/*! Whole configurations, read line by line. *Runs in: tests.* */
#![allow(clippy::indexing_slicing, reason = "tests")]

use super::{ServerView, check, embedded_imports, host_and_port, main_group, starts_python};
use crate::config::merge;
use crate::config::sample::Sample;
use crate::config::{DirectoryConfig, Notes, ServerConfig};

/// A main server and its virtual hosts, read in the order given.
#[derive(Default)]
struct Whole {
    servers: Vec<(ServerConfig, DirectoryConfig, &'static str, u16)>,
    notes: Notes,
    main_is_unreachable: bool,
}

impl Whole {
    fn main(lines: &[&str]) -> Self {
        Self::default().server("main.example", 80, lines)
    }

    fn host(self, name: &'static str, lines: &[&str]) -> Self {
        self.server(name, 8080, lines)
    }

    fn server(mut self, name: &'static str, port: u16, lines: &[&str]) -> Self {
        let mut sample = Sample { notes: self.notes, line: 100, ..Sample::default() };
        sample.add(lines);
        self.notes = sample.notes;
        let merged = match self.servers.first() {
            Some((main, directory, ..)) => {
                (merge::server(main, &sample.server), merge::directory(directory, &sample.directory), name, port)
            }
            None => (sample.server, sample.directory, name, port),
        };
        self.servers.push(merged);
        self
    }

    fn section(mut self, lines: &[&str]) -> Self {
        let mut sample = Sample { notes: self.notes, section: true, ..Sample::default() };
        sample.add(lines);
        self.notes = sample.notes;
        self
    }

    fn views(&self) -> Vec<ServerView<'_>> {
        self.servers
            .iter()
            .enumerate()
            .map(|(index, (config, directory, host, port))| ServerView {
                config,
                directory,
                host: host.as_bytes(),
                port: *port,
                reachable: index > 0 || !self.main_is_unreachable,
            })
            .collect()
    }

    fn main_group(&self) -> Option<String> {
        let is_directory = |path: &[u8]| path == b"/srv/scripts";
        main_group(&self.views(), &self.notes, &is_directory).map(|name| String::from_utf8_lossy(&name).into_owned())
    }

    fn findings(&self) -> Vec<String> {
        check(&self.views(), &self.notes).iter().map(ToString::to_string).collect()
    }
}

#[test]
fn a_port_of_a_scheme_is_not_named() {
    assert_eq!(host_and_port(b"h", 80), b"h");
    assert_eq!(host_and_port(b"h", 443), b"h");
    assert_eq!(host_and_port(b"h", 8443), b"h:8443");
}

#[test]
fn the_first_fixed_group_lives_in_the_main_interpreter() {
    let cases: &[(&[&str], Option<&str>)] = &[
        (&[], None),
        (&["WSGIScriptAlias / /srv/a.wsgi"], Some("main.example|")),
        (&["WSGIScriptAlias //x//y/ /srv/a.wsgi"], Some("main.example|/x/y")),
        (&["WSGIScriptAlias /b /srv/b.wsgi", "WSGIScriptAlias /a /srv/a.wsgi"], Some("main.example|/b")),
        (&["WSGIScriptAlias / /srv/a.wsgi application-group=shop"], Some("shop")),
        (&["WSGIApplicationGroup shop", "WSGIScriptAlias / /srv/a.wsgi"], Some("shop")),
        (&["WSGIScriptAlias / /srv/a.wsgi", "WSGIApplicationGroup %{SERVER}"], Some("main.example")),
        (&["WSGIScriptAlias / /srv/a.wsgi application-group=%{HOST}", "WSGIScriptAlias /b /srv/b.wsgi"], Some("main.example|/b")),
        (&["WSGIScriptAlias / /srv/a.wsgi application-group=%{ENV:X}"], None),
        (&["WSGIScriptAliasMatch ^/x /srv/a.wsgi application-group=fixed"], None),
        (&["WSGIScriptAlias /s /srv/scripts", "WSGIScriptAlias /t /srv/t/"], None),
        (&["WSGIScriptAlias /s /srv/scripts application-group=fixed"], Some("fixed")),
        (&["WSGIScriptAlias /X /srv/a.wsgi", "WSGICaseSensitivity Off"], Some("main.example|/x")),
        (&["WSGIProcessGroup %{ENV:X}", "WSGIScriptAlias / /srv/a.wsgi"], None),
        (&["WSGIProcessGroup %{ENV:X}", "WSGIScriptAlias / /srv/a.wsgi process-group=%{GLOBAL}"], Some("main.example|")),
    ];
    for (lines, expected) in cases {
        assert_eq!(Whole::main(lines).main_group().as_deref(), *expected, "{lines:?}");
    }
}

#[test]
fn naming_the_main_interpreter_anywhere_keeps_it_for_who_named_it() {
    let alias = "WSGIScriptAlias / /srv/a.wsgi";
    let whole = || Whole::main(&[alias]);
    assert_eq!(whole().main_group().as_deref(), Some("main.example|"));
    for line in [
        "WSGIScriptAlias /b /srv/b.wsgi application-group=%{GLOBAL}",
        "WSGIScriptAliasMatch ^/b /srv/b.wsgi application-group=%{GLOBAL}",
        "WSGIApplicationGroup %{GLOBAL}",
        "WSGIImportScript /srv/b.wsgi process-group=%{GLOBAL} application-group=%{GLOBAL}",
        "WSGIHandlerScript h /srv/h.py application-group=%{GLOBAL}",
    ] {
        assert_eq!(whole().host("b.example", &[line]).main_group(), None, "in a virtual host: {line}");
    }
    for line in ["WSGIApplicationGroup %{GLOBAL}", "WSGIHandlerScript h /srv/h.py application-group=%{GLOBAL}"] {
        assert_eq!(whole().section(&[line]).main_group(), None, "in a section: {line}");
    }
    assert_eq!(whole().section(&["WSGIApplicationGroup other"]).main_group().as_deref(), Some("main.example|"));
}

#[test]
fn first_means_first_in_the_configuration_that_a_request_can_reach() {
    let two = |unreachable| Whole {
        main_is_unreachable: unreachable,
        ..Whole::main(&["WSGIScriptAlias /main /srv/m.wsgi"]).host("b.example", &["WSGIScriptAlias /b /srv/b.wsgi"])
    };
    assert_eq!(two(false).main_group().as_deref(), Some("main.example|/main"));
    assert_eq!(two(true).main_group().as_deref(), Some("b.example:8080|/main"), "the virtual host inherits it");
    let only_hosts = Whole::main(&[]).host("b.example", &["WSGIScriptAlias /b /b"]).host("c.example", &["WSGIScriptAlias /c /c"]);
    assert_eq!(only_hosts.main_group().as_deref(), Some("b.example:8080|/b"));
}

#[test]
fn imports_come_once_and_in_order() {
    let import = |path: &str| format!("WSGIImportScript {path} process-group=%{{GLOBAL}} application-group=x");
    let preload = "WSGIScriptAlias / /c process-group=%{GLOBAL} application-group=x";
    let whole = Whole::main(&[&import("/a")]).host("b.example", &[&import("/b"), preload]).host("c.example", &[&import("/d")]);
    let views = whole.views();
    let scripts: Vec<&[u8]> = embedded_imports(&views).iter().map(|import| &*import.script).collect();
    assert_eq!(scripts, [b"/a", b"/b", b"/c", b"/d"]);
}

#[test]
fn python_starts_with_the_process_where_something_is_mapped_to_it() {
    let starts = |whole: Whole| starts_python(&whole.views(), &whole.notes);
    let restricted = "WSGIRestrictEmbedded On";
    let import = "WSGIImportScript /a process-group=%{GLOBAL} application-group=x";
    assert!(!starts(Whole::main(&["WSGIPythonHome /usr"])));
    assert!(starts(Whole::main(&["WSGIScriptAlias / /a"])));
    assert!(starts(Whole::main(&[]).host("b.example", &["WSGIScriptAliasMatch ^/ /a"])));
    assert!(!starts(Whole::main(&["WSGIScriptAlias / /a process-group=%{ENV:X}"])));
    assert!(starts(Whole::main(&["WSGIHandlerScript h /a"])));
    assert!(starts(Whole::main(&[]).section(&["WSGIHandlerScript h /a"])));
    assert!(!starts(Whole::main(&[restricted, "WSGIScriptAlias / /a"])));
    assert!(starts(Whole::main(&[restricted, import])));
}

#[test]
fn an_ordinary_configuration_has_no_findings() {
    let whole =
        Whole::main(&["WSGIScriptAlias /api /srv/api.wsgi", "WSGIScriptAlias / /srv/a.wsgi", "WSGIApplicationGroup %{GLOBAL}"])
            .host(
                "b.example",
                &["WSGIScriptAlias / /srv/b.wsgi", "WSGITrustedProxies 10.", "WSGITrustedProxyHeaders X-Forwarded-For"],
            )
            .host(
                "c.example",
                &[
                    "WSGIScriptAliasMatch ^/a /x",
                    "WSGIScriptAliasMatch ^/b /x",
                    "WSGIScriptAlias /ab /y",
                    "WSGIScriptAlias /a /y",
                ],
            );
    assert_eq!(whole.findings(), [""; 0]);
}

#[test]
fn an_alias_that_is_never_used_is_named_with_the_one_that_hides_it() {
    for (first, second) in [("/", "/api"), ("/a", "/a"), ("/a", "//a//b"), ("/a", "/a/")] {
        let whole = Whole::main(&[&format!("WSGIScriptAlias {first} /x"), &format!("WSGIScriptAlias {second} /y")]);
        let findings = whole.findings();
        assert_eq!(findings.len(), 1, "{findings:?}");
        let start = format!("WSGI1010: test.conf:102: the alias for `{second}` is never used");
        assert!(findings[0].starts_with(&start) && findings[0].contains("test.conf:101"), "{findings:?}");
    }
    let same_expression = Whole::main(&["WSGIScriptAliasMatch ^/a /x", "WSGIScriptAliasMatch ^/a /y"]).host("b.example", &[]);
    assert_eq!(same_expression.findings().len(), 1, "once, although a virtual host inherits both");
}

#[test]
fn strange_but_allowed_text_is_warned_of() {
    let cases: &[(Whole, &str)] = &[
        (Whole::main(&["WSGIScriptAlias app /x"]), "WSGI1011: test.conf:101: WSGIScriptAlias `app` never matches"),
        (Whole::main(&["WSGITrustedProxyHeaders X-Real-IP"]), "WSGI1012: server `main.example` has WSGITrustedProxyHeaders"),
        (
            Whole::main(&[]).section(&["WSGITrustedProxyHeaders X-Real-IP"]),
            "WSGI1012: test.conf:1: a directory section has WSGITrustedProxyHeaders",
        ),
        (
            Whole::main(&["WSGIScriptAlias /a /x", "WSGIRestrictEmbedded On"]),
            "WSGI1013: test.conf:101: the alias for `/a` runs in embedded mode",
        ),
        (Whole::main(&["WSGIApplicationGroup %{GLOBL}"]), "WSGI1014: test.conf:101: WSGIApplicationGroup names `%{GLOBL}`"),
        (
            Whole::main(&["WSGIScriptAlias /a /x application-group=%{SEVER}"]),
            "WSGI1014: test.conf:101: WSGIScriptAlias (application-group=) names `%{SEVER}`",
        ),
    ];
    for (whole, start) in cases {
        let findings = whole.findings();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with(start) && findings[0].contains("(hint: "), "{findings:?}");
    }
    let whole = Whole::main(&["WSGITrustedProxies 10."]).section(&["WSGITrustedProxyHeaders X-Real-IP"]);
    assert_eq!(whole.findings(), [""; 0], "the section may inherit them");
}
