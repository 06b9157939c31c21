/*! A group's table, into which a hostile process of the group writes between any two steps of the others.

The input is a list of steps: some write a word anywhere, the others are what children, supervisors and processes do, with places and tickets of their own
or of nobody's. Nothing may panic, answer what the table has not, or run on; and once the supervisor has cleared every slot, a new process serves. */

use std::sync::atomic::{AtomicU32, Ordering};

use protocol::table::{BEGINNING, Claim, MOST, Place, Reserved, State, Table, Ticket, Wish, words};

use crate::allocation;

/// A step: what is done, a number, and a word.
const STEP: usize = 7;
/// Each slot needs so many words.
const SLOT: usize = words(2) - words(1);

/// See the module.
pub fn table(bytes: &[u8]) {
    let Some(([slots, odd], steps)) = bytes.split_first_chunk() else { return };
    // A table's memory need not end with a slot.
    let memory: Vec<AtomicU32> =
        std::iter::repeat_with(AtomicU32::default).take(words(u32::from(slots % 8)) + usize::from(odd % 16)).collect();
    memory[0].store(u32::from_ne_bytes(BEGINNING), Ordering::Relaxed);
    let Some(table) = Table::open(&memory) else {
        assert!(memory.len() < words(1), "a table was refused");
        return;
    };
    let capacity = u32::try_from((memory.len() - words(0)) / SLOT).unwrap();
    let mut trial = Trial { memory: &memory, table, capacity, places: Vec::new(), tickets: Vec::new() };
    for step in steps.chunks_exact(STEP).take(300) {
        let number = u16::from_le_bytes([step[1], step[2]]);
        let word = u32::from_le_bytes([step[3], step[4], step[5], step[6]]);
        // No answer takes memory in proportion to what stands there; the places and tickets are this trial's own.
        allocation::within(4096, || trial.step(step[0], number, word));
        trial.holds();
    }
    trial.recovers();
}

struct Trial<'t> {
    memory: &'t [AtomicU32],
    table: Table<'t>,
    capacity: u32,
    places: Vec<Place>,
    tickets: Vec<Ticket>,
}

impl Trial<'_> {
    fn step(&mut self, what: u8, number: u16, word: u32) {
        let (table, index) = (self.table, usize::from(number));
        let place = self.places.get(index % 16).copied().unwrap_or(Place { slot: u32::from(number), epoch: word & 0xfff });
        let ticket = self.tickets.get(index % 16).copied().unwrap_or(Ticket { number: u32::from(number), serial: word });
        let wish = Wish { definition: word & 3, ahead: word >> 16, newest: number % 2 == 1, ..Wish::default() };
        match what % 32 {
            // The hostile one: anywhere but the layout's number, at a slot, at the header.
            0..=3 => self.memory[1 + index % (self.memory.len() - 1)].store(word, Ordering::Relaxed),
            4..=6 => self.memory[words(0) + index % (self.memory.len() - words(0))].store(word, Ordering::Relaxed),
            7 => self.memory[1 + index % 20].store(word, Ordering::Relaxed),
            8 | 9 => self.keep(table.claim(&Claim { owner: word, definition: word & 3, threads: word >> 8 })),
            10 => table.serve(place),
            11 | 12 => self.reserve(wish),
            13 => drop(table.release(place)),
            14 => table.leave(place),
            15 => table.clear(place),
            16 => table.name(place, word),
            17 => assert!(table.at(u32::from(number)).is_none_or(|place| place.slot == u32::from(number))),
            18 => assert!(table.load(place) <= MOST),
            19 => {
                let others = table.slots().any(|slot| slot != place.slot && table.at(slot).is_some());
                assert!(!table.better(place, wish) || others);
            }
            20 => drop(table.repair(place, table.pulse(place), word & 0xff)),
            21 | 22 => {
                if let Some(ticket) = table.take_ticket(word.max(1), place) {
                    assert!(table.has_ended(ticket) && !table.waits(ticket));
                    self.tickets.truncate(15);
                    self.tickets.push(ticket);
                }
            }
            23 if word.is_multiple_of(2) => table.return_ticket(ticket.number, word),
            23 => table.bury_ticket(ticket.number, word),
            24 => table.send(ticket),
            25 => once(table.begin(ticket), || table.withdraw(ticket)),
            26 => once(table.withdraw(ticket), || table.begin(ticket)),
            27 => table.end(ticket),
            28 => drop(table.join_queue(word)),
            29 => table.leave_queue(),
            30 => {
                table.forget_waiting(table.waiting());
                table.ring();
                table.changed(word.is_multiple_of(2));
            }
            _ => table.set_trouble(word.is_multiple_of(2)),
        }
    }

    fn keep(&mut self, place: Option<Place>) {
        if let Some(place) = place {
            assert!(place.slot < self.capacity && self.table.state(place) == State::Starting);
            self.places.truncate(15);
            self.places.push(place);
        }
    }

    /// A place that was reserved is in a process that serves, and can be returned.
    fn reserve(&mut self, wish: Wish) {
        match self.table.reserve(wish) {
            Reserved::Thread(place) | Reserved::Queue(place) => {
                assert!(place.slot < self.capacity && self.table.state(place) == State::Serving);
                let load = self.table.load(place);
                assert!((1..=MOST).contains(&load));
                self.table.release(place);
                assert_eq!(self.table.load(place), load - 1);
            }
            Reserved::Full => assert!(self.table.slots().any(|slot| self.table.at(slot).is_some())),
            Reserved::Nobody => {}
        }
    }

    /// Whatever stands there, what goes through the whole table ends within it.
    fn holds(&self) {
        assert!(self.table.slots().end <= self.capacity);
        for slot in self.table.slots() {
            let _known = self.table.who(slot);
        }
        // A ticket has four words of what lies before the slots.
        assert!(self.table.tickets().all(|(number, owner)| (number as usize) < words(0) / 4 && owner != 0));
    }

    /// A supervisor that clears what it finds can start a process that serves.
    fn recovers(&self) {
        let table = self.table;
        for slot in 0..self.capacity {
            if let Some(place) = table.at(slot) {
                table.clear(place);
            }
            assert_eq!(table.at(slot), None);
        }
        let claim = Claim { owner: 1, definition: 3, threads: 2 };
        let Some(place) = table.claim(&claim) else { panic!("no slot is left of {}", self.capacity) };
        table.serve(place);
        let wish = Wish { definition: 3, ahead: 1, ..Wish::default() };
        assert_eq!(table.reserve(wish), Reserved::Thread(place));
        assert_eq!(table.reserve(wish), Reserved::Thread(place));
        assert_eq!(table.reserve(wish), Reserved::Queue(place));
        assert_eq!((table.reserve(wish), table.trouble()), (Reserved::Full, false));
        table.leave(place);
        assert_eq!((table.release(place), table.release(place), table.release(place)), (false, false, true));
    }
}

/// Of two that turn one ticket, one has its way.
fn once(first: bool, second: impl FnOnce() -> bool) {
    assert!(!(second() && first), "a request was begun and taken back");
}
