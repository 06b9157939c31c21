/*! Input that nobody should send and output that nobody should produce: no crash, no hang, no injected byte, the same process after. */

use crate::suite;
use crate::support::client::{Client, Request};
use crate::support::matrix::{Reach, Suite};
use crate::support::random::Random;
use crate::support::site::Site;
use registration::trial;
use std::fs;

/// The suite.
pub fn suite() -> Suite {
    suite!("bad_input")
        .plan(|plan| plan.announce("re:AH00126|AH00565|AH10244|AH00026|AH01070|AH02811|AH00127|AH01630"))
        .in_both_modes()
}

/// The process that serves, when there is one alone.
fn pid(site: &Site) -> Option<String> {
    site.setup.mpm.threaded().then(|| site.get("/environ/raw").expect(200).value("mod_wsgi.server_pid").unwrap().to_owned())
}

fn all_are_refused(site: &Site, kind: &str, at_least: usize) {
    let text = site.get(&format!("/corpus/refused?kind={kind}")).ok();
    let accepted: Vec<&str> =
        text.lines().filter(|line| !line.contains("=TypeError ") && !line.contains("=ValueError ")).collect();
    assert!(accepted.is_empty(), "{accepted:#?}");
    assert!(text.lines().count() >= at_least, "{text}");
    for line in text.lines().filter(|line| line.split('=').next().is_some_and(|name| ["bytes", "int", "none"].contains(&name))) {
        assert!(line.contains("=TypeError "), "a wrong type is a TypeError: {line}");
    }
}

#[trial(differs("it accepts some of them"))]
fn bad_statuses_raise_in_the_application(site: &Site) {
    all_are_refused(site, "status", 45);
}

#[trial(differs("it accepts some of them"))]
fn bad_header_names_raise_in_the_application(site: &Site) {
    all_are_refused(site, "name", 45);
    let text = site.get("/corpus/refused?kind=name").ok();
    let line = text.lines().find(|line| line.starts_with("Connection=")).unwrap();
    assert!(line.contains("Connection") && line.contains("hop-by-hop"), "the message names header and rule: {line}");
}

#[trial(differs("it accepts some of them"))]
fn bad_header_values_raise_in_the_application(site: &Site) {
    all_are_refused(site, "value", 70);
    let text = site.get("/corpus/refused?kind=value").ok();
    let line = text.lines().find(|line| line.starts_with("injected=")).unwrap();
    assert!(line.contains("X-Value"), "the message names the header: {line}");
}

fn percent(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02x}") }).collect()
}

#[trial(reach(Reach::Everywhere).differs("it accepts some of them"))]
fn nothing_of_a_bad_response_is_sent(site: &Site) {
    site.allow_log("re:WSGI1200|(Type|Value)Error");
    site.allow_tracebacks();
    let before = pid(site);
    for kind in ["status", "name", "value"] {
        let names = site.get(&format!("/corpus/names?kind={kind}")).ok();
        for name in names.lines() {
            let mut client = site.connect();
            let target = format!("/corpus/sent?kind={kind}&name={}", percent(name));
            client.send(&Request::get(&target).header("Connection", "close").head_bytes()).unwrap();
            let raw = client.read_to_end().unwrap();
            let shown = String::from_utf8_lossy(&raw);
            assert!(shown.starts_with("HTTP/1.1 500 "), "{kind} {name}: {shown}");
            assert!(
                !shown.contains("X-Injected") && !shown.contains("X-Value") && !shown.contains("accepted"),
                "{kind} {name}: {shown}"
            );
        }
    }
    // What is logged of a bad value is escaped: every line of the log is still one of Apache's.
    assert!(site.log().iter().all(|line| line.text.starts_with('[') && !line.text.contains('\0')));
    assert_eq!(before, pid(site));
}

#[trial(embedded("header-buffer-size bounds a header"))]
fn unusual_but_legal_responses_are_sent(site: &Site) {
    for (kind, count) in [("status", 7), ("name", 7), ("value", 8)] {
        for number in 0..count {
            let response = site.get(&format!("/corpus/fine?kind={kind}&number={number}"));
            assert!((200..600).contains(&response.status) && response.status != 500, "{kind} {number}: {}", response.status);
            assert_eq!(response.text(), "fine", "{kind} {number}");
        }
    }
    let response = site.get("/corpus/fine?kind=value&number=7").expect(200);
    assert_eq!(response.header("X-Value").map(|value| value.len()), Some(1 << 20));
}

#[trial]
fn very_many_response_headers_are_sent(site: &Site) {
    let response = site.get("/corpus/many?count=100000").expect(200);
    let lines = response.header_lines("X-Many");
    assert_eq!(
        (lines.len(), lines.first().map(String::as_str), lines.last().map(String::as_str)),
        (100_000, Some("0"), Some("99999"))
    );
}

#[trial]
fn request_heads_of_every_size_arrive_whole(site: &Site) {
    for size in [1, 8190, 65_534, 65_535, 65_536, 65_537, 1_048_576] {
        let response = site.send(&Request::get("/corpus/sizes").header("X-Large", "x".repeat(size))).expect(200);
        assert_eq!(response.value("longest"), Some(size.to_string().as_str()), "{response:?}");
    }
}

#[trial]
fn very_many_request_headers_arrive(site: &Site) {
    let request = (0..10_000).fold(Request::get("/corpus/sizes"), |request, n| request.header(&format!("X-Number-{n}"), "value"));
    let response = site.send(&request).expect(200);
    assert_eq!((response.value("headers"), response.value("bytes")), (Some("10000"), Some("50000")));
}

#[trial]
fn a_very_long_query_arrives(site: &Site) {
    let query = "q=".to_owned() + &"x".repeat(1_000_000);
    let response = site.get(&format!("/corpus/sizes?{query}")).expect(200);
    assert_eq!(response.value("query"), Some("1000002"));
    let path = "p".repeat(100_000);
    site.allow_log("re:AH|/sizes/ppp");
    let response = site.get(&format!("/corpus/sizes/{path}"));
    assert!(matches!(response.status, 200 | 403 | 404 | 414), "{}", response.status);
}

#[trial(reach(Reach::Everywhere))]
fn header_bytes_above_ascii_arrive(site: &Site) {
    let bytes: Vec<u8> = (0x80..=0xff).collect();
    let response = site.send(&Request::get("/corpus/sizes").header("X-High", &bytes)).expect(200);
    assert_eq!(response.value("longest"), Some("128"));
    for target in [b"/environ/raw/\xff\xfe?\x80\xe9".as_slice(), b"/environ/raw/%ff%fe?%80"] {
        let mut client = site.connect();
        client.send(&[b"GET ", target, b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat()).unwrap();
        let status = client.receive(false).unwrap().status;
        assert!(matches!(status, 200 | 400), "{status}");
    }
}

/// Sends bytes as they are and gives the status of the answer, if there is one.
fn raw(site: &Site, bytes: &[u8]) -> Option<u16> {
    let mut client = site.connect();
    // A server that refuses may close before it has read everything.
    client.send(bytes).and_then(|()| client.finish_sending()).ok();
    let answer = client.read_to_end().unwrap();
    let text = String::from_utf8_lossy(&answer);
    text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|status| status.parse().ok())
}

#[trial]
fn odd_paths_are_survived(site: &Site) {
    site.allow_log("re:AH[0-9]+");
    let before = pid(site);
    for (line, allowed) in [
        ("GET /environ/raw/%00 HTTP/1.1", &[400, 404][..]),
        ("GET /environ/raw/a%2fb HTTP/1.1", &[404]),
        ("GET /environ/raw/../../etc/passwd HTTP/1.1", &[400, 403, 404]),
        ("GET /environ/%2e%2e/%2e%2e/etc/passwd HTTP/1.1", &[400, 403, 404]),
        ("GET //environ//raw// HTTP/1.1", &[200]),
        ("GET http://localhost/environ/raw HTTP/1.1", &[200]),
        ("GET http://other.example/environ/raw HTTP/1.1", &[200]),
        ("OPTIONS * HTTP/1.1", &[200, 403, 404, 405]),
        ("GET * HTTP/1.1", &[400, 403, 404]),
        ("CONNECT localhost:80 HTTP/1.1", &[400, 403, 404, 405]),
        ("GET environ/raw HTTP/1.1", &[400]),
        ("GET /environ/raw?a#b HTTP/1.1", &[200, 400]),
        ("GET /environ/raw;a=b HTTP/1.1", &[200]),
        ("GET /environ/raw/%zz HTTP/1.1", &[400]),
    ] {
        let status = raw(site, format!("{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes());
        assert!(status.is_some_and(|status| allowed.contains(&status)), "{line}: {status:?}");
    }
    assert_eq!(before, pid(site));
}

/// Messages whose length can be read in two ways. `HIDDEN` is a request inside the body: it must never reach the application.
const AMBIGUOUS: [&str; 22] = [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nHIDDEN",
    "Content-Length: 0\r\nContent-Length: LEN\r\n\r\nHIDDEN",
    "Content-Length: LEN\r\nContent-Length: 0\r\n\r\nHIDDEN",
    "Content-Length: 0, LEN\r\n\r\nHIDDEN",
    "Content-Length: +LEN\r\n\r\nHIDDEN",
    "Content-Length: -1\r\n\r\nHIDDEN",
    "Content-Length: 0x10\r\n\r\nHIDDEN",
    "Content-Length : 0\r\n\r\nHIDDEN",
    "Content-Length:\r\n\r\nHIDDEN",
    "Content-Length: 1_0\r\n\r\nHIDDEN",
    "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nHIDDEN",
    "Transfer-Encoding: identity\r\nContent-Length: LEN\r\n\r\nHIDDEN",
    "Transfer-Encoding: xchunked\r\nContent-Length: LEN\r\n\r\nHIDDEN",
    "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\nHIDDEN",
    "Transfer-Encoding : chunked\r\nContent-Length: LEN\r\n\r\nHIDDEN",
    "Transfer-Encoding:\u{b}chunked\r\nContent-Length: LEN\r\n\r\nHIDDEN",
    "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: LEN\r\n\r\nHIDDEN",
    "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\nHIDDEN",
    "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\nHIDDEN",
    "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\nHIDDEN",
    "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nHIDDEN",
];

#[trial(reach(Reach::Everywhere))]
fn one_request_is_one_call(site: &Site) {
    site.allow_log("re:AH[0-9]+|WSGI1|Transfer-Encoding|Content-Length|OSError");
    site.allow_tracebacks();
    let before = pid(site);
    for (number, rest) in AMBIGUOUS.iter().enumerate() {
        let hidden = format!("GET /corpus/count?key=hidden-{number} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let rest = rest.replace("LEN", &hidden.len().to_string()).replace("HIDDEN", &hidden);
        let bytes = format!("POST /corpus/count?key=outer-{number} HTTP/1.1\r\nHost: localhost\r\n{rest}");
        raw(site, bytes.as_bytes());
        let outer: u32 = site.get(&format!("/corpus/counted?key=outer-{number}")).ok().parse().unwrap();
        let inner: u32 = site.get(&format!("/corpus/counted?key=hidden-{number}")).ok().parse().unwrap();
        assert!(outer <= 1, "{rest:?}: the request itself was served {outer} times");
        // A hidden request may only be served when the message before it was plainly over.
        let plainly_over = rest.contains("\r\n0\r\n\r\n") && !rest.contains("Content-Length");
        assert!(inner == 0 || plainly_over, "{rest:?}: what stood in the body was served as a request");
    }
    assert_eq!(before, pid(site));
}

#[trial]
fn an_htaccess_file_cannot_choose_the_group(site: &Site) {
    site.allow_log("re:not allowed here|WSGI1");
    let script = site.setup.run.workdir.path().join("apps/where.wsgi");
    fs::copy(script, site.path("files/app.wsgi")).unwrap();
    site.get("/htaccess/app.wsgi").expect(200);
    for line in ["WSGIApplicationGroup other", "WSGIProcessGroup %{GLOBAL}", "WSGIPythonHome /usr", "WSGIScriptAlias /x /y"] {
        fs::write(site.path("files/.htaccess"), line).unwrap();
        site.get("/htaccess/app.wsgi").expect(500);
    }
    fs::write(site.path("files/.htaccess"), "WSGICallableObject other\nWSGIPassAuthorization On\n").unwrap();
    assert_eq!(site.get("/htaccess/app.wsgi").expect(200).value("callable"), Some("other"));
    fs::remove_file(site.path("files/.htaccess")).unwrap();
}

/// Requests with bytes changed, removed and repeated at random; the seed is fixed, so that a failure can be repeated.
#[trial(reach(Reach::Everywhere))]
fn garbage_is_survived(site: &Site) {
    site.allow_log("re:AH[0-9]+|WSGI1|OSError|Transfer-Encoding|Content-Length|WSGIWarning|warnings.warn");
    site.allow_tracebacks();
    let before = pid(site);
    let whole = b"POST /input/echo?a=b HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\
                  X-Header: value\r\nExpect: 100-continue\r\n\r\nhello world";
    let chunked = b"POST /input/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nX-Test: 1\r\n\r\n\
                    5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let mut random = Random::new(20_260_101);
    for round in 0..300 {
        let mut bytes = if round % 2 == 0 { whole.to_vec() } else { chunked.to_vec() };
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.byte(),
                1 if bytes.len() > 1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, random.byte()),
                _ => bytes.truncate(at + 1),
            }
        }
        let mut client: Client = site.connect();
        client.send(&bytes).and_then(|()| client.finish_sending()).ok();
        client.read_to_end().unwrap_or_else(|error| panic!("no end to {:?}: {error}", String::from_utf8_lossy(&bytes)));
    }
    assert_eq!(before, pid(site));
    assert_eq!(site.post("/input/echo", "still here").ok(), "still here");
}
