/*! Reading frames from bytes that a peer may have chosen. */

use super::{
    AbortReason, BodyState, Entries, Fields, Frame, HEAD_LENGTH, Hello, LONGEST_ANSWER, LONGEST_DATA, LONGEST_HEAD,
    RefusedReason, Request, RequestHead, STREAM, Sender, kind,
};
use crate::embedded::RequestFlags;
use crate::table::Ticket;

/// How a peer broke the rules of `docs/protocol.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A frame type that does not exist, or that this side may not send.
    Type(u8),
    /// A stream that does not exist.
    Stream(u32),
    /// A payload longer than its type allows.
    TooLong {
        /// The frame's type.
        kind: u8,
        /// The announced length.
        length: u32,
    },
    /// A payload that is not as its type wants it.
    Payload(u8),
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Type(kind) => write!(f, "a frame of type {kind}, which the sender may not send"),
            Self::Stream(stream) => write!(f, "a frame for stream {stream}, which does not exist"),
            Self::TooLong { kind, length } => {
                write!(f, "a frame of type {kind} with {length} bytes, which is more than the maximum")
            }
            Self::Payload(kind) => write!(f, "a frame of type {kind} with a malformed payload"),
        }
    }
}

impl std::error::Error for Violation {}

/// What stands at the front of the bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Parsed<'a> {
    /// Not a whole frame yet: at least so many bytes in all are needed.
    Incomplete(usize),
    /// A frame, and how many bytes it took.
    Frame(Frame<'a>, usize),
}

/// A payload is not as its type wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The longest payload of a type, if `from` may send it.
const fn limit(kind: u8, from: Sender) -> Option<usize> {
    match (from, kind) {
        (_, kind::HELLO) => Some(1024),
        (Sender::Child, kind::REQUEST) => Some(LONGEST_HEAD),
        (Sender::Daemon, kind::HEAD) => Some(LONGEST_ANSWER),
        (Sender::Child, kind::BODY) | (Sender::Daemon, kind::DATA | kind::LOG) => Some(LONGEST_DATA),
        (Sender::Child, kind::BODY_END) | (Sender::Daemon, kind::ABORT | kind::REFUSED) => Some(1),
        (Sender::Daemon, kind::WANT) => Some(4),
        (Sender::Child, kind::CLIENT_GONE) | (Sender::Daemon, kind::END | kind::GO_AWAY) | (_, kind::MEMORY) => Some(0),
        (Sender::Daemon, kind::FILE) => Some(16),
        (Sender::Daemon, kind::LENT) | (Sender::Child, kind::LENT_BODY) => Some(8),
        _ => None,
    }
}

/// Whether a [`Frame::Body`] of a child's stands at the front of `bytes`, of which its payload need not have come: the lengths of its head and its payload.
///
/// # Errors
/// A [`Violation`], as [`parse`].
pub fn body_begins(bytes: &[u8]) -> Result<Option<(usize, usize)>, Violation> {
    let Some((head, _)) = bytes.split_first_chunk::<HEAD_LENGTH>() else { return Ok(None) };
    let [.., kind, _, _, _, _] = *head;
    if kind != kind::BODY {
        return Ok(None);
    }
    let (_, size) = sizes(head, Sender::Child)?;
    Ok(Some((HEAD_LENGTH, size)))
}

/// Whether a daemon's frame of which only `bytes` have come can be one that brings a descriptor.
pub fn may_bring_descriptor(bytes: &[u8]) -> bool {
    // The type stands behind the length.
    bytes.get(size_of::<u32>()).is_none_or(|kind| *kind == kind::FILE)
}

/// Type and length of payload, of a frame with that head.
fn sizes(head: &[u8; HEAD_LENGTH], from: Sender) -> Result<(u8, usize), Violation> {
    let [l0, l1, l2, l3, kind, s0, s1, s2, s3] = *head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let stream = u32::from_le_bytes([s0, s1, s2, s3]);
    let limit = limit(kind, from).ok_or(Violation::Type(kind))?;
    if stream != STREAM {
        return Err(Violation::Stream(stream));
    }
    let size = usize::try_from(length).ok().filter(|size| *size <= limit).ok_or(Violation::TooLong { kind, length })?;
    Ok((kind, size))
}

/// Reads the frame at the front of `bytes`, which came from `from`.
///
/// # Errors
/// A [`Violation`], as soon as the bytes that are there show it.
pub fn parse(bytes: &[u8], from: Sender) -> Result<Parsed<'_>, Violation> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD_LENGTH>() else { return Ok(Parsed::Incomplete(HEAD_LENGTH)) };
    let (kind, size) = sizes(head, from)?;
    match rest.get(..size) {
        Some(payload) => {
            let frame = read(kind, payload).map_err(|Malformed| Violation::Payload(kind))?;
            Ok(Parsed::Frame(frame, HEAD_LENGTH + size))
        }
        None => Ok(Parsed::Incomplete(HEAD_LENGTH + size)),
    }
}

/// A ticket, unless its number says that there is none; then there is nothing else to say of it.
const fn ticket(number: u32, serial: u32) -> Result<Option<Ticket>, Malformed> {
    match (number, serial) {
        (u32::MAX, 0) => Ok(None),
        (u32::MAX, _) => Err(Malformed),
        _ => Ok(Some(Ticket { number, serial })),
    }
}

fn read(kind: u8, payload: &[u8]) -> Result<Frame<'_>, Malformed> {
    let mut cursor = Cursor::new(payload);
    let frame = match kind {
        kind::HELLO => Frame::Hello(Hello {
            version: cursor.u16()?,
            generation: cursor.u64()?,
            token: cursor.array()?,
            ticket: ticket(cursor.u32()?, cursor.u32()?)?,
            build: cursor.text()?,
        }),
        kind::REQUEST => Frame::Request(request(&mut cursor)?),
        kind::BODY => Frame::Body(cursor.take_rest()),
        kind::LENT_BODY => Frame::LentBody { offset: cursor.u32()?, length: cursor.u32()? },
        kind::BODY_END => Frame::BodyEnd(BodyState::from_number(cursor.u8()?).ok_or(Malformed)?),
        kind::WANT => Frame::Want(cursor.u32()?),
        kind::CLIENT_GONE => Frame::ClientGone,
        kind::HEAD => Frame::Head { status: cursor.u16()?, reason: cursor.text()?, fields: Fields::check(&mut cursor)? },
        kind::DATA => Frame::Data(cursor.take_rest()),
        kind::FILE => Frame::File { offset: cursor.u64()?, length: cursor.u64()? },
        kind::MEMORY => Frame::Memory,
        kind::LENT => Frame::Lent { offset: cursor.u32()?, length: cursor.u32()? },
        kind::LOG => Frame::Log { level: cursor.u8()?, line: cursor.u32()?, file: cursor.text()?, text: cursor.take_rest() },
        kind::END => Frame::End,
        kind::ABORT => Frame::Abort(AbortReason::from_number(cursor.u8()?).ok_or(Malformed)?),
        kind::REFUSED => Frame::Refused(RefusedReason::from_number(cursor.u8()?).ok_or(Malformed)?),
        kind::GO_AWAY => Frame::GoAway,
        _ => return Err(Malformed),
    };
    cursor.finished()?;
    Ok(frame)
}

fn request<'a>(cursor: &mut Cursor<'a>) -> Result<Request<'a>, Malformed> {
    let head = RequestHead {
        flags: RequestFlags::from_bits_retain(cursor.u32()?),
        script_mtime: cursor.i64()?,
        request_start: cursor.i64()?,
        queue_start: cursor.i64()?,
        script: cursor.text()?,
        resource: cursor.text()?,
        application_group: cursor.text()?,
        callable: cursor.text()?,
    };
    Ok(Request { head, environ: Entries::check(cursor)? })
}

/// A length that says that there is no text.
pub(super) const NONE: u32 = u32::MAX;

/// Reads values from the front of a payload.
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) const fn skip_all(&mut self) {
        self.0 = &[];
    }

    fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(super) const fn finished(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_le_bytes)
    }

    fn bytes(&mut self, length: u32) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u32()?;
        self.bytes(length)
    }

    pub(super) fn entry(&mut self) -> Result<(&'a [u8], Option<&'a [u8]>), Malformed> {
        let key = self.text()?;
        match self.u32()? {
            NONE => Ok((key, None)),
            length => Ok((key, Some(self.bytes(length)?))),
        }
    }

    pub(super) fn field(&mut self) -> Result<(&'a [u8], &'a [u8]), Malformed> {
        Ok((self.text()?, self.text()?))
    }
}
