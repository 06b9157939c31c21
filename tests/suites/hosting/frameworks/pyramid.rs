/*! Pyramid: routes, static files, CSRF, streaming, errors. */

use super::site::{cookie, large_file, says, settled, sha256, start, upload};
use crate::support::matrix::Setup;
use crate::support::response::Framing;
use crate::support::site::Site;
use registration::trial;

#[trial]
fn pyramid_routes_and_static_files(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    assert_eq!(site.get("/pyramid/hello/%C3%A9").ok(), "Hello, é, at /pyramid/hello/x");
    let facts = site.get("/pyramid/facts?q=1&q=2").ok();
    says(&facts, "path", "\"/pyramid/facts\"");
    says(&facts, "application", "\"http://localhost/pyramid\"");
    says(&facts, "query", "[\"1\", \"2\"]");
    let css = site.get("/pyramid/static/style.css").expect(200);
    assert_eq!(
        (css.text(), css.header("Content-Type").as_deref()),
        ("body { color: black; }\n", Some("text/css; charset=UTF-8"))
    );
    site.get("/pyramid/none").expect(404);
    settled(&site);
}

#[trial]
fn pyramid_upload_behind_a_csrf_check(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let content = large_file();
    site.send(&upload("/pyramid/upload", &content, &[])).expect(400);
    let token = site.get("/pyramid/token").expect(200);
    let session = format!("session={}", cookie(&token, "session"));
    let headers = [("Cookie", session.as_str()), ("X-CSRF-Token", token.text())];
    let answer = site.send(&upload("/pyramid/upload", &content, &headers)).ok();
    says(&answer, "name", "\"my file.bin\"");
    says(&answer, "sha256", &format!("\"{}\"", sha256(&site, &content)));
    settled(&site);
}

#[trial]
fn pyramid_streams_and_files(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let stream = site.get("/pyramid/stream").expect(200);
    assert_eq!((stream.framing, stream.chunks.len()), (Framing::Chunked, 5));
    assert_eq!(stream.ok(), "0\n1\n2\n3\n4\n");
    let file = site.get("/pyramid/file").expect(200);
    assert_eq!(file.framing, Framing::Length(300_000));
    assert!(file.body == large_file(), "the file arrived changed");
    settled(&site);
}

#[trial]
fn pyramid_errors_are_500_with_a_traceback_in_the_log(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    // Pyramid lets the exception out: the answer is Apache's.
    site.get("/pyramid/boom").expect(500);
    // It looked for an exception view first, which the traceback shows as the context of ours.
    site.allow_log("pyramid.httpexceptions.HTTPNotFound: ");
    site.expect_traceback("ValueError: raised by a Pyramid view");
    site.get("/pyramid/facts").expect(200);
    settled(&site);
}
