/*! The time that a request has in a process, by the child's own clock: a process that stands still, or was taken over, does not keep to its limits.
*Runs in: child.* */

use std::time::{Duration, Instant};

/// How long a request may run in a process, by this child's own count.
pub struct Clock {
    /// The limit, if there is one.
    pub limit: Option<Duration>,
    /// When its time is over; it has none while it waits in the process's queue.
    pub until: Option<Instant>,
}

impl Clock {
    /// Time since `since` does not count: it was the client's. What time it is now.
    pub fn goes_on(&mut self, since: Instant) -> Instant {
        let now = Instant::now();
        self.until = self.until.map(|until| until + now.saturating_duration_since(since));
        now
    }

    /// Whether the time is over; it begins when the request `runs`.
    pub fn is_over(&mut self, runs: bool, now: Instant) -> bool {
        if runs && self.until.is_none() {
            self.until = self.limit.and_then(|limit| now.checked_add(limit));
        }
        self.until.is_some_and(|until| now >= until)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::time::{Duration, Instant};

    use super::Clock;

    #[test]
    fn a_request_has_its_time_from_when_it_runs_and_without_the_clients() {
        let second = Duration::from_secs(1);
        let mut clock = Clock { limit: Some(second * 10), until: None };
        let start = Instant::now();
        assert!(!clock.is_over(false, start + second * 100), "it waits in a queue");
        assert!(!clock.is_over(true, start + second * 100));
        assert!(!clock.is_over(true, start + second * 109));
        // The client took two seconds to take something.
        let until = clock.until.unwrap();
        clock.goes_on(Instant::now().checked_sub(second * 2).unwrap());
        assert!(clock.until.unwrap() >= until + second * 2);
        assert!(!clock.is_over(true, start + second * 111) && clock.is_over(true, start + second * 113));
        let mut none = Clock { limit: None, until: None };
        assert!(!none.is_over(true, start + second * 1_000_000));
    }
}
