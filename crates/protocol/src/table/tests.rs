/*! Places, tickets and the queue, one process at a time and many at once. */
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets what it does not expect is to fail"
)]

use super::{AtomicU32, Claim, Limit, Place, Reserved, State, Table, Wish, words};

fn memory(slots: u32) -> Vec<AtomicU32> {
    (0..words(slots)).map(|_| AtomicU32::new(0)).collect()
}

fn make(memory: &[AtomicU32]) -> Option<Table<'_>> {
    memory.first()?.store(u32::from_ne_bytes(super::BEGINNING), crate::sync::atomic::Ordering::Relaxed);
    Table::open(memory)
}

const CLAIM: Claim = Claim { owner: 7, definition: 1, threads: 2 };

fn serving(table: Table<'_>, claim: Claim) -> Place {
    let place = table.claim(&claim).unwrap();
    table.serve(place);
    place
}

#[test]
fn another_layout_is_refused() {
    let memory = memory(1);
    assert!(Table::open(&memory).is_none() && make(&memory).is_some());
    assert!(make(&memory[..8]).is_none() && make(&[]).is_none());
}

#[test]
fn requests_are_counted_and_bounded() {
    let memory = memory(2);
    let table = make(&memory).unwrap();
    let wish = Wish { ahead: 1, ..Wish::default() };
    assert_eq!(table.reserve(wish), Reserved::Nobody);
    let place = table.claim(&CLAIM).unwrap();
    assert_eq!((table.state(place), table.reserve(wish)), (State::Starting, Reserved::Nobody));
    table.serve(place);
    for _ in 0..2 {
        assert_eq!(table.reserve(wish), Reserved::Thread(place));
    }
    assert_eq!((table.reserve(Wish::default()), table.reserve(wish)), (Reserved::Full, Reserved::Queue(place)));
    assert_eq!((table.reserve(wish), table.load(place)), (Reserved::Full, 3));
    for _ in 0..5 {
        assert!(!table.release(place), "one return too many is nothing");
    }
    assert_eq!(table.load(place), 0);
}

#[test]
fn a_process_that_could_not_be_reached_is_the_last_choice() {
    let memory = memory(3);
    let table = make(&memory).unwrap();
    let (first, second) = (serving(table, CLAIM), serving(table, Claim { threads: 1, ..CLAIM }));
    let mut wish = Wish { ahead: 2, ..Wish::default() };
    wish.avoided.add(first);
    assert!(!table.better(second, wish));
    // Rather the queue of one that can be reached.
    assert_eq!(table.reserve(wish), Reserved::Thread(second));
    assert_eq!(table.reserve(wish), Reserved::Queue(second));
    assert_eq!(table.reserve(wish), Reserved::Queue(second));
    assert_eq!(table.reserve(wish), Reserved::Thread(first));
    // Its successor at the slot is another process.
    table.clear(first);
    let next = serving(table, CLAIM);
    assert_eq!((next.slot, table.reserve(wish)), (first.slot, Reserved::Thread(next)));
    // Of more than can be known the first is chosen again.
    for slot in 0..20 {
        wish.avoided.add(Place { slot: slot + 100, epoch: 1 });
    }
    wish.avoided.add(next);
    assert!(!table.better(second, wish));
}

#[test]
fn a_process_with_fewer_threads_than_it_was_to_have_gets_fewer_requests() {
    let memory = memory(2);
    let table = make(&memory).unwrap();
    let place = table.claim(&CLAIM).unwrap();
    table.set_threads(place, 1);
    table.serve(place);
    assert_eq!((table.reserve(Wish::default()), table.reserve(Wish::default())), (Reserved::Thread(place), Reserved::Full));
    table.clear(place);
    let next = table.claim(&CLAIM).unwrap();
    table.set_threads(place, 1);
    table.serve(next);
    for _ in 0..2 {
        assert_eq!(table.reserve(Wish::default()), Reserved::Thread(next), "one that has gone has no say");
    }
}

#[test]
fn the_least_busy_process_is_chosen_or_the_newest() {
    let memory = memory(4);
    let table = make(&memory).unwrap();
    let first = serving(table, Claim { threads: 3, ..CLAIM });
    let second = serving(table, CLAIM);
    assert_eq!(table.reserve(Wish::default()), Reserved::Thread(first));
    assert_eq!(table.reserve(Wish { newest: true, ..Wish::default() }), Reserved::Thread(second));
    let other = serving(table, Claim { definition: 2, threads: 1, ..CLAIM });
    let wish = Wish { definition: 2, ahead: 1, ..Wish::default() };
    assert_eq!((table.reserve(wish), table.reserve(wish)), (Reserved::Thread(other), Reserved::Queue(other)));
    assert_eq!(table.reserve(Wish { definition: 3, ..wish }), Reserved::Nobody);
    assert!(table.better(other, Wish::default()) && !table.better(other, wish));
}

#[test]
fn a_process_that_leaves_goes_when_its_last_request_has() {
    let memory = memory(1);
    let table = make(&memory).unwrap();
    let place = serving(table, CLAIM);
    assert_eq!(table.reserve(Wish::default()), Reserved::Thread(place));
    table.leave(place);
    assert_eq!((table.reserve(Wish::default()), table.state(place)), (Reserved::Nobody, State::Leaving));
    assert!(table.release(place));
    table.clear(place);
    assert_eq!((table.state(place), table.at(0)), (State::Empty, None));
    let next = serving(table, CLAIM);
    assert_eq!((next.slot, next.epoch), (place.slot, (place.epoch + 2) & 0xfff));
    // Whoever comes late changes nothing of the next process.
    table.clear(place);
    table.leave(place);
    assert!(!table.release(place));
    assert_eq!((table.state(next), table.load(next)), (State::Serving, 0));
}

#[test]
fn a_limit_that_ended_a_process_is_told_to_who_looks_later() {
    let memory = memory(1);
    let table = make(&memory).unwrap();
    for limit in Limit::ALL {
        let place = serving(table, CLAIM);
        table.cut(place);
        assert_eq!(table.cut_at(place), None, "nobody had told it to end");
        table.bound(place, Limit::Shutdown);
        table.bound(place, limit);
        assert_eq!(table.cut_at(place), None, "it was told to end, and may still do so in time");
        table.cut(place);
        table.cut(place);
        table.clear(place);
        assert_eq!(table.cut_at(place), Some(limit));
        let next = table.claim(&CLAIM).unwrap();
        assert_eq!((table.cut_at(place), table.cut_at(next)), (Some(limit), None));
        table.bound(place, Limit::Shutdown);
        table.serve(next);
        assert_eq!((table.cut_at(place), table.cut_at(next)), (None, None));
        table.clear(next);
    }
    assert_eq!(table.cut_at(Place { slot: u32::MAX, epoch: 1 }), None);
}

#[test]
fn a_stop_closes_the_table_for_its_generation_and_not_for_the_next() {
    let memory = memory(1);
    let table = make(&memory).unwrap();
    assert!(!table.is_closed(1));
    table.close(2);
    assert_eq!([1, 2, 3].map(|generation| table.is_closed(generation)), [true, true, false]);
}

#[test]
fn processes_are_asked_once_where_their_threads_are() {
    let memory = memory(3);
    let table = make(&memory).unwrap();
    let (one, other) = (serving(table, CLAIM), serving(table, CLAIM));
    let starting = table.claim(&CLAIM).unwrap();
    table.ask_for_stacks();
    table.ask_for_stacks();
    let asked = [one, other, starting].map(|place| table.are_stacks_asked(place));
    assert_eq!((asked, table.are_stacks_asked(one)), ([true, true, false], false));
    table.ask_for_stacks_of(other);
    table.ask_for_stacks_of(Place { slot: other.slot, epoch: other.epoch + 1 });
    assert_eq!([one, other].map(|place| table.are_stacks_asked(place)), [false, true]);
}

#[test]
fn what_a_dead_child_reserved_comes_back_when_nothing_moves() {
    let memory = memory(1);
    let table = make(&memory).unwrap();
    let place = serving(table, CLAIM);
    let before = table.pulse(place);
    assert_eq!(table.reserve(Wish::default()), Reserved::Thread(place));
    assert!(!table.repair(place, before, 0), "it has moved meanwhile");
    assert!(!table.repair(place, table.pulse(place), 1), "that request is there");
    assert!(table.repair(place, table.pulse(place), 0));
    assert_eq!(table.load(place), 0);
}

#[test]
fn a_request_is_begun_or_withdrawn_and_never_both() {
    let memory = memory(1);
    let table = make(&memory).unwrap();
    let place = Place { slot: 0, epoch: 1 };
    let (one, other) = (table.take_ticket(7, place).unwrap(), table.take_ticket(8, place).unwrap());
    assert_eq!(table.tickets().collect::<Vec<_>>(), [(one.number, 7), (other.number, 8)]);
    assert!(!table.withdraw(one) && !table.begin(one) && !table.waits(one));
    table.send(one);
    assert!(table.waits(one) && table.begin(one) && !table.withdraw(one) && !table.begin(one));
    assert!(!table.has_ended(one));
    table.end(one);
    assert!(table.has_ended(one) && !table.withdraw(one));
    table.send(one);
    assert!(table.withdraw(one) && !table.begin(one));
    table.return_ticket(one.number, 1);
    assert_eq!(table.tickets().count(), 2, "not its owner");
    table.return_ticket(one.number, 7);
    let again = table.take_ticket(9, place).unwrap();
    assert_eq!(again.number, one.number);
    table.send(again);
    assert!(!table.begin(one) && !table.withdraw(one) && table.begin(again), "the old connection's request is not this one");
    assert!(!table.begin(super::Ticket { number: u32::MAX, serial: 0 }));
    while table.take_ticket(9, place).is_some() {}
    assert_eq!(table.tickets().count(), super::TICKETS);
}

#[test]
fn the_queue_is_bounded_and_forgets_the_dead() {
    let memory = memory(1);
    let table = make(&memory).unwrap();
    assert!(table.join_queue(2) && table.join_queue(2) && !table.join_queue(2));
    table.leave_queue();
    assert_eq!(table.waiting(), 1);
    table.forget_waiting(2);
    assert_eq!(table.waiting(), 1);
    table.forget_waiting(1);
    table.leave_queue();
    assert_eq!(table.waiting(), 0);
}

#[test]
fn nonsense_in_the_memory_disturbs_only_the_answer() {
    let memory = memory(2);
    for word in &memory {
        word.store(u32::MAX, crate::sync::atomic::Ordering::Relaxed);
    }
    let table = make(&memory).unwrap();
    assert_eq!(table.slots(), 0..2);
    table.reserve(Wish { ahead: u32::MAX, ..Wish::default() });
    table.withdraw(super::Ticket { number: 3, serial: 0 });
    table.release(Place { slot: u32::MAX, epoch: 1 });
    table.clear(Place { slot: 1, epoch: 0xfff });
    assert!(table.claim(&CLAIM).is_some());
}

#[test]
fn many_at_once_lose_no_thread() {
    let memory = memory(3);
    let table = make(&memory).unwrap();
    let places: Vec<Place> = (0..3).map(|_| serving(table, CLAIM)).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    match table.reserve(Wish::default()) {
                        Reserved::Thread(place) => drop(table.release(place)),
                        Reserved::Full => std::thread::yield_now(),
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    assert!(places.iter().all(|place| table.load(*place) == 0));
}

/// A child died while its request waited, and its ticket is taken again before the process gets to that request.
#[test]
fn the_place_of_a_dead_childs_request_comes_back_with_its_ticket() {
    let memory = memory(1);
    let table = make(&memory).unwrap();
    let place = table.claim(&CLAIM).unwrap();
    table.serve(place);
    for begun in [false, true] {
        assert!(matches!(table.reserve(Wish::default()), Reserved::Thread(_)));
        let dead = table.take_ticket(7, place).unwrap();
        table.send(dead);
        table.bury_ticket(dead.number, 8);
        assert_eq!(table.load(place), 1, "another process's death is none of this ticket's business");
        if begun {
            assert!(table.begin(dead));
        }
        table.bury_ticket(dead.number, 7);
        table.bury_ticket(dead.number, 7);
        // The process returns the place of what it has begun.
        assert_eq!(table.load(place), u32::from(begun));
        let next = table.take_ticket(9, place).unwrap();
        assert_eq!(next.number, dead.number);
        assert!(matches!(table.reserve(Wish::default()), Reserved::Thread(_)));
        table.send(next);
        table.bury_ticket(next.number, 7);
        assert!(!table.begin(dead) && table.begin(next), "the next one's request is its own");
        table.release(place);
        if begun {
            table.release(place);
        }
        assert_eq!(table.load(place), 0);
        table.return_ticket(next.number, 9);
    }
}
