/*! Applications whose objects lie, call back where nobody expects it, and outlive their requests. Whatever they do, the answer is a clean one
and the process goes on. */

use crate::suite;
use crate::support::client::Request;
use crate::support::matrix::{Mode, Reach, Suite};
use crate::support::site::Site;
use registration::trial;
use std::time::{Duration, Instant};

/// Lines that stand at the head of a traceback.
const HEADING: &str = "re:WSGI120[0-9]|WSGI0174|WSGI0175|client [^ ]*\\] (TypeError|ValueError|AttributeError|KeyError|StopAsyncIteration|BaseException)";

/// The suite.
pub fn suite() -> Suite {
    suite!("hostile_applications").in_both_modes().plan(|plan| plan.modules(&["include"]))
}

/// The one process that serves; none where there are several.
fn pid(site: &Site) -> Option<String> {
    let of_one = site.setup.mode == Mode::Daemon || site.setup.mpm.threaded();
    of_one.then(|| site.get("/fine").expect(200).value("pid").unwrap().to_owned())
}

/// What the trial does leaves the process alive.
fn survived(site: &Site, trial: impl FnOnce()) {
    let before = pid(site);
    trial();
    site.get("/fine").expect(200);
    assert_eq!(pid(site), before, "the same process serves");
}

#[trial(reach(Reach::Everywhere).differs("the process dies"))]
fn what_is_no_exc_info_is_a_type_error(site: &Site) {
    let cases = "class-int value-int value-of-another class-text class-none class-instance class-fake class-pretended value-pretended \
        trace-int trace-fake trace-text short long list text none-class-and-trace";
    survived(site, || {
        for what in cases.split_whitespace() {
            let said = site.get(&format!("/wrong-exc-info?what={what}")).ok();
            assert_eq!(said, "begun TypeError: exc_info must be the tuple that sys.exc_info() returns, or None", "{what}");
        }
    });
}

#[trial(differs("not tried there"))]
fn an_unusual_exc_info_is_raised_as_python_would(site: &Site) {
    survived(site, || {
        for (what, raised) in [
            ("no-instance", "ValueError"),
            ("subclass", "FileNotFoundError"),
            ("breaks", "KeyError"),
            ("returns", "TypeError"),
            ("base", "BaseException"),
            ("subclass-of-tuple", "ValueError"),
        ] {
            assert_eq!(site.get(&format!("/odd-exc-info?what={what}")).ok(), format!("begun {raised}"), "{what}");
        }
    });
}

#[trial(reach(Reach::Everywhere).differs("logs otherwise"))]
fn a_script_whose_exception_is_its_own_cause_is_500(site: &Site) {
    site.allow_tracebacks();
    site.allow_log("re:WSGI1202|Chained exceptions have been truncated");
    survived(site, || {
        for (script, says) in
            [("own-cause", "ImportError: leads to itself"), ("long-chain", "re:the 100000th"), ("lying", "re:Lying")]
        {
            let response = site.get(&format!("/broken/{script}.wsgi")).expect(500);
            assert!(response.complete);
            site.expect_log(says);
        }
    });
}

#[trial(differs("not tried there"))]
fn what_subclasses_say_of_themselves_does_not_count(site: &Site) {
    survived(site, || {
        let response = site.get("/lying-head").expect(200);
        assert!(response.header("X-True").as_deref() == Some("1") && response.header("X-Lie").is_none());
        assert_eq!(response.text(), "fine");
        for what in ["list", "tuple", "generator"] {
            assert_eq!(site.get(&format!("/lying-body?what={what}")).ok(), "ab", "{what}");
        }
    });
}

#[trial(reach(Reach::Everywhere).differs("not tried there"))]
fn a_body_that_is_none_is_a_clean_error(site: &Site) {
    site.allow_log(HEADING);
    site.allow_tracebacks();
    let cases = "none int text dict nameless nameless-item renamed-item text-item bytearray memoryview array no-iterator raising-iter \
        raising-next none-item base-exception stop-async list-of-lists iter-class coroutine";
    survived(site, || {
        for what in cases.split_whitespace() {
            let response = site.get(&format!("/wrong-body?what={what}")).expect(500);
            assert!(response.complete, "{what}");
        }
    });
    site.log_lacks("re:^b the application|^b$");
}

#[trial(differs("not tried there"))]
fn a_file_that_lies_is_a_clean_error(site: &Site) {
    site.allow_log(HEADING);
    site.allow_tracebacks();
    survived(site, || {
        for what in "read-text read-int read-no-truth read-lying read-not-callable none read-raises".split_whitespace() {
            assert!(site.get(&format!("/file?what={what}")).expect(500).complete, "{what}");
        }
        let cases = "read-exit fileno-negative fileno-huge fileno-text fileno-no-file fileno-pipe fileno-directory tell-negative tell-huge \
            tell-text close-raises";
        for what in cases.split_whitespace() {
            assert_eq!(site.get(&format!("/file?what={what}")).ok(), "x", "{what}");
        }
        assert_eq!(site.get("/file?what=tell-beyond").ok(), "");
    });
}

#[trial(reach(Reach::Everywhere).differs("not tried there"))]
fn our_classes_take_nothing_else(site: &Site) {
    survived(site, || {
        let said = site.get("/file-arguments").ok();
        let said: Vec<&str> = said.lines().collect();
        let expected = "TypeError TypeError TypeError ValueError OverflowError TypeError TypeError FileWrapper TypeError TypeError TypeError TypeError \
            TypeError TypeError TypeError TypeError TypeError TypeError TypeError TypeError TypeError TypeError TypeError int";
        assert_eq!(said, expected.split_whitespace().collect::<Vec<_>>());
    });
}

#[trial(differs("not tried there"))]
fn sizes_that_are_none_are_refused_and_reads_within_reads_work(site: &Site) {
    survived(site, || {
        let said = site.post("/input", "abcdefghij\nk").ok();
        assert_eq!(
            said,
            "['TypeError', 'TypeError', 'OverflowError', 'TypeError', 'TypeError', b'ab', b'c', b'de', b'f', 'ZeroDivisionError', \
             'TypeError', b'ghij\\nk', b'']"
        );
    });
}

#[trial(reach(Reach::Everywhere).differs("not tried there"))]
fn threads_may_use_a_requests_objects_at_once_and_after_its_end(site: &Site) {
    survived(site, || {
        for _ in 0..5 {
            let response = site.post("/race", vec![b'x'; 30_000]).expect(200);
            assert!(response.text().starts_with("begun") && response.text().contains(','), "{}", response.text());
        }
        let said = site.get("/race-over").ok();
        assert!(site.setup.mode == Mode::Embedded && !site.setup.mpm.threaded() || said.contains("RuntimeError"), "{said}");
    });
}

#[trial(differs("not tried there"))]
fn objects_of_an_ended_request_are_refused(site: &Site) {
    survived(site, || {
        // Two requests of one connection come to one process.
        let mut client = site.connect();
        client.exchange(&Request::get("/keep")).unwrap().expect(200);
        let said = client.exchange(&Request::get("/use-kept")).unwrap().ok();
        // A flush has nothing to do, and says nothing: logging flushes its handlers when the process ends.
        assert_eq!(said, [["RuntimeError"; 8].join(" "), "accepted".to_owned()].join(" "));
    });
    site.log_lacks("late");
}

#[trial(reach(Reach::Everywhere).differs("not tried there"))]
fn close_and_destructors_may_call_back(site: &Site) {
    site.allow_log(HEADING);
    site.allow_tracebacks();
    survived(site, || {
        for _ in 0..5 {
            let response = site.post("/reenters", "body").expect(200);
            assert!(response.text().starts_with("ab"), "{}", response.text());
        }
    });
}

#[trial(differs("not tried there"))]
fn a_spoiled_environ_concerns_nobody_else(site: &Site) {
    site.allow_log("RuntimeError: start_response() was called a second time");
    site.allow_log(HEADING);
    site.allow_tracebacks();
    survived(site, || {
        for _ in 0..5 {
            // What becomes of this response the destructors in it decide: an error page, or one that breaks off.
            site.get("/environ");
            let next = site.get("/input").expect(200);
            assert!(next.complete && next.text().starts_with("['TypeError'"), "{next:?}");
        }
    });
}

#[trial(reach(Reach::Everywhere).differs("not tried there"))]
fn the_collector_may_run_at_any_time(site: &Site) {
    site.allow_log(HEADING);
    site.allow_tracebacks();
    survived(site, || {
        // A destructor that comes before the first byte may turn it into an error page of the application's own.
        let response = site.post("/collected", "body");
        assert!(response.complete && response.text().matches('x').count() == 200, "{response:?}");
    });
}

#[trial(differs("not tried there"))]
fn what_is_no_text_is_not_logged(site: &Site) {
    survived(site, || {
        let said = site.get("/errors").ok();
        let expected = "TypeError TypeError TypeError TypeError TypeError TypeError KeyError TypeError accepted accepted accepted accepted accepted";
        assert_eq!(said, expected);
    });
    site.allow_log("re:\\?\\?|\\] a$");
}

#[trial(differs("the file name of a record is written as it is"))]
fn names_forge_no_log_lines(site: &Site) {
    site.allow_tracebacks();
    site.get("/log").expect(200);
    site.expect_log("said once");
    site.expect_log("ZeroDivisionError");
    let begins = regex::Regex::new(r"^\[?core:emerg\]?|^\S*\x1b").unwrap();
    let forged = site.log().into_iter().find(|line| begins.is_match(&line.text) || line.text.contains('\x1b'));
    assert!(forged.is_none(), "{forged:?}");
    site.allow_log("core:emerg");
    site.allow_log("Exception in thread");
}

#[trial(reach(Reach::Everywhere).threads().differs("not tried there"))]
fn slow_names_of_a_script_hold_up_nobody_else(site: &Site) {
    let target = "/broken/slow-names.wsgi";
    assert_eq!(site.get(target).ok(), "answered");
    survived(site, || {
        let mut clients: Vec<_> = (0..8).map(|_| site.connect()).collect();
        for _ in 0..3 {
            for client in &mut clients {
                client.send(&Request::get(target).head_bytes()).unwrap();
            }
            let since = Instant::now();
            site.get("/fine").expect(200);
            assert!(since.elapsed() < Duration::from_secs(5));
            for client in &mut clients {
                assert_eq!(client.receive(false).unwrap().ok(), "answered");
            }
        }
    });
}

#[trial(reach(Reach::Everywhere).differs("C code enters the wrong interpreter before Python 3.12"))]
fn an_included_page_leaves_the_other_its_interpreter(site: &Site) {
    survived(site, || {
        for virtual_path in ["/inner", "/elsewhere/inner"] {
            let mut client = site.connect();
            for _ in 0..3 {
                let said = client.exchange(&Request::get(&format!("/including?virtual={virtual_path}"))).unwrap().ok();
                assert_eq!(said, "here=1 inner=1 here=1 end", "{virtual_path}");
            }
        }
    });
}

#[trial(reach(Reach::Everywhere).differs("the process dies"))]
fn wrappers_of_wrappers_end_without_a_deep_stack(site: &Site) {
    survived(site, || assert_eq!(site.get("/wrappers-of-wrappers").ok(), "gone"));
}

#[trial(reach(Reach::Everywhere).threads().differs("not tried there"))]
fn what_is_no_code_is_not_run(site: &Site) {
    site.allow_log(HEADING);
    site.allow_tracebacks();
    survived(site, || {
        for what in ["int", "text", "none"] {
            site.get(&format!("/with-same/another-compile?what={what}")).expect(200);
            let response = site.get(&format!("/same/{what}.wsgi"));
            site.get("/with-same/own-compile").expect(200);
            assert_eq!(response.status, 500, "{what}");
        }
    });
    site.expect_log("compile() has to give a code object, not int");
    site.allow_log("its traceback could not be formatted");
}

#[trial(differs("not tried there"))]
fn an_included_page_cannot_write_to_the_other(site: &Site) {
    survived(site, || {
        let said = site.get("/including?virtual=/uses-outer").ok();
        match site.setup.mode {
            Mode::Embedded => assert_eq!(said, "here=1 RuntimeError here=1 end"),
            // Two requests on two threads: what the one does with the other's is the application's own affair.
            Mode::Daemon => assert!(said.starts_with("here=1 ") && said.ends_with("here=1 end"), "{said}"),
        }
    });
}
