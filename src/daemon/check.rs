/*! Configtest's questions about the daemon groups: can each group's user run its Python, reach the engine, and be reached by Apache?

All that is found is the state of the machine, so it is a warning. Nothing that a configuration names is run with root's rights:
an interpreter is asked as the group's user. *Runs in: parent (configtest).* */

use std::cell::RefCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use protocol::{Level, log_code};

use super::machine::ThisMachine;
use super::{directories, jail, locale, socket_place};
use crate::config::daemon::{DaemonProcess, Python};
use crate::config::error::quoted;
use crate::config::plan::{Machine as _, identity};
use crate::config::settings::ProcessSettings;
use crate::config::whole::Groups;
use crate::embedded::check::views;
use crate::embedded::choose::{self, Chosen};
use crate::embedded::facts::{self, Facts};
use crate::embedded::helper::{Confinement, Identity};
use crate::embedded::reach::{Obstacle, Walker, user_name};
use crate::embedded::{Problem, companion, libpython, virtualenv};
use crate::httpd::{Log, Pool, Server, config, process};

/// Warns of what would keep groups from serving.
pub fn warn(configuration: Pool<'_>, main: Server<'_>) {
    let servers = views(main);
    let groups = Groups::new(&servers);
    let machine = ThisMachine::new(configuration, main);
    let settings = &config::of_server(main).process;
    let log = Log::Server(main);
    if groups.iter().next().is_none() {
        return;
    }
    let general = companion::supervisor().err().into_iter().chain(socket_directory(settings, &machine.runtime_directory()));
    let safe = if machine.privileged() {
        socket_place::check(settings, &machine.runtime_directory(), machine.httpd().0)
    } else {
        Ok(())
    };
    let general = general.chain(safe.err());
    for problem in general {
        log.line(Level::Warning, format_args!("{}: {problem}", problem.code()));
    }
    let installed = locale::Installed::ask();
    let answers = RefCell::default();
    for group in groups.iter() {
        let process = &*group.process;
        // Users that do not exist have been told of before.
        let Ok(found) = identity::of(process, &machine) else { continue };
        let who = Identity { uid: found.identity.uid, gid: found.identity.gid, groups: found.identity.groups };
        let directory = process.home.as_deref().unwrap_or(&found.directory);
        let group = Group { process, settings, directory, who: machine.privileged().then_some(&who), answers: &answers };
        let problems = group.problems().into_iter().chain(locale::check(process, &installed));
        for problem in problems {
            let name = quoted(&process.name);
            log.line(
                Level::Warning,
                format_args!("{}: WSGIDaemonProcess {name} at {}: {problem}", problem.code(), process.place),
            );
        }
    }
    if !machine.privileged() {
        log.coded(
            &log_code::PYTHON_NOT_CHECKED,
            format_args!(
                "the interpreters of the daemon groups were not run, because configtest does not run as root (hint: `sudo apachectl configtest`)"
            ),
        );
    }
}

/// A group, and who will run it if that is somebody else than this process.
struct Group<'g> {
    process: &'g DaemonProcess,
    settings: &'g ProcessSettings,
    /// Where its processes begin; empty for where httpd is.
    directory: &'g [u8],
    who: Option<&'g Identity>,
    answers: &'g RefCell<Vec<Answer>>,
}

/// What an interpreter has said when it was run as somebody.
struct Answer {
    executable: PathBuf,
    who: Identity,
    facts: Result<Facts, Problem>,
}

impl Group<'_> {
    fn problems(&self) -> Vec<Problem> {
        match (&self.process.chroot, self.who) {
            (Some(root), Some(who)) => jail::missing(Path::new(OsStr::from_bytes(root)), &self.candidates(), who),
            // Only root can look from inside, and such a group needs root anyway.
            (Some(_), None) => Vec::new(),
            (None, _) => {
                let own = self.working_directory().err().into_iter().chain(self.python().err());
                own.chain(directories::check(self.process, &self.walker())).collect()
            }
        }
    }

    fn walker(&self) -> Walker {
        self.who.map_or(Walker::Myself, |who| {
            let groups = std::iter::once(who.gid).chain(who.groups.iter().copied()).collect();
            Walker::User { uid: who.uid, groups }
        })
    }

    /// Its user must be able to enter it (to read it is another matter).
    fn working_directory(&self) -> Result<(), Problem> {
        let directory = Path::new(OsStr::from_bytes(self.directory));
        match self.walker().walk(&directory.join("a file")) {
            _ if self.directory.is_empty() => Ok(()),
            Err(Obstacle::Missing(at)) if at.parent() == Some(directory) => Ok(()),
            Err(obstacle) => {
                let named = if self.process.home.is_some() { "`home=`" } else { "the user's home, its working directory," };
                let text = format!(
                    "{named} cannot be entered: {obstacle} (hint: {}; or name another directory with `home=`)",
                    obstacle.hint()
                );
                Err(Problem::new(&log_code::PROCESS_NOT_PREPARED, text))
            }
            Ok(_) => Ok(()),
        }
    }

    fn python(&self) -> Result<(), Problem> {
        let walker = self.walker();
        let told = |problem: Problem| match self.who {
            Some(who) => Problem::new(problem.code(), format!("for user {}: {problem}", user_name(who.uid))),
            None => problem,
        };
        let chosen = self.chosen(&walker).map_err(told)?;
        let told = |problem: Problem| told(chosen.told(&problem));
        virtualenv::look_around(&chosen, &walker).map_err(told)?;
        let engine = companion::engine()?;
        walker.walk(&engine).map_err(|obstacle| told(engine_out_of_reach(&obstacle)))?;
        let Some(who) = self.who else { return Ok(()) };
        let facts = self.facts(&chosen.executable, who).map_err(told)?;
        libpython::check_version(&chosen, &facts)?;
        virtualenv::check_version(&chosen, &facts).map_err(told)
    }

    /// Asks once for all groups: one that hangs takes its whole time.
    fn facts(&self, executable: &Path, who: &Identity) -> Result<Facts, Problem> {
        let mut answers = self.answers.borrow_mut();
        if let Some(known) = answers.iter().find(|known| known.executable == executable && known.who == *who) {
            return known.facts.clone();
        }
        let facts = facts::ask(executable, Confinement { identity: Some(who), root: None }).map(|(facts, _)| facts);
        answers.push(Answer { executable: executable.to_owned(), who: who.clone(), facts: facts.clone() });
        facts
    }

    /// As the supervisor chooses.
    fn chosen(&self, walker: &Walker) -> Result<Chosen, Problem> {
        match (&self.process.python, &self.settings.python_home) {
            (Some(Python::Executable(path)), _) => executable(path, walker),
            (Some(Python::Home { prefix, exec_prefix }), _) => {
                choose::in_parts((prefix, exec_prefix.as_deref()), "`python-home=`", walker)
            }
            (None, Some(home)) => {
                let said_by = format!("WSGIPythonHome at {}", home.place);
                choose::in_parts(home.parts(), &said_by, walker)
            }
            (None, None) => choose::choose(None, walker, std::env::var_os("PATH").as_deref()),
        }
    }

    /// What may be the interpreter, as a group with a root directory of its own sees it.
    fn candidates(&self) -> Vec<PathBuf> {
        let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
        let home = |home: &[u8]| vec![path(home).join("bin/python"), path(home).join("bin/python3")];
        match (&self.process.python, &self.settings.python_home) {
            (Some(Python::Executable(executable)), _) => vec![path(executable)],
            (Some(Python::Home { prefix, exec_prefix }), _) => home(exec_prefix.as_ref().unwrap_or(prefix)),
            (None, Some(named)) => home(named.exec_prefix.as_ref().unwrap_or(&named.prefix)),
            (None, None) => choose::USUAL.iter().map(PathBuf::from).collect(),
        }
    }
}

/// The interpreter that `python=` names.
fn executable(path: &[u8], walker: &Walker) -> Result<Chosen, Problem> {
    const SAID_BY: &str = "`python=`";
    let path = PathBuf::from(OsStr::from_bytes(path));
    let broken = |cause: String, hint: &str| {
        Err(Problem::new(&log_code::PYTHON_HOME_BROKEN, format!("{SAID_BY}: {cause} (hint: {hint})")))
    };
    if let Err(obstacle) = walker.walk(&path) {
        return broken(obstacle.to_string(), &obstacle.hint());
    }
    if path.is_dir() {
        let hint = format!("write `python-home={0}`, or the executable in it, as `python={0}/bin/python`", path.display());
        return broken(format!("`{}` is a directory", path.display()), &hint);
    }
    // A virtualenv's interpreter finds its home by its own path.
    let home = path.parent().and_then(Path::parent).filter(|home| home.join("pyvenv.cfg").is_file()).map(Path::to_owned);
    Ok(Chosen { executable: path, home, reason: SAID_BY.to_owned() })
}

fn engine_out_of_reach(obstacle: &Obstacle) -> Problem {
    Problem::new(&log_code::ENGINE_NOT_LOADED, format!("the engine: {obstacle} (hint: {})", obstacle.hint()))
}

/// Apache's children connect as its user: they must get to where the sockets will be.
fn socket_directory(settings: &ProcessSettings, runtime: &[u8]) -> Option<Problem> {
    let (uid, gid) = process::unix_user();
    if uid == u32::MAX || !rustix::process::geteuid().is_root() {
        return None;
    }
    let (directory, named) = match &settings.socket_prefix {
        Some(prefix) => (Path::new(OsStr::from_bytes(prefix)).parent()?.to_owned(), true),
        None => (PathBuf::from(OsStr::from_bytes(runtime)), false),
    };
    // Not there yet: the start makes it, or says why it can't.
    let walked = Walker::apache(uid, gid).walk(&directory.join("a socket"));
    let (cause, hint) = match walked {
        Err(Obstacle::Missing(at)) if !named || at.parent() == Some(&directory) => return None,
        Ok(_) => return None,
        Err(obstacle) => (obstacle.to_string(), obstacle.hint()),
    };
    let who = if named { "the directory of WSGISocketPrefix" } else { "httpd's runtime directory (DefaultRuntimeDir)" };
    let other = if named {
        "name another directory with `WSGISocketPrefix`"
    } else {
        "name an open one with `WSGISocketPrefix /run/wsgi`"
    };
    let text = format!(
        "the sockets of the daemon groups cannot be reached by user {} in {who}: {cause} (hint: {hint}; or {other})",
        user_name(uid)
    );
    Some(Problem::new(&log_code::SOCKET_OUT_OF_REACH, text))
}
