/*! Who may get to a file: a path is walked component by component, through symbolic links, and what stands in the way is named.

A child asks for itself. At configtest root asks for Apache's `User`, and then the modes decide, since root itself may go
everywhere; access control lists are not looked at. *Runs in: parent (configtest), child.* */

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// For whom the way is looked at.
#[derive(Clone, Debug)]
pub enum Walker {
    /// This process, with the rights that it has.
    Myself,
    /// Another user, by owner, groups and mode.
    User {
        /// User id.
        uid: u32,
        /// Group ids.
        groups: Vec<u32>,
    },
}

/// What stands in the way.
#[derive(Debug)]
pub enum Obstacle {
    /// It does not exist.
    Missing(PathBuf),
    /// A directory that must not be entered, with its mode and its owner.
    Closed(PathBuf, u32, u32),
    /// A file that must not be read, with its mode and its owner.
    Unreadable(PathBuf, u32, u32),
    /// Not a directory, though the path goes on.
    NotDirectory(PathBuf),
    /// Symbolic links that lead nowhere.
    Links(PathBuf),
    /// What the system says.
    Other(PathBuf, std::io::Error),
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "`{}` does not exist", path.display()),
            Self::Closed(path, mode, owner) => {
                write!(f, "directory `{}` (mode {mode:04o}, owner {}) is closed", path.display(), user_name(*owner))
            }
            Self::Unreadable(path, mode, owner) => {
                write!(f, "`{}` (mode {mode:04o}, owner {}) is not readable", path.display(), user_name(*owner))
            }
            Self::NotDirectory(path) => write!(f, "`{}` is not a directory", path.display()),
            Self::Links(path) => write!(f, "the symbolic links at `{}` lead nowhere", path.display()),
            Self::Other(path, error) => write!(f, "`{}`: {error}", path.display()),
        }
    }
}

impl Obstacle {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Closed(path, ..) => {
                format!("run `chmod o+x {}`, or move it all to a place that this user may enter", path.display())
            }
            Self::Unreadable(path, ..) => format!("run `chmod o+r {}`", path.display()),
            Self::Missing(path) => format!("make `{}`, or correct the path", path.display()),
            Self::NotDirectory(_) | Self::Links(_) | Self::Other(..) => "correct the path".to_owned(),
        }
    }
}

/// More links than this are a circle (the kernel's own limit).
const MOST_LINKS: u32 = 40;

impl Walker {
    /// Apache's user, with the groups that `/etc/group` gives to it besides its own.
    pub fn apache(uid: u32, gid: u32) -> Self {
        let mut groups = vec![gid];
        if let Some(name) = account("/etc/passwd", uid) {
            let text = std::fs::read_to_string("/etc/group").unwrap_or_default();
            let member = |line: &str| {
                let mut fields = line.split(':');
                let id: u32 = fields.nth(2)?.parse().ok()?;
                fields.next()?.split(',').any(|user| user == name).then_some(id)
            };
            groups.extend(text.lines().filter_map(member));
        }
        Self::User { uid, groups }
    }

    /// The groups that it is looked at for; those of this process are the kernel's to know.
    pub fn groups(&self) -> &[u32] {
        match self {
            Self::Myself => &[],
            Self::User { groups, .. } => groups,
        }
    }

    /// Walks to `path`; the real path, without links, if nothing stands in the way. A file at its end must be readable.
    ///
    /// # Errors
    /// The first [`Obstacle`].
    pub fn walk(&self, path: &Path) -> Result<PathBuf, Obstacle> {
        let mut at = PathBuf::from("/");
        let mut rest: VecDeque<OsString> = names(path);
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            let here = look(&at).map_err(|error| Obstacle::Other(at.clone(), error))?;
            if !here.is_dir() {
                return Err(Obstacle::NotDirectory(at));
            }
            if !self.may(&here, 1) {
                return Err(Obstacle::Closed(at, here.mode() & 0o7777, here.uid()));
            }
            if name == ".." {
                at.pop();
                continue;
            }
            let next = at.join(name);
            match std::fs::symlink_metadata(&next) {
                Ok(found) if found.is_symlink() => {
                    links += 1;
                    let target = std::fs::read_link(&next).map_err(|error| Obstacle::Other(next.clone(), error))?;
                    if links > MOST_LINKS {
                        return Err(Obstacle::Links(next));
                    }
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    for name in names(&target).into_iter().rev() {
                        rest.push_front(name);
                    }
                }
                Ok(_) => at = next,
                Err(error) if error.kind() == ErrorKind::NotFound => return Err(Obstacle::Missing(next)),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    return Err(Obstacle::Closed(at, here.mode() & 0o7777, here.uid()));
                }
                Err(error) => return Err(Obstacle::Other(next, error)),
            }
        }
        self.readable(&at)?;
        Ok(at)
    }

    /// May files be made in `directory`?
    pub fn may_write(&self, directory: &Path) -> bool {
        match self {
            Self::Myself => rustix::fs::access(directory, rustix::fs::Access::WRITE_OK).is_ok(),
            Self::User { .. } => look(directory).is_ok_and(|found| self.may(&found, 2) && self.may(&found, 1)),
        }
    }

    /// The name of who it is looked at for.
    pub fn name(&self) -> String {
        match self {
            Self::Myself => user_name(rustix::process::geteuid().as_raw()),
            Self::User { uid, .. } => user_name(*uid),
        }
    }

    fn readable(&self, file: &Path) -> Result<(), Obstacle> {
        let found = look(file).map_err(|error| Obstacle::Other(file.to_owned(), error))?;
        let refused = || Err(Obstacle::Unreadable(file.to_owned(), found.mode() & 0o7777, found.uid()));
        match self {
            Self::User { .. } if found.is_file() && !self.may(&found, 4) => refused(),
            Self::Myself if found.is_file() => match std::fs::File::open(file) {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => refused(),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Do owner, groups and mode grant `bit` (4 read, 2 write, 1 enter or execute)? For this process the kernel is asked instead, by doing it.
    fn may(&self, file: &Metadata, bit: u32) -> bool {
        match self {
            Self::Myself | Self::User { uid: 0, .. } => true,
            Self::User { uid, .. } if file.uid() == *uid => file.mode() >> 6 & bit != 0,
            Self::User { groups, .. } if groups.contains(&file.gid()) => file.mode() >> 3 & bit != 0,
            Self::User { .. } => file.mode() & bit != 0,
        }
    }
}

fn look(path: &Path) -> std::io::Result<Metadata> {
    std::fs::metadata(path)
}

fn names(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().filter_map(name).collect()
}

/// The name of a user of this machine, or `#1000`.
pub fn user_name(uid: u32) -> String {
    account("/etc/passwd", uid).unwrap_or_else(|| format!("#{uid}"))
}

/// The name of the line of `file` whose third field is `id`.
fn account(file: &str, id: u32) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Obstacle, Walker};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::{Path, PathBuf};

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("reach-{name}-{}", std::process::id()));
            std::fs::create_dir_all(path.join("open/closed/deep")).unwrap();
            std::fs::write(path.join("open/closed/deep/file"), "x").unwrap();
            Self(std::fs::canonicalize(path).unwrap())
        }
        fn mode(&self, path: &str, mode: u32) {
            std::fs::set_permissions(self.0.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            self.mode("open/closed", 0o755);
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn stranger() -> Walker {
        Walker::User { uid: 54_321, groups: vec![54_321] }
    }

    #[test]
    fn the_closed_directory_is_named_also_behind_a_link() {
        let scratch = Scratch::new("closed");
        scratch.mode("open/closed", 0o700);
        symlink(scratch.0.join("open/closed/deep"), scratch.0.join("link")).unwrap();
        for path in ["open/closed/deep/file", "link/file", "open/../open/closed/deep/file"] {
            match stranger().walk(&scratch.0.join(path)) {
                Err(Obstacle::Closed(at, 0o700, _)) => assert_eq!(at, scratch.0.join("open/closed"), "{path}"),
                other => unreachable!("{path}: {other:?}"),
            }
        }
        scratch.mode("open/closed", 0o711);
        assert_eq!(stranger().walk(&scratch.0.join("link/file")).unwrap(), scratch.0.join("open/closed/deep/file"));
    }

    #[test]
    fn what_is_missing_or_unreadable_is_named() {
        let scratch = Scratch::new("missing");
        assert!(
            matches!(stranger().walk(&scratch.0.join("open/none/file")), Err(Obstacle::Missing(at)) if at.ends_with("open/none"))
        );
        scratch.mode("open/closed/deep/file", 0o600);
        assert!(matches!(stranger().walk(&scratch.0.join("open/closed/deep/file")), Err(Obstacle::Unreadable(_, 0o600, _))));
        let beyond = scratch.0.join("open/closed/deep/file/more");
        assert!(matches!(stranger().walk(&beyond), Err(Obstacle::NotDirectory(at)) if at.ends_with("file")));
    }

    #[test]
    fn links_in_a_circle_end() {
        let scratch = Scratch::new("circle");
        symlink(scratch.0.join("b"), scratch.0.join("a")).unwrap();
        symlink(scratch.0.join("a"), scratch.0.join("b")).unwrap();
        assert!(matches!(Walker::Myself.walk(&scratch.0.join("a")), Err(Obstacle::Links(_))));
    }

    #[test]
    fn the_owner_and_the_group_have_bits_of_their_own() {
        let scratch = Scratch::new("owner");
        let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&scratch.0).unwrap());
        scratch.mode("open/closed/deep/file", 0o040);
        let file = scratch.0.join("open/closed/deep/file");
        let group = std::os::unix::fs::MetadataExt::gid(&std::fs::metadata(&file).unwrap());
        assert!(Walker::User { uid: 54_321, groups: vec![group] }.walk(&file).is_ok());
        if owner != 0 {
            assert!(Walker::User { uid: owner, groups: vec![group] }.walk(&file).is_err());
        }
        assert!(Walker::Myself.walk(Path::new("/")).is_ok());
    }
}
