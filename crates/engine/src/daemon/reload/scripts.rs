/*! The scripts that this process has loaded, and whether their files have changed since. *Runs in: daemon.* */

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Mutex;

use md5::{Digest as _, Md5};
use protocol::control::{LONGEST_NAME, MOST_SCRIPTS, Message, ScriptId, Version};

use crate::sync::locks::lock;

/// The version of a file right now: its time, device, number and size. `None` if there is no such file.
pub fn version(path: &[u8]) -> Option<Version> {
    let found = std::fs::metadata(Path::new(std::ffi::OsStr::from_bytes(path))).ok()?;
    let modified = found.mtime().wrapping_mul(1_000_000_000).wrapping_add(found.mtime_nsec());
    let mut version = Version::default();
    let words = [modified.to_le_bytes(), found.dev().to_le_bytes(), found.ino().to_le_bytes(), found.size().to_le_bytes()];
    for (place, byte) in version.iter_mut().zip(words.into_iter().flatten()) {
        *place = byte;
    }
    Some(version)
}

/// See the module.
#[derive(Default)]
pub struct Scripts(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// By path: the version that was loaded first.
    loaded: BTreeMap<Vec<u8>, Version>,
    /// By path: the version that the supervisor knows of.
    told: BTreeMap<Vec<u8>, Version>,
    /// How many scripts the supervisor was told of, each once per application group.
    reported: usize,
}

impl Scripts {
    /// A script was loaded, `version` being that of its file before it was read: what the supervisor is to hear of it. `None` for a script that the
    /// supervisor has no room for: a successor does not load it beforehand, and its file is looked at by the requests for it alone.
    pub fn loaded(&self, path: &[u8], version: Version, application_group: &[u8]) -> Option<Message> {
        let mut known = lock(&self.0);
        // One more than the supervisor keeps, so that it can say that there are more.
        if path.len() > LONGEST_NAME || application_group.len() > LONGEST_NAME || known.reported > MOST_SCRIPTS {
            return None;
        }
        known.reported += 1;
        // Another application group may have loaded it before, in an older version: then that is the one to compare with.
        let version = *known.told.entry(path.to_vec()).or_insert(version);
        known.loaded.entry(path.to_vec()).or_insert(version);
        let (path, application_group) = (path.to_vec(), application_group.to_vec());
        Some(Message::Loaded { script: id(&path), version, path, application_group })
    }

    /// Looks at the file of a script: what the supervisor is to hear, if that is another version than it knows of. A file that is gone is no change: in
    /// the middle of a deployment it comes back.
    pub fn look(&self, path: &[u8]) -> Option<Message> {
        if !lock(&self.0).told.contains_key(path) {
            return None;
        }
        // Not with the lock: this may take as long as the file system wants.
        let now = version(path)?;
        let mut known = lock(&self.0);
        let told = known.told.get_mut(path)?;
        (std::mem::replace(told, now) != now).then(|| Message::Changed { script: id(path), version: now })
    }

    /// Notes a file that this process has been started with. Its change makes no other process start; it counts when httpd reads its configuration again.
    pub fn started_with(&self, path: &[u8]) {
        if let Some(version) = version(path) {
            lock(&self.0).loaded.insert(path.to_vec(), version);
        }
    }

    /// A script whose file is not the one that was loaded, or another file that has changed.
    pub fn changed(&self) -> Option<String> {
        let loaded = lock(&self.0).loaded.clone();
        let mut changed = loaded.into_iter().filter(|(path, loaded)| version(path).is_some_and(|now| now != *loaded));
        changed.next().map(|(path, _)| String::from_utf8_lossy(&path).into_owned())
    }

    /// The files that the supervisor knows of.
    pub fn paths(&self) -> Vec<Vec<u8>> {
        lock(&self.0).told.keys().cloned().collect()
    }
}

fn id(path: &[u8]) -> ScriptId {
    Md5::digest(path).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::ffi::OsStrExt as _;

    use protocol::control::{MOST_SCRIPTS, Message};

    use super::{Scripts, version};

    #[test]
    fn a_change_is_told_once_and_a_file_that_is_gone_is_none() {
        let place = std::env::temp_dir().join(format!("wsgi-scripts-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        let file = place.join("a.wsgi");
        let path = file.as_os_str().as_bytes();
        std::fs::write(&file, "one").unwrap();
        let scripts = Scripts::default();
        assert_eq!(scripts.look(path), None, "nobody has loaded it");
        let first = version(path).unwrap();
        let Some(Message::Loaded { script, version: told, .. }) = scripts.loaded(path, first, b"x") else { unreachable!() };
        assert_eq!((told, scripts.look(path)), (first, None));
        std::fs::remove_file(&file).unwrap();
        assert_eq!((version(path), scripts.look(path)), (None, None));
        std::fs::write(place.join("b"), "other").unwrap();
        std::fs::rename(place.join("b"), &file).unwrap();
        let Some(Message::Changed { script: changed, version: second }) = scripts.look(path) else { unreachable!() };
        assert!(changed == script && second != first && scripts.look(path).is_none());
        std::fs::remove_dir_all(place).unwrap();
    }

    #[test]
    fn an_application_group_that_loads_a_newer_version_hides_no_older_one() {
        let scripts = Scripts::default();
        assert!(scripts.loaded(b"/a", [1; 32], b"x").is_some());
        let again = scripts.loaded(b"/a", [2; 32], b"y");
        assert!(matches!(again, Some(Message::Loaded { version, .. }) if version == [1; 32]));
    }

    #[test]
    fn no_more_scripts_are_reported_than_the_supervisor_hears_of() {
        let scripts = Scripts::default();
        let reported = (0..2 * MOST_SCRIPTS).filter_map(|n| scripts.loaded(format!("/{n}").as_bytes(), [0; 32], b"x")).count();
        assert_eq!(reported, MOST_SCRIPTS + 1);
        assert!(scripts.loaded(&[b'x'; 5_000], [0; 32], b"x").is_none());
    }
}
