/*! The page of `make serve`: what it says about where it runs is true, and each thing that it lets one try works. */

use crate::suite;
use crate::support::client::Request;
use crate::support::matrix::{Reach, Suite};
use crate::support::response::Framing;
use crate::support::site::Site;
use registration::trial;
use std::fs;
use std::time::{Duration, Instant};

/// The suite.
pub fn suite() -> Suite {
    suite!("example")
}

/// The value of a fact in `/where.json`.
#[track_caller]
fn fact(json: &str, name: &str) -> String {
    let start = format!("\"{name}\": ");
    let line = json.lines().find_map(|line| line.trim().strip_prefix(&start)).unwrap_or_else(|| panic!("{json} lacks {name}"));
    line.trim_end_matches(',').trim_matches('"').to_owned()
}

#[trial(reach(Reach::Everywhere))]
fn the_facts_are_those_of_this_server(site: &Site) {
    let json = site.get("/where.json").ok();
    assert!(fact(&json, "Python").starts_with(&format!("{}.", site.setup.python.version)), "{json}");
    assert_eq!(fact(&json, "Prefix"), site.setup.home.display().to_string());
    assert_eq!(fact(&json, "Mode"), "embedded in an Apache child");
    let process: i32 = fact(&json, "Process").parse().unwrap();
    assert!(site.server.children().iter().any(|child| child.pid == process), "{json}");
    assert_eq!(fact(&json, "Parent process"), site.server.pid().to_string());
    assert_eq!(fact(&json, "Several threads"), if site.setup.mpm.threaded() { "yes" } else { "no" });
    assert!(fact(&json, "Server").starts_with("Apache/2.4"), "{json}");
    let page = site.get("/validated/").ok();
    assert!(page.contains(&format!("Python <strong>{}</strong>", fact(&json, "Python"))), "{page}");
}

#[trial]
fn the_page_escapes_what_a_client_sent(site: &Site) {
    let request = Request::get("/validated/?<script>1</script>").header("X-Mark", "<b>&\"").header("Cookie", "session=secret");
    let page = site.send(&request).expect(200);
    assert_eq!(page.header("Content-Type").as_deref(), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("&lt;b&gt;&amp;&quot;"));
    for never in ["<script>1", "<b>&", "session=secret"] {
        assert!(!page.text().contains(never), "{never} stands on the page");
    }
}

/// 5,000,000 bytes; their hash is `sha256sum`'s.
fn sample() -> (Vec<u8>, &'static str) {
    let bytes = (0..5_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    (bytes, "d03bfd8118d46931283b4c9f84dc648282823703883b823ed8ef290c058fcfa9")
}

#[trial]
fn a_raw_upload_is_counted_and_hashed(site: &Site) {
    let (content, hash) = sample();
    let said = site.post("/validated/upload", content.clone()).ok();
    assert!(said.contains("5000000 bytes") && said.contains(hash), "{said}");
    let pieces: Vec<&[u8]> = content.chunks(60_001).collect();
    let said = site.send(&Request::post_chunks("/validated/upload", &pieces)).ok();
    assert!(said.contains("5000000 bytes") && said.contains(hash), "{said}");
}

#[trial]
fn a_form_upload_is_counted_and_hashed(site: &Site) {
    let (content, hash) = sample();
    let mut body = b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n".to_vec();
    body.extend_from_slice(&content);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    let request = Request::post("/validated/upload", body).header("Content-Type", "multipart/form-data; boundary=edge");
    let said = site.send(&request).ok();
    assert!(said.contains("a.bin") && said.contains("5000000 bytes") && said.contains(hash), "{said}");
}

#[trial]
fn the_stream_arrives_line_by_line(site: &Site) {
    let mut client = site.connect();
    let start = Instant::now();
    client.send(&Request::get("/validated/stream").header("Connection", "close").head_bytes()).unwrap();
    let head = client.receive_head().unwrap().expect(200);
    assert_eq!(head.header("Transfer-Encoding").as_deref(), Some("chunked"));
    assert!(client.hears_something_within(Duration::from_secs(10)).unwrap());
    let first = start.elapsed();
    let rest = String::from_utf8(client.read_to_end().unwrap()).unwrap();
    // Nine pauses of 0.3 s lie between the first line and the last: it did not wait for them.
    assert!(start.elapsed() - first > Duration::from_secs(2), "all lines came at once, after {first:?}");
    assert_eq!(rest.matches("yielded").count(), 10);
    assert!(rest.ends_with("\r\n0\r\n\r\n"), "{rest}");
}

#[trial]
fn a_stream_that_nobody_reads_is_ended(site: &Site) {
    let mut client = site.connect();
    client.send(&Request::get("/stream").head_bytes()).unwrap();
    client.receive_head().unwrap().expect(200);
    drop(client);
    site.expect_log("re:the client left the stream after line [0-9]");
}

#[trial]
fn the_download_is_the_source(site: &Site) {
    let source = fs::read(site.setup.run.workdir.path().join("apps/example/example.wsgi")).unwrap();
    for target in ["/download", "/validated/download"] {
        let file = site.get(target).expect(200);
        assert_eq!(file.framing, Framing::Length(source.len()));
        assert!(file.body == source, "{target} sent another file");
    }
    let head = site.send(&Request::new("HEAD", "/download")).expect(200);
    assert_eq!(head.header("Content-Length"), Some(source.len().to_string()));
}

#[trial]
fn the_error_is_in_the_log(site: &Site) {
    site.get("/error").expect(500);
    site.expect_traceback("RuntimeError: raised on purpose by the example page");
}

#[trial]
fn other_paths_and_methods_are_refused(site: &Site) {
    site.get("/validated/none").expect(404);
    assert_eq!(site.post("/validated/stream", "x").expect(405).header("Allow").as_deref(), Some("GET, HEAD"));
    assert_eq!(site.get("/validated/upload").expect(405).header("Allow").as_deref(), Some("POST, PUT"));
    assert!(site.send(&Request::new("HEAD", "/validated/")).expect(200).body.is_empty());
}
