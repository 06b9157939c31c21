/*! The child's choice: which of a group's processes gets a request, and whether that has to wait there. */

use crate::sync::atomic::Ordering;

use super::{MOST, Place, State, Table, Word, slot};

/// How often a reservation is tried again when others were faster.
const TRIES: usize = 64;

/// How many processes can be avoided at a time; a further one takes the place of the first.
const AVOIDED: usize = 8;

/// Processes that a child could not reach a moment ago: it chooses them only where no other takes requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Avoided {
    places: [Option<Place>; AVOIDED],
    next: usize,
}

impl Avoided {
    /// Avoids one more.
    pub fn add(&mut self, place: Place) {
        if let Some(cell) = self.places.get_mut(self.next % AVOIDED) {
            *cell = Some(place);
        }
        self.next = self.next.wrapping_add(1);
    }

    fn has(&self, slot: u32, epoch: u32) -> bool {
        self.next > 0 && self.places.contains(&Some(Place { slot, epoch }))
    }
}

/// Which process a child may choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// The least definition.
    pub definition: u32,
    /// How many requests may wait in a process whose threads are all busy.
    pub ahead: u32,
    /// The newest process rather than the least busy one: the request waits for new code.
    pub newest: bool,
    /// Those that it could not reach.
    pub avoided: Avoided,
}

/// The process that fits a wish best.
#[derive(Clone, Copy)]
struct Best {
    slot: u32,
    word: Word,
    /// All its threads are busy.
    busy: bool,
    /// It is one of [`Wish::avoided`].
    avoided: bool,
}

/// What came of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// A place in that process, for which a thread is free.
    Thread(Place),
    /// A place in that process's queue.
    Queue(Place),
    /// Every queue is full.
    Full,
    /// No process takes requests.
    Nobody,
}

impl Table<'_> {
    /// Reserves a place for a request.
    pub fn reserve(&self, wish: Wish) -> Reserved {
        for _ in 0..TRIES {
            let (best, serving) = self.best(wish);
            let Some(Best { slot: number, word, busy, .. }) = best else {
                return if serving { Reserved::Full } else { Reserved::Nobody };
            };
            let Some(cell) = self.slot(number, slot::WORD) else { return Reserved::Nobody };
            let new = Word::new(word.epoch(), State::Serving, word.load() + 1);
            if cell.compare_exchange(word.0, new.0, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                let place = Place { slot: number, epoch: word.epoch() };
                return if busy { Reserved::Queue(place) } else { Reserved::Thread(place) };
            }
        }
        Reserved::Full
    }

    /// The process to choose, and whether any serves at all.
    fn best(&self, wish: Wish) -> (Option<Best>, bool) {
        let (mut best, mut most, mut serving) = (None, (false, i64::MIN), false);
        for number in self.slots() {
            let Some(word) = self.word(number).filter(|word| word.state() == State::Serving) else { continue };
            let read = |word| self.slot(number, word).map_or(0, |cell| cell.load(Ordering::Relaxed));
            if read(slot::DEFINITION) < wish.definition {
                continue;
            }
            serving = true;
            let free = i64::from(read(slot::THREADS)) - i64::from(word.load());
            let avoided = wish.avoided.has(number, word.epoch());
            let rank = (!avoided, if wish.newest { i64::from(read(slot::SERIAL)) } else { free });
            if free > -i64::from(wish.ahead) && word.load() < MOST && rank > most {
                (best, most) = (Some(Best { slot: number, word, busy: free <= 0, avoided }), rank);
            }
        }
        (best, serving)
    }

    /// Whether another process than the one at `place` takes requests, or is about to.
    pub fn has_others(&self, place: Place) -> bool {
        let alive = |number| self.word(number).is_some_and(|word| matches!(word.state(), State::Starting | State::Serving));
        self.slots().any(|number| number != place.slot && alive(number))
    }

    /// Whether some process other than `place` has a thread free, for a request that waits there.
    pub fn better(&self, place: Place, wish: Wish) -> bool {
        match self.best(wish).0 {
            Some(best) => !best.busy && !best.avoided && best.slot != place.slot,
            None => false,
        }
    }
}
