/*! The words of the mapping directives. *Runs in: tests.* */

use super::{refusal, text};
use crate::settings::section::Within;
use crate::settings::{CallableName, GroupName, Text};
use crate::test_support::Sample;

#[test]
fn an_alias_keeps_what_it_says() {
    let sample = Sample::of(&[
        "WSGIScriptAlias / /srv/shop/../shop//wsgi.py",
        r#"WSGIScriptAlias /b "apps/my app.py" callable-object=app pass-authorization=on application-group="a b" process-group=%{ENV:G}"#,
        r"WSGIScriptAliasMatch ^/s/(\w+) /srv/$1/a.wsgi application-group=%{SERVER}",
        "WSGIScriptAliasMatch ^/t/(.*) sites/$1",
        "WSGIScriptAliasMatch ^(/srv/.*) $1",
        "WSGIScriptAlias /d /srv/scripts/",
    ]);
    let aliases = &sample.server.aliases;
    let targets: Vec<&[u8]> = aliases.iter().map(|alias| &*alias.target).collect();
    let expected =
        ["/srv/shop/wsgi.py", "/etc/apache2/apps/my app.py", "/srv/$1/a.wsgi", "/etc/apache2/sites/$1", "$1", "/srv/scripts/"];
    assert_eq!(targets, expected.map(str::as_bytes));
    assert_eq!(aliases.iter().map(|alias| alias.order).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(&*aliases[0].defined_at, "test.conf:1");
    assert_eq!((&aliases[0].process_group, &aliases[0].application_group), (&None, &None));
    assert_eq!(aliases[1].application_group, Some(GroupName::Literal(text("a b"))));
    assert_eq!(aliases[1].process_group, Some(GroupName::Env(text("G"))));
    assert_eq!(aliases[1].callable_object, Some(CallableName::Literal(text("app"))));
    assert_eq!(aliases[1].pass_authorization, Some(true));
    assert!(aliases[1].pattern.is_none() && aliases[2].pattern.is_some());
    assert_eq!(aliases[2].application_group, Some(GroupName::Server));
}

#[test]
fn a_wrong_alias_is_refused_with_cause_and_cure() {
    let cases = [
        ("WSGIScriptAlias / /a foo=bar", "Invalid option to WSGI script alias definition. Found: `foo=bar`"),
        ("WSGIScriptAlias / /a foo", "Invalid option to WSGI script alias definition. Found: `foo`"),
        ("WSGIScriptAlias / /my app.py", "Invalid option to WSGI script alias definition. Found: `app.py`"),
        ("WSGIScriptAlias / /a user=x", "Invalid option to WSGI script alias definition. Found: `user=x`"),
        ("WSGIScriptAlias / /a Process-Group=x", "Invalid option to WSGI script alias definition. Found: `Process-Group=x`"),
        ("WSGIScriptAlias / /a process-group=", "The option `process-group=` has no value"),
        ("WSGIScriptAlias / /a application-group=\"\"", "The option `application-group=` has no value"),
        ("WSGIScriptAlias / /a pass-authorization=maybe", "`pass-authorization=` must be one of: Off | On"),
        ("WSGIScriptAlias / /a callable-object=a.b", "names `a.b`, which is not a Python name"),
        ("WSGIScriptAlias / \"/a", "the closing quote is missing after `/a`"),
        ("WSGIScriptAliasMatch ^( /a", "the regular expression `^(` cannot be compiled: missing closing parenthesis"),
        (
            "WSGIHandlerScript h /a callable-object=x",
            "Invalid option to WSGI handler script definition. Found: `callable-object=x`",
        ),
        ("WSGIImportScript /a process-group=%{GLOBAL} foo=x", "Invalid option to WSGI import script definition. Found: `foo=x`"),
    ];
    for (line, cause) in cases {
        let refused = refusal(line);
        assert!(refused.contains(cause) && refused.contains("To fix: "), "{line}: {refused}");
    }
}

#[test]
fn an_alias_that_names_both_groups_for_good_is_loaded_at_start() {
    let cases: &[(&str, Option<(&str, &str)>)] = &[
        ("WSGIScriptAlias / /a process-group=%{GLOBAL} application-group=%{GLOBAL}", Some(("/a", ""))),
        ("WSGIScriptAlias / /a application-group=x process-group=%{GLOBAL}", Some(("/a", "x"))),
        ("WSGIScriptAliasMatch ^/x /a application-group=x process-group=%{GLOBAL}", Some(("/a", "x"))),
        ("WSGIScriptAliasMatch ^/(x) /a/$1 application-group=x process-group=%{GLOBAL}", None),
        ("WSGIScriptAlias / /a application-group=%{GLOBAL}", None),
        ("WSGIScriptAlias / /a process-group=%{GLOBAL}", None),
        ("WSGIScriptAlias / /a process-group=%{GLOBAL} application-group=%{SERVER}", None),
        ("WSGIScriptAlias / /a process-group=%{ENV:X} application-group=x", None),
        ("WSGIScriptAlias / /a", None),
    ];
    for (line, expected) in cases {
        let sample = Sample::of(&[line]);
        let found: Vec<(Text, Text)> =
            sample.server.imports.iter().map(|import| (import.script.clone(), import.application_group.clone())).collect();
        let expected: Vec<(Text, Text)> = expected.iter().map(|(script, group)| (text(script), text(group))).collect();
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn an_import_script_needs_both_groups_and_no_request() {
    let sample = Sample::of(&["WSGIImportScript a.py process-group=%{GLOBAL} application-group=x"]);
    assert_eq!(sample.server.imports[0].script, text("/etc/apache2/a.py"));
    assert_eq!(sample.server.imports[0].application_group, text("x"));
    for (line, cause) in [
        ("WSGIImportScript /a application-group=x application-group=y", "requires `process-group=`, which is missing"),
        (
            "WSGIImportScript /a process-group=%{GLOBAL} process-group=%{GLOBAL}",
            "requires `application-group=`, which is missing",
        ),
        (
            "WSGIImportScript /a process-group=%{GLOBAL} application-group=%{SERVER}",
            "`application-group=` names a group that depends on the request",
        ),
        (
            "WSGIImportScript /a process-group=%{ENV:X} application-group=x",
            "`process-group=` names a group that depends on the request",
        ),
    ] {
        assert!(refusal(line).contains(cause), "{}", refusal(line));
    }
}

#[test]
fn handler_scripts_replace_each_other_by_name() {
    let sample = Sample::of(&[
        "WSGIHandlerScript a /first",
        "WSGIHandlerScript b /second application-group=x pass-authorization=Off",
        "WSGIHandlerScript a /third",
    ]);
    let scripts = sample.directory.handler_scripts.unwrap();
    let found: Vec<(&[u8], &[u8])> = scripts.iter().map(|script| (&*script.handler, &*script.script)).collect();
    assert_eq!(found, [(b"b".as_slice(), b"/second".as_slice()), (b"a", b"/third")]);
    assert_eq!(scripts[0].pass_authorization, Some(false));
    assert!(sample.server.sections.is_empty());
}

#[test]
fn group_names_are_read_as_their_forms() {
    let cases: &[(&str, GroupName)] = &[
        ("%{GLOBAL}", GroupName::Global),
        ("%{SERVER}", GroupName::Server),
        ("%{HOST}", GroupName::Host),
        ("%{RESOURCE}", GroupName::Resource),
        ("%{ENV:GROUP}", GroupName::Env(text("GROUP"))),
        ("%{ENV:}", GroupName::Literal(text("%{ENV:}"))),
        ("%{global}", GroupName::Literal(text("%{global}"))),
        ("shop", GroupName::Literal(text("shop"))),
    ];
    for (word, expected) in cases {
        let sample = Sample::of(&[&format!("WSGIApplicationGroup {word}")]);
        assert_eq!(sample.directory.application_group.as_ref(), Some(expected), "{word}");
        let unknown = word.starts_with('%') && matches!(expected, GroupName::Literal(_));
        assert_eq!(!sample.notes.strange().is_empty(), unknown, "{word}");
    }
}

#[test]
fn a_process_group_may_have_any_name_and_form() {
    for (word, expected) in [
        ("shop", GroupName::Literal(text("shop"))),
        ("%{GLOBAL}", GroupName::Global),
        ("%{SERVER}", GroupName::Server),
        ("%{HOST}", GroupName::Host),
        ("%{RESOURCE}", GroupName::Resource),
        ("%{ENV:GROUP}", GroupName::Env(text("GROUP"))),
        ("%{GLOBL}", GroupName::Literal(text("%{GLOBL}"))),
    ] {
        let sample = Sample::of(&[&format!("WSGIProcessGroup {word}")]);
        assert_eq!(sample.directory.process_group, Some(expected), "{word}");
        assert_eq!(!sample.notes.strange().is_empty(), word == "%{GLOBL}", "{word}");
    }
}

#[test]
fn a_script_is_loaded_at_start_in_a_group_that_is_defined_anywhere() {
    let group = "WSGIDaemonProcess shop";
    for line in [
        "WSGIScriptAlias / /a process-group=shop application-group=x",
        "WSGIImportScript /a process-group=shop application-group=x",
    ] {
        assert_eq!(Sample::of(&[group, line]).server.imports[0].process_group, text("shop"));
        assert_eq!(Sample::of(&[line, group]).server.imports[0].process_group, text("shop"));
    }
    let later = Sample::of(&["WSGIScriptAlias / /a process-group=shop", group]);
    assert!(later.server.imports.is_empty(), "without an application group nothing is known to load");
}

#[test]
fn what_sections_say_about_groups_is_kept_with_the_server() {
    let mut sample = Sample { section: Some(("<Directory /srv/shop>", "/srv/shop/")), ..Sample::default() };
    sample.add(&["WSGIApplicationGroup %{GLOBAL}", "WSGIProcessGroup shop", "WSGIHandlerScript h /h process-group=blog"]);
    sample.section = Some(("<Location /blog>", "/blog"));
    sample.add(&["WSGIProcessGroup blog"]);
    sample.section = None;
    sample.add(&["WSGIProcessGroup other", "WSGIScriptAlias / /a process-group=alias"]);
    let [shop, blog] = sample.server.sections.as_slice() else { panic!("{:?}", sample.server.sections) };
    assert_eq!(shop.within, Within::Directory(text("/srv/shop/")));
    assert_eq!(
        (&shop.process_group, &shop.application_group),
        (&Some(GroupName::Literal(text("shop"))), &Some(GroupName::Global))
    );
    assert_eq!(shop.handlers, [(Some(GroupName::Literal(text("blog"))), None)]);
    assert_eq!((&blog.within, &blog.application_group), (&Within::Location(text("/blog")), &None));
    let uses: Vec<(&str, &[u8], bool)> =
        sample.server.uses.iter().map(|used| (used.directive.as_str(), &*used.name, used.in_section)).collect();
    assert_eq!(
        uses,
        [
            ("WSGIProcessGroup", b"shop".as_slice(), true),
            ("WSGIHandlerScript (process-group=)", b"blog", true),
            ("WSGIProcessGroup", b"blog", true),
            ("WSGIProcessGroup", b"other", false),
            ("WSGIScriptAlias (process-group=)", b"alias", false),
        ]
    );
}

#[test]
fn a_callable_is_a_name() {
    let cases = [
        ("app", Some("app")),
        ("_app2", Some("_app2")),
        ("größe", Some("größe")),
        ("%{GLOBAL}", Some("application")),
        ("%{RESOURCE}", Some("application")),
        ("a.b", None),
        ("a:b", None),
        ("create_app()", None),
        ("2app", None),
        ("%{NOTHING}", None),
    ];
    for (word, expected) in cases {
        let mut sample = Sample::default();
        let read = sample.read(&format!("WSGICallableObject {word}"));
        assert_eq!(read.is_ok(), expected.is_some(), "{word}");
        assert_eq!(sample.directory.callable_object, expected.map(|name| CallableName::Literal(text(name))), "{word}");
    }
    let sample = Sample::of(&["WSGICallableObject %{ENV:APP}"]);
    assert_eq!(sample.directory.callable_object, Some(CallableName::Env(text("APP"))));
}
