/*! Filters of httpd that make a request's body longer or shorter than its `Content-Length`: the application reads to the end that they give. */

use crate::suite;
use registration::trial;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::client::{Request, chunk};
use crate::support::curl;
use crate::support::matrix::{Reach, Suite};
use crate::support::response::Response;
use crate::support::site::Site;

const EMPTY: &str = "a read in which the filter gives nothing yet is taken for the end of the body";
const STATUS: &str = "500, whatever the filter refused the body for";

/// The suite.
pub fn suite() -> Suite {
    suite!("input_filters")
        .in_both_modes()
        .plan(|plan| plan.modules(&["filter", "deflate", "ext_filter", "sed", "http2"]).announce("AH10034"))
}

/// How the application reads. Of the last two mod_wsgi loses what comes after the first read of a fixed size.
const WAYS: [&str; 11] = [
    "read",
    "read-minus-one",
    "read-once-with-size",
    "read-with-size",
    "read-with-large-size",
    "readline",
    "readlines",
    "iterate",
    "line-then-read",
    "announced-first",
    "part-then-lines",
];

fn ways(site: &Site) -> impl Iterator<Item = &'static str> {
    WAYS.into_iter().take(if site.setup.is_ours() { 11 } else { 9 })
}

/// The numbers up to `last`, a line each, as `seq` writes them.
fn numbers(last: u32) -> Vec<u8> {
    (1..=last).flat_map(|n| format!("{n}\n").into_bytes()).collect()
}

fn gzipped(data: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, data) = (gzip.stdin.take().unwrap(), data.to_vec());
    let writing = std::thread::spawn(move || input.write_all(&data));
    let output = gzip.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn encoded(target: &str, body: &[u8]) -> Request {
    Request::post(target, gzipped(body)).header("Content-Encoding", "gzip")
}

#[track_caller]
fn same(way: &str, response: &Response, expected: &[u8]) {
    let same = response.status == 200 && response.complete && response.body == expected;
    assert!(same, "{way}: {} with {} of {} bytes", response.status, response.body.len(), expected.len());
}

#[trial(reach(Reach::Everywhere))]
fn an_inflated_body_is_read_to_its_end(site: &Site) {
    let mut client = site.connect();
    // In one frame, in several, and so much that a daemon process gets it through shared memory.
    for last in [1, 500, 20_000, 200_000] {
        let body = numbers(last);
        for way in ways(site) {
            let response = client.exchange(&encoded(&format!("/inflated/{way}"), &body)).unwrap();
            same(way, &response, &body);
        }
    }
}

#[trial]
fn an_inflated_body_without_length_is_read_to_its_end(site: &Site) {
    let body = numbers(20_000);
    let zipped = gzipped(&body);
    let pieces: Vec<&[u8]> = zipped.chunks(5000).collect();
    for way in ways(site) {
        let request = Request::post_chunks(&format!("/inflated/{way}"), &pieces).header("Content-Encoding", "gzip");
        same(way, &site.send(&request), &body);
    }
}

#[trial]
fn an_inflated_body_that_comes_in_pieces_is_read_to_its_end(site: &Site) {
    let body = numbers(20_000);
    let zipped = gzipped(&body);
    for way in ["read", "read-with-size", "iterate"] {
        for chunked in [false, true] {
            let framing =
                if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {}", zipped.len()) };
            let mut client = site.connect();
            let head = format!("POST /inflated/{way} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n{framing}\r\n\r\n");
            client.send(head.as_bytes()).unwrap();
            for piece in zipped.chunks(zipped.len() / 3) {
                // Everything that came before is inflated, and perhaps read, when the next piece comes.
                assert!(!client.hears_something_within(std::time::Duration::from_millis(30)).unwrap(), "{way}");
                client.send(&if chunked { chunk(piece) } else { piece.to_vec() }).unwrap();
            }
            if chunked {
                client.send(b"0\r\n\r\n").unwrap();
            }
            same(way, &client.receive(false).unwrap(), &body);
        }
    }
}

#[trial(threads())]
fn an_inflated_body_over_http2_is_read_to_its_end(site: &Site) {
    let body = numbers(20_000);
    let path = site.path("files/numbers.gz");
    std::fs::write(&path, gzipped(&body)).unwrap();
    let data = format!("@{}", path.display());
    for length in [&[][..], &["-H", "Content-Length:"]] {
        for way in ways(site) {
            let arguments =
                [&["--http2-prior-knowledge", "-H", "Content-Encoding: gzip", "--data-binary", &data], length].concat();
            let url = format!("http://127.0.0.1:{}/inflated/{way}", site.server.files.port);
            let fetched = curl::fetch(&site.path("files"), &arguments, &url);
            assert_eq!((fetched.exit, fetched.status, fetched.version.as_str()), (0, 200, "2"), "{way}");
            assert!(fetched.body == body, "{way}: {} of {} bytes", fetched.body.len(), body.len());
        }
    }
}

/// With the ones of `body` in words.
fn lengthened(body: &[u8]) -> Vec<u8> {
    String::from_utf8(body.to_vec()).unwrap().replace('1', "one").into_bytes()
}

#[trial(differs(EMPTY).reach(Reach::Everywhere))]
fn a_filter_may_lengthen_a_body(site: &Site) {
    for filter in ["longer", "sed"] {
        for last in [1, 20_000] {
            let body = numbers(last);
            for way in ways(site) {
                let response = site.post(&format!("/{filter}/{way}"), body.clone());
                same(&format!("{filter} {way}"), &response, &lengthened(&body));
            }
        }
    }
}

#[trial(differs(EMPTY))]
fn a_filter_may_shorten_a_body(site: &Site) {
    for last in [9, 20_000] {
        let body = numbers(last);
        let expected: Vec<u8> = body.iter().copied().filter(|byte| !(b'1'..=b'8').contains(byte)).collect();
        for way in ways(site) {
            same(way, &site.post(&format!("/shorter/{way}"), body.clone()), &expected);
        }
    }
}

#[trial]
fn a_filter_may_take_all_of_a_body(site: &Site) {
    for way in ways(site) {
        same(way, &site.post(&format!("/nothing/{way}"), numbers(20_000)), b"");
    }
}

#[trial]
fn a_filter_may_make_a_body_of_nothing(site: &Site) {
    for way in ways(site) {
        let target = format!("/added/{way}");
        same(way, &site.get(&target), b"end\n");
        same(way, &site.post(&target, ""), b"end\n");
        same(way, &site.post(&target, "line\n"), b"line\nend\n");
        same(way, &site.send(&Request::new("DELETE", &target)), b"end\n");
    }
}

#[trial]
fn content_length_is_what_the_client_announced(site: &Site) {
    let body = numbers(20_000);
    let response = site.send(&encoded("/inflated/read", &body));
    assert_eq!(response.header("X-Content-Length"), Some(gzipped(&body).len().to_string()));
    assert_eq!(response.header("X-Terminated").as_deref(), Some("True"));
    let response = site.post("/longer/read", "11");
    assert_eq!((response.header("X-Content-Length").as_deref(), response.ok().as_str()), (Some("2"), "oneone"));
    let response = site.get("/added/read");
    assert_eq!(response.header("X-Content-Length").as_deref(), Some("none"));
}

#[trial(differs(EMPTY))]
fn the_next_request_is_not_harmed(site: &Site) {
    let mut client = site.connect();
    let body = numbers(20_000);
    for _ in 0..3 {
        same("inflated", &client.exchange(&encoded("/inflated/read", &body)).unwrap(), &body);
        same("longer", &client.exchange(&Request::post("/longer/read", body.clone())).unwrap(), &lengthened(&body));
        same("plain", &client.exchange(&Request::post("/plain/read", "plain\n")).unwrap(), b"plain\n");
    }
}

fn memory(site: &Site) -> i64 {
    site.get("/plain/memory").ok().parse().unwrap()
}

/// What inflates to `megabytes`.
fn bomb(megabytes: usize) -> Vec<u8> {
    gzipped(&vec![b'0'; megabytes << 20])
}

fn send_bomb(site: &Site, target: &str, bomb: &[u8]) -> u16 {
    site.send(&Request::post(target, bomb).header("Content-Encoding", "gzip")).status
}

#[trial(differs(STATUS))]
fn a_compressed_bomb_is_413_and_takes_little_memory(site: &Site) {
    site.allow_log("re:AH01391|AH02805|WSGI1200|WSGI1201|LimitRequestBody|larger than the configured limit");
    site.allow_tracebacks();
    let bomb = bomb(60);
    let before = memory(site);
    for way in ["read", "read-with-size", "readline", "iterate"] {
        assert_eq!(send_bomb(site, &format!("/bomb/{way}"), &bomb), 413, "{way}");
    }
    assert!(memory(site) - before < 20_000, "{before} to {} kB", memory(site));
    let body = numbers(20_000);
    same("read", &site.send(&encoded("/bomb/read", &body)), &body);
}

#[trial(differs(STATUS))]
fn a_body_that_grows_too_much_is_an_error(site: &Site) {
    site.allow_log("re:AH02805|Zlib|ratio|WSGI1200|WSGI1201|request body|malformed");
    site.allow_tracebacks();
    let bomb = bomb(60);
    let before = memory(site);
    for way in ["read", "read-with-size", "readline"] {
        let status = send_bomb(site, &format!("/ratio/{way}"), &bomb);
        assert!((400..500).contains(&status), "{way}: {status}");
    }
    assert!(memory(site) - before < 20_000, "{before} to {} kB", memory(site));
}
