/*! What goes to a daemon process, and nothing that waits.

What was sent is kept until the daemon has said something, because a request that it certainly has not begun may be sent again.
A large body goes over in memory that the daemon shares, where it has given some; it is kept here all the same, and nothing is
ever read from there. *Runs in: child.* */

use std::os::fd::BorrowedFd;

use protocol::frame::{BodyState, Frame, HEAD_LENGTH, Parsed, Sender, Writer, parse};
use rustix::io::Errno;
use rustix::net::SendFlags;
use shared_memory::{CHILDS, LEAST, Part, Region};

/// What goes to the daemon.
#[derive(Debug, Default)]
pub struct SendBuffer {
    /// Frames, in order. The part before `sent` is kept while the request may have to be sent again.
    pub bytes: Vec<u8>,
    /// They with the request's body, of which this connection's memory has a copy instead.
    whole: Option<Vec<u8>>,
    sent: usize,
    kept: bool,
    /// The peer takes nothing more.
    held: bool,
}

impl SendBuffer {
    /// Keeps what is sent until [`SendBuffer::forget`].
    pub fn keeping(bytes: Vec<u8>) -> Self {
        Self { bytes, kept: true, ..Self::default() }
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
        if let Some(whole) = self.whole.take() {
            self.bytes = whole;
        }
        for (place, byte) in self.bytes.iter_mut().zip(beginning) {
            *place = *byte;
        }
        (self.sent, self.held) = (start, false);
    }

    /// Whether there is a body behind the first `request_end` bytes that may go over in memory: it has been gathered to its end, and is large.
    pub fn has_large_body(&self, request_end: usize) -> bool {
        self.bytes.get(request_end..).is_some_and(|frames| whole_body(frames).is_some())
    }

    /// A large body (see [`SendBuffer::has_large_body`]) goes over in memory that the daemon shares, unless something is to be read there yet.
    pub fn lend(&mut self, request_end: usize, memory: &Region) {
        let Some((head, frames)) = self.bytes.split_at_checked(request_end) else { return };
        let Some(length) = whole_body(frames).and_then(|length| u32::try_from(length).ok()) else { return };
        if !memory.take() {
            return;
        }
        let mut at = 0;
        for part in body_parts(frames) {
            if !memory.put(Part::Childs, at, part) {
                memory.give_back();
                return;
            }
            at += part.len();
        }
        let mut short = Vec::with_capacity(head.len() + 64);
        short.extend_from_slice(head);
        let mut writer = Writer::new(&mut short);
        writer.lent_body(0, length);
        writer.body_end(BodyState::Complete);
        self.whole = Some(std::mem::replace(&mut self.bytes, short));
    }

    /// The memory that the frames were in.
    pub fn take_spare_buffer(&mut self) -> Vec<u8> {
        let frames = std::mem::take(&mut self.bytes);
        self.whole.take().unwrap_or(frames)
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

/// What the frames of a body carry.
fn body_parts(frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = frames;
    std::iter::from_fn(move || match parse(rest, Sender::Child) {
        Ok(Parsed::Frame(Frame::Body(part), length)) => {
            rest = rest.get(length..)?;
            Some(part)
        }
        _ => None,
    })
}

/// The length of a body that `frames` are all of, if it is worth being lent.
fn whole_body(frames: &[u8]) -> Option<usize> {
    let (parts, length) = body_parts(frames).fold((0, 0_usize), |(parts, length), part| (parts + 1, length + part.len()));
    let end = frames.get(length + parts * HEAD_LENGTH..)?;
    let complete = matches!(parse(end, Sender::Child), Ok(Parsed::Frame(Frame::BodyEnd(BodyState::Complete), _)));
    (complete && (LEAST..=CHILDS).contains(&length)).then_some(length)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::os::fd::{AsFd as _, OwnedFd};

    use protocol::frame::{BodyState, LONGEST_DATA, Writer};
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    use shared_memory::{CHILDS, HEADER, LEAST, Region};

    use super::SendBuffer;
    use crate::daemon::connections::recv_buffer::{Received, RecvBuffer};

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap()
    }

    /// All that comes of what is sent at once.
    fn received(send_buffer: &mut SendBuffer) -> Vec<u8> {
        let (near, far) = pair();
        send_buffer.send(near.as_fd()).unwrap();
        drop(near);
        let (mut recv_buffer, mut all) = (RecvBuffer::default(), Vec::new());
        while recv_buffer.receive(far.as_fd()) == Received::Some {
            all.extend_from_slice(recv_buffer.bytes());
            recv_buffer.consume(usize::MAX);
        }
        all
    }

    /// A request of one word and a body in those parts.
    fn request(parts: &[&[u8]], end: Option<BodyState>) -> Vec<u8> {
        let mut bytes = b"request".to_vec();
        let mut writer = Writer::new(&mut bytes);
        for part in parts {
            writer.body(part);
        }
        if let Some(end) = end {
            writer.body_end(end);
        }
        bytes
    }

    fn memory() -> (Region, Region) {
        let file = shared_memory::make(c"test", HEADER + 100 + CHILDS, &[]).unwrap();
        (Region::map(&file).unwrap(), Region::map(&file).unwrap())
    }

    /// What lies in the child's part.
    fn lying(region: &Region, length: usize) -> Vec<u8> {
        region.copy(0, Vec::with_capacity(length).spare_capacity_mut()).unwrap().to_vec()
    }

    #[test]
    fn a_large_body_goes_over_in_memory_and_can_be_sent_again_without_it() {
        let (child, daemon) = memory();
        let (first, second) = (vec![b'a'; 60_000], vec![b'b'; 5_000]);
        let whole = request(&[&first, &second], Some(BodyState::Complete));
        let mut send_buffer = SendBuffer::keeping(whole.clone());
        assert!(send_buffer.has_large_body(7));
        send_buffer.lend(7, &child);
        let mut short = b"request".to_vec();
        let mut writer = Writer::new(&mut short);
        writer.lent_body(0, 65_000);
        writer.body_end(BodyState::Complete);
        assert_eq!(received(&mut send_buffer), short);
        assert!(send_buffer.is_sent());
        assert!(lying(&daemon, 65_000) == [first, second].concat());

        // The daemon has refused it, and changed what it was given.
        send_buffer.rewind(0, b"REQ");
        let mut again = whole;
        again[..3].copy_from_slice(b"REQ");
        assert!(received(&mut send_buffer) == again);
        // Until it has been read nothing else is put there.
        send_buffer.rewind(0, b"");
        send_buffer.lend(7, &child);
        assert!(received(&mut send_buffer) == again);
        daemon.give_back();
        send_buffer.rewind(0, b"");
        send_buffer.lend(7, &child);
        assert!(received(&mut send_buffer).len() < 100);
        send_buffer.forget();
        assert!(send_buffer.is_sent() && send_buffer.take_spare_buffer().capacity() >= again.len());
    }

    #[test]
    fn what_is_short_or_not_whole_goes_through_the_socket() {
        let (child, _daemon) = memory();
        let (little, much) = (vec![b'x'; LEAST - 1], vec![b'x'; LONGEST_DATA]);
        let bodies = [
            request(&[&little], Some(BodyState::Complete)),
            request(&[&much], None),
            request(&[&much], Some(BodyState::Aborted)),
            request(&[&much, b"x"], Some(BodyState::Complete)),
            request(&[], Some(BodyState::Complete)),
            request(&[], None),
            b"req".to_vec(),
        ];
        for bytes in bodies {
            let mut send_buffer = SendBuffer::keeping(bytes.clone());
            assert!(!send_buffer.has_large_body(7));
            send_buffer.lend(7, &child);
            assert!(received(&mut send_buffer) == bytes);
        }
        // Nothing has been put there.
        assert!(child.take());
    }

    #[test]
    fn what_was_sent_can_be_sent_again_until_it_is_forgotten() {
        let (near, far) = pair();
        let mut send_buffer = SendBuffer::keeping(b"hello ".to_vec());
        send_buffer.send(near.as_fd()).unwrap();
        send_buffer.bytes.extend_from_slice(b"world");
        send_buffer.send(near.as_fd()).unwrap();
        assert_eq!((send_buffer.sent(), send_buffer.pending()), (11, 0));
        let (again, other) = pair();
        send_buffer.rewind(0, b"HE");
        send_buffer.send(again.as_fd()).unwrap();
        for (socket, text) in [(far, b"hello world"), (other, b"HEllo world")] {
            let mut recv_buffer = RecvBuffer::default();
            assert_eq!(recv_buffer.receive(socket.as_fd()), Received::Some);
            assert_eq!(recv_buffer.bytes(), text);
        }
        let (third, end) = pair();
        send_buffer.rewind(6, b"");
        send_buffer.send(third.as_fd()).unwrap();
        let mut recv_buffer = RecvBuffer::default();
        recv_buffer.receive(end.as_fd());
        assert_eq!(recv_buffer.bytes(), b"world");
        send_buffer.forget();
        assert_eq!((send_buffer.sent(), send_buffer.bytes.len()), (0, 0));
    }
}
