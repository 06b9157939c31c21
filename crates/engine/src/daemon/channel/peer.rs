/*! Who is at the other end of a connection, as the kernel says. *Runs in: daemon.* */

use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use rustix::io::Errno;

/// The user of the process that connected `socket`. Not by rustix: a process of another PID namespace has the id 0 here, which its type for ids can't hold.
///
/// # Errors
/// What the system says.
pub fn peer_uid(socket: &impl AsFd) -> Result<u32, Errno> {
    getsockopt(socket, PeerCredentials).map(|peer| peer.uid()).map_err(|error| Errno::from_raw_os_error(error as i32))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::Command;

    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

    use super::peer_uid;

    /// Where this test listens when it runs as the other process.
    const SOCKET: &str = "MOD_WSGI_RS_PEER_TEST";

    #[test]
    fn a_peer_of_another_pid_namespace_has_its_user() {
        let own = rustix::process::geteuid().as_raw();
        if let Some(path) = std::env::var_os(SOCKET) {
            let socket = UnixListener::bind(path).unwrap().accept().unwrap().0;
            assert_eq!(getsockopt(&socket, PeerCredentials).unwrap().pid(), 0);
            assert_eq!(peer_uid(&socket), Ok(own));
            return;
        }
        let namespace = |program: &std::ffi::OsStr| {
            let mut command = Command::new("unshare");
            command.args(["--pid", "--fork", "--kill-child"]).arg(program);
            command
        };
        if !namespace("true".as_ref()).output().is_ok_and(|output| output.status.success()) {
            // Only root may do that.
            return;
        }
        let path = std::env::temp_dir().join(format!("peer-namespace-{}", std::process::id()));
        let mut command = namespace(std::env::current_exe().unwrap().as_os_str());
        command.args(["--exact", "daemon::peer::tests::a_peer_of_another_pid_namespace_has_its_user"]).env(SOCKET, &path);
        let mut other = command.spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let _socket = loop {
            if let Ok(socket) = UnixStream::connect(&path) {
                break Some(socket);
            }
            if std::time::Instant::now() > deadline {
                other.kill().unwrap();
                break None;
            }
            std::thread::yield_now();
        };
        let status = other.wait().unwrap();
        std::fs::remove_file(&path).unwrap_or_default();
        assert!(status.success(), "{status}");
    }

    #[test]
    fn what_is_no_socket_is_an_error() {
        assert!(peer_uid(&std::fs::File::open("/dev/null").unwrap()).is_err());
    }
}
