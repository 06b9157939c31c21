/*! The frames of one connection (`docs/protocol.md`), on the daemon's side: one request after another.

A response that is small, or whose body has room in memory that is shared with the child ([`crate::daemon::channel::shared_bodies`]), leaves in one write: what does not wait is
gathered, and sent when Python has been left. Writes are tried without waiting first, so that the GIL is given up only when the child really is behind. Request
body comes only as it was asked for. *Runs in: daemon.* */

mod body;
pub mod connections;
pub mod deferred_flush;
mod exchange;
mod incoming;
mod memory;
pub mod peer;
mod sending;
pub mod shared_bodies;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::embedded::{RequestFlags, outcome};
use protocol::frame::{
    AbortReason, BodyState, Frame, Hello, LONGEST_DATA, Parsed, RefusedReason, Sender, UNASKED, VERSION, Violation, Writer, parse,
};
use protocol::table::Ticket;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown};

use crate::daemon::channel::deferred_flush::{DeferredFlush, Held};
use crate::daemon::channel::incoming::Incoming;
use crate::daemon::channel::shared_bodies::{Memory, Share, SharedBodies};
use crate::daemon::descriptors::Descriptor;
use crate::request::exchange::{ReadError, SMALL, SendError};
use crate::sync::locks::lock;

/// One connection.
pub struct Channel {
    socket: Descriptor,
    timeout: Option<Duration>,
    state: Mutex<State>,
    /// The request ran out of its time: nothing of the application's goes out any more.
    timed_out: AtomicBool,
    /// A thread waits until the child takes more.
    writes: AtomicBool,
    /// Lines for the log that came while somebody waited for the child.
    lines: Mutex<Vec<u8>>,
    /// The end of the response's body waits for the end of the response.
    held: Held,
    deferred: Arc<DeferredFlush>,
    shared_bodies: Arc<SharedBodies>,
    /// The child takes descriptors of files.
    descriptors: bool,
}

#[derive(Default)]
struct State {
    /// Received and not dealt with.
    incoming: Incoming,
    body_end: Option<BodyState>,
    /// Body bytes that the child may still send.
    granted: u64,
    /// Written and not sent.
    outgoing: Vec<u8>,
    greeted: bool,
    /// The child's ticket for this connection.
    ticket: Option<Ticket>,
    gone: bool,
    /// Part of a frame has been sent, and the rest not yet.
    torn: bool,
    /// For large parts of bodies.
    memory: Option<Memory>,
    /// The child was asked for memory.
    share: Option<Share>,
    /// What it has sent, until its frame is read.
    file: Option<OwnedFd>,
    /// A response of this connection's would have had a use for it.
    wants_memory: bool,
    /// A request of this connection's has been answered, so the child has been greeted.
    answered: bool,
}

/// The child has said what it may not.
struct BadPeer;

impl From<Violation> for BadPeer {
    fn from(_: Violation) -> Self {
        Self
    }
}

/// Why no request came over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRequest {
    /// The child closed it.
    Closed,
    /// The peer broke the rules, or does not know the secret.
    Violation,
}

/// What a daemon greets with.
#[derive(Clone, Copy)]
pub struct Greeting {
    /// The group's secret.
    pub token: [u8; 16],
    /// Configuration generation.
    pub generation: u64,
}

impl Channel {
    /// A connection that has just been accepted. `deferred` and `shared_bodies`: the process's. `descriptors`: the child takes descriptors of files.
    pub fn new(
        socket: Descriptor,
        timeout_ms: u64,
        deferred: Arc<DeferredFlush>,
        shared_bodies: Arc<SharedBodies>,
        descriptors: bool,
    ) -> Self {
        let timeout = (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms));
        Self {
            socket,
            timeout,
            state: Mutex::new(State { granted: UNASKED, ..State::default() }),
            timed_out: AtomicBool::new(false),
            writes: AtomicBool::new(false),
            lines: Mutex::default(),
            held: Held::default(),
            deferred,
            shared_bodies,
            descriptors,
        }
    }

    /// The next request, if all of it has come: the bytes of its frame. What has come of one is kept. Never waits: a slow peer costs no thread.
    ///
    /// # Errors
    /// [`NoRequest`].
    pub fn next(&self, greeting: &Greeting) -> Result<Option<Vec<u8>>, NoRequest> {
        let mut state = lock(&self.state);
        loop {
            let more = if state.greeted && !state.drop_body().map_err(|_| NoRequest::Violation)? {
                LONGEST_DATA
            } else {
                match parse(state.incoming.rest(), Sender::Child).map_err(|_| NoRequest::Violation)? {
                    Parsed::Frame(Frame::Hello(hello), length) if !state.greeted => {
                        if !same(&hello.token, &greeting.token) {
                            return Err(NoRequest::Violation);
                        }
                        let (understood, ticket) = (hello.version == VERSION, hello.ticket);
                        state.incoming.consume(length);
                        self.greet(&mut state, greeting, ticket);
                        if !understood {
                            self.send(&mut state, false).map_err(|_| NoRequest::Closed)?;
                            return Err(NoRequest::Violation);
                        }
                        continue;
                    }
                    Parsed::Frame(Frame::Memory, length) if state.greeted => {
                        state.take_memory().map_err(|_| NoRequest::Violation)?;
                        state.incoming.consume(length);
                        continue;
                    }
                    Parsed::Frame(Frame::Request(request), length) if state.greeted => {
                        let on_demand = request.head.flags.contains(RequestFlags::ON_DEMAND);
                        state.begin(if on_demand { 0 } else { UNASKED });
                        let request = state.incoming.split(length);
                        if !on_demand && !state.incoming.has_body_end() {
                            // Most of the time it has come as well, and need not be waited for then. If the child is gone, that is found later.
                            let _more = self.receive(&mut state, LONGEST_DATA + 1024, false);
                        }
                        return Ok(Some(request));
                    }
                    Parsed::Frame(..) => return Err(NoRequest::Violation),
                    Parsed::Incomplete(needed) => needed.saturating_sub(state.incoming.rest().len()),
                }
            };
            if !self.receive(&mut state, more, false).map_err(|_| NoRequest::Closed)? {
                return Ok(None);
            }
        }
    }

    /// The child knows the secret; it is answered with the first response.
    fn greet(&self, state: &mut State, greeting: &Greeting, ticket: Option<Ticket>) {
        (state.greeted, state.ticket) = (true, ticket);
        // Before the first request there is no body.
        state.body_end = Some(BodyState::Complete);
        Writer::new(&mut state.outgoing).hello(&Hello {
            version: VERSION,
            generation: greeting.generation,
            token: greeting.token,
            ticket: None,
            build: env!("CARGO_PKG_VERSION").as_bytes(),
        });
    }

    /// Whether a request has begun to come and is not complete: its child has reserved a place for it.
    pub fn is_amid(&self) -> bool {
        let state = lock(&self.state);
        state.greeted && state.body_end.is_some() && !state.incoming.rest().is_empty()
    }

    /// The child's ticket for this connection.
    pub fn ticket(&self) -> Option<Ticket> {
        lock(&self.state).ticket
    }

    /// Whether all of the request's body has come, so that nothing but the client's leave may still be said before the answer is there.
    pub fn has_whole_body(&self) -> bool {
        lock(&self.state).incoming.has_body_end()
    }

    /// Gives the memory of a request's frame back for the next one.
    pub fn recycle(&self, memory: Vec<u8>) {
        lock(&self.state).incoming.recycle(memory);
    }

    /// The socket, to wait on.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Ends the connection for the peer, whoever may still hold it here.
    pub fn close(&self) {
        let _ended = rustix::net::shutdown(&self.socket, Shutdown::Both);
    }

    /// Asks the child to close the connection when it has no request on it.
    pub fn go_away(&self) {
        let mut state = lock(&self.state);
        if state.greeted {
            Writer::new(&mut state.outgoing).go_away();
            // A child that does not read is closed by the process's end.
            let _told = self.send(&mut state, false);
        }
    }

    /// Receives at least one byte; `false` if none has come and `wait` is not set.
    fn receive(&self, state: &mut State, more: usize, wait: bool) -> Result<bool, SendError> {
        let block = more.clamp(16 * 1024, LONGEST_DATA + 1024);
        loop {
            let flags = RecvFlags::DONTWAIT;
            let awaits = state.share.is_some();
            let room = state.incoming.spare_buffer(block);
            let old = room.len();
            let received = if awaits {
                memory::receive(&self.socket, room, block, &mut state.file)
            } else {
                rustix::net::recv(&self.socket, rustix::buffer::spare_capacity(room), flags).map(drop)
            };
            match received {
                Ok(()) if room.len() > old => return Ok(true),
                Ok(_) => {
                    state.gone = true;
                    return Err(SendError::ClientGone);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if wait => self.wait_for(PollFlags::IN)?,
                Err(Errno::AGAIN) => return Ok(false),
                Err(_) => {
                    state.gone = true;
                    return Err(SendError::ClientGone);
                }
            }
        }
    }

    fn wait_for(&self, what: PollFlags) -> Result<(), SendError> {
        self.writes.store(what == PollFlags::OUT, Ordering::Release);
        let waited = self.wait_until(what);
        self.writes.store(false, Ordering::Release);
        waited
    }

    fn wait_until(&self, what: PollFlags) -> Result<(), SendError> {
        let timeout = self.timeout.and_then(|t| Timespec::try_from(t).ok());
        loop {
            let mut descriptors = [PollFd::new(&self.socket, what)];
            match rustix::event::poll(&mut descriptors, timeout.as_ref()) {
                Ok(0) => return Err(SendError::Overdue),
                Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(_) => return Err(SendError::Failed),
            }
        }
    }

    /// The end of the request: what is left of the response, and how it ended; whether the connection can have another one. Called detached.
    /// `release` returns the request's place: before the last bytes go out if they go at once, so that whoever has the answer finds the place free.
    pub fn finish(&self, ended: i32, release: impl FnOnce()) -> bool {
        let mut state = lock(&self.state);
        let timed_out = self.timed_out.load(Ordering::Acquire);
        state.outgoing.append(&mut lock(&self.lines));
        let done = ended == outcome::DONE && !timed_out && !state.gone;
        if done {
            self.ask_for_memory(&mut state);
            state.answered = true;
        }
        let mut writer = Writer::new(&mut state.outgoing);
        match ended {
            _ if timed_out => writer.abort(AbortReason::Timeout),
            outcome::DONE => writer.end(),
            outcome::TIMEOUT => writer.abort(AbortReason::Timeout),
            outcome::UNAVAILABLE => writer.abort(AbortReason::Unavailable),
            _ => writer.abort(AbortReason::Failed),
        }
        state.end_lent_body();
        // A child that is gone can't be told anything.
        if state.outgoing.len() <= SMALL {
            release();
            return self.send(&mut state, true).is_ok() && done;
        }
        let told = self.send(&mut state, true);
        release();
        told.is_ok() && done
    }

    /// Says that the request was not begun; whether the connection can have another one.
    pub fn refuse(&self, reason: RefusedReason) -> bool {
        let mut state = lock(&self.state);
        Writer::new(&mut state.outgoing).refused(reason);
        self.send(&mut state, true).is_ok()
    }

    /// The request's time is up: whatever the application does, its client hears of it now. Called by the watching thread, which never waits.
    pub fn time_out(&self) {
        self.timed_out.store(true, Ordering::Release);
        if let Ok(mut state) = self.state.try_lock() {
            Writer::new(&mut state.outgoing).abort(AbortReason::Timeout);
            let _told = self.send(&mut state, false);
            state.gone = true;
        } else {
            // The worker waits for the child in a call of ours: this ends the wait. A wait to write ends only with the connection, whose response
            // could only be cut.
            let how = if self.writes.load(Ordering::Acquire) { Shutdown::Both } else { Shutdown::Read };
            let _ended = rustix::net::shutdown(&self.socket, how);
        }
    }

    /// Sends what is held, if it has been for long enough. Called by the thread that looks, which never waits.
    pub fn send_held(&self) {
        if self.held.is_overdue(&self.deferred)
            && let Ok(mut state) = self.state.try_lock()
        {
            // What does not fit now goes along with the end.
            let _sent = self.send(&mut state, false);
        }
    }

    /// The process has nothing to do: memory for bodies is given back until there is something again.
    pub fn rest(&self) {
        if let Ok(state) = self.state.try_lock()
            && let Some(memory) = &state.memory
        {
            memory.rest();
        }
    }

    fn check(&self, state: &State) -> Result<(), SendError> {
        match (self.timed_out.load(Ordering::Acquire), state.gone) {
            (true, _) => Err(SendError::OutOfTime),
            (false, true) => Err(SendError::ClientGone),
            (false, false) => Ok(()),
        }
    }

    /// Why request body could not be had, if that was for `error`.
    fn unread(&self, error: SendError) -> ReadError {
        if self.timed_out.load(Ordering::Acquire) {
            return ReadError::OutOfTime;
        }
        match error {
            SendError::Overdue => ReadError::Silent(self.timeout.unwrap_or_default().as_secs()),
            _ => ReadError::Aborted,
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.held.release(&self.deferred);
    }
}

/// Compares secrets in a time that does not depend on them.
fn same(a: &[u8; 16], b: &[u8; 16]) -> bool {
    a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

#[cfg(test)]
mod tests;
