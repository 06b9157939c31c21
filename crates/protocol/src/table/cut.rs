/*! Which limit ended a process that was still at work, for the children whose requests were cut with it.

The supervisor notes the limit when it tells a process to end, and whoever ends it then (the process itself, or the supervisor's kill) that it was that. The
note stays legible when the slot has been given free, because a child may look a moment later; the slot's next process takes it away when it serves. */

use crate::sync::atomic::{AtomicU32, Ordering};

use super::{Place, State, Table, slot, update};

/// A limit at which a process is ended with what it is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Limit {
    /// `shutdown-timeout` alone.
    Shutdown = 1,
    /// `graceful-timeout`, and then `shutdown-timeout`.
    Graceful = 2,
    /// `eviction-timeout`, and then `shutdown-timeout`.
    Eviction = 3,
    /// `request-timeout` with `interrupt-timeout`, and then `shutdown-timeout`.
    Request = 4,
    /// `startup-timeout`, and then `shutdown-timeout`.
    Startup = 5,
    /// `deadlock-timeout`
    Deadlock = 6,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Shutdown, Self::Graceful, Self::Eviction, Self::Request, Self::Startup, Self::Deadlock];
}

/// Stands beside the limit's number when the process was ended at it.
const CUT: u32 = 0x100;

const fn note(place: Place, what: u32) -> u32 {
    (place.epoch & 0xfff) << 20 | what
}

impl<'a> Table<'a> {
    fn note_at(&self, place: Place) -> Option<&'a AtomicU32> {
        self.slot(place.slot, slot::LIMIT)
    }

    /// A process is about to be given until that limit.
    pub fn bound(&self, place: Place, limit: Limit) {
        if let Some(cell) = self.note_at(place).filter(|_| self.state(place) != State::Empty) {
            cell.store(note(place, limit as u32), Ordering::Release);
        }
    }

    /// The process is ended now, at the limit that was noted for it, if one was.
    pub fn cut(&self, place: Place) {
        let Some(cell) = self.note_at(place) else { return };
        let cut = |noted: u32| Limit::ALL.iter().any(|limit| noted == note(place, *limit as u32)).then_some(noted | CUT);
        // Nothing was noted, or it was cut already.
        update(cell, cut);
    }

    /// The limit at which a process was ended, if it was.
    pub fn cut_at(&self, place: Place) -> Option<Limit> {
        let noted = self.note_at(place)?.load(Ordering::Acquire);
        Limit::ALL.into_iter().find(|limit| noted == note(place, *limit as u32 | CUT))
    }

    /// Takes away what was noted of a slot's last process.
    pub(super) fn forget_limit(&self, place: Place) {
        if let Some(cell) = self.note_at(place) {
            cell.store(0, Ordering::Release);
        }
    }
}
