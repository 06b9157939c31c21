/*! Waiting without guessing: ask again until it is so, or until the deadline has passed. The one place that makes a pause. *Runs in: tests.* */

#![expect(clippy::disallowed_methods, reason = "whoever waits or lets time pass calls these functions (tests/clippy.toml)")]

use std::time::{Duration, Instant};

/// How long a trial waits for something that should happen at once.
pub const SOON: Duration = Duration::from_secs(10);

/// Asks `question` until it answers, for at most `limit`. `None` when the deadline passed.
pub fn until<T>(limit: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(answer) = question() {
            return Some(answer);
        }
        let left = deadline.checked_duration_since(Instant::now())?;
        std::thread::park_timeout(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Lets time pass that is a trial's subject: a load's rhythm, how long something stands still or has to stay as it is. Nothing is waited for in this
/// way.
pub fn let_pass(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// Asks until `question` is true; panics with `what` when the deadline passed.
#[track_caller]
pub fn wait_for(what: &str, mut question: impl FnMut() -> bool) {
    assert!(until(SOON, || question().then_some(())).is_some(), "waited {SOON:?} in vain for: {what}");
}
