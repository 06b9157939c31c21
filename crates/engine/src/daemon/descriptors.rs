/*! The engine's own descriptors in a daemon process: out of the application's way, and out of what it starts.

They lie from 1024 on, so that the application's own stay below the limit of `select()`, and are closed when a program is
executed. A process that the application forks finds them put out of use (`capi::fork`). *Runs in: daemon.* */

use std::os::fd::OwnedFd;

use rustix::io::FdFlags;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{Resource, Rlimit};

use crate::capi::fork;
pub use crate::capi::fork::Descriptor;

/// `FD_SETSIZE`: the numbers below are the application's.
const FIRST: i32 = 1024;
/// How many descriptors the engine may want: listener and control, a few for each thread, connections that are kept.
const ROOM: u64 = 2048;

/// Makes room above the application's descriptors, and prepares for its forks. Once, before the application's first line.
///
/// # Errors
/// In words.
pub fn prepare() -> Result<(), String> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let wanted = u64::from(FIRST.unsigned_abs()) + ROOM;
    if let Some(soft) = limit.current.filter(|soft| *soft < wanted) {
        let raised = wanted.min(limit.maximum.unwrap_or(wanted)).max(soft);
        // Where this can't be had, the descriptors stay where they are.
        rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit }).unwrap_or_default();
    }
    let (dead, peer) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(|error| format!("could not create a socket: {error}"))?;
    drop(peer);
    fork::prepare(moved(dead)).map_err(|error| format!("pthread_atfork: {error}"))
}

/// Takes a descriptor into the engine's possession: moved above 1024 where there is room, closed at exec, unusable in a forked process.
pub fn adopt(descriptor: OwnedFd) -> Descriptor {
    Descriptor::new(moved(descriptor))
}

fn moved(descriptor: OwnedFd) -> OwnedFd {
    rustix::io::fcntl_dupfd_cloexec(&descriptor, FIRST).unwrap_or_else(|_| {
        // It stays, and must not be inherited all the same; that can't fail for one that is open.
        rustix::io::fcntl_setfd(&descriptor, FdFlags::CLOEXEC).unwrap_or_default();
        descriptor
    })
}
