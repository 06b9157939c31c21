/*! Until somebody takes a request: a place is reserved in the group's table, the request is sent there, and if it has certainly not begun it is sent
somewhere else (requirement 9 of the design). What waits has begun nowhere, so it can be taken back: because its time is over, because another
process has a thread free, or because the process has died. *Runs in: child.* */

use std::time::{Duration, Instant};

use protocol::frame::RefusedReason;
use protocol::rules::{MOST_NEW_CODE, MOST_REFUSALS};
use protocol::table::{Place, Reserved, Table, Wish};

use super::request_frames::greeting;
use super::response_reader::{Answer, End};
use super::{Outcome, Relay, Talk};
use crate::daemon::connections::{Connection, Line, NoConnection};
use crate::daemon::group::Group;
use crate::request::group_failure::GroupFailure;

/// First pause before a request is offered again; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(5);
/// See [`PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// So many times it is offered again at once.
const AT_ONCE: u32 = 3;
/// How often a request that waits for a process, or for new code, looks whether its client is still there.
const LOOK: Duration = Duration::from_millis(250);

/// The supervisor replaces a process whose socket is not in its place within this time.
const REPLACED: Duration = Duration::from_secs(3);
/// So often a request is moved to a process that is better, and is given its time in a queue back.
const MOST_MOVES: u32 = 64;

/// How offering a request goes on.
pub struct Offer<'t> {
    line: Line<'t>,
    /// The table's counts of changes before the request was last offered.
    changes: (u32, u32),
    until: Instant,
    attempts: u32,
    /// So many of them found nobody where a process should listen.
    unreached: u32,
    /// So often a process had the request and refused it.
    refusals: u32,
    /// So often it was to wait for new code.
    new_code: u32,
    /// Who listened in a process's place, if it was not Apache's supervisor.
    stranger: Option<u32>,
    /// When a socket was first found that could not be connected to at all.
    failed: Option<Instant>,
    pause: Duration,
}

/// What to do with a request that has not begun.
enum Next {
    /// It is offered again: the process goes.
    Again,
    /// It is offered again: another process is better.
    Better,
    /// It is offered again: nobody was there, or somebody who left without a word.
    Unreached,
    /// It is offered again when new code serves, or could not be made to.
    NewCode,
}

impl<'t> Offer<'t> {
    fn new(table: Table<'t>, group: &Group, began: Instant) -> Self {
        Self {
            line: Line { table, wish: Wish { definition: group.definition, ahead: group.ahead, ..Wish::default() } },
            changes: (0, 0),
            until: began + group.connect_timeout,
            attempts: 0,
            unreached: 0,
            refusals: 0,
            new_code: 0,
            stranger: None,
            failed: None,
            pause: PAUSE,
        }
    }

    /// A process had the request for `queued` and did not begin it, or said so. The time in a process's queue was not spent in waiting for a process, and the
    /// other way round; but a process that refuses without end is not waited for without end.
    fn was_in_process(&mut self, next: &Next, queued: Duration) {
        let most = match next {
            Next::Better => MOST_MOVES,
            _ => MOST_REFUSALS,
        };
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals <= most {
            self.until += queued;
        }
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
            offer.line.wish.avoided = self.reach.connections.avoided();
            let (place, full) = match self.place(&mut offer)? {
                Some(found) => found,
                None => return Ok(Talk::End(End::ClientGone)),
            };
            if let Err(failure) = self.hold() {
                table.release(place);
                return Err(failure);
            }
            let next = match self.once(&mut offer, place, full)? {
                Ok(end) => return Ok(end),
                Err(next) => next,
            };
            let waits = match next {
                Next::NewCode => {
                    offer.new_code += 1;
                    offer.new_code <= MOST_NEW_CODE
                }
                Next::Unreached => {
                    offer.unreached += 1;
                    self.reach.connections.avoid(place);
                    false
                }
                Next::Again | Next::Better => false,
            };
            let goes_on = if waits { self.await_new_code(&mut offer) } else { self.pause(&mut offer)? };
            if !goes_on {
                return Ok(Talk::End(End::ClientGone));
            }
        }
    }

    /// Offers the request to the process at `place`, which is reserved: how that ended, or what to do next if it has not begun.
    fn once(&mut self, offer: &mut Offer<'static>, place: Place, full: bool) -> Result<Result<Talk, Next>, GroupFailure<'a>> {
        let table = offer.line.table;
        let large = self.outbox.has_large_body(self.request_end);
        let mut connection = match self.reach.connections.to(table, place, self.group, large) {
            Ok(connection) => connection,
            Err(failure) => {
                table.release(place);
                return match failure {
                    // It has died, and the table does not say so yet.
                    NoConnection::Nobody => Ok(Err(Next::Unreached)),
                    NoConnection::Stranger(uid) => {
                        offer.stranger = Some(uid);
                        Ok(Err(Next::Unreached))
                    }
                    // Somebody has put something else in its place, perhaps: other processes may be reached, and this one's successor soon.
                    NoConnection::Failed(_) if offer.failed.get_or_insert_with(Instant::now).elapsed() < REPLACED => {
                        Ok(Err(Next::Unreached))
                    }
                    NoConnection::Failed(error) => {
                        let text = error.to_string();
                        let text = self.conversation.request.pool().string(text.as_bytes()).to_str().unwrap_or_default();
                        Err(GroupFailure::Socket(text))
                    }
                };
            }
        };
        connection.give_memory();
        self.start(&connection);
        let placed = Instant::now();
        let ended = self.through(connection, full, offer.line.wish)?;
        if let Err(next) = &ended {
            let queued = placed.elapsed();
            offer.was_in_process(next, queued);
            self.queued += queued;
        }
        Ok(ended)
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
            Talk::End(End::Refused(_)) => Ok(Err(Next::Again)),
            Talk::Better => Ok(Err(Next::Better)),
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
            Talk::Silent | Talk::Overtime | Talk::Died(_) | Talk::End(_) => {
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
        let mut bell = Bell::default();
        let found = loop {
            bell.rings();
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
                    self.hold()?;
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

    /// The request is from here on one of those that the group has in httpd's workers.
    fn hold(&mut self) -> Result<(), GroupFailure<'a>> {
        if self.held.is_none() {
            self.held = self.reach.share.hold(self.group.maximum_in_flight);
        }
        match self.held {
            Some(_) => Ok(()),
            None => Err(GroupFailure::ShareUsed(self.group.maximum_in_flight.unwrap_or(0))),
        }
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
            return Err(match offer.stranger {
                Some(uid) => GroupFailure::Stranger { uid, path },
                None if offer.unreached == attempts => GroupFailure::Unreachable { attempts, path },
                None => GroupFailure::KeptLeaving(attempts),
            });
        }
        if offer.attempts > AT_ONCE {
            std::thread::sleep(offer.pause);
            offer.pause = (offer.pause * 2).min(LONGEST_PAUSE);
        }
        Ok(true)
    }

    /// Waits until new code serves, or could not be made to, for at most `reload-wait`; then the request takes what it finds: the new code, if there is some, the
    /// old one otherwise. `false` when the client is gone.
    fn await_new_code(&mut self, offer: &mut Offer<'_>) -> bool {
        let table = offer.line.table;
        let until = Instant::now() + self.group.reload_wait;
        let mut rung = Bell::default();
        loop {
            rung.rings();
            let bell = table.bell().load(std::sync::atomic::Ordering::Acquire);
            let now = Instant::now();
            if self.client.look(now) {
                return false;
            }
            let over = now >= until || table.is_closed(self.group.generation);
            if table.changes().0 != offer.changes.0 || over {
                break;
            }
            offer.line.listen(bell, until.saturating_duration_since(now).min(LOOK));
        }
        self.waited();
        offer.line.wish.newest = table.changes().1 != offer.changes.1;
        true
    }
}

/// Counts how often somebody who waits for the table's bell has looked, and slows him down when it rings without end: every process of the group can ring it.
#[derive(Debug, Default)]
struct Bell(u32);

impl Bell {
    /// So often it may ring without a pause.
    const FREE: u32 = 64;

    fn rings(&mut self) {
        self.0 = self.0.saturating_add(1);
        if self.0 > Self::FREE {
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Bell, MOST_MOVES, Next, Offer};

    #[test]
    fn the_time_in_a_queue_is_given_back_so_often() {
        let memory: Vec<_> = (0..protocol::table::words(1)).map(|_| std::sync::atomic::AtomicU32::new(0)).collect();
        if let Some(version) = memory.first() {
            version.store(u32::from_ne_bytes(protocol::table::BEGINNING), std::sync::atomic::Ordering::Relaxed);
        }
        let Some(table) = protocol::table::Table::open(&memory) else { unreachable!() };
        let group = crate::daemon::group::testing::group();
        let began = Instant::now();
        for (next, most) in [(Next::Again, protocol::rules::MOST_REFUSALS), (Next::NewCode, 8), (Next::Better, MOST_MOVES)] {
            let mut offer = Offer::new(table, &group, began);
            for _ in 0..most + 1000 {
                offer.was_in_process(&next, Duration::from_secs(50));
            }
            assert_eq!(offer.until, began + group.connect_timeout + Duration::from_secs(50) * most);
        }
    }

    #[test]
    fn a_bell_that_rings_without_end_is_looked_at_now_and_then() {
        let began = Instant::now();
        let mut bell = Bell::default();
        for _ in 0..Bell::FREE + 4 {
            bell.rings();
        }
        assert!(began.elapsed() >= super::PAUSE * 4);
    }
}
