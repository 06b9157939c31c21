/*! Strangers at a daemon process's socket, and an Apache child that has gone mad: what they send is dropped, costs no thread and little memory, and the
process serves on.

What a real child says is recorded first, by taking the socket's place for the length of one request: the trials know no more of the protocol than the head of
a frame and where the secret stands in the greeting. */

use crate::suite;
use crate::suites::security::privileges::other_user;
use crate::support::client::{Client, Request};
use crate::support::httpd::{Httpd, Plan};
use crate::support::installation::server_user;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::processes;
use crate::support::site::Site;
use registration::trial;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::process::Signal;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Types of frames.
const HELLO: u8 = 1;
const REQUEST: u8 = 2;
const BODY: u8 = 3;
const DATA: u8 = 8;
const LENT_BODY: u8 = 17;

/// The suite.
pub fn suite() -> Suite {
    suite!("strangers").in_daemon_mode()
}

/// `patience`: for how many seconds a process is waited for.
fn start(setup: &Setup, name: &str, patience: &str) -> Httpd {
    if server_user().is_none() {
        setup.skip("the socket belongs to httpd's user, which the suites are not");
    }
    let plan =
        Plan::new("strangers.conf").define("OWN_GROUPS", "1").define("PATIENCE", patience).announce("re:WSGI1254: |was closed");
    Httpd::start(setup, &plan, name)
}

/// The one socket below the server's runtime directory.
fn socket(server: &Httpd) -> PathBuf {
    // While it is being made it has a letter more.
    fn is_made(path: &Path) -> bool {
        path.extension().and_then(|number| number.to_str()).is_some_and(|number| number.parse::<u32>().is_ok())
    }
    fn find(directory: &Path) -> Option<PathBuf> {
        let entries = fs::read_dir(directory).ok()?.filter_map(Result::ok);
        entries.map(|entry| entry.path()).find_map(|path| {
            let kind = fs::symlink_metadata(&path).ok()?.mode() & 0o170_000;
            match kind {
                0o140_000 => is_made(&path).then_some(path),
                0o040_000 => find(&path),
                _ => None,
            }
        })
    }
    // It is there before the process is ready, and a request waits for that.
    poll::until(poll::SOON, || find(&server.files.root.join("run"))).expect("a socket")
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    announced(kind, u32::try_from(payload.len()).unwrap(), payload)
}

fn announced(kind: u8, length: u32, payload: &[u8]) -> Vec<u8> {
    [&length.to_le_bytes()[..], &[kind], &1_u32.to_le_bytes(), payload].concat()
}

/// What a child says for one request: its greeting, and the request with the end of its body.
struct Recorded {
    hello: Vec<u8>,
    request: Vec<u8>,
}

/// A listener that stands in a socket's place until it is dropped. The group's supervisor stands still meanwhile: it would find its socket gone, and replace
/// the process.
struct Stranger<'s> {
    listener: UnixListener,
    place: &'s Path,
    aside: PathBuf,
    supervisors: Vec<i32>,
}

impl<'s> Stranger<'s> {
    fn at(place: &'s Path, supervisors: Vec<i32>) -> Self {
        Self::of(None, place, supervisors)
    }

    /// The same; `uid` is who listens.
    fn of(uid: Option<u32>, place: &'s Path, supervisors: Vec<i32>) -> Self {
        let aside = place.with_extension("aside");
        supervisors.iter().copied().for_each(processes::stop);
        let listener = UnixListener::bind(&aside).unwrap();
        if let Some(uid) = uid {
            // A thread that becomes that user: the others stay who they are.
            let listens = || {
                rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(uid)).unwrap();
                rustix::net::listen(&listener, 16).unwrap();
            };
            std::thread::scope(|scope| scope.spawn(listens).join().unwrap());
        }
        fs::set_permissions(&aside, fs::Permissions::from_mode(0o666)).unwrap();
        let stranger = Self { listener, place, aside, supervisors };
        stranger.change_places();
        stranger
    }

    /// In one step: whoever connects finds one of the two.
    fn change_places(&self) {
        renameat_with(CWD, &self.aside, CWD, self.place, RenameFlags::EXCHANGE).unwrap();
    }
}

impl Drop for Stranger<'_> {
    fn drop(&mut self) {
        self.change_places();
        fs::remove_file(&self.aside).unwrap();
        self.supervisors.iter().for_each(|pid| processes::send(*pid, Signal::CONT));
    }
}

/// A request that runs until it is let go, so that its connection is no other request's.
struct Busy {
    client: Client,
    directory: PathBuf,
}

impl Busy {
    fn new(site: &Site) -> Self {
        let directory = site.path("busy");
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
        let mut client = site.connect();
        client.send(&Request::get(&format!("/hold?{}", directory.display())).head_bytes()).unwrap();
        poll::wait_for("another request runs", || directory.join("begun").exists());
        Self { client, directory }
    }

    fn end(mut self) {
        fs::write(self.directory.join("go"), "").unwrap();
        self.client.receive(false).unwrap().ok();
    }
}

/// Takes the socket's place while one request is sent. Another runs meanwhile, so that there is no connection for this one yet.
fn record(site: &Site, place: &Path) -> Recorded {
    let busy = Busy::new(site);
    let stranger = Stranger::at(place, site.server.supervisors());
    let listener = &stranger.listener;
    let mut client = site.connect();
    client.send(&Request::get("/process").head_bytes()).unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut stream = poll::until(poll::SOON, || listener.accept().ok()).expect("the child connects anew").0;
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut next = || {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let mut payload = vec![0; u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize];
        stream.read_exact(&mut payload).unwrap();
        (head[4], payload)
    };
    let (kind, hello) = next();
    assert_eq!(kind, HELLO);
    let (kind, request) = next();
    assert_eq!(kind, REQUEST);
    let (kind, end) = next();
    let request = [frame(REQUEST, &request), frame(kind, &end)].concat();
    drop(stranger);
    // The stranger has not begun the request, so it goes to the process.
    drop(stream);
    client.receive(false).unwrap().ok();
    busy.end();
    Recorded { hello: frame(HELLO, &hello), request }
}

/// A server's daemon process, and what a stranger has to know to speak to it.
struct Met<'s> {
    site: Site<'s>,
    place: PathBuf,
    recorded: Recorded,
    /// What the process says of itself, for as long as it is the same one.
    before: String,
    pid: i32,
}

fn meet<'s>(setup: &'s Setup, server: &'s Httpd) -> Met<'s> {
    let site = Site::new(server, setup);
    let place = socket(server);
    let recorded = record(&site, &place);
    let before = site.get("/process").ok();
    let pid = before.split(' ').nth(1).unwrap().parse().unwrap();
    Met { site, place, recorded, before, pid }
}

/// Sends, and gives what comes until the daemon closes: `None` if it has not after `patience`.
fn answer(place: &Path, bytes: &[u8], patience: Duration) -> Option<Vec<u8>> {
    let mut stream = UnixStream::connect(place).unwrap();
    stream.set_read_timeout(Some(patience)).unwrap();
    // A daemon that has seen enough closes before it has read everything.
    stream.write_all(bytes).ok();
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard) {
        Ok(_) => Some(heard),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(heard),
        Err(_) => None,
    }
}

/// What no child may say: each is closed at once, and without an answer unless the greeting was right.
fn forbidden(recorded: &Recorded) -> Vec<(&'static str, Vec<u8>)> {
    let Recorded { hello, request } = recorded;
    let mut wrong_token = hello.clone();
    wrong_token[9 + 2 + 8] ^= 1;
    let greeted = |more: &[u8]| [hello, more].concat();
    let mut another_stream = request.clone();
    another_stream[5] = 2;
    vec![
        ("a wrong secret", [&wrong_token, &request[..]].concat()),
        ("no greeting", request.clone()),
        ("garbage", (0..2000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
        ("zeros", vec![0; 100]),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("the longest length", announced(HELLO, u32::MAX, b"")),
        ("a greeting cut short", frame(HELLO, &hello[9..20])),
        ("a second greeting", greeted(hello)),
        ("a daemon's frame", greeted(&frame(DATA, b"x"))),
        ("a type that does not exist", greeted(&frame(77, b""))),
        ("a body without a request", greeted(&frame(BODY, b"x"))),
        ("a body in memory without a request", greeted(&frame(LENT_BODY, &[0; 8]))),
        ("another stream", greeted(&another_stream)),
        ("a request too long", greeted(&announced(REQUEST, 16 * 1024 * 1024 + 1, b""))),
        ("a request of nonsense", greeted(&frame(REQUEST, &[0xff; 200]))),
        ("a request cut short", greeted(&frame(REQUEST, &request[9..60]))),
    ]
}

#[trial(reach(Reach::Full))]
fn whatever_comes_the_process_serves_on(setup: &Setup) {
    let server = start(setup, "strangers", "15");
    let Met { site, place, recorded, before, pid } = meet(setup, &server);
    let (threads, memory) = (processes::threads(pid), processes::anonymous_memory(pid));
    for (what, bytes) in forbidden(&recorded) {
        let heard = answer(&place, &bytes, Duration::from_secs(5)).unwrap_or_else(|| panic!("{what}: it is not closed"));
        assert!(heard.len() < 200 && heard.first().is_none_or(|_| heard[4] == HELLO), "{what}: {heard:?}");
        assert_eq!(site.get("/process").ok(), before, "{what}");
    }
    let mut other_version = recorded.hello.clone();
    other_version[9] = 99;
    let heard = answer(&place, &other_version, Duration::from_secs(5)).expect("another version is answered and closed");
    assert_eq!(heard.get(4), Some(&HELLO), "the daemon says which version it speaks");

    assert_eq!(processes::threads(pid), threads, "no thread is lost");
    let grown = processes::anonymous_memory(pid).saturating_sub(memory);
    assert!(grown < 24_000_000, "the process has grown by {grown} bytes");
    every_thread_serves(&site, &before);
}

#[trial]
fn slow_peers_cost_no_thread(setup: &Setup) {
    let server = start(setup, "slow-peers", "15");
    let Met { site, place, recorded, before, pid } = meet(setup, &server);
    let memory = processes::anonymous_memory(pid);
    // More of them at once than there are threads, each in the middle of something, and some that send a byte now and then.
    let half = [&recorded.hello, &recorded.request[..recorded.request.len() / 2]].concat();
    let huge = [&recorded.hello[..], &announced(REQUEST, 16 * 1024 * 1024, b"begun")].concat();
    let mut held: Vec<UnixStream> = Vec::new();
    for bytes in [&b""[..], &recorded.hello[..5], &recorded.hello, &half, &huge] {
        for _ in 0..4 {
            let mut stream = UnixStream::connect(&place).unwrap();
            stream.write_all(bytes).unwrap();
            held.push(stream);
        }
    }
    for round in 0..20 {
        for stream in held.iter_mut().rev().take(4) {
            // One that was closed meanwhile takes nothing any more.
            stream.write_all(&[round]).ok();
        }
        let one = Instant::now();
        assert_eq!(site.get("/process").ok(), before);
        assert!(one.elapsed() < Duration::from_secs(3), "a request waited {:?} for a thread", one.elapsed());
    }
    drop(held);
    every_thread_serves(&site, &before);
    let grown = processes::anonymous_memory(pid).saturating_sub(memory);
    assert!(grown < 24_000_000, "the process has grown by {grown} bytes");
}

/// Who is talked to in vain is no process that goes: the line sends nobody to look for one.
#[trial]
fn a_socket_that_leads_nowhere_is_named(setup: &Setup) {
    let server = start(setup, "nowhere", "3");
    let site = Site::new(&server, setup);
    server.announce("re:WSGI1(324|342): ");
    poll::wait_for("the group serves", || site.get("/process").status == 200);
    let busy = Busy::new(&site);
    let place = socket(&server);
    let stranger = Stranger::at(&place, server.supervisors());
    rustix::net::shutdown(&stranger.listener, rustix::net::Shutdown::Both).unwrap();
    let response = site.get("/process");
    assert_eq!((response.status, response.header("Retry-After").is_some()), (503, true));
    let line = site.expect_log("re:WSGI1342: could not reach any process of the group `only` at its socket `.*[.]N` ");
    assert!(line.text.contains("WSGISocketPrefix"), "{}", line.text);
    drop(stranger);
    site.get("/process").ok();
    busy.end();
}

/// Not even the group's secret: the child looks first who listens.
#[trial]
fn a_listener_of_another_user_is_sent_nothing(setup: &Setup) {
    let server = start(setup, "usurper", "3");
    let site = Site::new(&server, setup);
    server.announce("re:WSGI1(324|343): ");
    poll::wait_for("the group serves", || site.get("/process").status == 200);
    let busy = Busy::new(&site);
    let place = socket(&server);
    let uid = other_user().1;
    let stranger = Stranger::of(Some(uid), &place, server.supervisors());
    stranger.listener.set_nonblocking(true).unwrap();
    let response = site.get("/process");
    assert_eq!((response.status, response.header("Retry-After").is_some()), (503, true));
    let line = site.expect_log(&format!(
        "re:WSGI1343: a process of the user with the ID {uid} listens at `.*[.]N`, the socket of the process group "
    ));
    assert!(line.text.contains("WSGISocketPrefix"), "{}", line.text);
    let mut connections = 0;
    while let Ok((mut stream, _)) = stranger.listener.accept() {
        let mut bytes = Vec::new();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.read_to_end(&mut bytes).unwrap();
        assert!(bytes.is_empty(), "{} bytes were sent to a stranger", bytes.len());
        connections += 1;
    }
    assert!(connections > 0, "it was connected to");
    drop(stranger);
    site.get("/process").ok();
    busy.end();
}

/// As many requests as there are threads, side by side.
fn every_thread_serves(site: &Site, before: &str) {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(|| site.get("/sleep?0.5").ok())).collect();
        for worker in workers {
            assert_eq!(worker.join().unwrap(), before);
        }
    });
}
