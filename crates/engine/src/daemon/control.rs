/*! The socket that the supervisor's messages come from, and the pipe to it. *Runs in: daemon.* */

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Mutex;

use protocol::control::{BadMessage, Message, Sender};
use rustix::io::Errno;
use rustix::net::RecvFlags;

use crate::capi::signals;
use crate::daemon::descriptors::Descriptor;
use crate::sync::locks::lock;

/// The process's ends.
pub struct Control {
    socket: Descriptor,
    outbox: Descriptor,
    received: Mutex<Vec<u8>>,
    /// Held while a message is sent, so that two of them do not mix.
    sending: Mutex<()>,
}

/// The supervisor is gone, or says what it may not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

impl From<BadMessage> for Lost {
    fn from(_: BadMessage) -> Self {
        Self
    }
}

impl Control {
    /// Listens to `socket` and speaks into `outbox`.
    pub const fn new(socket: Descriptor, outbox: Descriptor) -> Self {
        Self { socket, outbox, received: Mutex::new(Vec::new()), sending: Mutex::new(()) }
    }

    /// For polling.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Tells the supervisor. A supervisor that is gone shows at the next receive, as the socket's end.
    pub fn send(&self, message: &Message) {
        let bytes = message.encode();
        let mut rest = bytes.as_slice();
        let _one_at_a_time = lock(&self.sending);
        while !rest.is_empty() {
            match signals::without_sigpipe(|| rustix::io::write(&self.outbox, rest)) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    /// The next message; waits for it if `wait`, else `None` when there is none yet.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn receive(&self, wait: bool) -> Result<Option<Message>, Lost> {
        let mut received = lock(&self.received);
        loop {
            if let Some((message, length)) = Message::decode(&received, Sender::Supervisor)? {
                received.drain(..length);
                return Ok(Some(message));
            }
            let mut block = [0; 4096];
            let flags = if wait { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
            match rustix::net::recv(&self.socket, &mut block[..], flags) {
                Ok((_, 0)) => return Err(Lost),
                Ok((_, count)) => received.extend_from_slice(block.get(..count).unwrap_or_default()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Err(_) => return Err(Lost),
            }
        }
    }
}
