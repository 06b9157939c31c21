/*! This process in its group's table: how many requests it has, and whether it may have more.

Apache's children reserve a place here before they send a request; whoever runs the request returns it. When the process is to leave, nobody
reserves any more, and with the last place returned nothing can be on its way: then the workers are told to end. *Runs in: daemon.* */

use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use protocol::table::{Limit, Place, Table, Ticket};
use rustix::event::EventfdFlags;

use crate::capi::fork::is_copy;
use crate::daemon::descriptors::{Descriptor, adopt};
use crate::daemon::workers::worker_gate::WorkerGate;
use crate::sync::locks::lock;

/// A reservation whose request has not come after this long belongs to a child that has died.
const LOST: Duration = Duration::from_secs(2);

/// See the module.
pub struct TableSlot {
    table: Option<(Table<'static>, Place)>,
    /// Becomes readable when the workers are to end.
    pub end: Descriptor,
    threads: AtomicU32,
    /// The table's pulse and what workers have taken up, and since when they are that.
    seen: Mutex<(u32, u64, Instant)>,
}

impl TableSlot {
    /// Of the process that the table's `file` knows as `place`; a service, which takes no requests, has none.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn new(file: &OwnedFd, place: Option<Place>, threads: u32) -> Result<Self, String> {
        let table = match place {
            None => None,
            Some(place) => {
                let memory =
                    shared_memory::map(file).map_err(|error| format!("could not map the table of its group: {error}"))?;
                Some((Table::open(memory).ok_or("the table of its group has an unknown format. To fix: restart httpd")?, place))
            }
        };
        let end =
            rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|e| format!("eventfd: {e}"))?;
        Ok(Self { table, end: adopt(end), threads: AtomicU32::new(threads), seen: Mutex::new((0, 0, Instant::now())) })
    }

    /// The process has fewer threads than it was to have.
    pub fn has_threads(&self, threads: u32) {
        self.threads.store(threads, Ordering::Relaxed);
        if let Some((table, place)) = &self.table {
            table.set_threads(*place, threads);
        }
    }

    /// Whether another process of the group serves, or is about to.
    pub fn has_others(&self) -> bool {
        self.table.as_ref().is_some_and(|(table, place)| table.has_others(*place))
    }

    /// A request is about to be run: `false` if the child has taken it back. A connection without a ticket can't take back.
    pub fn begin(&self, ticket: Option<Ticket>) -> bool {
        match (&self.table, ticket) {
            (Some((table, _)), Some(ticket)) => table.begin(ticket),
            _ => true,
        }
    }

    /// A request that was begun has been seen through, but for its last bytes.
    pub fn end(&self, ticket: Option<Ticket>) {
        if let (Some((table, _)), Some(ticket), false) = (&self.table, ticket, is_copy()) {
            table.end(ticket);
        }
    }

    /// Returns a request's place.
    pub fn release(&self) {
        // What an application has forked shares the table, and has no request of its own.
        if is_copy() {
            return;
        }
        if let Some((table, place)) = &self.table
            && table.release(*place)
        {
            self.end_workers();
        }
    }

    /// From here on no place is reserved. The workers end when the requests that have one are through.
    pub fn leave(&self) {
        match &self.table {
            Some((table, place)) => {
                table.leave(*place);
                if table.load(*place) == 0 {
                    self.end_workers();
                }
            }
            None => self.end_workers(),
        }
    }

    /// The process ends with what it is at: at the limit that its supervisor has noted, or at `limit`, of which that does not know.
    pub fn cut(&self, limit: Option<Limit>) {
        let Some((table, place)) = &self.table else { return };
        if let Some(limit) = limit {
            table.bound(*place, limit);
        }
        table.cut(*place);
    }

    /// Whether a child has asked where the busy threads are.
    pub fn are_stacks_asked(&self) -> bool {
        self.table.as_ref().is_some_and(|(table, place)| table.are_stacks_asked(*place))
    }

    /// The workers end whatever may still be on its way.
    pub fn end_workers(&self) {
        // An eventfd takes a first write always.
        let _woken = rustix::io::write(&self.end, &1_u64.to_ne_bytes());
    }

    /// Returns the places of children that have died before they sent their requests. Called from time to time; whether it should soon be called
    /// again. `gate` knows what the workers are at.
    pub fn look(&self, leaving: bool, gate: &WorkerGate) -> bool {
        let Some((table, place)) = &self.table else { return false };
        let (pulse, turns) = (table.pulse(*place), gate.taken());
        let (busy, load) = (gate.running(), table.load(*place));
        let mut seen = lock(&self.seen);
        // While every thread is busy, others wait with good reason.
        if (seen.0, seen.1) != (pulse, turns) || load <= busy || busy >= self.threads.load(Ordering::Relaxed) {
            *seen = (pulse, turns, Instant::now());
        } else if seen.2.elapsed() >= LOST {
            table.repair(*place, pulse, busy);
        }
        // A child may have returned the last place itself.
        if leaving && gate.running() == 0 && table.load(*place) == 0 {
            self.end_workers();
        }
        load > busy || leaving
    }
}
