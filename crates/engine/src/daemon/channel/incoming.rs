/*! The bytes that a child sends over a connection: frames, of which request body is handed on from where it lies, or does not come here at all.
*Runs in: daemon.* */

use protocol::frame::{Frame, Parsed, Sender, Violation, body_begins, parse};

/// No more memory than this is kept from one request to the next.
const KEPT: usize = 256 * 1024;

/// See the module.
#[derive(Default)]
pub struct Incoming {
    bytes: Vec<u8>,
    /// Up to here they have been dealt with.
    at: usize,
    /// How much of a body frame's payload is still to come, or lies here.
    body: usize,
}

impl Incoming {
    /// What has not been dealt with.
    pub fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Deals with the first `count` bytes of the rest.
    pub fn consume(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.bytes.len());
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
        }
    }

    /// Whether a body frame has begun and not ended.
    pub const fn is_amid_body(&self) -> bool {
        self.body > 0
    }

    /// Begins the body frame at the front of the rest, if there is one: the length of its payload.
    ///
    /// # Errors
    /// What is at the front is no frame of a child's.
    pub fn begin_body(&mut self) -> Result<Option<u64>, Violation> {
        let Some((head, length)) = body_begins(self.rest())? else { return Ok(None) };
        self.consume(head);
        self.body = length;
        Ok(Some(length as u64))
    }

    /// Payload of the body frame that lies here, at most `most` bytes; deal with them by [`Incoming::took`].
    pub fn body(&self, most: usize) -> &[u8] {
        let rest = self.rest();
        rest.get(..rest.len().min(self.body).min(most)).unwrap_or_default()
    }

    /// So many bytes of payload have been handed on; `here`: they lay here.
    pub fn took(&mut self, count: usize, here: bool) {
        self.body = self.body.saturating_sub(count);
        if here {
            self.consume(count);
        }
    }

    /// How many bytes of payload may be received to where they are wanted: nothing lies here before them.
    pub fn direct(&self) -> usize {
        if self.rest().is_empty() { self.body } else { 0 }
    }

    /// The last frame of the request's body, or of its child, wherever it stands behind what lies here; `None` if it has not come.
    pub fn has_body_end(&self) -> bool {
        let mut rest = self.rest().get(self.body..).unwrap_or_default();
        while let Ok(Parsed::Frame(frame, length)) = parse(rest, Sender::Child) {
            match frame {
                Frame::Body(_) | Frame::LentBody { .. } => rest = rest.get(length..).unwrap_or_default(),
                Frame::BodyEnd(_) => return true,
                _ => return false,
            }
        }
        false
    }

    /// Room for more, at least `block` bytes of it, behind the rest.
    pub fn spare_buffer(&mut self, block: usize) -> &mut Vec<u8> {
        // What was dealt with gives room only where little has to be moved for it.
        if self.at > self.rest().len() {
            self.bytes.drain(..self.at.min(self.bytes.len()));
            self.at = 0;
        }
        self.bytes.reserve(block);
        &mut self.bytes
    }

    /// Takes the first `length` bytes of the rest out, in memory of their own.
    pub fn split(&mut self, length: usize) -> Vec<u8> {
        if length >= self.rest().len() || self.bytes.capacity() > KEPT {
            self.bytes.drain(..self.at.min(self.bytes.len()));
            self.at = 0;
            let rest = self.bytes.split_off(length.min(self.bytes.len()));
            return std::mem::replace(&mut self.bytes, rest);
        }
        // What is behind a request, its body, is mostly longer than it is.
        let taken = self.rest().get(..length).unwrap_or_default().to_vec();
        self.consume(length);
        taken
    }

    /// Gives memory back that [`Incoming::split`] has taken.
    pub fn recycle(&mut self, mut memory: Vec<u8>) {
        if self.bytes.capacity() == 0 && memory.capacity() <= KEPT {
            memory.clear();
            self.bytes = memory;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use protocol::embedded::RequestFlags;
    use protocol::frame::{BodyState, Frame, Parsed, RequestHead, Sender, Writer, parse};

    use super::{Incoming, KEPT};

    /// A request, and all that follows it until its body has ended.
    fn request(body: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut request, mut body_frames) = (Vec::new(), Vec::new());
        let head = RequestHead {
            flags: RequestFlags::empty(),
            script_mtime: 1,
            request_start: 2,
            queue_start: 3,
            script: b"/srv/app.wsgi",
            resource: b"",
            application_group: b"",
            callable: b"application",
        };
        let environ: [(&[u8], Option<&[u8]>); 1] = [(b"A", Some(b"1"))];
        Writer::new(&mut request).request(&head, environ.into_iter()).unwrap();
        let mut writer = Writer::new(&mut body_frames);
        writer.body(body);
        writer.body_end(BodyState::Complete);
        (request, body_frames)
    }

    #[test]
    fn a_request_is_taken_from_before_its_body_wherever_that_is_cut() {
        let body: Vec<u8> = (0..60_000_u32).map(|n| n.to_le_bytes().iter().fold(7, |sum, byte| sum ^ byte)).collect();
        let mut incoming = Incoming::default();
        for cut in [0, 5, 9, 100, 36_000, 60_000, 60_009, 60_019] {
            let (request, frames) = request(&body);
            incoming.spare_buffer(100).extend_from_slice(&request);
            incoming.spare_buffer(100).extend_from_slice(frames.get(..cut).unwrap());
            let taken = incoming.split(request.len());
            assert_eq!(taken, request);
            assert_eq!(incoming.has_body_end(), cut == frames.len());
            incoming.spare_buffer(100).extend_from_slice(frames.get(cut..).unwrap());
            assert!(incoming.has_body_end());
            assert_eq!(incoming.begin_body(), Ok(Some(60_000)));
            let mut read = Vec::new();
            while incoming.is_amid_body() {
                let part = incoming.body(7000).to_vec();
                incoming.took(part.len(), true);
                read.extend_from_slice(&part);
            }
            assert!(read == body, "cut at {cut}");
            assert!(matches!(parse(incoming.rest(), Sender::Child), Ok(Parsed::Frame(Frame::BodyEnd(BodyState::Complete), 10))));
            incoming.consume(10);
            assert!(incoming.rest().is_empty());
            incoming.recycle(taken);
        }
    }

    #[test]
    fn a_connection_keeps_memory_for_its_next_request() {
        let mut incoming = Incoming::default();
        let (request, _) = request(b"");
        incoming.spare_buffer(1000).extend_from_slice(&request);
        let taken = incoming.split(request.len());
        let place = taken.as_ptr();
        incoming.recycle(taken);
        assert_eq!(incoming.spare_buffer(1000).as_ptr(), place);
    }

    #[test]
    fn memory_for_a_very_long_request_goes_with_it() {
        let mut incoming = Incoming::default();
        incoming.spare_buffer(10 * KEPT).extend_from_slice(&request(b"").0);
        let (request, frames) = request(b"body");
        incoming.consume(request.len());
        incoming.spare_buffer(0).extend_from_slice(&request);
        incoming.spare_buffer(0).extend_from_slice(&frames);
        assert_eq!(incoming.split(request.len()), request);
        assert_eq!(incoming.rest(), frames);
        assert!(incoming.bytes.capacity() <= KEPT);
    }
}
