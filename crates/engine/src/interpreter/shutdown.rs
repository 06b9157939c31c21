/*! The end of the process: shutdown callbacks and `atexit` functions of every interpreter. Python is not finalised, because a thread
that came back to it would be killed by a forced unwind. */

use std::sync::mpsc;
use std::time::Duration;

use protocol::log_code::SHUTDOWN_OVERDUE;

use crate::capi::{Object, thread};
use crate::interpreter::registry;
use crate::logging;
use crate::logging::panics::caught;

/// Runs what applications registered for the end, and says why it comes (empty in an Apache child), one interpreter after another, the main one last.
pub fn shut_down_all(reason: &str) {
    let Some(registry) = registry::registry() else { return };
    for interpreter in registry.all() {
        thread::attached(interpreter.handle, |py| {
            let ended = Object::text(py, reason).and_then(|reason| interpreter.helpers.shut_down.get(py).call(&[&reason]));
            if let Err(raised) = ended {
                raised.clear(py);
            }
        });
    }
}

/// Runs [`shut_down_all`] in a thread of its own, for at most `deadline`: a callback that never ends holds up nothing but itself.
pub fn within(deadline: Duration, reason: &'static str) {
    let (done, finished) = mpsc::channel();
    let spawned = std::thread::Builder::new().name("wsgi-stop".to_owned()).spawn(move || {
        // What panics is in the log; the process ends all the same.
        let _ended = caught(|| shut_down_all(reason));
        // It fails when the deadline has passed and nobody listens any more.
        let _heard = done.send(());
    });
    if spawned.is_ok() && finished.recv_timeout(deadline).is_err() {
        let late = deadline.as_millis();
        logging::log_code(
            SHUTDOWN_OVERDUE,
            &format!(
                "shutdown callbacks and atexit functions were still running after {late} ms; the process exits without waiting for them"
            ),
        );
    }
}
