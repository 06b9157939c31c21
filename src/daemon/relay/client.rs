/*! Is the client still there, while nothing is being written to it?

Over HTTP/1 its socket is watched. A client that has shut its sending side may only be done sending, so that is no more than a suspicion
for a second; a reset is certain. Over HTTP/2 the connection is another thread's, and httpd knows. *Runs in: child.* */

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::httpd::Connection;

/// How long a client that sends no more may wait for its answer.
const SUSPICION: Duration = Duration::from_secs(1);
/// How often httpd is asked about a connection that can't be watched.
const ASK: Duration = Duration::from_millis(50);
/// How often a request body that can't be watched is looked for.
const LOOK: Duration = Duration::from_millis(5);

/// What is known about a client.
pub struct Client<'c> {
    connection: Connection<'c>,
    socket: Option<BorrowedFd<'c>>,
    suspected: Option<Instant>,
    gone: bool,
}

impl<'c> Client<'c> {
    /// The client of a request's connection.
    pub fn new(connection: Connection<'c>) -> Self {
        Self { connection, socket: connection.client_socket(), suspected: None, gone: false }
    }

    /// What to wait for at its socket. `reading`: request body is wanted, and none is there.
    pub fn interest(&self, reading: bool) -> Option<(BorrowedFd<'c>, PollFlags)> {
        // Once suspected it would be ready for ever.
        let socket = self.socket.filter(|_| self.suspected.is_none())?;
        Some((socket, if reading { PollFlags::IN | PollFlags::RDHUP } else { PollFlags::RDHUP }))
    }

    /// Waits for more to read, for at most `wait`: whether there is. A client that can't be watched is not waited for.
    pub fn sends_within(&self, wait: Duration) -> bool {
        let (Some(socket), Ok(wait)) = (self.socket, Timespec::try_from(wait)) else { return false };
        let mut descriptors = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
        rustix::event::poll(&mut descriptors, Some(&wait)).is_ok_and(|found| found > 0)
    }

    /// When to look again, whatever happens.
    pub fn deadline(&self, now: Instant, reading: bool) -> Option<Instant> {
        match (self.socket, self.suspected) {
            (Some(_), suspected) => suspected.map(|since| since + SUSPICION),
            (None, _) => Some(now + if reading { LOOK } else { ASK }),
        }
    }

    /// What its socket was found to be.
    pub fn saw(&mut self, found: PollFlags, now: Instant) {
        if found.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) {
            self.gone = true;
        } else if found.contains(PollFlags::RDHUP) {
            self.suspected.get_or_insert(now);
        }
    }

    /// Looks at its socket, without waiting: whether it is gone. For times in which nobody else watches it, and at a stop or restart it is httpd that
    /// closes the connection.
    pub fn look(&mut self, now: Instant) -> bool {
        if let Some((socket, wanted)) = self.interest(false) {
            let mut one = [PollFd::from_borrowed_fd(socket, wanted)];
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            // An interrupted look has found nothing; there will be another one.
            let found = rustix::event::poll(&mut one, Some(&at_once)).unwrap_or(0);
            let [one] = one.map(|one| if found > 0 { one.revents() } else { PollFlags::empty() });
            if !one.is_empty() {
                self.saw(one, now);
            }
        }
        self.is_gone(now)
    }

    /// Whether it is gone.
    pub fn is_gone(&self, now: Instant) -> bool {
        self.gone
            || self.suspected.is_some_and(|since| now.saturating_duration_since(since) >= SUSPICION)
            || self.connection.is_aborted()
    }
}
