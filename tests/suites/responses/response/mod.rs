/*! What an application answers: status and headers, in `response_bodies` every shape of body, `write()`, `close()`, lengths. */

mod bodies;

use crate::suite;
use crate::support::client::Request;
use crate::support::matrix::{Mode, Reach, Suite};
use crate::support::poll;
use crate::support::site::Site;
use registration::trial;

/// The suite.
pub fn suite() -> Suite {
    suite!("response", bodies).in_both_modes()
}

#[trial(reach(Reach::Everywhere))]
fn status_and_reason_arrive(site: &Site) {
    for (line, status, reason) in [
        ("200%20OK", 200, "OK"),
        ("200%20All%20is%20well%20here", 200, "All is well here"),
        ("404%20Not%20Here", 404, "Not Here"),
        ("418%20I'm%20a%20teapot", 418, "I'm a teapot"),
        ("299%20Odd", 299, "Odd"),
        ("503%20Later", 503, "Later"),
    ] {
        let response = site.get(&format!("/status?line={line}")).expect(status);
        assert_eq!((response.reason.as_str(), response.text()), (reason, "body"));
        assert_eq!(response.version, "HTTP/1.1");
    }
}

#[trial]
fn a_status_needs_no_reason(site: &Site) {
    let response = site.get("/no-body-status?line=202").expect(202);
    assert_eq!((response.reason.as_str(), response.text()), ("Accepted", "this must not be sent"), "httpd knows the reason");
}

#[trial(reach(Reach::Everywhere))]
fn headers_arrive_as_they_were_given(site: &Site) {
    let response = site.get("/headers").expect(200);
    for (name, value) in [
        ("Content-Type", "Text/Plain; Charset=UTF-8"),
        ("X-Lower", "v"),
        ("X-Latin", "café"),
        ("X-Spaces", "inside  and around"),
        ("X-Empty", ""),
        ("ETag", "\"tag\""),
        ("Cache-Control", "no-cache"),
        ("Last-Modified", "not a date"),
        ("X-Sendfile", "/etc/passwd"),
    ] {
        assert_eq!(response.header(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(response.text(), "headers");
}

#[trial]
fn repeated_headers_stay_apart(site: &Site) {
    let response = site.get("/headers").expect(200);
    assert_eq!(response.header_lines("X-Twice"), ["a", "b"]);
    assert_eq!(response.header_lines("Set-Cookie"), ["a=1", "b=2"]);
    assert_eq!(response.header_lines("Vary").join(",").replace(' ', ""), "Accept,Cookie", "httpd itself may join this one");
}

#[trial]
fn a_status_header_does_not_change_the_status(site: &Site) {
    site.get("/headers").expect(200);
}

#[trial]
fn a_location_with_200_is_not_followed(site: &Site) {
    let response = site.get("/location?status=200%20OK").expect(200);
    assert_eq!((response.text(), response.header("Location").as_deref()), ("a location", Some("/plain")));
    let response = site.get("/location?status=302%20Found").expect(302);
    assert_eq!((response.text(), response.header("Location").as_deref()), ("a location", Some("/plain")));
}

#[trial]
fn both_challenges_arrive(site: &Site) {
    let response = site.get("/authenticate").expect(401);
    assert_eq!(response.header_lines("WWW-Authenticate"), ["Basic realm=\"a\"", "Digest realm=\"b\""]);
    assert_eq!(response.text(), "who are you");
}

#[trial]
fn a_content_type_never_selects_a_handler(site: &Site) {
    assert_eq!(site.get("/handler-as-type").ok(), "typed");
}

#[trial]
fn a_missing_content_type_stays_missing(site: &Site) {
    assert_eq!(site.get("/no-content-type").header("Content-Type"), None);
}

#[trial]
fn a_header_list_changed_later_injects_nothing(site: &Site) {
    let response = site.get("/chameleon");
    assert_eq!(response.header_lines("X-Injected"), Vec::<String>::new());
    assert_eq!(response.header("X-After"), None);
    assert_eq!(response.header("X-Before").as_deref(), Some("yes"), "what start_response was given counts");
}

/// In embedded mode the directive has no effect.
#[trial(reach(Reach::Everywhere))]
fn apaches_error_page_replaces_that_of_a_process_where_asked_for(site: &Site) {
    let far = site.setup.mode == Mode::Daemon;
    let response = site.get("/overridden/status?line=404%20Mine").expect(404);
    assert_eq!(response.text(), if far { "Apache's page" } else { "body" });
    assert_eq!(response.reason, if far { "Not Found" } else { "Mine" });
    assert_eq!(site.get("/overridden/status?line=399%20Mine").expect(399).text(), "body");
}

#[trial]
fn start_response_checks_its_arguments(site: &Site) {
    let response = site.get("/arguments").expect(200);
    let text = response.text();
    assert_eq!(text.lines().count(), 15);
    for line in text.lines() {
        let (call, outcome) = line.split_once('=').unwrap();
        if call.starts_with("exc_info") && !site.setup.is_ours() {
            continue; // mod_wsgi raises RuntimeError for some of them.
        }
        let expected: &[&str] = if call.starts_with("header of") { &["TypeError", "ValueError"] } else { &["TypeError"] };
        assert!(expected.contains(&outcome), "{line}");
    }
}

#[trial]
fn start_response_takes_no_keywords(site: &Site) {
    assert_eq!(site.get("/keywords").ok(), "TypeError", "PEP 3333: its arguments are positional");
}

#[trial]
fn subclasses_of_the_right_types_are_fine(site: &Site) {
    let response = site.get("/subclasses").expect(200);
    assert_eq!((response.header("X-Sub").as_deref(), response.text()), (Some("class"), "subclasses"));
}

#[trial(differs("a second start_response without exc_info replaces the first there"))]
fn a_second_start_response_is_an_error(site: &Site) {
    site.allow_log("WSGI1200");
    site.get("/twice").expect(500);
    site.expect_traceback("start_response");
}

#[trial]
fn exc_info_replaces_what_was_not_sent(site: &Site) {
    for target in ["/replace", "/replace-after-except"] {
        let response = site.get(target).expect(503);
        assert_eq!((response.reason.as_str(), response.text()), ("Sorry", "replaced"), "{target}");
        assert_eq!((response.header("X-First"), response.header("X-Second").as_deref()), (None, Some("yes")), "{target}");
    }
}

#[trial(differs("an error page follows what was sent"))]
fn exc_info_is_raised_again_when_headers_are_sent(site: &Site) {
    site.allow_log("re:WSGI1200|WSGI0174");
    let response = site.get("/too-late?key=too-late").expect(200);
    assert_eq!(response.text(), "sent;");
    assert!(!response.complete, "a cut response must look cut");
    site.expect_traceback("KeyError: 'the reason'");
    happened(site, "too-late", "KeyError same=True");
}

/// Waits until the application has noted `what`.
#[track_caller]
pub(super) fn happened(site: &Site, key: &str, what: &str) {
    // On prefork another process may be asked: go on until the one that knows is.
    let seen = poll::until(poll::SOON, || {
        let seen = site.get(&format!("/events?key={key}")).ok();
        (seen == what).then_some(())
    });
    assert!(seen.is_some(), "{key}: wanted {what:?}, got {:?}", site.get(&format!("/events?key={key}")).ok());
}

#[trial]
fn without_start_response_there_is_no_response(site: &Site) {
    site.allow_log("re:WSGI1200|WSGI0174");
    site.allow_tracebacks();
    for target in ["/no-start", "/no-start-empty"] {
        let response = site.get(target).expect(500);
        assert!(!response.text().contains("nobody"));
        site.expect_log("start_response");
    }
}

#[trial(reach(Reach::Everywhere))]
fn requests_share_a_connection(site: &Site) {
    let mut client = site.connect();
    for target in
        ["/list", "/generator", "/empty-list", "/tuple", "/write", "/status?line=404%20No", "/no-body-status?line=204%20No"]
    {
        client.exchange(&Request::get(target)).unwrap();
    }
    assert_eq!(client.exchange(&Request::new("HEAD", "/list")).unwrap().body, b"");
    assert_eq!(client.exchange(&Request::get("/plain")).unwrap().ok(), "plain");
}

#[trial]
fn pipelined_requests_are_answered_in_order(site: &Site) {
    let mut client = site.connect();
    let targets = ["/plain", "/generator", "/list", "/tuple", "/big-list?count=3&size=50000", "/plain"];
    let bytes: Vec<u8> = targets.iter().flat_map(|target| Request::get(target).head_bytes()).collect();
    client.send(&bytes).unwrap();
    let lengths: Vec<usize> = targets.iter().map(|_| client.receive(false).unwrap().expect(200).body.len()).collect();
    assert_eq!(lengths, [5, 13, 8, 7, 150_000, 5]);
}
