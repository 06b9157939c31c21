/*! `wsgi.input`: every method, sizes, the end of input, chunked bodies, `Expect: 100-continue`, uploads that break off. */

use crate::suite;
use crate::support::client::{Client, Request, chunk};
use crate::support::matrix::{Reach, Suite};
use crate::support::poll;
use crate::support::site::Site;
use registration::trial;
use std::time::Duration;

/// The suite.
pub fn suite() -> Suite {
    suite!("input").in_both_modes()
}

#[trial(reach(Reach::Everywhere))]
fn read_without_size_gives_everything(site: &Site) {
    assert_eq!(site.post("/read-all", "one\ntwo").ok(), "one\ntwo");
}

#[trial]
fn read_minus_one_gives_everything(site: &Site) {
    assert_eq!(site.post("/read-minus-one", "one\ntwo").ok(), "one\ntwo");
}

#[trial(reach(Reach::Everywhere))]
fn read_with_size_gives_that_much_until_the_end(site: &Site) {
    let text = site.post("/read-sizes?sizes=3,3,3,3,3", "abcdefgh").ok();
    assert_eq!(text, "b'abc'\nb'def'\nb'gh'\nb''\nb''");
}

#[trial]
fn read_waits_until_it_has_the_size_asked_for(site: &Site) {
    let mut client = site.connect();
    client.send(b"POST /read-sizes?sizes=6,1 HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc").unwrap();
    assert!(!client.hears_something_within(Duration::from_millis(200)).unwrap(), "read(6) must not return with three bytes");
    client.send(b"def").unwrap();
    assert_eq!(client.receive(false).unwrap().ok(), "b'abcdef'\nb''");
}

#[trial]
fn read_zero_gives_nothing(site: &Site) {
    assert_eq!(site.post("/read-sizes?sizes=0,2,0,2,0,1,0", "abcd").ok(), "b''\nb'ab'\nb''\nb'cd'\nb''\nb''\nb''");
}

#[trial]
fn an_empty_body_reads_as_empty(site: &Site) {
    assert_eq!(site.post("/read-sizes?sizes=5,-1", "").ok(), "b''\nb''");
    assert_eq!(site.post("/readline", "").ok(), "b''");
}

#[trial]
fn a_get_has_an_empty_body(site: &Site) {
    assert_eq!(site.get("/read-sizes?sizes=5,-1").ok(), "b''\nb''");
    assert_eq!(site.get("/iterate").ok(), "");
}

#[trial(reach(Reach::Everywhere))]
fn readline_gives_lines_with_their_ends(site: &Site) {
    assert_eq!(site.post("/readline", "one\n\r\ntwo\r\nthree").ok(), "b'one\\n'\nb'\\r\\n'\nb'two\\r\\n'\nb'three'\nb''");
}

#[trial]
fn readline_with_size_cuts_long_lines(site: &Site) {
    let text = site.post("/readline-sizes?sizes=2,2,9,0,-1,5", "abc\ndef\nghi\n").ok();
    assert_eq!(text, "b'ab'\nb'c\\n'\nb'def\\n'\nb''\nb'ghi\\n'\nb''");
}

#[trial]
fn readline_takes_lines_of_any_length(site: &Site) {
    let mut body = Vec::new();
    let lengths = [8191, 8192, 8193, 1, 100_000, 65_536];
    for length in lengths {
        body.extend(std::iter::repeat_n(b'x', length - 1));
        body.push(b'\n');
    }
    assert_eq!(site.post("/line-lengths", body).ok(), lengths.map(|n| n.to_string()).join(","));
}

#[trial]
fn readlines_gives_a_list(site: &Site) {
    assert_eq!(site.post("/readlines", "a\nb\n\nc").ok(), "'list'\nb'a\\n'\nb'b\\n'\nb'\\n'\nb'c'");
    assert_eq!(site.post("/readlines", "").ok(), "'list'");
}

#[trial]
fn readlines_stops_after_the_line_that_reaches_the_hint(site: &Site) {
    assert_eq!(site.post("/readlines?hint=3", "ab\ncd\nef\n").ok(), "'list'\nb'ab\\n'");
    assert_eq!(site.post("/readlines?hint=4", "ab\ncd\nef\n").ok(), "'list'\nb'ab\\n'\nb'cd\\n'");
    assert_eq!(site.post("/readlines?hint=-1", "ab\ncd\n").ok(), "'list'\nb'ab\\n'\nb'cd\\n'");
}

#[trial(reach(Reach::Everywhere))]
fn iteration_gives_lines(site: &Site) {
    assert_eq!(site.post("/iterate", "a\nb\nlast").ok(), "b'a\\n'\nb'b\\n'\nb'last'");
}

#[trial]
fn next_and_read_may_be_mixed(site: &Site) {
    assert_eq!(site.post("/next", "ab\ncdef\n").ok(), "True\nb'ab\\n'\nb'cd'\nb'ef\\n'\nStopIteration");
}

#[trial]
fn all_methods_share_one_position(site: &Site) {
    let text = site.post("/mixed", "abcdef\nghij\nkl\nmn\nop").ok();
    assert_eq!(text, "b'abc'\nb'def\\n'\nb'gh'\n[b'ij\\n']\nb'kl\\nmn\\nop'\nb''\nb''\n[]");
}

#[trial]
fn it_has_the_methods_of_pep_3333_and_no_others(site: &Site) {
    let seen = site.post("/attributes", "abcdef");
    for name in ["read", "readline", "readlines", "__iter__", "__next__", "close"] {
        assert_eq!(seen.value(name), Some("True"), "{name}");
    }
    for name in ["readinto", "seek", "tell", "fileno"] {
        assert_eq!(seen.value(name), Some("False"), "{name}");
    }
    assert_eq!(seen.value("read after close"), Some("b'abcd'"), "close() does nothing");
}

#[trial]
fn wrong_arguments_raise_type_error(site: &Site) {
    let text = site.post("/wrong-arguments", "body").ok();
    for call in ["read('x',)", "read(1, 2)", "readline('x',)", "readlines('x',)", "read(2.0,)"] {
        assert!(text.contains(&format!("{call}=TypeError")), "{text}");
    }
}

#[trial]
fn bytes_of_every_value_arrive_unchanged(site: &Site) {
    let body: Vec<u8> = (0..=255).cycle().take(2560).collect();
    assert_eq!(site.post("/echo", body.clone()).expect(200).body, body);
}

#[trial(reach(Reach::Everywhere))]
fn a_megabyte_arrives_unchanged(site: &Site) {
    let body: Vec<u8> = (0..1_048_577_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert!(site.post("/echo", body.clone()).expect(200).body == body, "the echoed megabyte differs");
}

#[trial(reach(Reach::Everywhere))]
fn a_chunked_body_is_decoded(site: &Site) {
    let request = Request::post_chunks("/read-sizes?sizes=4,-1,1", &["ab", "c", "defgh"]);
    assert_eq!(site.send(&request).ok(), "b'abcd'\nb'efgh'\nb''");
    let request = Request::post_chunks("/readline", &["on", "e\ntw", "o"]);
    assert_eq!(site.send(&request).ok(), "b'one\\n'\nb'two'\nb''");
}

#[trial]
fn a_chunked_body_has_no_content_length(site: &Site) {
    let text = site.send(&Request::post_chunks("/length", &["abc"])).ok();
    assert_eq!(text, "CONTENT_LENGTH=None\nterminated=True\nread=3");
}

#[trial]
fn a_chunked_body_with_extensions_and_trailers_is_decoded(site: &Site) {
    let mut client = site.connect();
    client.send(b"POST /read-all HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    client.send(b"3;name=value\r\nabc\r\n0\r\nX-Trailer: t\r\n\r\n").unwrap();
    assert_eq!(client.receive(false).unwrap().ok(), "abc");
    client.send(&Request::get("/ignore").head_bytes()).unwrap();
    assert_eq!(client.receive(false).unwrap().ok(), "not read", "the connection is in step after the trailers");
}

/// Sends a request that never gets its end, and asks the application what it saw of it.
fn cut(site: &Site, how: &str, key: &str, sent: &[u8]) -> String {
    let mut client = site.connect();
    let head = format!("POST /abort?how={how}&key={key} HTTP/1.1\r\nHost: x\r\n");
    client.send(&[head.as_bytes(), sent].concat()).unwrap();
    client.finish_sending().unwrap();
    client.read_to_end().unwrap();
    outcome(site, key)
}

fn outcome(site: &Site, key: &str) -> String {
    // On prefork another process may answer: ask until the one that saw the upload does.
    poll::until(poll::SOON, || Some(site.get(&format!("/abort-result?key={key}")).ok()).filter(|text| !text.is_empty()))
        .expect("the application should have noticed the end of the upload")
}

#[trial]
fn a_chunked_body_without_its_last_chunk_is_an_error(site: &Site) {
    let seen = cut(site, "read", "no-last-chunk", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert!(seen.starts_with("OSError"), "{seen}");
}

#[trial]
fn a_bad_chunk_size_never_looks_like_a_whole_body(site: &Site) {
    site.allow_log("re:AH01588|AH01590|AH02900|Invalid chunk|chunk size");
    let mut client = site.connect();
    client
        .send(b"POST /abort?how=read&key=bad-size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")
        .unwrap();
    client.read_to_end().unwrap();
    let seen = outcome(site, "bad-size");
    assert!(seen.starts_with("OSError"), "{seen}");
}

#[trial]
fn input_is_said_to_be_terminated(site: &Site) {
    assert_eq!(site.post("/length", "abcd").ok(), "CONTENT_LENGTH='4'\nterminated=True\nread=4");
}

#[trial]
fn continue_is_sent_at_the_first_read(site: &Site) {
    // A first read of no bytes asks for the body as well: it waits for nothing, and went unheard, in daemon mode because the response came along with it.
    for (target, answer) in [("/echo", "hello"), ("/read-sizes?sizes=0", "b''")] {
        let mut client = site.connect();
        let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        client.send(head.as_bytes()).unwrap();
        let interim = client.receive_head().unwrap();
        assert_eq!(interim.status, 100, "{target}");
        client.send(b"hello").unwrap();
        assert_eq!(client.receive(false).unwrap().ok(), answer);
    }
}

#[trial(differs("the end of its response waits for a body that the client was never asked for"))]
fn continue_is_not_sent_when_nothing_is_read(site: &Site) {
    let mut client = site.connect();
    client.send(b"POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").unwrap();
    let response = client.receive(false).unwrap();
    assert_eq!(response.interim, Vec::<u16>::new(), "nobody asked for the body");
    assert_eq!(response.ok(), "not read");
}

#[trial]
fn a_body_that_comes_unasked_leaves_the_connection_open(site: &Site) {
    let mut client = site.connect();
    for body in ["hello", "again"] {
        let request = format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n{body}");
        client.send(request.as_bytes()).unwrap();
        assert_eq!(client.receive(false).unwrap().ok(), body);
    }
    // Nothing to wait for at all.
    for _ in 0..2 {
        client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n").unwrap();
        assert_eq!(client.receive(false).unwrap().ok(), "");
    }
}

#[trial(reach(Reach::Everywhere))]
fn an_upload_cut_by_the_client_raises_os_error(site: &Site) {
    let key = format!("cut-{}", site.setup.mpm.name());
    let seen = cut(site, "read", &key, b"Content-Length: 1000\r\n\r\nabc");
    assert!(seen.starts_with("OSError"), "{seen}");
    assert!(seen.contains("is OSError=True"), "{seen}");
    assert_eq!(seen.matches("OSError:").count(), 2, "the object stays in its error state: {seen}");
}

#[trial]
fn every_reading_method_raises_os_error_for_a_cut_upload(site: &Site) {
    for how in ["readline", "readlines", "iterate"] {
        let seen = cut(site, how, &format!("cut-{how}"), b"Content-Length: 1000\r\n\r\nabc\nde");
        assert!(seen.contains("OSError"), "{how}: {seen}");
    }
}

fn followed_by(client: &mut Client, first: &Request, expected: &str) {
    assert_eq!(client.exchange(first).unwrap().ok(), expected);
    assert_eq!(client.exchange(&Request::post("/echo", "next")).unwrap().ok(), "next");
}

#[trial(reach(Reach::Everywhere))]
fn a_body_that_is_not_read_does_not_harm_the_next_request(site: &Site) {
    let mut client = site.connect();
    followed_by(&mut client, &Request::post("/ignore", vec![b'G'; 1000]), "not read");
    followed_by(&mut client, &Request::post("/ignore", vec![b'G'; 200_000]), "not read");
    followed_by(&mut client, &Request::post_chunks("/ignore", &["GET / HTTP/1.1\r\n\r\n"]), "not read");
}

#[trial]
fn a_body_read_in_part_does_not_harm_the_next_request(site: &Site) {
    let mut client = site.connect();
    followed_by(&mut client, &Request::post("/partly", vec![b'G'; 100_000]), "b'GGGG'");
    followed_by(&mut client, &Request::post_chunks("/partly", &["abcd", "GET / HTTP/1.1\r\n\r\n"]), "b'abcd'");
}

#[trial]
fn input_can_be_read_while_output_is_produced(site: &Site) {
    let body: Vec<u8> = (0..600_000_u32).map(|n| (n % 251) as u8).collect();
    let response = site.post("/generator-reads", body.clone()).expect(200);
    assert!(response.complete && response.body == body, "{} of {} bytes came back", response.body.len(), body.len());
}

#[trial]
fn output_may_come_before_input_is_read(site: &Site) {
    assert_eq!(site.post("/wait-then-read", vec![b'x'; 300_000]).ok(), "before;read 300000");
}

#[trial]
fn use_after_the_request_raises_runtime_error(site: &Site) {
    let mut client = site.connect();
    assert_eq!(client.exchange(&Request::post("/keep", "unread")).unwrap().ok(), "kept");
    let seen = client.exchange(&Request::get("/use-kept")).unwrap().ok();
    assert_eq!(seen, "read: RuntimeError\nreadline: RuntimeError\nreadlines: RuntimeError\n__next__: RuntimeError");
}

#[trial]
fn a_body_over_the_limit_gives_413(site: &Site) {
    site.allow_log("re:AH01587|WSGI1108|larger than the configured limit");
    let response = site.post("/limited/echo", vec![b'x'; 1001]).expect(413);
    assert!(!response.text().contains("xxxx"));
    assert_eq!(site.post("/limited/echo", vec![b'x'; 1000]).expect(200).body.len(), 1000);
}

#[trial]
fn a_chunked_body_over_the_limit_is_not_read_to_its_end(site: &Site) {
    site.allow_log("re:AH01591|larger than the configured limit|Read content length of");
    let mut client = site.connect();
    let mut bytes = b"POST /limited/abort?how=read&key=limit HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..3 {
        bytes.extend(chunk(&[b'x'; 600]));
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    client.send(&bytes).unwrap();
    client.read_to_end().unwrap();
    let seen = poll::until(poll::SOON, || Some(site.get("/limited/abort-result?key=limit").ok()).filter(|text| !text.is_empty()));
    let seen = seen.expect("an outcome");
    assert!(seen.starts_with("OSError"), "{seen}");
}

#[trial]
fn an_unknown_transfer_encoding_gives_501(site: &Site) {
    site.allow_log("re:WSGI|Transfer-Encoding");
    let request = Request::post("/echo", "x").header("Transfer-Encoding", "gzip");
    let response = site.send(&request);
    assert!(matches!(response.status, 400 | 501), "{}", response.status);
}

#[trial]
fn chunked_requests_can_be_refused(site: &Site) {
    site.allow_log("WSGI");
    site.send(&Request::post_chunks("/no-chunks/echo", &["abc"])).expect(411);
    assert_eq!(site.send(&Request::post("/no-chunks/echo", "abc")).ok(), "abc");
}
