/*! Until somebody takes a request: a place is reserved in the group's table, the request is sent there, and if it has certainly not begun it is sent
somewhere else (requirement 9 of the design). What waits has begun nowhere, so it can be taken back: because its time is over, because another
process has a thread free, or because the process has died. *Runs in: child.* */

use std::time::{Duration, Instant};

use protocol::frame::RefusedReason;
use protocol::table::{Place, Reserved, Table, Wish};
use rustix::io::Errno;

use super::answer::{Answer, End};
use super::connection::SOON;
use super::connections::{Connection, Line};
use super::exchange::{Outcome, Relay, Talk};
use super::group::Group;
use super::opening::greeting;
use crate::handler::group_failure::GroupFailure;

/// First pause before a request is offered again; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(5);
/// See [`PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// So many times it is offered again at once.
const AT_ONCE: u32 = 3;
/// How often a request that waits for a process, or for new code, looks whether its client is still there.
const LOOK: Duration = Duration::from_millis(250);

/// How offering a request goes on.
pub struct Offer<'t> {
    line: Line<'t>,
    /// The table's counts of changes before the request was last offered.
    changes: (u32, u32),
    until: Instant,
    attempts: u32,
    /// So many of them found nobody where a process should listen.
    unreached: u32,
    pause: Duration,
}

/// What to do with a request that has not begun.
enum Next {
    /// It is offered again: the process goes, or another is better.
    Again,
    /// It is offered again: nobody was there, or somebody who left without a word.
    Unreached,
    /// It is offered again when new code serves, or could not be made to.
    NewCode,
}

impl<'t> Offer<'t> {
    fn new(table: Table<'t>, group: &Group, began: Instant) -> Self {
        Self {
            line: Line { table, wish: Wish { definition: group.definition, ahead: group.ahead, newest: false } },
            changes: (0, 0),
            until: began + group.connect_timeout,
            attempts: 0,
            unreached: 0,
            pause: PAUSE,
        }
    }
}

/// A request that waits in a process whose threads are all busy.
pub struct Queue {
    /// When to look at it next.
    pub look: Instant,
    step: Duration,
    /// From then on it has waited for longer than `queue-timeout`.
    until: Option<Instant>,
}

impl Queue {
    /// From here on. `movable`: no thread was free for it, and another process may come to have one. `left`: how long it may still wait.
    pub fn new(movable: bool, left: Option<Duration>) -> Self {
        let step = if movable { Duration::from_millis(5) } else { Duration::from_millis(50) };
        let now = Instant::now();
        Self { look: now + step, step, until: left.map(|left| now + left) }
    }

    /// When there is something to be done about it.
    pub fn deadline(&self) -> Instant {
        self.until.map_or(self.look, |until| until.min(self.look))
    }

    /// Whether it has waited for too long.
    pub fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// Whether looks are so rare that none is missed in [`SOON`].
    pub const fn looks_late(&self) -> bool {
        self.step.as_millis() > SOON.as_millis()
    }

    /// The next look comes later.
    pub fn later(&mut self, now: Instant) {
        self.step = (self.step * 2).min(Duration::from_millis(50));
        self.look = now + self.step;
    }
}

impl<'a, 'r: 'a> Relay<'a, 'r> {
    /// Offers the request until a process takes it.
    pub fn offer(&mut self) -> Outcome<'a> {
        let Some(table) = self.reach.connections.table() else {
            return Err(GroupFailure::Unavailable("the table of its processes could not be mapped (hint: restart Apache)"));
        };
        let mut offer = Offer::new(table, self.group, self.began);
        loop {
            offer.changes = table.changes();
            let (place, full) = match self.place(&mut offer)? {
                Some(found) => found,
                None => return Ok(Talk::End(End::ClientGone)),
            };
            let large = self.outbox.has_large_body(self.request_end);
            let next = match self.reach.connections.to(table, place, &self.group.path, large) {
                Ok(connection) => {
                    self.start(&connection);
                    let placed = Instant::now();
                    match self.through(connection, full, offer.line.wish)? {
                        Ok(end) => return Ok(end),
                        Err(next) => {
                            // The time in a process's queue was not spent in waiting for a process, and the other way round.
                            let queued = placed.elapsed();
                            offer.until += queued;
                            self.queued += queued;
                            next
                        }
                    }
                }
                // It has died, and the table does not say so yet.
                Err(Errno::CONNREFUSED | Errno::NOENT | Errno::AGAIN) => {
                    table.release(place);
                    Next::Unreached
                }
                Err(error) => {
                    table.release(place);
                    let text = error.to_string();
                    let text = self.conversation.request.pool().string(text.as_bytes()).to_str().unwrap_or_default();
                    return Err(GroupFailure::Socket(text));
                }
            };
            match next {
                Next::Again | Next::Unreached => {
                    offer.unreached += u32::from(matches!(next, Next::Unreached));
                    if !self.pause(&mut offer)? {
                        return Ok(Talk::End(End::ClientGone));
                    }
                }
                Next::NewCode => {
                    self.await_new_code(&offer);
                    // The new code, if there is some; the old one otherwise.
                    offer.line.wish.newest = table.changes().1 != offer.changes.1;
                }
            }
        }
    }

    /// Has the request served over a connection: how that ended, or what to do next if it has not begun.
    fn through(&mut self, mut connection: Connection, full: bool, wish: Wish) -> Result<Result<Talk, Next>, GroupFailure<'a>> {
        let talk = self.talk(&mut connection, full, wish);
        // Taken back, it has a place no more, and the connection goes.
        match talk {
            Talk::End(End::Complete) => {
                if self.is_through(&connection) {
                    let room = self.outbox.take_room();
                    self.reach.connections.keep(connection, room);
                }
                Ok(Ok(talk))
            }
            Talk::End(End::Refused(RefusedReason::NewCode)) => Ok(Err(Next::NewCode)),
            Talk::End(End::Refused(_)) | Talk::Better => Ok(Err(Next::Again)),
            Talk::Unsent => {
                if connection.ticket().is_none() {
                    // Less than a request has been sent, so it can't have begun.
                    self.release(connection.place);
                } else {
                    connection.take_back();
                }
                Ok(Err(Next::Unreached))
            }
            Talk::Overdue => {
                if let Some(table) = self.reach.connections.table() {
                    table.ask_for_stacks();
                }
                let limit = self.group.queue_timeout.unwrap_or_default();
                Err(GroupFailure::QueueTimeout(limit.as_secs()))
            }
            Talk::Died(_) if connection.take_back() => Ok(Err(Next::Unreached)),
            Talk::Silent | Talk::Died(_) | Talk::End(_) => {
                if let (Talk::Silent, Some(table)) = (&talk, self.reach.connections.table()) {
                    table.ask_for_stacks_of(connection.place);
                }
                // If it waits, nobody shall run it for a client that has been told otherwise.
                connection.take_back();
                Ok(Ok(talk))
            }
        }
    }

    fn release(&self, place: Place) {
        if let Some(table) = self.reach.connections.table() {
            table.release(place);
        }
    }

    /// Whether nothing of the request is left on its connection.
    fn is_through(&self, connection: &Connection) -> bool {
        connection.is_done()
            && self.body.has_ended()
            && self.outbox.is_sent()
            && connection.inbox.bytes().is_empty()
            && connection.inbox.enclosed.files.is_empty()
            && !self.answer.goes_away
    }

    /// A place for the request, and whether it has to wait there; `None` when the client is gone.
    fn place(&mut self, offer: &mut Offer<'_>) -> Result<Option<(Place, bool)>, GroupFailure<'a>> {
        let table = offer.line.table;
        let mut waits = false;
        let found = loop {
            let left = offer.until.saturating_duration_since(Instant::now());
            match offer.line.reserve(if waits { left.min(LOOK) } else { Duration::ZERO }) {
                Reserved::Thread(place) => break Ok(Some((place, false))),
                Reserved::Queue(place) => break Ok(Some((place, true))),
                Reserved::Full => {
                    table.ask_for_stacks();
                    break Err(GroupFailure::QueueFull(self.group.listen_backlog));
                }
                Reserved::Nobody if table.trouble() => break Err(GroupFailure::CannotStart),
                Reserved::Nobody if table.is_closed(self.group.generation) => break Err(GroupFailure::Stopping),
                Reserved::Nobody if left.is_zero() => break Err(self.not_ready()),
                Reserved::Nobody if self.client.look(Instant::now()) => break Ok(None),
                Reserved::Nobody if waits => {}
                Reserved::Nobody => {
                    waits = table.join_queue(self.group.listen_backlog.max(1));
                    if !waits {
                        break Err(GroupFailure::StartingFull(self.group.listen_backlog));
                    }
                }
            }
        };
        if waits {
            table.leave_queue();
        }
        found
    }

    const fn not_ready(&self) -> GroupFailure<'a> {
        GroupFailure::NotReady(self.group.connect_timeout.as_secs())
    }

    /// Prepares what is sent over `connection`: a greeting only if it is new.
    fn start(&mut self, connection: &Connection) {
        let hello = greeting(self.group, connection.ticket());
        self.outbox.rewind(if connection.used { hello.len() } else { 0 }, &hello);
        if let Some(memory) = &connection.inbox.enclosed.memory {
            self.outbox.lend(self.request_end, memory);
        }
        self.answer = Answer::new(self.group.header_buffer_size, connection.used);
    }

    /// Before it is offered again; `false` when the client is gone.
    fn pause(&mut self, offer: &mut Offer<'_>) -> Result<bool, GroupFailure<'a>> {
        let now = Instant::now();
        offer.attempts += 1;
        if self.client.look(now) {
            return Ok(false);
        }
        if now >= offer.until {
            let (attempts, path) = (offer.attempts, self.group.path.as_slice());
            let nobody = offer.unreached == attempts;
            return Err(if nobody { GroupFailure::Unreachable { attempts, path } } else { GroupFailure::KeptLeaving(attempts) });
        }
        if offer.attempts > AT_ONCE {
            std::thread::sleep(offer.pause);
            offer.pause = (offer.pause * 2).min(LONGEST_PAUSE);
        }
        Ok(true)
    }

    /// Waits until new code serves, or could not be made to, for at most `reload-wait`; then the request takes what it finds.
    fn await_new_code(&mut self, offer: &Offer<'_>) {
        let table = offer.line.table;
        let until = Instant::now() + self.group.reload_wait;
        loop {
            let bell = table.bell().load(std::sync::atomic::Ordering::Acquire);
            let now = Instant::now();
            let over = now >= until || table.is_closed(self.group.generation);
            if table.changes().0 != offer.changes.0 || over || self.client.look(now) {
                break;
            }
            offer.line.listen(bell, until.saturating_duration_since(now).min(LOOK));
        }
        self.waited();
    }
}
