/*! The frames between an Apache child and a daemon process: `docs/protocol.md` in code.

[`parse()`] reads one frame from the front of what has arrived; [`Writer`] appends frames to a buffer. Neither does any input or output, keeps any
state, or makes room for what has only been announced. */

mod parse;
mod payload;
mod write;

pub use parse::{Parsed, Violation, body_begins, may_bring_descriptor, parse};
pub use payload::{BodyState, Entries, Fields, Hello, Request, RequestHead};
pub use write::{TooLong, Writer};

/// Version of the protocol, in [`Hello`].
pub const VERSION: u16 = 4;

/// Bytes before a payload: length, type, stream.
pub const HEAD_LENGTH: usize = 9;

/// The one stream there is for now.
pub const STREAM: u32 = 1;

/// The longest payload of [`Frame::Body`], [`Frame::Data`] and [`Frame::Log`].
pub const LONGEST_DATA: usize = 64 * 1024;

/// The longest payload of [`Frame::Request`].
pub const LONGEST_HEAD: usize = 16 * 1024 * 1024;

/// The longest payload of [`Frame::Head`]: what a head may have by [`crate::rules`], with the lengths of its texts.
pub const LONGEST_ANSWER: usize = crate::rules::LONGEST_HEAD + 8 * crate::rules::MOST_FIELDS + 64;

/// How much request body may be sent before the first [`Frame::Want`].
pub const UNASKED: u64 = 64 * 1024;

/// Who sends a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The Apache child.
    Child,
    /// The daemon process.
    Daemon,
}

/// One frame, lent from the bytes that it was read from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Frame<'a> {
    /// The first frame of each side.
    Hello(Hello<'a>),
    /// A request begins.
    Request(Request<'a>),
    /// Request body.
    Body(&'a [u8]),
    /// Bytes in the child's part of the memory are the next part of the request body.
    LentBody {
        /// First byte.
        offset: u32,
        /// Number of bytes.
        length: u32,
    },
    /// The request body's end.
    BodyEnd(BodyState),
    /// So many further bytes of request body may come.
    Want(u32),
    /// The client went away.
    ClientGone,
    /// Status and headers.
    Head {
        /// The status number.
        status: u16,
        /// The reason phrase; may be empty.
        reason: &'a [u8],
        /// The headers.
        fields: Fields<'a>,
    },
    /// Response body.
    Data(&'a [u8]),
    /// A range of a file whose descriptor came along is the next part of the response body.
    File {
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// Memory for bodies: from the daemon, that it would have had a use for some; from the child, that its descriptor came along.
    Memory,
    /// Bytes in the daemon's part of that memory are the next part of the response body.
    Lent {
        /// First byte.
        offset: u32,
        /// Number of bytes.
        length: u32,
    },
    /// A line for the request's error log.
    Log {
        /// A [`crate::Level`].
        level: u8,
        /// Line of the source file; 0 if there is none.
        line: u32,
        /// Source file; may be empty.
        file: &'a [u8],
        /// The text.
        text: &'a [u8],
    },
    /// The response is complete.
    End,
    /// The response broke off.
    Abort(AbortReason),
    /// The request was not begun.
    Refused(RefusedReason),
    /// No further request on this connection.
    GoAway,
}

macro_rules! reasons {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant = $number),+ }

        impl $name {
            /// The reason of that number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

reasons! {
    /// Why a response broke off.
    AbortReason {
        /// The application failed; the traceback is in the log.
        Failed = 1,
        /// A time limit.
        Timeout = 2,
        /// There is no interpreter for it.
        Unavailable = 3,
    }
}

reasons! {
    /// Why a request was not begun.
    RefusedReason {
        /// The process is on its way out.
        GoingAway = 1,
        // 2 is not in use.
        /// The script is newer than what the process has loaded, and a process with the new version is being started.
        NewCode = 3,
    }
}

/// Type numbers on the wire.
mod kind {
    pub const HELLO: u8 = 1;
    pub const REQUEST: u8 = 2;
    pub const BODY: u8 = 3;
    pub const BODY_END: u8 = 4;
    pub const WANT: u8 = 5;
    pub const CLIENT_GONE: u8 = 6;
    pub const HEAD: u8 = 7;
    pub const DATA: u8 = 8;
    pub const FILE: u8 = 9;
    pub const LOG: u8 = 10;
    pub const END: u8 = 11;
    pub const ABORT: u8 = 12;
    pub const REFUSED: u8 = 13;
    pub const GO_AWAY: u8 = 14;
    pub const MEMORY: u8 = 15;
    pub const LENT: u8 = 16;
    pub const LENT_BODY: u8 = 17;
}

#[cfg(test)]
mod tests;
