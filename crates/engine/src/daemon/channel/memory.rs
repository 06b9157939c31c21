/*! Memory for bodies, which the child makes and sends where a process has asked for it. *Runs in: daemon.* */

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use super::{BadPeer, State};
use crate::daemon::channel::shared_bodies::Memory;

impl State {
    /// Takes the memory that came with a frame which says so.
    ///
    /// # Errors
    /// There is none, it was not asked for, or it can't be used: the child gives the next request to another connection.
    pub(super) fn take_memory(&mut self) -> Result<(), BadPeer> {
        let file = self.file.take().ok_or(BadPeer)?;
        let share = self.share.take().filter(|_| self.memory.is_none()).ok_or(BadPeer)?;
        self.memory = Some(Memory::new(share, file).map_err(|_| BadPeer)?);
        Ok(())
    }
}

/// Appends at most `most` bytes that have come to `room`, and puts a descriptor that came along into `file`. Never waits.
pub(super) fn receive(socket: impl AsFd, room: &mut Vec<u8>, most: usize, file: &mut Option<OwnedFd>) -> Result<(), Errno> {
    let old = room.len();
    room.resize(old.saturating_add(most), 0);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let received = match room.get_mut(old..) {
        Some(free) => rustix::net::recvmsg(socket, &mut [IoSliceMut::new(free)], &mut ancillary, flags),
        None => Err(Errno::INVAL),
    };
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(files) = message {
            *file = files.last().or_else(|| file.take());
        }
    }
    room.truncate(old.saturating_add(received.as_ref().map_or(0, |message| message.bytes)));
    received.map(drop)
}
