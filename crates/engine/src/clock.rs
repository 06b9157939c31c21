/*! The time of day, as requests are told it. */

use std::time::{SystemTime, UNIX_EPOCH};

use crate::capi::{Attached, Object, PyResult};

/// Microseconds since the epoch.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0)
}

/// A time, or a span of it, as Python has it: seconds.
///
/// # Errors
/// `MemoryError`.
pub fn seconds(py: Attached<'_>, microseconds: i64) -> PyResult<Object<'_>> {
    #[expect(clippy::cast_precision_loss, reason = "microseconds since the epoch are exact in a double until the year 2255")]
    let seconds = microseconds as f64 / 1e6;
    Object::float(py, seconds)
}
