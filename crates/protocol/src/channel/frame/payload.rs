/*! The payloads that have a structure of their own. */

use super::BodyState as State;
use super::parse::{Cursor, Malformed};
use crate::embedded::RequestFlags;
use crate::table::Ticket;

/// The first frame of each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// [`super::VERSION`] of the sender.
    pub version: u16,
    /// Configuration generation.
    pub generation: u64,
    /// The group's secret.
    pub token: [u8; 16],
    /// The connection's ticket in the group's table, from the child; `None` from the daemon, or if there was none left.
    pub ticket: Option<Ticket>,
    /// The sender's build, for messages.
    pub build: &'a [u8],
}

/// What the engine needs to run a request, besides its environ. Times are microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// What holds for the request.
    pub flags: RequestFlags,
    /// The script's modification time, or [`crate::embedded::UNKNOWN_MTIME`].
    pub script_mtime: i64,
    /// `r->request_time`
    pub request_start: i64,
    /// When the child began to hand the request over.
    pub queue_start: i64,
    /// Path of the script.
    pub script: &'a [u8],
    /// `r->filename`
    pub resource: &'a [u8],
    /// Resolved application group.
    pub application_group: &'a [u8],
    /// Name of the callable.
    pub callable: &'a [u8],
}

/// A request as a daemon receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// What runs, and how.
    pub head: RequestHead<'a>,
    /// The environ's text entries.
    pub environ: Entries<'a>,
}

/// How a request body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BodyState {
    /// It is complete.
    Complete = 0,
    /// The client broke it off.
    Aborted = 1,
    /// A time limit ran out.
    TimedOut = 2,
    /// It is longer than allowed.
    TooLarge = 3,
    /// Its framing is broken.
    Broken = 4,
}

impl State {
    /// The state of that number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Complete),
            1 => Some(Self::Aborted),
            2 => Some(Self::TimedOut),
            3 => Some(Self::TooLarge),
            4 => Some(Self::Broken),
            _ => None,
        }
    }
}

macro_rules! list {
    ($(#[$about:meta])* $name:ident, $item:ty, $take:ident) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a> {
            count: u32,
            bytes: &'a [u8],
        }

        impl<'a> $name<'a> {
            /// Checks that `count` items fill the rest of the payload.
            pub(super) fn check(cursor: &mut Cursor<'a>) -> Result<Self, Malformed> {
                let count = cursor.u32()?;
                let bytes = cursor.rest();
                let mut items = Cursor::new(bytes);
                for _ in 0..count {
                    items.$take()?;
                }
                items.finished()?;
                cursor.skip_all();
                Ok(Self { count, bytes })
            }

            /// How many there are.
            pub const fn len(&self) -> usize {
                self.count as usize
            }

            /// Are there none?
            pub const fn is_empty(&self) -> bool {
                self.count == 0
            }

            /// The items, in order.
            pub fn iter(&self) -> impl Iterator<Item = $item> + use<'a> {
                let mut items = Cursor::new(self.bytes);
                // `check` has read every one of them before.
                (0..self.count).map_while(move |_| items.$take().ok())
            }
        }
    };
}

list! {
    /// Environ entries: key, and value if there is one.
    Entries, (&'a [u8], Option<&'a [u8]>), entry
}

list! {
    /// Response headers: name and value.
    Fields, (&'a [u8], &'a [u8]), field
}
