/*! The time of day, as requests are told it. */

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since the epoch.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0)
}

/// Microseconds since the epoch by the clock that stamps files. It moves in ticks of some milliseconds, so it may be behind [`now`].
pub fn of_files() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000)
}
