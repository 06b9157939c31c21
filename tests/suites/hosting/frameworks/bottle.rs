/*! Bottle: routes, uploads, files, errors. */

use super::site::{cookie, large_file, says, settled, sha256, start, upload};
use crate::support::client::Request;
use crate::support::matrix::Setup;
use crate::support::response::Framing;
use crate::support::site::Site;
use registration::trial;

#[trial]
fn bottle_routes_uploads_and_files(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let hello = site.get("/bottle/hello/%C3%A9").expect(200);
    assert_eq!(hello.text(), "Hello, é, below /bottle/");
    assert_eq!((cookie(&hello, "first").as_str(), cookie(&hello, "second").as_str()), ("1", "2"));
    let content = large_file();
    let digest = format!("\"{}\"", sha256(&site, &content));
    says(&site.send(&upload("/bottle/upload", &content, &[])).ok(), "sha256", &digest);
    assert!(site.post("/bottle/echo", content.clone()).expect(200).body == content, "the echo differs");
    let stream = site.get("/bottle/stream").expect(200);
    assert_eq!((stream.framing, stream.ok().as_str()), (Framing::Chunked, "0\n1\n2\n3\n4\n"));
    let file = site.get("/bottle/file").expect(200);
    assert_eq!(file.framing, Framing::Length(300_000));
    assert!(file.body == content, "the file arrived changed");
    let part = site.send(&Request::get("/bottle/file").header("Range", "bytes=-1000")).expect(206);
    assert!(part.body == content[299_000..], "another part arrived");
    assert!(site.get("/bottle/nothing").expect(204).body.is_empty());
    site.get("/bottle/none").expect(404);
    settled(&site);
}

#[trial]
fn bottle_errors_are_500_with_a_traceback_in_the_log(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    assert!(site.get("/bottle/boom").expect(500).text().contains("Internal Server Error"), "Bottle's own error page");
    site.expect_traceback("ValueError: raised by a Bottle route");
    settled(&site);
}
