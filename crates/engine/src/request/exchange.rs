/*! What the engine needs from whoever brings it a request: an Apache child through C callbacks, or a daemon process by its channel.

The rest of the engine does not know which. A call that may wait says so; the engine makes it without the GIL. */

use std::mem::MaybeUninit;

use protocol::Level;

use crate::request::response_head::ResponseHead;

/// Why request body bytes could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// Nothing has arrived yet (only when not waiting).
    WouldBlock,
    /// The client went away.
    Aborted,
    /// The client is there, and sent nothing for as long as httpd's own limits allow.
    TimedOut,
    /// The client is there, and so many seconds passed in which nothing came: the limit of the daemon process.
    Silent(u64),
    /// The time limit of the request itself is over.
    OutOfTime,
    /// The body is longer than the server allows.
    TooLarge,
    /// The body's framing is broken.
    Broken,
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::WouldBlock => "no data yet",
            Self::Aborted => "the client closed the connection before it had sent the whole request body",
            Self::TimedOut => {
                "the client is connected, but sent no data of the request body within `Timeout` or `RequestReadTimeout`"
            }
            Self::Silent(seconds) => {
                return write!(
                    f,
                    "the client is connected, but no data of the request body arrived within {seconds} s (`socket-timeout` of the \
                     `WSGIDaemonProcess`; default: `Timeout`)"
                );
            }
            Self::OutOfTime => "the request exceeded its `request-timeout`",
            Self::TooLarge => "the request body is longer than `LimitRequestBody` allows",
            Self::Broken => "the request body is malformed",
        })
    }
}

/// Why a response could not be handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The client is gone.
    ClientGone,
    /// The client is there, and took nothing for as long as the server allows.
    Overdue,
    /// The time limit of the request itself is over.
    OutOfTime,
    /// The server could not take it; it has logged why.
    Failed,
}

/// How body bytes are to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Send {
    /// Copied and kept until the next flush or the end. Never waits.
    Buffered,
    /// To the client now, with all that was kept. May wait.
    Flushed,
    /// The same, for what completes the announced length: it may go along with the end of the response if that comes within a few milliseconds.
    Last,
}

/// A body that is shorter is kept until the end of its response; a longer one goes to the client from where it is, since a copy would cost more than giving
/// the GIL up. A daemon's socket takes so much at once for certain, when the child has read all that came before.
pub const SMALL: usize = 64 * 1024;

/// One request's way back to its server.
pub trait Exchange: std::marker::Send + Sync {
    /// Reads request body bytes into `buffer`: how many, 0 at the end. Waits only if `wait`.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn read(&self, buffer: &mut [MaybeUninit<u8>], wait: bool) -> Result<usize, ReadError>;

    /// Asks a client that waits for `100 Continue` to send the body. May wait.
    fn ask(&self) {}

    /// Records status and headers. Never waits.
    ///
    /// # Errors
    /// See [`SendError`].
    fn start(&self, head: &ResponseHead) -> Result<(), SendError>;

    /// Whether a body of `length` bytes, in a few parts, can be kept until the end of the response at little cost ([`Send::Buffered`]).
    fn keeps(&self, length: usize) -> bool {
        length < SMALL
    }

    /// Hands body bytes on.
    ///
    /// # Errors
    /// See [`SendError`].
    fn write(&self, chunks: &[&[u8]], how: Send) -> Result<(), SendError>;

    /// Hands body bytes on for the client to have now, without waiting: `true` if that was possible; `false` if the rest needs a
    /// [`Exchange::flush`], which may wait. An exchange that can't tell beforehand takes nothing and says so by `None`.
    ///
    /// # Errors
    /// See [`SendError`].
    fn write_promptly(&self, chunks: &[&[u8]]) -> Result<Option<bool>, SendError>;

    /// The same for what completes the announced length ([`Send::Last`]).
    ///
    /// # Errors
    /// See [`SendError`].
    fn write_last(&self, chunks: &[&[u8]]) -> Result<Option<bool>, SendError> {
        self.write_promptly(chunks)
    }

    /// Sends what [`Exchange::write_promptly`] left. May wait.
    ///
    /// # Errors
    /// See [`SendError`].
    fn flush(&self) -> Result<(), SendError>;

    /// Hands `length` bytes of a regular file on, from `offset`. The descriptor is duplicated; never waits.
    ///
    /// # Errors
    /// See [`SendError`].
    fn send_file(&self, descriptor: i32, offset: i64, length: i64) -> Result<(), SendError>;

    /// One line for the error log of the request's virtual host. `file` and `line` name a source, or are empty and 0.
    fn log(&self, level: Level, text: &[u8], file: &[u8], line: i32);

    /// Would a line of that level be written?
    fn logs(&self, level: Level) -> bool;
}
