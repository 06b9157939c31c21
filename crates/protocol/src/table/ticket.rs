/*! Tickets: what the request of each connection has come to.

A ticket belongs to a connection. It tells whether the connection's request has begun: until then the child may withdraw it and give it to another
process, and a process's death has cost it nothing. Both sides change it by comparing, so exactly one of them has its way. */

use crate::sync::TICKETS;
use crate::sync::atomic::{AtomicU32, Ordering};

use super::{HEADER, Place, TICKET, Table, header, raise};

/// What a connection's request has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Request {
    /// There is none.
    None = 0,
    /// It was sent, or is about to be.
    Sent = 1,
    /// A thread runs it.
    Begun = 2,
    /// The child has taken it back.
    Withdrawn = 3,
}

/// A connection's ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its number.
    pub number: u32,
    /// Which of the number's owners it is, so that whoever comes late does not turn another connection's ticket.
    pub serial: u32,
}

impl Ticket {
    /// What stands in its word, over the [`Request`].
    const fn word(self, request: Request) -> u32 {
        self.serial << 2 | request as u32
    }
}

impl<'a> Table<'a> {
    fn ticket(&self, number: u32, word: usize) -> Option<&'a AtomicU32> {
        let number = usize::try_from(number).ok().filter(|number| *number < TICKETS)?;
        self.words.get(HEADER + TICKET * number + word)
    }

    /// A ticket for a connection of the process `pid`, which is not 0, to the process at `place`; `None` if all are taken.
    pub fn take_ticket(&self, pid: u32, place: Place) -> Option<Ticket> {
        for number in 0..u32::try_from(TICKETS).unwrap_or(0) {
            let owner = self.ticket(number, 1)?;
            if owner.load(Ordering::Relaxed) == 0 && owner.compare_exchange(0, pid, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                let cell = self.ticket(number, 0)?;
                let serial = (cell.load(Ordering::Acquire) >> 2).wrapping_add(1) & (u32::MAX >> 2);
                let ticket = Ticket { number, serial };
                self.ticket(number, 2)?.store(place.slot, Ordering::Relaxed);
                self.ticket(number, 3)?.store(place.epoch, Ordering::Relaxed);
                cell.store(ticket.word(Request::None), Ordering::Release);
                raise(self.header(header::TICKETS_USED), number + 1);
                return Some(ticket);
            }
        }
        None
    }

    /// The process `pid` that a ticket belongs to is dead. A request of its that has not begun is withdrawn in its name, and its place with it: when the
    /// ticket is somebody else's, nobody could tell any more whose place that was.
    pub fn bury_ticket(&self, number: u32, pid: u32) {
        let (Some(cell), Some(owner)) = (self.ticket(number, 0), self.ticket(number, 1)) else { return };
        let word = cell.load(Ordering::Acquire);
        let read = |at| self.ticket(number, at).map_or(0, |cell| cell.load(Ordering::Relaxed));
        let place = Place { slot: read(2), epoch: read(3) };
        // Looked at last: if it is still the dead one's, all of the above was, and the word changes if it becomes another's now.
        if owner.load(Ordering::Acquire) != pid {
            return;
        }
        let ticket = Ticket { number, serial: word >> 2 };
        if word == ticket.word(Request::Sent) && self.withdraw(ticket) {
            self.release(place);
        }
        self.return_ticket(number, pid);
    }

    /// The connection of a ticket is closed.
    pub fn return_ticket(&self, number: u32, pid: u32) {
        if let Some(owner) = self.ticket(number, 1) {
            // Somebody else's by now: then it is not ours to return.
            let _returned: Result<u32, u32> = owner.compare_exchange(pid, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Tickets that are somebody's, with whose they are.
    pub fn tickets(&self) -> impl Iterator<Item = (u32, u32)> {
        let used = self.header(header::TICKETS_USED).load(Ordering::Acquire).min(u32::try_from(TICKETS).unwrap_or(0));
        let table = *self;
        (0..used).filter_map(move |number| {
            let owner = table.ticket(number, 1)?.load(Ordering::Acquire);
            (owner != 0).then_some((number, owner))
        })
    }

    /// A request is about to be sent.
    pub fn send(&self, ticket: Ticket) {
        if let Some(cell) = self.ticket(ticket.number, 0) {
            cell.store(ticket.word(Request::Sent), Ordering::Release);
        }
    }

    /// The child takes its request back; `false` if it has begun, for all that is known.
    pub fn withdraw(&self, ticket: Ticket) -> bool {
        self.turn(ticket, Request::Withdrawn)
    }

    /// A thread is about to run a request; `false` if the child has taken it back.
    pub fn begin(&self, ticket: Ticket) -> bool {
        self.turn(ticket, Request::Begun)
    }

    /// The engine has seen a request through, and says so before it says the end to the child.
    pub fn end(&self, ticket: Ticket) {
        if let Some(cell) = self.ticket(ticket.number, 0) {
            let (begun, none) = (ticket.word(Request::Begun), ticket.word(Request::None));
            // Another connection's ticket by now: then there is nothing to say.
            let _ended: Result<u32, u32> = cell.compare_exchange(begun, none, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Whether the engine has seen the request through. An end that an application has put into the connection itself is none.
    pub fn has_ended(&self, ticket: Ticket) -> bool {
        self.ticket(ticket.number, 0).is_some_and(|cell| cell.load(Ordering::Acquire) == ticket.word(Request::None))
    }

    /// Whether a request still waits.
    pub fn waits(&self, ticket: Ticket) -> bool {
        self.ticket(ticket.number, 0).is_some_and(|cell| cell.load(Ordering::Acquire) == ticket.word(Request::Sent))
    }

    fn turn(&self, ticket: Ticket, to: Request) -> bool {
        let (sent, to) = (ticket.word(Request::Sent), ticket.word(to));
        self.ticket(ticket.number, 0)
            .is_some_and(|cell| cell.compare_exchange(sent, to, Ordering::AcqRel, Ordering::Acquire).is_ok())
    }
}
