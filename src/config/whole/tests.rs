/*! Whole configurations, read line by line. *Runs in: tests.* */
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use super::{Groups, NoAccess, ServerView, check, embedded_imports, host_and_port, main_group, scripts, starts_python};
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

    /// A section in the server read last.
    fn within(mut self, section: (&'static str, &'static str), lines: &[&str]) -> Self {
        let mut sample = Sample { notes: self.notes, section: Some(section), ..Sample::default() };
        sample.add(lines);
        self.notes = sample.notes;
        if let Some((server, ..)) = self.servers.last_mut() {
            server.sections.extend(sample.server.sections);
            server.uses.extend(sample.server.uses);
        }
        self
    }

    /// A section of which only a request can tell whether it is in it.
    fn section(self, lines: &[&str]) -> Self {
        self.within(("<Files x>", "x"), lines)
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
        self.main_group_of("")
    }

    fn main_group_of(&self, process_group: &str) -> Option<String> {
        let name = main_group(process_group.as_bytes(), &self.views(), &is_directory);
        name.map(|name| String::from_utf8_lossy(&name).into_owned())
    }

    fn findings(&self) -> Vec<String> {
        check(&self.views(), &self.notes).iter().map(ToString::to_string).collect()
    }
}

fn is_directory(path: &[u8]) -> bool {
    path == b"/srv/scripts"
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
fn every_process_group_has_a_main_interpreter_of_its_own() {
    let groups = ["WSGIDaemonProcess shop", "WSGIDaemonProcess blog"];
    let aliases = [
        "WSGIScriptAlias /shop /srv/shop.wsgi process-group=shop",
        "WSGIScriptAlias /blog /srv/blog.wsgi process-group=blog",
        "WSGIScriptAlias / /srv/a.wsgi",
    ];
    let whole = |more: &[&str]| Whole::main(&[groups.as_slice(), aliases.as_slice(), more].concat());
    let found = |whole: &Whole| ["shop", "blog", ""].map(|group| whole.main_group_of(group));
    let [shop, blog, embedded] = ["main.example|/shop", "main.example|/blog", "main.example|"].map(|name| Some(name.to_owned()));
    assert_eq!(found(&whole(&[])), [shop.clone(), blog.clone(), embedded.clone()]);
    let import = "WSGIImportScript /x process-group=blog application-group=%{GLOBAL}";
    assert_eq!(found(&whole(&[import])), [shop.clone(), None, embedded.clone()]);
    let alias = "WSGIScriptAlias /x /x process-group=shop application-group=%{GLOBAL}";
    assert_eq!(found(&whole(&[alias])), [None, blog.clone(), embedded.clone()]);
    assert_eq!(found(&whole(&["WSGIApplicationGroup %{GLOBAL}"])), [None, None, None], "it may concern each");
    let section = whole(&[]).section(&["WSGIProcessGroup blog", "WSGIApplicationGroup %{GLOBAL}"]);
    assert_eq!(found(&section), [shop, None, embedded], "a section that names both its groups concerns no other");
    let other_host = whole(&[]).host("b.example", &["WSGIProcessGroup nobody", "WSGIApplicationGroup %{GLOBAL}"]);
    assert_eq!(found(&other_host)[1], None, "the virtual host inherits the aliases, and so the groups");
}

#[test]
fn a_section_that_covers_an_alias_says_where_it_runs() {
    let group = "WSGIDaemonProcess shop";
    let alias = "WSGIScriptAlias /x /srv/shop/a.wsgi";
    let to_shop: &[&str] = &["WSGIProcessGroup shop", "WSGIApplicationGroup one"];
    let cases: &[(&str, &str, bool)] = &[
        ("<Directory /srv>", "/srv/", true),
        ("<Directory /srv/shop>", "/srv/shop/", true),
        ("<Location /x>", "/x", true),
        ("<Location />", "/", true),
        ("<Directory /srv/shopping>", "/srv/shopping/", false),
        ("<Location /y>", "/y", false),
        ("<Location /x/deeper>", "/x/deeper", false),
        ("<DirectoryMatch ^/srv>", "^/srv", false),
    ];
    for (head, path, covered) in cases {
        let whole = Whole::main(&[group, alias]).within((head, path), to_shop);
        assert_eq!(whole.main_group_of("shop").as_deref(), covered.then_some("one"), "{head}");
        assert_eq!(whole.main_group_of("").as_deref(), (!covered).then_some("main.example|/x"), "{head}");
    }
    let deeper = Whole::main(&[group, alias])
        .within(("<Location /x>", "/x"), &["WSGIProcessGroup shop"])
        .within(("<Directory /srv/shop>", "/srv/shop/"), &["WSGIProcessGroup blog"])
        .within(("<Directory /srv>", "/srv/"), &["WSGIProcessGroup other"]);
    assert_eq!(deeper.main_group_of("shop").as_deref(), Some("main.example|/x"), "locations go after directories");
    let option = Whole::main(&[group, "WSGIScriptAlias /x /srv/a.wsgi process-group=%{GLOBAL}"])
        .within(("<Location /x>", "/x"), &["WSGIProcessGroup shop"]);
    assert_eq!(option.main_group_of("").as_deref(), Some("main.example|/x"), "an option goes before all");
}

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
    let found = scripts(groups.get(name.as_bytes()).unwrap(), &views, &is_directory);
    let show = |script: &protocol::plan::Script| {
        let kind = if script.import { "import" } else { "mapped" };
        format!("{kind} {} {}", String::from_utf8_lossy(&script.path), String::from_utf8_lossy(&script.application_group))
    };
    (found.list.iter().map(show).collect(), found.preload)
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
    assert_eq!(list, ["import /late.py x", "import /g.wsgi ", "mapped /a.wsgi main.example|/a"]);
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

#[test]
fn group_names_that_lead_nowhere_are_told_apart_by_where_they_stand() {
    let cases: &[(Whole, &str)] = &[
        (Whole::main(&["WSGIProcessGroup shop"]), "WSGI1018: test.conf:101: WSGIProcessGroup names the process group `shop`"),
        (
            Whole::main(&[
                "WSGIScriptAlias /a /a process-group=Shop",
                "WSGIDaemonProcess shop",
                "WSGIScriptAlias /b /b process-group=shop",
            ]),
            "WSGI1018: test.conf:101: WSGIScriptAlias (process-group=) names the process group `Shop`",
        ),
        (
            Whole::main(&[]).section(&["WSGIProcessGroup shop"]),
            "WSGI1019: test.conf:1: WSGIProcessGroup names the process group `shop`",
        ),
        (
            Whole::main(&[]).section(&["WSGIHandlerScript h /h process-group=shop"]),
            "WSGI1019: test.conf:1: WSGIHandlerScript (process-group=) names the process group `shop`",
        ),
    ];
    for (whole, start) in cases {
        let findings = whole.findings();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with(start) && findings[0].contains("`%{GLOBAL}`"), "{findings:?}");
        let level = check(&whole.views(), &whole.notes)[0].code.level;
        assert_eq!(level == protocol::Level::Error, start.contains("1018"), "only the server's own text fails configtest");
    }
    let named_for_its_host = Whole::main(&["WSGIProcessGroup own"]).host("b.example", &["WSGIDaemonProcess own"]);
    assert_eq!(named_for_its_host.findings(), [""; 0], "the virtual host inherits the name");
}

#[test]
fn a_group_that_no_url_leads_to_is_named() {
    let unused = |whole: &Whole| whole.findings().iter().filter(|finding| finding.starts_with("WSGI1017: ")).count();
    let group = "WSGIDaemonProcess shop";
    let whole = Whole::main(&[group, "WSGIScriptAlias / /a"]);
    let findings = whole.findings();
    assert!(findings[0].starts_with("WSGI1017: test.conf:101: no URL leads to the process group `shop`"), "{findings:?}");
    assert!(findings[0].contains("`WSGIProcessGroup shop`") && findings[0].contains("embedded mode"), "{findings:?}");
    for more in [
        "WSGIProcessGroup shop",
        "WSGIProcessGroup %{ENV:X}",
        "WSGIScriptAlias /x /x process-group=shop",
        "WSGIHandlerScript h /h process-group=shop",
        "WSGIImportScript /x process-group=shop application-group=x",
    ] {
        assert_eq!(unused(&Whole::main(&[group, more])), 0, "{more}");
    }
    assert_eq!(unused(&Whole::main(&[group]).section(&["WSGIProcessGroup shop"])), 0);
    assert_eq!(unused(&Whole::main(&[group]).host("b.example", &["WSGIProcessGroup shop"])), 0);
    let foreign = Whole::main(&[]).host("b.example", &[group]).host("c.example", &["WSGIProcessGroup shop"]);
    assert_eq!(unused(&foreign), 1, "who names it may not use it");
}

#[test]
fn a_service_needs_a_script_and_takes_no_requests() {
    let group = "WSGIDaemonProcess jobs threads=0";
    let import = "WSGIImportScript /jobs.py process-group=jobs application-group=%{GLOBAL}";
    assert_eq!(Whole::main(&[group, import]).findings(), [""; 0]);
    for (more, cause) in [
        (vec![], "no WSGIImportScript for it"),
        (vec![import, "WSGIScriptAlias / /a process-group=jobs"], "runs no requests, but URLs lead to it"),
        (vec![import, "WSGIProcessGroup jobs", "WSGIScriptAlias / /a"], "runs no requests, but URLs lead to it"),
    ] {
        let findings = Whole::main(&[vec![group], more].concat()).findings();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("WSGI1021: test.conf:101: ") && findings[0].contains(cause), "{findings:?}");
    }
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
    let starts = |whole: Whole| starts_python(&whole.views());
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
    let group = "WSGIDaemonProcess shop";
    let alias = "WSGIScriptAlias / /srv/shop/a.wsgi";
    let to_shop = &["WSGIProcessGroup shop"];
    assert!(!starts(Whole::main(&[group, alias, "WSGIProcessGroup shop"])));
    assert!(!starts(Whole::main(&[group, "WSGIScriptAlias / /a process-group=shop"])));
    assert!(!starts(Whole::main(&[group, alias]).within(("<Directory /srv/shop>", "/srv/shop/"), to_shop)));
    assert!(!starts(Whole::main(&[group, alias]).within(("<Location />", "/"), to_shop)));
    assert!(!starts(Whole::main(&[group, alias]).section(to_shop)), "not certain to run in embedded mode");
    assert!(starts(Whole::main(&[group, alias]).within(("<Directory /srv/other>", "/srv/other/"), to_shop)));
    assert!(!starts(Whole::main(&[group, "WSGIProcessGroup shop", "WSGIHandlerScript h /a"])));
    assert!(!starts(Whole::main(&[group]).section(&["WSGIProcessGroup shop", "WSGIHandlerScript h /a"])));
    assert!(starts(Whole::main(&[group, "WSGIProcessGroup shop"]).section(&["WSGIHandlerScript h /a process-group=%{GLOBAL}"])));
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
