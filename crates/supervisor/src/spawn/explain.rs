/*! Why a child never became Python, as a sentence with a cause and a cure. What there is to see in the file system the child has looked at, as the
group's user: the supervisor is root and looks at nothing of the group's. *Runs in: supervisor.* */

use std::io;
use std::path::Path;

use interpreter::permissions::{self, Rights, User};
use protocol::log_code::{self, LogCode};
use protocol::plan;

use crate::spawn::exec_spec::ExecSpec;
use crate::spawn::spawn_report::{SpawnReport, Step, ways};

/// A message and its text.
pub type Said = (LogCode, String);

/// What a child's reports come to: warnings, and the end if it gave up.
pub fn reports(group: &plan::Group, spec: &ExecSpec, reports: &[SpawnReport]) -> (Vec<Said>, Option<Said>) {
    let mut warnings = Vec::new();
    let mut end = None;
    for report in reports {
        let error = io::Error::from_raw_os_error(report.number);
        match report.step {
            step if step.is_hint() => {}
            Step::Exec => end = Some((log_code::PYTHON_NOT_EXECUTED, not_executed(group, spec, reports, &error))),
            step if report.fatal => end = Some((log_code::PROCESS_NOT_PREPARED, not_prepared(group, step, &error, reports))),
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
pub fn tried<'a>(spec: &'a ExecSpec, reports: &[SpawnReport]) -> Option<&'a crate::spawn::exec_spec::Candidate> {
    let last = reports.iter().rev().find(|r| r.step == Step::Trying)?;
    spec.candidates.get(usize::try_from(last.number).ok()?)
}

fn place(group: &plan::Group) -> String {
    format!("WSGIDaemonProcess {} at {}", text(&group.name), text(&group.place))
}

/// A user by name, with the number that permissions go by.
fn user(identity: &plan::Identity) -> String {
    if identity.name.is_empty() { identity.uid.to_string() } else { format!("{} ({})", text(&identity.name), identity.uid) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn not_prepared(group: &plan::Group, step: Step, error: &io::Error, reports: &[SpawnReport]) -> String {
    let identity = &group.identity;
    let why = match step {
        Step::Session => format!("it could not create a session: {error}"),
        Step::Descriptors => format!("its descriptors could not be set up: {error}"),
        Step::Chroot => not_entered(&text(&group.chroot), error, reports),
        Step::Groups => format!("its supplementary groups {:?} could not be set: {error}", identity.groups),
        Step::Gid => format!("its group {} could not be set: {error}", identity.gid),
        Step::Uid => format!(
            "its user {} could not be set: {error}. To fix: if that user has reached its limit of processes, raise the limit",
            user(identity)
        ),
        Step::Verify => format!(
            "user {} and group {} could not be verified: the process was able to become root again",
            user(identity),
            identity.gid
        ),
        Step::Root => "it would run as root, which is never allowed. To fix: set `user=` to an unprivileged user".to_owned(),
        Step::NoNewPrivileges => format!("the kernel refused no-new-privileges: {error}"),
        Step::Parent => format!(
            "it could not arrange to be stopped together with the supervisor, or the supervisor had already exited: {error}"
        ),
        Step::Directory => {
            let closed = closed_component(&group.directory, group, reports).map(|c| format!(": {c}")).unwrap_or_default();
            let (path, user) = (text(&group.directory), text(&identity.name));
            let or = if closed.is_empty() { ". To fix:" } else { "; or" };
            if group.directory == identity.home {
                format!(
                    "`{path}`, the home directory of its user `{user}`, cannot be its working directory: {error}{closed}{or} set `home=` to another directory"
                )
            } else {
                format!("home=`{path}` cannot be its working directory: {error}{closed}{or} correct `home=`")
            }
        }
        Step::EnvFile => env_file(group, error, reports),
        // The other steps never give up, or say more about one that does.
        _ => error.to_string(),
    };
    format!("could not prepare a process, so no Python was run ({}): {why}", place(group))
}

/// Why the variables of `env-file=` can't be had. No part of a line is shown: it may be a secret.
fn env_file(group: &plan::Group, error: &io::Error, reports: &[SpawnReport]) -> String {
    let number = |step| hint(reports, step).and_then(|number| usize::try_from(number).ok()).unwrap_or_default();
    let files = group.engine.group_options.env_files.as_deref().unwrap_or_default();
    let path = files.get(number(Step::EnvFileNumber)).map(|path| text(path)).unwrap_or_default();
    match number(Step::EnvFileLine) {
        0 if error.raw_os_error() == Some(libc::EINVAL) => {
            format!("env-file=`{path}` is not a regular file. To fix: name a file")
        }
        0 if error.raw_os_error() == Some(libc::EFBIG) => {
            format!(
                "env-file=`{path}` is too large: all files of a group together may have 256 KiB. To fix: remove the lines that do not set variables"
            )
        }
        0 => format!(
            "env-file=`{path}` could not be read: {error}. Root reads it only if root owns it and the directories above it, and no other user may \
             write to them; otherwise user {} reads it. \
             To fix: if only root can write to the directories above it, run `chown root {word}` and `chmod 0600 {word}`; otherwise give that user \
             permission to read it",
            user(&group.identity),
            word = interpreter::permissions::word(&path)
        ),
        line if error.raw_os_error() == Some(libc::E2BIG) => {
            format!("env-file=`{path}`, line {line}: there are more than 2048 variables. To fix: remove some")
        }
        line => format!("env-file=`{path}`, line {line} is not `NAME=VALUE`. To fix: correct the line, or put `#` before it"),
    }
}

/// Why the directory of `chroot=` was not entered. Configtest says what of the way it is.
fn not_entered(path: &str, error: &io::Error, reports: &[SpawnReport]) -> String {
    if let Some(uid) = hint(reports, Step::RootOwner) {
        let uid = uid.cast_unsigned();
        return format!(
            "chroot `{path}`: the directory, or a directory above it, belongs to user {uid}, who could replace files that root uses. To fix: run \
             `httpd -t`, which names that directory, and let the directory belong to root"
        );
    }
    if let Some(mode) = hint(reports, Step::RootMode) {
        return format!(
            "chroot `{path}`: users other than root may write to the directory, or to a directory above it (mode {mode:04o}). To fix: run `httpd -t`, \
             which names that directory, then run `chmod go-w` on the directory"
        );
    }
    format!("chroot `{path}`: {error}. To fix: create the directory, and start httpd as root")
}

fn not_executed(group: &plan::Group, spec: &ExecSpec, reports: &[SpawnReport], error: &io::Error) -> String {
    let Some(candidate) = tried(spec, reports) else {
        return format!("no Python is configured, and none was found ({})", place(group));
    };
    let path = candidate.path.to_string_lossy();
    let because = &candidate.because;
    let there = hint(reports, Step::There);
    let cause = match error.kind() {
        io::ErrorKind::PermissionDenied => closed_component(candidate.path.as_bytes(), group, reports).unwrap_or_else(|| {
            "the file, or the Python that it links to, is not accessible to or not executable for that user, is on a file system that is mounted \
             noexec, or SELinux or AppArmor denies access. To fix: give the user access; if the Python of a virtual environment is in a home \
             directory, create the virtual environment again in another directory with `/usr/bin/python3 -m venv`"
                .to_owned()
        }),
        io::ErrorKind::NotFound if there == Some(1) => "the file is a symbolic link to a Python that was removed. To fix: create the virtual \
                                                        environment again".to_owned(),
        io::ErrorKind::NotFound if there == Some(0) => "the interpreter in its first line, or its dynamic loader, does not exist".to_owned(),
        io::ErrorKind::NotFound => "the file does not exist. To fix: correct the path, or create the virtual environment".to_owned(),
        _ => "the file is not a program that this machine can run".to_owned(),
    };
    format!("could not execute `{path}` ({because}) as user {} ({}): {error}: {cause}", user(&group.identity), place(group))
}

/// The first directory on the way to `path` that the group's user may not search, as the child has found it.
fn closed_component(path: &[u8], group: &plan::Group, reports: &[SpawnReport]) -> Option<String> {
    let index = usize::try_from(hint(reports, Step::Closed)?).ok()?;
    let bits = |step| hint(reports, step).map(i32::cast_unsigned);
    let mode = bits(Step::Mode).unwrap_or_default();
    // The root directory of a chroot is that directory itself.
    let way = ways(path).get(index).map(|way| way.strip_suffix(b"/").unwrap_or(way).to_vec())?;
    let shown = text(&[group.chroot.as_slice(), &way].concat());
    let shown = if shown.is_empty() { "/" } else { shown.as_str() };
    let identity = &group.identity;
    let opener = User { uid: identity.uid, groups: identity.groups.iter().copied().chain([identity.gid]).collect() };
    let rights = bits(Step::Owner).zip(bits(Step::Group)).map(|(owner, group)| Rights { mode, owner, group });
    let command =
        rights.and_then(|rights| permissions::command(Path::new(shown), rights, &opener, 'x', permissions::local_homes));
    let cure = match command {
        Some(command) => format!("run `{command}`, or move the files below it to a directory that this user may search"),
        None => "move the files below it to a directory that this user may search, such as `/srv`; create a virtual environment whose Python is there \
                 again in another directory, with `/usr/bin/python3 -m venv`"
            .to_owned(),
    };
    Some(format!("`{shown}` (mode {mode:04o}) is not accessible to user {}. To fix: {cure}", user(identity)))
}

/// The number of the last report of a step.
fn hint(reports: &[SpawnReport], step: Step) -> Option<i32> {
    reports.iter().rev().find(|report| report.step == step).map(|report| report.number)
}

#[cfg(test)]
mod tests {
    use super::{Said, reports};
    use crate::spawn::exec_spec::ExecSpec;
    use crate::spawn::spawn_report::{SpawnReport, Step};
    use protocol::log_code;
    use protocol::plan::{Group, Identity, Interpreter, Plan};

    fn said(group: &Group, list: &[SpawnReport]) -> (usize, Option<Said>) {
        let spec = ExecSpec::new(&Plan::default(), group, std::iter::empty());
        let Ok(spec) = spec else { return (99, None) };
        let (warnings, end) = reports(group, &spec, list);
        (warnings.len(), end)
    }

    #[test]
    fn what_the_child_has_found_is_named() {
        let interpreter = Interpreter { path: b"/srv/private".to_vec(), home: true, because: b"python-home=".to_vec() };
        let identity = Identity { uid: 65_534, gid: 65_534, name: b"nobody".to_vec(), ..Identity::default() };
        let group = Group { name: b"shop".to_vec(), interpreters: vec![interpreter], identity, ..Group::default() };
        let told = |hints: &[(Step, i32)], error| {
            let mut list = vec![
                SpawnReport { step: Step::Limit, fatal: false, number: 1 },
                SpawnReport { step: Step::Trying, fatal: false, number: 0 },
            ];
            list.extend(hints.iter().map(|(step, number)| SpawnReport { step: *step, fatal: false, number: *number }));
            list.push(SpawnReport { step: Step::Exec, fatal: true, number: error });
            let (warnings, end) = said(&group, &list);
            let (code, text) = end.unwrap_or((log_code::PANIC, String::new()));
            assert_eq!((warnings, code), (1, log_code::PYTHON_NOT_EXECUTED));
            text
        };
        let text = told(&[(Step::Closed, 2), (Step::Mode, 0o700)], 13);
        assert!(
            text.contains("`/srv/private` (mode 0700) is not accessible to user nobody (65534)") && text.contains("python-home="),
            "{text}"
        );
        assert!(!text.contains("chmod"), "whose it is, is not known: {text}");
        let closed = |owner| told(&[(Step::Closed, 2), (Step::Mode, 0o700), (Step::Owner, owner), (Step::Group, 0)], 13);
        assert!(closed(0).contains("run `chmod o+x /srv/private`") && closed(65_534).contains("run `chmod u+x /srv/private`"));
        assert!(!closed(4_321).contains("chmod"), "another user's");
        // A number that is none.
        for number in [-1, 99] {
            assert!(told(&[(Step::Closed, number)], 13).contains("is not accessible to or not executable for that user"));
        }
        assert!(told(&[(Step::There, 1)], 2).contains("a symbolic link to a Python that was removed"));
        assert!(told(&[(Step::There, 0)], 2).contains("or its dynamic loader, does not exist"));
        assert!(
            told(&[], 2).contains("(python-home=) as user nobody (65534) (") && told(&[], 2).contains("the file does not exist")
        );
    }

    #[test]
    fn root_is_refused_in_words() {
        let (_, end) = said(&Group::default(), &[SpawnReport { step: Step::Root, fatal: true, number: 1 }]);
        assert!(end.is_some_and(|(code, text)| code == log_code::PROCESS_NOT_PREPARED && text.contains("root")));
    }
}
