/*! A child's connections to the processes of one group, kept from request to request, and the group's table that says which may be used.

A connection is used again for a process that takes requests; others are closed when they are come across. The one used last is used first, and what
has not been used for a while is closed, so that no more are kept than there is work for; the same goes for the memory that requests are put together in.
*Runs in: child.* */

mod closing;
pub mod recv_buffer;
pub mod send_buffer;
mod socket;

use std::collections::VecDeque;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::table::{Avoided, Limit, Place, State, Table, Ticket, socket_path};
use rustix::io::Errno;
use shared_memory::Region;

use self::closing::Closer;
use self::recv_buffer::{Received, RecvBuffer};
use self::socket::Descriptors;
use super::group::Group;
use crate::httpd::system::peer;

/// A connection that nobody has used for so long is closed.
const UNUSED: Duration = Duration::from_secs(30);

/// A process that could not be reached is avoided for so long.
const AVOIDED: Duration = Duration::from_secs(1);

/// Of so many processes at most it is known that they could not be reached.
const MOST_AVOIDED: usize = 64;

/// No more memory than this is kept with a connection.
const MOST_ROOM: usize = 256 * 1024;

/// A connection to a process.
#[derive(Debug)]
pub struct Connection {
    /// The socket.
    pub socket: OwnedFd,
    /// What becomes of descriptors that come over it.
    descriptors: Descriptors,
    /// What comes over it.
    pub recv_buffer: RecvBuffer,
    /// The process.
    pub place: Place,
    /// It was used before, so each side has greeted.
    pub used: bool,
    ticket: Option<Ticket>,
    table: Table<'static>,
    closer: &'static Closer,
    left: Instant,
    /// Memory in which the last request was put together, for the next one.
    spare_buffer: Vec<u8>,
}

impl Connection {
    /// Its ticket in the table; `None` if there was none left.
    pub const fn ticket(&self) -> Option<Ticket> {
        self.ticket
    }

    /// A request is about to be sent over it.
    pub fn send(&self) {
        if let Some(ticket) = self.ticket {
            self.table.send(ticket);
        }
    }

    /// Whether the engine has seen its request through. Otherwise what else it has to say would be taken for the next request's answer.
    pub fn is_done(&self) -> bool {
        self.ticket.is_some_and(|ticket| self.table.has_ended(ticket))
    }

    /// Whether its request has not begun, as far as that is known.
    pub fn waits(&self) -> bool {
        self.ticket.is_some_and(|ticket| self.table.waits(ticket))
    }

    /// The limit at which its process was ended, if it was.
    pub fn limit_reached(&self) -> Option<Limit> {
        self.table.cut_at(self.place)
    }

    /// Takes its request back, with its place; `false` if it may have begun. The connection is of no further use.
    pub fn take_back(&self) -> bool {
        let back = self.ticket.is_some_and(|ticket| self.table.withdraw(ticket));
        if back {
            self.table.release(self.place);
        }
        back
    }
}

impl Connection {
    /// A process that has asked for memory for bodies gets some, which this child makes. Before a request is sent, since nothing is under way then.
    pub fn give_memory(&mut self) {
        let wanted = self.used && self.recv_buffer.ancillary.wants_memory && self.recv_buffer.ancillary.memory.is_none();
        if wanted
            && let Ok((region, file)) = Region::make()
            && socket::send_memory(self.socket.as_fd(), &file)
        {
            self.recv_buffer.ancillary.memory = Some(region);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.descriptors == Descriptors::LookedFor
            && let Ok(last) = self.socket.try_clone()
        {
            self.closer.close(last);
        }
        if let Some(ticket) = self.ticket {
            self.table.return_ticket(ticket.number, std::process::id());
        }
    }
}

/// All of a child's to one group.
#[derive(Debug)]
pub struct Connections {
    memory: Option<&'static [AtomicU32]>,
    idle: Mutex<VecDeque<Connection>>,
    unreached: Unreached,
    /// See [`RecvBuffer::new`].
    long: AtomicUsize,
    closer: Closer,
    /// More connections than this do not wait for a request.
    most_idle: usize,
}

/// Why there is no connection to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoConnection {
    /// Nobody listens, or too many connect at once.
    Nobody,
    /// Somebody listens in its place who is not Apache's supervisor: his user id. Nothing was sent to him.
    Stranger(u32),
    /// The system's words.
    Failed(Errno),
}

/// The processes of a group that this child could not reach a moment ago. Every process of the group can write the table, so what a child has found out by
/// itself is kept in its own memory.
#[derive(Debug, Default)]
struct Unreached {
    /// There may be some: nobody takes the lock for nothing.
    some: AtomicBool,
    places: Mutex<Vec<(Place, Instant)>>,
}

impl Unreached {
    fn add(&self, place: Place, now: Instant) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|(known, until)| *known != place && *until > now);
        if places.len() >= MOST_AVOIDED {
            places.remove(0);
        }
        places.push((place, now + AVOIDED));
        self.some.store(true, Ordering::Release);
    }

    fn now(&self, now: Instant) -> Avoided {
        let mut avoided = Avoided::default();
        if self.some.load(Ordering::Acquire) {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            places.retain(|(_, until)| *until > now);
            self.some.store(!places.is_empty(), Ordering::Release);
            places.iter().for_each(|(place, _)| avoided.add(*place));
        }
        avoided
    }
}

impl Connections {
    /// None yet. `file` is the group's table; a service has none. `most_idle`: how many are kept that wait for a request.
    pub fn new(file: Option<BorrowedFd<'static>>, most_idle: u32) -> Self {
        Self {
            memory: file.and_then(|file| shared_memory::map(file).ok()),
            idle: Mutex::default(),
            unreached: Unreached::default(),
            long: AtomicUsize::new(0),
            closer: Closer::default(),
            most_idle: usize::try_from(most_idle).unwrap_or(usize::MAX),
        }
    }

    /// The group's table, if it could be mapped. Looked at each time: somebody who writes nonsense into it does so until the supervisor puts it right.
    pub fn table(&self) -> Option<Table<'static>> {
        self.memory.and_then(Table::open)
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Connection>> {
        // A panic while it was held leaves a list that is whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process at `place` could not be reached, or has closed a connection without a word.
    pub fn avoid(&self, place: Place) {
        self.unreached.add(place, Instant::now());
    }

    /// The processes that could not be reached a moment ago.
    pub fn avoided(&self) -> Avoided {
        self.unreached.now(Instant::now())
    }

    /// A connection to the process at `place` of `group`: one that is there, or a new one. `large`: rather one with memory for bodies, which not all have.
    ///
    /// # Errors
    /// [`NoConnection`].
    pub fn to(
        &'static self,
        table: Table<'static>,
        place: Place,
        group: &Group,
        large: bool,
    ) -> Result<Connection, NoConnection> {
        while let Some(mut found) = self.find(table, place, large) {
            // Whatever has come since its last request belongs to none: a farewell, the end, or what an application has said that is no answer of the
            // engine's. It must not be taken for the answer to this one.
            if found.recv_buffer.receive(found.socket.as_fd()) == Received::Nothing {
                return Ok(found);
            }
        }
        if !group.descriptors && self.closer.is_stuck() {
            return Err(NoConnection::Nobody);
        }
        let connected = socket::connect(&socket_path(&group.path, place.slot), group.descriptors);
        let (socket, descriptors) = connected.map_err(|error| match error {
            Errno::CONNREFUSED | Errno::NOENT | Errno::AGAIN => NoConnection::Nobody,
            error => NoConnection::Failed(error),
        })?;
        // Checked before the secret is sent: a user who may write the directory could have replaced the socket.
        match peer::listener_uid(socket.as_fd()) {
            Ok(uid) if uid == group.listener => {}
            Ok(uid) => return Err(NoConnection::Stranger(uid)),
            Err(error) => return Err(NoConnection::Failed(error)),
        }
        if table.state(place) == State::Empty {
            // The slot has changed hands meanwhile, so this may be another process.
            return Err(NoConnection::Nobody);
        }
        Ok(Connection {
            socket,
            descriptors,
            recv_buffer: RecvBuffer::new(descriptors, Some(&self.long)),
            place,
            used: false,
            ticket: table.take_ticket(std::process::id(), place),
            table,
            closer: &self.closer,
            left: Instant::now(),
            spare_buffer: Vec::new(),
        })
    }

    fn find(&self, table: Table<'static>, place: Place, large: bool) -> Option<Connection> {
        let mut idle = self.idle();
        let has_memory = |one: &Connection| one.recv_buffer.ancillary.memory.is_some() || one.recv_buffer.ancillary.wants_memory;
        let with_memory = |one: &Connection| one.place == place && has_memory(one);
        let best = if large { idle.iter().rposition(with_memory) } else { None };
        let at = best.or_else(|| idle.iter().rposition(|one| one.place == place))?;
        let found = idle.remove(at);
        if at > 0 && idle.front().is_some_and(|one| table.state(one.place) != State::Serving) {
            // One at a time: their closing is nobody's request's business.
            let gone = idle.pop_front();
            drop(idle);
            drop(gone);
        }
        found
    }

    /// Memory to put a request together in: an earlier one's, so that no page of it has to be asked of the system.
    pub fn spare_buffer(&self) -> Vec<u8> {
        let mut idle = self.idle();
        let last = idle.iter_mut().rev().find(|one| one.spare_buffer.capacity() > 0);
        last.map(|one| std::mem::take(&mut one.spare_buffer)).unwrap_or_default()
    }

    /// Keeps a connection whose request is through, and the memory that the request was in.
    pub fn keep(&self, mut connection: Connection, mut spare_buffer: Vec<u8>) {
        connection.used = true;
        connection.recv_buffer.rest();
        connection.left = Instant::now();
        if spare_buffer.capacity() <= MOST_ROOM {
            spare_buffer.clear();
            connection.spare_buffer = spare_buffer;
        }
        let mut idle = self.idle();
        idle.push_back(connection);
        let is_unused = idle.len() > self.most_idle || idle.front().is_some_and(|one| one.left.elapsed() > UNUSED);
        let unused = if is_unused { idle.pop_front() } else { None };
        drop(idle);
        drop(unused);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use protocol::table::Place;

    use super::{AVOIDED, Unreached};

    #[test]
    fn a_process_that_was_not_reached_is_avoided_for_a_while() {
        let unreached = Unreached::default();
        let now = Instant::now();
        let shown = |now| format!("{:?}", unreached.now(now));
        let nobody = shown(now);
        for epoch in 0..1000 {
            unreached.add(Place { slot: 1, epoch }, now + Duration::from_millis(epoch.into()));
        }
        assert!(shown(now + Duration::from_secs(1)).contains("epoch: 999"));
        assert!(unreached.places.lock().is_ok_and(|places| places.len() <= super::MOST_AVOIDED));
        assert_eq!(shown(now + Duration::from_secs(1) + AVOIDED), nobody);
        assert!(unreached.places.lock().is_ok_and(|places| places.is_empty()));
    }
}
