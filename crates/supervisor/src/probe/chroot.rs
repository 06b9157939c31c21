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
        Cause::Failed(Errno::NOENT) => format!("`{path}` does not exist (hint: make the directory, or correct the path)"),
        Cause::Failed(error) => format!("`{path}`: {error} (hint: correct the path)"),
        Cause::Owner(uid) => format!(
            "`{path}` belongs to user {uid}, who could lead root elsewhere, so it was not entered (hint: let it belong to root, `chown -h root {word}`; the \
             group's user needs to own nothing but what the application writes to)"
        ),
        Cause::Writable(mode) => format!(
            "others than root may write to `{path}` (mode {mode:04o}), so they could replace directories in it, and it was not entered (hint: `chmod go-w {word}`)"
        ),
    }
}
