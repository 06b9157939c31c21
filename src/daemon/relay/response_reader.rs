/*! What a daemon process answers, frame by frame, into the response.

The daemon runs somebody's application and may have been taken over by it: whatever it sends out of turn ends the conversation, and
nothing is believed about a descriptor that was not looked at. *Runs in: child.* */

use std::ffi::CString;
use std::os::fd::{AsFd as _, OwnedFd};

use protocol::Level;
use protocol::frame::{AbortReason, Fields, Frame, Parsed, RefusedReason, Sender, VERSION, may_bring_descriptor, parse};
use protocol::log_code::LOG_LINES_LOST;
use protocol::rules::{self, HeadFault};
use rustix::fs::{FileType, OFlags};

use super::body::Body;
use super::protocol_error::{self, ProtocolError};
use crate::daemon::connections::recv_buffer::Ancillary;
use crate::httpd::stream::brigade::Piece;
use crate::httpd::{Log, Request};
use crate::request::response_body::{Passing, ResponseBody, Taken};

/// Pieces from here on go to the filters from where they are; smaller ones are kept until there is more.
const LARGE: usize = 16 * 1024;
/// So much is kept at most.
const MOST_KEPT: usize = 64 * 1024;

/// How a conversation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The response is complete.
    Complete,
    /// It broke off.
    Aborted(AbortReason),
    /// The request was not begun.
    Refused(RefusedReason),
    /// The daemon broke the rules.
    ProtocolError(ProtocolError),
    /// A header of the response is longer than it may be.
    HeaderTooLong(Vec<u8>),
    /// The client is gone.
    ClientGone,
    /// The response could not be taken; the log says why.
    Unsendable,
}

/// The answer so far.
#[derive(Debug)]
pub struct ResponseReader {
    longest_header: usize,
    greeted: bool,
    /// The daemon has begun the request, for all that can be known.
    pub begun: bool,
    /// Status and headers have come.
    pub head: bool,
    /// Body bytes that have come since the client was last sent all there was.
    pub gathered: usize,
    /// Those of them that were not even passed to the filters.
    kept: usize,
    /// The process wants no further request on this connection.
    pub goes_away: bool,
    /// Body bytes that may still come, if their number was announced.
    left: Option<u64>,
    /// The status, if it allows no body.
    bodyless: Option<u16>,
    /// Frames that brought nothing.
    empty: u32,
    lines: Lines,
}

/// What the request has written to the error log.
#[derive(Debug, Default)]
struct Lines {
    count: u32,
    bytes: usize,
}

impl Lines {
    /// Whether a further line of `length` bytes may be written, and if not whether it is the first that may not.
    fn add(&mut self, length: usize) -> Result<(), bool> {
        let was_within = self.are_within();
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(length);
        if self.are_within() { Ok(()) } else { Err(was_within) }
    }

    const fn are_within(&self) -> bool {
        self.count <= rules::MOST_LINES && self.bytes <= rules::MOST_LINE_BYTES
    }
}

impl ResponseReader {
    /// Nothing is known. `longest_header`: how long a header's line may be, bytes. `greeted`: the process has greeted, at an earlier request.
    pub fn new(longest_header: u32, greeted: bool) -> Self {
        let longest_header = usize::try_from(longest_header).unwrap_or(usize::MAX);
        Self {
            longest_header,
            greeted,
            begun: false,
            head: false,
            gathered: 0,
            kept: 0,
            goes_away: false,
            left: None,
            bodyless: None,
            empty: 0,
            lines: Lines::default(),
        }
    }

    /// Takes the frames at the front of `bytes`: how many bytes they had, and the end if it was among them.
    pub fn take(
        &mut self,
        bytes: &[u8],
        ancillary: &mut Ancillary,
        response: &mut ResponseBody<'_>,
        request: Request<'_>,
        body: &mut Body,
    ) -> (usize, Option<End>) {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            match parse(rest, Sender::Daemon) {
                Ok(Parsed::Frame(frame, length)) => {
                    taken += length;
                    if let Err(end) = self.frame(&frame, ancillary, response, request, body) {
                        return (taken, Some(end));
                    }
                }
                Ok(Parsed::Incomplete(_)) => {
                    // A descriptor comes with its frame, of which at least the first byte is here.
                    let wanted = usize::from(!rest.is_empty() && may_bring_descriptor(rest));
                    return (taken, (ancillary.files.len() > wanted).then_some(End::ProtocolError(ProtocolError::Descriptors)));
                }
                Err(violation) => return (taken, Some(End::ProtocolError(ProtocolError::Frame(violation)))),
            }
        }
    }

    fn frame(
        &mut self,
        frame: &Frame<'_>,
        ancillary: &mut Ancillary,
        response: &mut ResponseBody<'_>,
        request: Request<'_>,
        body: &mut Body,
    ) -> Result<(), End> {
        if self.greeted != !matches!(frame, Frame::Hello(_)) {
            return Err(End::ProtocolError(ProtocolError::Turn("a HELLO frame")));
        }
        self.begun |= !matches!(frame, Frame::Hello(_) | Frame::Refused(_) | Frame::GoAway);
        match *frame {
            Frame::Hello(hello) => {
                self.greeted = true;
                if hello.version == VERSION { Ok(()) } else { Err(End::ProtocolError(ProtocolError::Version(hello.version))) }
            }
            Frame::Want(count) => {
                // At once: the end of the response may be the next frame.
                body.ask(u64::from(count), request);
                if body.credit > rules::MOST_ASKED {
                    return Err(End::ProtocolError(ProtocolError::Asked));
                }
                self.brings(count > 0)
            }
            Frame::Log { level, line, file, text } => {
                self.log(Level::from_number(i32::from(level)), text, file, line, request);
                Ok(())
            }
            Frame::Head { status, reason, fields } => self.head(status, reason, fields, response),
            Frame::Data(_) | Frame::File { .. } | Frame::Lent { .. } if !self.head => {
                Err(End::ProtocolError(ProtocolError::Turn("a response body before its head")))
            }
            Frame::Data(piece) => {
                self.body(u64::try_from(piece.len()).unwrap_or(u64::MAX))?;
                self.data(piece, response)
            }
            Frame::File { offset, length } => {
                self.body(length)?;
                self.file(offset, length, ancillary, response)
            }
            Frame::Lent { offset, length } => {
                self.body(u64::from(length))?;
                self.lent(offset, length, ancillary, response)
            }
            Frame::Memory if ancillary.wants_memory => {
                Err(End::ProtocolError(ProtocolError::Turn("a second request for shared memory")))
            }
            Frame::Memory => {
                ancillary.wants_memory = true;
                Ok(())
            }
            Frame::End if !self.head => Err(End::ProtocolError(ProtocolError::Turn("the end of a response before its head"))),
            Frame::End => Err(End::Complete),
            Frame::Abort(reason) => Err(End::Aborted(reason)),
            Frame::Refused(_) if self.begun => Err(End::ProtocolError(ProtocolError::Turn("a refusal"))),
            Frame::Refused(reason) => Err(End::Refused(reason)),
            Frame::GoAway if self.goes_away => Err(End::ProtocolError(ProtocolError::Turn("a second GOAWAY frame"))),
            Frame::GoAway => {
                self.goes_away = true;
                Ok(())
            }
            // The parser gives no frame that only a child may send.
            Frame::Request(_) | Frame::Body(_) | Frame::LentBody { .. } | Frame::BodyEnd(_) | Frame::ClientGone => {
                Err(End::ProtocolError(ProtocolError::Turn("a frame that only httpd sends")))
            }
        }
    }

    fn head(&mut self, status: u16, reason: &[u8], fields: Fields<'_>, response: &mut ResponseBody<'_>) -> Result<(), End> {
        if self.head {
            return Err(End::ProtocolError(ProtocolError::Turn("a second response head")));
        }
        let known = rules::head(status, reason, fields.iter(), self.longest_header).map_err(|fault| match fault {
            HeadFault::TooLong(name) => End::HeaderTooLong(name.to_vec()),
            fault => End::ProtocolError(protocol_error::of_head(&fault, status)),
        })?;
        self.left = known.length;
        self.bodyless = rules::forbids_body(status).then_some(status);
        self.head = true;
        taken(response.start(status, reason, fields.iter()), response)
    }

    /// A line for the log, as long as there are not too many of them.
    fn log(&mut self, level: Level, text: &[u8], file: &[u8], line: u32, request: Request<'_>) {
        let log = Log::Request(request);
        if !log.enabled(level) {
            return;
        }
        match self.lines.add(text.len().saturating_add(file.len())) {
            Ok(()) => {
                let file = CString::new(file).unwrap_or_default();
                log.write(level, text, &file, i32::try_from(line).unwrap_or(0));
            }
            Err(true) => log.log_code(
                &LOG_LINES_LOST,
                format_args!(
                    "the request wrote more than {} lines or {} bytes to the log; further lines are dropped",
                    rules::MOST_LINES,
                    rules::MOST_LINE_BYTES
                ),
            ),
            Err(false) => {}
        }
    }

    /// A frame has come that brings something, or does not.
    fn brings(&mut self, something: bool) -> Result<(), End> {
        self.empty = self.empty.saturating_add(u32::from(!something));
        if !something && self.empty > rules::MOST_EMPTY { Err(End::ProtocolError(ProtocolError::Flood)) } else { Ok(()) }
    }

    /// `length` bytes of the body come: whether they may. What is beyond the announced length does not reach the client.
    fn body(&mut self, length: u64) -> Result<(), End> {
        if let Some(status) = self.bodyless.filter(|_| length > 0) {
            return Err(End::ProtocolError(ProtocolError::Body(status)));
        }
        let counts = length.min(self.left.unwrap_or(u64::MAX));
        self.left = self.left.map(|left| left - counts);
        self.brings(counts > 0)
    }

    fn data<'d>(&mut self, piece: impl Into<Piece<'d>>, response: &mut ResponseBody<'_>) -> Result<(), End> {
        let piece = piece.into();
        let pass = piece.len() >= LARGE || self.kept.saturating_add(piece.len()) > MOST_KEPT;
        self.write(piece, if pass { Passing::Passed } else { Passing::Kept }, response)
    }

    fn write(&mut self, piece: Piece<'_>, passing: Passing, response: &mut ResponseBody<'_>) -> Result<(), End> {
        let written = response.write(std::iter::once(piece), passing);
        self.kept = if passing == Passing::Kept { self.kept.saturating_add(piece.len()) } else { 0 };
        self.gathered = self.gathered.saturating_add(piece.len());
        taken(written, response)
    }

    /// Takes what lies in memory that the daemon can still write to: only what copies it or sends it may see it. A filter that works on content might look
    /// twice, and gets a copy.
    fn lent(&mut self, offset: u32, length: u32, ancillary: &Ancillary, response: &mut ResponseBody<'_>) -> Result<(), End> {
        let error = End::ProtocolError(ProtocolError::Memory);
        let (Ok(start), Ok(size)) = (usize::try_from(offset), usize::try_from(length)) else { return Err(error) };
        let memory = ancillary.memory.as_ref().ok_or_else(|| error.clone())?;
        let piece = memory.lend(start, size).ok_or(error)?;
        if response.is_filtered() {
            for part in piece.pieces(MOST_KEPT) {
                self.keep(part.into(), response)?;
            }
        } else {
            self.data(piece, response)?;
        }
        memory.add_done(u64::from(length));
        Ok(())
    }

    /// Copies a piece of the body, after what was kept has gone to the filters if there is too much of it.
    fn keep(&mut self, piece: Piece<'_>, response: &mut ResponseBody<'_>) -> Result<(), End> {
        if self.kept.saturating_add(piece.len()) > MOST_KEPT {
            self.write([].as_slice().into(), Passing::Passed, response)?;
        }
        self.write(piece, Passing::Kept, response)
    }

    fn file(&mut self, offset: u64, length: u64, ancillary: &mut Ancillary, response: &mut ResponseBody<'_>) -> Result<(), End> {
        let file = ancillary.files.pop_front().ok_or(End::ProtocolError(ProtocolError::Descriptors))?;
        if !holds(&file, offset, length) {
            return Err(End::ProtocolError(ProtocolError::File));
        }
        let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) else {
            return Err(End::ProtocolError(ProtocolError::File));
        };
        let sent = response.send_file(file.as_fd(), offset, length);
        self.gathered = self.gathered.saturating_add(1);
        taken(sent, response)
    }

    /// Everything that was gathered goes to the client.
    pub fn flush(&mut self, response: &mut ResponseBody<'_>) -> Result<(), End> {
        (self.gathered, self.kept) = (0, 0);
        let written = response.write(std::iter::empty::<&[u8]>(), Passing::Flushed);
        taken(written, response)
    }
}

fn taken(taken: Taken, response: &mut ResponseBody<'_>) -> Result<(), End> {
    match taken {
        Taken::Ok => Ok(()),
        Taken::ClientGone | Taken::Overdue => Err(End::ClientGone),
        _ => {
            response.failed();
            Err(End::Unsendable)
        }
    }
}

/// Whether `file` is a regular file, open for reading, that reaches to the end of the range.
fn holds(file: &OwnedFd, offset: u64, length: u64) -> bool {
    let Ok(stat) = rustix::fs::fstat(file) else { return false };
    let readable = rustix::fs::fcntl_getfl(file).is_ok_and(|flags| flags & OFlags::ACCMODE != OFlags::WRONLY);
    let end = offset.checked_add(length);
    let inside = end.is_some_and(|end| u64::try_from(stat.st_size).is_ok_and(|size| end <= size));
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && readable && inside
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;
    use std::os::fd::OwnedFd;

    use protocol::rules;

    use super::{End, Lines, ProtocolError, ResponseReader, holds};

    #[test]
    fn a_received_file_is_looked_at() {
        let path = std::env::temp_dir().join(format!("answer-{}", std::process::id()));
        let mut file = std::fs::File::options().create(true).truncate(true).read(true).write(true).open(&path).unwrap();
        file.write_all(b"0123456789").unwrap();
        let write_only: OwnedFd = std::fs::File::options().write(true).open(&path).unwrap().into();
        std::fs::remove_file(path).unwrap();
        let file: OwnedFd = file.into();
        assert!(holds(&file, 0, 10) && holds(&file, 3, 7) && holds(&file, 10, 0));
        assert!(!holds(&file, 3, 8) && !holds(&file, 11, 0) && !holds(&file, u64::MAX, 2));
        assert!(!holds(&write_only, 0, 10));
        let directory: OwnedFd = std::fs::File::open("/").unwrap().into();
        let device: OwnedFd = std::fs::File::open("/dev/zero").unwrap().into();
        assert!(!holds(&directory, 0, 0) && !holds(&device, 0, 0));
    }

    #[test]
    fn lines_beyond_the_bound_are_dropped_and_the_first_of_them_is_known() {
        let mut lines = Lines::default();
        assert!((0..rules::MOST_LINES).all(|_| lines.add(10) == Ok(())));
        assert_eq!((lines.add(10), lines.add(10)), (Err(true), Err(false)));
        let mut lines = Lines::default();
        assert_eq!((lines.add(rules::MOST_LINE_BYTES), lines.add(1), lines.add(1)), (Ok(()), Err(true), Err(false)));
    }

    #[test]
    fn frames_that_bring_nothing_are_counted_and_a_body_has_its_place() {
        let mut reader = ResponseReader::new(100, true);
        assert!((0..rules::MOST_EMPTY).all(|_| reader.body(0).is_ok()));
        assert_eq!(reader.body(0), Err(End::ProtocolError(ProtocolError::Flood)));
        assert!(reader.body(1).is_ok());
        // What is beyond the announced length brings nothing either.
        let mut reader = ResponseReader { left: Some(5), ..ResponseReader::new(100, true) };
        assert!(reader.body(7).is_ok());
        assert!((0..rules::MOST_EMPTY).all(|_| reader.body(1).is_ok()));
        assert_eq!(reader.body(1), Err(End::ProtocolError(ProtocolError::Flood)));
        let mut reader = ResponseReader { bodyless: Some(304), ..ResponseReader::new(100, true) };
        assert!(reader.body(0).is_ok());
        assert_eq!(reader.body(1), Err(End::ProtocolError(ProtocolError::Body(304))));
    }
}
