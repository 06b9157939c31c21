/*! The request body as the application reads it: one call per read, and why a read failed. *Runs in: child.* */

use std::mem::MaybeUninit;

use protocol::Level;

use crate::httpd::stream::input::Input;
use crate::httpd::{Log, Request, Status};

/// Why the body cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFailure {
    /// The client went away in the middle of it.
    Aborted,
    /// `Timeout`, or a limit of mod_reqtimeout, ran out.
    Timeout,
    /// It is longer than `LimitRequestBody`.
    TooLarge,
    /// Its framing is broken, or a filter failed.
    Broken,
}

impl BodyFailure {
    fn of(status: Status) -> Self {
        if status.is_too_large() {
            Self::TooLarge
        } else if status.is_timeout() {
            Self::Timeout
        } else if status.is_peer_gone() {
            Self::Aborted
        } else {
            Self::Broken
        }
    }

    /// From the status of an answer that a filter has given.
    const fn of_answer(status: u16) -> Option<Self> {
        match status {
            408 => Some(Self::Timeout),
            413 => Some(Self::TooLarge),
            _ => None,
        }
    }

    /// What the client gets if the application failed over it.
    pub const fn status(self) -> u16 {
        match self {
            Self::Aborted | Self::Broken => 400,
            Self::Timeout => 408,
            Self::TooLarge => 413,
        }
    }
}

/// What a read gives.
pub enum Read {
    /// So many bytes; 0 at the end.
    Bytes(usize),
    /// Nothing has arrived yet (only if the caller does not wait).
    Nothing,
    /// It failed, now and at every further read.
    Failed(BodyFailure),
}

/// The body of one request.
pub struct RequestBody<'r> {
    request: Request<'r>,
    input: Input<'r>,
    failure: Option<BodyFailure>,
    answered: bool,
}

impl<'r> RequestBody<'r> {
    /// Nothing is read yet.
    pub const fn new(request: Request<'r>) -> Self {
        Self { request, input: Input::new(request), failure: None, answered: false }
    }

    /// Reads into `buffer`. With `wait` it returns when at least one byte has come; without, it waits for nobody: the caller may hold a lock
    /// that others wait for, so what would have to pass a filter that could wait is left for a read with `wait`.
    pub fn read(&mut self, buffer: &mut [MaybeUninit<u8>], wait: bool) -> Read {
        if self.input.has_ended() {
            return Read::Bytes(0);
        }
        if !wait && self.failure.is_none() && !self.request.reads_promptly() {
            return Read::Nothing;
        }
        self.look(|input| input.read(buffer, wait))
    }

    /// Asks a client that waits for `100 Continue` to send the body: the application wants it, though nobody waits for it yet, as in
    /// `wsgi.input.read(0)`. May wait for the client.
    pub fn ask(&mut self) {
        if self.failure.is_none() {
            self.request.send_continue();
        }
    }

    /// Reads what has arrived to the end of `out`, at most `most` bytes.
    pub fn append(&mut self, out: &mut Vec<u8>, most: usize) -> Read {
        self.look(|input| input.append(out, most))
    }

    /// The client has sent nothing for as long as it may: every further read fails.
    pub fn give_up(&mut self, failure: BodyFailure) {
        self.failure.get_or_insert(failure);
        self.request.connection().close_after_this();
    }

    fn look(&mut self, read: impl FnOnce(&mut Input<'r>) -> Result<usize, Status>) -> Read {
        if let Some(failure) = self.failure {
            return Read::Failed(failure);
        }
        match read(&mut self.input) {
            Ok(count) => {
                // A body that came unasked is no reason to close the connection, as httpd would.
                if self.input.has_ended() {
                    self.request.forget_continue();
                }
                Read::Bytes(count)
            }
            Err(status) if status.is_again() => Read::Nothing,
            Err(status) => {
                // httpd's own filter answers the client at once (413 over `LimitRequestBody`, 400 for a bad chunk).
                self.answered = status.is_filter_error();
                let answer = self.answered.then(|| self.request.status()).and_then(BodyFailure::of_answer);
                let failure = answer.unwrap_or_else(|| BodyFailure::of(status));
                self.failure = Some(failure);
                // What follows on the connection cannot be told from the rest of this body.
                self.request.connection().close_after_this();
                Log::Request(self.request).line(Level::Debug, format_args!("the request body cannot be read on: {status}"));
                Read::Failed(failure)
            }
        }
    }

    /// The client may have more to send.
    pub fn is_unread(&self) -> bool {
        self.request.may_have_body() && !self.input.has_ended()
    }

    /// All of it has been read.
    pub const fn has_ended(&self) -> bool {
        self.input.has_ended()
    }

    /// A filter has answered the request itself when a read failed.
    pub const fn is_answered(&self) -> bool {
        self.answered
    }

    /// Why a read failed, if one did.
    pub const fn failure(&self) -> Option<BodyFailure> {
        self.failure
    }
}

#[cfg(test)]
mod tests {
    use super::{BodyFailure, Status};

    #[test]
    fn a_filters_status_says_whose_fault_it_is() {
        assert_eq!(BodyFailure::of(Status(libc::ENOSPC)), BodyFailure::TooLarge);
        assert_eq!(BodyFailure::of(Status(libc::ECONNRESET)), BodyFailure::Aborted);
        assert_eq!(BodyFailure::of(Status(70008)), BodyFailure::Aborted);
        assert_eq!(BodyFailure::of(Status(70007)), BodyFailure::Timeout);
        assert_eq!(BodyFailure::of(Status(20014)), BodyFailure::Broken);
    }
}
