/*! Messages that are said again and again: the first is logged whole, and then no more than a count, until an hour has passed or the message is another.

*Runs in: supervisor, daemon process, child.* */

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How long a message is not logged whole again, milliseconds.
pub const WHOLE_AGAIN: u64 = 60 * 60 * 1_000;
/// Most messages that are remembered. Beyond that all are forgotten, and logged whole once more.
const MOST: usize = 64;

/// What is to be logged of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// All of it. `since`: so many times it was not, since it was last.
    Whole {
        /// How often it came since then.
        since: u64,
    },
    /// That it came again; so many times by now since it was logged whole.
    Again(u64),
}

/// The messages of one process, script or group.
#[derive(Debug, Default)]
pub struct Repetitions {
    /// When each was logged whole, and how often it came since.
    said: BTreeMap<u64, (u64, u64)>,
}

impl Repetitions {
    /// Nothing has been said.
    pub const fn new() -> Self {
        Self { said: BTreeMap::new() }
    }

    /// What is to be logged of the message that `key` stands for. `now`: milliseconds of the caller's clock.
    pub fn say(&mut self, key: u64, now: u64) -> Say {
        if let Some((at, count)) = self.said.get_mut(&key) {
            if now < at.saturating_add(WHOLE_AGAIN) {
                *count = count.saturating_add(1);
                return Say::Again(*count);
            }
            let since = std::mem::take(count);
            *at = now;
            return Say::Whole { since };
        }
        if self.said.len() >= MOST {
            self.said.clear();
        }
        self.said.insert(key, (now, 0));
        Say::Whole { since: 0 }
    }
}

/// What stands for a message: the same text has the same key.
pub fn key(text: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Whether a count is worth a line where there are too many for one each: 1, 10, 100 and so on.
pub const fn is_round(count: u64) -> bool {
    let mut rest = count;
    while rest >= 10 && rest.is_multiple_of(10) {
        rest /= 10;
    }
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::{MOST, Repetitions, Say, WHOLE_AGAIN, is_round, key};

    #[test]
    fn a_message_is_whole_once_an_hour_and_when_it_is_another() {
        let mut said = Repetitions::new();
        let (one, other) = (key("one"), key("other"));
        assert_eq!(said.say(one, 5), Say::Whole { since: 0 });
        assert_eq!(said.say(one, 6), Say::Again(1));
        assert_eq!(said.say(other, 7), Say::Whole { since: 0 });
        assert_eq!(said.say(one, 4 + WHOLE_AGAIN), Say::Again(2));
        assert_eq!(said.say(one, 5 + WHOLE_AGAIN), Say::Whole { since: 2 });
        assert_eq!(said.say(one, 6 + WHOLE_AGAIN), Say::Again(1));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut said = Repetitions::new();
        for number in 0..10_000_u64 {
            assert_eq!(said.say(key(number), number), Say::Whole { since: 0 });
            assert!(said.said.len() <= MOST);
        }
    }

    #[test]
    fn round_counts_grow_tenfold() {
        let round: Vec<u64> = (0..=1_000).filter(|count| is_round(*count)).collect();
        assert_eq!(round, [1, 10, 100, 1_000]);
    }
}
