/*! Finds the directory of `chroot=` and enters it, as root. Nobody but root may be able to change a directory or link on the way. Otherwise another user could lead root to
another place, or to a file system that never answers.

One function for configtest's helper and for a process between fork and exec, so it makes system calls alone and allocates nothing. *Runs in: helper, and in a daemon before it
is Python.* */

#![expect(clippy::result_large_err, reason = "an error holds its path, because nothing may be allocated")]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat_raw};
use rustix::io::Errno;

/// More links than this are a circle (the kernel's own limit).
const MOST_LINKS: u32 = 40;
/// `PATH_MAX`
const LONGEST: usize = 4096;
/// `NAME_MAX`, and the end.
const LONGEST_NAME: usize = 256;

/// Why a directory is not entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A system call failed.
    Failed(Errno),
    /// What lies on the way belongs to that user.
    Owner(u32),
    /// Others than root may write to a directory on the way, which has this mode.
    Writable(u32),
}

/// What is in the way.
#[derive(Debug)]
pub struct Obstacle {
    /// What is wrong with it.
    pub cause: Cause,
    place: Text,
}

impl Obstacle {
    /// A system call for `path` failed.
    pub fn failed(path: &[u8], error: Errno) -> Self {
        Self { cause: Cause::Failed(error), place: Text::of(&[path]).unwrap_or(Text::EMPTY) }
    }

    /// Its path.
    pub fn path(&self) -> &[u8] {
        self.place.bytes()
    }
}

/// A path in a place of its own.
#[derive(Clone, Copy, Debug)]
struct Text {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Text {
    const EMPTY: Self = Self { bytes: [0; LONGEST], length: 0 };

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, more: &[u8]) -> Result<(), Errno> {
        let room = self.bytes.get_mut(self.length..).and_then(|rest| rest.get_mut(..more.len()));
        room.ok_or(Errno::NAMETOOLONG)?.copy_from_slice(more);
        self.length += more.len();
        Ok(())
    }

    /// Appends a name. What has no room is left out: the path is for a message.
    fn name(mut self, name: &[u8]) -> Self {
        if self.bytes() != b"/" {
            self.push(b"/").unwrap_or_default();
        }
        self.push(name).unwrap_or_default();
        self
    }

    /// Takes the first name out, past `.`; `None` at the end.
    fn first(&mut self) -> Result<Option<Name>, Errno> {
        loop {
            let begin = self.bytes().iter().position(|byte| *byte != b'/');
            let Some(rest) = begin.and_then(|begin| self.bytes().get(begin..)) else { return Ok(None) };
            let name = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
            let taken = Name::new(name)?;
            let left = Self::of(&[rest.get(name.len()..).unwrap_or_default()])?;
            *self = left;
            if taken.bytes() != b"." {
                return Ok(Some(taken));
            }
        }
    }

    fn of(parts: &[&[u8]]) -> Result<Self, Errno> {
        let mut text = Self::EMPTY;
        parts.iter().try_for_each(|part| text.push(part))?;
        Ok(text)
    }
}

/// One name of a path.
struct Name {
    bytes: [u8; LONGEST_NAME],
}

impl Name {
    fn new(name: &[u8]) -> Result<Self, Errno> {
        let mut bytes = [0; LONGEST_NAME];
        let room = bytes.split_last_mut().and_then(|(_, room)| room.get_mut(..name.len()));
        room.ok_or(Errno::NAMETOOLONG)?.copy_from_slice(name);
        Ok(Self { bytes })
    }

    fn bytes(&self) -> &[u8] {
        self.text().to_bytes()
    }

    fn text(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

/// Opens the directory `root`, an absolute path, if nobody but root can change the directories on the way and the directory itself.
///
/// # Errors
/// The first obstacle on the way.
pub fn find(root: &[u8]) -> Result<OwnedFd, Obstacle> {
    let obstacle = |cause, place: &Text| Obstacle { cause, place: *place };
    let failed = |place: Text| move |error| Obstacle { cause: Cause::Failed(error), place };
    let top_text = Text::EMPTY.name(b"");
    let top = || {
        let directory = opened(CWD, c"/").map_err(failed(top_text))?;
        let found = fstat(&directory).map_err(failed(top_text))?;
        owned(&found).and_then(|()| closed(&found, true)).map_err(|cause| obstacle(cause, &top_text))?;
        Ok(directory)
    };
    let mut rest = Text::of(&[root]).map_err(failed(top_text))?;
    let (mut at, mut path, mut links) = (top()?, top_text, 0);
    while let Some(name) = rest.first().map_err(failed(path))? {
        let here = path.name(name.bytes());
        let next = opened(&at, name.text()).map_err(failed(here))?;
        let found = fstat(&next).map_err(failed(here))?;
        owned(&found).map_err(|cause| obstacle(cause, &here))?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => {
                // In a directory like `/tmp` others can't touch what is root's; in the last one they must not put anything either.
                let last = rest.bytes().iter().all(|byte| *byte == b'/');
                closed(&found, !last).map_err(|cause| obstacle(cause, &here))?;
                (at, path) = (next, here);
            }
            FileType::Symlink => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(obstacle(Cause::Failed(Errno::LOOP), &here));
                }
                let mut buffer = [MaybeUninit::uninit(); LONGEST];
                let (target, _) = readlinkat_raw(&next, c"", &mut buffer).map_err(failed(here))?;
                if target.starts_with(b"/") {
                    (at, path) = (top()?, top_text);
                }
                rest = Text::of(&[target, b"/", rest.bytes()]).map_err(failed(here))?;
            }
            _ => return Err(obstacle(Cause::Failed(Errno::NOTDIR), &here)),
        }
    }
    Ok(at)
}

fn opened(at: impl std::os::fd::AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    openat(at, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Checks that root owns it.
///
/// # Errors
/// Its owner.
pub const fn owned(found: &Stat) -> Result<(), Cause> {
    if found.st_uid == 0 { Ok(()) } else { Err(Cause::Owner(found.st_uid)) }
}

/// Checks that nobody but root can change the directory or file. `sticky`: a directory that others may write to is accepted if its sticky bit keeps them from renaming root's files.
pub const fn closed(found: &Stat, sticky: bool) -> Result<(), Cause> {
    let mode = found.st_mode & 0o7777;
    let writable = mode & 0o002 != 0 || (mode & 0o020 != 0 && found.st_gid != 0);
    if writable && !(sticky && mode & 0o1000 != 0) { Err(Cause::Writable(mode)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::{Cause, find};
    use rustix::io::Errno;

    fn refused(path: &Path, cause: Cause, at: &Path) {
        let obstacle = find(path.as_os_str().as_bytes()).map(drop);
        assert!(
            matches!(&obstacle, Err(obstacle) if (obstacle.cause, obstacle.path()) == (cause, at.as_os_str().as_bytes())),
            "{path:?}: {:?}",
            obstacle.map_err(|obstacle| obstacle.cause)
        );
    }

    #[test]
    fn what_is_no_way_for_root_is_refused() {
        refused(Path::new("/nowhere/at/all"), Cause::Failed(Errno::NOENT), Path::new("/nowhere"));
        refused(Path::new("/etc/passwd"), Cause::Failed(Errno::NOTDIR), Path::new("/etc/passwd"));
        let long = "x".repeat(300);
        refused(Path::new(&format!("/etc/{long}")), Cause::Failed(Errno::NAMETOOLONG), Path::new("/etc"));
        refused(Path::new(&"/etc".repeat(2_000)), Cause::Failed(Errno::NAMETOOLONG), Path::new("/"));
        assert!(find(b"//usr/.//bin/../lib/").is_ok());
    }

    #[test]
    fn what_others_can_change_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let place = std::env::temp_dir().canonicalize().unwrap().join(format!("wsgi-root-{}", std::process::id()));
        let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        std::fs::create_dir_all(place.join("way/jail")).unwrap();
        mode(&place, 0o755);
        let (way, jail) = (place.join("way"), place.join("way/jail"));
        mode(&way, 0o755);
        mode(&jail, 0o755);
        assert!(find(jail.as_os_str().as_bytes()).is_ok());
        for (writable, last) in [(0o757, 0o755), (0o755, 0o757), (0o755, 0o1757)] {
            mode(&way, writable);
            mode(&jail, last);
            let (at, wrong) = if last == 0o755 { (&way, writable) } else { (&jail, last) };
            refused(&jail, Cause::Writable(wrong), at);
        }
        mode(&jail, 0o755);
        mode(&way, 0o1777);
        assert!(find(jail.as_os_str().as_bytes()).is_ok(), "what is root's in a sticky directory stays");
        std::os::unix::fs::chown(&jail, None, Some(54_321)).unwrap();
        mode(&jail, 0o775);
        refused(&jail, Cause::Writable(0o775), &jail);
        std::os::unix::fs::chown(&jail, Some(54_321), Some(0)).unwrap();
        refused(&jail, Cause::Owner(54_321), &jail);
        std::os::unix::fs::chown(&jail, Some(0), Some(0)).unwrap();
        for (name, target) in [("loop", "loop"), ("link", "way/./jail"), ("absolute", jail.to_str().unwrap())] {
            std::os::unix::fs::symlink(target, place.join(name)).unwrap();
        }
        refused(&place.join("loop"), Cause::Failed(Errno::LOOP), &place.join("loop"));
        assert!(["link", "absolute"].into_iter().all(|link| find(place.join(link).as_os_str().as_bytes()).is_ok()));
        std::fs::remove_dir_all(&place).unwrap();
    }
}
