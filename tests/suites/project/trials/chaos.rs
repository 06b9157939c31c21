/*! Everything at once: random requests of well and badly behaved clients, while random processes are killed, stopped, deployed to and
restarted. Requests may fail then; what may not happen is a wrong answer, an answer that looks whole and is not, a client that waits for
ever, or a server that is not as before when it is over. *Runs in: tests.* */

use super::field::{Field, fact, long};
use crate::support::client::{Client, Request};
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::processes;
use crate::support::random::Random;
use rustix::process::Signal;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// No request may take longer: twice the limit of the slowest timer that is set.
const LONGEST: Duration = Duration::from_secs(20);

/// What the clients saw.
#[derive(Debug, Default)]
struct Seen {
    whole: AtomicUsize,
    failed: AtomicUsize,
    left: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

impl Seen {
    fn wrong(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }
}

/// Nothing is answered wrongly, whatever happens.
pub fn whatever_happens_no_answer_is_wrong(setup: &Setup) {
    let field = Field::start(
        setup,
        "chaos",
        "processes=3 threads=4 listen-backlog=20 socket-timeout=8 startup-timeout=8 connect-timeout=5",
    );
    field.server.announce(
        "re:WSGI(120[0-9]|13[0-4][0-9]|1360|1371|1253|1262|1590)|AH0005[12]|exit signal|AH00288|AH10159|OSError|a broken deployment",
    );
    field.server.announce_tracebacks();
    let (seen, stop) = (Seen::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let stop_on_drop = StopOnDrop(&stop);
        for number in 0..12 {
            let (seen, stop, field) = (&seen, &stop, &field);
            scope.spawn(move || {
                let mut random = Random::new(1000 + number);
                let mut kept = None;
                while !stop.load(Ordering::Relaxed) {
                    one_client(field, &mut random, &mut kept, seen);
                }
            });
        }
        let mut random = Random::new(7);
        let end = Instant::now() + Duration::from_secs(if long() { 300 } else { 8 });
        let mut version = 0;
        while Instant::now() < end {
            fault(&field, &mut random, &mut version);
            // The rhythm of the faults: each meets what the one before has left, finished or not.
            poll::let_pass(Duration::from_millis(50 + random.below(350) as u64));
        }
        drop(stop_on_drop);
        // If the last deployment was a broken one, nobody could serve again.
        field.deploy(version + 1);
    });
    let (whole, failed, left) = (seen.whole.into_inner(), seen.failed.into_inner(), seen.left.into_inner());
    let wrong = seen.wrong.into_inner().unwrap();
    fact(format!(
        "{whole} whole answers, {failed} failures that showed as such, {left} clients that left, {} wrong answers",
        wrong.len()
    ));
    assert!(wrong.is_empty(), "{} wrong answers: {:?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    assert!(whole > 100, "only {whole} whole answers, and {failed} failures");
    // A process that died often is started again after a pause of up to 30 s.
    field.recovers_within(Duration::from_secs(40));
    let left = poll::until(Duration::from_secs(40), || (field.loaded().len() == 3).then_some(()));
    assert!(left.is_some(), "three processes should be left: {:?}", field.loaded());
    for _ in 0..200 {
        field.who();
    }
    field.others_serve();
}

struct StopOnDrop<'s>(&'s AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One fault at random.
fn fault(field: &Field<'_>, random: &mut Random, version: &mut usize) {
    let loaded = field.loaded();
    let daemon = (!loaded.is_empty()).then(|| loaded[random.below(loaded.len())].0);
    match (random.below(12), daemon) {
        (0, Some(pid)) => processes::send(pid, Signal::KILL),
        (1..4, Some(pid)) => {
            processes::send(pid, Signal::STOP);
            // The fault itself: a process that stands still for so long.
            poll::let_pass(Duration::from_millis(300));
            processes::send(pid, Signal::CONT);
        }
        (4, Some(pid)) => processes::send(pid, Signal::TERM),
        (5..8, _) => {
            *version += 1;
            field.deploy(*version);
        }
        (8, _) => field.deploy_text("raise RuntimeError('a broken deployment')\n"),
        (9, _) => field.server.graceful(),
        (10, _) => field.supervisors().into_iter().for_each(|pid| processes::send(pid, Signal::KILL)),
        (11, _) => {
            if let Some(pid) = field.workers_unasked().first() {
                processes::send(*pid, Signal::KILL);
            }
        }
        _ => {}
    }
}

/// One request at random.
fn one_client(field: &Field<'_>, random: &mut Random, kept: &mut Option<Client>, seen: &Seen) {
    let begun = Instant::now();
    let Some(mut client) = kept.take().or_else(|| Client::connect_with(field.server.files.port, LONGEST).ok()) else {
        seen.failed.fetch_add(1, Ordering::Relaxed);
        return;
    };
    match random.below(10) {
        0 => leave_early(&mut client, random, seen),
        1 => leave_in_upload(&mut client, random, seen),
        2 => slow_reader(&mut client, seen),
        _ => {
            if echo(&mut client, random, seen).unwrap_or_else(|error| failure(&error, seen)) {
                *kept = Some(client);
            }
        }
    }
    if begun.elapsed() > LONGEST {
        seen.wrong(format!("a request took {:?}", begun.elapsed()));
    }
}

/// A connection that ended is a failure that shows; one that is silent is not.
fn failure(error: &io::Error, seen: &Seen) -> bool {
    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
        seen.wrong("a client waited in vain".to_owned());
    } else if error.kind() == io::ErrorKind::InvalidData {
        seen.wrong(format!("an answer that is no HTTP: {error}"));
    }
    seen.failed.fetch_add(1, Ordering::Relaxed);
    false
}

/// Sends a body and compares what comes back. Whether the connection can be used again.
fn echo(client: &mut Client, random: &mut Random, seen: &Seen) -> io::Result<bool> {
    let size = random.below(3).pow(2) * random.below(60_000);
    let body = random.bytes(size);
    let name = "n".repeat(1 + random.below(2)) + &random.below(1_000_000_000).to_string();
    let target = format!("/app/echo?name={name}");
    let request = match random.below(3) {
        0 => Request::post_chunks(&target, &body.chunks(9_973).collect::<Vec<_>>()),
        1 if size > 0 => Request::post(&target, body.clone()).header("Expect", "100-continue"),
        _ => Request::post(&target, body.clone()),
    };
    let response = client.exchange(&request)?;
    match response.status {
        200 if response.header("X-Name").as_deref() != Some(&name) => {
            seen.wrong(format!("{name} got the answer of {:?}", response.header("X-Name")));
        }
        200 if response.complete && response.body != body => {
            seen.wrong(format!("{name}: {} bytes went out, and other {} came back as if whole", body.len(), response.body.len()));
        }
        200 if response.complete => {
            seen.whole.fetch_add(1, Ordering::Relaxed);
        }
        // 500 is what a process says that was started while the broken version was in place; the rest is what deaths and restarts lead to.
        200 | 500 | 502 | 503 | 504 => {
            seen.failed.fetch_add(1, Ordering::Relaxed);
        }
        status => seen.wrong(format!("{name} got the status {status}")),
    }
    Ok(response.complete && response.header("Connection").as_deref() != Some("close"))
}

/// Leaves a stream after its first bytes.
fn leave_early(client: &mut Client, random: &mut Random, seen: &Seen) {
    let begun = client.send(&Request::get("/app/stream?name=chaos").head_bytes());
    if begun.and_then(|()| client.hears_something_within(Duration::from_millis(random.below(300) as u64 + 1))).is_ok() {
        seen.left.fetch_add(1, Ordering::Relaxed);
    }
}

/// Leaves in the middle of an upload.
fn leave_in_upload(client: &mut Client, random: &mut Random, seen: &Seen) {
    let head = "POST /app/echo?name=left HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n";
    let size = random.below(400_000);
    if client.send(head.as_bytes()).and_then(|()| client.send(&vec![b'l'; size])).is_ok() {
        seen.left.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads some megabytes with a pause after the first.
fn slow_reader(client: &mut Client, seen: &Seen) {
    let asked = client.send(&Request::get("/app/download?size=3").header("Connection", "close").head_bytes());
    let Ok(head) = asked.and_then(|()| client.receive_head()) else { return };
    let mut at = 0_usize;
    let mut wrong = false;
    let read = client.read_pieces(|piece| {
        wrong |= piece.iter().zip(at..).any(|(byte, at)| *byte != at.to_le_bytes()[0]);
        if at == 0 {
            // A reader who is in no hurry.
            poll::let_pass(Duration::from_millis(100));
        }
        at += piece.len();
    });
    match read {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            seen.wrong("a slow reader waited in vain".to_owned());
        }
        _ if head.status == 200 && (wrong || at > 3 << 20) => seen.wrong(format!("a slow reader got wrong bytes, {at} in all")),
        Ok(()) if head.status == 200 && at == 3 << 20 => {
            seen.whole.fetch_add(1, Ordering::Relaxed);
        }
        _ => {
            seen.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}
