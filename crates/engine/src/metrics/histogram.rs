/*! Spans of time, sorted by length: for each octave from 1 ms to 65.5 s four counts of equal width, and one for what is longer.

What is shorter than 1.25 ms is in the first. *Pure.* */

/// How many counts there are.
pub const BUCKETS: usize = 65;

/// The lower end of the first octave, in microseconds.
const LEAST: u64 = 1000;

/// Spans of one kind.
#[derive(Clone, Debug)]
pub struct Spans {
    /// How many.
    pub count: u64,
    /// Their sum, in microseconds.
    pub sum: u64,
    /// The shortest and the longest, if there is one.
    pub range: Option<(u64, u64)>,
    /// How many of each length.
    pub buckets: [u64; BUCKETS],
}

impl Default for Spans {
    fn default() -> Self {
        Self { count: 0, sum: 0, range: None, buckets: [0; BUCKETS] }
    }
}

impl Spans {
    /// Counts a span of so many microseconds.
    pub fn add(&mut self, microseconds: u64) {
        self.count += 1;
        self.sum = self.sum.saturating_add(microseconds);
        let (least, most) = self.range.unwrap_or((microseconds, microseconds));
        self.range = Some((least.min(microseconds), most.max(microseconds)));
        if let Some(bucket) = self.buckets.get_mut(bucket(microseconds)) {
            *bucket += 1;
        }
    }

    /// Their mean in microseconds; 0 without any.
    pub fn mean(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a mean of times need not be exact to the last of 53 bits")]
        let mean = self.sum as f64 / self.count.max(1) as f64;
        mean
    }
}

/// Where a span is counted.
fn bucket(microseconds: u64) -> usize {
    if microseconds < LEAST {
        return 0;
    }
    let octave = (microseconds / LEAST).ilog2();
    let low = LEAST << octave;
    let quarter = (microseconds - low).saturating_mul(4) / low;
    usize::try_from(u64::from(octave) * 4 + quarter).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Spans, bucket};

    #[test]
    fn octaves_have_four_parts_of_equal_width() {
        for (microseconds, expected) in [
            (0, 0),
            (1217, 0),
            (1301, 1),
            (1527, 2),
            (1727, 2),
            (1857, 3),
            (2044, 4),
            (2446, 4),
            (2664, 5),
            (2832, 5),
            (3168, 6),
            (3834, 7),
            (4156, 8),
            (7261, 11),
            (9252, 12),
            (13_274, 14),
            (23_956, 17),
            (40_326, 21),
            (100_426, 26),
            (150_481, 28),
        ] {
            assert_eq!(bucket(microseconds), expected, "{microseconds}: as mod_wsgi 6.1.1 was seen to count it");
        }
    }

    #[test]
    fn the_last_one_is_for_what_is_longer() {
        assert_eq!(bucket(65_535_999), BUCKETS - 2);
        assert_eq!(bucket(65_536_000), BUCKETS - 1);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn spans_have_a_mean_and_a_range() {
        let mut spans = Spans::default();
        assert_eq!((spans.mean().to_bits(), spans.range), (0, None));
        for span in [3, 1, 8] {
            spans.add(span);
        }
        assert_eq!((spans.mean().to_bits(), spans.range), (4f64.to_bits(), Some((1, 8))));
        assert_eq!((spans.count, spans.buckets[0]), (3, 3));
    }
}
