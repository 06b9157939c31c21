/*! The clock that all processes have in common. *Runs in: parent, child.* */

use rustix::time::{ClockId, clock_gettime};

/// Microseconds of the monotonic clock.
pub fn microseconds() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000)).unwrap_or(0)
}
