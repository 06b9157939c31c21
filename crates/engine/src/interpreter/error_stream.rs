/*! What a request's `wsgi.errors` is made of: kept in the interpreter between requests, because making it takes long. */

use crate::capi::{Attached, Kept};

/// The three objects of one stream.
pub struct ErrorStream {
    /// The text stream.
    pub text: Kept,
    /// The binary stream below it.
    pub buffer: Kept,
    /// The sink below that.
    pub sink: Kept,
}

impl ErrorStream {
    /// Gives its references up.
    pub fn release(self, py: Attached<'_>) {
        self.text.release(py);
        self.buffer.release(py);
        self.sink.release(py);
    }
}
