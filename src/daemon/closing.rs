/*! Closing connections that may hold a process's descriptors: a thread does it that nobody waits for.

Where the kernel can't refuse descriptors (before Linux 6.16), some may be on their way in a connection when it is closed, and to let go of them can take for
ever. *Runs in: child.* */

use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

/// So many connections wait to be closed at most. A thread that many wait for is stuck.
const MOST: usize = 64;

static CLOSER: OnceLock<Option<SyncSender<OwnedFd>>> = OnceLock::new();
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Whether further connections can be closed: a process that held the thread up gets no new ones.
pub fn is_stuck() -> bool {
    WAITING.load(Ordering::Acquire) >= MOST / 2
}

/// Closes `socket`, soon.
pub fn close(socket: OwnedFd) {
    let closer = CLOSER.get_or_init(|| {
        let (sender, receiver) = sync_channel::<OwnedFd>(MOST);
        let run = move || {
            for socket in receiver {
                drop(socket);
                WAITING.fetch_sub(1, Ordering::AcqRel);
            }
        };
        std::thread::Builder::new().name("wsgi-closing".to_owned()).spawn(run).ok().map(|_| sender)
    });
    WAITING.fetch_add(1, Ordering::AcqRel);
    let sent = closer.as_ref().is_some_and(|closer| match closer.try_send(socket) {
        Ok(()) => true,
        Err(error) => {
            // It stays open: rather a descriptor too many than a worker of httpd that waits. `is_stuck` keeps their number small.
            std::mem::forget(error);
            false
        }
    });
    if !sent {
        WAITING.fetch_sub(1, Ordering::AcqRel);
    }
}
