/*! How one generation takes over from the one before: two supervisors over a socket pair whose ends httpd's parent handed out.

The newer one writes `X` when it has groups of which two processes must not live side by side: the older one ends its own such groups and answers
`x` when they are gone, or at once if it has none. The newer one writes `R` when its groups are ready: the older one retires. The end of the
connection is the end of the other supervisor. *Runs in: supervisor.* */

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

/// End what may not overlap.
pub const GIVE_WAY: u8 = b'X';
/// It has ended.
pub const GAVE_WAY: u8 = b'x';
/// Retire.
pub const RETIRE: u8 = b'R';

/// One end of the connection.
#[derive(Debug, Default)]
pub struct Peer(Option<OwnedFd>);

/// What the other supervisor said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A byte of this protocol.
    Byte(u8),
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
        let mut buffer = [0; 64];
        let Some(fd) = &self.0 else { return Vec::new() };
        match rustix::net::recv(fd, &mut buffer, RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN | Errno::INTR) => Vec::new(),
            Ok((count, _)) if count > 0 => buffer.iter().take(count).map(|byte| Said::Byte(*byte)).collect(),
            Ok(_) | Err(_) => {
                self.0 = None;
                vec![Said::Gone]
            }
        }
    }
}
