/*! Checks that the user can read the scripts that its processes will load. A missing script and one that the user may not read get different messages. *Runs in: helper.* */

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use interpreter::StartError;
use interpreter::path_access::{self, AccessError, Kind};
use interpreter::permissions::word;
use protocol::log_code;
use protocol::probe::{Request, Script};

/// So many scripts are looked at.
const MOST: usize = 1_000;

/// What is wrong with the scripts of a request, as this process sees them from its root directory.
pub fn out_of_reach(request: &Request) -> Vec<StartError> {
    let root = Path::new(OsStr::from_bytes(&request.root));
    let outside = |script: &Script| Path::new(OsStr::from_bytes(&script.path)).strip_prefix(root).is_err();
    let looked_at = request.scripts.iter().take(MOST).filter_map(|script| {
        if !request.root.is_empty() && outside(script) {
            return Some(said(
                script,
                "is not below the directory of `chroot=`",
                "move the script there, or assign the application to another group",
            ));
        }
        problem(request, script, &inside(&script.path, root))
    });
    looked_at.collect()
}

/// The path as the processes of a group with a root directory of its own have it.
fn inside(path: &[u8], root: &Path) -> PathBuf {
    let path = Path::new(OsStr::from_bytes(path));
    if root.as_os_str().is_empty() {
        return path.to_owned();
    }
    path.strip_prefix(root).map_or_else(|_| path.to_owned(), |rest| Path::new("/").join(rest))
}

fn problem(request: &Request, script: &Script, path: &Path) -> Option<StartError> {
    let obstacle =
        if script.path.ends_with(b"/") { path_access::enter(path) } else { path_access::walk(path).map(drop) }.err()?;
    let missing = matches!(obstacle.kind, Kind::Missing | Kind::NotDirectory);
    // Where nobody else can be become, it is another user who loads the script.
    if request.identity.is_none() && !missing {
        return None;
    }
    if missing && obstacle.link.is_none() {
        let cause = format!("does not exist: {obstacle}");
        return Some(said(script, &cause, "correct the path, or create the script"));
    }
    let user = String::from_utf8_lossy(&request.user);
    let cause = format!("is not readable for user {user}, who has to load it: {obstacle}");
    let AccessError { kind, .. } = &obstacle;
    let shows = matches!(kind, Kind::Closed(_) | Kind::Unreadable(_));
    let shown = if shows {
        format!("; `namei -l {}` lists the owner and mode of each component", word(&String::from_utf8_lossy(&script.path)))
    } else {
        String::new()
    };
    Some(said(script, &cause, &format!("{}{shown}", obstacle.hint())))
}

fn said(script: &Script, cause: &str, hint: &str) -> StartError {
    let (path, directive) = (String::from_utf8_lossy(&script.path), String::from_utf8_lossy(&script.said_by));
    StartError::new(&log_code::SCRIPT_OUT_OF_REACH, format!("the script `{path}` of {directive} {cause}. To fix: {hint}"))
}

#[cfg(test)]
mod tests {
    use super::{inside, out_of_reach};
    use protocol::probe::{Request, Script};
    use std::path::Path;

    #[test]
    fn a_missing_script_is_reported_whatever_the_user() {
        let script = |path: &str| Script { path: path.into(), said_by: b"WSGIScriptAlias at x:3".to_vec() };
        let request = Request {
            scripts: vec![script("/no/such/script.wsgi"), script("/no/such/directory/"), script("/etc/passwd"), script("/usr/")],
            ..Request::default()
        };
        let said: Vec<String> = out_of_reach(&request).iter().map(|problem| problem.text().to_owned()).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said.iter().all(|text| text.contains("of WSGIScriptAlias at x:3 does not exist: `/no` does not exist")),
            "{said:?}"
        );
    }

    #[test]
    fn a_root_directory_is_taken_off() {
        assert_eq!(inside(b"/jail/app.wsgi", Path::new("/jail/")), Path::new("/app.wsgi"));
        assert_eq!(inside(b"/srv/app.wsgi", Path::new("")), Path::new("/srv/app.wsgi"));
        let script = Script { path: b"/srv/app.wsgi".to_vec(), said_by: Vec::new() };
        let request = Request { root: b"/jail".to_vec(), scripts: vec![script], ..Request::default() };
        let said = out_of_reach(&request);
        assert!(said.len() == 1 && said.iter().all(|problem| problem.text().contains("is not below the directory of `chroot=`")));
    }
}
