/*! What is measured of a request while it runs, for whoever wants to know. */

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::capi::{Usage, thread};
use crate::request::call::Call;
use crate::sync::clock::now;

/// When a request came to each place: microseconds since the epoch, 0 where it was not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// httpd received it.
    pub request: i64,
    /// An Apache child began to hand it over to a daemon process.
    pub queue: i64,
    /// A worker of a daemon process took it.
    pub daemon: i64,
    /// The application was about to be called.
    pub application: i64,
}

/// One direction of a request's body or response.
#[derive(Debug, Default)]
pub struct Traffic {
    bytes: AtomicU64,
    calls: AtomicU64,
    microseconds: AtomicU64,
}

/// The same, at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moved {
    /// How many bytes.
    pub bytes: u64,
    /// In how many pieces.
    pub calls: u64,
    /// How long that took, in microseconds.
    pub microseconds: u64,
}

impl Traffic {
    /// Counts `calls` pieces with `bytes` altogether, handed on since then.
    pub fn count(&self, calls: usize, bytes: u64, since: Instant) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.calls.fetch_add(calls as u64, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds(since.elapsed()), Ordering::Relaxed);
    }

    fn moved(&self) -> Moved {
        Moved {
            bytes: self.bytes.load(Ordering::Relaxed),
            calls: self.calls.load(Ordering::Relaxed),
            microseconds: self.microseconds.load(Ordering::Relaxed),
        }
    }
}

/// A request that somebody wants to know of.
#[derive(Debug)]
pub struct Observed {
    /// Index of the thread in its process.
    pub thread_id: i64,
    /// The Apache child that the client is connected to.
    pub server_pid: i64,
    /// httpd's name for it.
    pub id: String,
    /// Processes that it was handed to.
    pub connects: i64,
    /// How often it went to another process because of a newer script.
    pub restarts: i64,
    /// See [`Times`].
    pub times: Times,
    /// What was read of its body.
    pub input: Traffic,
    /// What was handed on of its response.
    pub output: Traffic,
    since: Instant,
    used: Usage,
}

/// What has become of it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Microseconds since the epoch.
    pub finish: i64,
    /// Microseconds in the application, its body included.
    pub application: u64,
    /// The status that the client sees.
    pub status: u16,
    /// See [`Observed::input`].
    pub input: Moved,
    /// See [`Observed::output`].
    pub output: Moved,
    /// Microseconds of processor that its thread has used in the application.
    pub user: i64,
    /// The same in the kernel.
    pub system: i64,
    /// What its thread has waited for Python's lock, in microseconds.
    pub wait: u64,
    /// How often its thread has taken that.
    pub waits: u64,
}

impl Observed {
    /// From here on it is in the application.
    pub fn new(call: &Call<'_>) -> Self {
        let text = |key: &[u8]| String::from_utf8_lossy(call.entry(key).unwrap_or_default()).into_owned();
        Self {
            thread_id: call.thread_id,
            server_pid: text(b"mod_wsgi.server_pid").parse().unwrap_or(0),
            id: text(b"mod_wsgi.request_id"),
            connects: i64::from(call.daemon_start != 0),
            restarts: i64::from(call.waited),
            times: Times { request: call.request_start, queue: call.queue_start, daemon: call.daemon_start, application: now() },
            input: Traffic::default(),
            output: Traffic::default(),
            since: Instant::now(),
            used: Usage::of_thread(),
        }
    }

    /// It has come back from the application; the calling thread has run it.
    pub fn outcome(&self, status: u16) -> Outcome {
        let (used, waits) = (Usage::of_thread(), thread::waits());
        Outcome {
            finish: now(),
            application: microseconds(self.since.elapsed()),
            status,
            input: self.input.moved(),
            output: self.output.moved(),
            user: used.user.saturating_sub(self.used.user),
            system: used.system.saturating_sub(self.used.system),
            wait: microseconds(waits.time),
            waits: waits.count,
        }
    }
}

fn microseconds(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
