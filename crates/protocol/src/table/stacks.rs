/*! A child asks processes to say in the log where their busy threads are: a request of its has waited too long for one, or could not even wait.

A word of the process's slot, which its watching thread looks at now and then, so that nobody pays for it while no queue is full. */

use crate::sync::atomic::Ordering;

use super::{Place, State, Table, slot};

impl Table<'_> {
    /// All processes that take requests are asked.
    pub fn ask_for_stacks(&self) {
        for number in self.slots() {
            if self.word(number).is_some_and(|word| word.state() == State::Serving) {
                self.ask_slot(number);
            }
        }
    }

    /// That process is asked, if it still takes requests.
    pub fn ask_for_stacks_of(&self, place: Place) {
        if self.state(place) == State::Serving {
            self.ask_slot(place.slot);
        }
    }

    fn ask_slot(&self, number: u32) {
        // Looked at first: many requests may fail at a time, and the line of the cache is in use.
        if let Some(cell) = self.slot(number, slot::STACKS).filter(|cell| cell.load(Ordering::Relaxed) == 0) {
            cell.store(1, Ordering::Release);
        }
    }

    /// Whether the process at `place` has been asked since it was last looked.
    pub fn are_stacks_asked(&self, place: Place) -> bool {
        self.slot(place.slot, slot::STACKS)
            .is_some_and(|cell| cell.load(Ordering::Relaxed) != 0 && cell.swap(0, Ordering::AcqRel) != 0)
    }
}
