/*! When one more worker is let in, and when one fewer: what [`crate::daemon::workers::worker_gate`] sees at each look, and what follows from it.

Nothing here knows a thread or a clock. *Runs in: daemon.* */

/// After so many looks without a need for it, fewer workers are let in.
const PATIENCE: u32 = 32;
/// No shrinking waits longer than so many looks.
const MOST_PATIENCE: u32 = 256;
/// A need that shows within so many looks after a shrinking shows that it was wrong.
const REGRET: u32 = 8;
/// After so many looks in a row at which no worker ran, another one is let in.
const BLOCKED: u32 = 2;
/// After so many looks in a row without a request taken up, another one is let in though the workers run: one of them computes, or other processes have
/// the processors, and more threads get a larger share of those.
const STUCK: u32 = 3;
/// After so many looks at which a worker waited for work, there is nothing to see; if requests came meanwhile, fewer workers are let in.
const QUIET: u32 = 25;

/// What is seen at a look.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
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
pub enum Decision {
    /// Nothing.
    Stay,
    /// So many may be in from now on.
    Limit(u32),
    /// There is nothing to see until all that are in run a request.
    Sleep,
}

/// What was seen before.
#[derive(Debug)]
pub struct Controller {
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
    /// What it was before that.
    before: u32,
    /// How long it takes until fewer than `wall` are tried.
    patience: u32,
    /// So many were needed when fewer were tried last; 0: not known.
    wall: u32,
}

impl Default for Controller {
    fn default() -> Self {
        Self { quiet: 0, still: 0, taken: 0, blocked: 0, calm: 0, shrunk: false, before: 0, patience: PATIENCE, wall: 0 }
    }
}

impl Controller {
    /// Looks once more. `waits` says whether a request waits for a worker; its argument: nothing has been taken up for long, so it may wait for that.
    /// `runs` says whether a thread that is at a request has a processor, or could use one. Both are asked only where it matters.
    pub fn look(&mut self, seen: Sample, waits: impl FnOnce(bool) -> bool, runs: impl FnOnce() -> bool) -> Decision {
        let full = seen.running >= seen.inside;
        self.quiet = if full { 0 } else { self.quiet + 1 };
        self.still = if seen.taken == self.taken { self.still.saturating_add(1) } else { 0 };
        self.taken = seen.taken;
        if self.quiet > QUIET {
            if seen.limit <= 1 || self.still > QUIET {
                // Those that come next may be others.
                let patience = (self.patience / 2).max(PATIENCE);
                *self = Self { taken: self.taken, patience, wall: self.wall, ..Self::default() };
                return Decision::Sleep;
            }
            // Somebody has always been idle though requests came: each of those woke another worker, the one that had slept longest.
            self.quiet = 0;
            self.calm = self.calm.max(PATIENCE);
        }
        self.calm += 1;
        if full && seen.limit < seen.workers && waits(self.still > QUIET) {
            self.blocked = if runs() { 0 } else { self.blocked + 1 };
            if self.blocked >= BLOCKED || self.still >= STUCK {
                return self.grow(seen);
            }
        } else {
            self.blocked = 0;
        }
        let patience = if seen.limit > self.wall { PATIENCE } else { self.patience };
        if self.calm >= patience { self.shrink(seen) } else { Decision::Stay }
    }

    /// Twice as many, or as many as there were before fewer were tried in vain.
    fn grow(&mut self, seen: Sample) -> Decision {
        let more = if self.shrunk && self.calm <= REGRET {
            self.patience = self.patience.saturating_mul(2).min(MOST_PATIENCE);
            self.wall = self.before;
            self.before
        } else {
            seen.limit.saturating_mul(2)
        };
        (self.calm, self.blocked, self.still, self.shrunk) = (0, 0, 0, false);
        Decision::Limit(more.clamp(1, seen.workers))
    }

    /// A quarter fewer, to see whether they are enough.
    fn shrink(&mut self, seen: Sample) -> Decision {
        if self.shrunk && seen.limit < self.wall {
            // The last time it was right, though it had been wrong before: other requests come now.
            (self.wall, self.patience) = (0, PATIENCE);
        }
        // One is the least.
        (self.calm, self.shrunk, self.before) = (0, seen.limit > 1, seen.limit);
        if self.shrunk { Decision::Limit(fewer(seen.limit)) } else { Decision::Stay }
    }
}

/// A quarter fewer, at least one.
const fn fewer(limit: u32) -> u32 {
    let quarter = limit / 4;
    limit.saturating_sub(if quarter > 1 { quarter } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::{Controller, Decision, PATIENCE, Sample};

    const WORKERS: u32 = 15;

    /// A process whose workers are all at a request, while more wait.
    struct Busy {
        controller: Controller,
        limit: u32,
        taken: u64,
    }

    impl Busy {
        fn new(limit: u32) -> Self {
            Self { controller: Controller::default(), limit, taken: 0 }
        }

        /// One look; `taken` requests are taken up before it, and the threads run now or not.
        fn look(&mut self, taken: u64, runs: bool) -> Decision {
            self.taken += taken;
            let seen = Sample { running: self.limit, inside: self.limit, limit: self.limit, workers: WORKERS, taken: self.taken };
            let step = self.controller.look(seen, |_| true, || runs);
            if let Decision::Limit(limit) = step {
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
        let looks = (1..100).find(|_| matches!(busy.look(0, true), Decision::Limit(2)));
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
    fn quick_requests_that_follow_slow_ones_are_soon_left_to_one_worker() {
        let mut busy = Busy::new(WORKERS);
        // Fifteen are needed, for long enough to learn that trying fewer is no use.
        for _ in 0..PATIENCE * 200 {
            busy.look(1, busy.limit == WORKERS);
        }
        let looks = (1..2000).find(|_| {
            busy.look(20, true);
            busy.limit == 1
        });
        assert!(looks.is_some_and(|looks| looks < 600), "{looks:?}");
    }

    #[test]
    fn as_many_stay_in_as_are_needed_and_few_more() {
        let mut busy = Busy::new(WORKERS);
        let (mut few, mut many) = (0, 0);
        for _ in 0..PATIENCE * 200 {
            // With fewer than seven nobody runs.
            busy.look(1, busy.limit >= 7);
            few += u32::from(busy.limit < 7);
            many += u32::from(busy.limit > 9);
        }
        assert!(few < 100 && many < PATIENCE * 6, "{few} {many}");
    }

    #[test]
    fn workers_that_always_wait_for_work_go_out_while_requests_come() {
        let (mut controller, mut limit) = (Controller::default(), WORKERS);
        for taken in 0..500 {
            let seen = Sample { running: 0, inside: limit, limit, workers: WORKERS, taken };
            match controller.look(seen, |_| true, || false) {
                Decision::Limit(fewer) => limit = fewer,
                Decision::Sleep => break,
                Decision::Stay => {}
            }
        }
        assert_eq!(limit, 1);
    }

    #[test]
    fn nothing_to_see_lets_the_eyes_rest() {
        let mut controller = Controller::default();
        let seen = Sample { running: 0, inside: 1, limit: 1, workers: WORKERS, taken: 0 };
        let looks = (1..100).find(|_| controller.look(seen, |_| true, || true) == Decision::Sleep);
        assert!(looks.is_some_and(|looks| looks < 30), "{looks:?}");
    }
}
