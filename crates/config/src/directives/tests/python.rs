/*! The words of the Python directives. *Runs in: tests.* */

use super::{refusal, text};
use crate::settings::{HashSeed, PythonHome};
use crate::test_support::Sample;

#[test]
fn a_python_home_is_one_directory_or_two() {
    let home = |word: &str| Sample::of(&[&format!("WSGIPythonHome {word}")]).server.process.python_home.unwrap();
    let expected = |prefix: &str, exec: Option<&str>| PythonHome {
        prefix: text(prefix),
        exec_prefix: exec.map(text),
        defined_at: "test.conf:1".into(),
    };
    assert_eq!(home("/srv/venv/"), expected("/srv/venv/", None));
    assert_eq!(home("/usr:/usr/lib64"), expected("/usr", Some("/usr/lib64")));
    assert_eq!(home("venv"), expected("/etc/apache2/venv", None));
    for (word, cure) in [
        ("/srv/venv/bin/python", "write `WSGIPythonHome /srv/venv`; "),
        ("/usr/bin/python3.11", "write `WSGIPythonHome /usr`; "),
        ("/bin/python3", "write `WSGIPythonHome /`; "),
        ("venv/bin/python3", "`python=/etc/apache2/venv/bin/python3` in its WSGIDaemonProcess"),
    ] {
        let refused = refusal(&format!("WSGIPythonHome {word}"));
        assert!(refused.contains(&format!("found an executable: `{word}`")) && refused.contains(cure), "{refused}");
    }
    assert!(home("/srv/python3.11").exec_prefix.is_none() && home("/srv/bin/pythonic").exec_prefix.is_none());
    for word in [":", "/a:", ":/a", "/a:/b:/c"] {
        let refused = refusal(&format!("WSGIPythonHome {word}"));
        assert!(refused.contains(&format!("found: `{word}`")), "{refused}");
    }
}

#[test]
fn python_settings_are_checked_when_they_are_read() {
    let process = |line: &str| Sample::of(&[line]).server.process;
    assert_eq!(process("WSGIPythonPath /a:/b::c").python_path, [text("/a"), text("/b"), text("/etc/apache2/c")]);
    assert_eq!(process("WSGIPythonEggs /var/eggs").python_eggs, Some(text("/var/eggs")));
    for level in 0..=2 {
        assert_eq!(process(&format!("WSGIPythonOptimize {level}")).optimize, level);
    }
    assert_eq!(process("WSGIPythonHashSeed random").hash_seed, Some(HashSeed::Random));
    assert_eq!(process("WSGIPythonHashSeed 0").hash_seed, Some(HashSeed::Fixed(0)));
    assert_eq!(process("WSGIPythonHashSeed 4294967295").hash_seed, Some(HashSeed::Fixed(u32::MAX)));
    assert_eq!(process("WSGISwitchInterval 0.02").switch_interval, Some(0.02));
    let warnings = Sample::of(&["WSGIPythonWarnings ignore", "WSGIPythonWarnings e::DeprecationWarning"]).server.process.warnings;
    assert_eq!(warnings, [text("ignore"), text("e::DeprecationWarning")]);
    for (line, cause) in [
        ("WSGIPythonPath :", "names no directory"),
        ("WSGIPythonOptimize 3", "must be one of: 0 | 1 | 2, found: `3`"),
        ("WSGIPythonOptimize -1", "must be one of: 0 | 1 | 2, found: `-1`"),
        ("WSGIPythonOptimize O", "must be one of: 0 | 1 | 2"),
        ("WSGIPythonHashSeed 4294967296", "must be `random` or a number from 0 to 4294967295"),
        ("WSGIPythonHashSeed -1", "must be `random` or a number"),
        ("WSGIPythonHashSeed +1", "must be `random` or a number"),
        ("WSGIPythonHashSeed no", "must be `random` or a number"),
        ("WSGISwitchInterval 0", "must be a number of seconds above 0"),
        ("WSGISwitchInterval -1", "must be a number of seconds above 0"),
        ("WSGISwitchInterval nan", "must be a number of seconds above 0"),
        ("WSGISwitchInterval inf", "must be a number of seconds above 0"),
        ("WSGISwitchInterval soon", "must be a number of seconds above 0"),
        ("WSGIPythonWarnings silent", "does not begin with an action that Python knows"),
    ] {
        assert!(refusal(line).contains(cause), "{}", refusal(line));
    }
}
