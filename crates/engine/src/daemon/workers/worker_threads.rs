/*! The worker threads of a process: their stacks, and what is done when the system has no room for all of them.

A limit on memory counts each stack whole, so a process may get fewer threads than its group names. It serves with those that it has, and says so in the
group's table, where no more requests are sent to it than can run. *Runs in: daemon.* */

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use protocol::log_code::THREADS_MISSING;
use rustix::process::{Resource, getrlimit};

use crate::daemon::state::Shared;
use crate::daemon::workers::worker::Worker;
use crate::interpreter::registry::Registry;
use crate::logging;

/// A stack where `ulimit -s` names none, and the largest that it can ask for.
const STACK: u64 = 8 * 1024 * 1024;
const LARGEST: u64 = 1024 * 1024 * 1024;

/// Starts a thread for each slot; those that came to be.
pub fn start(shared: &Arc<Shared>, registry: &'static Registry) -> Vec<JoinHandle<()>> {
    let wanted = shared.slots.len();
    let mut workers = Vec::with_capacity(wanted);
    for number in 1..=wanted {
        let own = Arc::clone(shared);
        let builder = Builder::new().name(format!("wsgi-{number}")).stack_size(stack(shared.process.stack_size));
        match builder.spawn(move || Worker { shared: &own, registry, number }.run()) {
            Ok(worker) => workers.push(worker),
            Err(error) => {
                make_do(shared, workers.len(), &error);
                break;
            }
        }
    }
    workers
}

/// Says that there are `has` threads and no more.
fn make_do(shared: &Shared, has: usize, error: &std::io::Error) {
    let wanted = shared.slots.len();
    let then = if has == 0 { "the process exits".to_owned() } else { format!("the process continues with {has}") };
    let text = format!("could not start {} of {wanted} worker threads: {error}; {then}. To fix: {}", wanted - has, room());
    logging::log_code(THREADS_MISSING, &text);
    let has = u32::try_from(has).unwrap_or(u32::MAX);
    shared.table_slot.has_threads(has);
    shared.gate.has_workers(has);
}

/// The stack of a worker: what the group names, else what the C library gives to any thread of this machine.
fn stack(named: u64) -> usize {
    let system = || getrlimit(Resource::Stack).current.unwrap_or(STACK).clamp(64 * 1024, LARGEST);
    usize::try_from(if named == 0 { system() } else { named }).unwrap_or(usize::MAX)
}

/// Says that a thread which the process can't do without could not start.
pub fn refused(error: &std::io::Error) -> String {
    format!("could not start a thread: {error}. To fix: {}", room())
}

/// What to do when there is no room for a thread: which limit is in the way.
fn room() -> String {
    let limit = |resource| getrlimit(resource).current;
    match (limit(Resource::Data), limit(Resource::As)) {
        (Some(bytes), _) => {
            format!(
                "raise `memory-limit=`, which is {bytes} and includes the stack of each thread, or lower `threads=` or `stack-size=`"
            )
        }
        (None, Some(bytes)) => {
            format!(
                "raise `virtual-memory-limit=`, which is {bytes} and includes the stack of each thread, or lower `threads=` or `stack-size=`"
            )
        }
        (None, None) => {
            "lower `threads=` or `stack-size=`, or raise the limit of processes (`LimitNPROC`, `TasksMax`) or memory".to_owned()
        }
    }
}
