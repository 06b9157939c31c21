/*! `python-path=` and `python-eggs=`: can the group's user use these directories? Python passes over what it can't read without a word, and the
application then lacks a module. *Runs in: parent (configtest).* */

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use protocol::log_code;

use crate::config::daemon::DaemonProcess;
use crate::embedded::Problem;
use crate::embedded::reach::{Obstacle, Walker};

/// What keeps the directories of a group from being of use.
pub fn check(process: &DaemonProcess, walker: &Walker) -> Vec<Problem> {
    // What stands in `sys.path` may be an archive, too.
    let unread = process.python_path.iter().filter_map(|path| {
        let obstacle = walker.walk(Path::new(OsStr::from_bytes(path))).err()?;
        Some(problem("python-path", path, &obstacle.to_string(), &obstacle.hint()))
    });
    let unwritten = process.python_eggs.as_ref().and_then(|path| {
        let directory = Path::new(OsStr::from_bytes(path));
        match walker.walk(directory) {
            Err(obstacle @ Obstacle::Missing(_)) => {
                let hint = format!("make it, as `install -d -o {} {}`", walker.name(), directory.display());
                Some(problem("python-eggs", path, &obstacle.to_string(), &hint))
            }
            Err(obstacle) => Some(problem("python-eggs", path, &obstacle.to_string(), &obstacle.hint())),
            Ok(_) if !directory.is_dir() => {
                Some(problem("python-eggs", path, &format!("`{}` is not a directory", directory.display()), "correct the path"))
            }
            Ok(real) if walker.may_write(&real) => None,
            Ok(_) => {
                let hint = format!("name a directory of its own, made with `install -d -o {} DIRECTORY`", walker.name());
                Some(problem("python-eggs", path, &format!("user {} may not write it", walker.name()), &hint))
            }
        }
    });
    unread.chain(unwritten).collect()
}

fn problem(option: &str, path: &[u8], cause: &str, hint: &str) -> Problem {
    let path = String::from_utf8_lossy(path);
    Problem::new(
        &log_code::DIRECTORY_NOT_USABLE,
        format!("`{option}=` names `{path}`: {cause} (hint: {hint}; a relative path is taken from `ServerRoot`)"),
    )
}
