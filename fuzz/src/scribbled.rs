/*! A child's view of a group's table while another thread writes any of its words, as a hostile process of the group does at any time.

The input says what is written where, again and again, until the child's calls are through. They have to end, and may answer only what a table of that size can have. */

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use protocol::table::{BEGINNING, Claim, MOST, Reserved, Table, Wish, words};

/// Slots of the table.
const SLOTS: u32 = 4;
/// How often the child does all that it does.
const ROUNDS: usize = 20;

/// See the module.
pub fn table_while_it_changes(bytes: &[u8]) {
    let writes: Vec<(usize, u32)> = bytes
        .chunks_exact(6)
        .take(64)
        .map(|step| {
            let at = usize::from(u16::from_le_bytes([step[0], step[1]]));
            // The layout's number is looked at once, when the table is opened.
            (1 + at % (words(SLOTS) - 1), u32::from_le_bytes([step[2], step[3], step[4], step[5]]))
        })
        .collect();
    let memory: Vec<AtomicU32> = std::iter::repeat_with(AtomicU32::default).take(words(SLOTS)).collect();
    memory[0].store(u32::from_ne_bytes(BEGINNING), Ordering::Relaxed);
    let table = Table::open(&memory).expect("a table that was made right");
    for _ in 0..SLOTS {
        if let Some(place) = table.claim(&Claim { owner: 1, definition: 1, threads: 2 }) {
            table.serve(place);
        }
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for (at, value) in &writes {
                    memory[*at].store(*value, Ordering::Relaxed);
                }
                if writes.is_empty() {
                    break;
                }
            }
        });
        // A property that fails must not leave the other thread writing for ever.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (0..ROUNDS).for_each(|_| round(table))));
        over.store(true, Ordering::Relaxed);
        if let Err(why) = outcome {
            std::panic::resume_unwind(why);
        }
    });
}

/// What a child does for one request, and what it asks on the way.
fn round(table: Table<'_>) {
    let wish = Wish { definition: 1, ahead: 2, ..Wish::default() };
    assert!(table.slots().end <= SLOTS);
    assert!(table.tickets().all(|(number, owner)| (number as usize) < words(0) / 4 && owner != 0));
    if let Reserved::Thread(place) | Reserved::Queue(place) = table.reserve(wish) {
        assert!(place.slot < SLOTS);
        assert!(table.load(place) <= MOST);
        if let Some(ticket) = table.take_ticket(7, place) {
            assert!((ticket.number as usize) < words(0) / 4);
            table.send(ticket);
            let _waits = table.waits(ticket) && table.better(place, wish);
            let _withdrawn = table.withdraw(ticket) || table.has_ended(ticket);
            table.return_ticket(ticket.number, 7);
        }
        table.release(place);
    }
    if table.join_queue(10) {
        table.leave_queue();
    }
    let _told = (table.trouble(), table.is_closed(3), table.changes(), table.waiting());
}
