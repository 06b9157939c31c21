/*! Whether this process can get to a file: a path is walked component by component, through symbolic links, and what stands in the way is named.

The kernel decides, with the rights that this process has: it is to be the user in question already. *Runs in: child, helper.* */

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use super::permissions::{self, Rights, User, user_name};

/// What stands in the way.
#[derive(Debug)]
pub struct AccessError {
    /// What is wrong.
    pub kind: Kind,
    /// With which file or directory.
    pub path: PathBuf,
    /// The first symbolic link that was followed on the way. Where there is one, somebody else than the administrator may have chosen `path`.
    pub link: Option<PathBuf>,
}

/// What is wrong with a file or directory on the way.
#[derive(Debug)]
pub enum Kind {
    /// It does not exist.
    Missing,
    /// A directory that must not be entered.
    Closed(Rights),
    /// A file that must not be read.
    Unreadable(Rights),
    /// Not a directory, though the path goes on.
    NotDirectory,
    /// Symbolic links that lead nowhere.
    Links,
    /// What the system says.
    Other(std::io::Error),
}

fn rights_of(file: &Metadata) -> Rights {
    Rights { mode: file.mode() & 0o7777, owner: file.uid(), group: file.gid() }
}

impl std::fmt::Display for AccessError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.display();
        match &self.kind {
            Kind::Missing => write!(f, "`{path}` does not exist"),
            Kind::Closed(Rights { mode, owner, .. }) => {
                write!(f, "the directory `{path}` (mode {mode:04o}, owner {}) is not accessible", user_name(*owner))
            }
            Kind::Unreadable(Rights { mode, owner, .. }) => {
                write!(f, "`{path}` (mode {mode:04o}, owner {}) is not readable", user_name(*owner))
            }
            Kind::NotDirectory => write!(f, "`{path}` is not a directory"),
            Kind::Links => write!(f, "the symbolic links at `{path}` form a loop"),
            Kind::Other(error) => write!(f, "`{path}`: {error}"),
        }
    }
}

impl AccessError {
    /// What to do about it. No hint asks an administrator to open, or to make, what a symbolic link leads to, what belongs to a user who has nothing to do with
    /// the matter, or what belongs to the system.
    pub fn hint(&self) -> String {
        let path = self.path.display();
        if let Some(link) = &self.link {
            return format!("correct the symbolic link `{}`, so that its target is accessible to this user", link.display());
        }
        let opened = |rights: &Rights, letter| {
            permissions::command(&self.path, *rights, &User::own(), letter, permissions::homes_on_the_way)
        };
        let elsewhere = || "move the files to a directory that this user may search, such as `/srv`".to_owned();
        match &self.kind {
            Kind::Closed(rights) => opened(rights, 'x').map_or_else(elsewhere, |command| {
                format!("run `{command}`, or move the files to a directory that this user may search")
            }),
            Kind::Unreadable(rights) => opened(rights, 'r').map_or_else(elsewhere, |command| format!("run `{command}`")),
            Kind::Missing if !permissions::is_guarded(&self.path) => format!("create `{path}`, or correct the path"),
            Kind::Missing | Kind::NotDirectory | Kind::Links | Kind::Other(_) => "correct the path".to_owned(),
        }
    }
}

/// More links than this are a circle (the kernel's own limit).
const MOST_LINKS: u32 = 40;

/// Walks to `path`; the real path, without links, if nothing stands in the way. A file at its end must be readable.
///
/// # Errors
/// The first [`AccessError`].
pub fn walk(path: &Path) -> Result<PathBuf, AccessError> {
    let mut at = PathBuf::from("/");
    let mut rest: VecDeque<OsString> = names(path);
    let mut links = 0;
    let mut link = None;
    while let Some(name) = rest.pop_front() {
        let obstacle =
            |kind, path: &Path, link: &Option<PathBuf>| AccessError { kind, path: path.to_owned(), link: link.clone() };
        let here = std::fs::metadata(&at).map_err(|error| obstacle(Kind::Other(error), &at, &link))?;
        if !here.is_dir() {
            return Err(obstacle(Kind::NotDirectory, &at, &link));
        }
        if name == ".." {
            at.pop();
            continue;
        }
        let next = at.join(name);
        match std::fs::symlink_metadata(&next) {
            Ok(found) if found.is_symlink() => {
                links += 1;
                link.get_or_insert_with(|| next.clone());
                let target = std::fs::read_link(&next).map_err(|error| obstacle(Kind::Other(error), &next, &link))?;
                if links > MOST_LINKS {
                    return Err(obstacle(Kind::Links, &next, &link));
                }
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                for name in names(&target).into_iter().rev() {
                    rest.push_front(name);
                }
            }
            Ok(_) => at = next,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(obstacle(Kind::Missing, &next, &link)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(obstacle(Kind::Closed(rights_of(&here)), &at, &link));
            }
            Err(error) => return Err(obstacle(Kind::Other(error), &next, &link)),
        }
    }
    match readable(&at) {
        Ok(()) => Ok(at),
        Err(kind) => Err(AccessError { kind, path: at, link }),
    }
}

/// Walks to a directory that is to be entered; whether it can be read does not matter. An empty path is this process's own directory.
///
/// # Errors
/// The first [`AccessError`], a directory that does not exist among them.
pub fn enter(directory: &Path) -> Result<(), AccessError> {
    let file = directory.join("a file");
    match walk(&file) {
        Err(AccessError { kind: Kind::Missing, path, .. }) if path == file || path.file_name() == file.file_name() => Ok(()),
        Err(obstacle) => Err(obstacle),
        Ok(_) => Ok(()),
    }
}

/// May this process make files in `directory`?
pub fn may_write(directory: &Path) -> bool {
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

/// The name of the user that this process is.
pub fn own_name() -> String {
    user_name(rustix::process::geteuid().as_raw())
}

/// A file is not opened for this: it may be a device.
fn readable(file: &Path) -> Result<(), Kind> {
    let found = std::fs::metadata(file).map_err(Kind::Other)?;
    match rustix::fs::access(file, rustix::fs::Access::READ_OK) {
        Err(rustix::io::Errno::ACCESS) if found.is_file() => Err(Kind::Unreadable(rights_of(&found))),
        _ => Ok(()),
    }
}

fn names(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{AccessError, Kind, Rights, enter, walk};
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("reach-{name}-{}", std::process::id()));
            std::fs::create_dir_all(path.join("open/deep")).unwrap();
            std::fs::write(path.join("open/deep/file"), "x").unwrap();
            Self(std::fs::canonicalize(path).unwrap())
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_way_without_an_obstacle_gives_the_real_path() {
        let scratch = Scratch::new("way");
        symlink(scratch.0.join("open/deep"), scratch.0.join("link")).unwrap();
        for path in ["open/deep/file", "link/file", "open/../open/deep/file"] {
            assert_eq!(walk(&scratch.0.join(path)).unwrap(), scratch.0.join("open/deep/file"), "{path}");
        }
        assert!(walk(Path::new("/")).is_ok());
        assert!(enter(&scratch.0.join("link")).is_ok());
        assert!(enter(&scratch.0.join("none")).is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        let scratch = Scratch::new("missing");
        let obstacle = walk(&scratch.0.join("open/none/file")).unwrap_err();
        assert!(matches!(obstacle.kind, Kind::Missing) && obstacle.path.ends_with("open/none"), "{obstacle:?}");
        assert!(obstacle.hint().starts_with("create `"), "{}", obstacle.hint());
        let obstacle = walk(&scratch.0.join("open/deep/file/more")).unwrap_err();
        assert!(matches!(obstacle.kind, Kind::NotDirectory) && obstacle.path.ends_with("file"), "{obstacle:?}");
    }

    #[test]
    fn links_in_a_circle_end() {
        let scratch = Scratch::new("circle");
        symlink(scratch.0.join("b"), scratch.0.join("a")).unwrap();
        symlink(scratch.0.join("a"), scratch.0.join("b")).unwrap();
        assert!(matches!(walk(&scratch.0.join("a")).unwrap_err().kind, Kind::Links));
    }

    #[test]
    fn no_hint_opens_what_somebody_else_has_chosen() {
        let closed = |path: &str, owner, link: Option<&str>| {
            let kind = Kind::Closed(Rights { mode: 0o700, owner, group: u32::MAX });
            AccessError { kind, path: path.into(), link: link.map(PathBuf::from) }.hint()
        };
        let unreadable = |path: &str, link: Option<&str>| {
            let kind = Kind::Unreadable(Rights { mode: 0o640, owner: 0, group: u32::MAX });
            AccessError { kind, path: path.into(), link: link.map(PathBuf::from) }.hint()
        };
        assert!(closed("/srv/venv", 0, None).contains("+x /srv/venv`"));
        for hint in [
            closed("/root", 0, None),
            closed("/home/another", 54_321, None),
            closed("/srv/elsewhere", 0, Some("/srv/venv/bin/python")),
            unreadable("/etc/shadow", None),
            unreadable("/srv/secret", Some("/srv/venv/bin/python")),
        ] {
            assert!(!hint.contains("chmod"), "{hint}");
        }
        let missing =
            AccessError { kind: Kind::Missing, path: "/etc/cron.d/x".into(), link: Some("/srv/venv/bin/python".into()) };
        assert_eq!(
            missing.hint(),
            "correct the symbolic link `/srv/venv/bin/python`, so that its target is accessible to this user"
        );
    }
}
