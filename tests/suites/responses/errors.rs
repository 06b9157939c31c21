/*! What happens when an application fails: the client's answer, the traceback and where it stands, the process that goes on. */

use crate::suite;
use crate::support::client::Request;
use crate::support::error_log::Line;
use crate::support::matrix::{Mode, Reach, Suite};
use crate::support::response::{Framing, Response};
use crate::support::site::Site;
use registration::trial;
use std::fs;

/// The suite.
pub fn suite() -> Suite {
    suite!("errors").in_both_modes()
}

/// Lines that stand at the head of a traceback, with a code.
const HEADING: &str = "re:WSGI1200|WSGI0174|WSGI0175";

#[trial(reach(Reach::Everywhere).differs("logs no traceback before Python 3.12"))]
fn an_exception_is_500_with_a_traceback(site: &Site) {
    site.allow_log(HEADING);
    let response = site.get("/raise?what=value").expect(500);
    assert!(response.text().contains("Internal Server Error"), "{}", response.text());
    assert!(!response.text().contains("not a number"), "nothing of the exception goes to the client");
    site.expect_traceback("ValueError: invalid literal for int() with base 10: 'not a number'");
    let place = site.expect_log("re:File \".*/errors.wsgi\", line [0-9]+, in raises");
    assert!(place.text.contains("[wsgi:error]") && place.text.contains("[client 127.0.0.1:"), "{place:?}");
    site.get("/fine").expect(200);
}

fn on_own(site: &Site, target: &str) -> Response {
    site.send(&Request::get(target).header("Host", "own.example"))
}

#[trial(reach(Reach::Everywhere).differs("logs no traceback before Python 3.12"))]
fn the_traceback_is_in_the_virtual_hosts_log(site: &Site) {
    site.allow_log(HEADING);
    on_own(site, "/raise?what=value").expect(500);
    let line = site.expect_traceback("ValueError: invalid literal");
    assert_eq!(line.file, "own.log");
    let elsewhere: Vec<Line> = site.log().into_iter().filter(|l| l.file != "own.log" && l.text.contains("wsgi:error")).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[trial(differs("logs no traceback before Python 3.12"))]
fn the_traceback_carries_the_request_id(site: &Site) {
    site.allow_log(HEADING);
    on_own(site, "/raise?what=value").expect(500);
    let line = site.expect_traceback("ValueError: invalid literal");
    let id = line.text.split("[id ").nth(1).and_then(|rest| rest.split(']').next()).unwrap_or_default();
    assert!(id.len() > 5 && id != "-", "{line:?}");
    let lines = site.log();
    let of_the_traceback: Vec<&Line> =
        lines.iter().filter(|l| l.text.contains("errors.wsgi") || l.text.contains("Traceback")).collect();
    assert!(!of_the_traceback.is_empty() && of_the_traceback.iter().all(|l| l.text.contains(id)), "{of_the_traceback:?}");
}

#[trial(differs("logs no traceback before Python 3.12"))]
fn headers_of_a_failed_response_are_not_sent(site: &Site) {
    site.allow_log(HEADING);
    let response = site.get("/raise-after-start?what=value").expect(500);
    assert_eq!(response.header("X-Of-The-Failed"), None);
    assert!(response.complete);
    site.expect_traceback("ValueError");
}

#[trial(differs("logs no traceback before Python 3.12"))]
fn an_exception_before_the_first_item_is_500(site: &Site) {
    site.allow_log(HEADING);
    site.get("/raise-later?what=value").expect(500);
    site.expect_traceback("ValueError");
}

#[trial(reach(Reach::Everywhere).differs("leaves the connection open, so that the client waits"))]
fn an_exception_after_the_first_item_cuts_a_chunked_response(site: &Site) {
    site.allow_log(HEADING);
    let mut client = site.connect();
    let response = client.exchange(&Request::get("/raise-later?what=value&sent=begun")).unwrap().expect(200);
    assert_eq!((response.framing, response.text()), (Framing::Chunked, "begun"));
    assert!(!response.complete, "there must be no final chunk");
    assert!(client.is_closed().unwrap());
    site.expect_traceback("ValueError");
}

#[trial(differs("leaves the connection open, so that the client waits"))]
fn an_exception_after_the_first_item_cuts_a_response_with_a_length(site: &Site) {
    site.allow_log(HEADING);
    let mut client = site.connect();
    let response = client.exchange(&Request::get("/raise-later?what=value&sent=begun&length=50")).unwrap().expect(200);
    assert_eq!((response.framing, response.text(), response.complete), (Framing::Length(50), "begun", false));
    assert!(client.is_closed().unwrap());
    site.expect_traceback("ValueError");
}

#[trial(differs("waits for the body, then leaves the connection open"))]
fn a_cut_response_shows_though_the_body_was_never_asked_for(site: &Site) {
    site.allow_log(HEADING);
    let mut client = site.connect();
    let head = "POST /raise-later?what=value&sent=begun HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    client.send(head.as_bytes()).unwrap();
    let response = client.receive(false).unwrap().expect(200);
    assert_eq!((response.framing, response.text(), response.complete), (Framing::Chunked, "begun", false));
    assert!(client.is_closed().unwrap());
    site.expect_traceback("ValueError");
}

#[trial(reach(Reach::Everywhere))]
fn an_error_page_that_fails_is_not_tried_again(site: &Site) {
    site.allow_log(HEADING);
    site.allow_tracebacks();
    let response = site.get("/error-page").expect(500);
    assert!(response.text().contains("while trying to use an ErrorDocument"), "{}", response.text());
    let last = "ValueError: there is no page about it either";
    site.expect_log(last);
    assert_eq!(site.log().iter().filter(|line| line.text.contains(last)).count(), 2, "for the request, and for its error page");
}

/// The process that serves, when there is one alone.
fn pid(site: &Site) -> Option<String> {
    let of_one = site.setup.mpm.threaded();
    of_one.then(|| site.get("/fine").expect(200).value("pid").unwrap().to_owned())
}

#[trial(reach(Reach::Everywhere))]
fn system_exit_is_500_and_the_process_lives(site: &Site) {
    site.allow_log(HEADING);
    site.allow_tracebacks();
    let before = pid(site);
    for what in ["exit", "exit-code"] {
        site.get(&format!("/raise?what={what}")).expect(500);
    }
    site.expect_log("SystemExit");
    assert_eq!(before, pid(site));
}

/// The group has no limit that could be named as the cause.
#[trial(differs("the response has no error page"))]
fn a_timeout_that_the_application_raises_is_504(site: &Site) {
    site.allow_log("WSGI1332");
    let response = site.get("/raise?what=timeout").expect(504);
    assert!(response.text().contains("Gateway Timeout"), "{}", response.text());
    site.get("/fine").expect(200);
    if site.setup.mode == Mode::Daemon {
        let line = site.expect_log("WSGI1332").text;
        assert!(
            line.contains("the application raised mod_wsgi.RequestTimeout itself") && !line.contains("took longer"),
            "{line}"
        );
    }
}

#[trial]
fn every_kind_of_exception_is_survived(site: &Site) {
    // What these print is their own affair; that something is printed, and the process lives, is ours.
    site.allow_log("[wsgi:error]");
    let before = pid(site);
    for what in ["keyboard", "generator-exit", "base", "memory", "recursion", "awkward", "unicode", "control", "long"] {
        for path in ["/raise", "/raise-later"] {
            let lines = site.log().len();
            site.get(&format!("{path}?what={what}")).expect(500);
            assert!(site.log().len() > lines, "{what} is not in the log");
        }
    }
    site.expect_log("from the very base");
    site.expect_log("RecursionError");
    site.expect_log("MemoryError");
    site.expect_log("KeyboardInterrupt");
    site.expect_log("Awkward");
    site.expect_log("caf");
    assert_eq!(before, pid(site), "the same process serves");
}

#[trial]
fn chained_exceptions_are_shown_whole(site: &Site) {
    site.allow_log(HEADING);
    site.get("/raise?what=chained").expect(500);
    site.expect_traceback("KeyError: 'the first'");
    site.expect_log("The above exception was the direct cause of the following exception:");
    site.expect_log("RuntimeError: the second");
    site.get("/raise?what=grouped").expect(500);
    site.expect_log("KeyError: 'the context'");
    site.expect_log("During handling of the above exception, another exception occurred:");
    site.expect_log("RuntimeError: during handling");
}

#[trial]
fn text_of_an_exception_cannot_forge_a_log_line(site: &Site) {
    site.allow_log(HEADING);
    site.allow_tracebacks();
    site.get("/raise?what=injected").expect(500);
    let line = site.expect_log("forged");
    let begin = line.text.find("[wsgi:error]");
    assert!(begin.is_some() && begin < line.text.find("[core:emerg]"), "{line:?}");
    site.expect_log("ValueError: a");
}

#[trial(reach(Reach::Everywhere))]
fn an_import_error_is_500_and_tried_again(site: &Site) {
    site.allow_log("WSGI");
    site.get("/broken/import_error.wsgi").expect(500);
    site.expect_traceback("No module named 'a_module_that_nobody_has'");
    let script = site.path("files/mended.wsgi");
    fs::write(&script, "import a_module_that_nobody_has\n").unwrap();
    site.get("/files/mended.wsgi").expect(500);
    fs::write(&script, "from fixture import text\ndef application(e, s):\n    return text(s, 'mended')\n").unwrap();
    assert_eq!(site.get("/files/mended.wsgi").ok(), "mended", "without a restart");
}

/// A broken script gives 500, whose log holds `wanted`.
fn broken(site: &Site, script: &str, wanted: &[&str]) {
    site.allow_log("WSGI");
    site.allow_tracebacks();
    site.get(&format!("/broken/{script}.wsgi")).expect(500);
    for text in wanted {
        site.expect_log(text);
    }
    site.get("/fine").expect(200);
}

#[trial]
fn a_syntax_error_names_file_and_line(site: &Site) {
    broken(site, "syntax_error", &["re:File \".*/syntax_error.wsgi\", line 3", "SyntaxError"]);
}

#[trial]
fn a_script_that_exits_is_500(site: &Site) {
    let before = pid(site);
    broken(site, "exits", &["SystemExit"]);
    assert_eq!(before, pid(site));
}

#[trial(differs("logs no traceback before Python 3.12"))]
fn a_script_that_raises_is_500(site: &Site) {
    broken(site, "raises", &["re:File \".*/raises.wsgi\", line 3", "RuntimeError: set me up first"]);
}

#[trial(differs("reads a script only up to a NUL"))]
fn a_script_that_is_no_text_is_500(site: &Site) {
    broken(site, "binary", &["re:SyntaxError|ValueError|UnicodeDecodeError"]);
}

#[trial(differs("a missing callable is 404 in embedded mode there"))]
fn a_missing_callable_is_500_and_named(site: &Site) {
    broken(site, "no_callable", &["re:application.*no_callable.wsgi|no_callable.wsgi.*application"]);
}

#[trial(differs("does not name the directive"))]
fn an_import_that_needs_the_main_interpreter_names_the_cure(site: &Site) {
    broken(site, "main_only", &["does not support loading in subinterpreters", "WSGIApplicationGroup %{GLOBAL}"]);
}

#[trial]
fn an_exception_in_a_thread_is_logged(site: &Site) {
    site.allow_tracebacks();
    assert_eq!(site.get("/in-thread").ok(), "joined");
    site.expect_log("a-thread-of-the-application");
    site.expect_log("ValueError: invalid literal");
}

#[trial]
fn an_exception_in_a_destructor_is_logged(site: &Site) {
    site.allow_tracebacks();
    site.allow_log("re:Exception ignored (in|while)");
    assert_eq!(site.get("/unraisable").ok(), "deleted");
    site.expect_log("ValueError: cannot be raised");
}

#[trial]
fn a_warning_is_logged(site: &Site) {
    site.allow_log("warnings.warn(");
    assert_eq!(site.get("/warn").ok(), "warned");
    site.expect_log("UserWarning: a word of warning");
}
