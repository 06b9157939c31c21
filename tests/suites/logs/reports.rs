/*! What others see of an answer: variables in the access log and in error pages, a HEAD, the reason of a timeout, an application of another kind, a service that
has failed. */

use crate::suite;
use registration::trial;
use std::fs;
use std::time::Duration;

use crate::support::client::{Client, Request};
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Mode, Reach, Setup, Suite};
use crate::support::poll;
use crate::support::response::Framing;
use crate::support::site::Site;

/// The suite.
pub fn suite() -> Suite {
    suite!("reports").in_both_modes().plan(|plan| plan.modules(&["filter", "deflate", "setenvif"]))
}

/// The fields of the access log's line about a request for `path`, once it is there.
fn logged(site: &Site, path: &str) -> Vec<String> {
    let find = || {
        let text = fs::read_to_string(site.path("files/variables.log")).unwrap_or_default();
        let line = text.lines().rev().find(|line| line.split('|').next() == Some(path))?;
        Some(line.split('|').map(str::to_owned).collect())
    };
    poll::until(poll::SOON, find).expect("a line of the access log")
}

fn group(site: &Site) -> &'static str {
    if site.setup.mode == Mode::Daemon { "trials" } else { "" }
}

#[trial(reach(Reach::Everywhere))]
fn the_access_log_shows_what_the_application_was_given(site: &Site) {
    assert_eq!(site.get("/app/say/a%20b").ok(), "/say/a b");
    let port = site.server.files.port.to_string();
    let given = ["/app", "/say/a b", group(site), "reports", "application", "wsgi-script", "/app", "/say/a b", &port];
    assert_eq!(logged(site, "/app/say/a b")[1..10], given);
}

#[trial]
fn headers_may_be_made_of_what_the_application_was_given(site: &Site) {
    let response = site.get("/app/say/header").expect(200);
    assert_eq!(response.header("X-Group"), Some(format!("/say/header in [{}]", group(site))));
}

#[trial]
fn what_a_trusted_proxy_says_stands_in_the_access_log(site: &Site) {
    for (path, seen) in [("/app/say/proxied", "192.0.2.7"), ("/app/say/direct", "127.0.0.1")] {
        site.send(&Request::get(path).header("X-Forwarded-For", "192.0.2.7")).expect(200);
        assert_eq!(logged(site, path)[10], seen, "{path}");
    }
}

#[trial(differs("they do"))]
fn credentials_do_not_stand_among_httpds_variables(site: &Site) {
    site.send(&Request::get("/app/say/secret").header("Authorization", "Basic YTpi")).expect(200);
    assert_eq!(logged(site, "/app/say/secret")[12], "-");
}

#[trial]
fn an_error_page_is_told_of_the_request_that_failed(site: &Site) {
    let page = site.get("/app/missing/thing");
    if site.setup.mode == Mode::Embedded {
        // `WSGIErrorOverride` concerns daemon processes.
        assert_eq!(page.text(), "not this one");
        return;
    }
    for (name, value) in [
        ("SCRIPT_NAME", "/app"),
        ("PATH_INFO", "/missing/thing"),
        ("STATUS", "404"),
        ("URL", "/app/missing/thing"),
        ("mod_wsgi.process_group", "trials"),
    ] {
        assert_eq!(page.value(&format!("REDIRECT_{name}")), Some(value), "{}", page.text());
    }
}

#[trial]
fn a_head_needs_no_body(site: &Site) {
    let mut client = site.connect();
    for _ in 0..2 {
        let head = client.exchange(&Request::new("HEAD", "/app/head").header("Accept-Encoding", "gzip")).unwrap().expect(200);
        assert_eq!(head.header("Content-Length").as_deref(), Some("1000"));
        assert_eq!((head.header("Expires"), head.header("Connection")), (None, None));
        // Nothing is known of the length that GET would have.
        let head = client.exchange(&Request::new("HEAD", "/app/nothing")).unwrap().expect(200);
        assert_eq!(head.header("Content-Length"), None);
    }
    let get = client.exchange(&Request::get("/app/nothing")).unwrap().expect(200);
    assert_eq!(get.framing, Framing::Length(0));
}

/// What the application at `below` has seen of the request named `key`.
fn seen(site: &Site, below: &str, key: &str) -> String {
    poll::until(Duration::from_secs(30), || Some(site.get(&format!("{below}/seen?{key}")).ok()).filter(|text| !text.is_empty()))
        .expect("the application sees the end of the request")
}

fn half_an_upload(client: &mut Client, target: &str) {
    client.send(format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf").as_bytes()).unwrap();
}

#[trial(differs("the error is that of a system call"))]
fn a_client_that_stops_sending_is_not_said_to_be_gone(site: &Site) {
    let mut client = Client::connect(site.server.files.other_port).unwrap();
    half_an_upload(&mut client, "/app/read?upload");
    let said = seen(site, "/app", "upload");
    assert!(said.contains("the client is connected") && said.contains("`Timeout`"), "{said}");
    drop(client);
    if site.setup.mode == Mode::Daemon {
        let mut client = site.connect();
        half_an_upload(&mut client, "/quick/read?upload");
        let said = seen(site, "/quick", "upload");
        assert!(said.contains("the client is connected") && said.contains("within 1 s (`socket-timeout`"), "{said}");
        drop(client);
    }
}

#[trial(differs("the error is that of a system call"))]
fn a_client_that_stops_reading_is_not_said_to_be_gone(site: &Site) {
    site.allow_log("re:.");
    let below = if site.setup.mode == Mode::Daemon { "/quick" } else { "/app" };
    let port = if site.setup.mode == Mode::Daemon { site.server.files.port } else { site.server.files.other_port };
    let mut client = Client::connect(port).unwrap();
    client.send(&Request::get(&format!("{below}/flood?flood")).head_bytes()).unwrap();
    let said = seen(site, below, "flood");
    // In daemon mode the Apache child or the process gives the client up, whichever comes first.
    assert!(said.contains("received no data"), "{said}");
    drop(client);
}

#[trial(differs("a TypeError with its traceback"))]
fn an_asgi_application_is_named_in_one_line(site: &Site) {
    site.allow_log("re:RuntimeWarning|never awaited|allocation traceback");
    for name in ["function", "misled", "framework", "partial", "middleware", "older"] {
        site.get(&format!("/asgi/{name}")).expect(500);
        let line = site.expect_log(&format!("WSGI1207: `{name}` is an ASGI application"));
        assert!(line.text.contains("a2wsgi"), "{line:?}");
    }
    site.log_lacks("Traceback");
    // A TypeError of the application's own keeps its traceback.
    site.get("/asgi/plain").expect(500);
    site.expect_traceback("TypeError: unsupported operand type(s)");
    site.get("/asgi/callback").expect(500);
    site.expect_traceback("TypeError: callback() takes 1 positional argument but 2 were given");
    site.expect_log("WSGI1200");
}

#[trial(reach(Reach::Once).differs("a service is nothing special"))]
fn a_service_that_fails_is_not_said_to_be_done(setup: &Setup) {
    if setup.mode == Mode::Embedded {
        setup.skip("services are daemon processes");
    }
    let plan = Plan::new("reports.conf").modules(&["filter", "deflate", "setenvif"]).define("SERVICES", "1").announce("re:.");
    let server = Httpd::start(setup, &plan, "failing-services");
    let site = Site::new(&server, setup);
    let line = |group: &str, text: &str| {
        let pattern = format!("re:of group {group} {text}");
        server.whole_log().iter().any(|line| crate::support::error_log::pattern(&pattern).is_match(&line.text))
    };
    for group in ["raising", "exiting", "absent"] {
        poll::wait_for(group, || line(group, "did not complete its service scripts: it exited with status 1"));
        assert!(!line(group, "completed its service scripts"), "{group}");
    }
    poll::wait_for("done", || line("done", "completed its service scripts"));
    assert!(!line("done", "did not complete"));
    site.expect_log("it has lost its way");
}
