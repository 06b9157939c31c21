/*! What is worth a warning, and what configtest refuses. *Runs in: tests.* */

use super::Whole;
use crate::global_checks::check;

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
    assert!(findings[0].starts_with("WSGI1017: test.conf:101: the process group `shop` is not used"), "{findings:?}");
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
        (vec![], "no WSGIImportScript"),
        (vec![import, "WSGIScriptAlias / /a process-group=jobs"], "serves no requests, but URLs are mapped to it"),
        (vec![import, "WSGIProcessGroup jobs", "WSGIScriptAlias / /a"], "serves no requests, but URLs are mapped to it"),
    ] {
        let findings = Whole::main(&[vec![group], more].concat()).findings();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("WSGI1021: test.conf:101: ") && findings[0].contains(cause), "{findings:?}");
    }
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
            "WSGI1013: test.conf:101: the alias for `/a` uses embedded mode",
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
        assert!(findings[0].starts_with(start) && findings[0].contains("To fix: "), "{findings:?}");
    }
    let whole = Whole::main(&["WSGITrustedProxies 10."]).section(&["WSGITrustedProxyHeaders X-Real-IP"]);
    assert_eq!(whole.findings(), [""; 0], "the section may inherit them");
}
