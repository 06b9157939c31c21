/*! The end of the process: shutdown callbacks and `atexit` functions of every interpreter. Python is not finalised, because a thread
that came back to it would be killed by a forced unwind (decision 5). */

use protocol::log_code::SHUTDOWN_OVERDUE;

use crate::capi::{Object, thread};
use crate::logging;
use crate::registry;

/// Runs what applications registered for the end, one interpreter after another, the main one last.
pub fn shut_down_all() {
    let Some(registry) = registry::registry() else { return };
    for interpreter in registry.all() {
        thread::attached(interpreter.handle, |py| {
            let ended = Object::text(py, "").and_then(|reason| interpreter.helpers.shut_down.get(py).call(&[&reason]));
            if let Err(raised) = ended {
                raised.clear(py);
            }
        });
    }
}

/// Says that the deadline passed.
pub fn overdue(deadline_ms: u32) {
    logging::coded(
        SHUTDOWN_OVERDUE,
        &format!(
            "shutdown callbacks and atexit functions were still running after {deadline_ms} ms; the process ends without them"
        ),
    );
}
