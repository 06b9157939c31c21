/*! The body of an answer: lists, iterators, `write()`, `close()`, lengths. A part of the suite `response`. *Runs in: tests.* */

use super::happened;
use crate::support::client::{Client, Request};
use crate::support::matrix::Reach;
use crate::support::poll;
use crate::support::response::{Framing, Response};
use crate::support::site::Site;
use registration::trial;

#[trial(reach(Reach::Everywhere).differs("no Content-Length for lists there"))]
fn a_list_has_a_content_length(site: &Site) {
    for (target, body) in [("/list", "one item"), ("/list-of-three", "one,two,three"), ("/tuple", "a tuple"), ("/empty-list", "")]
    {
        let response = site.get(target).expect(200);
        assert_eq!((response.framing, response.text()), (Framing::Length(body.len()), body), "{target}");
    }
}

#[trial(embedded("what comes within response-flush-delay goes out at once, with its length").reach(Reach::Everywhere))]
fn a_generator_is_chunked(site: &Site) {
    let response = site.get("/generator").expect(200);
    assert_eq!((response.framing, response.complete, response.text()), (Framing::Chunked, true, "one,two,three"));
}

#[trial(embedded("what comes within response-flush-delay goes out at once, with its length"))]
fn an_http_1_0_client_gets_no_chunks(site: &Site) {
    let mut client = site.connect();
    client.send(b"GET /generator HTTP/1.0\r\n\r\n").unwrap();
    let response = client.receive(false).unwrap().expect(200);
    assert_eq!((response.framing, response.text()), (Framing::Close, "one,two,three"));
}

#[trial(reach(Reach::Everywhere))]
fn large_bodies_arrive_whole(site: &Site) {
    for (target, count, size) in
        [("/big-list", 1, 10_000_000), ("/big-list", 3000, 1), ("/big-generator", 300, 20_000), ("/big-generator", 3000, 1)]
    {
        let response = site.get(&format!("{target}?count={count}&size={size}")).expect(200);
        assert!(response.complete, "{target} {count} {size}");
        let expected: Vec<u8> = (0..count).flat_map(|n| std::iter::repeat_n(b'a' + (n % 26) as u8, size)).collect();
        assert!(response.body == expected, "{target} {count} x {size}: {} bytes came", response.body.len());
    }
}

/// Asks for something that the application holds up, and sees the first piece before it lets it go on.
fn first_piece_before_the_rest(site: &Site, target: &str, key: &str) {
    let mut client = site.connect();
    client.send(&Request::get(&format!("{target}?key={key}")).head_bytes()).unwrap();
    let head = client.receive_head().unwrap();
    assert_eq!(head.status, 200);
    assert!(client.hears_something_within(poll::SOON).unwrap(), "the first piece should be here");
    site.get(&format!("/open-gate?key={key}")).expect(200);
    client.send(&Request::get("/plain").header("Connection", "close").head_bytes()).unwrap();
    let rest = client.read_to_end().unwrap();
    let rest = String::from_utf8_lossy(&rest);
    let (first, second) = (rest.find("first;"), rest.find("second"));
    assert!(first.is_some() && first < second, "{rest}");
}

#[trial(threads())]
fn items_go_out_as_they_are_yielded(site: &Site) {
    first_piece_before_the_rest(site, "/held", "held");
}

#[trial(threads())]
fn write_goes_out_at_once(site: &Site) {
    first_piece_before_the_rest(site, "/held-write", "held-write");
}

#[trial(reach(Reach::Everywhere))]
fn a_generator_may_start_its_response_late(site: &Site) {
    assert_eq!(site.get("/late-start").ok(), "late");
}

#[trial]
fn yielding_before_start_response_is_an_error(site: &Site) {
    site.allow_log("re:WSGI1200|WSGI0174");
    site.allow_tracebacks();
    let response = site.get("/late-start?first=early").expect(500);
    assert!(!response.text().contains("early"));
    site.expect_log("start_response");
}

#[trial]
fn empty_items_do_not_send_the_headers(site: &Site) {
    assert_eq!(site.get("/empty-items").expect(409).text(), "body");
}

#[trial]
fn an_old_style_sequence_is_an_iterable(site: &Site) {
    assert_eq!(site.get("/old-sequence").ok(), "old sequence");
}

#[trial]
fn an_open_file_is_an_iterable(site: &Site) {
    let script = site.setup.run.workdir.path().join("apps/response.wsgi");
    assert!(site.get("/open-file").expect(200).body == std::fs::read(script).unwrap());
}

#[trial(reach(Reach::Everywhere))]
fn written_data_comes_before_the_returned(site: &Site) {
    assert_eq!(site.get("/write").ok(), "written,again,returned");
}

#[trial]
fn write_takes_only_bytes(site: &Site) {
    let text = site.get("/write-types").ok();
    assert_eq!(
        text,
        "str TypeError\nNoneType TypeError\nint TypeError\nbytearray TypeError\nmemoryview TypeError\nlist TypeError"
    );
}

#[trial]
fn write_after_the_request_is_an_error(site: &Site) {
    let mut client = site.connect();
    assert_eq!(client.exchange(&Request::get("/write-later")).unwrap().ok(), "kept");
    assert_eq!(client.exchange(&Request::get("/write-later")).unwrap().ok(), "RuntimeError");
}

#[trial]
fn items_that_are_not_bytes_are_errors(site: &Site) {
    site.allow_log("re:WSGI1200|WSGI0174");
    site.allow_tracebacks();
    for item in ["str", "int", "none", "bytearray", "memoryview", "list"] {
        for shape in ["list", "iterator"] {
            site.get(&format!("/bad-item?item={item}&as={shape}")).expect(500);
        }
    }
    site.expect_log("TypeError");
}

#[trial]
fn an_item_that_is_not_bytes_cuts_what_was_begun(site: &Site) {
    site.allow_log("re:WSGI1200|WSGI0174");
    site.allow_tracebacks();
    let response = site.get("/bad-item?item=str&after=good&key=bad-later").expect(200);
    assert_eq!((response.text(), response.complete), ("good", false));
    site.expect_log("TypeError");
    happened(site, "bad-later", "close");
}

#[trial]
fn bodies_that_are_no_iterables_of_bytes_are_errors(site: &Site) {
    site.allow_log("re:WSGI1200|WSGI0174");
    site.allow_tracebacks();
    for body in ["none", "int", "str", "bytes", "object"] {
        site.get(&format!("/bad-body?body={body}")).expect(500);
    }
    site.expect_log("TypeError");
}

#[trial(reach(Reach::Everywhere))]
fn close_is_called_once(site: &Site) {
    assert_eq!(site.get("/close?key=closed").ok(), "one,two");
    happened(site, "closed", "close");
}

#[trial(reach(Reach::Everywhere))]
fn close_is_called_after_an_exception(site: &Site) {
    site.allow_log("re:WSGI1200|WSGI0174");
    site.get("/close?key=raised-first&raise=first").expect(500);
    happened(site, "raised-first", "close");
    let response = site.get("/close?key=raised-later&raise=later").expect(200);
    assert_eq!((response.text(), response.complete), ("one,", false));
    happened(site, "raised-later", "close");
    site.allow_tracebacks();
    site.expect_log("ValueError: before the first item");
    site.expect_log("ValueError: after the first item");
}

#[trial]
fn close_of_a_list_subclass_is_called(site: &Site) {
    assert_eq!(site.get("/list-subclass?key=list-subclass").ok(), "closing list");
    happened(site, "list-subclass", "close");
}

/// PEP 3333, "Buffering and Streaming": no block is kept back while the application goes on.
#[trial(threads())]
fn a_whole_body_comes_before_a_slow_close(site: &Site) {
    for key in ["held-close-first", "held-close-second"] {
        let mut client = site.connect();
        client.send(&Request::get(&format!("/held-close?key={key}")).head_bytes()).unwrap();
        assert_eq!(client.receive_head().unwrap().status, 200);
        assert!(client.hears_something_within(poll::SOON).unwrap(), "the body should be here");
        site.get(&format!("/open-gate?key={key}")).expect(200);
        happened(site, key, "close");
    }
}

#[trial(differs("logs no traceback of it"))]
fn a_failing_close_is_only_logged(site: &Site) {
    site.allow_log("WSGI");
    assert_eq!(site.get("/close?key=failing&fail=yes").ok(), "one,two");
    happened(site, "failing", "close");
    site.expect_traceback("ValueError: close failed");
}

/// Reads a little of an endless response and goes away.
fn leave_early(site: &Site, target: &str) {
    let mut client: Client = site.connect();
    client.send(&Request::get(target).head_bytes()).unwrap();
    assert_eq!(client.receive_head().unwrap().status, 200);
    assert!(client.hears_something_within(poll::SOON).unwrap());
}

#[trial(threads())]
fn close_is_called_when_the_client_has_gone(site: &Site) {
    leave_early(site, "/endless?key=endless");
    happened(site, "endless", "close");
}

#[trial(threads())]
fn close_is_called_when_a_small_client_has_gone(site: &Site) {
    leave_early(site, "/trickle?key=trickle");
    happened(site, "trickle", "close");
}

#[trial(threads())]
fn write_raises_os_error_when_the_client_has_gone(site: &Site) {
    leave_early(site, "/endless-write?key=endless-write");
    let seen = poll::until(poll::SOON, || {
        let seen = site.get("/events?key=endless-write").ok();
        seen.ends_with("OSError=True").then_some(())
    });
    assert!(seen.is_some(), "{}", site.get("/events?key=endless-write").ok());
}

#[trial]
fn more_than_the_content_length_is_not_sent(site: &Site) {
    site.allow_log("Content-Length");
    for kind in ["list", "parts", "generator", "write"] {
        let mut client = site.connect();
        let response = client.exchange(&Request::get(&format!("/length?is=7&kind={kind}"))).unwrap().expect(200);
        assert_eq!((response.text(), response.complete), ("0123456", true), "{kind}");
        assert_eq!(client.exchange(&Request::get("/plain")).unwrap().ok(), "plain", "{kind}: the connection is in step");
    }
}

#[trial(differs("keeps the connection open, so that the client waits for the rest"))]
fn less_than_the_content_length_closes_the_connection(site: &Site) {
    site.allow_log("Content-Length");
    for kind in ["list", "parts", "generator", "write"] {
        let mut client = site.connect();
        let response = client.exchange(&Request::get(&format!("/length?is=20&kind={kind}"))).unwrap().expect(200);
        assert_eq!((response.text(), response.complete), ("0123456789", false), "{kind}");
        assert!(client.is_closed().unwrap(), "{kind}");
    }
}

#[trial]
fn a_content_length_that_is_no_number_is_an_error(site: &Site) {
    site.allow_log("re:WSGI1200|WSGI0174");
    site.allow_tracebacks();
    for bad in ["ten", "-1", "1e3", "0x10", "1%2C2"] {
        let response: Response = site.get(&format!("/length?is={bad}"));
        assert_eq!(response.status, 500, "{bad}");
    }
    site.expect_log("ValueError");
    let empty = site.get("/length?is=");
    assert!(empty.status == 500 || empty.framing != Framing::Close, "{empty:?}");
}

/// Daemon mode took it for a process that breaks the rules of the channel: 502.
#[trial(differs("refuses it"))]
fn blanks_around_a_content_length_do_not_matter(site: &Site) {
    for length in ["%2010", "10%20", "%2010%09"] {
        let response = site.get(&format!("/length?is={length}")).expect(200);
        assert_eq!((response.framing, response.text()), (Framing::Length(10), "0123456789"), "{length}");
    }
}

#[trial(differs("sends both"))]
fn two_content_lengths_are_never_sent(site: &Site) {
    site.allow_log("re:WSGI1200|WSGI0174");
    site.allow_tracebacks();
    site.allow_log("ValueError");
    let response = site.get("/two-lengths");
    assert!(response.header_lines("Content-Length").len() < 2, "{response:?}");
}

#[trial(reach(Reach::Everywhere))]
fn a_head_response_has_no_body(site: &Site) {
    let mut client = site.connect();
    for target in ["/list", "/generator", "/write", "/length?is=10", "/big-list?count=2&size=100000"] {
        let response = client.exchange(&Request::new("HEAD", target)).unwrap().expect(200);
        assert_eq!(response.body, b"", "{target}");
    }
    assert_eq!(client.exchange(&Request::get("/plain")).unwrap().ok(), "plain", "nothing of a body was sent");
}

#[trial]
fn no_content_and_not_modified_have_no_body(site: &Site) {
    let mut client = site.connect();
    for status in [204, 304] {
        let response = client.exchange(&Request::get(&format!("/no-body-status?line={status}%20X"))).unwrap().expect(status);
        assert_eq!(response.framing, Framing::Nothing);
        assert_eq!(client.exchange(&Request::get("/plain")).unwrap().ok(), "plain", "{status}: nothing of a body was sent");
        client.exchange(&Request::get(&format!("/status?line={status}%20X"))).unwrap().expect(status);
    }
}
