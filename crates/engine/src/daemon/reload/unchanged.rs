/*! httpd has read its configuration again, and this process is to go on if what it has loaded is still as it was: scripts, modules, the interpreter, its virtual
environment.

A thread of its own looks, because it has to wait for the interpreter's lock and for file systems. *Runs in: daemon.* */

use std::sync::Arc;

use protocol::control::Message;

use crate::capi::{Attached, Object, PyResult, signals, thread};
use crate::daemon::state::Shared;
use crate::interpreter::Interpreter;
use crate::interpreter::registry;

/// Looks, and tells the supervisor. One that is never told has the process replaced.
pub fn begin(shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    let started = std::thread::Builder::new().name("wsgi-unchanged".to_owned()).spawn(move || {
        signals::leave_to_others();
        let changed = shared.scripts.changed().or_else(changed_file).unwrap_or_default();
        shared.control.send(&Message::Looked(changed));
    });
    // The supervisor takes a process that does not answer for one whose files have changed.
    drop(started);
}

/// A file that is not as it was when Python was started here.
fn changed_file() -> Option<String> {
    let registry = registry::registry()?;
    registry.all().into_iter().find_map(|interpreter| {
        let found = thread::attached(interpreter.handle, |py| {
            look(py, interpreter, registry.unchanged_until).unwrap_or_else(|raised| {
                raised.clear(py);
                "the files of its modules could not be determined".to_owned()
            })
        });
        (!found.is_empty()).then_some(found)
    })
}

fn look(py: Attached<'_>, interpreter: &Interpreter, since: i64) -> PyResult<String> {
    let since = Object::int(py, since)?;
    interpreter.helpers.changed_file.get(py).call(&[&since])?.to_text()
}
