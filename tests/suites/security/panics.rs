/*! A panic in each kind of callback from C, asked for in the build with faults: it is logged with its place, it becomes the answer
that the callback can give, and the server lives. */

use crate::suite;
use crate::support::client::Request;
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::matrix::{Mode, Reach, Setup, Suite};
use crate::support::response::Framing;
use crate::support::site::Site;
use registration::trial;
use std::sync::Arc;

const THEIRS: &str = "it has no such build";

/// The suite.
pub fn suite() -> Suite {
    suite!("panics").reach(Reach::Once)
}

/// The same combination with the build that can be asked for faults.
fn faulty(setup: &Setup) -> Setup {
    let faults = setup.run.faults.clone().expect("build/test/mod_wsgi_rs.so is missing: run `make build-faults` first");
    Setup { module: Arc::new(faults), ..setup.clone() }
}

const PANIC: &str = "re:WSGI1001: internal error in the [a-z_]+ callback: .*fault asked for by a test.*\\.rs:[0-9]+";

fn asked(target: &str, fault: &str) -> Request {
    Request::get(target).header("X-Test-Fault", fault)
}

fn start(setup: &Setup) -> Httpd {
    let server = Httpd::start(setup, &Plan::new("panics.conf"), "panics");
    server.announce(PANIC);
    server
}

fn pid(site: &Site) -> String {
    site.get("/environ/raw").expect(200).value("mod_wsgi.server_pid").unwrap().to_owned()
}

#[trial(differs(THEIRS))]
fn in_a_request_it_is_500_and_the_process_lives(setup: &Setup) {
    let setup = faulty(setup);
    let server = start(&setup);
    let site = Site::new(&server, &setup);
    let before = pid(&site);
    for fault in ["translate", "handler"] {
        let response = site.send(&asked("/environ/raw", fault)).expect(500);
        assert!(response.text().contains("Internal Server Error"));
        site.expect_log(&format!("WSGI1001: internal error in the {fault} callback: "));
    }
    assert_eq!(before, pid(&site));
}

/// In both modes: an error page behind a response that has begun would look like its end.
#[trial(differs(THEIRS))]
fn after_the_head_it_cuts_the_response(setup: &Setup) {
    let setup = faulty(setup);
    for mode in [Mode::Embedded, Mode::Daemon] {
        let setup = Setup { mode, ..setup.clone() };
        let server = start(&setup);
        let site = Site::new(&server, &setup);
        let before = pid(&site);
        let mut client = site.connect();
        let response =
            client.exchange(&asked("/response/big-generator?count=3&size=100000", "late-handler")).unwrap().expect(200);
        assert_eq!((response.framing, response.complete), (Framing::Chunked, false), "{}", setup.name());
        assert!(!response.text().contains("Internal Server Error"), "{}", setup.name());
        assert!(client.is_closed().unwrap(), "{}", setup.name());
        site.expect_log("WSGI1001: internal error in the handler callback: ");
        // Nothing has been sent yet: there is still room for an error page.
        site.send(&asked("/response/list", "late-handler")).expect(500);
        assert_eq!(before, pid(&site), "{}", setup.name());
    }
}

#[trial(differs(THEIRS))]
fn while_the_body_is_read_it_is_an_error_of_the_application(setup: &Setup) {
    let setup = faulty(setup);
    let server = start(&setup);
    server.announce("re:WSGI1200|OSError");
    server.announce_tracebacks();
    let site = Site::new(&server, &setup);
    let before = pid(&site);
    site.send(&Request::post("/input/read-all", "body").header("X-Test-Fault", "read")).expect(500);
    site.expect_log("WSGI1001: internal error in the read callback: ");
    site.expect_log("OSError");
    assert_eq!(before, pid(&site));
}

#[trial(differs(THEIRS))]
fn while_the_response_is_sent_it_cuts_the_response(setup: &Setup) {
    let setup = faulty(setup);
    let server = start(&setup);
    server.announce("re:WSGI1200|OSError|RuntimeError");
    server.announce_tracebacks();
    let site = Site::new(&server, &setup);
    let before = pid(&site);
    for (fault, target) in [
        ("start", "/response/list".to_owned()),
        ("write", "/response/big-generator?count=3&size=100000".to_owned()),
        ("send_file", format!("/file_wrapper/file?file={}/httpd.conf", server.files.root.display())),
    ] {
        let response = site.send(&asked(&target, fault));
        assert!(response.status == 500 || !response.complete, "{fault}: {response:?}");
        site.expect_log(&format!("WSGI1001: internal error in the {fault} callback: "));
    }
    assert_eq!(before, pid(&site));
    site.get("/response/list").expect(200);
}

/// What reads the file can only fail; what hands it over to httpd's core can leave that.
#[trial(differs(THEIRS))]
fn while_a_file_is_sent_it_breaks_off_or_shows_nowhere(setup: &Setup) {
    let setup = faulty(setup);
    let plan = Plan::new("panics.conf").modules(&["filter", "deflate"]).line("SetOutputFilter DEFLATE");
    for (fault, whole) in [("file_read", false), ("file_filter", true)] {
        let server = Httpd::start(&setup, &plan.clone().environment("MOD_WSGI_RS_TEST_FAULT", fault), fault);
        server.announce(PANIC);
        server.announce("re:WSGI1151|AH10298");
        let site = Site::new(&server, &setup);
        let before = site.server.children();
        let target = format!("/file_wrapper/file?file={}/httpd.conf", server.files.root.display());
        let asked = asked(&target, fault).header("Accept-Encoding", if whole { "identity" } else { "gzip" });
        let complete = site.connect().exchange(&asked).is_ok_and(|response| response.complete && response.status == 200);
        assert_eq!(complete, whole, "{fault}");
        site.expect_log(&format!("WSGI1001: internal error in the {fault} callback: "));
        assert_eq!(before, site.server.children(), "{fault}");
    }
}

#[trial(differs(THEIRS))]
fn while_logging_it_costs_the_line(setup: &Setup) {
    let setup = faulty(setup);
    let server = start(&setup);
    let site = Site::new(&server, &setup);
    site.send(&asked("/logging/print?text=lost", "log")).expect(200);
    site.expect_log("WSGI1001: internal error in the log callback: ");
    site.log_lacks("] lost");
    site.get("/logging/print?text=kept").expect(200);
    site.expect_log("] kept");
    server.announce("] kept");
}

#[trial(differs(THEIRS))]
fn while_the_scoreboard_is_read_there_is_none(setup: &Setup) {
    let setup = faulty(setup);
    let plan = Plan::new("server_metrics.conf").define("ASKED", "1").modules(&["status"]);
    let server = Httpd::start(&setup, &plan.environment("MOD_WSGI_RS_TEST_FAULT", "scoreboard"), "panics-scoreboard");
    server.announce(PANIC);
    let site = Site::new(&server, &setup);
    let before = site.get("/pid").ok();
    assert_eq!(site.get("/now").ok(), "null");
    site.expect_log("WSGI1001: internal error in the scoreboard callback: ");
    assert_eq!(site.get("/pid").ok(), before);
}

#[trial(differs(THEIRS))]
fn in_a_directive_it_refuses_the_configuration(setup: &Setup) {
    let setup = faulty(setup);
    for fault in ["directive", "merge"] {
        let plan = Plan::new("panics.conf").environment("MOD_WSGI_RS_TEST_FAULT", fault);
        let (accepted, said) = Prepared::new(&setup, &plan, fault).configtest();
        assert!(!accepted && said.contains("Syntax error on line") && said.contains("WSGI1001"), "{fault}: {said}");
    }
}

#[trial(differs(THEIRS))]
fn in_the_configuration_phases_the_server_still_starts(setup: &Setup) {
    let setup = faulty(setup);
    for fault in ["configuration", "cleanup"] {
        let plan = Plan::new("panics.conf").environment("MOD_WSGI_RS_TEST_FAULT", fault);
        let server = Httpd::start(&setup, &plan, fault);
        server.announce(PANIC);
        server.announce("re:WSGI1[01]");
        let site = Site::new(&server, &setup);
        std::fs::write(site.path("htdocs/page.txt"), "a page").unwrap();
        assert_eq!(site.get("/page.txt").ok(), "a page", "{fault}");
    }
}

#[trial(differs(THEIRS))]
fn when_a_child_starts_the_others_are_served(setup: &Setup) {
    let setup = faulty(setup);
    let plan = Plan::new("panics.conf").environment("MOD_WSGI_RS_TEST_FAULT", "child_init");
    let server = Httpd::start(&setup, &plan, "child-init");
    server.announce(PANIC);
    server.announce("re:WSGI1111");
    let site = Site::new(&server, &setup);
    std::fs::write(site.path("htdocs/page.txt"), "a page").unwrap();
    assert_eq!(site.get("/page.txt").ok(), "a page");
    site.get("/environ/raw").expect(503);
}
