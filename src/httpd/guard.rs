/*! The panic guard: every callback from C enters through [`callback`], and a panic never leaves it.

The closure runs inside; what C gets is said by the return type ([`AfterPanic`]): a handler answers 500, a directive a message, a
read a failure. The panic's message and place are kept by a hook and logged with [`log_code::PANIC`] after the catch, in a frame
that owns nothing. *Runs in: parent, child.* */

pub mod kind;

use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, PanicHookInfo};

use protocol::{Level, log_code};

pub use kind::Kind;

use super::log::target::Target;
use super::status::Answer;

/// What a panic becomes, by the type that the callback returns.
pub trait AfterPanic {
    /// The answer to C.
    fn after_panic() -> Self;
}

impl AfterPanic for () {
    fn after_panic() -> Self {}
}

/// What a request's hook or handler answers: 500 after a panic.
impl AfterPanic for Answer {
    fn after_panic() -> Self {
        Self::Http(500)
    }
}

/// What a hook of the configuration answers: `OK` after a panic, because anything else stops a server that is merely
/// reloading (seen at a graceful restart). What was not set up answers 503 later.
pub struct Configured(pub Answer);

impl AfterPanic for Configured {
    fn after_panic() -> Self {
        Self(Answer::Ok)
    }
}

/// A directive's error text, null for success.
pub struct Refusal(pub *const c_char);

impl AfterPanic for Refusal {
    fn after_panic() -> Self {
        Self(c"internal error in mod_wsgi_rs: see WSGI1001 in the error log".as_ptr())
    }
}

/// A configuration for httpd to keep, null for none: readers take that for the defaults.
pub struct Kept(pub *mut c_void);

impl AfterPanic for Kept {
    fn after_panic() -> Self {
        Self(std::ptr::null_mut())
    }
}

/// What a pool's cleanup answers.
pub struct CleanupStatus(pub i32);

impl AfterPanic for CleanupStatus {
    fn after_panic() -> Self {
        Self(super::sys::APR_EGENERAL.cast_signed())
    }
}

/// What a bucket that is read answers: an APR status.
pub struct ReadStatus(pub i32);

impl AfterPanic for ReadStatus {
    fn after_panic() -> Self {
        Self(super::sys::APR_EGENERAL.cast_signed())
    }
}

/// What [`protocol::embedded::HostTable::read`] answers.
pub struct ReadCount(pub isize);

impl AfterPanic for ReadCount {
    fn after_panic() -> Self {
        Self(protocol::embedded::read_failure::BROKEN)
    }
}

/// What the sending functions of [`protocol::embedded::HostTable`] answer.
pub struct Sent(pub i32);

impl AfterPanic for Sent {
    fn after_panic() -> Self {
        Self(protocol::embedded::sent::FAILED)
    }
}

/// What [`protocol::embedded::HostTable::log_enabled`] answers.
pub struct Yes(pub bool);

impl AfterPanic for Yes {
    fn after_panic() -> Self {
        Self(true)
    }
}

/// Runs `inside` and answers for it if it panics. `log` is where the panic is told.
pub fn callback<'l, R: AfterPanic>(kind: Kind, log: impl Into<Target<'l>>, inside: impl FnOnce() -> R) -> R {
    let log = log.into();
    let caught = std::panic::catch_unwind(AssertUnwindSafe(|| {
        #[cfg(feature = "test-faults")]
        super::faults::here(kind, log);
        inside()
    }));
    caught.unwrap_or_else(|payload| {
        // Dropping a payload may panic in turn: a few bytes are left behind instead.
        std::mem::forget(payload);
        LAST.with_borrow(|last| {
            log.line(
                Level::Error,
                format_args!("{}: internal error in the {} callback: {}", log_code::PANIC, kind.name(), last.as_str()),
            );
        });
        R::after_panic()
    })
}

/// Keeps message and place of every panic for the guard that catches it. Called once per load of the module.
pub fn install() {
    std::panic::set_hook(Box::new(keep));
}

fn keep(info: &PanicHookInfo<'_>) {
    let message = info
        .payload()
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| info.payload().downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic without a message");
    LAST.with(|last| {
        // A panic while the guard is logging one finds it borrowed: the first one is the one to tell.
        if let Ok(mut last) = last.try_borrow_mut() {
            last.length = 0;
            let _full: std::fmt::Result = match info.location() {
                Some(place) => write!(last, "{message} at {}:{}", place.file(), place.line()),
                None => last.write_str(message),
            };
        }
    });
}

thread_local! {
    // A plain buffer, so that no destructor is left behind in a parent that unloads the module.
    static LAST: RefCell<Report> = const { RefCell::new(Report { text: [0; 512], length: 0 }) };
}

/// The last panic of a thread, at most 512 bytes of it.
struct Report {
    text: [u8; 512],
    length: usize,
}

impl Report {
    fn as_str(&self) -> &str {
        self.text.get(..self.length).and_then(|text| str::from_utf8(text).ok()).unwrap_or("panic")
    }
}

impl std::fmt::Write for Report {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = self.text.get_mut(self.length..).unwrap_or_default();
        let take = (0..=room.len().min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        if let (Some(to), Some(from)) = (room.get_mut(..take), text.as_bytes().get(..take)) {
            to.copy_from_slice(from);
            self.length += take;
        }
        if take == text.len() { Ok(()) } else { Err(std::fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "the guard is tested by panics")]

    use super::{LAST, Report, keep};
    use std::fmt::Write as _;

    #[test]
    fn message_and_place_are_kept() {
        std::panic::set_hook(Box::new(keep));
        let caught = std::panic::catch_unwind(|| panic!("number {}", 7));
        drop(std::panic::take_hook());
        assert!(caught.is_err());
        LAST.with_borrow(|last| {
            assert!(last.as_str().starts_with("number 7 at "), "{}", last.as_str());
            assert!(last.as_str().contains("guard.rs:"), "{}", last.as_str());
        });
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let mut report = Report { text: [0; 512], length: 0 };
        let text = "é".repeat(300);
        assert!(report.write_str(&text).is_err());
        assert_eq!(report.as_str().chars().count(), 256);
    }
}
