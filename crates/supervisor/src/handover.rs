/*! How one generation takes over from the one before: two supervisors over a socket pair whose ends httpd's parent handed out.

The newer one writes `X` when it has groups of which two processes must not live side by side: the older one ends its own such groups. It answers `a` when it starts no more
processes of them, `s` when those are gone that are services, and `x` when all are, or at once if it has none. Between `a` and `x` the newer one begins each group as soon as the group's table
shows no process of another supervisor: a group whose requests do not end holds up no other. (A service has no table.) The newer one writes `R` when its groups are ready: the older
one retires. The end of the connection is the end of the other supervisor.

Before that httpd's parent has the other end. It writes `H` when it reads a configuration with the module in it, and hands over a plan as `P`, with the plan's file, and
`F`, as often as needed, with the descriptors that the plan names, in ascending order of their numbers. *Runs in: supervisor.* */

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, recvmsg};

/// End what may not overlap.
pub const GIVE_WAY: u8 = b'X';
/// Nothing of it is started any more.
pub const ENDS: u8 = b'a';
/// Its services have ended.
pub const NO_SERVICES: u8 = b's';
/// All of it has ended.
pub const GAVE_WAY: u8 = b'x';
/// The configuration that is being read has the module.
pub const HERE: u8 = b'H';
/// A plan to take up.
pub const PLAN: u8 = b'P';
/// Descriptors that it names.
pub const FILES: u8 = b'F';
/// As many descriptors as the kernel passes at a time.
const MOST_FILES: usize = 253;
/// Most bytes that are read at a time.
const MOST_SAID: usize = 4_096;
/// Retire.
pub const RETIRE: u8 = b'R';

/// How far the older supervisor is with ending what may not overlap, or what this one has said about that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// It starts no more of it.
    pub ends: bool,
    /// Services are gone.
    pub no_services: bool,
    /// All is gone.
    pub cleared: bool,
}

impl Way {
    /// Nothing is in the way.
    pub const CLEAR: Self = Self { ends: true, no_services: true, cleared: true };

    /// Takes note of a byte.
    pub fn hear(&mut self, byte: u8) {
        match byte {
            ENDS => self.ends = true,
            NO_SERVICES => self.no_services = true,
            GAVE_WAY => *self = Self::CLEAR,
            _ => {}
        }
    }

    /// The bytes that say what `now` is beyond what this one has said, which is `now` from here on.
    pub fn news(&mut self, now: Self) -> Vec<u8> {
        let news = [
            (now.ends && !self.ends, ENDS),
            (now.no_services && !self.no_services, NO_SERVICES),
            (now.cleared && !self.cleared, GAVE_WAY),
        ];
        *self = now;
        news.into_iter().filter(|(new, _)| *new).map(|(_, byte)| byte).collect()
    }
}

/// One end of the connection.
#[derive(Debug, Default)]
pub struct Peer(Option<OwnedFd>);

/// What the other side said.
#[derive(Debug)]
pub enum Said {
    /// A byte of this protocol.
    Byte(u8),
    /// A byte, and what came with it.
    Handed(u8, Vec<OwnedFd>),
    /// It is gone.
    Gone,
}

impl Peer {
    /// The end that is `fd`.
    pub fn new(fd: Option<OwnedFd>) -> Self {
        Self(fd)
    }

    /// Whether the other supervisor is there.
    pub fn there(&self) -> bool {
        self.0.is_some()
    }

    /// The descriptor to wait on.
    pub fn wants(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(AsFd::as_fd)
    }

    /// Says one thing. A peer that can't be told is gone.
    pub fn say(&mut self, byte: u8) {
        if let Some(fd) = &self.0
            && rustix::net::send(fd, &[byte], SendFlags::DONTWAIT | SendFlags::NOSIGNAL).is_err()
        {
            self.0 = None;
        }
    }

    /// Reads what was said.
    pub fn listen(&mut self) -> Vec<Said> {
        let mut all = Vec::new();
        while let Some(fd) = &self.0
            && all.len() < MOST_SAID
        {
            // One byte at a time: so it is known which one descriptors came with.
            match hear(fd) {
                Err(Errno::AGAIN | Errno::INTR) => break,
                Ok(Some(said)) => all.push(said),
                Ok(None) | Err(_) => {
                    self.0 = None;
                    all.push(Said::Gone);
                }
            }
        }
        all
    }
}

/// The next byte; `None` at the end of the connection.
fn hear(socket: &OwnedFd) -> Result<Option<Said>, Errno> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FILES))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let got = recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut beside, flags)?;
    let mut files = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            files.extend(some);
        }
    }
    let [byte] = byte;
    Ok(match (got.bytes, files.is_empty()) {
        (0, _) => None,
        (_, true) => Some(Said::Byte(byte)),
        (_, false) => Some(Said::Handed(byte, files)),
    })
}

#[cfg(test)]
mod tests {
    use super::{ENDS, GAVE_WAY, NO_SERVICES, Way};

    #[test]
    fn each_step_is_said_once_and_heard() {
        let (mut said, mut heard) = (Way::default(), Way::default());
        let first = said.news(Way { ends: true, ..Way::default() });
        assert_eq!(
            (first.as_slice(), said.news(Way { ends: true, ..Way::default() }).as_slice()),
            ([ENDS].as_slice(), [].as_slice())
        );
        first.into_iter().for_each(|byte| heard.hear(byte));
        assert_eq!(heard, Way { ends: true, ..Way::default() });
        assert_eq!(said.news(Way::CLEAR), [NO_SERVICES, GAVE_WAY]);
        // An older build says that all is gone, and nothing before.
        let mut heard = Way::default();
        heard.hear(GAVE_WAY);
        assert_eq!(heard, Way::CLEAR);
    }
}
