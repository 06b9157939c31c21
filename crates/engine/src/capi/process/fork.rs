/*! A process that an application forks must have nothing of the engine: its descriptors are put out of use there, and its signal handlers taken back.
In embedded mode there are none of these, and the connection is httpd's: there it is enough that the engine knows that it is in a copy.

What the engine holds open is marked by number in a table that the child's handler can read without a lock or an allocation. The
descriptors are not just closed: the child's copy of the engine still knows their numbers, and would speak into whatever file the application opened
under one of them next. A socket without a peer takes their places, on which every call fails at once. *Runs in: Apache child, daemon, and what they fork.* */
#![expect(unsafe_code, reason = "pthread_atfork takes C functions, and descriptors are numbers there")]

use std::os::fd::{IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::io::Errno;

pub use super::descriptors::{Descriptor, is_copy};
use super::{descriptors, signals};

/// A socket without a peer.
static DEAD: AtomicI32 = AtomicI32::new(-1);

/// Prepares for forks of a daemon process, with a socket whose peer is closed. Once, before the application's first line.
///
/// # Errors
/// What the registration fails with.
pub fn prepare(dead: OwnedFd) -> Result<(), Errno> {
    DEAD.store(dead.into_raw_fd(), Ordering::Release);
    notice()
}

/// Prepares for forks of a process in which the engine holds nothing open: an Apache child. Once, before the application's first line.
///
/// # Errors
/// What the registration fails with.
pub fn notice() -> Result<(), Errno> {
    // SAFETY: the handler is async-signal-safe and lives as long as the process: the engine is never unloaded.
    match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
        0 => Ok(()),
        number => Err(Errno::from_raw_os_error(number)),
    }
}

/// Runs in the child, on its only thread, before fork returns: atomics and async-signal-safe calls alone.
extern "C" fn in_child() {
    descriptors::is_a_copy();
    let dead = DEAD.load(Ordering::Acquire);
    descriptors::for_each_marked(|number| {
        // SAFETY: async-signal-safe; the number is the engine's. Failing, it leaves the descriptor as it was, so that is closed.
        unsafe {
            if libc::dup3(dead, number, libc::O_CLOEXEC) == -1 {
                libc::close(number);
            }
        }
    });
    signals::give_back();
}
