/*! Closing connections that may hold a process's descriptors: a thread does it that nobody waits for.

Where the kernel can't refuse descriptors (before Linux 6.16), some may be on their way in a connection when it is closed, and to let go of them can take for
ever. So each group has a thread of its own: one that a group has stuck closes nothing of another's. *Runs in: child.* */

use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

/// So many connections of a group wait to be closed at most. A thread that many wait for is stuck.
const MOST: usize = 64;
/// A thread needs little: it closes, and waits.
const STACK: usize = 64 * 1024;

/// What closes a group's connections.
#[derive(Debug, Default)]
pub struct Closer {
    thread: OnceLock<Option<SyncSender<OwnedFd>>>,
    waiting: AtomicUsize,
}

impl Closer {
    /// None is closed yet.
    #[cfg(test)]
    pub const fn new() -> Self {
        Self { thread: OnceLock::new(), waiting: AtomicUsize::new(0) }
    }

    /// Whether further connections of the group can't be closed: a group that held the thread up gets no new ones.
    pub fn is_stuck(&self) -> bool {
        self.waiting.load(Ordering::Acquire) >= MOST / 2
    }

    /// Closes `socket`, soon.
    pub fn close(&'static self, socket: OwnedFd) {
        let closer = self.thread.get_or_init(|| {
            let (sender, receiver) = sync_channel::<OwnedFd>(MOST);
            let run = move || {
                for socket in receiver {
                    drop(socket);
                    self.waiting.fetch_sub(1, Ordering::AcqRel);
                }
            };
            let thread = std::thread::Builder::new().name("wsgi-closing".to_owned()).stack_size(STACK);
            thread.spawn(run).ok().map(|_| sender)
        });
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let sent = closer.as_ref().is_some_and(|closer| match closer.try_send(socket) {
            Ok(()) => true,
            Err(error) => {
                // It stays open: rather a descriptor too many than a worker of httpd that waits. `is_stuck` keeps their number small.
                std::mem::forget(error);
                false
            }
        });
        if !sent {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
