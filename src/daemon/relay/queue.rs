/*! When a request that waits in a process is looked at. *Runs in: child.* */

use std::time::{Duration, Instant};

use crate::daemon::connections::recv_buffer::SOON;

/// A request that waits in a process whose threads are all busy.
pub struct Queue {
    /// When to look at it next.
    pub look: Instant,
    step: Duration,
    /// From then on it has waited for longer than `queue-timeout`.
    until: Option<Instant>,
}

impl Queue {
    /// From here on. `movable`: no thread was free for it, and another process may come to have one. `left`: how long it may still wait.
    pub fn new(movable: bool, left: Option<Duration>) -> Self {
        let step = if movable { Duration::from_millis(5) } else { Duration::from_millis(50) };
        let now = Instant::now();
        Self { look: now + step, step, until: left.map(|left| now + left) }
    }

    /// When there is something to be done about it.
    pub fn deadline(&self) -> Instant {
        self.until.map_or(self.look, |until| until.min(self.look))
    }

    /// Whether it has waited for too long.
    pub fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// Whether looks are so rare that none is missed in [`SOON`].
    pub const fn looks_late(&self) -> bool {
        self.step.as_millis() > SOON.as_millis()
    }

    /// The next look comes later.
    pub fn later(&mut self, now: Instant) {
        self.step = (self.step * 2).min(Duration::from_millis(50));
        self.look = now + self.step;
    }
}
