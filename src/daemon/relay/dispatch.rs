/*! Which process of a group a request goes to: a place is reserved in the group's table, and a connection is made to the process there. If that came to nothing,
it says when the request may be offered again, and until when. *Runs in: child.* */

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use protocol::rules::{MOST_NEW_CODE, MOST_REFUSALS};
use protocol::table::{Place, Reserved, Table, Wish};
use rustix::thread::futex;
use rustix::thread::futex::Timespec;

use super::client::Client;
use crate::daemon::child::GroupHandle;
use crate::daemon::connections::{Connection, NoConnection};
use crate::daemon::group::Group;
use crate::daemon::share::Held;
use crate::httpd::Pool;
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

/// How often a request was offered, and how long that may go on.
struct Attempts {
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
pub enum Next {
    /// It is offered again: the process goes.
    Again,
    /// It is offered again: another process is better.
    Better,
    /// It is offered again: nobody was there, or somebody who left without a word.
    Unreached,
    /// It is offered again when new code serves, or could not be made to.
    NewCode,
}

/// How a request goes on that has not begun.
pub enum Again {
    /// It is offered again.
    Now,
    /// It is offered again, to a process with new code if there is one: it has waited for that.
    AfterNewCode,
    /// Its client is gone.
    ClientGone,
}

impl Attempts {
    fn new(group: &Group, began: Instant) -> Self {
        Self {
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

/// The processes of a group, for one request.
pub struct Dispatch {
    handle: GroupHandle,
    group: &'static Group,
    reservation: Reservation<'static>,
    /// The table's counts of changes before the request was last offered.
    changes: (u32, u32),
    attempts: Attempts,
    /// It counts as one of the group's in httpd's workers, for as long as this lives.
    held: Option<Held>,
}

impl Dispatch {
    /// For a request that began at `began`.
    ///
    /// # Errors
    /// The group has no table.
    pub fn new(handle: GroupHandle, began: Instant) -> Result<Self, GroupFailure<'static>> {
        let Some(table) = handle.connections.table() else {
            return Err(GroupFailure::Unavailable("could not map the table of its processes. To fix: restart httpd"));
        };
        let group = handle.group;
        let wish = Wish { definition: group.definition, ahead: group.ahead, ..Wish::default() };
        let reservation = Reservation { table, wish };
        Ok(Self { handle, group, reservation, changes: (0, 0), attempts: Attempts::new(group, began), held: None })
    }

    /// What the request wishes of a process.
    pub const fn wish(&self) -> Wish {
        self.reservation.wish
    }

    /// See [`Attempts::was_in_process`].
    pub fn was_in_process(&mut self, next: &Next, queued: Duration) {
        self.attempts.was_in_process(next, queued);
    }

    /// A place for the request, and whether it has to wait there; `None` when the client is gone.
    ///
    /// # Errors
    /// No process can be had.
    pub fn reserve(&mut self, client: &mut Client<'_>) -> Result<Option<(Place, bool)>, GroupFailure<'static>> {
        self.changes = self.reservation.table.changes();
        self.reservation.wish.avoided = self.handle.connections.avoided();
        let Some((place, full)) = self.place(client)? else { return Ok(None) };
        if let Err(failure) = self.hold() {
            self.reservation.table.release(place);
            return Err(failure);
        }
        Ok(Some((place, full)))
    }

    fn place(&mut self, client: &mut Client<'_>) -> Result<Option<(Place, bool)>, GroupFailure<'static>> {
        let table = self.reservation.table;
        let mut waits = false;
        let mut bell = Bell::default();
        let found = loop {
            bell.rings();
            let left = self.attempts.until.saturating_duration_since(Instant::now());
            match self.reservation.reserve(if waits { left.min(LOOK) } else { Duration::ZERO }) {
                Reserved::Thread(place) => break Ok(Some((place, false))),
                Reserved::Queue(place) => break Ok(Some((place, true))),
                Reserved::Full => {
                    table.ask_for_stacks();
                    break Err(GroupFailure::QueueFull(self.group.listen_backlog));
                }
                Reserved::Nobody if table.trouble() => break Err(GroupFailure::CannotStart),
                Reserved::Nobody if table.is_closed(self.group.generation) => break Err(GroupFailure::Stopping),
                Reserved::Nobody if left.is_zero() => {
                    break Err(GroupFailure::NotReady(self.group.connect_timeout.as_secs()));
                }
                Reserved::Nobody if client.look(Instant::now()) => break Ok(None),
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
    fn hold(&mut self) -> Result<(), GroupFailure<'static>> {
        if self.held.is_none() {
            self.held = self.handle.share.hold(self.group.maximum_in_flight);
        }
        match self.held {
            Some(_) => Ok(()),
            None => Err(GroupFailure::ShareUsed(self.group.maximum_in_flight.unwrap_or(0))),
        }
    }

    /// A connection to the process at `place`, which is reserved. `large`: the request has a large body. `pool` is the request's, for what is said of it.
    ///
    /// # Errors
    /// Nobody can be reached at all. What is to be done next if only this process can't.
    pub fn connect<'p>(
        &mut self,
        place: Place,
        large: bool,
        pool: Pool<'p>,
    ) -> Result<Result<Connection, Next>, GroupFailure<'p>> {
        let table = self.reservation.table;
        let failure = match self.handle.connections.to(table, place, self.group, large) {
            Ok(connection) => return Ok(Ok(connection)),
            Err(failure) => failure,
        };
        table.release(place);
        match failure {
            // It has died, and the table does not say so yet.
            NoConnection::Nobody => Ok(Err(Next::Unreached)),
            NoConnection::Stranger(uid) => {
                self.attempts.stranger = Some(uid);
                Ok(Err(Next::Unreached))
            }
            // Somebody has put something else in its place, perhaps: other processes may be reached, and this one's successor soon.
            NoConnection::Failed(_) if self.attempts.failed.get_or_insert_with(Instant::now).elapsed() < REPLACED => {
                Ok(Err(Next::Unreached))
            }
            NoConnection::Failed(error) => {
                let text = error.to_string();
                Err(GroupFailure::Socket(pool.string(text.as_bytes()).to_str().unwrap_or_default()))
            }
        }
    }

    /// Waits before a request is offered again that has not begun at `place`, as long as `next` asks for.
    ///
    /// # Errors
    /// It was offered for as long as it may be.
    pub fn again(&mut self, next: &Next, place: Place, client: &mut Client<'_>) -> Result<Again, GroupFailure<'static>> {
        match next {
            Next::NewCode => {
                self.attempts.new_code += 1;
                if self.attempts.new_code <= MOST_NEW_CODE {
                    return Ok(if self.await_new_code(client) { Again::AfterNewCode } else { Again::ClientGone });
                }
            }
            Next::Unreached => {
                self.attempts.unreached += 1;
                self.handle.connections.avoid(place);
            }
            Next::Again | Next::Better => {}
        }
        Ok(if self.pause(client)? { Again::Now } else { Again::ClientGone })
    }

    /// Before it is offered again; `false` when the client is gone.
    fn pause(&mut self, client: &mut Client<'_>) -> Result<bool, GroupFailure<'static>> {
        let now = Instant::now();
        let tried = &mut self.attempts;
        tried.attempts += 1;
        if client.look(now) {
            return Ok(false);
        }
        if now >= tried.until {
            let (attempts, path) = (tried.attempts, self.group.path.as_slice());
            return Err(match tried.stranger {
                Some(uid) => GroupFailure::Stranger { uid, path },
                None if tried.unreached == attempts => GroupFailure::Unreachable { attempts, path },
                None => GroupFailure::KeptLeaving(attempts),
            });
        }
        if tried.attempts > AT_ONCE {
            std::thread::sleep(tried.pause);
            tried.pause = (tried.pause * 2).min(LONGEST_PAUSE);
        }
        Ok(true)
    }

    /// Waits until new code serves, or could not be made to, for at most `reload-wait`; then the request takes what it finds: the new code, if there is some, the
    /// old one otherwise. `false` when the client is gone.
    fn await_new_code(&mut self, client: &mut Client<'_>) -> bool {
        let table = self.reservation.table;
        let until = Instant::now() + self.group.reload_wait;
        let mut rung = Bell::default();
        loop {
            rung.rings();
            let bell = table.bell().load(Ordering::Acquire);
            let now = Instant::now();
            if client.look(now) {
                return false;
            }
            let over = now >= until || table.is_closed(self.group.generation);
            if table.changes().0 != self.changes.0 || over {
                break;
            }
            self.reservation.listen(bell, until.saturating_duration_since(now).min(LOOK));
        }
        self.reservation.wish.newest = table.changes().1 != self.changes.1;
        true
    }
}

/// Reserves places in a group's table.
#[derive(Clone, Copy, Debug)]
struct Reservation<'t> {
    /// The table.
    table: Table<'t>,
    /// What is wished for.
    wish: Wish,
}

impl Reservation<'_> {
    /// Reserves a place, and otherwise waits until something has changed, for at most `wait`.
    fn reserve(&self, wait: Duration) -> Reserved {
        let bell = self.table.bell().load(Ordering::Acquire);
        let reserved = self.table.reserve(self.wish);
        if reserved == Reserved::Nobody && !self.table.trouble() {
            self.listen(bell, wait);
        }
        reserved
    }

    /// Waits for the bell, which had the value `bell`, for at most `wait`.
    fn listen(&self, bell: u32, wait: Duration) {
        let timeout = Timespec::try_from(wait).ok();
        // Rung, interrupted or in vain: whoever calls looks again.
        let _waited: rustix::io::Result<()> = futex::wait(self.table.bell(), futex::Flags::empty(), bell, timeout.as_ref());
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

    use super::{Attempts, Bell, MOST_MOVES, Next};

    #[test]
    fn the_time_in_a_queue_is_given_back_so_often() {
        let group = crate::daemon::group::testing::group();
        let began = Instant::now();
        for (next, most) in [(Next::Again, protocol::rules::MOST_REFUSALS), (Next::NewCode, 8), (Next::Better, MOST_MOVES)] {
            let mut attempts = Attempts::new(&group, began);
            for _ in 0..most + 1000 {
                attempts.was_in_process(&next, Duration::from_secs(50));
            }
            assert_eq!(attempts.until, began + group.connect_timeout + Duration::from_secs(50) * most);
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
