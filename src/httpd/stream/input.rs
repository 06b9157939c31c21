/*! The request body, from Apache's input filters. `Expect: 100-continue` is answered by them at the first read.
*Runs in: child.* */
#![expect(unsafe_code, reason = "calls into httpd")]

use std::mem::MaybeUninit;

use super::brigade::Brigade;
use crate::httpd::request::Request;
use crate::httpd::status::Status;
use crate::httpd::sys;

/// The body of one request, read from its beginning to its end.
pub struct Input<'r> {
    request: Request<'r>,
    brigade: Option<Brigade<'r>>,
    ended: bool,
    /// What went wrong after some bytes had already been taken: told at the next read, and at every one after it.
    failed: Option<Status>,
}

impl<'r> Input<'r> {
    /// Nothing is read yet.
    pub const fn new(request: Request<'r>) -> Self {
        Self { request, brigade: None, ended: false, failed: None }
    }

    /// Has all of it been read?
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Fills `buffer` with what has arrived, waiting for the first byte if `wait`: the number of bytes, 0 at the end.
    ///
    /// # Errors
    /// The status of the filter that failed; [`Status::is_again`] when nothing has arrived and `wait` is off.
    pub fn read(&mut self, buffer: &mut [MaybeUninit<u8>], wait: bool) -> Result<usize, Status> {
        let mut filled = 0;
        loop {
            match self.take(buffer.get_mut(filled..).unwrap_or_default(), wait && filled == 0) {
                Ok(taken) => filled += taken,
                Err(status) if status.is_again() && filled > 0 => return Ok(filled),
                Err(status) => return Err(status),
            }
            if filled == buffer.len() || self.ended {
                return Ok(filled);
            }
            if let Some(status) = self.failed {
                return if filled > 0 { Ok(filled) } else { Err(status) };
            }
            match self.fetch(buffer.len() - filled, wait && filled == 0) {
                Ok(()) => {}
                Err(status) if status.is_again() && filled > 0 => return Ok(filled),
                Err(status) if status.is_again() => return Err(status),
                Err(status) => self.failed = Some(status),
            }
        }
    }

    /// As [`Input::read`], without waiting, at the end of `out`: at most `most` bytes.
    ///
    /// # Errors
    /// As [`Input::read`].
    pub fn append(&mut self, out: &mut Vec<u8>, most: usize) -> Result<usize, Status> {
        out.reserve(most);
        let count = self.read(out.spare_capacity_mut().get_mut(..most).unwrap_or_default(), false)?;
        // SAFETY: `read` has filled that many bytes of the spare capacity.
        unsafe { out.set_len(out.len() + count) };
        Ok(count)
    }

    /// Asks the filters for up to `length` bytes.
    fn fetch(&mut self, length: usize, wait: bool) -> Result<(), Status> {
        let request = self.request;
        let brigade = self.brigade.get_or_insert_with(|| request.new_brigade());
        let block = if wait { sys::APR_BLOCK_READ } else { sys::APR_NONBLOCK_READ };
        let length = sys::apr_off_t::try_from(length).unwrap_or(sys::apr_off_t::MAX);
        // SAFETY: the request is live and has input filters; the brigade is empty and of the same connection.
        let status =
            unsafe { sys::ap_get_brigade((*request.raw()).input_filters, brigade.raw(), sys::AP_MODE_READBYTES, block, length) };
        Status::check(status)?;
        // A filter may say "nothing yet" by an empty brigade; with `wait` it is asked again.
        if brigade.is_empty() && !wait { Err(Status(sys::APR_EAGAIN.cast_signed())) } else { Ok(()) }
    }

    /// Moves what the brigade has into `buffer`. What does not fit stays there.
    fn take(&mut self, mut buffer: &mut [MaybeUninit<u8>], wait: bool) -> Result<usize, Status> {
        let Some(brigade) = &mut self.brigade else { return Ok(0) };
        let mut taken = 0;
        while let Some(mut bucket) = brigade.first() {
            if bucket.is_end() {
                self.ended = true;
                brigade.clear();
                break;
            }
            if bucket.is_metadata() {
                bucket.remove();
                continue;
            }
            if buffer.is_empty() {
                break;
            }
            let room = buffer.len();
            let data = match bucket.read(wait && taken == 0) {
                Ok(data) => data,
                Err(status) if status.is_again() => return if taken > 0 { Ok(taken) } else { Err(status) },
                Err(status) => {
                    self.failed = Some(status);
                    return if taken > 0 { Ok(taken) } else { Err(status) };
                }
            };
            let length = data.len().min(room);
            let whole = data.len() == length;
            let (target, rest) = buffer.split_at_mut(length);
            // SAFETY: `data` has at least `length` bytes and `target` exactly that many; they are of different owners.
            unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), target.as_mut_ptr().cast(), length) };
            buffer = rest;
            taken += length;
            if !whole {
                bucket.split(length)?;
            }
            bucket.remove();
        }
        Ok(taken)
    }
}
