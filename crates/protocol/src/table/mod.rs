/*! The table of a group's processes: which of them take requests, how many each has, and what each connection's request has come to.

It is memory that Apache's children, the supervisors and the group's own processes map together, one file for each group, so that a tenant who
writes nonsense into it disturbs nobody else. A child reserves a place in a process before it sends a request, so that the least busy process gets it and
no more wait than may; the process that ran the request returns the place.

A child's choice of a process stands in `choice`, what tells whether a request has begun, the *ticket* of its connection, in `ticket`, and the limit that
ended a process with its requests in `cut`. How a child asks where a process's threads are stands in `stacks`.

Everything is an atomic word, and nothing read here is believed further than that: numbers are bounded where they are used. What waits for the
*bell* does so with the kernel's futex calls, which are the caller's. A process is named by its [`Place`]: its slot and the slot's epoch, which
changes whenever the slot changes hands, so that a late return or a late connection cannot be credited to a stranger. *Runs in: parent (made),
supervisor, child, daemon.* */

mod choice;
mod correct;
mod cut;
mod stacks;
mod ticket;

use crate::sync::TICKETS;
use crate::sync::atomic::{AtomicU32, Ordering};

pub use choice::{Avoided, Reserved, Wish};
pub use cut::Limit;
pub use ticket::Ticket;

/// Words before the first slot: a line of the cache that is mostly read, and one that waiters write.
const HEADER: usize = 32;
/// Words of a slot: a line of the cache, so that two processes do not slow each other.
const SLOT: usize = 16;
/// The most slots a table has.
pub const MOST_SLOTS: u32 = 4096;
/// Words of a ticket: what its request has come to, whose it is, and the slot and epoch of the process that its connection leads to.
const TICKET: usize = 4;
/// The most requests that a process can have.
pub const MOST: u32 = 0xffff;

/// How often it is tried to change a word that somebody else changes at the same time. Processes that follow the rules succeed
/// after a few attempts; one that writes without end stops only its own group.
const ATTEMPTS: usize = 1_000;

/// This layout's number.
const VERSION: u32 = 1;

/// Words of the header.
mod header {
    pub const VERSION: usize = 0;
    /// Slots from this one on have never been used.
    pub const USED: usize = 1;
    /// 1: no process can be started, and the log says why.
    pub const TROUBLE: usize = 2;
    /// Counts processes, so that the newest can be told.
    pub const SERIAL: usize = 3;
    /// Tickets from this one on have never been used.
    pub const TICKETS_USED: usize = 4;
    pub const WAITING: usize = 16;
    pub const BELL: usize = 17;
    /// Counts what becomes of new versions: a successor that took over, or could not.
    pub const CHANGES: usize = 18;
    /// Counts those that took over.
    pub const SUCCESSIONS: usize = 19;
    /// The last generation whose children need wait for no process any more; 0: none.
    pub const CLOSED: usize = 20;
}

/// Words of a slot.
mod slot {
    pub const WORD: usize = 0;
    pub const PID: usize = 1;
    pub const OWNER: usize = 2;
    pub const DEFINITION: usize = 3;
    pub const THREADS: usize = 4;
    pub const SERIAL: usize = 5;
    /// See `cut`.
    pub const LIMIT: usize = 6;
    /// See `stacks`.
    pub const STACKS: usize = 7;
}

/// What a slot is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// For nothing.
    Empty,
    /// A process that is not ready yet.
    Starting,
    /// A process that takes requests.
    Serving,
    /// A process that finishes what it has.
    Leaving,
}

/// A slot's first word: epoch (12 bits), state (4 bits), requests that it has (16 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word(u32);

impl Word {
    const fn new(epoch: u32, state: State, load: u32) -> Self {
        let load = if load > MOST { MOST } else { load };
        Self((epoch & 0xfff) << 20 | (state as u32) << 16 | load)
    }

    const fn epoch(self) -> u32 {
        self.0 >> 20
    }

    const fn state(self) -> State {
        match (self.0 >> 16) & 0xf {
            1 => State::Starting,
            2 => State::Serving,
            3 => State::Leaving,
            _ => State::Empty,
        }
    }

    const fn load(self) -> u32 {
        self.0 & 0xffff
    }
}

/// A process in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its slot, which is also the ending of its socket's name.
    pub slot: u32,
    /// The slot's epoch while it is this process's.
    pub epoch: u32,
}

/// What a supervisor says of a process that it starts.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The supervisor's process id.
    pub owner: u32,
    /// The number of the group's definition; children use the processes of their own definition or a later one.
    pub definition: u32,
    /// Its threads.
    pub threads: u32,
}

/// How many words a table of `slots` has.
pub const fn words(slots: u32) -> usize {
    HEADER + TICKET * TICKETS + SLOT * slots as usize
}

/// Where the process at a slot listens: what the paths of its group's sockets begin with, a dot and the slot's number.
pub fn socket_path(base: &[u8], slot: u32) -> Vec<u8> {
    [base, format!(".{slot}").as_bytes()].concat()
}

/// How a new table begins; the rest of it is zeros.
pub const BEGINNING: [u8; 4] = VERSION.to_ne_bytes();

/// A mapped table.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    words: &'a [AtomicU32],
    /// Stands for a word of the header that is not there; `open` makes sure that there is none.
    first: &'a AtomicU32,
}

impl<'a> Table<'a> {
    /// A table that somebody has made; `None` if it is another layout's.
    pub fn open(memory: &'a [AtomicU32]) -> Option<Self> {
        let table = Self::over(memory)?;
        (table.header(header::VERSION).load(Ordering::Acquire) == VERSION).then_some(table)
    }

    /// Opens a table whose layout the caller knows to be this one: a supervisor, after httpd's parent has checked it. Every process that maps a table can
    /// overwrite the layout's number; it is set again. `None` if the memory is too short.
    pub fn open_known(memory: &'a [AtomicU32]) -> Option<Self> {
        let table = Self::over(memory)?;
        table.correct_version();
        Some(table)
    }

    fn over(memory: &'a [AtomicU32]) -> Option<Self> {
        let first = memory.first().filter(|_| memory.len() >= words(1))?;
        Some(Self { words: memory, first })
    }

    fn header(&self, word: usize) -> &'a AtomicU32 {
        self.words.get(word).unwrap_or(self.first)
    }

    fn slot(&self, slot: u32, word: usize) -> Option<&'a AtomicU32> {
        self.words.get(HEADER + TICKET * TICKETS + SLOT * usize::try_from(slot).ok()? + word)
    }

    fn word(&self, slot: u32) -> Option<Word> {
        Some(Word(self.slot(slot, slot::WORD)?.load(Ordering::Acquire)))
    }

    fn capacity(&self) -> u32 {
        u32::try_from(self.words.len().saturating_sub(HEADER + TICKET * TICKETS) / SLOT).unwrap_or(0)
    }

    /// Slots that have ever been used.
    pub fn slots(&self) -> std::ops::Range<u32> {
        0..self.header(header::USED).load(Ordering::Acquire).min(self.capacity())
    }

    /// Changes a slot's word as `change` says, if the slot is still `place`'s; what it was before.
    fn change(&self, place: Place, mut change: impl FnMut(Word) -> Option<Word>) -> Option<Word> {
        let next = |raw| {
            let word = Word(raw);
            if word.epoch() == place.epoch { change(word).map(|word| word.0) } else { None }
        };
        update(self.slot(place.slot, slot::WORD)?, next).map(Word)
    }

    /// Takes an empty slot for a process that is being started; `None` if there is none.
    pub fn claim(&self, claim: &Claim) -> Option<Place> {
        for number in 0..self.capacity() {
            let cell = self.slot(number, slot::WORD)?;
            let old = Word(cell.load(Ordering::Acquire));
            if old.state() != State::Empty {
                continue;
            }
            let new = Word::new(old.epoch().wrapping_add(1), State::Starting, 0);
            if cell.compare_exchange(old.0, new.0, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                continue;
            }
            let place = Place { slot: number, epoch: new.epoch() };
            let serial = self.header(header::SERIAL).fetch_add(1, Ordering::AcqRel).wrapping_add(1);
            for (word, value) in [
                (slot::PID, 0),
                (slot::OWNER, claim.owner),
                (slot::DEFINITION, claim.definition),
                (slot::THREADS, claim.threads.min(MOST)),
                (slot::SERIAL, serial),
            ] {
                self.slot(number, word)?.store(value, Ordering::Release);
            }
            raise(self.header(header::USED), number + 1);
            return Some(place);
        }
        None
    }

    /// Notes the process id.
    pub fn name(&self, place: Place, pid: u32) {
        if let Some(cell) = self.slot(place.slot, slot::PID).filter(|_| self.state(place) != State::Empty) {
            cell.store(pid, Ordering::Release);
        }
    }

    /// The process has fewer threads than it was claimed for.
    pub fn set_threads(&self, place: Place, threads: u32) {
        if let Some(cell) = self.slot(place.slot, slot::THREADS).filter(|_| self.state(place) != State::Empty) {
            cell.store(threads.min(MOST), Ordering::Release);
        }
    }

    /// The process id that stands at a slot, and its supervisor's, as far as they are known.
    pub fn who(&self, slot: u32) -> (u32, u32) {
        let read = |word| self.slot(slot, word).map_or(0, |cell| cell.load(Ordering::Acquire));
        (read(slot::PID), read(slot::OWNER))
    }

    /// The process that stands at a slot, if one does.
    pub fn at(&self, slot: u32) -> Option<Place> {
        let word = self.word(slot).filter(|word| word.state() != State::Empty)?;
        Some(Place { slot, epoch: word.epoch() })
    }

    /// What a process does; [`State::Empty`] when its slot is another's.
    pub fn state(&self, place: Place) -> State {
        self.word(place.slot).filter(|word| word.epoch() == place.epoch).map_or(State::Empty, Word::state)
    }

    /// From here on the process takes requests.
    pub fn serve(&self, place: Place) {
        self.forget_limit(place);
        self.change(place, |word| (word.state() == State::Starting).then(|| Word::new(word.epoch(), State::Serving, 0)));
        self.set_trouble(false);
    }

    /// From here on nobody reserves a place in it.
    pub fn leave(&self, place: Place) {
        self.change(place, |word| {
            let leaves = matches!(word.state(), State::Starting | State::Serving);
            leaves.then(|| Word::new(word.epoch(), State::Leaving, word.load()))
        });
    }

    /// The process is gone: its slot is free.
    pub fn clear(&self, place: Place) {
        self.change(place, |word| Some(Word::new(word.epoch().wrapping_add(1), State::Empty, 0)));
    }

    /// How many requests a process has.
    pub fn load(&self, place: Place) -> u32 {
        self.word(place.slot).filter(|word| word.epoch() == place.epoch).map_or(0, Word::load)
    }

    /// Returns a place; whether the process is to go and has none of its requests left.
    pub fn release(&self, place: Place) -> bool {
        let before = self.change(place, |word| {
            let alive = matches!(word.state(), State::Serving | State::Leaving);
            (alive && word.load() > 0).then(|| Word::new(word.epoch(), word.state(), word.load() - 1))
        });
        before.is_some_and(|word| word.state() == State::Leaving && word.load() == 1)
    }

    /// A number that changes whenever a place in the process is reserved or returned.
    pub fn pulse(&self, place: Place) -> u32 {
        self.word(place.slot).map_or(0, |word| word.0)
    }

    /// Returns what nobody will return: a child died between its reservation and its request. `pulse` is what [`Table::pulse`] has said for
    /// so long that nothing can be on its way, and `load` what the process really has; nothing is done if it has changed meanwhile.
    pub fn repair(&self, place: Place, pulse: u32, load: u32) -> bool {
        let repaired = self.change(place, |word| {
            let lost = word.0 == pulse && word.load() > load;
            lost.then(|| Word::new(word.epoch(), word.state(), load))
        });
        repaired.is_some()
    }

    /// A request waits for a process from now on, if fewer than `most` do; `leave_queue` ends that.
    pub fn join_queue(&self, most: u32) -> bool {
        let joined = |waiting: u32| (waiting < most).then(|| waiting.saturating_add(1));
        update(self.header(header::WAITING), joined).is_some()
    }

    /// See [`Table::join_queue`].
    pub fn leave_queue(&self) {
        let left = |waiting: u32| Some(waiting.saturating_sub(1));
        update(self.header(header::WAITING), left);
    }

    /// How many requests wait for a process.
    pub fn waiting(&self) -> u32 {
        self.header(header::WAITING).load(Ordering::Acquire)
    }

    /// Forgets those who waited and died, seen by a number that does not move though somebody serves.
    pub fn forget_waiting(&self, waiting: u32) {
        // Somebody has come or gone meanwhile: then it is not for us to say.
        let _forgotten: Result<u32, u32> =
            self.header(header::WAITING).compare_exchange(waiting, 0, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// What waiters wait for: read its value, look again, then wait until it differs.
    pub fn bell(&self) -> &'a AtomicU32 {
        self.header(header::BELL)
    }

    /// Rings, before the waiters are woken.
    pub fn ring(&self) {
        self.bell().fetch_add(1, Ordering::AcqRel);
    }

    /// Whether it is known that no process can be started.
    pub fn trouble(&self) -> bool {
        self.header(header::TROUBLE).load(Ordering::Acquire) != 0
    }

    /// Says that no process can be started, or that one can.
    pub fn set_trouble(&self, trouble: bool) {
        self.header(header::TROUBLE).store(u32::from(trouble), Ordering::Release);
    }

    /// httpd stops, or restarts without grace: for children of that generation no process comes any more.
    pub fn close(&self, generation: u64) {
        self.header(header::CLOSED).store(u32::try_from(generation).unwrap_or(u32::MAX), Ordering::Release);
    }

    /// Whether that is so.
    pub fn is_closed(&self, generation: u64) -> bool {
        generation <= u64::from(self.header(header::CLOSED).load(Ordering::Acquire))
    }

    /// How many new versions have taken over or failed, and how many have taken over.
    pub fn changes(&self) -> (u32, u32) {
        let read = |word| self.header(word).load(Ordering::Acquire);
        (read(header::CHANGES), read(header::SUCCESSIONS))
    }

    /// A new version has taken over, or has failed.
    pub fn changed(&self, took_over: bool) {
        if took_over {
            self.header(header::SUCCESSIONS).fetch_add(1, Ordering::AcqRel);
        }
        self.header(header::CHANGES).fetch_add(1, Ordering::AcqRel);
    }
}

/// Changes a word as `change` says, unless that says `None` or somebody else keeps changing it; what it was before.
fn update(cell: &AtomicU32, mut change: impl FnMut(u32) -> Option<u32>) -> Option<u32> {
    let mut before = cell.load(Ordering::Acquire);
    for _ in 0..ATTEMPTS {
        let next = change(before)?;
        match cell.compare_exchange_weak(before, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(before),
            Err(now) => before = now,
        }
    }
    None
}

/// Makes a word at least `least`.
fn raise(cell: &AtomicU32, least: u32) {
    // It is so already, or others write it without end.
    let _before: Option<u32> = update(cell, |seen| (seen < least).then_some(least));
}

#[cfg(test)]
mod tests;
