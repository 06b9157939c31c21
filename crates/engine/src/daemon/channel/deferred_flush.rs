/*! The last bytes of a response may wait a moment for its end, so that both wake the child once.

PEP 3333 ("Buffering and Streaming") lets a server keep a block while the application goes on, if it guarantees that the block is sent meanwhile. That guarantee is a
thread that looks every few milliseconds ([`crate::daemon::workers::worker_gate`]): nothing is held while it is not attentive. What it had to send shows that this
application's `close()` takes its time, and for a while nothing of the process is held. `tests/models` tries this file in every order of its threads' steps. *Runs in: daemon.* */

use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

/// So many responses are not held after one that the thread had to send.
const PENALTY: u32 = 64;

/// One for all connections of a process.
#[derive(Debug, Default)]
pub struct DeferredFlush {
    attentive: AtomicBool,
    /// How many responses are held.
    held: AtomicU32,
    /// So many are not to be held.
    penalty: AtomicU32,
}

impl DeferredFlush {
    /// The thread that looks is, or is not, there for what is held from now on. `false` if it can't leave: something is held already.
    pub fn attend(&self, attentive: bool) -> bool {
        // One order for all: whoever holds after this sees that nobody looks, and who holds before it is seen.
        self.attentive.store(attentive, Ordering::SeqCst);
        let may = attentive || !self.is_any_held();
        if !may {
            self.attentive.store(true, Ordering::SeqCst);
        }
        may
    }

    /// Whether something is held.
    pub fn is_any_held(&self) -> bool {
        self.held.load(Ordering::SeqCst) > 0
    }
}

/// One connection's response.
#[derive(Debug, Default)]
pub struct Held(AtomicU8);

impl Held {
    const NOT: u8 = 0;
    const NEW: u8 = 1;
    const SEEN: u8 = 2;

    /// Holds it, if that may be.
    pub fn hold(&self, all: &DeferredFlush) -> bool {
        let fewer = |penalty: u32| penalty.checked_sub(1);
        if all.penalty.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok() {
            return false;
        }
        if self.0.swap(Self::NEW, Ordering::SeqCst) == Self::NOT {
            all.held.fetch_add(1, Ordering::SeqCst);
        }
        if all.attentive.load(Ordering::SeqCst) {
            return true;
        }
        self.release(all);
        false
    }

    /// It is sent.
    pub fn release(&self, all: &DeferredFlush) {
        if self.0.load(Ordering::Relaxed) != Self::NOT && self.0.swap(Self::NOT, Ordering::SeqCst) != Self::NOT {
            all.held.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// The thread looks: whether it has been held for long enough.
    pub fn is_overdue(&self, all: &DeferredFlush) -> bool {
        match self.0.compare_exchange(Self::NEW, Self::SEEN, Ordering::AcqRel, Ordering::Acquire) {
            Err(Self::SEEN) => {
                all.penalty.store(PENALTY, Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DeferredFlush, Held, PENALTY};

    #[test]
    fn nothing_is_held_that_nobody_looks_at() {
        let (all, one) = (DeferredFlush::default(), Held::default());
        assert!(!one.hold(&all) && !all.is_any_held());
        assert!(all.attend(true));
        assert!(one.hold(&all) && all.is_any_held());
        assert!(!all.attend(false), "it leaves what is held");
        assert!(one.hold(&all));
        one.release(&all);
        one.release(&all);
        assert!(!all.is_any_held() && all.attend(false));
        assert!(!one.hold(&all));
    }

    #[test]
    fn what_is_overdue_is_sent_at_the_second_look_and_keeps_others_from_being_held() {
        let (all, one) = (DeferredFlush::default(), Held::default());
        all.attend(true);
        assert!(!one.is_overdue(&all));
        assert!(one.hold(&all));
        assert!(!one.is_overdue(&all), "it may have come a moment ago");
        assert!(one.is_overdue(&all));
        one.release(&all);
        for _ in 0..PENALTY {
            assert!(!one.hold(&all));
        }
        assert!(one.hold(&all));
    }
}
