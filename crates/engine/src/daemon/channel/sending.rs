/*! The sending half of a connection: what is gathered, what goes from where it is, and what lies in memory that the child shares. *Runs in: daemon.* */

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use protocol::frame::{LONGEST_DATA, Writer};
use protocol::log_code::FILE_ENDED_EARLY;
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use shared_memory::LEAST;

use super::{Channel, State};
use crate::daemon::channel::shared_bodies::Share;
use crate::request::exchange::SendError;
use crate::sync::locks::lock;

/// With so much unsent it is no use to try piece by piece.
const BEHIND: usize = 256 * 1024;
/// So much of a file is read at a time, where it is copied: four parts are on their way in a connection's memory.
const COPIED: usize = (shared_memory::SIZE - shared_memory::CHILDS - shared_memory::HEADER) / 4;

impl State {
    /// Says of part of a body where in memory it lies; `false` if there is no room for it.
    pub(super) fn lend(&mut self, part: &[u8]) -> bool {
        let Some(memory) = &mut self.memory else {
            self.wants_memory = true;
            return false;
        };
        let Some((offset, length)) = memory.lend(part) else { return false };
        Writer::new(&mut self.outgoing).lent(offset, length);
        true
    }
}

impl Channel {
    /// Sends what is gathered; `false` if some of it is left and `wait` is not set.
    pub(super) fn send(&self, state: &mut State, wait: bool) -> Result<bool, SendError> {
        self.held.release(&self.deferred);
        state.outgoing.append(&mut lock(&self.lines));
        let outgoing = std::mem::take(&mut state.outgoing);
        let mut sent = 0;
        let result = loop {
            let rest = outgoing.get(sent..).unwrap_or_default();
            if rest.is_empty() {
                break Ok(true);
            }
            match rustix::net::send(&self.socket, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(count) => sent += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if wait => {
                    if let Err(error) = self.wait_for(PollFlags::OUT) {
                        break Err(error);
                    }
                }
                Err(Errno::AGAIN) => break Ok(false),
                Err(_) => break Err(SendError::ClientGone),
            }
        };
        if result.is_err() {
            state.gone = true;
            return result;
        }
        state.outgoing = outgoing;
        if sent == state.outgoing.len() {
            state.outgoing.clear();
            state.torn = false;
        } else {
            state.outgoing.drain(..sent);
            state.torn |= sent > 0;
        }
        result
    }

    /// One piece of the body, sent from where it is as far as the socket takes it at once.
    pub(super) fn send_piece(&self, state: &mut State, piece: &[u8]) -> Result<(), SendError> {
        let start = state.outgoing.len();
        Writer::new(&mut state.outgoing).data(piece);
        let framed = state.outgoing.len() - start - piece.len();
        // The copy that the writer made is taken back; only its head stays.
        state.outgoing.truncate(start + framed);
        if start >= BEHIND {
            // So far behind the child will not be done with it at once: the flush that follows waits for it.
            state.outgoing.extend_from_slice(piece);
            return Ok(());
        }
        let mut head = std::mem::take(&mut state.outgoing);
        let sent = loop {
            let parts = [IoSlice::new(&head), IoSlice::new(piece)];
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match rustix::net::sendmsg(&self.socket, &parts, &mut SendAncillaryBuffer::default(), flags) {
                Ok(count) => break count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break 0,
                Err(_) => {
                    state.gone = true;
                    return Err(SendError::ClientGone);
                }
            }
        };
        let body_sent = sent.saturating_sub(head.len());
        head.drain(..sent.min(head.len()));
        head.extend_from_slice(piece.get(body_sent..).unwrap_or_default());
        state.torn = !head.is_empty() && (state.torn || sent > 0);
        state.outgoing = head;
        Ok(())
    }

    /// Asks the child for memory for what is to come, before the end of a response that would have had a use for it. Not with the first one: a connection that
    /// has one request needs none.
    pub(super) fn ask_for_memory(&self, state: &mut State) {
        if !state.wants_memory || state.memory.is_some() || state.share.is_some() || !state.answered {
            return;
        }
        state.wants_memory = false;
        state.share = Share::of(&self.shared_bodies);
        if state.share.is_some() {
            Writer::new(&mut state.outgoing).memory();
        }
    }

    /// Copies a range of a file into the response, for a child that takes no descriptors.
    pub(super) fn copy_file(
        &self,
        state: &mut State,
        file: BorrowedFd<'_>,
        mut offset: u64,
        mut length: u64,
    ) -> Result<(), SendError> {
        let mut block = vec![0; COPIED];
        while length > 0 {
            let most = usize::try_from(length).unwrap_or(COPIED).min(COPIED);
            let Some(room) = block.get_mut(..most) else { return Err(SendError::Failed) };
            let count = match rustix::io::pread(file, &mut *room, offset) {
                // It has become shorter; the child sees that less came than was announced.
                Ok(0) => return Err(ended_early(state, "it became shorter")),
                Ok(count) => count,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(ended_early(state, &std::io::Error::from(error).to_string())),
            };
            let part = room.get(..count).unwrap_or_default();
            if part.len() < LEAST || !state.lend(part) {
                for piece in part.chunks(LONGEST_DATA) {
                    self.send_piece(state, piece)?;
                }
            }
            self.send(state, true)?;
            let count = u64::try_from(count).unwrap_or(length);
            (offset, length) = (offset.saturating_add(count), length.saturating_sub(count));
        }
        Ok(())
    }

    /// Sends bytes with a descriptor, without waiting: how many, or `None` if the socket takes none now.
    pub(super) fn send_with(&self, file: impl AsFd, parts: &[IoSlice<'_>]) -> Result<Option<usize>, SendError> {
        let files = [file.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        loop {
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            if !ancillary.push(SendAncillaryMessage::ScmRights(&files)) {
                return Err(SendError::Failed);
            }
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match rustix::net::sendmsg(self.socket.as_fd(), parts, &mut ancillary, flags) {
                Ok(count) => return Ok(Some(count)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Err(_) => return Err(SendError::ClientGone),
            }
        }
    }
}

/// Says in the request's log why a file cannot be sent as announced.
fn ended_early(state: &mut State, why: &str) -> SendError {
    let text = format!(
        "{FILE_ENDED_EARLY}: the response was aborted, because a file that the application returned could not be read to its end: {why}. To fix: let \
         the program that changes such files write a new file, and rename it to the final name when it is complete"
    );
    Writer::new(&mut state.outgoing).log(FILE_ENDED_EARLY.level as u8, 0, b"", text.as_bytes());
    SendError::Failed
}
