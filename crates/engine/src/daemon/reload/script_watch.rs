/*! The thread that looks at the files of loaded scripts once a second and tells the supervisor of each change; the supervisor decides what follows.

The supervisor runs as root and never looks at a file of the group: a path may lead to a file system that does not answer. Then this thread waits, and
nobody else. It never takes the interpreter's lock. *Runs in: daemon.* */

use std::sync::Arc;
use std::time::Duration;

use protocol::Level;

use crate::capi::signals;
use crate::daemon::state::Shared;
use crate::logging;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The thread calls `stat` and `send`, and little else.
const STACK: usize = 64 * 1024;

/// Starts the thread that looks at the files, if the group reloads its scripts.
pub fn watch(shared: &Arc<Shared>) {
    if !shared.process.reload {
        return;
    }
    let own = Arc::clone(shared);
    let started = std::thread::Builder::new().name("wsgi-scripts".to_owned()).stack_size(STACK).spawn(move || {
        signals::leave_to_others();
        loop {
            std::thread::sleep(LOOK);
            for path in own.scripts.paths() {
                if let Some(message) = own.scripts.look(&path) {
                    own.control.send(&message);
                }
            }
        }
    });
    if let Err(error) = started {
        let text = format!(
            "could not start the thread that watches the scripts: {error}; changes are detected at the next request only"
        );
        logging::text(Level::Error, text.as_bytes());
    }
}
