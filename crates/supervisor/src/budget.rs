/*! How much of something one source may have: so much at once, and so much more each second. Without a clock of its own. *Runs in: supervisor.* */

use crate::timers::Millis;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// The most that can be had at once.
    most: u64,
    /// What is added each second.
    rate: u64,
    /// What can be had now, in thousandths.
    left: u64,
    /// When that was so.
    at: Millis,
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at once and {} a second", self.most, self.rate)
    }
}

impl Budget {
    /// A full one: `most` at once, and `rate` more each second.
    pub const fn new(most: u64, rate: u64) -> Self {
        Self { most, rate, left: most.saturating_mul(1_000), at: 0 }
    }

    fn refill(&mut self, now: Millis) {
        let added = now.saturating_sub(self.at).saturating_mul(self.rate);
        self.left = self.left.saturating_add(added).min(self.most.saturating_mul(1_000));
        self.at = now;
    }

    /// Takes `amount`, if there is that much. Whether there was.
    pub fn take(&mut self, amount: u64, now: Millis) -> bool {
        self.refill(now);
        let left = self.left.checked_sub(amount.saturating_mul(1_000));
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    /// Takes `amount`, or what there is of it.
    pub fn spend(&mut self, amount: u64, now: Millis) {
        self.refill(now);
        self.left = self.left.saturating_sub(amount.saturating_mul(1_000));
    }

    /// When there will be `amount`; now, if there is.
    pub fn when(&self, amount: u64, now: Millis) -> Millis {
        let mut then = *self;
        then.refill(now);
        let missing = amount.min(self.most).saturating_mul(1_000).saturating_sub(then.left);
        now.saturating_add(missing.div_ceil(self.rate.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    #[test]
    fn what_is_spent_comes_back_with_time() {
        let mut budget = Budget::new(3, 2);
        assert!(budget.take(2, 5_000) && budget.take(1, 5_000) && !budget.take(1, 5_000));
        assert_eq!(budget.when(1, 5_000), 5_500);
        assert!(!budget.take(1, 5_499) && budget.take(1, 5_500));
        assert!(budget.take(3, 60_000) && !budget.take(1, 60_000), "no more than `most` is saved up");
        budget.spend(9, 61_000);
        assert_eq!(budget.when(9, 61_000), 62_500, "more than `most` is never waited for");
    }
}
