/*! Applications that fork in an Apache child, or end it: what becomes of the client, of the child and of the copy. */

use crate::suite;
use crate::support::client::Request;
use crate::support::matrix::{Reach, Suite};
use crate::support::poll;
use crate::support::site::Site;
use registration::trial;

const COPIES: &str = "a copy that comes back answers the client, and goes on as an Apache child";

/// The suite.
pub fn suite() -> Suite {
    suite!("forks")
}

#[trial(reach(Reach::Everywhere).differs(COPIES))]
fn a_copy_that_comes_back_answers_nobody(site: &Site) {
    site.allow_tracebacks();
    site.allow_log("re:WSGI120[01]:|SystemExit|ValueError");
    for (how, status) in [("return", 0), ("exit", 1), ("raise", 1)] {
        let mut client = site.connect();
        let answer = client.exchange(&Request::get(&format!("/comes_back?how={how}"))).unwrap().ok();
        assert_eq!(answer, format!("the parent's answer {status}"), "{how}");
        site.expect_log("re:WSGI1460: .*/comes_back");
        // The same child, which a copy in httpd's own loop would have brought down.
        client.exchange(&Request::get("/pid")).unwrap().expect(200);
    }
}

#[trial(differs(COPIES))]
fn a_copy_has_no_part_in_an_upload(site: &Site) {
    assert_eq!(site.post("/reads", "the body").ok(), "failed the body");
}

#[trial(reach(Reach::Everywhere))]
fn a_process_that_an_extension_ends_is_replaced(site: &Site) {
    let mut client = site.connect();
    let before = client.exchange(&Request::get("/pid")).unwrap().ok();
    assert!(client.exchange(&Request::get("/exit")).is_err(), "nobody answers");
    let gone = || (!std::path::Path::new(&format!("/proc/{before}")).exists()).then_some(());
    assert!(poll::until(poll::SOON, gone).is_some(), "the process that was to end lives on");
    assert_ne!(site.get("/pid").ok(), before);
}
