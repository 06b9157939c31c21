/*! The request body of a connection: where the next of it is, in a buffer, on its way, or in memory that the child shares. *Runs in: daemon.* */

use std::mem::MaybeUninit;

use protocol::frame::{BodyState, Frame, Parsed, Sender, parse};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use shared_memory::LEAST;

use super::{BadPeer, Channel, State};
use crate::daemon::channel::shared_bodies::Memory;
use crate::request::exchange::ReadError;

impl State {
    /// The next request begins. Its body comes when the last one's has ended.
    pub(super) const fn begin(&mut self, granted: u64) {
        (self.body_end, self.granted) = (None, granted);
    }

    /// Looks for request body: whether some is there, or its end.
    ///
    /// # Errors
    /// [`BadPeer`]
    pub(super) fn look_for_body(&mut self) -> Result<bool, BadPeer> {
        loop {
            if self.incoming.is_amid_body() || self.has_lent_body() || self.body_end.is_some() {
                return Ok(true);
            }
            if let Some(length) = self.incoming.begin_body()? {
                self.granted = self.granted.checked_sub(length).ok_or(BadPeer)?;
                // With memory it could have come there.
                self.wants_memory |= length >= LEAST as u64;
            } else if !self.begin_lent_body()? && !self.end_body()? {
                return Ok(false);
            }
        }
    }

    /// Takes the frame that ends the body, if it is there.
    fn end_body(&mut self) -> Result<bool, BadPeer> {
        let (end, length) = match parse(self.incoming.rest(), Sender::Child)? {
            Parsed::Frame(Frame::BodyEnd(end), length) => (end, length),
            Parsed::Frame(Frame::ClientGone, length) => {
                self.gone = true;
                (BodyState::Aborted, length)
            }
            Parsed::Frame(..) => return Err(BadPeer),
            Parsed::Incomplete(_) => return Ok(false),
        };
        self.incoming.consume(length);
        self.body_end = Some(end);
        Ok(true)
    }

    /// Takes the frame that says that body lies in the child's part of the memory, if it is there. What breaks the rules stays where it is.
    fn begin_lent_body(&mut self) -> Result<bool, BadPeer> {
        let Parsed::Frame(Frame::LentBody { offset, length }, taken) = parse(self.incoming.rest(), Sender::Child)? else {
            return Ok(false);
        };
        let granted = self.granted.checked_sub(u64::from(length)).ok_or(BadPeer)?;
        let memory = self.memory.as_mut().ok_or(BadPeer)?;
        if !memory.begin_body(offset, length) {
            return Err(BadPeer);
        }
        self.granted = granted;
        self.incoming.consume(taken);
        Ok(true)
    }

    fn has_lent_body(&self) -> bool {
        self.memory.as_ref().is_some_and(Memory::has_body)
    }

    /// The child may put the next request's body where it has put this one's, read or not.
    pub(super) fn end_lent_body(&mut self) {
        if !self.incoming.is_amid_body() && self.body_end.is_none() {
            // What else may stand there is looked at when the next request is.
            let _begun = self.begin_lent_body();
        }
        if let Some(memory) = &mut self.memory {
            memory.end_body();
        }
    }

    /// Drops request body that nobody has read; whether its end is there.
    ///
    /// # Errors
    /// [`BadPeer`]
    pub(super) fn drop_body(&mut self) -> Result<bool, BadPeer> {
        while self.body_end.is_none() {
            if !self.look_for_body()? {
                return Ok(false);
            }
            if self.has_lent_body() {
                self.end_lent_body();
                continue;
            }
            let count = self.incoming.body(usize::MAX).len();
            if count == 0 && self.body_end.is_none() {
                return Ok(false);
            }
            self.incoming.took(count, true);
        }
        Ok(true)
    }

    /// Reads request body that is here to where it is wanted: how much, `None` if there is none here.
    ///
    /// # Errors
    /// It can't be read here.
    pub(super) fn read_body(&mut self, buffer: &mut [MaybeUninit<u8>]) -> Result<Option<usize>, ReadError> {
        if let Some(memory) = self.memory.as_mut().filter(|memory| memory.has_body()) {
            return memory.read_body(buffer).map(Some).ok_or(ReadError::Aborted);
        }
        let here = self.incoming.body(buffer.len());
        if here.is_empty() {
            return Ok(None);
        }
        let count = here.len();
        for (place, byte) in buffer.iter_mut().zip(here) {
            place.write(*byte);
        }
        self.incoming.took(count, true);
        Ok(Some(count))
    }
}

impl Channel {
    /// Receives request body to where it is wanted, without waiting: how much, or `None` if none has come.
    pub(super) fn receive_body(&self, state: &mut State, buffer: &mut [MaybeUninit<u8>]) -> Result<Option<usize>, ReadError> {
        let most = state.incoming.direct().min(buffer.len());
        let Some(room) = buffer.get_mut(..most).filter(|room| !room.is_empty()) else { return Ok(None) };
        loop {
            match rustix::net::recv(&self.socket, &mut *room, RecvFlags::DONTWAIT) {
                Ok(((received, _), _)) if !received.is_empty() => {
                    let count = received.len();
                    state.incoming.took(count, false);
                    return Ok(Some(count));
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Ok(_) | Err(_) => {
                    state.gone = true;
                    return Err(ReadError::Aborted);
                }
            }
        }
    }
}
