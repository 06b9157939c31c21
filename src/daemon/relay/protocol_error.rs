/*! How a daemon process breaks the rules of the channel (`protocol::rules`, `docs/protocol.md`), for the log. *Runs in: child.* */

use protocol::field::FieldError;
use protocol::frame::{VERSION, Violation};
use protocol::rules::{self, HeadFault};

/// How a daemon broke the rules of `docs/protocol.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// Bytes that are no frame of its.
    Frame(Violation),
    /// A frame out of its turn.
    Turn(&'static str),
    /// Another version of the protocol.
    Version(u16),
    /// It asks for more request body than it may.
    Asked,
    /// Descriptors that nothing was said about, or more than one at a time.
    Descriptors,
    /// A descriptor that is not what its frame says.
    File,
    /// A part of a body that does not lie in the memory, or there is none.
    Memory,
    /// A status that HTTP does not have, or that ends no response.
    Status(u16),
    /// A reason phrase with control characters.
    Reason,
    /// A header that HTTP does not allow. The engine has checked what the application gave.
    Header,
    /// Headers that are more than a response may have.
    Headers,
    /// A body where the status allows none.
    Body(u16),
    /// Frames without end that bring nothing.
    Flood,
    /// More long heads at a time than this child keeps for a group.
    Crowded,
}

impl std::fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frame(violation) => violation.fmt(f),
            Self::Turn(what) => write!(f, "{what} in the wrong order"),
            Self::Version(version) => write!(f, "protocol version {version} instead of {VERSION}"),
            Self::Asked => f.write_str("a request for more of the request body than permitted"),
            Self::Descriptors => f.write_str("an unexpected file descriptor"),
            Self::File => f.write_str("a file that is not a regular file, or that is shorter than the range to send"),
            Self::Memory => f.write_str("a part of a body outside of the shared memory for bodies"),
            Self::Status(status) => write!(f, "the invalid status {status}"),
            Self::Reason => f.write_str("a reason phrase with control characters"),
            Self::Header => f.write_str("a header that HTTP does not allow"),
            Self::Headers => {
                write!(f, "more than {} headers, or more than {} bytes of headers", rules::MOST_FIELDS, rules::LONGEST_HEAD)
            }
            Self::Body(status) => write!(f, "a body, which the status {status} does not allow"),
            Self::Crowded => f.write_str("more long response heads at a time than a child process keeps for a process group"),
            Self::Flood => write!(f, "more than {} empty frames", rules::MOST_EMPTY),
        }
    }
}

/// What is wrong with a head.
pub const fn of_head(fault: &HeadFault<'_>, status: u16) -> ProtocolError {
    match fault {
        HeadFault::Field(FieldError::StatusRange | FieldError::StatusInterim | FieldError::StatusForm) => {
            ProtocolError::Status(status)
        }
        HeadFault::Field(FieldError::StatusControl) => ProtocolError::Reason,
        HeadFault::Count | HeadFault::Sum => ProtocolError::Headers,
        _ => ProtocolError::Header,
    }
}
