/*! Which version of a script a process has loaded, and whether its file has changed since. *Runs in: supervisor.* */

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

/// What tells one version of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    modified: (i64, i64),
    inode: (u64, u64),
    size: u64,
}

/// Versions of files, by path.
pub type Versions = BTreeMap<Vec<u8>, Version>;

/// Where versions come from: the file system, or a test.
pub trait Files {
    /// The version of the file at `path` as a process of the group sees it; `None` if there is none right now.
    fn version(&self, path: &[u8]) -> Option<Version>;
}

/// The file system below a group's root directory.
#[derive(Debug)]
pub struct Disk {
    /// `chroot`; empty for none.
    pub root: Vec<u8>,
}

impl Files for Disk {
    fn version(&self, path: &[u8]) -> Option<Version> {
        let whole = [self.root.as_slice(), path].concat();
        let found = std::fs::metadata(OsStr::from_bytes(&whole)).ok()?;
        Some(Version { modified: (found.mtime(), found.mtime_nsec()), inode: (found.dev(), found.ino()), size: found.size() })
    }
}

/// Those of `loaded` whose file is another one now, with its new version. A file that is gone has not changed: in the middle of a
/// deployment it comes back.
pub fn changed(loaded: &Versions, files: &dyn Files) -> Versions {
    let now = |path: &Vec<u8>| files.version(path);
    loaded.iter().filter_map(|(path, was)| now(path).filter(|is| is != was).map(|is| (path.clone(), is))).collect()
}

#[cfg(test)]
pub mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::{Disk, Files, Version, changed};

    /// Files that a test changes by hand.
    #[derive(Debug, Default)]
    pub struct Fake(RefCell<BTreeMap<Vec<u8>, u64>>);

    impl Fake {
        /// Writes version `number` of a file; 0 removes it.
        pub fn write(&self, path: &[u8], number: u64) {
            self.0.borrow_mut().insert(path.to_vec(), number);
        }
    }

    impl Files for std::rc::Rc<Fake> {
        fn version(&self, path: &[u8]) -> Option<Version> {
            self.as_ref().version(path)
        }
    }

    impl Files for Fake {
        fn version(&self, path: &[u8]) -> Option<Version> {
            let size = self.0.borrow().get(path).copied().filter(|n| *n > 0)?;
            Some(Version { modified: (0, 0), inode: (0, 0), size })
        }
    }

    #[test]
    fn only_another_file_is_a_change() {
        let files = Fake::default();
        for path in [b"/a", b"/b", b"/c"] {
            files.write(path, 1);
        }
        let loaded = [b"/a", b"/b", b"/c"].iter().filter_map(|p| Some((p.to_vec(), files.version(*p)?))).collect();
        assert!(changed(&loaded, &files).is_empty());
        files.write(b"/b", 2);
        files.write(b"/c", 0);
        assert_eq!(changed(&loaded, &files).into_keys().collect::<Vec<_>>(), [b"/b".to_vec()]);
    }

    #[test]
    fn a_replaced_file_is_another_version() -> std::io::Result<()> {
        let place = std::env::temp_dir().join(format!("wsgi-watch-{}", std::process::id()));
        std::fs::create_dir_all(&place)?;
        std::fs::write(place.join("a"), "one")?;
        let disk = Disk { root: place.to_string_lossy().into_owned().into_bytes() };
        let first = disk.version(b"/a");
        assert!(first.is_some() && disk.version(b"/b").is_none());
        std::fs::write(place.join("b"), "two")?;
        std::fs::rename(place.join("b"), place.join("a"))?;
        assert_ne!(disk.version(b"/a"), first);
        std::fs::remove_dir_all(place)
    }
}
