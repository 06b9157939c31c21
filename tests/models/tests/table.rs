/*! The table of a group's processes, used by children, processes and supervisors at once. */
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that meets what it does not expect is to fail")]

use loom::sync::Arc;
use loom::thread::spawn;
use models::every_order;
use models::sync::atomic::{AtomicU32, Ordering};
use models::table::{BEGINNING, Claim, Place, Reserved, State, Table, Wish, words};

const CLAIM: Claim = Claim { owner: 7, definition: 1, threads: 1 };

/// A table with so many slots.
struct Memory(Vec<AtomicU32>);

impl Memory {
    fn new(slots: u32) -> Arc<Self> {
        let words = (0..words(slots)).map(|word| AtomicU32::new(if word == 0 { u32::from_ne_bytes(BEGINNING) } else { 0 }));
        Arc::new(Self(words.collect()))
    }

    fn table(&self) -> Table<'_> {
        Table::open(&self.0).unwrap()
    }
}

fn serving(table: Table<'_>) -> Place {
    let place = table.claim(&CLAIM).unwrap();
    table.serve(place);
    place
}

#[test]
fn a_request_is_begun_or_withdrawn_and_never_both() {
    every_order(|| {
        let memory = Memory::new(1);
        let place = serving(memory.table());
        let ticket = memory.table().take_ticket(5, place).unwrap();
        memory.table().send(ticket);
        let process = Arc::clone(&memory);
        let begun = spawn(move || process.table().begin(ticket));
        let withdrawn = memory.table().withdraw(ticket);
        assert!(begun.join().unwrap() != withdrawn, "both, or neither, had their way");
    });
}

#[test]
fn the_ticket_of_a_dead_child_gives_its_place_back_once() {
    every_order(|| {
        let memory = Memory::new(1);
        let place = serving(memory.table());
        assert_eq!(memory.table().reserve(Wish::default()), Reserved::Thread(place));
        let ticket = memory.table().take_ticket(5, place).unwrap();
        memory.table().send(ticket);
        // The child is dead. Its request is in the process's socket, and a supervisor and another child notice the death.
        let (process, other) = (Arc::clone(&memory), Arc::clone(&memory));
        let ran = spawn(move || {
            let ran = process.table().begin(ticket);
            if ran {
                process.table().end(ticket);
                process.table().release(place);
            }
            ran
        });
        let noticed = spawn(move || other.table().bury_ticket(ticket.number, 5));
        memory.table().bury_ticket(ticket.number, 5);
        ran.join().unwrap();
        noticed.join().unwrap();
        assert_eq!(memory.table().load(place), 0);
        assert!(memory.table().take_ticket(6, place).is_some());
    });
}

#[test]
fn no_more_requests_are_reserved_than_there_is_room_for() {
    every_order(|| {
        let memory = Memory::new(1);
        let place = serving(memory.table());
        let other = Arc::clone(&memory);
        let one = spawn(move || other.table().reserve(Wish::default()) == Reserved::Thread(place));
        let two = memory.table().reserve(Wish::default()) == Reserved::Thread(place);
        assert!(one.join().unwrap() != two, "one thread, one request");
        assert_eq!(memory.table().load(place), 1);
    });
}

#[test]
fn a_process_that_leaves_ends_after_its_last_request_and_is_told_so_once() {
    every_order(|| {
        let memory = Memory::new(1);
        let place = serving(memory.table());
        assert_eq!(memory.table().reserve(Wish::default()), Reserved::Thread(place));
        let other = Arc::clone(&memory);
        let last = spawn(move || other.table().release(place));
        memory.table().leave(place);
        let empty = memory.table().load(place) == 0;
        let last = last.join().unwrap();
        assert!(last || empty, "neither side sees that the process has nothing left");
        assert_eq!((memory.table().state(place), memory.table().load(place)), (State::Leaving, 0));
        assert_eq!(memory.table().reserve(Wish::default()), Reserved::Nobody);
    });
}

#[test]
fn a_late_return_is_not_credited_to_the_slots_next_process() {
    every_order(|| {
        let memory = Memory::new(1);
        let before = serving(memory.table());
        assert_eq!(memory.table().reserve(Wish::default()), Reserved::Thread(before));
        let other = Arc::clone(&memory);
        let late = spawn(move || other.table().release(before));
        memory.table().clear(before);
        let next = serving(memory.table());
        assert_eq!(memory.table().reserve(Wish::default()), Reserved::Thread(next));
        late.join().unwrap();
        assert_eq!(memory.table().load(next), 1);
    });
}

#[test]
fn two_supervisors_do_not_get_one_slot() {
    every_order(|| {
        let memory = Memory::new(2);
        let other = Arc::clone(&memory);
        let one = spawn(move || other.table().claim(&CLAIM).unwrap());
        let two = memory.table().claim(&CLAIM).unwrap();
        assert!(one.join().unwrap().slot != two.slot);
        assert_eq!(memory.table().slots(), 0..2);
    });
}

#[test]
fn who_waits_for_the_bell_does_not_miss_the_last_place() {
    every_order(|| {
        let memory = Memory::new(1);
        let place = serving(memory.table());
        assert_eq!(memory.table().reserve(Wish::default()), Reserved::Thread(place));
        let other = Arc::clone(&memory);
        let waits = spawn(move || {
            let table = other.table();
            let heard = table.bell().load(Ordering::SeqCst);
            match table.reserve(Wish::default()) {
                // Would sleep now, for as long as the bell stands where it was.
                Reserved::Full => Some(heard),
                _ => None,
            }
        });
        memory.table().release(place);
        memory.table().ring();
        if let Some(heard) = waits.join().unwrap() {
            assert!(memory.table().bell().load(Ordering::SeqCst) != heard, "it would sleep beside a free place");
        }
    });
}
