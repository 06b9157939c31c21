/*! The processes' listening sockets: files that only Apache's user may connect to, in a directory that only root may change.

A socket is bound beside its place and moved there when it is ready, so that whoever connects finds either nothing or all of it. The directory is made again
if a cleaner has removed it. *Runs in: supervisor.* */

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, Uid};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

/// What a listener is to be.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The directory to make first, if it is ours to make.
    pub directory: Option<&'a [u8]>,
    /// Its path.
    pub path: &'a [u8],
    /// Who may connect, if it is not to be whoever runs httpd.
    pub owner: Option<u32>,
    /// How many connections may wait.
    pub backlog: u32,
    /// `SO_SNDBUF`; 0 for the system's.
    pub send_buffer: u32,
    /// `SO_RCVBUF`, likewise.
    pub receive_buffer: u32,
}

/// A listener, and by which it is known in its place.
#[derive(Debug)]
pub struct Listener {
    /// It listens.
    pub socket: OwnedFd,
    /// The number of its file.
    pub inode: u64,
}

/// Makes the listener.
///
/// # Errors
/// What could not be done, in words.
pub fn make(wanted: &Wanted<'_>) -> Result<Listener, String> {
    if let Some(directory) = wanted.directory {
        make_directory(directory)?;
    }
    let path = Path::new(OsStr::from_bytes(wanted.path));
    let failed = |what: &str, error: Errno| format!("{what} `{}`: {error}", path.display());
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .map_err(|error| failed("could not create a socket for", error))?;
    let size = |size: u32| usize::try_from(size).unwrap_or(usize::MAX);
    if wanted.send_buffer > 0 {
        sockopt::set_socket_send_buffer_size(&socket, size(wanted.send_buffer))
            .map_err(|error| failed("send-buffer-size of", error))?;
    }
    if wanted.receive_buffer > 0 {
        sockopt::set_socket_recv_buffer_size(&socket, size(wanted.receive_buffer))
            .map_err(|error| failed("receive-buffer-size of", error))?;
    }
    // Whose slot it is has the name beside it for himself, too.
    let beside = [wanted.path, b"n"].concat();
    // A name that an earlier start left behind; that there is none is as well.
    let _left: Result<(), Errno> = rustix::fs::unlink(beside.as_slice());
    let address = SocketAddrUnix::new(beside.as_slice()).map_err(|error| failed("could not create a socket at", error))?;
    // No other thread of the supervisor makes files.
    let umask = rustix::process::umask(Mode::from_raw_mode(0o177));
    let bound = rustix::net::bind(&socket, &address);
    rustix::process::umask(umask);
    bound.map_err(|error| failed("could not bind a socket to", error))?;
    let backlog = i32::try_from(wanted.backlog).unwrap_or(i32::MAX);
    let ready = (|| {
        if let Some(owner) = wanted.owner {
            rustix::fs::chownat(CWD, beside.as_slice(), Some(Uid::from_raw(owner)), None, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        rustix::net::listen(&socket, backlog)?;
        let inode = rustix::fs::lstat(beside.as_slice())?.st_ino;
        rustix::fs::rename(beside.as_slice(), path).map(|()| inode)
    })();
    ready.map(|inode| Listener { socket, inode }).map_err(|error| failed("could not set up the socket at", error))
}

/// Makes the directory of the sockets, or finds it as it has to be: somebody else who could write there could put his own socket in place.
///
/// # Errors
/// What could not be done, or how the directory is not as it has to be, in words.
pub fn make_directory(directory: &[u8]) -> Result<(), String> {
    let path = Path::new(OsStr::from_bytes(directory));
    let failed = |error: Errno| format!("could not create the directory of the sockets `{}`: {error}", path.display());
    if let Some(above) = path.parent()
        && !above.exists()
    {
        std::fs::create_dir_all(above)
            .map_err(|error| format!("could not create the directory `{}`: {error}", above.display()))?;
    }
    match rustix::fs::mkdir(path, Mode::from_raw_mode(0o711)) {
        Ok(()) => rustix::fs::chmod(path, Mode::from_raw_mode(0o711)).map_err(failed),
        Err(Errno::EXIST) => {
            let found = rustix::fs::lstat(path).map_err(failed)?;
            let directory = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
            let own = found.st_uid == rustix::process::geteuid().as_raw();
            if directory && own && found.st_mode & 0o022 == 0 {
                Ok(())
            } else {
                Err(format!(
                    "`{}` is not a directory that belongs to httpd's user and that only this user may write to. To fix: remove it, or set `WSGISocketPrefix`",
                    path.display()
                ))
            }
        }
        Err(error) => Err(failed(error)),
    }
}

/// Whether the socket at `path` still is the one whose file has that number: a cleaner may have removed it, and whoever has a name of the same in a
/// directory that he shares with us (another container's httpd) may have put his own there, to which our children would then talk in vain.
pub fn is_there(path: &[u8], inode: u64) -> bool {
    let same = |found: rustix::fs::Stat| FileType::from_raw_mode(found.st_mode) == FileType::Socket && found.st_ino == inode;
    rustix::fs::lstat(path).is_ok_and(same)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::net::UnixStream;

    use super::{Wanted, is_there, make};

    #[test]
    fn a_new_listener_takes_the_place_of_the_old_one_without_a_gap() {
        let root = std::env::temp_dir().join(format!("listener-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        let directory = root.join("sockets");
        let path = directory.join("wsgi.1.sock");
        let wanted = Wanted {
            directory: Some(directory.as_os_str().as_bytes()),
            path: path.as_os_str().as_bytes(),
            owner: None,
            backlog: 1,
            send_buffer: 8192,
            receive_buffer: 8192,
        };
        let first = make(&wanted).unwrap();
        assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o711);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let _waiting = UnixStream::connect(&path).unwrap();
        assert!(is_there(wanted.path, first.inode) && std::fs::metadata(&path).unwrap().ino() == first.inode);
        let second = make(&wanted).unwrap();
        assert!(is_there(wanted.path, second.inode) && !is_there(wanted.path, first.inode), "another has taken its place");
        drop(first);
        let _reaches_the_second = UnixStream::connect(&path).unwrap();
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(make(&wanted).unwrap_err().contains("only this user"));
        std::fs::remove_dir_all(root).unwrap();
        assert!(!is_there(wanted.path, second.inode));
    }
}
