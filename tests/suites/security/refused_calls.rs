/*! System calls that the kernel refuses for lack of descriptors: what needs them fails and says so, everything else goes on, and nothing is left open. */

use crate::suite;
use crate::suites::security::privileges::compiled;
use crate::support::httpd::{Httpd, Plan};
use crate::support::installation::server_user;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::site::Site;
use registration::trial;
use std::fs;
use std::time::Duration;

/// The suite.
pub fn suite() -> Suite {
    suite!("refused_calls").in_daemon_mode().reach(Reach::Once)
}

fn start(setup: &Setup, call: &'static str, program: &'static str) -> Httpd {
    if server_user().is_none() {
        setup.skip("only root installs a filter and keeps set-uid programs working");
    }
    let library: &'static str = compiled(setup, "refused_calls").display().to_string().leak();
    let plan = Plan::new("refused_calls.conf")
        .environment("LD_PRELOAD", library)
        .environment("REFUSED_CALL", call)
        .environment("REFUSED_IN", program)
        .announce("re:WSGI1[0-9]{3}: ");
    Httpd::start(setup, &plan, call)
}

/// The name under which httpd runs.
fn httpd(setup: &Setup) -> &'static str {
    let name = setup.run.installation.program.file_name().unwrap();
    name.to_str().unwrap().to_owned().leak()
}

fn logged(server: &Httpd, text: &str) {
    let found = || server.whole_log().iter().any(|line| line.text.contains(text)).then_some(());
    assert!(poll::until(Duration::from_secs(20), found).is_some(), "the log lacks `{text}`");
}

#[trial(differs("it has no supervisor"))]
fn without_a_supervisor_embedded_mode_serves_and_groups_are_503(setup: &Setup) {
    for (call, what) in [("memfd_create", "could not create the table of its processes"), ("socketpair", "its command socket")] {
        let mut server = start(setup, call, httpd(setup));
        let site = Site::new(&server, setup);
        site.get("/daemon").expect(503);
        site.get("/embedded").expect(200);
        logged(&server, what);
        server.graceful();
        site.get("/embedded").expect(200);
        site.get("/daemon").expect(503);
        server.stop().unwrap();
    }
}

#[trial(differs("it has no supervisor"))]
fn a_supervisor_that_gets_no_descriptors_tries_again_and_keeps_none(setup: &Setup) {
    for call in ["memfd_create", "socketpair", "pipe2"] {
        let mut server = start(setup, call, "wsgi-supervisor");
        let site = Site::new(&server, setup);
        site.get("/daemon").expect(503);
        logged(&server, "could not start a process");
        let supervisor = server.supervisors()[0];
        let open = || fs::read_dir(format!("/proc/{supervisor}/fd")).unwrap().count();
        let before = open();
        // After one, two and four seconds it has tried again.
        poll::let_pass(Duration::from_secs(5));
        assert_eq!(server.supervisors(), [supervisor], "it has ended");
        assert!(open() <= before, "{call}: {before} descriptors became {}", open());
        site.get("/embedded").expect(200);
        server.stop().unwrap();
    }
}
