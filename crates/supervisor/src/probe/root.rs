/*! The root directory of `chroot=`, entered by root: only root may be able to change what lies on the way, so that nobody leads it elsewhere, or into a file system of
his own that never answers. *Runs in: helper.* */

use std::collections::VecDeque;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat, openat, readlinkat};
use rustix::io::Errno;

/// More links than this are a circle (the kernel's own limit).
const MOST_LINKS: u32 = 40;

/// Makes `root` the root directory of this process.
///
/// # Errors
/// Cause and hint.
pub fn enter(root: &Path) -> Result<(), String> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let failed = |path: &Path, error: Errno| match error {
        Errno::NOENT => format!("`{}` does not exist (hint: make the directory, or correct the path)", path.display()),
        error => format!("`{}`: {error} (hint: correct the path)", path.display()),
    };
    let top = || rustix::fs::open("/", flags, Mode::empty()).map_err(|error| failed(Path::new("/"), error));
    let (mut at, mut path) = (top()?, PathBuf::from("/"));
    let mut rest = names(root);
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        let here = path.join(&name);
        let next = openat(&at, &name, flags, Mode::empty()).map_err(|error| failed(&here, error))?;
        let found = fstat(&next).map_err(|error| failed(&here, error))?;
        if found.st_uid != 0 {
            return Err(format!(
                "`{}` belongs to user {}, who could lead root elsewhere, so it was not entered (hint: let it belong to root, `chown root {0}`; the \
                 group's user needs to own nothing but what the application writes to)",
                here.display(),
                found.st_uid
            ));
        }
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => (at, path) = (next, here),
            FileType::Symlink => {
                links += 1;
                let target: CString = readlinkat(&next, "", Vec::new()).map_err(|error| failed(&here, error))?;
                if links > MOST_LINKS {
                    return Err(failed(&here, Errno::LOOP));
                }
                let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                if target.is_absolute() {
                    (at, path) = (top()?, PathBuf::from("/"));
                }
                names(&target).into_iter().rev().for_each(|name| rest.push_front(name));
            }
            _ => return Err(failed(&here, Errno::NOTDIR)),
        }
    }
    rustix::process::fchdir(&at)
        .and_then(|()| rustix::process::chroot("."))
        .and_then(|()| rustix::process::chdir("/"))
        .map_err(|error| failed(root, error))
}

fn names(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsStr::from_bytes(b"..").to_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::enter;
    use std::path::Path;

    #[test]
    fn what_is_no_way_for_root_is_refused() {
        let refused = |path: &Path, cause: &str| assert!(enter(path).is_err_and(|why| why.contains(cause)), "{path:?}: {cause}");
        refused(Path::new("/nowhere/at/all"), "`/nowhere` does not exist");
        refused(Path::new("/etc/passwd"), "/etc/passwd`");
        let place = std::env::temp_dir().join(format!("wsgi-root-{}", std::process::id()));
        let made = std::fs::create_dir_all(place.join("below")).is_ok()
            && std::os::unix::fs::chown(&place, Some(54_321), None).is_ok()
            && std::os::unix::fs::symlink("loop", place.with_extension("link")).is_ok();
        if made {
            refused(&place.join("below"), "belongs to user 54321");
            refused(&place.with_extension("link"), "does not exist");
        }
        std::fs::remove_dir_all(&place).unwrap_or_default();
        std::fs::remove_file(place.with_extension("link")).unwrap_or_default();
    }
}
