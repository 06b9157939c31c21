/*! Trials C: clients that break off, wait, flood, or send what nobody reads. *Runs in: tests.* */

use super::field::{Field, at_most, fact, long};
use crate::support::client::{Client, Request};
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::processes;
use crate::support::response::Response;
use std::fs;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The pattern of the application's `download`, and of the files that the trials make.
fn pattern(at: u64) -> u8 {
    at.to_le_bytes()[0]
}

fn connect(field: &Field<'_>) -> Client {
    Client::connect(field.server.files.port).expect("httpd accepts connections")
}

#[track_caller]
fn answered(result: io::Result<Response>, what: &str) -> Response {
    result.unwrap_or_else(|error| panic!("{what} got no answer: {error}"))
}

/// Seconds since the epoch, as the application notes them.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// C3
pub fn a_broken_upload_is_an_oserror_and_frees_its_thread(setup: &Setup) {
    let field = Field::start(setup, "broken-upload", "threads=1");
    // The application lets the exception pass, so its traceback may be logged.
    field.server.announce("re:OSError|WSGI1200");
    field.server.announce_tracebacks();
    let half = vec![b'h'; 1_000_000];
    for (name, length) in [("length", "Content-Length: 2000000".to_owned()), ("chunks", "Transfer-Encoding: chunked".to_owned())]
    {
        let mut client = connect(&field);
        let head = format!("POST /app/upload?name={name} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n");
        client.send(head.as_bytes()).unwrap();
        if name == "length" {
            client.send(&half).unwrap();
        } else {
            client.send(&crate::support::client::chunk(&half)).unwrap();
        }
        field.wait_for_note(&format!("begun-{name}"));
        drop(client);
        let gone = Instant::now();
        poll::wait_for("the application is told", || {
            !field.notes(&format!("failed-{name}")).is_empty() || !field.notes(&format!("ended-{name}")).is_empty()
        });
        let failed = field.notes(&format!("failed-{name}"));
        assert!(
            !failed.is_empty(),
            "a broken upload ({name}) looked like a whole one to the application: {:?}",
            field.notes(&format!("ended-{name}"))
        );
        assert!(failed[0].starts_with("True "), "the application got something else than an OSError: {}", failed[0]);
        fact(format!("{name}: {}", failed[0].split(' ').nth(1).unwrap_or_default()));
        field.recovers_within(Duration::from_secs(2));
        assert!(gone.elapsed() < at_most(Duration::from_secs(3)), "the thread was free after {:?}", gone.elapsed());
    }
}

/// C4 while the application computes.
pub fn a_client_that_leaves_during_a_computation_is_noticed(setup: &Setup) {
    let field = Field::start(setup, "left-computing", "threads=1");
    let mut client = connect(&field);
    client.send(&Request::get("/app/compute?for=1.5&name=c").head_bytes()).unwrap();
    field.wait_for_note("begun-c");
    drop(client);
    poll::wait_for("close() is called", || !field.notes("closed-c").is_empty());
    let time = |name: &str| field.notes(name)[0].parse::<f64>().unwrap();
    let took = time("closed-c") - time("wrote-c");
    fact(format!("close() {:.0} ms after the next write, {} writes", took * 1000.0, field.notes("wrote-c").len()));
    assert!(took < at_most(Duration::from_secs(1)).as_secs_f64(), "close() was called {took:.1} s after the next write");
}

/// C4 while the application streams.
pub fn a_client_that_leaves_during_a_stream_is_noticed(setup: &Setup) {
    let field = Field::start(setup, "left-streaming", "threads=1");
    let mut client = connect(&field);
    client.send(&Request::get("/app/stream?name=s").head_bytes()).unwrap();
    assert_eq!(client.receive_head().unwrap().status, 200);
    let left = now();
    drop(client);
    poll::wait_for("close() is called", || !field.notes("closed-s").is_empty());
    let took = field.notes("closed-s")[0].parse::<f64>().unwrap() - left;
    fact(format!("close() after {:.0} ms", took * 1000.0));
    assert!(took < at_most(Duration::from_millis(1500)).as_secs_f64(), "close() was called after {took:.1} s");
    field.recovers_within(Duration::from_secs(2));
}

/// C5
pub fn large_bodies_go_through_in_constant_memory(setup: &Setup) {
    let mebibytes: u64 = if long() { 10 * 1024 } else { 300 };
    let field = Field::start(setup, "large", "threads=2");
    let who = field.who();
    let workers = field.workers();
    let memory =
        || processes::anonymous_memory(who.pid) + workers.iter().map(|pid| processes::anonymous_memory(*pid)).sum::<u64>();
    // What a first request of each kind leaves behind is not growth.
    upload(&field, 8);
    download(&field, "/app/download?size=8", 8 << 20, 0);
    let before = memory();
    upload(&field, mebibytes);
    download(&field, &format!("/app/download?size={mebibytes}"), mebibytes << 20, 0);
    let size: u64 = 64 << 20;
    let bytes: Vec<u8> = (0..size).map(pattern).collect();
    fs::write(field.directory.join("large.bin"), bytes).unwrap();
    for from in [0, 1000, size - 1] {
        download(&field, &format!("/app/file?name=large.bin&from={from}"), size - from, from);
    }
    let grown = memory().saturating_sub(before) >> 20;
    fact(format!("{mebibytes} MiB each way, {grown} MiB more memory"));
    assert!(grown < 16, "daemon and Apache grew by {grown} MiB");
}

fn upload(field: &Field<'_>, mebibytes: u64) {
    let mut client = connect(field);
    let length = mebibytes << 20;
    let head = format!("POST /app/upload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    client.send(head.as_bytes()).unwrap();
    let piece = vec![b'p'; 1 << 20];
    for _ in 0..mebibytes {
        client.send(&piece).unwrap();
    }
    assert_eq!(answered(client.receive(false), "an upload").ok(), length.to_string());
}

/// Reads a body of `length` bytes whose first is byte `from` of the pattern.
#[track_caller]
fn download(field: &Field<'_>, target: &str, length: u64, from: u64) {
    let mut client = connect(field);
    client.send(&Request::get(target).header("Connection", "close").head_bytes()).unwrap();
    let head = client.receive_head().unwrap().expect(200);
    assert_eq!(head.header("Content-Length"), Some(length.to_string()), "{target}");
    let mut at = 0;
    let mut wrong = None;
    client
        .read_pieces(|piece| {
            for byte in piece {
                if *byte != pattern(from + at) {
                    wrong.get_or_insert(at);
                }
                at += 1;
            }
        })
        .unwrap();
    assert_eq!((at, wrong), (length, None), "{target}: bytes that came, and the first wrong one");
}

/// Whether the connection can be used on: the next request on it is answered, once `rest` was sent.
#[track_caller]
fn goes_on_or_closes(client: &mut Client, rest: &[u8], what: &str) -> bool {
    // A connection that is being closed may refuse what is sent.
    let sent = client.send(rest).and_then(|()| client.send(&Request::get("/app/who").head_bytes()));
    match sent.and_then(|()| client.receive(false)) {
        Ok(response) => {
            assert_eq!(response.status, 200, "{what}: the next request on the connection was not understood");
            assert_eq!(response.text().split(' ').count(), 3, "{what}: the next request got another one's answer");
            true
        }
        Err(_) => false,
    }
}

/// C6
pub fn expect_100_continue_is_honoured(setup: &Setup) {
    let field = Field::start(setup, "expect", "threads=2");
    let head = |path: &str, how: &str| {
        format!("POST /app/{path} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n{how}\r\n\r\n").into_bytes()
    };
    for (how, body) in [("Content-Length: 5", "12345"), ("Transfer-Encoding: chunked", "5\r\n12345\r\n0\r\n\r\n")] {
        // Read: the interim response comes when the application reads.
        let mut client = connect(&field);
        client.send(&head("upload", how)).unwrap();
        assert_eq!(answered(client.receive_head(), "Expect").status, 100, "the application reads, and nobody says 100");
        client.send(body.as_bytes()).unwrap();
        assert_eq!(answered(client.receive(false), "Expect").ok(), "5");
        assert!(goes_on_or_closes(&mut client, b"", "after a body that was asked for"), "the connection was closed for nothing");
        // Never read, or rejected: the final response comes without the body.
        for (path, status) in [("ignore", 200), ("refuse", 403)] {
            let mut client = connect(&field);
            client.send(&head(path, how)).unwrap();
            let response = answered(client.receive(false), "Expect without a reader");
            assert_eq!(response.status, status, "{path}: the answer does not come before a body that nobody reads");
            assert!(response.interim.is_empty(), "{path}: the client was told to send a body that nobody reads");
            let went_on = goes_on_or_closes(&mut client, body.as_bytes(), path);
            fact(format!(
                "{path}, {}: {}",
                if how.starts_with('C') { "length" } else { "chunked" },
                if went_on { "goes on" } else { "closes" }
            ));
        }
        // A client that does not wait for the interim response.
        let mut client = connect(&field);
        client.send(&[head("upload", how), body.as_bytes().to_vec()].concat()).unwrap();
        assert_eq!(answered(client.receive(false), "an impatient client").ok(), "5");
        assert!(goes_on_or_closes(&mut client, b"", "after an impatient client"));
    }
}

/// C7
pub fn an_unread_body_is_no_next_request(setup: &Setup) {
    let field = Field::start(setup, "unread", "threads=2");
    let smuggled = "GET /app/who?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for size in [1_000, 100_000, if long() { 100_000_000 } else { 20_000_000 }] {
        let body = smuggled.repeat(size / smuggled.len() + 1).into_bytes();
        for chunked in [false, true] {
            let request = if chunked {
                Request::post_chunks("/app/ignore", &body.chunks(1 << 20).collect::<Vec<_>>())
            } else {
                Request::post("/app/ignore", body.clone())
            };
            let mut client = connect(&field);
            let begun = Instant::now();
            assert_eq!(answered(client.exchange(&request), "an unread body").ok(), "not read");
            let went_on = goes_on_or_closes(&mut client, b"", "after an unread body");
            assert!(begun.elapsed() < Duration::from_secs(10), "{size} unread bytes took {:?}", begun.elapsed());
            fact(format!(
                "{size} bytes{}: {}",
                if chunked { ", chunked" } else { "" },
                if went_on { "goes on" } else { "closes" }
            ));
        }
    }
    let smuggled = field.ends().iter().filter(|line| line.contains("smuggled")).count();
    assert_eq!(smuggled, 0, "part of a body was taken for a request");
}

/// C8
pub fn both_directions_may_be_full(setup: &Setup) {
    for (number, sizes) in ["", "send-buffer-size=4096 receive-buffer-size=4096"].into_iter().enumerate() {
        let field = Field::start(setup, &format!("both-full-{number}"), &format!("threads=2 {sizes}"));
        let size = if long() { 200_000_000 } else { 30_000_000 };
        let body: Vec<u8> = (0..size).map(pattern).collect();
        let mut client = connect(&field);
        let bytes = Request::post("/app/mirror", body.clone()).header("Connection", "close").bytes();
        let sent = AtomicUsize::new(0);
        let back = std::thread::scope(|scope| {
            let mut writer = client.second_half().unwrap();
            let sent = &sent;
            scope.spawn(move || {
                for piece in bytes.chunks(65536) {
                    if io::Write::write_all(&mut writer, piece).is_err() {
                        return;
                    }
                    sent.fetch_add(piece.len(), Ordering::Relaxed);
                }
            });
            // Nobody reads until nothing more goes out: every buffer on the way is full.
            let mut last = (0, Instant::now());
            poll::until(Duration::from_secs(10), || {
                let now = sent.load(Ordering::Relaxed);
                if now != last.0 {
                    last = (now, Instant::now());
                }
                (now > 0 && last.1.elapsed() > Duration::from_millis(400)).then_some(())
            });
            client.receive(false)
        });
        let response = answered(back, "a body that comes back as it goes out").expect(200);
        assert!(response.complete && response.body == body, "{} of {size} bytes came back", response.body.len());
    }
}

/// C9
pub fn a_flood_is_refused_and_not_failed(setup: &Setup) {
    let count = if long() { 5000 } else { 400 };
    let field = Field::start(setup, "flood", "threads=1 listen-backlog=10 connect-timeout=2");
    field.server.announce("re:WSGI13(24|25|1[0-9]|4[0-9])|WSGI1590|AH00484|AH10159|AH00288");
    field.server.announce_tracebacks();
    field.starts();
    let outcomes: Mutex<Vec<(Result<u16, String>, Duration)>> = Mutex::default();
    let one = || {
        let begun = Instant::now();
        let request = Request::get("/app/sleep?for=0.02").header("Connection", "close");
        let outcome = Client::connect(field.server.files.port).and_then(|mut client| client.exchange(&request));
        let outcome = outcome.map(|response| response.status).map_err(|error| error.to_string());
        outcomes.lock().unwrap().push((outcome, begun.elapsed()));
    };
    std::thread::scope(|scope| {
        for _ in 0..count {
            std::thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, one).unwrap();
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    let of = |status: u16| outcomes.iter().filter(|(outcome, _)| *outcome == Ok(status)).count();
    let lost: Vec<&String> = outcomes.iter().filter_map(|(outcome, _)| outcome.as_ref().err()).collect();
    let (served, refused) = (of(200), of(503));
    let slowest = outcomes.iter().map(|(_, took)| *took).max().unwrap_or_default();
    fact(format!("{count} connections: {served} served, {refused} refused, the slowest after {:.1} s", slowest.as_secs_f64()));
    assert!(lost.is_empty(), "{} of {count} got no answer: {:?}", lost.len(), lost.first());
    assert_eq!(
        served + refused,
        count,
        "some got another status: {:?}",
        outcomes.iter().map(|(outcome, _)| outcome).find(|outcome| !matches!(outcome, Ok(200 | 503)))
    );
    assert!(served > 10, "only {served} were served");
    field.others_serve();
    field.recovers_within(at_most(Duration::from_secs(2)));
}
