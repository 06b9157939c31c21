/*! What a supervisor knows of its own processes and of the table, put back where the table says something else.

A tenant can write to every word of his group's table. The supervisor goes by what it knows itself, and writes that again: so nonsense lasts for a second at
most, unless the tenant repeats it, and disturbs his own group alone. *Runs in: supervisor.* */

use crate::sync::atomic::{AtomicU32, Ordering};

use super::{Claim, MOST, Place, State, Table, VERSION, Word, header, slot};

/// Writes `value` unless it stands there. Whether something else did.
fn put(cell: &AtomicU32, value: u32) -> bool {
    let wrong = cell.load(Ordering::Acquire) != value;
    if wrong {
        cell.store(value, Ordering::Release);
    }
    wrong
}

impl Table<'_> {
    /// Puts right what stands at the place of the caller's process `pid`, which does what `state` says and was claimed with `claim`. A process may leave
    /// before its supervisor knows, and may say that it has fewer threads. A slot that was given free, or to another process, is left as it is.
    /// Whether something was wrong.
    pub fn correct(&self, place: Place, state: State, pid: u32, claim: &Claim) -> bool {
        let Some(word) = self.word(place.slot).filter(|word| word.epoch() == place.epoch) else { return false };
        let found = word.state();
        if found == State::Empty {
            return false;
        }
        let leaves_early = state == State::Serving && found == State::Leaving;
        let mut wrong = found != state && !leaves_early;
        if wrong {
            let right = |word: Word| (word.state() == found).then(|| Word::new(word.epoch(), state, word.load()));
            // Somebody who keeps writing there is overruled; the requests that he has are counted again by the process.
            if self.change(place, right).is_none()
                && let Some(cell) = self.slot(place.slot, slot::WORD)
            {
                cell.store(Word::new(place.epoch, state, 0).0, Ordering::Release);
            }
        }
        for (at, value) in [(slot::PID, pid), (slot::OWNER, claim.owner), (slot::DEFINITION, claim.definition)] {
            wrong |= self.slot(place.slot, at).is_some_and(|cell| put(cell, value));
        }
        let threads = claim.threads.min(MOST);
        if let Some(cell) = self.slot(place.slot, slot::THREADS).filter(|cell| cell.load(Ordering::Acquire) > threads) {
            cell.store(threads, Ordering::Release);
            wrong = true;
        }
        let used = self.header(header::USED);
        wrong | (used.fetch_max(place.slot.saturating_add(1), Ordering::AcqRel) <= place.slot)
    }

    /// Puts right which layout the table has.
    pub fn correct_version(&self) {
        put(self.header(header::VERSION), VERSION);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that meets what it does not expect is to fail")]

    use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::super::{BEGINNING, HEADER, SLOT, TICKET, TICKETS, words};
    use super::{Claim, State, Table, header, slot};

    fn memory() -> Vec<AtomicU32> {
        let mut words: Vec<_> = (0..words(4)).map(|_| AtomicU32::new(0)).collect();
        words[0] = AtomicU32::new(u32::from_ne_bytes(BEGINNING));
        words
    }

    const CLAIM: Claim = Claim { owner: 7, definition: 3, threads: 15 };

    #[test]
    fn words_that_contradict_the_supervisor_are_put_right() {
        let memory = memory();
        let table = Table::open(&memory).unwrap();
        let place = table.claim(&CLAIM).unwrap();
        table.name(place, 99);
        assert!(!table.correct(place, State::Starting, 99, &CLAIM), "all is well");
        // A process that is not ready says that it is.
        table.serve(place);
        assert!(table.correct(place, State::Starting, 99, &CLAIM) && table.state(place) == State::Starting);
        table.serve(place);
        assert!(!table.correct(place, State::Serving, 99, &CLAIM));
        let at = |word: usize| &memory[HEADER + TICKET * TICKETS + SLOT * place.slot as usize + word];
        for word in [slot::PID, slot::OWNER, slot::DEFINITION, slot::THREADS] {
            at(word).store(77, Ordering::Release);
            assert!(table.correct(place, State::Serving, 99, &CLAIM) && !table.correct(place, State::Serving, 99, &CLAIM));
        }
        // It has fewer threads than it was to have, and leaves before anybody tells it to: both are its right.
        table.set_threads(place, 2);
        table.leave(place);
        assert!(!table.correct(place, State::Serving, 99, &CLAIM));
        // One that is to end takes requests again.
        at(slot::WORD).fetch_xor(0x0001_0000, Ordering::AcqRel);
        assert!(table.state(place) == State::Serving && table.correct(place, State::Leaving, 99, &CLAIM));
        assert_eq!(table.state(place), State::Leaving);
        memory[header::USED].store(0, Ordering::Release);
        assert!(table.correct(place, State::Leaving, 99, &CLAIM) && table.slots() == (0..1));
        memory[header::VERSION].store(9, Ordering::Release);
        table.correct_version();
        assert!(Table::open(&memory).is_some());
        // Somebody has taken it for dead: its place may be another's now.
        table.clear(place);
        assert!(!table.correct(place, State::Serving, 99, &CLAIM) && table.state(place) == State::Empty);
    }

    #[test]
    fn a_word_that_is_written_without_end_holds_nobody_up() {
        let memory = memory();
        let table = Table::open(&memory).unwrap();
        let place = table.claim(&CLAIM).unwrap();
        let done = AtomicBool::new(false);
        let cell = &memory[HEADER + TICKET * TICKETS];
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut load = 0_u32;
                while !done.load(Ordering::Acquire) {
                    load = load.wrapping_add(1);
                    cell.store(place.epoch << 20 | 2 << 16 | load & 0xffff, Ordering::Release);
                }
            });
            // Miri takes a thousand times as long.
            for _ in 0..if cfg!(miri) { 5 } else { 2_000 } {
                table.leave(place);
                table.correct(place, State::Leaving, 99, &CLAIM);
            }
            table.clear(place);
            done.store(true, Ordering::Release);
        });
    }
}
