/*! The words of the directives of daemon mode, but for the options of `WSGIDaemonProcess`. *Runs in: tests.* */

use super::{refusal, text};
use crate::test_support::Sample;

#[test]
fn the_server_keeps_where_sockets_go_and_what_is_allowed() {
    let process = |line: &str| Sample::of(&[line]).server.process;
    assert_eq!(process("WSGISocketPrefix run/wsgi").socket_prefix, Some(text("/etc/apache2/run/wsgi")));
    assert_eq!(process("WSGISocketPrefix /run/wsgi/").socket_prefix, Some(text("/run/wsgi/")));
    assert!(!process("WSGISocketRotation off").socket_rotation && process("WSGISocketRotation On").socket_rotation);
    assert!(process("WSGIServerMetrics On").server_metrics);
    assert!(process("WSGIRestrictEmbedded On").restrict_embedded);
    for directive in
        ["WSGISocketRotation", "WSGIServerMetrics", "WSGIIgnoreActivity", "WSGIErrorOverride", "WSGIRestrictEmbedded"]
    {
        let refused = refusal(&format!("{directive} maybe"));
        assert!(refused.starts_with(&format!("{directive} must be one of: Off | On, found: `maybe`")), "{refused}");
    }
}

#[test]
fn the_mutex_is_accepted_and_said_to_do_nothing() {
    for word in ["default", "flock", "fcntl", "sysvsem", "posixsem", "Pthread"] {
        let notes = Sample::of(&[&format!("WSGIAcceptMutex {word}")]).notes.strange();
        let said = notes[0].to_string();
        assert!(said.starts_with("WSGI1015: test.conf:1: WSGIAcceptMutex has no effect") && said.contains("To fix: "), "{said}");
        assert_eq!(notes[0].code.level, protocol::Level::Info);
    }
    let refused = refusal("WSGIAcceptMutex file");
    assert!(refused.contains("default | flock | fcntl | sysvsem | posixsem | pthread, found: `file`"), "{refused}");
}

#[test]
fn permitted_groups_add_up_and_have_names() {
    let sample = Sample::of(&["WSGIRestrictProcess shop blog", "WSGIRestrictProcess %{GLOBAL}"]);
    assert_eq!(sample.directory.restrict_process.as_deref().unwrap(), [text("shop"), text("blog"), text("")]);
    for word in ["%{SERVER}", "%{HOST}", "%{RESOURCE}", "%{ENV:X}"] {
        assert!(
            refusal(&format!("WSGIRestrictProcess shop {word}"))
                .contains(&format!("`{word}` is a variable that depends on the request, not the name of a group"))
        );
    }
}
