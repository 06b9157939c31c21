/*! Why a child never became Python, as a sentence with a cause and a cure. *Runs in: supervisor.* */

use std::io;
use std::path::{Path, PathBuf};

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use protocol::log_code::{self, LogCode};
use protocol::plan;

use crate::recipe::Recipe;
use crate::trouble::{Report, Step};

/// A message and its text.
pub type Said = (LogCode, String);

/// What a child's reports come to: warnings, and the end if it gave up.
pub fn reports(group: &plan::Group, recipe: &Recipe, reports: &[Report]) -> (Vec<Said>, Option<Said>) {
    let mut warnings = Vec::new();
    let mut end = None;
    for report in reports {
        let error = io::Error::from_raw_os_error(report.number);
        match report.step {
            Step::Trying => {}
            Step::Exec => end = Some((log_code::PYTHON_NOT_EXECUTED, not_executed(group, recipe, reports, &error))),
            step if report.fatal => end = Some((log_code::PROCESS_NOT_PREPARED, not_prepared(group, step, &error))),
            step => {
                let option =
                    if step == Step::Priority { "cpu-priority" } else { "memory-limit, virtual-memory-limit or cpu-time-limit" };
                warnings.push((log_code::LIMIT_NOT_SET, format!("{option} ({}) could not be set: {error}", place(group))));
            }
        }
    }
    (warnings, end)
}

/// Which executable the child became, or tried last.
pub fn tried<'a>(recipe: &'a Recipe, reports: &[Report]) -> Option<&'a crate::recipe::Candidate> {
    let last = reports.iter().rev().find(|r| r.step == Step::Trying)?;
    recipe.candidates.get(usize::try_from(last.number).ok()?)
}

fn place(group: &plan::Group) -> String {
    format!("WSGIDaemonProcess {} at {}", text(&group.name), text(&group.place))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn not_prepared(group: &plan::Group, step: Step, error: &io::Error) -> String {
    let identity = &group.identity;
    let why = match step {
        Step::Session => format!("a session of its own was refused: {error}"),
        Step::Descriptors => format!("its descriptors could not be put in place: {error}"),
        Step::Chroot => format!(
            "chroot `{}`: {error}; the directory must exist, and httpd must have the right to chroot",
            text(&group.chroot)
        ),
        Step::Groups => format!("its supplementary groups {:?} could not be set: {error}", identity.groups),
        Step::Gid => format!("its group {} could not be set: {error}", identity.gid),
        Step::Uid => format!(
            "its user {} could not be set: {error}; if that user has reached its limit of processes, raise it",
            identity.uid
        ),
        Step::Verify => format!(
            "user {} and group {} did not hold when checked: something on this system gives root back",
            identity.uid, identity.gid
        ),
        Step::Root => "it would run as root, which no application does here; set `user=` to an ordinary user".to_owned(),
        Step::NoNewPrivileges => format!("no-new-privileges was refused: {error}"),
        Step::Parent => format!("its end could not be tied to the supervisor's, or the supervisor was gone already: {error}"),
        Step::Directory => {
            let directory = Path::new(OsStr::from_bytes(&group.directory));
            let closed = closed_component(directory, group).map(|c| format!(": {c}")).unwrap_or_default();
            let (path, user) = (text(&group.directory), text(&identity.name));
            if group.directory == identity.home {
                format!(
                    "`{path}`, the home directory of its user `{user}`, can't be its working directory: {error}{closed} (`home=` names another)"
                )
            } else {
                format!("home=`{path}` can't be its working directory: {error}{closed}")
            }
        }
        Step::Umask | Step::Priority | Step::Limit | Step::Trying | Step::Exec => error.to_string(),
    };
    format!("a process could not be prepared, so no Python was run ({}): {why}", place(group))
}

fn not_executed(group: &plan::Group, recipe: &Recipe, reports: &[Report], error: &io::Error) -> String {
    let Some(candidate) = tried(recipe, reports) else {
        return format!("no Python is configured and none was found ({})", place(group));
    };
    let path = candidate.path.to_string_lossy();
    let because = &candidate.because;
    let inside = PathBuf::from(OsStr::from_bytes(&[group.chroot.as_slice(), candidate.path.as_bytes()].concat()));
    let cause = match error.kind() {
        io::ErrorKind::PermissionDenied => closed_component(&inside, group).unwrap_or_else(|| {
            "it is not executable for that user (`chmod +x`), lies on a file system mounted noexec, or SELinux or AppArmor forbids it".to_owned()
        }),
        io::ErrorKind::NotFound if inside.is_symlink() => "it is a symbolic link to a Python that is gone: make the virtualenv anew".to_owned(),
        io::ErrorKind::NotFound if inside.exists() => "its interpreter line or its loader names a file that is not there".to_owned(),
        io::ErrorKind::NotFound => "there is no such file: correct the path, or make the virtualenv".to_owned(),
        _ => "it is no program that this machine can run".to_owned(),
    };
    format!("`{path}` ({because}) can't be executed as user {} ({}): {error}: {cause}", group.identity.uid, place(group))
}

/// The first directory on the way to `path` that the group's user may not search.
fn closed_component(path: &Path, group: &plan::Group) -> Option<String> {
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    for way in [path, real.as_path()] {
        let directories: Vec<&Path> = way.ancestors().collect();
        for directory in directories.into_iter().rev() {
            let Ok(found) = std::fs::metadata(directory) else { break };
            if found.is_dir() && !may_search(&found, &group.identity) {
                let mode = found.mode() & 0o7777;
                let shown = directory.display();
                let uid = group.identity.uid;
                return Some(format!(
                    "`{shown}` (mode {mode:04o}) is closed to user {uid}: `chmod o+x {shown}`, or move what lies below it"
                ));
            }
        }
    }
    None
}

fn may_search(directory: &std::fs::Metadata, identity: &plan::Identity) -> bool {
    let bit = if directory.uid() == identity.uid {
        0o100
    } else if directory.gid() == identity.gid || identity.groups.contains(&directory.gid()) {
        0o010
    } else {
        0o001
    };
    directory.mode() & bit != 0
}

#[cfg(test)]
mod tests {
    use super::{Said, reports};
    use crate::recipe::Recipe;
    use crate::trouble::{Report, Step};
    use protocol::log_code;
    use protocol::plan::{Group, Identity, Interpreter, Plan};

    fn said(group: &Group, list: &[Report]) -> (usize, Option<Said>) {
        let recipe = Recipe::new(&Plan { privileged: true, ..Plan::default() }, group, std::iter::empty());
        let Ok(recipe) = recipe else { return (99, None) };
        let (warnings, end) = reports(group, &recipe, list);
        (warnings.len(), end)
    }

    #[test]
    fn a_closed_directory_is_named() -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let place = std::env::temp_dir().join(format!("wsgi-closed-{}", std::process::id()));
        let home = place.join("private");
        std::fs::create_dir_all(home.join("bin"))?;
        std::fs::write(home.join("bin/python"), "")?;
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700))?;
        let interpreter =
            Interpreter { path: home.to_string_lossy().into_owned().into(), home: true, because: b"python-home=".to_vec() };
        let identity = Identity { uid: 65_534, gid: 65_534, ..Identity::default() };
        let group = Group { name: b"shop".to_vec(), interpreters: vec![interpreter], identity, ..Group::default() };
        let list = [
            Report { step: Step::Limit, fatal: false, number: 1 },
            Report { step: Step::Trying, fatal: false, number: 0 },
            Report { step: Step::Exec, fatal: true, number: 13 },
        ];
        let (warnings, end) = said(&group, &list);
        std::fs::remove_dir_all(&place)?;
        let (code, text) = end.unwrap_or((log_code::PANIC, String::new()));
        assert_eq!((warnings, code), (1, log_code::PYTHON_NOT_EXECUTED));
        assert!(text.contains("/private` (mode 0700) is closed to user 65534") && text.contains("python-home="), "{text}");
        Ok(())
    }

    #[test]
    fn root_is_refused_in_words() {
        let (_, end) = said(&Group::default(), &[Report { step: Step::Root, fatal: true, number: 1 }]);
        assert!(end.is_some_and(|(code, text)| code == log_code::PROCESS_NOT_PREPARED && text.contains("root")));
    }
}
