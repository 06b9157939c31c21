/*! The callbacks that the engine gets: each turns its arguments into safe ones, inside the panic guard.

`request` is the [`Handle`] that `Engine::run` lent, or null where the contract allows it (log). *Runs in: child.* */
#![expect(unsafe_code, reason = "called by the engine with C's types")]

use std::ffi::{CString, c_void};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use protocol::Level;
use protocol::embedded::{ABI, HostTable, Pair, READ_ASK, READ_NOW, Slice, TakeFn, read_failure, sent, write_how};

use super::bytes;
use super::handle::Handle;
use crate::httpd::Log;
use crate::httpd::guard::{self, Kind, ReadCount, Sent, Yes};
use crate::httpd::system::scoreboard;
use crate::request::conversation::Conversation;
use crate::request::request_body::{BodyFailure, Read};
use crate::request::response_body::{Passing, Taken};

/// What the engine gets at its start.
pub static TABLE: HostTable = HostTable { abi: ABI, keep, release, read, start, write, send_file, log, log_enabled, scoreboard };

unsafe extern "C" fn keep(request: *mut c_void) {
    // SAFETY: the engine gives what `run` lent, during that call.
    unsafe { Handle::keep(request) };
}

unsafe extern "C" fn release(request: *mut c_void) {
    // SAFETY: the engine gives back what it kept. Once too often is refused while the request is under way; its one holder there can't do so.
    unsafe { Handle::release(request) };
}

unsafe extern "C" fn read(request: *mut c_void, buffer: *mut u8, len: usize, flags: u32) -> isize {
    let answer = |conversation: &mut Conversation<'_>| {
        if flags & READ_ASK != 0 {
            conversation.input.ask();
            return 0;
        }
        if buffer.is_null() || len == 0 {
            return 0;
        }
        let len = len.min(isize::MAX.cast_unsigned());
        // SAFETY: the engine lends `len` writable bytes for the call; they need not be initialised.
        let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<MaybeUninit<u8>>(), len) };
        match conversation.read(buffer, flags & READ_NOW == 0) {
            Read::Bytes(count) => count.cast_signed(),
            Read::Nothing => read_failure::WOULD_BLOCK,
            Read::Failed(BodyFailure::Aborted) => read_failure::ABORTED,
            Read::Failed(BodyFailure::Timeout) => read_failure::TIMEOUT,
            Read::Failed(BodyFailure::TooLarge) => read_failure::TOO_LARGE,
            Read::Failed(BodyFailure::Broken) => read_failure::BROKEN,
        }
    };
    // SAFETY: a handle that is lent to the engine or kept by it, or null.
    let Some(handle) = (unsafe { Handle::of(request) }) else { return read_failure::BROKEN };
    let read = handle.with(|conversation| {
        let log = Log::Request(conversation.request);
        let ReadCount(count) = guard::callback(Kind::Read, log, || ReadCount(answer(conversation)));
        count
    });
    read.unwrap_or(read_failure::ABORTED)
}

unsafe extern "C" fn start(request: *mut c_void, status: u16, reason: Slice, headers: *const Pair, count: usize) -> i32 {
    let send = |conversation: &mut Conversation<'_>| {
        // SAFETY: the engine lends text and headers for the call.
        let (reason, headers) = unsafe { (bytes(&reason).unwrap_or_default(), array(headers, count)) };
        let Some(headers) = headers else { return Taken::Failed };
        // SAFETY: as above.
        let pairs =
            headers.iter().map(|pair| unsafe { (bytes(&pair.key).unwrap_or_default(), bytes(&pair.value).unwrap_or_default()) });
        conversation.output.start(status, reason, pairs)
    };
    // SAFETY: a handle that is lent to the engine or kept by it, or null.
    unsafe { sending(Kind::Start, request, send) }
}

unsafe extern "C" fn write(request: *mut c_void, chunks: *const Slice, count: usize, how: u32) -> i32 {
    let send = |conversation: &mut Conversation<'_>| {
        // SAFETY: the engine lends the chunks for the call.
        let Some(chunks) = (unsafe { array(chunks, count) }) else { return Taken::Failed };
        // SAFETY: as above.
        let pieces = chunks.iter().map(|chunk| unsafe { bytes(chunk) }.unwrap_or_default());
        match how {
            write_how::FLUSH => conversation.output.write(pieces, Passing::Flushed),
            write_how::PROMPT => conversation.output.write_promptly(pieces),
            _ => conversation.output.write(pieces, Passing::Kept),
        }
    };
    // SAFETY: a handle that is lent to the engine or kept by it, or null.
    unsafe { sending(Kind::Write, request, send) }
}

unsafe extern "C" fn send_file(request: *mut c_void, descriptor: i32, offset: i64, length: i64) -> i32 {
    let send = |conversation: &mut Conversation<'_>| {
        if descriptor < 0 || offset < 0 {
            return Taken::Failed;
        }
        // SAFETY: not negative, and open for the call, as the engine promises; it is duplicated before the call returns.
        conversation.output.send_file(unsafe { BorrowedFd::borrow_raw(descriptor) }, offset, length)
    };
    // SAFETY: a handle that is lent to the engine or kept by it, or null.
    unsafe { sending(Kind::SendFile, request, send) }
}

/// # Safety
/// `request` is as [`Handle::of`] wants it.
unsafe fn sending(kind: Kind, request: *mut c_void, send: impl FnOnce(&mut Conversation<'_>) -> Taken) -> i32 {
    // SAFETY: promised by the caller.
    let Some(handle) = (unsafe { Handle::of(request) }) else { return sent::FAILED };
    let result = handle.with(|conversation| {
        let Sent(result) = guard::callback(kind, Log::Request(conversation.request), || {
            Sent(match send(conversation) {
                Taken::Ok => sent::OK,
                Taken::ClientGone => sent::CLIENT_GONE,
                Taken::Overdue => sent::OVERDUE,
                Taken::Failed => sent::FAILED,
                Taken::WouldWait => sent::WOULD_WAIT,
            })
        });
        if result == sent::FAILED {
            conversation.output.failed();
        }
        result
    });
    result.unwrap_or(sent::CLIENT_GONE)
}

/// # Safety
/// `request` is as [`Handle::of`] wants it.
unsafe fn with_log<R>(request: *mut c_void, body: impl FnOnce(Log<'_>) -> R) -> R {
    // SAFETY: promised by the caller.
    match unsafe { Handle::of(request) } {
        Some(handle) => handle.log(body),
        None => body(Log::MainServer),
    }
}

unsafe extern "C" fn log(request: *mut c_void, level: i32, text: Slice, file: Slice, line: i32) {
    let write = |log: Log<'_>| {
        guard::callback(Kind::Log, log, || {
            // SAFETY: the engine lends both for the call.
            let (text, file) = unsafe { (bytes(&text).unwrap_or_default(), bytes(&file).unwrap_or_default()) };
            let file = CString::new(file).unwrap_or_default();
            log.write(Level::from_number(level), text, &file, line);
        });
    };
    // SAFETY: a handle that is lent to the engine or kept by it, or null.
    unsafe { with_log(request, write) }
}

unsafe extern "C" fn log_enabled(request: *mut c_void, level: i32) -> i32 {
    let ask = |log: Log<'_>| {
        let Yes(yes) = guard::callback(Kind::Log, log, || Yes(log.enabled(Level::from_number(level))));
        i32::from(yes)
    };
    // SAFETY: a handle that is lent to the engine or kept by it, or null.
    unsafe { with_log(request, ask) }
}

unsafe extern "C" fn scoreboard(taker: *mut c_void, take: TakeFn) {
    guard::callback(Kind::Scoreboard, Log::MainServer, || {
        if let Some(board) = scoreboard::read() {
            // SAFETY: the engine's function and what it wants back, for the call; the bytes are lent for as long.
            unsafe { take(taker, Slice::new(&board.encode())) };
        }
    });
}

/// `None` where no such array can be.
///
/// # Safety
/// `first` is null, or lent with `count` elements for `'s`.
unsafe fn array<'s, T>(first: *const T, count: usize) -> Option<&'s [T]> {
    if first.is_null() || count == 0 {
        return Some(&[]);
    }
    if !first.is_aligned() || count.checked_mul(size_of::<T>()).is_none_or(|size| size > isize::MAX.cast_unsigned()) {
        return None;
    }
    // SAFETY: promised by the caller.
    Some(unsafe { std::slice::from_raw_parts(first, count) })
}

#[cfg(test)]
mod tests {
    use protocol::embedded::{Pair, READ_NOW, Slice, read_failure, sent, write_how};

    use super::{TABLE, array, bytes};

    #[test]
    fn lengths_that_cannot_be_are_no_slices() {
        let byte = [7u8];
        // SAFETY: nothing is read where the length cannot be.
        unsafe {
            assert_eq!(bytes(&Slice { data: byte.as_ptr(), len: usize::MAX }), None);
            assert_eq!(bytes(&Slice { data: byte.as_ptr(), len: 1 }), Some(&byte[..]));
            assert_eq!(bytes(&Slice { data: std::ptr::null(), len: 1 }), None);
            assert_eq!(array::<u8>(std::ptr::null(), usize::MAX), Some(&[][..]));
            assert_eq!(array(byte.as_ptr(), usize::MAX), None);
            assert_eq!(array(byte.as_ptr().cast::<u64>(), usize::MAX / 8), None);
            assert_eq!(array(byte.as_ptr(), 1), Some(&byte[..]));
        }
    }

    #[test]
    fn a_callback_without_a_request_fails() {
        let none = std::ptr::null_mut();
        // SAFETY: a null request is refused before anything is looked at.
        unsafe {
            assert_eq!((TABLE.read)(none, std::ptr::null_mut(), usize::MAX, READ_NOW), read_failure::BROKEN);
            assert_eq!((TABLE.start)(none, 200, Slice::NONE, std::ptr::null::<Pair>(), usize::MAX), sent::FAILED);
            assert_eq!((TABLE.write)(none, std::ptr::null(), usize::MAX, write_how::FLUSH), sent::FAILED);
            assert_eq!((TABLE.send_file)(none, i32::MIN, i64::MIN, i64::MAX), sent::FAILED);
            (TABLE.keep)(none);
            (TABLE.release)(none);
        }
    }
}
