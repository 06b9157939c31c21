/*! `wsgi.errors`, `sys.stdout` and `sys.stderr` as packages want them: real text streams over binary ones. */

use crate::suite;
use crate::support::client::Request;
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::pythons::virtualenv;
use crate::support::site::Site;
use registration::trial;

/// The suite.
pub fn suite() -> Suite {
    suite!("streams").in_both_modes()
}

#[trial(reach(Reach::Everywhere))]
fn the_streams_are_text_streams_over_binary_ones(site: &Site) {
    let response = site.get("/facts").expect(200);
    for (stream, name) in [("errors", "'<wsgi.errors>'"), ("stdout", "'<stdout>'"), ("stderr", "'<stderr>'")] {
        let facts = [
            ("text", "True"),
            ("encoding", "'utf-8'"),
            ("errors", "'replace'"),
            ("line_buffering", "True"),
            ("write_through", "True"),
            ("newlines", "None"),
            ("name", name),
            ("closed", "False"),
            ("isatty", "False"),
            ("readable", "False"),
            ("writable", "True"),
            ("seekable", "False"),
            ("tell", "UnsupportedOperation"),
            ("read", "UnsupportedOperation"),
            ("fileno", "OSError"),
            ("buffer.isatty", "False"),
            ("buffer.readable", "False"),
            ("buffer.writable", "True"),
            ("buffer.seekable", "False"),
            ("bytes", "TypeError"),
            ("buffer.number", "TypeError"),
        ];
        for (fact, expected) in facts {
            assert_eq!(response.value(&format!("{stream}.{fact}")), Some(expected), "{stream}.{fact}");
        }
    }
}

/// Libraries catch that one.
#[trial(differs("it is an OSError, but not io.UnsupportedOperation"))]
fn a_stream_without_a_descriptor_says_so_as_io_does(site: &Site) {
    let response = site.get("/facts").expect(200);
    for stream in ["errors", "stdout", "stderr"] {
        assert_eq!(response.value(&format!("{stream}.unsupported")), Some("True"), "{stream}");
        assert_eq!(response.value(&format!("{stream}.buffer.binary")), Some("True"), "{stream}");
    }
}

#[trial]
fn the_binary_streams_take_whatever_is_bytes_like(site: &Site) {
    assert_eq!(site.get("/buffer").ok(), "written");
    for stream in ["errors", "stdout", "stderr"] {
        for kind in ["bytes", "bytearray", "memoryview"] {
            site.expect_log(&format!("re:\\] {kind} of {stream}$"));
            site.expect_log(&format!("re:\\] {kind} among lines of {stream}$"));
        }
        site.expect_log(&format!("re:\\] a text line of {stream}$"));
        site.expect_log(&format!("re:\\] another of {stream}$"));
    }
}

#[trial(reach(Reach::Everywhere))]
fn pythons_own_streams_have_descriptors(site: &Site) {
    site.allow_log("re:.");
    // The stacks of the other threads may come after the trial.
    site.server.announce(r#"re:\(most recent call first\)|<no Python frame>|  File "|\[pid \d+\] $"#);
    assert_eq!(site.get("/real").ok(), "1 2");
    site.expect_log("in real");
}

#[trial(differs("a closed stream can't be written to"))]
fn what_a_request_does_to_its_stream_is_not_seen_by_another(site: &Site) {
    site.allow_log("re:half a line|a line of its own");
    let changes =
        "nothing attribute class reconfigure detach detach-and-keep close keep keep-buffer keep-method half-a-line".split(' ');
    let mut client = site.connect();
    for change in changes {
        client.exchange(&Request::get(&format!("/change?{change}"))).unwrap().expect(200);
        for _ in 0..3 {
            let seen = client.exchange(&Request::get("/fresh")).unwrap().ok();
            let fresh = ["[]", "['RuntimeError']"].map(|late| format!("['utf-8', 'replace', False, '18', {late}]"));
            assert!(fresh.contains(&seen), "{change}: {seen}");
        }
    }
    site.log_lacks("a late line");
}

#[trial]
fn a_stream_that_was_kept_can_be_flushed_and_closed(site: &Site) {
    let mut client = site.connect();
    client.exchange(&Request::get("/change?keep")).unwrap().expect(200);
    assert_eq!(client.exchange(&Request::get("/late")).unwrap().ok(), "None None");
}

#[trial]
fn a_stream_can_be_wrapped_again(site: &Site) {
    assert_eq!(site.get("/reopened").ok(), "printed");
    site.expect_log("re:\\] through a stream of its own$");
    site.expect_log("re:\\] and through ours again$");
}

/// Pinned, so that a run fails for what we changed.
const PACKAGES: [&str; 9] = [
    "structlog==24.4.0",
    "loguru==0.7.2",
    "click==8.1.7",
    "rich==13.9.4",
    "tqdm==4.67.1",
    "termcolor==2.4.0",
    "colorama==0.4.6",
    "flask==3.1.2",
    "django==4.2.20",
];

/// What each package is to have written.
const WRITTEN: [(&str, &[&str]); 12] = [
    ("standard", &["standard line 0", "standard line 1", "standard line 2"]),
    ("structlog", &["structlog print", "structlog write", "structlog bytes", "structlog errors", "structlog default"]),
    ("loguru", &["loguru default", "loguru errors", "ERROR loguru exception"]),
    (
        "click",
        &[
            "click text",
            "click bytes",
            "click stderr",
            "click errors",
            "click coloured",
            "click text stream",
            "click binary stream",
            "click dash",
        ],
    ),
    ("rich", &["rich errors", "rich stderr True", "rich progress", "rich handler"]),
    ("tqdm", &["tqdm default: 100%", "tqdm errors: 100%", "tqdm write"]),
    ("termcolor", &["termcolor cprint", "termcolor colored"]),
    ("colorama", &["colorama stdout", "colorama stderr", "colorama errors", "colorama ended"]),
    ("flask", &["flask of a request", "flask of none"]),
    ("django", &["django logger", "django wrapper False", "System check identified no issues"]),
    ("debugger", &["(Pdb)", "the debugger quit"]),
    ("warned", &["UserWarning: a warning for a file", "printed in parts 1 2"]),
];

#[trial]
fn packages_that_log_write_to_the_streams(setup: &Setup) {
    let home = virtualenv(&setup.python, &PACKAGES).expect("a virtualenv with packages that log");
    let plan = Plan::new("streams.conf").define("PYTHON_HOME", home.display().to_string());
    let server = Httpd::start(setup, &plan, &format!("{}-streams", setup.name()));
    for (package, written) in WRITTEN {
        let site = Site::new(&server, setup);
        site.allow_log("re:.");
        assert_eq!(site.get(&format!("/packages/{package}")).ok(), "ok", "{package}");
        for text in written {
            let line = site.expect_log(text);
            assert!(line.text.contains("[client 127.0.0.1:"), "it belongs to the request: {line:?}");
        }
        site.settle().unwrap();
    }
    server.announce("re:.");
}
