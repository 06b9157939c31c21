/*! The bytes that a child sends over a connection: frames, of which request body is handed on from where it lies, or does not come here at all.
*Runs in: daemon.* */

use protocol::frame::{Frame, Parsed, Sender, Violation, body_begins, parse};

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
                Frame::Body(_) => rest = rest.get(length..).unwrap_or_default(),
                Frame::BodyEnd(_) => return true,
                _ => return false,
            }
        }
        false
    }

    /// Room for more, at least `block` bytes of it, behind the rest.
    pub fn room(&mut self, block: usize) -> &mut Vec<u8> {
        if self.at > 0 {
            self.bytes.drain(..self.at.min(self.bytes.len()));
            self.at = 0;
        }
        self.bytes.reserve(block);
        &mut self.bytes
    }

    /// Takes the first `length` bytes of the rest out, in memory of their own.
    pub fn split(&mut self, length: usize) -> Vec<u8> {
        let all = self.room(0);
        let rest = all.split_off(length.min(all.len()));
        std::mem::replace(all, rest)
    }

    /// Gives memory back that [`Incoming::split`] has taken.
    pub fn recycle(&mut self, mut memory: Vec<u8>) {
        const KEPT: usize = 256 * 1024;
        if self.bytes.capacity() == 0 && memory.capacity() <= KEPT {
            memory.clear();
            self.bytes = memory;
        }
    }
}
