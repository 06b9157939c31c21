/*! The response: status and headers into the `request_rec`, the body through Apache's output filters. *Runs in: child.* */
#![expect(unsafe_code, reason = "calls into httpd")]

use std::ffi::CStr;

use super::brigade::{Brigade, Piece};
use crate::httpd::request::Request;
use crate::httpd::status::Status;
use crate::httpd::sys;

impl<'r> Request<'r> {
    /// A brigade for this request.
    pub fn new_brigade(self) -> Brigade<'r> {
        // SAFETY: the connection and its allocator outlive the request.
        unsafe { Brigade::new(self.pool(), (*self.connection().raw()).bucket_alloc) }
    }

    /// Sets status and reason phrase. `line` is both (`200 OK`), as httpd sends it.
    pub fn set_status(self, status: u16, line: &'r CStr) {
        // SAFETY: live; the line lives as long as the request.
        unsafe {
            (*self.raw()).status = i32::from(status);
            (*self.raw()).status_line = line.as_ptr();
        }
    }

    /// The status of the response, as it stands.
    pub fn status(self) -> u16 {
        // SAFETY: live; a plain field.
        u16::try_from(unsafe { (*self.raw()).status }).unwrap_or(0)
    }

    /// The end of the response has been passed to the filters.
    pub fn has_ended(self) -> bool {
        // SAFETY: live; a plain field, which `ap_pass_brigade` sets when it sees the end.
        unsafe { (*self.raw()).eos_sent != 0 }
    }

    /// httpd's own status line for a number, if it knows one (`404 Not Found`).
    pub fn known_status_line(status: u16) -> &'static CStr {
        // SAFETY: a static string of httpd, never null (an unknown number gives the one of 500).
        unsafe { CStr::from_ptr(sys::ap_get_status_line(i32::from(status))) }
    }

    /// Takes status and reason phrase back, so that httpd makes the answer.
    pub fn reset_status(self, status: u16) {
        // SAFETY: live; plain fields.
        unsafe {
            (*self.raw()).status = i32::from(status);
            (*self.raw()).status_line = std::ptr::null();
        }
    }

    /// Tells a client that waits for it that the body may come (`100 Continue`). httpd itself does so at a read that waits, and at no other.
    pub fn send_continue(self) {
        // SAFETY: live; plain fields, which httpd's filters set as the response passes. An interim response after that would stand within it.
        let begun = unsafe { (*self.raw()).eos_sent != 0 || (*self.raw()).bytes_sent != 0 };
        if begun || !self.expects_continue() {
            return;
        }
        // SAFETY: the request is live; httpd sends the interim response that the status says, and the status is put back before anybody
        // else looks.
        unsafe {
            let request = self.raw();
            let (status, line) = ((*request).status, (*request).status_line);
            (*request).status = sys::HTTP_CONTINUE.cast_signed();
            (*request).status_line = std::ptr::null();
            sys::ap_send_interim_response(request, 0);
            (*request).status = status;
            (*request).status_line = line;
            (*request).expecting_100 = 0;
        }
    }

    /// Lets the response begin though its client still waits to be asked for the body. httpd neither chunks such a response, so that one that breaks off
    /// could not look truncated, nor keeps its connection; told to close it by a header, it does chunk, and does not wait for the body in the end either.
    /// Where there is no body to come the connection goes on.
    pub fn answer_without_continue(self) {
        if !self.expects_continue() || self.is_subrequest() || self.connection().is_secondary() {
            return;
        }
        if self.may_have_body() {
            // Beside what else it says, as `Upgrade` where HTTP/2 is offered.
            let said = self.headers_out().get(c"Connection").map(|said| [said, b", close"].concat());
            self.headers_out().set_lent(c"Connection", said.map_or(c"close", |said| self.pool().string(&said)));
        }
        self.forget_continue();
    }

    /// Nobody waits for `100 Continue` any more.
    pub fn forget_continue(self) {
        // SAFETY: live, and a plain field, which this thread alone works on.
        unsafe { (*self.raw()).expecting_100 = 0 };
    }

    /// No cache may keep the response: it is not what the application meant to say. Called before its end is passed on.
    pub fn forbid_caching(self) {
        // SAFETY: the request is live, and so is the one that it is a part of; their flags are the handler's to set.
        unsafe {
            (*self.raw()).no_cache = 1;
            if let Some(main) = (*self.raw()).main.as_mut() {
                main.no_cache = 1;
            }
        }
    }

    /// Sets the content type, which also chooses filters (`AddOutputFilterByType`).
    pub fn set_content_type(self, content_type: &'r CStr) {
        // SAFETY: the request is live; the text lives as long as it.
        unsafe { sys::ap_set_content_type(self.raw(), content_type.as_ptr()) };
    }

    /// Sets the content length.
    pub fn set_content_length(self, length: i64) {
        // SAFETY: the request is live.
        unsafe { sys::ap_set_content_length(self.raw(), length) };
    }

    /// Passes a brigade down the output filters, and empties it.
    ///
    /// # Errors
    /// The status of the filter that failed.
    pub fn pass(self, brigade: &mut Brigade<'r>) -> Result<(), Status> {
        // SAFETY: the request is live; the brigade is of its connection.
        let status = unsafe { sys::ap_pass_brigade((*self.raw()).output_filters, brigade.raw()) };
        brigade.clear();
        Status::check(status)
    }

    /// Sends what httpd has kept of a response that has ended, instead of waiting for the rest of the request first.
    ///
    /// # Errors
    /// The client is gone.
    pub fn flush_connection(self) -> Result<(), Status> {
        let mut brigade = self.new_brigade();
        brigade.append_flush();
        // SAFETY: request and connection are live; the brigade is of the connection.
        let status = unsafe { sys::ap_pass_brigade((*(*self.raw()).connection).output_filters, brigade.raw()) };
        brigade.clear();
        Status::check(status)
    }

    /// Passes what the brigade holds, and `data` after it, down the output filters; a filter that keeps some of it makes a copy. With `flush`
    /// all of it is sent before this returns.
    ///
    /// # Errors
    /// The status of the filter that failed.
    pub fn pass_with<'d>(
        self,
        brigade: &mut Brigade<'r>,
        data: impl Iterator<Item = Piece<'d>>,
        flush: bool,
    ) -> Result<(), Status> {
        for piece in data.filter(|piece| !piece.is_empty()) {
            // SAFETY: the brigade is passed on and emptied before this function returns, and `data` is borrowed for longer than that.
            unsafe { brigade.append_lent(piece) };
        }
        if flush {
            brigade.append_flush();
        }
        self.pass(brigade)
    }
}
