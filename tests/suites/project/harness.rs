/*! The harness itself: a test that cannot fail proves nothing, so what makes trials fail is tried here. */

use crate::suite;
use crate::support::error_log::{Announced, Line, pattern, unannounced};
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Registered, Setup, Suite};
use crate::support::processes::Process;
use crate::support::response::{Framing, Incoming, Response};
use crate::support::site::Site;
use registration::trial;

/// The suite.
pub fn suite() -> Suite {
    suite!("harness").reach(Reach::Once)
}

#[trial]
fn each_registered_trial_belongs_to_one_suite(_: &Setup) {
    let all = crate::suites::all();
    for one in inventory::iter::<Registered> {
        let of = all.iter().filter(|suite| suite.cases.iter().any(|case| case.name == one.case.name)).count();
        assert!(of >= 1, "{}:{}: no suite has the trial `{}`; name its module in `suite!`", one.module, one.line, one.case.name);
        let same = all.iter().map(|suite| suite.cases.iter().filter(|case| case.name == one.case.name).count()).max();
        assert_eq!(same, Some(1), "{}:{}: a suite has the trial `{}` twice", one.module, one.line, one.case.name);
    }
}

#[trial]
fn an_error_in_the_log_that_nobody_announced_is_found(setup: &Setup) {
    let server = Httpd::start(setup, &Plan::new("errors.conf"), "unannounced");
    let site = Site::new(&server, setup);
    site.get("/stderr").expect(404);
    assert_eq!(server.judge(&[]), Ok(()));
    site.get("/warn").expect(200);
    let verdict = server.judge(&[]);
    assert!(verdict.as_ref().is_err_and(|why| why.contains("a word of warning")), "{verdict:?}");
    assert_eq!(server.judge(&[]), Ok(()), "each line is judged once");
}

fn line(text: &str) -> Line {
    Line { file: "error.log".to_owned(), text: text.to_owned() }
}

#[trial]
fn each_kind_of_trouble_is_found(_: &Setup) {
    for trouble in [
        "[Sat Nov 21 12:00:00.000001 2026] [wsgi:error] [pid 1:tid 1] text",
        "[Sat Nov 21 12:00:00.000001 2026] [core:warn] [pid 1:tid 1] text",
        "[Sat Nov 21 12:00:00.000001 2026] [mpm_event:crit] [pid 1:tid 1] text",
        "[Sat Nov 21 12:00:00.000001 2026] [core:notice] [pid 1] AH00052: child pid 2 exit signal Segmentation fault (11)",
        "[Sat Nov 21 12:00:00.000001 2026] [wsgi:info] [pid 1:tid 1] thread panicked at src/lib.rs:1",
        "Fatal Python error: init_fs_encoding",
        "something on the bare stderr",
    ] {
        assert_eq!(unannounced(&[line(trouble)], &[]).len(), 1, "{trouble}");
    }
    for fine in ["", "[Sat Nov 21 12:00:00.000001 2026] [wsgi:info] [pid 1:tid 1] no [core:error] at all"] {
        assert_eq!(unannounced(&[line(fine)], &[]).len(), 0, "{fine}");
    }
}

#[trial]
fn an_announcement_covers_its_lines_alone(_: &Setup) {
    let head = "[Sat Nov 21 12:00:00.000001 2026] [wsgi:error] [pid 1:tid 1] [client 127.0.0.1:1]";
    let lines = [line(&format!("{head} expected text")), line(&format!("{head} another text"))];
    let announced = [Announced::Line(pattern("expected text"))];
    let left = unannounced(&lines, &announced);
    assert!(left.len() == 1 && left[0].text.ends_with("another text"));
    let traceback = ["Traceback (most recent call last):", "  File \"x.py\", line 1, in f", "    f()"];
    let lines: Vec<Line> = traceback.iter().chain(&["ValueError: x"]).map(|text| line(&format!("{head} {text}"))).collect();
    let left = unannounced(&lines, &[Announced::Traceback]);
    assert!(left.len() == 1 && left[0].text.ends_with("ValueError: x"), "the exception itself must be announced");
}

#[trial]
fn a_server_that_does_not_start_says_why(setup: &Setup) {
    let plan = Plan::new("errors.conf").line("ThisIsNoDirective On");
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(Httpd::start(setup, &plan, "does-not-start"))));
    let why = failed.expect_err("it must not start");
    let why = why.downcast_ref::<String>().expect("a message");
    assert!(why.contains("Invalid command 'ThisIsNoDirective'"), "{why}");
    // What the failed server reported belongs to this trial's success.
    drop(crate::support::httpd::take_reports());
    drop(crate::support::run::take_panic_place());
}

#[trial]
fn a_stopped_server_leaves_no_process(setup: &Setup) {
    let mut server = Httpd::start(setup, &Plan::new("errors.conf"), "stopped");
    let family: Vec<Process> = server.children();
    assert!(!family.is_empty() && family.iter().all(|process| process.runs()));
    let parent = Process::find(server.pid()).expect("the parent runs");
    server.stop().unwrap();
    assert!(!parent.runs() && family.iter().all(|process| !process.runs()));
}

fn response(bytes: &str) -> std::io::Result<Response> {
    Incoming::new(bytes.as_bytes()).response(false)
}

#[trial]
fn a_cut_response_is_not_whole(_: &Setup) {
    let whole = response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").unwrap();
    assert_eq!((whole.framing, whole.complete, whole.text(), &*whole.chunks), (Framing::Chunked, true, "abc", &[3][..]));
    for cut in ["3\r\nabc\r\n", "3\r\nab", "3\r\nabc\r\n0\r\n", "3\r\nabc\r\n0", ""] {
        let seen = response(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{cut}")).unwrap();
        assert!(!seen.complete, "{cut:?}");
    }
    assert!(!response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc").unwrap().complete);
    assert!(response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").unwrap().complete);
    assert!(response("HTTP/1.1 200 OK\r\nContent-Le").is_err());
}

#[trial]
fn ambiguous_framing_is_an_error(_: &Setup) {
    for head in ["Content-Length: 3\r\nContent-Length: 4", "Content-Length: 3\r\nTransfer-Encoding: chunked", "Content-Length: x"]
    {
        assert!(response(&format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\nabc")).is_err(), "{head}");
    }
}
