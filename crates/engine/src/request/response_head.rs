/*! Status and headers of a response, as the application gave them: checked, and in one piece of memory. */

use std::ops::Range;

use protocol::rules::{self, HeadFault};

/// A response's head.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    /// The status number.
    pub status: u16,
    /// What the application says of the body's length.
    pub content_length: Option<u64>,
    reason: Range<usize>,
    text: Vec<u8>,
    fields: Vec<(Range<usize>, Range<usize>)>,
}

impl ResponseHead {
    /// A head without headers.
    pub fn new(status: u16, reason: &[u8]) -> Self {
        // Room for what most applications send, so that it need not grow header by header.
        let mut text = Vec::with_capacity(512);
        text.extend_from_slice(reason);
        Self { status, reason: 0..reason.len(), text, fields: Vec::with_capacity(16), content_length: None }
    }

    /// Adds a header.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(name);
        let middle = self.text.len();
        self.text.extend_from_slice(value);
        self.fields.push((start..middle, middle..self.text.len()));
    }

    /// What there is too much of, if there is.
    pub fn excess(&self) -> Option<HeadFault<'static>> {
        if self.fields.len() > rules::MOST_FIELDS {
            return Some(HeadFault::Count);
        }
        (self.text.len() > rules::LONGEST_HEAD).then_some(HeadFault::Sum)
    }

    /// The reason phrase; may be empty.
    pub fn reason(&self) -> &[u8] {
        self.text.get(self.reason.clone()).unwrap_or_default()
    }

    /// Names and values in the application's order.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|(name, value)| {
            (self.text.get(name.clone()).unwrap_or_default(), self.text.get(value.clone()).unwrap_or_default())
        })
    }

    /// May a response of this status have no body at all (RFC 9110: 204 and 304)?
    pub const fn forbids_body(&self) -> bool {
        rules::forbids_body(self.status)
    }
}
