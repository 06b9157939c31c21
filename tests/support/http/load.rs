/*! Clients that send requests until they are told to stop, and count what failed.

A failed request is a connection that could not be made, a status from 500, or a short body. A connection that was used
before and is closed before any byte of an answer is no failure: the request is sent once more on a new one, and the closure counted. *Runs in: tests.* */

use crate::support::client::{Client, Request};
use crate::support::poll;
use crate::support::response::Response;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Clients of one kind.
#[derive(Clone, Debug)]
pub struct Stream {
    /// What each of them sends, again and again.
    pub request: Request,
    /// How many there are.
    pub clients: usize,
    /// Whether a connection is used for more than one request.
    pub keep_alive: bool,
    /// How long a client thinks between two requests.
    pub pause: Duration,
}

impl Stream {
    /// Clients that keep their connections.
    pub fn kept(clients: usize, target: &str) -> Self {
        Self { request: Request::get(target), clients, keep_alive: true, pause: Duration::from_millis(5) }
    }

    /// Clients that connect for each request.
    pub fn fresh(clients: usize, target: &str) -> Self {
        let request = Request::get(target).header("Connection", "close");
        Self { request, keep_alive: false, ..Self::kept(clients, target) }
    }

    /// Clients that send `size` bytes each time, over new connections: a POST that was cut must not be sent again.
    pub fn uploads(clients: usize, target: &str, size: usize) -> Self {
        let request = Request::post(target, vec![b'u'; size]).header("Connection", "close");
        Self { request, keep_alive: false, ..Self::kept(clients, target) }
    }

    /// Sets how long a client thinks between two requests.
    #[must_use]
    pub const fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }
}

/// What a response has to be besides whole and below 500; told when its request was begun.
pub type Accept<'a> = dyn Fn(&Response, Instant) -> Result<(), String> + Sync + 'a;

/// What came of one stream.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests that were answered as they should be.
    pub served: usize,
    /// Kept connections that the server closed before any byte of an answer.
    pub closures: usize,
    /// What failed, in words.
    pub failed: Vec<String>,
    /// The longest time between two answers in a row, of whichever clients of the stream. What comes before the first answer is the clients' own start,
    /// not a time in which the server answered nobody.
    pub gap: Duration,
    /// The longest that a request took.
    pub slowest: Duration,
}

/// What a client of a stream saw.
#[derive(Default)]
struct Seen {
    answered: Vec<Instant>,
    closures: usize,
    failed: Vec<String>,
    slowest: Duration,
}

/// How the load goes while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    stop: AtomicBool,
    served: AtomicUsize,
}

impl Progress {
    /// Requests that were served so far.
    pub fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }
}

/// Tells the clients to stop, also when the trial fails.
struct StopOnDrop<'p>(&'p Progress);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` under the load of `streams`, each response judged by `accept` as well: a tally for each stream.
pub fn run(port: u16, streams: &[Stream], accept: &Accept<'_>, work: impl FnOnce(&Progress)) -> Vec<Tally> {
    let progress = Progress::default();
    let seen: Vec<Vec<Seen>> = std::thread::scope(|scope| {
        let stop = StopOnDrop(&progress);
        let clients: Vec<Vec<_>> = streams
            .iter()
            .map(|stream| {
                let one = || {
                    let progress = &progress;
                    scope.spawn(move || client(port, stream, accept, progress))
                };
                (0..stream.clients).map(|_| one()).collect()
            })
            .collect();
        work(&progress);
        drop(stop);
        clients.into_iter().map(|all| all.into_iter().map(|one| one.join().unwrap()).collect()).collect()
    });
    seen.into_iter().map(tally).collect()
}

/// Accepts every whole response below 500.
pub fn any(_: &Response, _: Instant) -> Result<(), String> {
    Ok(())
}

fn tally(clients: Vec<Seen>) -> Tally {
    let mut all = Tally::default();
    let mut answered = Vec::new();
    for seen in clients {
        answered.extend(seen.answered);
        all.closures += seen.closures;
        all.failed.extend(seen.failed);
        all.slowest = all.slowest.max(seen.slowest);
    }
    answered.sort();
    all.served = answered.len();
    all.gap = answered.iter().zip(answered.iter().skip(1)).map(|(from, to)| to.duration_since(*from)).max().unwrap_or_default();
    all
}

fn client(port: u16, stream: &Stream, accept: &Accept<'_>, progress: &Progress) -> Seen {
    let mut seen = Seen::default();
    let mut kept = None;
    while !progress.stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        match request(port, stream, &mut kept, &mut seen.closures).and_then(|response| judge(&response, begun, accept)) {
            Ok(()) => {
                seen.answered.push(Instant::now());
                seen.slowest = seen.slowest.max(begun.elapsed());
                progress.served.fetch_add(1, Ordering::Relaxed);
            }
            Err(why) => {
                kept = None;
                seen.failed.push(why);
            }
        }
        poll::let_pass(stream.pause);
    }
    seen
}

fn request(port: u16, stream: &Stream, kept: &mut Option<Client>, closures: &mut usize) -> Result<Response, String> {
    if let Some(mut client) = kept.take() {
        match client.exchange(&stream.request) {
            Ok(response) => {
                *kept = reusable(stream, &response).then_some(client);
                return Ok(response);
            }
            Err(error) if ended(&error) && !client.heard_anything() => *closures += 1,
            Err(error) => return Err(format!("on a kept connection: {error}")),
        }
    }
    let mut client = Client::connect(port).map_err(|error| format!("no connection: {error}"))?;
    let response = client.exchange(&stream.request).map_err(|error| format!("on a new connection: {error}"))?;
    *kept = reusable(stream, &response).then_some(client);
    Ok(response)
}

fn reusable(stream: &Stream, response: &Response) -> bool {
    stream.keep_alive && response.complete && response.header("Connection").as_deref() != Some("close")
}

fn ended(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

fn judge(response: &Response, begun: Instant, accept: &Accept<'_>) -> Result<(), String> {
    if response.status >= 500 {
        return Err(format!("status {}", response.status));
    }
    if !response.complete {
        return Err(format!("a short body after {} bytes", response.body.len()));
    }
    accept(response, begun)
}

/// Asserts that nothing failed in any of `tallies`, and that something was served in each.
#[track_caller]
pub fn nothing_failed(tallies: &[Tally]) {
    let failed: Vec<&String> = tallies.iter().flat_map(|tally| &tally.failed).collect();
    let served: usize = tallies.iter().map(|tally| tally.served).sum();
    assert!(failed.is_empty(), "{} of {} requests failed: {}", failed.len(), served + failed.len(), counted(&failed));
    assert!(tallies.iter().all(|tally| tally.served > 0), "not every kind of request was served: {tallies:?}");
}

/// Texts with how often each occurs.
fn counted(texts: &[&String]) -> String {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    let said: Vec<String> = counts.into_iter().map(|(text, count)| format!("{count} × {text}")).collect();
    said.join(", ")
}
