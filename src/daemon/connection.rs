/*! A connection to a daemon process: bytes out, bytes and descriptors in, and nothing that waits.

What was sent is kept until the daemon has said something, because a request that it certainly has not begun may be sent again
(requirement 9 of the design). Room is made for what has arrived, never for what was announced. *Runs in: child.* */

use std::collections::VecDeque;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
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

/// What goes to the daemon.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Frames, in order. The part before `sent` is kept while the request may have to be sent again.
    pub bytes: Vec<u8>,
    sent: usize,
    kept: bool,
    /// The peer takes nothing more.
    held: bool,
}

impl Outbox {
    /// Keeps what is sent until [`Outbox::forget`].
    pub fn keeping(bytes: Vec<u8>) -> Self {
        Self { bytes, sent: 0, kept: true, held: false }
    }

    /// How much of what is kept has gone out.
    pub const fn sent(&self) -> usize {
        self.sent
    }

    /// Bytes that wait to be sent.
    pub const fn pending(&self) -> usize {
        if self.held { 0 } else { self.bytes.len().saturating_sub(self.sent) }
    }

    /// Everything has gone out.
    pub const fn is_sent(&self) -> bool {
        !self.held && self.sent >= self.bytes.len()
    }

    /// Everything is to be sent once more, over another connection, from `start` on; what stands at the beginning is first overwritten.
    pub fn rewind(&mut self, start: usize, beginning: &[u8]) {
        for (place, byte) in self.bytes.iter_mut().zip(beginning) {
            *place = *byte;
        }
        (self.sent, self.held) = (start, false);
    }

    /// What was sent need not be kept any longer.
    pub fn forget(&mut self) {
        if self.kept {
            self.kept = false;
            self.drop_sent();
        }
    }

    /// Nothing more is sent over this connection.
    pub const fn hold(&mut self) {
        self.held = true;
    }

    fn drop_sent(&mut self) {
        if self.sent == self.bytes.len() {
            self.bytes.clear();
        } else {
            self.bytes.drain(..self.sent.min(self.bytes.len()));
        }
        self.sent = 0;
    }

    /// Sends what the socket takes now.
    ///
    /// # Errors
    /// The peer is gone.
    pub fn send(&mut self, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        let result = loop {
            let rest = self.bytes.get(self.sent..).unwrap_or_default();
            if rest.is_empty() {
                break Ok(());
            }
            match rustix::net::send(socket, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(count) => self.sent += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if !self.kept {
            self.drop_sent();
        }
        result
    }
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
    /// Memory in which parts of bodies come, from one response to the next.
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

    use super::{Inbox, LARGE_BLOCK, MaybeUninit, Outbox, OwnedFd, Received};

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap()
    }

    #[test]
    fn what_was_sent_can_be_sent_again_until_it_is_forgotten() {
        let (near, far) = pair();
        let mut outbox = Outbox::keeping(b"hello ".to_vec());
        outbox.send(near.as_fd()).unwrap();
        outbox.bytes.extend_from_slice(b"world");
        outbox.send(near.as_fd()).unwrap();
        assert_eq!((outbox.sent(), outbox.pending()), (11, 0));
        let (again, other) = pair();
        outbox.rewind(0, b"HE");
        outbox.send(again.as_fd()).unwrap();
        for (socket, text) in [(far, b"hello world"), (other, b"HEllo world")] {
            let mut inbox = Inbox::default();
            assert_eq!(inbox.receive(socket.as_fd()), Received::Some);
            assert_eq!(inbox.bytes(), text);
        }
        let (third, end) = pair();
        outbox.rewind(6, b"");
        outbox.send(third.as_fd()).unwrap();
        let mut inbox = Inbox::default();
        inbox.receive(end.as_fd());
        assert_eq!(inbox.bytes(), b"world");
        outbox.forget();
        assert_eq!((outbox.sent(), outbox.bytes.len()), (0, 0));
    }

    #[test]
    fn a_full_socket_keeps_nobody_waiting_and_loses_nothing() {
        let (near, far) = pair();
        let whole: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut outbox = Outbox { bytes: whole.clone(), ..Outbox::default() };
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
        Outbox { bytes: b"unread".to_vec(), ..Outbox::default() }.send(near.as_fd()).unwrap();
        Outbox { bytes: b"last words".to_vec(), ..Outbox::default() }.send(far.as_fd()).unwrap();
        drop(far);
        let mut inbox = Inbox::default();
        assert_eq!(inbox.receive(near.as_fd()), Received::Some);
        assert_eq!(inbox.bytes(), b"last words");
        assert_eq!(inbox.receive(near.as_fd()), Received::End);
        assert!(Outbox { bytes: b"x".to_vec(), ..Outbox::default() }.send(near.as_fd()).is_err());
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
