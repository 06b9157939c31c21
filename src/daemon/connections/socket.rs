/*! A socket to a daemon process: how it is connected, and what becomes of descriptors that come over it. *Runs in: child.* */

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use protocol::frame::Writer;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use crate::httpd::system::peer;

/// What becomes of descriptors that a process sends. To let go of one can take for ever: of a file on a file system that its sender made and stopped, of a
/// TCP socket that lingers. The thread that receives it, or drops it unread, would wait for that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Descriptors {
    /// They are taken: the group is trusted like httpd's own user.
    #[default]
    Taken,
    /// The kernel refuses them to their sender.
    Refused,
    /// The kernel can't refuse them, so it is looked whether some have come before anything is received.
    LookedFor,
}

/// Connects to the Unix socket at `path`, without waiting. What is done with it later says each time whether it may wait. `descriptors`: whether the process
/// may send some.
///
/// # Errors
/// `EAGAIN`: the listener's queue is full. `ECONNREFUSED`, `ENOENT`: nobody listens.
pub fn connect(path: &[u8], descriptors: bool) -> Result<(OwnedFd, Descriptors), Errno> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // Before there is anybody who could send some.
    let descriptors = match descriptors {
        true => Descriptors::Taken,
        false if peer::refuse_descriptors(socket.as_fd()) => Descriptors::Refused,
        false => Descriptors::LookedFor,
    };
    let address = SocketAddrUnix::new(path)?;
    while let Err(error) = rustix::net::connect(&socket, &address) {
        if error != Errno::INTR {
            return Err(error);
        }
    }
    Ok((socket, descriptors))
}

/// Sends memory to the other side, without waiting; `false` if it does not take it now.
pub fn send_memory(socket: BorrowedFd<'_>, file: &OwnedFd) -> bool {
    let mut frame = Vec::new();
    Writer::new(&mut frame).memory();
    let (files, mut space) = ([file.as_fd()], [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))]);
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    // So few bytes go out whole or not at all.
    ancillary.push(SendAncillaryMessage::ScmRights(&files))
        && rustix::net::sendmsg(socket, &[IoSlice::new(&frame)], &mut ancillary, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
            .is_ok_and(|count| count == frame.len())
}
