/*! The table as a whole: complete, documented, and applied where it should be. *Runs in: tests.* */

use super::refusal;
use crate::directives::DIRECTIVES;
use crate::test_support::{Sample, row};
use crate::{Apply, Contexts, DirectiveContext, DirectoryConfig, Override, ServerConfig};

/// Every directive of this version, with the contexts and the default that mod_wsgi 6.1.1 (or 5, for what that had last) has for it.
const EXPECTED: &[(&str, Contexts, &str)] = &[
    ("WSGIScriptAlias", Contexts::Servers, "none"),
    ("WSGIScriptAliasMatch", Contexts::Servers, "none"),
    ("WSGIHandlerScript", Contexts::Directories, "none"),
    ("WSGIProcessGroup", Contexts::Directories, "%{GLOBAL}"),
    ("WSGIApplicationGroup", Contexts::Directories, "%{RESOURCE}"),
    ("WSGICallableObject", Contexts::Htaccess(Override::FileInfo), "application"),
    ("WSGIImportScript", Contexts::Servers, "none"),
    ("WSGIScriptReloading", Contexts::Htaccess(Override::FileInfo), "On"),
    ("WSGICaseSensitivity", Contexts::MainServer, "On"),
    ("WSGIDaemonProcess", Contexts::Servers, "none"),
    ("WSGIRestrictProcess", Contexts::Directories, "none, which permits all"),
    ("WSGIRestrictEmbedded", Contexts::MainServer, "Off"),
    ("WSGIIgnoreActivity", Contexts::Htaccess(Override::FileInfo), "Off"),
    ("WSGIErrorOverride", Contexts::Htaccess(Override::FileInfo), "Off"),
    ("WSGISocketPrefix", Contexts::MainServer, "a directory below `DefaultRuntimeDir`"),
    ("WSGISocketRotation", Contexts::MainServer, "On"),
    ("WSGIAcceptMutex", Contexts::MainServer, "none"),
    ("WSGIServerMetrics", Contexts::MainServer, "Off"),
    ("WSGIPythonHome", Contexts::MainServer, "none"),
    ("WSGIPythonPath", Contexts::MainServer, "none"),
    ("WSGIPythonEggs", Contexts::MainServer, "none"),
    ("WSGIPythonOptimize", Contexts::MainServer, "0"),
    ("WSGIPythonWarnings", Contexts::MainServer, "none"),
    ("WSGIPythonHashSeed", Contexts::MainServer, "Python's default, a random seed"),
    ("WSGIDontWriteBytecode", Contexts::MainServer, "Off"),
    ("WSGISwitchInterval", Contexts::MainServer, "Python's default, 0.005"),
    ("WSGIDestroyInterpreter", Contexts::MainServer, "On"),
    ("WSGIRestrictStdin", Contexts::MainServer, "Off"),
    ("WSGIRestrictStdout", Contexts::MainServer, "Off"),
    ("WSGIRestrictSignal", Contexts::MainServer, "On"),
    ("WSGIVerboseDebugging", Contexts::MainServer, "Off"),
    ("WSGILazyInitialization", Contexts::MainServer, "On"),
    ("WSGINewRelicConfigFile", Contexts::MainServer, "none"),
    ("WSGINewRelicEnvironment", Contexts::MainServer, "none"),
    ("WSGIPassAuthorization", Contexts::Htaccess(Override::FileInfo), "Off"),
    ("WSGIPassApacheRequest", Contexts::Directories, "Off"),
    ("WSGIChunkedRequest", Contexts::Htaccess(Override::FileInfo), "Off"),
    ("WSGIMapHEADToGET", Contexts::Htaccess(Override::FileInfo), "Auto"),
    ("WSGIEnableSendfile", Contexts::Htaccess(Override::FileInfo), "Off"),
    ("WSGITrustedProxies", Contexts::Htaccess(Override::FileInfo), "none, which trusts every client"),
    ("WSGITrustedProxyHeaders", Contexts::Htaccess(Override::FileInfo), "none"),
];

#[test]
fn every_directive_is_there_with_its_contexts_and_its_default() {
    let found: Vec<(&str, Contexts, &str)> = DIRECTIVES.iter().map(|row| (row.name, row.contexts, row.default)).collect();
    assert_eq!(found, EXPECTED);
}

#[test]
fn every_row_is_documented() {
    for row in DIRECTIVES {
        assert!(row.help.ends_with('.') && row.help.len() > 20, "{}: {}", row.name, row.help);
        assert!(row.doc.len() > 20 && !row.syntax.is_empty(), "{}", row.name);
        assert!(row.name.is_ascii() && row.help.is_ascii() && row.doc.is_ascii(), "{}", row.name);
        assert!(!row.name.contains('\0') && !row.help.contains('\0'), "{}", row.name);
    }
}

#[test]
fn what_only_a_server_can_say_is_set_in_the_server() {
    for row in DIRECTIVES {
        let in_server = matches!(row.contexts, Contexts::MainServer | Contexts::Servers);
        assert_eq!(matches!(row.apply, Apply::Server(_)), in_server, "{}", row.name);
    }
}

#[test]
fn what_holds_for_the_whole_server_is_refused_in_a_virtual_host() {
    for row in DIRECTIVES {
        let mut sample = Sample { virtual_host: true, ..Sample::default() };
        let refused = sample.read(&format!("{} On", row.name)).map_err(|error| error.to_string());
        let by_place =
            refused.is_err_and(|error| error.starts_with(&format!("{} cannot occur within <VirtualHost> section", row.name)));
        assert_eq!(by_place, row.contexts == Contexts::MainServer, "{}", row.name);
    }
}

#[test]
fn a_row_is_never_applied_to_settings_that_are_missing() {
    let sample = Sample::default();
    for row in DIRECTIVES {
        let context = DirectiveContext {
            server_root: b"/",
            virtual_host: false,
            section: None,
            file: "",
            line: 0,
            compile: &|_| Err(String::new()),
            notes: &sample.notes,
        };
        let (server, directory) = (&mut ServerConfig::default(), &mut DirectoryConfig::default());
        let missing = match row.apply {
            Apply::Server(_) => row.apply(b"a b c", None, Some(directory), &context),
            Apply::Directory(_) => {
                row.apply(b"a b", Some(server), None, &context).and(row.apply(b"a", Some(server), None, &context))
            }
            Apply::Both(_) => {
                row.apply(b"a b", None, Some(directory), &context).and(row.apply(b"a", Some(server), None, &context))
            }
        };
        assert!(missing.is_err(), "{}", row.name);
    }
}

#[test]
fn a_directive_of_an_htaccess_file_never_writes_to_the_server() {
    for row in DIRECTIVES.iter().filter(|row| matches!(row.apply, Apply::Both(_))) {
        assert_eq!(row.contexts, Contexts::Directories, "{}", row.name);
    }
}

#[test]
fn too_few_and_too_many_words_are_refused_in_apaches_words() {
    for row in DIRECTIVES {
        let wanted = match (row.arity.min, row.arity.max) {
            (1, Some(1)) => "takes one argument",
            (1, None) => "requires at least one argument",
            (2, None) => "requires at least two arguments",
            (3, None) => "requires at least 3 arguments",
            other => panic!("{}: {other:?}", row.name),
        };
        let refused = refusal(row.name);
        assert!(
            refused.starts_with(&format!("{} {wanted}, found: nothing. To fix: write `{} ", row.name, row.name)),
            "{refused}"
        );
        let refused = refusal(&format!("{} \"\"", row.name));
        assert!(refused.contains(wanted), "an empty word is none: {refused}");
        if row.arity.max == Some(1) {
            let refused = refusal(&format!("{} a b", row.name));
            assert!(refused.contains("takes one argument, found: `a` `b`"), "{refused}");
        }
    }
    assert!(refusal("WSGIScriptAlias /x").starts_with("WSGIScriptAlias requires at least two arguments"));
}

#[test]
fn switches_take_on_and_off_in_any_case_and_nothing_else() {
    let mut switches = 0;
    for row in DIRECTIVES.iter().filter(|row| row.syntax == "On|Off") {
        switches += 1;
        for word in ["On", "off", "ON", "oFF"] {
            assert_eq!(Sample::default().read(&format!("{} {word}", row.name)), Ok(()));
        }
        for word in ["yes", "1", "true", "Onn", "Auto"] {
            let refused = refusal(&format!("{} {word}", row.name));
            assert!(
                refused.starts_with(&format!("{} must be one of: Off | On, found: `{word}`. To fix: ", row.name)),
                "{refused}"
            );
        }
    }
    assert_eq!(switches, 18);
}

#[test]
fn a_switch_sets_its_own_field() {
    type Server = fn(&ServerConfig) -> bool;
    type Directory = fn(&DirectoryConfig) -> Option<bool>;
    let server: &[(&str, Server)] = &[
        ("WSGICaseSensitivity", |c| c.process.case_sensitive),
        ("WSGIDontWriteBytecode", |c| c.process.dont_write_bytecode),
        ("WSGIDestroyInterpreter", |c| c.process.destroy_interpreter),
        ("WSGIRestrictEmbedded", |c| c.process.restrict_embedded),
        ("WSGISocketRotation", |c| c.process.socket_rotation),
        ("WSGIServerMetrics", |c| c.process.server_metrics),
        ("WSGIRestrictStdin", |c| c.process.restrict_stdin),
        ("WSGIRestrictStdout", |c| c.process.restrict_stdout),
        ("WSGIRestrictSignal", |c| c.process.restrict_signal),
    ];
    for (name, field) in server {
        let default = row(name).unwrap().default == "On";
        assert_eq!(field(&ServerConfig::default()), default, "{name}: the documented default");
        assert!(field(&Sample::of(&[&format!("{name} On")]).server), "{name}");
        assert!(!field(&Sample::of(&[&format!("{name} Off")]).server), "{name}");
    }
    let directory: &[(&str, Directory)] = &[
        ("WSGIScriptReloading", |c| c.script_reloading),
        ("WSGIPassAuthorization", |c| c.pass_authorization),
        ("WSGIPassApacheRequest", |c| c.pass_apache_request),
        ("WSGIChunkedRequest", |c| c.chunked_request),
        ("WSGIEnableSendfile", |c| c.enable_sendfile),
        ("WSGIErrorOverride", |c| c.error_override),
        ("WSGIIgnoreActivity", |c| c.ignore_activity),
    ];
    for (name, field) in directory {
        assert_eq!(field(&DirectoryConfig::default()), None, "{name}");
        assert_eq!(field(&Sample::of(&[&format!("{name} On")]).directory), Some(true), "{name}");
        assert_eq!(field(&Sample::of(&[&format!("{name} Off")]).directory), Some(false), "{name}");
    }
}
