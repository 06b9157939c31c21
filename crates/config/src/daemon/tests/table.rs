/*! The table as a whole: complete, documented, each row with a field of its own. *Runs in: tests.* */

use super::group;
use crate::daemon::option::Form;
use crate::daemon::{OPTIONS, RawOptions, docs_page};
use crate::test_support::Sample;

/// The options of mod_wsgi 6.1.1.
const OF_MOD_WSGI: [&str; 44] = [
    "user",
    "group",
    "supplementary-groups",
    "umask",
    "chroot",
    "home",
    "lang",
    "locale",
    "display-name",
    "cpu-priority",
    "socket-user",
    "script-user",
    "script-group",
    "processes",
    "threads",
    "stack-size",
    "listen-backlog",
    "send-buffer-size",
    "receive-buffer-size",
    "header-buffer-size",
    "response-buffer-size",
    "response-flush-delay",
    "memory-limit",
    "virtual-memory-limit",
    "connect-timeout",
    "socket-timeout",
    "response-socket-timeout",
    "queue-timeout",
    "startup-timeout",
    "request-timeout",
    "interrupt-timeout",
    "deadlock-timeout",
    "inactivity-timeout",
    "graceful-timeout",
    "eviction-timeout",
    "shutdown-timeout",
    "restart-interval",
    "maximum-requests",
    "cpu-time-limit",
    "switch-interval",
    "python-home",
    "python-path",
    "python-eggs",
    "server-metrics",
];

#[test]
fn every_option_is_there_once() {
    let found: Vec<&str> = OPTIONS.iter().map(|option| option.name).collect();
    for name in OF_MOD_WSGI {
        assert!(found.contains(&name), "{name} is missing");
    }
    let once: std::collections::BTreeSet<&str> = found.iter().copied().collect();
    assert_eq!(once.len(), found.len(), "{found:?}");
}

#[test]
fn every_option_is_documented() {
    let section = docs_page::section();
    for option in OPTIONS {
        assert!(section.contains(&docs_page::line(option)), "{}", option.name);
        assert!(option.help.ends_with('.') && !option.default.is_empty(), "{}", option.name);
        assert!(option.help.is_ascii() && !option.help.contains('|') && !option.default.contains('|'), "{}", option.name);
    }
}

/// A value that the option takes.
fn sample(form: &Form) -> String {
    match form {
        Form::User { .. } | Form::Group { .. } | Form::Groups(_) => "#1000".to_owned(),
        Form::Variables(_) => "PATH,LC_*".to_owned(),
        Form::Assignment(_) => "A=b".to_owned(),
        Form::Files(_) => "/srv/env".to_owned(),
        Form::Text(_) => "text".to_owned(),
        Form::Path(_) | Form::Absolute(_) | Form::Paths(_) | Form::Home(_) => "/srv".to_owned(),
        Form::Executable(_) => "/usr/bin/python3".to_owned(),
        Form::Octal(_) => "027".to_owned(),
        Form::Switch(_) | Form::Preload(_) => "On".to_owned(),
        Form::Reload(_) => "always".to_owned(),
        Form::Priority(_) => "5".to_owned(),
        Form::Fraction(_) => "0.5".to_owned(),
        Form::Small(range, ..) | Form::Large(range, ..) => range.min.max(1).to_string(),
    }
}

#[test]
fn every_option_has_a_field_of_its_own() {
    let mut seen: Vec<RawOptions> = vec![RawOptions::default()];
    for option in OPTIONS {
        let notes = Sample::default();
        let mut typed = RawOptions::default();
        let context = crate::DirectiveContext {
            server_root: b"/",
            virtual_host: false,
            section: None,
            file: "",
            line: 1,
            compile: &|_| Err(String::new()),
            notes: &notes.notes,
        };
        let value = sample(&option.form);
        assert_eq!(option.read(b"shop", value.as_bytes(), &mut typed, &context), Ok(()), "{}={value}", option.name);
        assert!(!seen.contains(&typed), "{} goes where another option goes", option.name);
        seen.push(typed);
    }
}

#[test]
fn every_option_reaches_the_group() {
    let default = group("");
    // What is the default when it is written out changes nothing but that.
    let as_default = ["overlap"];
    for option in OPTIONS.iter().filter(|option| !as_default.contains(&option.name)) {
        let written = group(&format!("{}={}", option.name, sample(&option.form)));
        assert!(!written.says_the_same_as(&default), "{}", option.name);
    }
    for option in as_default {
        assert!(group(&format!("{option}=On")).says_the_same_as(&default), "{option}");
        assert!(!group(&format!("{option}=Off")).says_the_same_as(&default), "{option}");
    }
}
