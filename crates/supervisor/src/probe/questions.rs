/*! What is asked: can this user run the group's Python, reach the engine, enter the working directory, use the other directories? *Runs in: helper.* */

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use interpreter::path_access::{self, AccessError, Kind};
use interpreter::select;
use interpreter::selected::Selected;
use interpreter::{StartError, interpreter_info, libpython, virtualenv};
use protocol::log_code;
use protocol::probe::{Answer, Request};

use super::chroot_check::{self, MANNER};
use super::{finding, scripts};

/// All that is asked.
pub fn answer(request: &Request) -> Answer {
    if !request.root.is_empty() {
        let mut problems = chroot_check::missing(request, &candidates(request));
        problems.extend(scripts::out_of_reach(request));
        return Answer { findings: problems.iter().map(finding).collect(), ..Answer::default() };
    }
    let mut problems = Vec::new();
    problems.extend(sockets(request));
    problems.extend(working_directory(request).err());
    let mut library = Vec::new();
    if request.python {
        match python(request) {
            Ok(found) => library = found.map_or_else(Vec::new, |path| path.as_os_str().as_bytes().to_vec()),
            Err(problem) => problems.push(problem),
        }
    }
    problems.extend(directories(request));
    problems.extend(scripts::out_of_reach(request));
    Answer { findings: problems.iter().map(finding).collect(), library, complete: false }
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Its user must be able to enter it (to read it is another matter).
fn working_directory(request: &Request) -> Result<(), StartError> {
    if request.directory.is_empty() {
        return Ok(());
    }
    path_access::enter(&path(&request.directory)).map_err(|obstacle| {
        let named = if request.directory_named { "`home=`" } else { "the user's home, its working directory," };
        let text =
            format!("{named} cannot be entered: {obstacle}. To fix: {}; or set `home=` to another directory", obstacle.hint());
        StartError::new(&log_code::PROCESS_NOT_PREPARED, text)
    })
}

/// Looks at the interpreter; its library, if that is asked for.
fn python(request: &Request) -> Result<Option<PathBuf>, StartError> {
    let with_reason = |problem: StartError| {
        if request.user.is_empty() {
            return problem;
        }
        let user = String::from_utf8_lossy(&request.user);
        StartError::new(problem.code(), format!("for user {user}: {problem}"))
    };
    let embedded = request.embedded;
    let chosen = chosen(request).map_err(|problem| if embedded { problem } else { with_reason(problem) })?;
    let told_plainly = |problem: StartError| if embedded { problem } else { with_reason(problem) };
    let with_reason = |problem: StartError| {
        if embedded { chosen.with_reason(&with_reason(problem)) } else { with_reason(chosen.with_reason(&problem)) }
    };
    virtualenv::look_around(&chosen).map_err(with_reason)?;
    if !embedded {
        reach_engine(request).map_err(with_reason)?;
    }
    if !request.run {
        return Ok(None);
    }
    let (facts, _) = interpreter_info::ask(&chosen.executable, MANNER).map_err(with_reason)?;
    libpython::check_version(&chosen, &facts)?;
    libpython::check_loaded(&chosen, &facts).map_err(told_plainly)?;
    let library = if request.library { Some(libpython::find(&chosen, &facts)?) } else { None };
    virtualenv::check_version(&chosen, &facts).map_err(with_reason)?;
    if embedded {
        reach_engine(request)?;
    }
    Ok(library.map(|library| std::fs::canonicalize(&library).unwrap_or(library)))
}

fn reach_engine(request: &Request) -> Result<(), StartError> {
    if request.engine.is_empty() {
        return Ok(());
    }
    path_access::walk(&path(&request.engine)).map(drop).map_err(|obstacle| {
        StartError::new(&log_code::ENGINE_NOT_LOADED, format!("the engine: {obstacle}. To fix: {}", obstacle.hint()))
    })
}

/// As the supervisor chooses, and an Apache child.
fn chosen(request: &Request) -> Result<Selected, StartError> {
    if !request.executable.is_empty() {
        return executable(&request.executable);
    }
    if request.home.is_empty() {
        return select::select(None, Some(OsStr::from_bytes(&request.path)));
    }
    select::in_parts((&request.home, request.exec_prefix.as_deref()), &String::from_utf8_lossy(&request.said_by))
}

/// The interpreter that `python=` names.
fn executable(named: &[u8]) -> Result<Selected, StartError> {
    const SAID_BY: &str = "`python=`";
    let path = path(named);
    let broken = |cause: String, hint: &str| {
        Err(StartError::new(&log_code::PYTHON_HOME_BROKEN, format!("{SAID_BY}: {cause}. To fix: {hint}")))
    };
    if let Err(obstacle) = path_access::walk(&path) {
        return broken(obstacle.to_string(), &obstacle.hint());
    }
    if path.is_dir() {
        let hint = format!("set `python-home={0}`, or name the executable: `python={0}/bin/python`", path.display());
        return broken(format!("`{}` is a directory", path.display()), &hint);
    }
    // A virtualenv's interpreter finds its home by its own path.
    let home = path.parent().and_then(Path::parent).filter(|home| home.join("pyvenv.cfg").exists()).map(Path::to_owned);
    Ok(Selected { executable: path, home, reason: SAID_BY.to_owned() })
}

/// What may be the interpreter, as a group with a root directory of its own sees it.
fn candidates(request: &Request) -> Vec<PathBuf> {
    if !request.executable.is_empty() {
        return vec![path(&request.executable)];
    }
    let home = path(request.exec_prefix.as_ref().unwrap_or(&request.home));
    if home.as_os_str().is_empty() {
        return select::USUAL.iter().map(PathBuf::from).collect();
    }
    vec![home.join("bin/python"), home.join("bin/python3")]
}

/// `python-path=` and `python-eggs=`: Python passes over what it can't read without a word, and the application then lacks a module.
fn directories(request: &Request) -> Vec<StartError> {
    // What stands in `sys.path` may be an archive, too.
    let unread = request.python_path.iter().filter_map(|named| {
        let obstacle = path_access::walk(&path(named)).err()?;
        Some(unusable("python-path", named, &obstacle.to_string(), &obstacle.hint()))
    });
    unread.chain(eggs(&request.python_eggs)).collect()
}

fn eggs(named: &[u8]) -> Option<StartError> {
    if named.is_empty() {
        return None;
    }
    let directory = path(named);
    let problem = |cause: String, hint: &str| Some(unusable("python-eggs", named, &cause, hint));
    match path_access::walk(&directory) {
        Err(obstacle @ AccessError { kind: Kind::Missing, link: None, .. }) => {
            let hint = interpreter::permissions::how_to_make(&directory);
            problem(obstacle.to_string(), &hint)
        }
        Err(obstacle) => problem(obstacle.to_string(), &obstacle.hint()),
        Ok(_) if !directory.is_dir() => problem(format!("`{}` is not a directory", directory.display()), "correct the path"),
        Ok(real) if path_access::may_write(&real) => None,
        Ok(_) => {
            let hint = format!(
                "create a separate directory with `install -d -o {} DIRECTORY`, and name that one",
                interpreter::permissions::own_word()
            );
            problem(format!("user {} may not write to it", path_access::own_name()), &hint)
        }
    }
}

fn unusable(option: &str, path: &[u8], cause: &str, hint: &str) -> StartError {
    let path = String::from_utf8_lossy(path);
    StartError::new(
        &log_code::DIRECTORY_NOT_USABLE,
        format!("`{option}=` names `{path}`: {cause}. To fix: {hint}; a relative path is resolved against `ServerRoot`"),
    )
}

/// Apache's children connect as its user: they must get to where the sockets will be.
fn sockets(request: &Request) -> Option<StartError> {
    if request.sockets.is_empty() {
        return None;
    }
    let (directory, named) = (path(&request.sockets), request.sockets_named);
    let obstacle = path_access::enter(&directory).err()?;
    // Not there yet: the start makes it, or says why it can't.
    if matches!(obstacle.kind, Kind::Missing) && !named {
        return None;
    }
    let who = if named { "the directory of WSGISocketPrefix" } else { "httpd's runtime directory (DefaultRuntimeDir)" };
    let other = if named {
        "set `WSGISocketPrefix` to another directory"
    } else {
        "set `WSGISocketPrefix` to an accessible directory, for example `WSGISocketPrefix /run/wsgi`"
    };
    let text = format!(
        "user {} cannot reach the sockets of the process groups in {who}: {obstacle}. To fix: {}; or {other}",
        path_access::own_name(),
        obstacle.hint()
    );
    Some(StartError::new(&log_code::SOCKET_OUT_OF_REACH, text))
}
