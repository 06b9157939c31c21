/*! What a daemon process has done so far, as far as its limits ask for it, and why it ends. *Runs in: daemon.* */

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use protocol::reason::Reason;

/// See above.
#[derive(Default)]
pub struct Lifecycle {
    /// Begins and ends of requests that count for `inactivity-timeout`.
    activity: AtomicU64,
    /// When the first request came.
    first: OnceLock<Instant>,
    /// A script has been loaded.
    loaded: AtomicBool,
    /// Why the process asked to be replaced, first.
    asked: OnceLock<Reason>,
    /// Why it was told to end, first.
    told: OnceLock<Reason>,
}

impl Lifecycle {
    /// A request begins or ends; `counts` unless it has `WSGIIgnoreActivity On`.
    pub fn touch(&self, counts: bool) {
        self.first.get_or_init(Instant::now);
        if counts {
            self.activity.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// See [`protocol::control::Message::Load`].
    pub fn activity(&self) -> u64 {
        self.activity.load(Ordering::Acquire)
    }

    /// A script is in use.
    pub fn script_loaded(&self) {
        self.loaded.store(true, Ordering::Release);
    }

    /// The process asks to be replaced.
    pub fn asks(&self, reason: Reason) {
        // The first reason is the one that counts.
        self.asked.get_or_init(|| reason);
    }

    /// Has it asked already?
    pub fn asked(&self) -> bool {
        self.asked.get().is_some()
    }

    /// The supervisor tells the process to end.
    pub fn ends(&self, reason: Reason) {
        self.told.get_or_init(|| reason);
    }

    /// Why the process ends.
    pub fn reason(&self) -> Reason {
        self.told.get().or(self.asked.get()).copied().unwrap_or(Reason::ShutdownSignal)
    }

    /// Whether `startup-timeout` is over where nothing is loaded beforehand: from the first request until a script is there. Before that, and until the process is
    /// ready, the supervisor looks at it.
    pub fn is_startup_overdue(&self, limit: Duration) -> bool {
        let waits = self.first.get().is_some_and(|first| first.elapsed() >= limit);
        !limit.is_zero() && waits && !self.loaded.load(Ordering::Acquire) && !self.asked()
    }
}
