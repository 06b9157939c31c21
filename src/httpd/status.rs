/*! Status codes of APR and of httpd's hooks, with one type each: bindgen gives some of them as `u32` and some as `i32`. */
#![expect(unsafe_code, reason = "calls into APR")]

use std::ffi::CStr;

use super::sys;

/// An error of APR (`apr_status_t` other than `APR_SUCCESS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    /// `APR_SUCCESS` becomes `Ok`.
    ///
    /// # Errors
    /// Every other status.
    pub const fn check(code: sys::apr_status_t) -> Result<(), Self> {
        if code == 0 { Ok(()) } else { Err(Self(code)) }
    }

    /// `APR_STATUS_IS_EAGAIN`
    pub const fn is_again(self) -> bool {
        self.0 == sys::APR_EAGAIN.cast_signed()
    }

    /// `APR_STATUS_IS_EOF`
    pub const fn is_end_of_file(self) -> bool {
        self.0 == sys::APR_EOF.cast_signed()
    }

    /// `APR_STATUS_IS_TIMEUP`, which is also what `ETIMEDOUT` means here.
    pub const fn is_timeout(self) -> bool {
        self.0 == sys::APR_TIMEUP.cast_signed() || self.0 == libc::ETIMEDOUT
    }

    /// `ap_http_filter` says that `LimitRequestBody` was exceeded in this way.
    pub const fn is_too_large(self) -> bool {
        self.0 == sys::APR_ENOSPC.cast_signed()
    }

    /// The peer is gone: a connection reset or aborted, a broken pipe, or a body that ended early.
    pub const fn is_peer_gone(self) -> bool {
        matches!(self.0, libc::ECONNRESET | libc::ECONNABORTED | libc::EPIPE)
            || self.0 == sys::APR_EOF.cast_signed()
            || self.0 == sys::APR_INCOMPLETE.cast_signed()
    }

    /// A filter has answered the request itself (`AP_FILTER_ERROR`).
    pub const fn is_filter_error(self) -> bool {
        self.0 == sys::AP_FILTER_ERROR
    }
}

impl std::fmt::Display for Status {
    /// APR's own words for it (`apr_strerror`).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&describe(*self))
    }
}

/// What a hook answers to httpd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `OK`: done.
    Ok,
    /// `DECLINED`: not ours.
    Declined,
    /// An HTTP status, for which httpd makes the error page.
    Http(u16),
    /// `AP_FILTER_ERROR`: a filter has answered the client already.
    Answered,
}

impl Answer {
    /// The number that httpd expects.
    pub const fn number(self) -> i32 {
        match self {
            Self::Ok => sys::OK.cast_signed(),
            Self::Declined => sys::DECLINED,
            Self::Http(status) => status as i32,
            Self::Answered => sys::AP_FILTER_ERROR,
        }
    }
}

/// APR's text for a status.
fn describe(status: Status) -> String {
    let mut buffer = [0_u8; 200];
    // SAFETY: APR writes at most the given length, with a NUL at the end.
    unsafe { sys::apr_strerror(status.0, buffer.as_mut_ptr().cast(), buffer.len()) };
    CStr::from_bytes_until_nul(&buffer).map_or_else(|_| status.0.to_string(), |text| text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::{Answer, Status};

    #[test]
    fn success_is_no_error() {
        assert_eq!(Status::check(0), Ok(()));
        assert_eq!(Status::check(libc::ECONNRESET), Err(Status(libc::ECONNRESET)));
    }

    #[test]
    fn answers_have_httpds_numbers() {
        assert_eq!([Answer::Ok.number(), Answer::Declined.number(), Answer::Http(503).number()], [0, -1, 503]);
    }

    #[test]
    fn a_status_is_told_in_words() {
        assert!(super::describe(Status(libc::ECONNRESET)).to_lowercase().contains("reset"));
    }
}
