/*! A command that is another user, with another root directory, before it runs. *Runs in: parent (configtest).* */
#![expect(unsafe_code, reason = "what is done between fork and exec")]

use std::ffi::CString;
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// Has `command` take on root directory, groups and user, in this order, in which each step still has the rights that it needs.
///
/// # Errors
/// A path with a NUL byte, or the user 0, whose rights are to be given up.
pub fn confine(command: &mut Command, root: Option<&Path>, uid: u32, gid: u32, groups: &[u32]) -> std::io::Result<()> {
    if uid == 0 {
        return Err(Error::new(ErrorKind::PermissionDenied, "nothing that a configuration names is run as root"));
    }
    let root = root.map(|root| CString::new(root.as_os_str().as_bytes())).transpose()?;
    let groups = groups.to_vec();
    let take_on = move || {
        // SAFETY: each call is async-signal-safe and gets live, NUL-terminated or counted memory made before the fork.
        let failed = unsafe {
            root.as_ref().is_some_and(|root| libc::chroot(root.as_ptr()) == -1 || libc::chdir(c"/".as_ptr()) == -1)
                || libc::setgroups(groups.len(), groups.as_ptr()) == -1
                || libc::setresgid(gid, gid, gid) == -1
                || libc::setresuid(uid, uid, uid) == -1
        };
        if failed { Err(Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: the closure allocates nothing and takes no lock.
    unsafe { command.pre_exec(take_on) };
    Ok(())
}
