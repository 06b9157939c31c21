/*! When one more worker is let in, and when one fewer: what [`super::admission`] sees at each look, and what follows from it.

Nothing here knows a thread or a clock. *Runs in: daemon.* */

/// After so many looks without a need for it, fewer workers are let in.
const PATIENCE: u32 = 32;
/// No shrinking waits longer than so many looks.
const MOST_PATIENCE: u32 = 1024;
/// A need that shows within so many looks after a shrinking shows that it was wrong.
const REGRET: u32 = 8;
/// After so many looks in a row at which no worker ran, another one is let in.
const BLOCKED: u32 = 2;
/// After so many looks in a row without a request taken up, another one is let in though the workers run: one of them computes, or other processes have
/// the processors, and more threads get a larger share of those.
const STUCK: u32 = 3;
/// After so many looks at which a worker waited for work, there is nothing to see.
const QUIET: u32 = 25;

/// What is seen at a look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Workers that run a request.
    pub running: u32,
    /// Workers that are in.
    pub inside: u32,
    /// How many may be in.
    pub limit: u32,
    /// How many there are.
    pub workers: u32,
    /// Requests that were taken up since the process began.
    pub taken: u64,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Stay,
    /// So many may be in from now on.
    Limit(u32),
    /// There is nothing to see until all that are in run a request.
    Sleep,
}

/// What was seen before.
#[derive(Debug)]
pub struct Pace {
    quiet: u32,
    /// Looks since a request was taken up.
    still: u32,
    taken: u64,
    /// Looks in a row at which requests waited and nobody ran.
    blocked: u32,
    /// Looks since the limit has changed.
    calm: u32,
    /// The limit was lowered when it changed last.
    shrunk: bool,
    patience: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { quiet: 0, still: 0, taken: 0, blocked: 0, calm: 0, shrunk: false, patience: PATIENCE }
    }
}

impl Pace {
    /// Looks once more. `waits` says whether a request waits for a worker; its argument: nothing has been taken up for long, so it may wait for that.
    /// `runs` says whether a thread that is at a request has a processor, or could use one. Both are asked only where it matters.
    pub fn look(&mut self, seen: Look, waits: impl FnOnce(bool) -> bool, runs: impl FnOnce() -> bool) -> Step {
        let full = seen.running >= seen.inside;
        self.quiet = if full { 0 } else { self.quiet + 1 };
        if self.quiet > QUIET {
            *self = Self { taken: self.taken, patience: self.patience, ..Self::default() };
            return Step::Sleep;
        }
        self.still = if seen.taken == self.taken { self.still.saturating_add(1) } else { 0 };
        self.taken = seen.taken;
        self.calm += 1;
        if full && seen.limit < seen.workers && waits(self.still > QUIET) {
            self.blocked = if runs() { 0 } else { self.blocked + 1 };
            if self.blocked >= BLOCKED || self.still >= STUCK {
                return self.grow(seen);
            }
        } else {
            self.blocked = 0;
        }
        if self.calm >= self.patience { self.shrink(seen) } else { Step::Stay }
    }

    /// Twice as many.
    fn grow(&mut self, seen: Look) -> Step {
        if self.shrunk && self.calm <= REGRET {
            self.patience = self.patience.saturating_mul(2).min(MOST_PATIENCE);
        }
        (self.calm, self.blocked, self.still, self.shrunk) = (0, 0, 0, false);
        Step::Limit(seen.limit.saturating_mul(2).clamp(1, seen.workers))
    }

    /// A quarter fewer, at least one, to see whether they are enough.
    fn shrink(&mut self, seen: Look) -> Step {
        if self.shrunk {
            // The last time it was right.
            self.patience = (self.patience / 2).max(PATIENCE);
        }
        (self.calm, self.shrunk) = (0, true);
        // One is the least.
        if seen.limit > 1 { Step::Limit(seen.limit - (seen.limit / 4).max(1)) } else { Step::Stay }
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, PATIENCE, Pace, Step};

    const WORKERS: u32 = 15;

    /// A process whose workers are all at a request, while more wait.
    struct Busy {
        pace: Pace,
        limit: u32,
        taken: u64,
    }

    impl Busy {
        fn new(limit: u32) -> Self {
            Self { pace: Pace::default(), limit, taken: 0 }
        }

        /// One look; `taken` requests are taken up before it, and the threads run now or not.
        fn look(&mut self, taken: u64, runs: bool) -> Step {
            self.taken += taken;
            let seen = Look { running: self.limit, inside: self.limit, limit: self.limit, workers: WORKERS, taken: self.taken };
            let step = self.pace.look(seen, |_| true, || runs);
            if let Step::Limit(limit) = step {
                self.limit = limit;
            }
            step
        }
    }

    #[test]
    fn requests_that_sleep_let_all_workers_in_soon() {
        let mut busy = Busy::new(1);
        let looks = (1..100).find(|_| {
            busy.look(u64::from(busy.limit), false);
            busy.limit == WORKERS
        });
        assert!(looks.is_some_and(|looks| looks <= 8), "{looks:?}");
        // Short ones, of which some are taken up between any two looks, do so as well.
        let before = busy.limit;
        for _ in 0..PATIENCE * 40 {
            busy.look(3, false);
            assert!(busy.limit >= before / 2, "{}", busy.limit);
        }
    }

    #[test]
    fn requests_that_are_quick_keep_to_one_worker() {
        let mut busy = Busy::new(1);
        for look in 0..10_000 {
            // Now and then a look finds the worker between two things.
            busy.look(20, look % 7 != 0);
            assert_eq!(busy.limit, 1);
        }
    }

    #[test]
    fn workers_that_were_let_in_for_nothing_go_out_though_requests_wait() {
        let mut busy = Busy::new(WORKERS);
        for _ in 0..PATIENCE * 12 {
            busy.look(20, true);
        }
        assert_eq!(busy.limit, 1);
    }

    #[test]
    fn a_worker_that_computes_for_long_does_not_hold_the_others_up() {
        let mut busy = Busy::new(1);
        busy.look(1, true);
        let looks = (1..100).find(|_| matches!(busy.look(0, true), Step::Limit(2)));
        assert!(looks.is_some_and(|looks| looks <= 5), "{looks:?}");
    }

    #[test]
    fn a_need_that_comes_back_at_once_makes_shrinking_rare() {
        let mut busy = Busy::new(WORKERS);
        let mut changes = Vec::new();
        for look in 0..PATIENCE * 200 {
            // Fifteen are needed: with fewer nobody runs.
            busy.look(1, busy.limit == WORKERS);
            if busy.limit < WORKERS {
                changes.push(look);
            }
        }
        assert!(changes.len() < 60, "{} of {} looks with too few: {changes:?}", changes.len(), PATIENCE * 200);
    }

    #[test]
    fn nothing_to_see_lets_the_eyes_rest() {
        let mut pace = Pace::default();
        let seen = Look { running: 0, inside: 1, limit: 1, workers: WORKERS, taken: 0 };
        let looks = (1..100).find(|_| pace.look(seen, |_| true, || true) == Step::Sleep);
        assert!(looks.is_some_and(|looks| looks < 30), "{looks:?}");
    }
}
