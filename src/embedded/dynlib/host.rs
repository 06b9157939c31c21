/*! The callbacks that the engine gets: each turns its arguments into safe ones, inside the panic guard.

`request` is the [`Conversation`] that `Engine::run` lent, or null where the contract allows it (log). *Runs in: child.* */
#![expect(unsafe_code, reason = "called by the engine with C's types")]

use std::ffi::{CString, c_void};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use protocol::Level;
use protocol::embedded::{ABI, HostTable, Pair, READ_NOW, Slice, TakeFn, read_failure, sent, write_how};

use super::bytes;
use crate::handler::exchange::Conversation;
use crate::handler::request_body::{BodyFailure, Read};
use crate::handler::response_body::{Passing, Taken};
use crate::httpd::guard::{self, Kind, ReadCount, Sent, Yes};
use crate::httpd::{Log, scoreboard};

/// What the engine gets at its start.
pub static TABLE: HostTable = HostTable { abi: ABI, read, start, write, send_file, log, log_enabled, scoreboard };

/// # Safety
/// `request` is null or a conversation that is lent to the engine, which calls back from one thread, one call at a time.
unsafe fn conversation<'c>(request: *mut c_void) -> Option<&'c mut Conversation<'c>> {
    // SAFETY: promised by the caller.
    unsafe { request.cast::<Conversation<'c>>().as_mut() }
}

fn log_of<'c>(conversation: Option<&Conversation<'c>>) -> Log<'c> {
    conversation.map_or(Log::MainServer, |conversation| Log::Request(conversation.request))
}

unsafe extern "C" fn read(request: *mut c_void, buffer: *mut u8, len: usize, flags: u32) -> isize {
    // SAFETY: the engine gives back what `run` lent.
    let conversation = unsafe { conversation(request) };
    let log = log_of(conversation.as_deref());
    let ReadCount(count) = guard::callback(Kind::Read, log, || {
        let Some(conversation) = conversation else { return ReadCount(read_failure::BROKEN) };
        if buffer.is_null() || len == 0 {
            return ReadCount(0);
        }
        let len = len.min(isize::MAX.cast_unsigned());
        // SAFETY: the engine lends `len` writable bytes for the call; they need not be initialised.
        let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<MaybeUninit<u8>>(), len) };
        ReadCount(match conversation.read(buffer, flags & READ_NOW == 0) {
            Read::Bytes(count) => count.cast_signed(),
            Read::Nothing => read_failure::WOULD_BLOCK,
            Read::Failed(BodyFailure::Aborted) => read_failure::ABORTED,
            Read::Failed(BodyFailure::Timeout) => read_failure::TIMEOUT,
            Read::Failed(BodyFailure::TooLarge) => read_failure::TOO_LARGE,
            Read::Failed(BodyFailure::Broken) => read_failure::BROKEN,
        })
    });
    count
}

unsafe extern "C" fn start(request: *mut c_void, status: u16, reason: Slice, headers: *const Pair, count: usize) -> i32 {
    let send = |conversation: &mut Conversation<'_>| {
        // SAFETY: the engine lends text and headers for the call.
        let (reason, headers) = unsafe { (bytes(&reason).unwrap_or_default(), array(headers, count)) };
        // SAFETY: as above.
        let pairs =
            headers.iter().map(|pair| unsafe { (bytes(&pair.key).unwrap_or_default(), bytes(&pair.value).unwrap_or_default()) });
        conversation.output.start(status, reason, pairs)
    };
    // SAFETY: the engine gives back what `run` lent.
    unsafe { sending(Kind::Start, request, send) }
}

unsafe extern "C" fn write(request: *mut c_void, chunks: *const Slice, count: usize, how: u32) -> i32 {
    let send = |conversation: &mut Conversation<'_>| {
        // SAFETY: the engine lends the chunks for the call.
        let pieces = unsafe { array(chunks, count) }.iter().map(|chunk| unsafe { bytes(chunk) }.unwrap_or_default());
        match how {
            write_how::FLUSH => conversation.output.write(pieces, Passing::Flushed),
            write_how::PROMPT => conversation.output.write_promptly(pieces),
            _ => conversation.output.write(pieces, Passing::Kept),
        }
    };
    // SAFETY: the engine gives back what `run` lent.
    unsafe { sending(Kind::Write, request, send) }
}

unsafe extern "C" fn send_file(request: *mut c_void, descriptor: i32, offset: i64, length: i64) -> i32 {
    let send = |conversation: &mut Conversation<'_>| {
        if descriptor < 0 {
            return Taken::Failed;
        }
        // SAFETY: not negative, and open for the call, as the engine promises; it is duplicated before the call returns.
        conversation.output.send_file(unsafe { BorrowedFd::borrow_raw(descriptor) }, offset, length)
    };
    // SAFETY: the engine gives back what `run` lent.
    unsafe { sending(Kind::SendFile, request, send) }
}

/// # Safety
/// `request` is as [`conversation`] wants it.
unsafe fn sending(kind: Kind, request: *mut c_void, send: impl FnOnce(&mut Conversation<'_>) -> Taken) -> i32 {
    // SAFETY: promised by the caller; the first reference is gone when the second is made.
    let log = log_of(unsafe { conversation(request) }.as_deref());
    let Sent(result) = guard::callback(kind, log, || {
        // SAFETY: as above.
        let taken = unsafe { conversation(request) }.map_or(Taken::Failed, send);
        Sent(match taken {
            Taken::Ok => sent::OK,
            Taken::ClientGone => sent::CLIENT_GONE,
            Taken::Failed => sent::FAILED,
            Taken::WouldWait => sent::WOULD_WAIT,
        })
    });
    // SAFETY: as above.
    if let (sent::FAILED, Some(conversation)) = (result, unsafe { conversation(request) }) {
        conversation.output.failed();
    }
    result
}

unsafe extern "C" fn log(request: *mut c_void, level: i32, text: Slice, file: Slice, line: i32) {
    // SAFETY: the engine gives back what `run` lent, or null.
    let conversation = unsafe { conversation(request) };
    let log = log_of(conversation.as_deref());
    guard::callback(Kind::Log, log, || {
        // SAFETY: the engine lends both for the call.
        let (text, file) = unsafe { (bytes(&text).unwrap_or_default(), bytes(&file).unwrap_or_default()) };
        let file = CString::new(file).unwrap_or_default();
        log.write(Level::from_number(level), text, &file, line);
    });
}

unsafe extern "C" fn log_enabled(request: *mut c_void, level: i32) -> i32 {
    // SAFETY: the engine gives back what `run` lent, or null.
    let conversation = unsafe { conversation(request) };
    let log = log_of(conversation.as_deref());
    let Yes(yes) = guard::callback(Kind::Log, log, || Yes(log.enabled(Level::from_number(level))));
    i32::from(yes)
}

unsafe extern "C" fn scoreboard(taker: *mut c_void, take: TakeFn) {
    guard::callback(Kind::Scoreboard, Log::MainServer, || {
        if let Some(board) = scoreboard::read() {
            // SAFETY: the engine's function and what it wants back, for the call; the bytes are lent for as long.
            unsafe { take(taker, Slice::new(&board.encode())) };
        }
    });
}

/// # Safety
/// `first` is null or lent with `count` elements for `'s`.
unsafe fn array<'s, T>(first: *const T, count: usize) -> &'s [T] {
    if first.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(first, count) }
}
