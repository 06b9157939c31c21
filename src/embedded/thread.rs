/*! Worker threads: an index for `mod_wsgi.thread_id`, and whether this thread is inside Python on our behalf.

HTTP/2's workers come and go, so an index is given back when its thread ends, and the smallest free one is taken first.
*Runs in: child.* */

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};

/// Indexes that ended threads gave back, and the next one never used.
struct Free {
    back: BinaryHeap<Reverse<i64>>,
    next: i64,
}

static FREE: Mutex<Free> = Mutex::new(Free { back: BinaryHeap::new(), next: 1 });

/// A thread's index, given back with the thread.
struct Index(i64);

impl Drop for Index {
    fn drop(&mut self) {
        FREE.lock().unwrap_or_else(PoisonError::into_inner).back.push(Reverse(self.0));
    }
}

thread_local! {
    static INDEX: Index = {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        Index(free.back.pop().map_or_else(
            || {
                free.next += 1;
                free.next - 1
            },
            |Reverse(index)| index,
        ))
    };
    static INSIDE: Cell<u32> = const { Cell::new(0) };
}

/// This thread's index in its process, from 1 (0 is a process's main thread, which serves no request under a threaded MPM).
pub fn index() -> i64 {
    INDEX.with(|index| index.0)
}

/// Marks this thread as being inside Python until it is dropped.
pub struct Inside(());

impl Inside {
    /// Enters.
    pub fn enter() -> Self {
        INSIDE.set(INSIDE.get() + 1);
        Self(())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(INSIDE.get() - 1);
    }
}

/// Is this thread inside Python? A signal handler of httpd that ends the process may find it so (prefork's SIGTERM).
pub fn is_inside() -> bool {
    INSIDE.get() > 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Inside, index, is_inside};

    #[test]
    fn an_index_is_kept_by_its_thread_and_used_again_after_it() {
        let first = std::thread::spawn(|| (index(), index())).join().unwrap();
        assert_eq!(first.0, first.1);
        let (send, receive) = std::sync::mpsc::channel();
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let holder = std::thread::spawn(move || {
            send.send(index()).unwrap();
            wait.recv().unwrap_or_default();
        });
        let held = receive.recv().unwrap();
        let other = std::thread::spawn(index).join().unwrap();
        assert_ne!(held, other);
        done.send(()).unwrap();
        holder.join().unwrap();
    }

    #[test]
    fn a_thread_is_inside_until_it_has_left_as_often_as_it_entered() {
        assert!(!is_inside());
        {
            let _outer = Inside::enter();
            drop(Inside::enter());
            assert!(is_inside());
        }
        assert!(!is_inside());
    }
}
