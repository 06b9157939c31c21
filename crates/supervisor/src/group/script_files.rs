/*! Which versions of scripts a process has loaded, and which of the files have changed since, as the process itself says it.

The process watches the files, because they are its user's: they may lie on a file system that never answers. What it says is compared with what it said
before, and with what other processes of its group said, and is believed for nothing else. There is room for [`MOST_SCRIPTS`] of each.
*Runs in: supervisor.* */

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use protocol::control::{MOST_SCRIPTS, ScriptId, Version};
use protocol::plan::Script;

/// Most bytes of names of the scripts that a successor loads because its predecessor had loaded them.
const MOST_NAMES: usize = 256 * 1024;

/// Versions of scripts.
pub type Versions = BTreeMap<ScriptId, Version>;

/// The scripts of one process.
#[derive(Debug, Default)]
pub struct ScriptFiles {
    /// As they were loaded.
    loaded: Versions,
    /// Those whose files have another version now.
    news: Versions,
    /// The same for a successor's list.
    scripts: Vec<Script>,
    /// Where in that list the first script of an id stands.
    places: BTreeMap<ScriptId, usize>,
    /// Bytes of the names in that list.
    names: usize,
    /// What is in that list, as numbers: to look a name up costs no more than to receive it, whatever names its sender has chosen.
    known: HashSet<u64>,
    hasher: RandomState,
}

impl ScriptFiles {
    /// A script was loaded. Whether there is room for it.
    pub fn loaded(&mut self, id: ScriptId, version: Version, script: Script) -> bool {
        let number = self.hasher.hash_one((&script.path, &script.application_group));
        if self.known.contains(&number) {
            return true;
        }
        let names = self.names.saturating_add(script.path.len()).saturating_add(script.application_group.len());
        if self.scripts.len() >= MOST_SCRIPTS || names > MOST_NAMES {
            return false;
        }
        self.names = names;
        self.known.insert(number);
        self.places.entry(id).or_insert(self.scripts.len());
        self.scripts.push(script);
        // One id for many scripts, or the reverse, harms nobody else's group.
        self.loaded.entry(id).or_insert(version);
        true
    }

    /// The file of a script has that version now. Whether it is another one than was loaded.
    pub fn changed(&mut self, id: ScriptId, version: Version) -> bool {
        match self.loaded.get(&id) {
            None => false,
            Some(loaded) if *loaded == version => {
                self.news.remove(&id);
                false
            }
            Some(_) => {
                self.news.insert(id, version);
                true
            }
        }
    }

    /// The scripts whose files have another version now.
    pub const fn news(&self) -> &Versions {
        &self.news
    }

    /// The path of a script, as the process named it.
    pub fn path(&self, id: ScriptId) -> Option<&[u8]> {
        self.places.get(&id).and_then(|place| self.scripts.get(*place)).map(|script| script.path.as_slice())
    }

    /// What it has loaded, for a successor.
    pub const fn scripts(&self) -> &Vec<Script> {
        &self.scripts
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_NAMES, ScriptFiles};
    use protocol::control::MOST_SCRIPTS;
    use protocol::plan::Script;

    fn script(path: Vec<u8>) -> Script {
        Script { path, application_group: b"x".to_vec(), import: false }
    }

    #[test]
    fn only_another_version_of_a_loaded_script_is_news() {
        let mut watched = ScriptFiles::default();
        assert!(!watched.changed([1; 16], [2; 32]), "nobody has loaded it");
        assert!(watched.loaded([1; 16], [1; 32], script(b"/a".to_vec())));
        assert_eq!((watched.path([1; 16]), watched.path([2; 16])), (Some(b"/a".as_slice()), None));
        assert!(!watched.changed([1; 16], [1; 32]) && watched.news().is_empty());
        assert!(watched.changed([1; 16], [2; 32]) && watched.news().len() == 1);
        assert!(!watched.changed([1; 16], [1; 32]) && watched.news().is_empty(), "the loaded version is back");
    }

    #[test]
    fn a_process_can_name_so_many_scripts_and_no_more() {
        let mut watched = ScriptFiles::default();
        let path = |n: usize| format!("/{n}").into_bytes();
        let id = |n: usize| u128::try_from(n).unwrap_or_default().to_le_bytes();
        let kept = (0..30_000).filter(|n| watched.loaded(id(*n), [0; 32], script(path(*n)))).count();
        assert_eq!((kept, watched.scripts().len()), (MOST_SCRIPTS, MOST_SCRIPTS));
        assert!(watched.loaded(id(0), [0; 32], script(path(0))), "one that is known already");
        let changed = (0..30_000).filter(|n| watched.changed(id(*n), [1; 32])).count();
        assert_eq!((changed, watched.news().len()), (MOST_SCRIPTS, MOST_SCRIPTS));
        let mut watched = ScriptFiles::default();
        let long = |n: usize| script([path(n), vec![b'x'; 4_000]].concat());
        let kept = (0..1_000).filter(|n| watched.loaded(id(*n), [0; 32], long(*n))).count();
        assert!(kept < 1_000 && watched.scripts().iter().map(|s| s.path.len()).sum::<usize>() <= MOST_NAMES);
    }
}
