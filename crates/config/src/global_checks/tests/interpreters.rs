/*! Whom the main interpreters host, and what starts at once. *Runs in: tests.* */

use super::Whole;
use crate::global_checks::{embedded_imports, host_and_port, starts_python};

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
