/*! A script's source: opened, looked at as what is open, and read from there.

Whoever may rename a file, or turn a link, can put another file into its place at any moment. So the rules of `script-user=` and `script-group=` are
applied to descriptors: the directory is opened first, the script is opened in it, and owner, mode and time are those of what is open. A link is
followed step by step, and each directory that it leads through is looked at. */

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use protocol::settings::ScriptOwner;
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, open, openat, readlinkat};
use rustix::io::Errno;

use crate::logging::shown;

/// A longer file is no script.
const LONGEST: u64 = 64 * 1024 * 1024;
/// So many links are followed, as Linux follows them in one path.
const MOST_LINKS: usize = 40;
const GROUP_MAY_WRITE: u32 = 0o020;
const OTHERS_MAY_WRITE: u32 = 0o002;

/// What was in the file.
#[derive(Debug)]
pub struct Source {
    /// All of it.
    pub text: Vec<u8>,
    /// When the file was changed last, as it was opened: microseconds since the epoch.
    pub mtime: i64,
}

/// What is asked of a file.
#[derive(Clone, Copy, Debug)]
struct Rule<'a> {
    /// The group's `script-user=` or `script-group=`.
    owner: &'a ScriptOwner,
    /// It may be root's own as well.
    or_root: bool,
}

/// Why there is no source: a sentence for the log.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It does not exist.
    Missing,
    /// This process's user may not read it, or not search a directory above it.
    Closed,
    /// It can't be read for another reason, or is no script.
    Unreadable(String),
    /// It belongs to somebody else, or others may write it.
    Owner(String),
}

impl From<Errno> for Refused {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR => Self::Missing,
            Errno::ACCESS => Self::Closed,
            error => Self::Unreadable(std::io::Error::from(error).to_string()),
        }
    }
}

/// Reads the script at `path`, if it belongs to `owner` where there is one, or is a `handler` script of root's own. It may wait for a disk, never for a pipe or a device.
///
/// # Errors
/// [`Refused`], without the path.
pub fn read(path: &[u8], owner: Option<&ScriptOwner>, handler: bool) -> Result<Source, Refused> {
    let rule = owner.map(|owner| Rule { owner, or_root: handler || owner.or_roots.iter().any(|named| **named == *path) });
    let path = Path::new(OsStr::from_bytes(path));
    let file = match rule {
        None => open(path, READING, Mode::empty())?,
        Some(rule) => open_checked(path, rule)?,
    };
    let found = fstat(&file)?;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Refused::Unreadable("it is a directory".to_owned())),
        _ => return Err(Refused::Unreadable("it is not a regular file".to_owned())),
    }
    if let Some(rule) = rule {
        permitted(rule, &format!("the script `{}`", shown(path.as_os_str().as_bytes())), &Facts::of(&found))?;
    }
    let mut text = Vec::new();
    let taken = File::from(file).take(LONGEST + 1).read_to_end(&mut text);
    taken.map_err(|error| Refused::Unreadable(error.to_string()))?;
    if text.len() as u64 > LONGEST {
        return Err(Refused::Unreadable(format!("it is larger than {LONGEST} bytes")));
    }
    Ok(Source { text, mtime: microseconds(&found) })
}

/// When a file was changed last: microseconds since the epoch. `None` where there is none to look at.
pub fn modified(path: &[u8]) -> Option<i64> {
    rustix::fs::stat(path).ok().map(|found| microseconds(&found))
}

/// Whether a directory is at `path`.
pub fn is_directory(path: &[u8]) -> bool {
    rustix::fs::stat(path).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory)
}

const READING: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);
const LOOKING: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens a script in its directory, which must be as the rule wants it.
fn open_checked(path: &Path, rule: Rule<'_>) -> Result<OwnedFd, Refused> {
    let (parent, mut name) = parts(path);
    let mut directory = open(parent, LOOKING, Mode::empty())?;
    let mut place = parent.to_path_buf();
    for _ in 0..MOST_LINKS {
        let what = format!("the script's directory `{}`", shown(place.as_os_str().as_bytes()));
        permitted(rule, &what, &Facts::of(&fstat(&directory)?))?;
        match openat(&directory, &name, READING | OFlags::NOFOLLOW, Mode::empty()) {
            Err(Errno::LOOP) => {}
            opened => return Ok(opened?),
        }
        let target = readlinkat(&directory, &name, Vec::new())?;
        let target = Path::new(OsStr::from_bytes(target.as_bytes()));
        let (parent, next) = parts(target);
        directory = openat(&directory, parent, LOOKING, Mode::empty())?;
        place.push(parent);
        name = next;
    }
    Err(Errno::LOOP.into())
}

/// A path's directory, and the name in it.
fn parts(path: &Path) -> (&Path, std::ffi::OsString) {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    (parent, path.file_name().unwrap_or_else(|| OsStr::new(".")).to_owned())
}

/// What counts of a file or a directory.
#[derive(Clone, Copy, Debug)]
struct Facts {
    uid: u32,
    gid: u32,
    mode: u32,
}

impl Facts {
    const fn of(found: &Stat) -> Self {
        Self { uid: found.st_uid, gid: found.st_gid, mode: found.st_mode }
    }
}

/// Checks whose `what` is, and who may write it.
fn permitted(rule: Rule<'_>, what: &str, facts: &Facts) -> Result<(), Refused> {
    let owner = rule.owner;
    let (role, found, forbidden) = match owner.is_group {
        true => ("group", facts.gid, OTHERS_MAY_WRITE),
        false => ("user", facts.uid, GROUP_MAY_WRITE | OTHERS_MAY_WRITE),
    };
    let is_roots = rule.or_root && facts.uid == 0;
    let is_owners = found == owner.id && owner.id != ScriptOwner::NOBODY;
    if !is_owners && !is_roots {
        let wanted = shown(&owner.name);
        return Err(Refused::Owner(format!("{what} belongs to the {role} `#{found}`, but `script-{role}=` requires {wanted}")));
    }
    // What is root's alone must not be writable for a group that has no part in it.
    let forbidden = if is_owners { forbidden } else { GROUP_MAY_WRITE | OTHERS_MAY_WRITE };
    if facts.mode & forbidden & OTHERS_MAY_WRITE != 0 {
        return Err(Refused::Owner(format!("{what} is writable by everybody")));
    }
    if facts.mode & forbidden & GROUP_MAY_WRITE != 0 {
        return Err(Refused::Owner(format!("{what} is writable by its group `#{}`", facts.gid)));
    }
    Ok(())
}

fn microseconds(found: &Stat) -> i64 {
    let nanoseconds = i64::try_from(found.st_mtime_nsec).unwrap_or(0);
    found.st_mtime.saturating_mul(1_000_000).saturating_add(nanoseconds / 1000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fs;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::path::{Path, PathBuf};

    use protocol::settings::ScriptOwner;

    use super::{Facts, Refused, Rule, permitted, read};

    fn owner(is_group: bool, id: u32) -> ScriptOwner {
        ScriptOwner { is_group, id, name: b"`shop`".to_vec(), or_roots: Vec::new() }
    }

    fn said(result: Result<(), Refused>) -> String {
        match result {
            Err(Refused::Owner(why) | Refused::Unreadable(why)) => why,
            Err(other) => format!("{other:?}"),
            Ok(()) => String::new(),
        }
    }

    #[test]
    fn what_another_could_have_written_is_refused() {
        let (user, group, nobody) = (owner(false, 1000), owner(true, 2000), owner(false, ScriptOwner::NOBODY));
        let check = |owner, or_root, (uid, gid, mode)| said(permitted(Rule { owner, or_root }, "it", &Facts { uid, gid, mode }));
        for mine in [(1000, 5, 0o644), (1000, 5, 0o755), (1000, 0, 0o400)] {
            assert_eq!(check(&user, false, mine), "");
        }
        for ours in [(5, 2000, 0o664), (5, 2000, 0o775)] {
            assert_eq!(check(&group, false, ours), "");
        }
        for (owner, facts, expected) in [
            (&user, (1001, 2000, 0o644), "it belongs to the user `#1001`, but `script-user=` requires `shop`"),
            (&user, (0, 0, 0o644), "it belongs to the user `#0`"),
            (&user, (1000, 5, 0o664), "it is writable by its group `#5`"),
            (&user, (1000, 5, 0o646), "it is writable by everybody"),
            (&group, (5, 2001, 0o644), "it belongs to the group `#2001`, but `script-group=` requires `shop`"),
            (&group, (5, 2000, 0o666), "it is writable by everybody"),
            (&nobody, (u32::MAX, 5, 0o644), "it belongs to the user"),
        ] {
            let why = check(owner, false, facts);
            assert!(why.contains(expected), "{facts:?}: {why}");
        }
        assert_eq!((check(&user, true, (0, 0, 0o644)), check(&group, true, (0, 0, 0o644))), (String::new(), String::new()));
        assert!(
            check(&user, true, (0, 7, 0o664)).contains("its group") && check(&group, true, (0, 7, 0o664)).contains("its group")
        );
        assert!(check(&user, true, (1001, 7, 0o644)).contains("belongs to"));
    }

    /// A directory of this test's own.
    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("mod_wsgi_rs-source-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn reading(path: &Path, owner: Option<&ScriptOwner>) -> Result<Vec<u8>, Refused> {
        read(path.as_os_str().as_bytes(), owner, false).map(|source| source.text)
    }

    #[test]
    fn what_is_no_file_is_no_script_and_is_not_waited_for() {
        let place = directory("kinds");
        let fifo = place.join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let mine = owner(false, fs::metadata(&place).unwrap().uid());
        for rule in [None, Some(&mine)] {
            assert!(matches!(reading(&place.join("gone"), rule), Err(Refused::Missing)));
            for (path, expected) in [(&fifo, "not a regular file"), (&place, "a directory")] {
                match reading(path, rule) {
                    Err(Refused::Unreadable(why)) => assert!(why.contains(expected), "{why}"),
                    // The directory above it is everybody's.
                    other => assert!(rule.is_some() && path == &place, "{other:?}"),
                }
            }
        }
        let long = fs::File::create(place.join("long")).unwrap();
        long.set_len(super::LONGEST + 1).unwrap();
        assert!(matches!(reading(&place.join("long"), None), Err(Refused::Unreadable(why)) if why.contains("larger")));
        fs::remove_dir_all(place).unwrap();
    }

    #[test]
    fn each_directory_that_a_link_leads_through_is_looked_at() {
        let place = directory("links");
        let open = place.join("open");
        fs::create_dir_all(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        for path in [place.join("script"), open.join("script")] {
            fs::write(&path, "pass").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        symlink("script", place.join("good")).unwrap();
        symlink("good", place.join("better")).unwrap();
        symlink("open/script", place.join("bad")).unwrap();
        symlink("round", place.join("round")).unwrap();
        symlink(place.join("script"), open.join("out")).unwrap();
        let mine = owner(false, fs::metadata(&place).unwrap().uid());
        for name in ["script", "good", "better"] {
            assert_eq!(reading(&place.join(name), Some(&mine)).unwrap(), b"pass", "{name}");
        }
        for name in ["bad", "open/script", "open/out"] {
            assert_eq!(reading(&place.join(name), None).unwrap(), b"pass", "{name}");
            let why = reading(&place.join(name), Some(&mine)).err();
            assert!(matches!(&why, Some(Refused::Owner(why)) if why.contains("writable by everybody")), "{name}: {why:?}");
        }
        assert!(matches!(reading(&place.join("round"), Some(&mine)), Err(Refused::Unreadable(_))));
        let other = owner(false, mine.id.wrapping_add(1));
        assert!(matches!(reading(&place.join("script"), Some(&other)), Err(Refused::Owner(_))));
        fs::remove_dir_all(place).unwrap();
    }
}
