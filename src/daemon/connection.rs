/*! What comes over a connection to a daemon process: bytes and descriptors, and nothing that waits.

Room is made for what has arrived, never for what was announced. *Runs in: child.* */

use std::collections::VecDeque;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketAddrUnix, SocketFlags, SocketType};
use shared_memory::Region;

/// How much is received at once, at first.
const BLOCK: usize = 16 * 1024;
/// How much is received at once when a lot comes.
const LARGE_BLOCK: usize = 128 * 1024;

/// How long [`Inbox::receive_soon`] waits: longer than most requests take, because the end of this wait is one more time to be woken.
pub const SOON: Duration = Duration::from_millis(20);

/// Connects to the Unix socket at `path`, without waiting. What is done with it later says each time whether it may wait.
///
/// # Errors
/// `EAGAIN`: the listener's queue is full. `ECONNREFUSED`, `ENOENT`: nobody listens.
pub fn connect(path: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let address = SocketAddrUnix::new(path)?;
    while let Err(error) = rustix::net::connect(&socket, &address) {
        if error != Errno::INTR {
            return Err(error);
        }
    }
    Ok(socket)
}

/// What one look at the socket gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Bytes.
    Some,
    /// Nothing for now.
    Nothing,
    /// The peer has closed the connection, or died.
    End,
}

/// What comes from the daemon and has not been taken yet.
#[derive(Debug, Default)]
pub struct Inbox {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// What came beside bytes.
    pub enclosed: Enclosed,
}

/// What a daemon process sends beside bytes.
#[derive(Debug, Default)]
pub struct Enclosed {
    /// Descriptors that no frame has spoken of yet, in the order in which they came.
    pub files: VecDeque<OwnedFd>,
    /// Memory in which parts of bodies come and go, from one request to the next.
    pub memory: Option<Region>,
}

impl Inbox {
    /// The bytes that are there.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The bytes that are there, and what came beside them.
    pub fn parts(&mut self) -> (&[u8], &mut Enclosed) {
        (self.buffer.get(self.start..self.end).unwrap_or_default(), &mut self.enclosed)
    }

    /// The first `count` bytes have been dealt with.
    pub fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Receives what has arrived as [`Inbox::receive`] does, after waiting for at most [`SOON`]. Not a receiving call that waits: the kernel would wake that
    /// one also when the daemon takes what was sent to it, which is one switch more for each request.
    pub fn receive_soon(&mut self, socket: BorrowedFd<'_>) -> Received {
        let mut descriptors = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
        let limit = Timespec::try_from(SOON).ok();
        // An interrupted wait found nothing; the next one will.
        let found = rustix::event::poll(&mut descriptors, limit.as_ref()).unwrap_or(0);
        if found > 0 { self.receive(socket) } else { Received::Nothing }
    }

    /// Receives what has arrived, as far as there is room.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> Received {
        self.make_room();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        loop {
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let Some(room) = self.buffer.get_mut(self.end..) else { return Received::End };
            let received = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(room)], &mut ancillary, flags);
            for message in ancillary.drain() {
                if let RecvAncillaryMessage::ScmRights(files) = message {
                    self.enclosed.files.extend(files);
                }
            }
            match received {
                Ok(message) if message.bytes > 0 => {
                    self.end += message.bytes;
                    return Received::Some;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Received::Nothing,
                // A peer that closes without having read everything shows as a reset, after all that it sent.
                Ok(_) | Err(_) => return Received::End,
            }
        }
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let size = self.buffer.len();
        if size == 0 {
            self.buffer.resize(BLOCK, 0);
        } else if self.end == size {
            // It filled up: more is coming, or one frame is longer than all of it.
            self.buffer.resize(size.saturating_mul(2).max(LARGE_BLOCK), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::io::IoSlice;
    use std::os::fd::AsFd as _;

    use rustix::net::{
        AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, sendmsg, socketpair,
    };

    use super::{Inbox, LARGE_BLOCK, MaybeUninit, OwnedFd, Received};
    use crate::daemon::outbox::Outbox;

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap()
    }

    #[test]
    fn a_full_socket_keeps_nobody_waiting_and_loses_nothing() {
        let (near, far) = pair();
        let whole: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut outbox = Outbox::keeping(whole.clone());
        let (mut inbox, mut got) = (Inbox::default(), Vec::new());
        while got.len() < whole.len() {
            outbox.send(near.as_fd()).unwrap();
            while inbox.receive(far.as_fd()) == Received::Some {
                // Half of it stays where it is.
                let take = inbox.bytes().len().div_ceil(2);
                got.extend_from_slice(&inbox.bytes()[..take]);
                inbox.consume(take);
            }
            if outbox.pending() == 0 && inbox.receive(far.as_fd()) == Received::Nothing {
                got.extend_from_slice(inbox.bytes());
                inbox.consume(usize::MAX);
            }
        }
        assert!(got == whole);
        assert!(inbox.buffer.len() <= 2 * LARGE_BLOCK);
    }

    #[test]
    fn a_peer_that_is_gone_is_told_after_all_that_it_sent() {
        let (near, far) = pair();
        Outbox::keeping(b"unread".to_vec()).send(near.as_fd()).unwrap();
        Outbox::keeping(b"last words".to_vec()).send(far.as_fd()).unwrap();
        drop(far);
        let mut inbox = Inbox::default();
        assert_eq!(inbox.receive(near.as_fd()), Received::Some);
        assert_eq!(inbox.bytes(), b"last words");
        assert_eq!(inbox.receive(near.as_fd()), Received::End);
        assert!(Outbox::keeping(b"x".to_vec()).send(near.as_fd()).is_err());
    }

    #[test]
    fn descriptors_come_with_their_bytes() {
        let (near, far) = pair();
        let file = std::fs::File::open("/dev/null").unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let files = [file.as_fd()];
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&files)));
        sendmsg(&far, &[IoSlice::new(b"file")], &mut ancillary, SendFlags::empty()).unwrap();
        let mut inbox = Inbox::default();
        assert_eq!(inbox.receive(near.as_fd()), Received::Some);
        assert_eq!(inbox.enclosed.files.len(), 1);
        assert!(rustix::io::fcntl_getfd(&inbox.enclosed.files[0]).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }
}
