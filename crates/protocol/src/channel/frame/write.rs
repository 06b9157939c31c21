/*! Appending frames to a buffer. */

use super::parse::NONE;
use super::{AbortReason, BodyState, HEAD_LENGTH, Hello, LONGEST_DATA, RefusedReason, RequestHead, STREAM, kind};

/// Appends frames to a buffer that goes out in one write.
pub struct Writer<'b>(&'b mut Vec<u8>);

/// A payload would be longer than its type allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl<'b> Writer<'b> {
    /// Appends to `buffer`.
    pub const fn new(buffer: &'b mut Vec<u8>) -> Self {
        Self(buffer)
    }

    fn frame(&mut self, kind: u8, payload: impl FnOnce(&mut Vec<u8>)) -> Result<(), TooLong> {
        let start = self.open();
        payload(self.0);
        self.close(start, kind)
    }

    /// Makes room for a frame's head: where it stands.
    fn open(&mut self) -> usize {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; HEAD_LENGTH]);
        start
    }

    /// Fills in the head of a frame whose payload is written.
    fn close(&mut self, start: usize, kind: u8) -> Result<(), TooLong> {
        let length = self.0.len().saturating_sub(start + HEAD_LENGTH);
        let limit = match kind {
            kind::REQUEST => super::LONGEST_HEAD,
            kind::HEAD => super::LONGEST_ANSWER,
            _ => LONGEST_DATA,
        };
        let announced = u32::try_from(length).ok().filter(|_| length <= limit);
        let Some(announced) = announced else {
            self.0.truncate(start);
            return Err(TooLong);
        };
        let [l0, l1, l2, l3] = announced.to_le_bytes();
        let [s0, s1, s2, s3] = STREAM.to_le_bytes();
        if let Some(head) = self.0.get_mut(start..start + HEAD_LENGTH) {
            head.copy_from_slice(&[l0, l1, l2, l3, kind, s0, s1, s2, s3]);
        }
        Ok(())
    }

    /// A frame whose payload is short by construction.
    fn short(&mut self, kind: u8, payload: &[u8]) {
        let written = self.frame(kind, |out| out.extend_from_slice(payload));
        debug_assert!(written.is_ok(), "a short payload fits");
    }

    /// [`super::Frame::Hello`]; a build text beyond 256 bytes is cut.
    pub fn hello(&mut self, hello: &Hello<'_>) {
        let mut payload = Vec::with_capacity(64);
        payload.extend_from_slice(&hello.version.to_le_bytes());
        payload.extend_from_slice(&hello.generation.to_le_bytes());
        payload.extend_from_slice(&hello.token);
        // No ticket has the last number.
        let (number, serial) = hello.ticket.map_or((u32::MAX, 0), |ticket| (ticket.number, ticket.serial));
        payload.extend_from_slice(&number.to_le_bytes());
        payload.extend_from_slice(&serial.to_le_bytes());
        text(&mut payload, hello.build.get(..hello.build.len().min(256)).unwrap_or_default());
        self.short(kind::HELLO, &payload);
    }

    /// [`super::Frame::Request`]
    ///
    /// # Errors
    /// [`TooLong`] beyond 16 MiB; nothing is appended then.
    pub fn request<'e>(
        &mut self,
        head: &RequestHead<'_>,
        environ: impl ExactSizeIterator<Item = (&'e [u8], Option<&'e [u8]>)>,
    ) -> Result<(), TooLong> {
        self.frame(kind::REQUEST, |out| {
            out.extend_from_slice(&head.flags.bits().to_le_bytes());
            for time in [head.script_mtime, head.request_start, head.queue_start] {
                out.extend_from_slice(&time.to_le_bytes());
            }
            for part in [head.script, head.resource, head.application_group, head.callable] {
                text(out, part);
            }
            out.extend_from_slice(&length(environ.len()));
            for (key, value) in environ {
                text(out, key);
                match value {
                    Some(value) => text(out, value),
                    None => out.extend_from_slice(&NONE.to_le_bytes()),
                }
            }
        })
    }

    /// As many [`super::Frame::Body`] as the bytes need.
    pub fn body(&mut self, bytes: &[u8]) {
        self.pieces(kind::BODY, bytes);
    }

    /// One [`super::Frame::Body`] of what `read` appends, which is at most [`LONGEST_DATA`]; none if that is nothing.
    pub fn body_from<T>(&mut self, read: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let start = self.open();
        let result = read(self.0);
        let empty = self.0.len() <= start + HEAD_LENGTH;
        if empty || self.close(start, kind::BODY).is_err() {
            self.0.truncate(start);
        }
        result
    }

    /// As many [`super::Frame::Data`] as the bytes need.
    pub fn data(&mut self, bytes: &[u8]) {
        self.pieces(kind::DATA, bytes);
    }

    fn pieces(&mut self, kind: u8, bytes: &[u8]) {
        for piece in bytes.chunks(LONGEST_DATA) {
            self.short(kind, piece);
        }
    }

    /// [`super::Frame::BodyEnd`]
    pub fn body_end(&mut self, state: BodyState) {
        self.short(kind::BODY_END, &[state as u8]);
    }

    /// [`super::Frame::Want`]
    pub fn want(&mut self, count: u32) {
        self.short(kind::WANT, &count.to_le_bytes());
    }

    /// [`super::Frame::ClientGone`]
    pub fn client_gone(&mut self) {
        self.short(kind::CLIENT_GONE, &[]);
    }

    /// [`super::Frame::Head`]
    ///
    /// # Errors
    /// [`TooLong`] beyond [`super::LONGEST_ANSWER`]; nothing is appended then.
    pub fn head<'e>(
        &mut self,
        status: u16,
        reason: &[u8],
        fields: impl ExactSizeIterator<Item = (&'e [u8], &'e [u8])>,
    ) -> Result<(), TooLong> {
        self.frame(kind::HEAD, |out| {
            out.extend_from_slice(&status.to_le_bytes());
            text(out, reason);
            out.extend_from_slice(&length(fields.len()));
            for (name, value) in fields {
                text(out, name);
                text(out, value);
            }
        })
    }

    /// [`super::Frame::File`]; a child's descriptor goes along with the write of these bytes.
    pub fn file(&mut self, offset: u64, length: u64) {
        let mut payload = [0; 16];
        let (first, second) = payload.split_at_mut(8);
        first.copy_from_slice(&offset.to_le_bytes());
        second.copy_from_slice(&length.to_le_bytes());
        self.short(kind::FILE, &payload);
    }

    /// [`super::Frame::Memory`]; a child's descriptor goes along with the write of these bytes.
    pub fn memory(&mut self) {
        self.short(kind::MEMORY, &[]);
    }

    /// [`super::Frame::Lent`]
    pub fn lent(&mut self, offset: u32, length: u32) {
        self.range(kind::LENT, offset, length);
    }

    /// [`super::Frame::LentBody`]
    pub fn lent_body(&mut self, offset: u32, length: u32) {
        self.range(kind::LENT_BODY, offset, length);
    }

    fn range(&mut self, kind: u8, offset: u32, length: u32) {
        let mut payload = [0; 8];
        let (first, second) = payload.split_at_mut(4);
        first.copy_from_slice(&offset.to_le_bytes());
        second.copy_from_slice(&length.to_le_bytes());
        self.short(kind, &payload);
    }

    /// [`super::Frame::Log`]; what is beyond 32 KiB of a line is cut.
    pub fn log(&mut self, level: u8, line: u32, file: &[u8], line_text: &[u8]) {
        let cut = |bytes: &'_ [u8], most: usize| bytes.get(..bytes.len().min(most)).unwrap_or_default().to_vec();
        let mut payload = vec![level];
        payload.extend_from_slice(&line.to_le_bytes());
        text(&mut payload, &cut(file, 4096));
        payload.extend_from_slice(&cut(line_text, LONGEST_DATA / 2));
        self.short(kind::LOG, &payload);
    }

    /// [`super::Frame::End`]
    pub fn end(&mut self) {
        self.short(kind::END, &[]);
    }

    /// [`super::Frame::Abort`]
    pub fn abort(&mut self, reason: AbortReason) {
        self.short(kind::ABORT, &[reason as u8]);
    }

    /// [`super::Frame::Refused`]
    pub fn refused(&mut self, reason: RefusedReason) {
        self.short(kind::REFUSED, &[reason as u8]);
    }

    /// [`super::Frame::GoAway`]
    pub fn go_away(&mut self) {
        self.short(kind::GO_AWAY, &[]);
    }
}

/// A length on the wire. What does not fit makes its frame too long anyway.
fn length(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap_or(NONE - 1).to_le_bytes()
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&length(bytes.len()));
    out.extend_from_slice(bytes);
}
