/*! Which files a group's processes may wait for: scripts, virtual environments, interpreters, and the directories that packages are installed in. *Runs in: supervisor.* */

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use protocol::file_watch::MOST;
use protocol::plan;

use crate::spawn::exec_spec::ExecSpec;

/// So many scripts are among them.
const SCRIPTS: usize = 100;
/// Longer paths than this lead nowhere (`PATH_MAX`).
const LONGEST: usize = 4_096;

/// The paths, as the group's processes see them. Nothing is looked at. `more`: scripts that its processes are known to load besides those of the plan.
pub fn of(group: &plan::Group, spec: &ExecSpec, more: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let scripts = group.scripts.iter().map(|script| script.path.as_slice()).chain(more.iter().map(Vec::as_slice));
    let mut all = Vec::new();
    for script in scripts.filter_map(|path| inside(path, &group.chroot)) {
        push(&mut all, script, SCRIPTS);
    }
    let executables = || spec.candidates.iter().map(|candidate| Path::new(OsStr::from_bytes(candidate.path.to_bytes())));
    // `bin/python` below it.
    let homes = || executables().filter_map(|path| path.parent()?.parent());
    for home in homes() {
        push(&mut all, home.join("pyvenv.cfg"), MOST);
    }
    for path in executables() {
        push(&mut all, path.to_owned(), MOST);
    }
    for home in homes() {
        for version in crate::spawn::exec_spec::MINORS.rev() {
            push(&mut all, home.join(format!("lib/python3.{version}/site-packages")), MOST);
        }
    }
    all.into_iter().map(|path| path.into_os_string().into_encoded_bytes()).collect()
}

fn push(all: &mut Vec<PathBuf>, path: PathBuf, most: usize) {
    if all.len() < most && path.is_absolute() && path.as_os_str().len() < LONGEST && !all.contains(&path) {
        all.push(path);
    }
}

/// A script's path as the processes of a group with a root directory of its own have it.
fn inside(path: &[u8], root: &[u8]) -> Option<PathBuf> {
    let path = Path::new(OsStr::from_bytes(path));
    if root.is_empty() {
        return Some(path.to_owned());
    }
    path.strip_prefix(OsStr::from_bytes(root)).ok().map(|rest| Path::new("/").join(rest))
}

#[cfg(test)]
mod tests {
    use protocol::file_watch::MOST;
    use protocol::plan::{Group, Interpreter, Plan, Script};

    use super::of;
    use crate::spawn::exec_spec::ExecSpec;

    fn files(group: &Group, more: &[Vec<u8>]) -> Vec<String> {
        let Ok(spec) = ExecSpec::new(&Plan::default(), group, std::iter::empty()) else { return Vec::new() };
        of(group, &spec, more).iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
    }

    fn script(path: &str) -> Script {
        Script { path: path.into(), ..Script::default() }
    }

    #[test]
    fn scripts_and_the_virtual_environment_are_watched() {
        let interpreter = |path: &str, home| Interpreter { path: path.into(), home, because: Vec::new() };
        let group = Group {
            scripts: vec![script("/srv/a.wsgi"), script("relative"), script("/srv/a.wsgi")],
            interpreters: vec![interpreter("/srv/venv", true), interpreter("/opt/x/bin/python3.12", false)],
            ..Group::default()
        };
        let found = files(&group, &[b"/srv/b.wsgi".to_vec()]);
        assert_eq!(found.first().map(String::as_str), Some("/srv/a.wsgi"));
        assert_eq!(found.iter().filter(|path| path.ends_with(".wsgi")).count(), 2);
        for path in [
            "/srv/b.wsgi",
            "/srv/venv/pyvenv.cfg",
            "/srv/venv/bin/python",
            "/srv/venv/lib/python3.11/site-packages",
            "/opt/x/pyvenv.cfg",
            "/opt/x/bin/python3.12",
        ] {
            assert!(found.iter().any(|one| one == path), "{path}: {found:?}");
        }
        assert!(!found.iter().any(|path| path == "relative"));
    }

    #[test]
    fn there_is_room_for_so_many() {
        let interpreters = (0..20).map(|n| Interpreter { path: format!("/v/{n}").into(), home: true, because: Vec::new() });
        let scripts = (0..1_000).map(|n| script(&format!("/{n}.wsgi"))).collect();
        let group = Group { scripts, interpreters: interpreters.collect(), ..Group::default() };
        let found = files(&group, &[]);
        assert_eq!((found.len(), found.iter().filter(|path| path.ends_with(".wsgi")).count()), (MOST, 100));
        assert!(found.iter().any(|path| path == "/v/19/pyvenv.cfg"));
    }

    #[test]
    fn a_root_directory_is_taken_off() {
        let group = Group {
            scripts: vec![script("/jail/srv/a.wsgi"), script("/b.wsgi")],
            chroot: b"/jail/".to_vec(),
            ..Group::default()
        };
        assert_eq!(files(&group, &[]), ["/srv/a.wsgi"]);
    }
}
