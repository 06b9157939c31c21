/*! Flask: bodies of both kinds, sessions, streaming, ranges, errors. */

use super::site::{compressed, cookie, large_file, says, settled, sha256, start, upload};
use crate::support::client::Request;
use crate::support::matrix::Setup;
use crate::support::response::Framing;
use crate::support::site::Site;
use registration::trial;

#[trial]
fn flask_bodies(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let content = large_file();
    let digest = format!("\"{}\"", sha256(&site, &content));
    let whole = site.post("/flask/echo", content.clone()).ok();
    says(&whole, "announced", "300000");
    says(&whole, "sha256", &digest);
    let pieces: Vec<&[u8]> = content.chunks(7_001).collect();
    let chunked = site.send(&Request::post_chunks("/flask/echo", &pieces)).ok();
    says(&chunked, "announced", "null");
    says(&chunked, "length", "300000");
    says(&chunked, "sha256", &digest);
    let uploaded = site.send(&upload("/flask/upload", &content, &[])).ok();
    says(&uploaded, "sha256", &digest);
    says(&uploaded, "note", "\"with a note\"");
    settled(&site);
}

#[trial]
fn flask_reads_an_inflated_body_to_its_end(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let content: Vec<u8> = (0..20_000).flat_map(|n| format!("{n}\n").into_bytes()).collect();
    let digest = format!("\"{}\"", sha256(&site, &content));
    let answer = site.send(&compressed(&site, "/flask/echo", &content)).ok();
    says(&answer, "length", &content.len().to_string());
    says(&answer, "sha256", &digest);
    settled(&site);
}

#[trial]
fn flask_sessions_redirects_and_refusals(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let port = server.files.port;
    let host = Request::get("/flask/").header("Host", format!("localhost:{port}"));
    assert_eq!(site.send(&host).ok(), format!("Flask at /flask/, host localhost:{port}"));
    assert_eq!(site.get("/flask/elsewhere").expect(302).header("Location").as_deref(), Some("/flask/"));
    let first = site.get("/flask/count").expect(200);
    assert_eq!(first.text(), "1");
    let session = format!("session={}", cookie(&first, "session"));
    assert_eq!(site.send(&Request::get("/flask/count").header("Cookie", session)).ok(), "2");
    assert!(site.get("/flask/refused").expect(403).text().contains("not for you"));
    site.get("/flask/none").expect(404);
    assert_eq!(site.post("/flask/count", "").expect(405).header("Allow").as_deref().map(|all| all.contains("GET")), Some(true));
    settled(&site);
}

#[trial]
fn flask_streams_and_closes(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let stream = site.get("/flask/stream?name=a").expect(200);
    assert_eq!(stream.framing, Framing::Chunked);
    assert_eq!(stream.chunks.len(), 5, "each item goes out as it is yielded: {:?}", stream.chunks);
    assert_eq!(stream.ok(), "0 of a\n1 of a\n2 of a\n3 of a\n4 of a\n");
    site.send(&Request::new("HEAD", "/flask/stream?name=b")).expect(200);
    assert_eq!(site.get("/flask/closed").ok().split_whitespace().collect::<String>(), "[\"a\",\"b\"]");
    settled(&site);
}

#[trial]
fn flask_files_and_ranges(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let whole = site.get("/flask/file").expect(200);
    assert_eq!(whole.framing, Framing::Length(300_000));
    assert!(whole.body == large_file(), "the file arrived changed");
    let part = site.send(&Request::get("/flask/file").header("Range", "bytes=100000-100999")).expect(206);
    assert_eq!(part.header("Content-Range").as_deref(), Some("bytes 100000-100999/300000"));
    assert!(part.body == large_file()[100_000..101_000], "another part arrived");
    let again = Request::get("/flask/file").header("If-None-Match", whole.header("ETag").unwrap());
    assert!(site.send(&again).expect(304).body.is_empty());
    settled(&site);
}

#[trial]
fn flask_errors_are_500_with_a_traceback_in_the_log(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    assert!(site.get("/flask/boom").expect(500).text().contains("Internal Server Error"), "Flask's own error page");
    site.allow_log("Exception on /boom [GET]");
    site.expect_traceback("ValueError: raised by a Flask view");
    settled(&site);
}
