/*! What the kernel says about the other end of a Unix socket, and what it is to keep from this one. *Runs in: child.* */
#![expect(unsafe_code, reason = "socket options that no safe library has, or has for every peer")]

use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::io::Errno;

/// `SO_PASSRIGHTS`, from Linux 6.16 on: whether descriptors may be sent to a socket. `libc` does not have it yet.
const PASS_RIGHTS: libc::c_int = 83;

/// The user whose process called `listen()` on the socket that `socket` is connected to.
///
/// # Errors
/// What the system says.
pub fn listener_uid(socket: BorrowedFd<'_>) -> Result<u32, Errno> {
    // Not rustix: the process may be of another PID namespace, which has the id 0 here, and rustix has no such id.
    let mut found = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>()).unwrap_or(0);
    // SAFETY: the option fills at most `length` bytes of a `ucred` (unix(7)), which has that size and may hold any numbers.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut found).cast::<libc::c_void>(),
            &raw mut length,
        )
    };
    let whole = usize::try_from(length).is_ok_and(|length| length == size_of::<libc::ucred>());
    match result {
        0 if whole => Ok(found.uid),
        0 => Err(Errno::INVAL),
        _ => Err(last_error()),
    }
}

/// Has the kernel refuse descriptors that somebody sends to `socket`: they never reach this process. `false` where it can't (before Linux 6.16).
pub fn refuse_descriptors(socket: BorrowedFd<'_>) -> bool {
    let off: libc::c_int = 0;
    let length = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or(0);
    // SAFETY: the option reads `length` bytes, which are those of a `c_int` (socket(7)).
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, PASS_RIGHTS, (&raw const off).cast::<libc::c_void>(), length)
    };
    result == 0
}

fn last_error() -> Errno {
    std::io::Error::last_os_error().raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::fd::AsFd as _;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::listener_uid;

    #[test]
    fn the_listener_is_who_called_listen() {
        let path = std::env::temp_dir().join(format!("peer-{}", std::process::id()));
        let _listener = UnixListener::bind(&path).unwrap();
        let socket = UnixStream::connect(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(listener_uid(socket.as_fd()), Ok(rustix::process::geteuid().as_raw()));
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(listener_uid(file.as_fd()).is_err());
    }
}
