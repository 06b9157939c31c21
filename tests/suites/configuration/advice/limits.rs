//! What is said when something takes too long or is too large: the option that the message names is raised.

use super::{GROUP, Scripts, WORDS, application, at_request, expect_advice, owned, plan};
use crate::support::client::Request;
use crate::support::httpd::Httpd;
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::processes::Process;
use crate::support::site::Site;
use registration::trial;

/// What takes longer than the shorter of two limits, and far less than the longer one, is served with that.
#[track_caller]
fn raised(setup: &Setup, codes: &[&str], text: &str, option: &str, values: [&str; 2], request: &Request) {
    let scripts = Scripts::new(setup, text);
    let alias = scripts.alias("process-group=shop application-group=%{GLOBAL}");
    let group = |value: &str| format!("{GROUP} {option}={value}");
    at_request(setup, codes, &[&group(values[0]), &alias], &[&group(values[1]), &alias], request);
}

fn page() -> Request {
    Request::get("/")
}

#[trial(differs(WORDS))]
fn a_request_gets_more_time(setup: &Setup) {
    let text = application("time.sleep(3)");
    raised(setup, &["WSGI1262", "WSGI1332", "WSGI1401"], &text, "request-timeout", ["1", "60"], &page());
    raised(setup, &["WSGI1330"], &text, "socket-timeout", ["1", "60"], &page());
}

#[trial(differs(WORDS))]
fn a_start_gets_more_time(setup: &Setup) {
    let text = format!("import time\ntime.sleep(3)\n{}", application("pass"));
    raised(setup, &["WSGI1304"], &text, "shutdown-timeout=1 startup-timeout", ["1", "60"], &page());
    raised(setup, &["WSGI1324"], &text, "connect-timeout", ["1", "60"], &page());
    // A script that is not known beforehand is loaded with its first request.
    let scripts = Scripts::new(setup, &text);
    let alias = scripts.alias("process-group=shop").replace("WSGIScriptAlias /", "WSGIScriptAliasMatch ^/");
    let group = |seconds: u32| format!("{GROUP} shutdown-timeout=1 startup-timeout={seconds}");
    at_request(setup, &["WSGI1403"], &[&group(1), &alias], &[&group(60), &alias], &page());
}

#[trial(differs(WORDS))]
fn a_header_gets_more_room(setup: &Setup) {
    let text = application("pass").replace("'text/plain')]", "'text/plain'), ('X-Long', 'x' * 10000)]");
    raised(setup, &["WSGI1333"], &text, "header-buffer-size", ["8192", "32768"], &page());
}

/// Two requests at once, where one may run and none may wait.
#[trial(differs(WORDS))]
fn a_group_gets_more_threads_or_processes(setup: &Setup) {
    let scripts = Scripts::new(setup, &application("time.sleep(2)"));
    let alias = scripts.alias("process-group=shop application-group=%{GLOBAL}");
    let both = |options: &str, refused: bool| -> Vec<u16> {
        let group = GROUP.replace("threads=2", options);
        let server = Httpd::start(setup, &plan(&owned(&[&group, &alias])), "crowded");
        if refused {
            server.announce("re:.");
        }
        let site = Site::new(&server, setup);
        let mut clients: Vec<_> = (0..2).map(|_| site.connect()).collect();
        for client in &mut clients {
            client.send(&page().header("Connection", "close").head_bytes()).unwrap();
        }
        let mut statuses: Vec<u16> = clients.iter_mut().map(|client| client.receive(false).unwrap().status).collect();
        statuses.sort_unstable();
        if refused {
            expect_advice(&site, &["WSGI1331"]);
        }
        statuses
    };
    assert_eq!(both("threads=1 queue-timeout=1", true), [200, 504]);
    for options in ["threads=2 queue-timeout=1", "processes=2 threads=1 queue-timeout=1"] {
        assert_eq!(both(options, false), [200, 200], "{options}");
    }
}

/// An exit function that takes longer than the process has to end.
#[trial(differs(WORDS))]
fn an_exit_gets_more_time(setup: &Setup) {
    let text = format!(
        "import atexit, os, time\natexit.register(time.sleep, 3)\n{}",
        application("pass").replace("b'served'", "b'%d' % os.getpid()")
    );
    let scripts = Scripts::new(setup, &text);
    let alias = scripts.alias("process-group=shop application-group=%{GLOBAL}");
    for (seconds, killed) in [(1, true), (30, false)] {
        let group = format!("{GROUP} shutdown-timeout={seconds} maximum-requests=3");
        let server = Httpd::start(setup, &plan(&owned(&[&group, &alias])), "exits");
        // That its successors are replaced at once, too, is not what is tried.
        server.announce("re:WSGI1371|To fix: raise `maximum-requests");
        let site = Site::new(&server, setup);
        let first = Process::find(site.get("/").ok().parse().unwrap()).unwrap();
        for _ in 0..2 {
            site.get("/").expect(200);
        }
        poll::wait_for("the process has ended", || !first.runs());
        if killed {
            server.announce("WSGI1253");
            super::expect_advice(&site, &["WSGI1253"]);
        } else {
            site.log_lacks("WSGI1253");
        }
    }
}
