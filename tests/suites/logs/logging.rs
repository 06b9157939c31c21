/*! What an application writes, and where it turns up: `print`, `sys.stderr`, `wsgi.errors`, `logging`, from requests and threads. */

use crate::suite;
use crate::support::client::Request;
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::site::Site;
use registration::trial;

/// The suite.
pub fn suite() -> Suite {
    suite!("logging").in_both_modes()
}

/// Two threads go on using a request's objects when it has ended, and while the next one runs on the same connections, of another virtual host: nothing of
/// theirs gets into its log.
#[trial(differs("wsgi.errors of a finished request may crash the process there"))]
fn threads_of_a_finished_request_write_nothing_into_the_next(site: &Site) {
    site.allow_log("re:a ghost of the first|the second");
    for _ in 0..6 {
        let mut client = site.connect();
        client.exchange(&Request::post("/haunt", "x".repeat(1000))).unwrap().ok();
        let second = client.exchange(&Request::get("/visited").header("Host", "own.example")).unwrap().ok();
        let (before, after) = second.split_once(' ').unwrap();
        assert!(before.parse::<u64>().unwrap() > 0, "the threads wrote while they might");
        assert!(after.parse::<u64>().unwrap() > 0, "the threads tried it when the request had ended");
    }
    let log = site.log();
    let of = |file: &str, text: &str| log.iter().filter(|line| line.file == file && line.text.contains(text)).count();
    assert_eq!((of("own.log", "a ghost"), of("own.log", "the second")), (0, 6 * 50));
    assert!(of("error.log", "a ghost") > 0);
}

fn on(site: &Site, host: &str, target: &str) {
    site.send(&Request::get(target).header("Host", host)).expect(200);
}

#[trial(reach(Reach::Everywhere))]
fn print_goes_to_the_error_log(site: &Site) {
    site.get("/print?text=a+printed+line").expect(200);
    let line = site.expect_log("a printed line");
    assert!(line.text.contains("[wsgi:error]") && line.text.contains("[client 127.0.0.1:"), "{line:?}");
}

#[trial]
fn stderr_goes_to_the_error_log(site: &Site) {
    site.get("/stderr?text=a+line+on+stderr").expect(200);
    let line = site.expect_log("a line on stderr");
    assert!(line.text.contains("[wsgi:error]") && line.text.contains("[client 127.0.0.1:"), "{line:?}");
}

#[trial(reach(Reach::Everywhere))]
fn it_goes_to_the_log_of_the_virtual_host(site: &Site) {
    on(site, "own.example", "/print?text=printed+by+own");
    on(site, "own.example", "/stderr?text=complained+by+own");
    assert_eq!(site.expect_log("printed by own").file, "own.log");
    assert_eq!(site.expect_log("complained by own").file, "own.log");
}

#[trial]
fn what_is_printed_is_not_filtered_by_level(site: &Site) {
    on(site, "own.example", "/print?text=printed+at+level+warn");
    site.expect_log("printed at level warn");
}

#[trial]
fn lines_are_whole_and_the_last_needs_no_end(site: &Site) {
    site.get("/pieces").expect(200);
    for pattern in ["re:\\] one line in pieces$", "re:\\] without an end$"] {
        site.expect_log(pattern);
    }
}

#[trial]
fn a_flush_ends_a_line(site: &Site) {
    site.get("/flushed").expect(200);
    site.expect_log("re:before the flush$");
    site.expect_log("re:\\] after the flush$");
}

#[trial]
fn any_text_can_be_printed(site: &Site) {
    site.allow_log("[wsgi:error]");
    site.get("/strange").expect(200);
    // Apache escapes what is not ASCII, as bytes of UTF-8.
    for text in ["caf\\xc3\\xa9 \\xe2\\x82\\xac \\xf0\\x9f\\x98\\x80", "surrogate", "nul ", "escape \\x1b[31m red", "carriage"] {
        site.expect_log(text);
    }
}

#[trial]
fn a_printed_line_cannot_forge_another(site: &Site) {
    site.get("/print?text=first%0a%5bSat%20Nov%2021%5d%20%5bcore:emerg%5d%20%5bpid%201%5d%20forged").expect(200);
    let line = site.expect_log("forged");
    assert!(line.text.find("[wsgi:error]") < line.text.find("[core:emerg]"), "{line:?}");
    site.expect_log("re:\\] first$");
    // The text has a line end inside, so Python flushes it before print() adds the last one.
    site.allow_log("re:\\] $");
}

#[trial]
fn a_long_line_is_kept_whole_in_parts(site: &Site) {
    site.allow_log("re:x{50}");
    site.get("/long").expect(200);
    site.expect_log("begin-of-long");
    let shown: usize = site.log().iter().map(|line| line.text.matches('x').count()).sum();
    assert!(shown >= 1000, "{shown} characters of the line are in the log");
    site.allow_log("end-of-long");
}

#[trial(differs("close() really closes wsgi.errors"))]
fn the_streams_are_text_streams(site: &Site) {
    let response = site.get("/stream").expect(200);
    for stream in ["stdout", "stderr", "errors"] {
        let is = |name: &str, expected: &str| {
            let seen = response.value(&format!("{stream}.{name}")).map(str::to_lowercase);
            assert_eq!(seen.as_deref(), Some(expected), "{stream}.{name}");
        };
        is("isatty", "false");
        is("writable", "true");
        is("readable", "false");
        is("encoding", "utf-8");
        is("fileno", "oserror");
        is("closed", "false");
        assert!(matches!(response.value(&format!("{stream}.errors")), Some("replace" | "backslashreplace")));
    }
    site.expect_log("still open after close()");
}

#[trial]
fn bytes_go_through_the_buffer(site: &Site) {
    assert_eq!(site.get("/bytes").ok(), "written");
    site.expect_log("bytes on stdout");
}

#[trial]
fn wsgi_errors_takes_only_text(site: &Site) {
    assert_eq!(site.get("/types").ok(), "bytes TypeError\nNoneType TypeError\nint TypeError");
}

#[trial]
fn logging_reaches_the_log_through_stderr(site: &Site) {
    site.get("/logging-to-stderr").expect(200);
    let line = site.expect_log("WARNING to-stderr a warning by logging");
    assert!(line.text.contains("[wsgi:error]"), "{line:?}");
}

#[trial(reach(Reach::Everywhere))]
fn the_log_handler_keeps_levels(site: &Site) {
    site.allow_tracebacks();
    assert_eq!(site.get("/handler").ok(), "is_handler=True");
    for (name, level) in [("critical", "crit"), ("error", "error"), ("warning", "warn"), ("info", "info"), ("debug", "debug")] {
        let line = site.expect_log(&format!("record of level {name}"));
        assert!(line.text.contains(&format!("[wsgi:{level}]")), "{line:?}");
    }
    site.expect_log("with a traceback");
    site.expect_log("ValueError: shown by logging");
}

#[trial]
fn the_log_handler_respects_the_log_level(site: &Site) {
    site.allow_log("re:record of level|with a traceback|ValueError");
    site.allow_tracebacks();
    on(site, "own.example", "/handler");
    assert_eq!(site.expect_log("record of level warning").file, "own.log");
    site.log_lacks("record of level info");
    site.log_lacks("record of level debug");
}

#[trial]
fn the_log_handler_has_a_level_of_its_own(site: &Site) {
    assert_eq!(site.get("/handler-level").ok(), "level=30");
    site.expect_log("high enough to be seen");
    site.log_lacks("too low to be seen");
}

#[trial]
fn the_log_handler_names_the_source(site: &Site) {
    site.allow_log("re:record of level|with a traceback|ValueError");
    site.allow_tracebacks();
    on(site, "source.example", "/handler");
    let line = site.expect_log("record of level info");
    assert!(line.text.contains("[source logging_app.wsgi("), "{line:?}");
}

/// An application names the file of a record, and the thread that it is logged from.
#[trial]
fn the_source_of_a_record_cannot_forge_a_line(site: &Site) {
    site.allow_log("re:the text of a record|forged|printed|\\] a\\.py$");
    on(site, "source.example", "/forging");
    let line = site.expect_log("the text of a record");
    assert!(line.text.contains("[wsgi:error]"), "{line:?}");
    // The last line of the thread, which may come later. A daemon process puts the source, escaped, before each.
    let is_last =
        |text: &str| text.contains("[core:emerg] forged") && !text.contains(" of a.py") && !text.contains("the text of a record");
    poll::wait_for("the thread's line", || site.log().iter().any(|line| line.file == "error.log" && is_last(&line.text)));
    for line in site.log() {
        assert!(!line.text.starts_with("[core:emerg]") && !line.text.contains(char::is_control), "{line:?}");
    }
}

#[trial]
fn the_log_handler_splits_lines(site: &Site) {
    site.allow_log("re:record of level|with a traceback|ValueError");
    site.allow_tracebacks();
    site.get("/handler").expect(200);
    for text in ["first line", "second line"] {
        let line = site.expect_log(text);
        assert!(line.text.contains("[wsgi:info]") && line.text.contains("[client "), "{line:?}");
    }
}

#[trial]
fn a_thread_writes_to_the_servers_log(site: &Site) {
    on(site, "own.example", "/thread");
    let line = site.expect_log("printed by a thread");
    assert_eq!(line.file, "error.log", "a thread belongs to no virtual host");
    assert!(line.text.contains("[wsgi:error]"), "{line:?}");
}

#[trial]
fn wsgi_errors_after_the_request_is_an_error(site: &Site) {
    let mut client = site.connect();
    client.exchange(&Request::get("/keep")).unwrap().expect(200);
    assert_eq!(client.exchange(&Request::get("/use-kept")).unwrap().ok(), "RuntimeError");
}

#[trial(differs("logs an error at the end of the process"))]
fn restricted_streams_raise(setup: &Setup) {
    let server = Httpd::start(setup, &Plan::new("logging.conf").define("RESTRICTED", "1"), "restricted");
    let site = Site::new(&server, setup);
    assert_eq!(site.get("/restricted").ok(), "stdin=OSError\nstdout=OSError");
    assert_eq!(site.get("/stdin").ok(), "OSError");
    site.get("/stderr?text=stderr+still+works").expect(200);
    site.expect_log("stderr still works");
    server.announce("stderr still works");
}
