/*! Whether anybody besides root can put a socket of his own in the place of a group's: then the group's requests, with the passwords and cookies in them,
would be his, and root would make and remove files in a directory that he can exchange. *Runs in: parent (configtest and start).* */

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use protocol::log_code;
use rustix::fs::{FileType, Stat, lstat, readlinkat};
use rustix::io::Errno;

use config::settings::ProcessSettings;
use interpreter::StartError;

/// No path has more symbolic links (path_resolution(7)).
const MOST_LINKS: u32 = 40;
/// The sticky bit, and those of writing for group and others.
const STICKY: u32 = 0o1000;
const WRITABLE: u32 = 0o022;

/// What is wrong with the directory of the sockets, where httpd runs as root. With `WSGISocketPrefix` all on the way to it must be root's; `user` (httpd's
/// own) may have httpd's runtime directory and what is above it, as he has where httpd's logs and process id are written beside it.
///
/// # Errors
/// Cause and cure.
pub fn check(settings: &ProcessSettings, runtime_directory: &[u8], user: u32) -> Result<(), StartError> {
    let named = settings.socket_prefix.as_ref();
    let directory = match named {
        Some(prefix) => Path::new(OsStr::from_bytes(prefix)).parent().unwrap_or(Path::new("/")),
        None => Path::new(OsStr::from_bytes(runtime_directory)),
    };
    let owners = if named.is_some() { [0, 0] } else { [0, user] };
    let (what, other) = match named {
        Some(_) => ("WSGISocketPrefix", "set `WSGISocketPrefix /run/wsgi`, because only root may write to `/run`"),
        None => ("DefaultRuntimeDir", "set `WSGISocketPrefix /run/wsgi`, because only root may write to `/run`"),
    };
    walk(directory, &owners, &|path| lstat(path)).map_err(|weak| {
        let text = format!(
            "the directory of {what}, `{}`, is not safe for the sockets of the process groups: {weak}. Another user could put a socket there and \
             receive requests. To fix: {other}; or let root own the directory, and remove the write permission of all other users",
            directory.display()
        );
        StartError::new(&log_code::SOCKET_PLACE_UNSAFE, text)
    })
}

/// Goes from the root to `directory` as the system does, over symbolic links; looks into no directory before it knows that it is one of `owners`'.
///
/// # Errors
/// The first place that somebody else could change, in words.
fn walk(directory: &Path, owners: &[u32], look: &dyn Fn(&Path) -> Result<Stat, Errno>) -> Result<(), String> {
    let parts = |path: &Path| -> Vec<OsString> { path.components().rev().map(|part| part.as_os_str().to_owned()).collect() };
    let mut left = parts(directory);
    let mut at = PathBuf::from("/");
    let mut above = safe(&at, owners, look)?;
    let mut links = 0;
    while let Some(part) = left.pop() {
        match Path::new(&part).components().next() {
            Some(Component::RootDir) => at = PathBuf::from("/"),
            Some(Component::ParentDir) => drop(at.pop()),
            Some(Component::Normal(_)) => {
                let next = at.join(&part);
                let found = match look(&next) {
                    Ok(found) => found,
                    // The start makes it, below what is safe.
                    Err(Errno::NOENT) => break,
                    Err(error) => return Err(format!("could not examine `{}`: {error}", next.display())),
                };
                if FileType::from_raw_mode(found.st_mode) == FileType::Symlink {
                    links += 1;
                    if links > MOST_LINKS || !owners.contains(&found.st_uid) {
                        return Err(format!("the symbolic link `{}` belongs to user {}", next.display(), found.st_uid));
                    }
                    let target = readlinkat(rustix::fs::CWD, &next, Vec::new())
                        .map_err(|error| format!("`{}`: {error}", next.display()))?;
                    left.extend(parts(Path::new(&OsString::from_vec(target.into_bytes()))));
                    continue;
                }
                at = next;
            }
            _ => continue,
        }
        above = safe(&at, owners, look)?;
    }
    // On the way to a directory that is root's, the sticky bit keeps it in its place; a new name can be taken by anybody.
    if above & WRITABLE == 0 { Ok(()) } else { Err(writable(&at, above)) }
}

/// The mode of a directory whose names nobody but its owners can exchange.
fn safe(at: &Path, owners: &[u32], look: &dyn Fn(&Path) -> Result<Stat, Errno>) -> Result<u32, String> {
    let found = look(at).map_err(|error| format!("could not examine `{}`: {error}", at.display()))?;
    if !owners.contains(&found.st_uid) {
        return Err(format!("`{}` belongs to user {}", at.display(), found.st_uid));
    }
    if found.st_mode & WRITABLE != 0 && found.st_mode & STICKY == 0 {
        return Err(writable(at, found.st_mode));
    }
    Ok(found.st_mode)
}

fn writable(at: &Path, mode: u32) -> String {
    format!("`{}` (mode {:04o}) is writable by users other than its owner", at.display(), mode & 0o7777)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
    use std::path::{Path, PathBuf};

    use rustix::fs::lstat;

    use super::walk;

    /// A directory below the system's temporary one, which is sticky.
    fn place(name: &str) -> PathBuf {
        let place = std::env::temp_dir().join(format!("socket-place-{}-{name}", std::process::id()));
        std::fs::create_dir_all(place.join("run/wsgi")).unwrap();
        place
    }

    fn said(path: &Path) -> Result<(), String> {
        let me = rustix::process::geteuid().as_raw();
        walk(path, &[0, me], &|path| lstat(path))
    }

    #[test]
    fn only_where_nobody_else_can_write_on_the_way_it_is_safe() {
        let place = place("modes");
        let run = place.join("run");
        assert_eq!(said(&run.join("wsgi")), Ok(()));
        assert_eq!(said(&run.join("not-there-yet/below")), Ok(()));
        for mode in [0o775, 0o757, 0o777, 0o1777] {
            std::fs::set_permissions(&run, std::fs::Permissions::from_mode(mode)).unwrap();
            let why = said(&run).unwrap_err();
            assert!(why.contains("run` (mode ") && why.contains("writable by users other than"), "{why}");
            assert!(said(&run.join("not-there-yet")).is_err(), "{mode:o}: somebody else could make it");
            assert_eq!(said(&run.join("wsgi")).is_ok(), mode == 0o1777, "the sticky bit keeps what is there");
        }
        assert!(said(&std::env::temp_dir()).is_err(), "/tmp itself");
        std::fs::remove_dir_all(place).unwrap();
    }

    #[test]
    fn links_are_followed_and_are_to_be_safe_themselves() {
        let place = place("links");
        let run = place.join("run");
        symlink("run/../run/wsgi", place.join("short")).unwrap();
        symlink(std::env::temp_dir(), place.join("open")).unwrap();
        symlink("round", place.join("round")).unwrap();
        assert_eq!(said(&place.join("short")), Ok(()));
        assert!(said(&place.join("open")).unwrap_err().contains("writable by users other than"));
        assert!(said(&place.join("round")).is_err());
        if rustix::process::geteuid().is_root() {
            chown(&run, Some(65_534), None).unwrap();
            assert!(said(&place.join("short")).unwrap_err().contains("belongs to user 65534"));
            assert!(walk(&run, &[0, 65_534], &|path| lstat(path)).is_ok());
        }
        std::fs::remove_dir_all(place).unwrap();
    }

    #[test]
    fn nothing_below_a_directory_of_somebody_elses_is_looked_at() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let place = place("looks");
        chown(place.join("run"), Some(65_534), None).unwrap();
        let seen = std::cell::RefCell::new(Vec::new());
        let look = |path: &Path| {
            seen.borrow_mut().push(path.to_owned());
            lstat(path)
        };
        assert!(walk(&place.join("run/wsgi/deep"), &[0], &look).is_err());
        assert!(!seen.borrow().iter().any(|path| path.starts_with(place.join("run/wsgi"))), "{seen:?}");
        std::fs::remove_dir_all(place).unwrap();
    }
}
