/*! What comes over a connection to a daemon process: bytes and descriptors, and nothing that waits.

Room is made for what has arrived, never for what was announced. *Runs in: child.* */

use std::collections::VecDeque;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags};
use shared_memory::Region;

use super::socket::Descriptors;

/// How much is received at once, at first.
const BLOCK: usize = 16 * 1024;
/// How much is received at once when a lot comes.
const LARGE_BLOCK: usize = 128 * 1024;
/// A buffer grows by no more than this at a time, so that a long head takes little more room than it needs.
const LARGEST_STEP: usize = 1024 * 1024;
/// So many bytes beyond that all connections of a child to a group have at a time: a head can be longer, and many can come at a time.
const MOST_LONG: usize = 16 * 1024 * 1024;

/// How long [`RecvBuffer::receive_soon`] waits: longer than most requests take, because the end of this wait is one more time to be woken.
pub const SOON: Duration = Duration::from_millis(20);

/// What one look at the socket gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Bytes.
    Some,
    /// Nothing for now.
    Nothing,
    /// The peer has closed the connection, or died.
    End,
    /// The peer has begun a frame that is too long for the room which is left for such frames of all its group.
    Crowded,
    /// The peer has sent a descriptor, which it may not. It, and what came with it, is still in the socket.
    Descriptor,
}

/// What comes from the daemon and has not been taken yet.
#[derive(Debug, Default)]
pub struct RecvBuffer {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// What becomes of descriptors.
    descriptors: Descriptors,
    /// How many bytes beyond [`LARGE_BLOCK`] the buffers of all connections to the group have.
    long: Option<&'static AtomicUsize>,
    /// What came beside bytes.
    pub ancillary: Ancillary,
}

/// What a daemon process sends beside bytes.
#[derive(Debug, Default)]
pub struct Ancillary {
    /// Descriptors that no frame has spoken of yet, in the order in which they came.
    pub files: VecDeque<OwnedFd>,
    /// Memory in which parts of bodies come and go, from one request to the next.
    pub memory: Option<Region>,
    /// The process would have a use for such memory.
    pub wants_memory: bool,
}

impl RecvBuffer {
    /// Nothing has come yet.
    /// `long`: a count that all receive buffers of a group in this child have in common.
    pub fn new(descriptors: Descriptors, long: Option<&'static AtomicUsize>) -> Self {
        let mut recv_buffer = Self::default();
        (recv_buffer.descriptors, recv_buffer.long) = (descriptors, long);
        recv_buffer
    }

    /// Nothing is expected for now: room that only a long frame needed is given back.
    pub fn rest(&mut self) {
        let size = self.buffer.len();
        if size > LARGE_BLOCK && self.bytes().is_empty() {
            self.give_back();
            self.buffer = Vec::new();
            (self.start, self.end) = (0, 0);
        }
    }

    fn give_back(&self) {
        if let Some(long) = self.long {
            long.fetch_sub(self.buffer.len().saturating_sub(LARGE_BLOCK), Ordering::Relaxed);
        }
    }

    /// The bytes that are there.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The bytes that are there, and what came beside them.
    pub fn parts(&mut self) -> (&[u8], &mut Ancillary) {
        (self.buffer.get(self.start..self.end).unwrap_or_default(), &mut self.ancillary)
    }

    /// The first `count` bytes have been dealt with.
    pub fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Receives what has arrived as [`RecvBuffer::receive`] does, after waiting for at most [`SOON`]. Not a receiving call that waits: the kernel would wake that
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
        if !self.make_room() {
            return Received::Crowded;
        }
        loop {
            let Some(room) = self.buffer.get_mut(self.end..) else { return Received::End };
            let received = match self.descriptors {
                Descriptors::Taken => take(socket, room, &mut self.ancillary.files).map(Some),
                Descriptors::Refused => rustix::net::recv(socket, room, RecvFlags::DONTWAIT).map(|(_, count)| Some(count)),
                Descriptors::LookedFor => look_and_take(socket, room),
            };
            match received {
                Ok(None) => return Received::Descriptor,
                Ok(Some(count)) if count > 0 => {
                    self.end += count;
                    return Received::Some;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Received::Nothing,
                // A peer that closes without having read everything shows as a reset, after all that it sent.
                Ok(_) | Err(_) => return Received::End,
            }
        }
    }

    /// `false` if it is not to be had.
    fn make_room(&mut self) -> bool {
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
            let new = size.saturating_add(size.min(LARGEST_STEP)).max(LARGE_BLOCK);
            let more = (new - LARGE_BLOCK).saturating_sub(size.saturating_sub(LARGE_BLOCK));
            if let Some(long) = self.long.filter(|_| more > 0)
                && long.fetch_add(more, Ordering::Relaxed).saturating_add(more) > MOST_LONG
            {
                long.fetch_sub(more, Ordering::Relaxed);
                return false;
            }
            self.buffer.resize(new, 0);
        }
        true
    }
}

impl Drop for RecvBuffer {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Receives bytes, and descriptors that come with them.
fn take(socket: BorrowedFd<'_>, room: &mut [u8], files: &mut VecDeque<OwnedFd>) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let received = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(room)], &mut ancillary, flags);
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(more) = message {
            files.extend(more);
        }
    }
    received.map(|message| message.bytes)
}

/// Receives bytes, unless a descriptor has come with them: `None`. A look leaves both where they are, and covers all that is received then.
fn look_and_take(socket: BorrowedFd<'_>, room: &mut [u8]) -> Result<Option<usize>, Errno> {
    let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
    let seen = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(room)], &mut RecvAncillaryBuffer::default(), flags)?;
    if seen.flags.contains(ReturnFlags::CTRUNC) {
        return Ok(None);
    }
    let room = room.get_mut(..seen.bytes).unwrap_or_default();
    if room.is_empty() {
        return Ok(Some(0));
    }
    rustix::net::recv(socket, room, RecvFlags::DONTWAIT).map(|(_, count)| Some(count))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::io::{IoSlice, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use rustix::net::{
        AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, sendmsg, socketpair,
        sockopt,
    };

    use std::os::fd::AsFd as _;

    use super::super::closing::Closer;
    use super::{AtomicUsize, BorrowedFd, Descriptors, Ordering};
    use super::{LARGE_BLOCK, MaybeUninit, OwnedFd, Received, RecvBuffer};
    use crate::daemon::connections::send_buffer::SendBuffer;

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap()
    }

    #[test]
    fn a_full_socket_keeps_nobody_waiting_and_loses_nothing() {
        let (near, far) = pair();
        let whole: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut send_buffer = SendBuffer::keeping(whole.clone());
        let (mut recv_buffer, mut got) = (RecvBuffer::default(), Vec::new());
        while got.len() < whole.len() {
            send_buffer.send(near.as_fd()).unwrap();
            while recv_buffer.receive(far.as_fd()) == Received::Some {
                // Half of it stays where it is.
                let take = recv_buffer.bytes().len().div_ceil(2);
                got.extend_from_slice(&recv_buffer.bytes()[..take]);
                recv_buffer.consume(take);
            }
            if send_buffer.pending() == 0 && recv_buffer.receive(far.as_fd()) == Received::Nothing {
                got.extend_from_slice(recv_buffer.bytes());
                recv_buffer.consume(usize::MAX);
            }
        }
        assert!(got == whole);
        assert!(recv_buffer.buffer.len() <= 2 * LARGE_BLOCK);
    }

    #[test]
    fn a_peer_that_is_gone_is_told_after_all_that_it_sent() {
        let (near, far) = pair();
        SendBuffer::keeping(b"unread".to_vec()).send(near.as_fd()).unwrap();
        SendBuffer::keeping(b"last words".to_vec()).send(far.as_fd()).unwrap();
        drop(far);
        let mut recv_buffer = RecvBuffer::default();
        assert_eq!(recv_buffer.receive(near.as_fd()), Received::Some);
        assert_eq!(recv_buffer.bytes(), b"last words");
        assert_eq!(recv_buffer.receive(near.as_fd()), Received::End);
        assert!(SendBuffer::keeping(b"x".to_vec()).send(near.as_fd()).is_err());
    }

    fn send_file(socket: &OwnedFd, file: BorrowedFd<'_>) -> rustix::io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let files = [file];
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&files)));
        sendmsg(socket, &[IoSlice::new(b"file")], &mut ancillary, SendFlags::empty())
    }

    #[test]
    fn descriptors_come_with_their_bytes() {
        let (near, far) = pair();
        send_file(&far, std::fs::File::open("/dev/null").unwrap().as_fd()).unwrap();
        let mut recv_buffer = RecvBuffer::default();
        assert_eq!(recv_buffer.receive(near.as_fd()), Received::Some);
        assert_eq!(recv_buffer.ancillary.files.len(), 1);
        assert!(rustix::io::fcntl_getfd(&recv_buffer.ancillary.files[0]).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }

    /// A socket whose last descriptor takes that long to let go of, and what keeps it so.
    fn lingering(time: Duration) -> (TcpStream, impl Drop) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let other = listener.accept().unwrap().0;
        socket.set_nonblocking(true).unwrap();
        while socket.write(&[0; 65536]).is_ok() {}
        socket.set_nonblocking(false).unwrap();
        sockopt::set_socket_linger(&socket, Some(time)).unwrap();
        (socket, OwnedFd::from(other))
    }

    #[test]
    fn nobody_waits_for_a_descriptor_that_a_process_must_not_send() {
        let (near, far) = pair();
        let (socket, _other) = lingering(Duration::from_secs(3));
        SendBuffer::keeping(b"bytes before it".to_vec()).send(far.as_fd()).unwrap();
        send_file(&far, socket.as_fd()).unwrap();
        drop(socket);
        let mut recv_buffer = RecvBuffer::new(Descriptors::LookedFor, None);
        let began = Instant::now();
        assert_eq!(recv_buffer.receive(near.as_fd()), Received::Descriptor);
        assert_eq!(recv_buffer.receive(near.as_fd()), Received::Descriptor, "it is still there");
        assert!(recv_buffer.bytes().is_empty() && began.elapsed() < Duration::from_secs(1));
        static CLOSER: Closer = Closer::new();
        CLOSER.close(near);
        drop(far);
        assert!(began.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn a_group_that_holds_up_the_closing_of_its_connections_holds_up_no_other() {
        static ONE: Closer = Closer::new();
        static OTHER: Closer = Closer::new();
        let began = Instant::now();
        let kept: Vec<_> = (0..40)
            .map(|_| {
                let (near, far) = pair();
                let (socket, other) = lingering(Duration::from_secs(3));
                send_file(&far, socket.as_fd()).unwrap();
                drop(socket);
                ONE.close(near);
                (far, other)
            })
            .collect();
        assert!(ONE.is_stuck() && !OTHER.is_stuck());
        let (near, far) = pair();
        OTHER.close(near);
        assert_eq!(rustix::io::read(&far, &mut [0; 1]), Ok(0), "it is closed");
        assert!(ONE.is_stuck() && began.elapsed() < Duration::from_secs(60), "while the first one waits");
        drop(kept);
    }

    #[test]
    fn room_for_long_frames_is_bounded_and_given_back() {
        static LONG: AtomicUsize = AtomicUsize::new(0);
        let fill = |recv_buffer: &mut RecvBuffer| {
            let (near, far) = pair();
            let mut send_buffer = SendBuffer::keeping(vec![0; 1_500_000]);
            loop {
                send_buffer.send(near.as_fd()).unwrap();
                match recv_buffer.receive(far.as_fd()) {
                    Received::Some if send_buffer.pending() == 0 && recv_buffer.bytes().len() == 1_500_000 => return true,
                    Received::Some | Received::Nothing => {}
                    other => return other != Received::Crowded,
                }
            }
        };
        let mut recv_buffers: Vec<RecvBuffer> = (0..20).map(|_| RecvBuffer::new(Descriptors::Taken, Some(&LONG))).collect();
        let filled = recv_buffers.iter_mut().map(fill).filter(|filled| *filled).count();
        assert!((5..10).contains(&filled), "{filled}");
        assert!(LONG.load(Ordering::Relaxed) <= super::MOST_LONG);
        for recv_buffer in &mut recv_buffers {
            recv_buffer.consume(usize::MAX);
            recv_buffer.rest();
            assert!(recv_buffer.buffer.len() <= LARGE_BLOCK);
        }
        assert_eq!(LONG.load(Ordering::Relaxed), 0);
        assert!(fill(&mut recv_buffers[0]));
        drop(recv_buffers);
        assert_eq!(LONG.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_kernel_refuses_descriptors_where_it_can() {
        let (near, far) = pair();
        if !crate::httpd::system::peer::refuse_descriptors(near.as_fd()) {
            return;
        }
        assert_eq!(send_file(&far, std::fs::File::open("/dev/null").unwrap().as_fd()), Err(rustix::io::Errno::PERM));
        SendBuffer::keeping(b"bytes".to_vec()).send(far.as_fd()).unwrap();
        let mut recv_buffer = RecvBuffer::new(Descriptors::Refused, None);
        assert_eq!((recv_buffer.receive(near.as_fd()), recv_buffer.bytes()), (Received::Some, &b"bytes"[..]));
        assert_eq!(recv_buffer.receive(near.as_fd()), Received::Nothing);
        drop(far);
        assert_eq!(recv_buffer.receive(near.as_fd()), Received::End);
    }

    #[test]
    fn bytes_come_alike_where_descriptors_are_looked_for() {
        let (near, far) = pair();
        let mut recv_buffer = RecvBuffer::new(Descriptors::LookedFor, None);
        assert_eq!(recv_buffer.receive(near.as_fd()), Received::Nothing);
        for part in [&b"one "[..], b"two"] {
            SendBuffer::keeping(part.to_vec()).send(far.as_fd()).unwrap();
        }
        assert_eq!((recv_buffer.receive(near.as_fd()), recv_buffer.bytes()), (Received::Some, &b"one two"[..]));
        drop(far);
        assert_eq!(recv_buffer.receive(near.as_fd()), Received::End);
    }
}
