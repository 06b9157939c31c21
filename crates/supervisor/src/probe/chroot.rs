/*! The root directory of `chroot=`, entered by configtest's helper, and why it is not. *Runs in: helper.* */

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::io::Errno;

use crate::spawn;
use crate::spawn::chroot::Cause;

/// Makes `root` the root directory of this process.
///
/// # Errors
/// Cause and hint.
pub fn enter(root: &Path) -> Result<(), String> {
    spawn::enter_root(root.as_os_str().as_bytes())
        .map_err(|obstacle| said(Path::new(OsStr::from_bytes(obstacle.path())), obstacle.cause))
}

fn said(path: &Path, cause: Cause) -> String {
    let word = interpreter::permissions::word(&path.to_string_lossy());
    let path = path.display();
    match cause {
        Cause::Failed(Errno::NOENT) => format!("`{path}` does not exist. To fix: create the directory, or correct the path"),
        Cause::Failed(error) => format!("`{path}`: {error}. To fix: correct the path"),
        Cause::Owner(uid) => format!(
            "`{path}` belongs to user {uid}, who could replace files that root uses, so it was not checked. To fix: run `chown -h root {word}`; the \
             group's user must own only the files that the application writes to"
        ),
        Cause::Writable(mode) => format!(
            "users other than root may write to `{path}` (mode {mode:04o}) and could replace directories in it, so it was not checked. To fix: run \
             `chmod go-w {word}`"
        ),
    }
}
