/*! Whole definitions: names, unknown options, what excludes each other, what is defined twice. *Runs in: tests.* */

use super::{group, refusal};
use crate::test_support::Sample;

#[test]
fn a_word_that_is_no_option_is_refused_with_what_was_meant() {
    const START: &str = "Invalid option to WSGI daemon process definition. WSGIDaemonProcess `shop`";
    for (word, found, hint) in [
        ("foo=bar", "found: `foo=bar`", "docs/directives.md"),
        ("process=2", "found: `process=2`", "write `processes=`"),
        ("Threads=2", "found: `Threads=2`", "write `threads=`"),
        ("user", "found: `user`", "write `user=`"),
        ("threads = 2", "found: `threads`", "write `threads=`"),
        ("threads=", "the option `threads=` has no value", "write `threads=number`"),
        ("user=\"\"", "the option `user=` has no value", "write `user=name|#uid`"),
        ("user= group=x", "the option `user=` has no value", "write `user=name|#uid`"),
    ] {
        let refused = refusal(word);
        assert!(refused.starts_with(START) && refused.contains(found) && refused.contains(hint), "{word}: {refused}");
    }
}

#[test]
fn a_group_has_a_name_of_its_own() {
    let refused = |line: &str| Sample::default().read(line).expect_err(line).to_string();
    assert!(refused("WSGIDaemonProcess").contains("requires at least one argument"));
    assert!(refused("WSGIDaemonProcess processes=2").contains("instead of the name of the group"));
    for form in ["%{GLOBAL}", "%{SERVER}", "%{HOST}", "%{RESOURCE}", "%{ENV:X}"] {
        assert!(refused(&format!("WSGIDaemonProcess {form}")).contains(&format!("`{form}` cannot be the name of a group")));
    }
    for name in ["shop", "shop.example.org", "a=b", "\"my group\"", "größe"] {
        Sample::of(&[&format!("WSGIDaemonProcess {name} threads=2")]);
    }
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    for (options, cause) in [
        ("python=/a/python python-home=/a", "`python=` and `python-home=` exclude each other"),
        ("script-group=a script-user=b", "`script-user=` and `script-group=` exclude each other"),
    ] {
        let refused = refusal(options);
        assert!(refused.contains(cause) && refused.contains(". To fix: keep "), "{refused}");
    }
}

#[test]
fn an_option_that_stands_twice_keeps_its_last_value() {
    assert_eq!(group("threads=2 threads=3").threads, 3);
}

#[test]
fn what_does_nothing_is_said_to() {
    let said = |options: &str| -> Vec<String> {
        let sample = Sample::of(&[&format!("WSGIDaemonProcess shop {options}")]);
        sample.notes.strange().iter().map(ToString::to_string).collect()
    };
    for (options, cause) in [
        ("interrupt-timeout=5", "`interrupt-timeout=` has no effect without `request-timeout=`"),
        ("interrupt-timeout=5 request-timeout=0", "`interrupt-timeout=` has no effect without `request-timeout=`"),
        ("threads=0 request-timeout=5", "`request-timeout=` has no effect with `threads=0`"),
        ("threads=0 queue-timeout=5", "`queue-timeout=` has no effect"),
        ("threads=0 inactivity-timeout=5", "`inactivity-timeout=` has no effect"),
        ("threads=0 maximum-requests=5", "`maximum-requests=` has no effect"),
        ("threads=0 preload=On", "`preload=` has no effect"),
        ("threads=0 overlap=On", "`overlap=On` has no effect"),
    ] {
        let found = said(options);
        assert_eq!(found.len(), 1, "{options}: {found:?}");
        let start = format!("WSGI1016: test.conf:1: WSGIDaemonProcess `shop`: {cause}");
        assert!(found[0].starts_with(&start) && found[0].contains(". To fix: "), "{found:?}");
    }
    for options in
        ["", "interrupt-timeout=5 request-timeout=10", "threads=0", "threads=0 overlap=Off", "threads=0 queue-timeout=0"]
    {
        assert_eq!(said(options), [""; 0], "{options}");
    }
}

/// Reads the first line in one server and the second in another of the same configuration.
fn in_two_servers(first: &str, second: &str) -> Result<Sample, String> {
    let mut one = Sample { virtual_host: true, ..Sample::default() };
    one.add(&[first]);
    let mut two = Sample { notes: one.notes, line: 10, virtual_host: true, ..Sample::default() };
    two.read(second).map_err(|error| error.to_string())?;
    Ok(two)
}

#[test]
fn the_same_definition_again_is_the_same_group() {
    for (first, second) in [
        ("WSGIDaemonProcess shop", "WSGIDaemonProcess shop"),
        ("WSGIDaemonProcess shop threads=5 user=shop", "WSGIDaemonProcess  shop user=shop threads=\"5\""),
        ("WSGIDaemonProcess shop threads=15", "WSGIDaemonProcess shop"),
        ("WSGIDaemonProcess shop python-path=/a/../b", "WSGIDaemonProcess shop python-path=/b"),
    ] {
        let two = in_two_servers(first, second).unwrap();
        assert_eq!(two.notes.daemon(b"shop").map(|group| group.defined_at.clone()).as_deref(), Some("test.conf:1"));
        assert_eq!(two.server.daemons.len(), 1);
    }
    // `processes=1` is not silence: it makes wsgi.multiprocess true.
    for (first, second) in [
        ("WSGIDaemonProcess shop", "WSGIDaemonProcess shop threads=5"),
        ("WSGIDaemonProcess shop", "WSGIDaemonProcess shop processes=1"),
        ("WSGIDaemonProcess shop", "WSGIDaemonProcess shop graceful-timeout=15"),
    ] {
        let refused = in_two_servers(first, second).err().unwrap();
        assert!(refused.starts_with("Name duplicates previous WSGI daemon definition. "), "{refused}");
        assert!(refused.contains("at test.conf:1 and at test.conf:11. To fix: "), "both lines are named: {refused}");
    }
    assert!(in_two_servers("WSGIDaemonProcess shop", "WSGIDaemonProcess Shop threads=1").is_ok(), "another name");
}
