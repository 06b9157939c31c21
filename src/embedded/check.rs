/*! The same questions at configtest, where nothing may be loaded: is there a Python that Apache's user can use?

The state of the machine is a warning there, never an error. Root asks the interpreter in a helper that is Apache's user before
it runs; anybody else cannot become that user, looks at the files alone, and says so. *Runs in: parent (configtest).* */

use protocol::{Level, log_code};

use super::choose::{self, Chosen};
use super::helper::{Confinement, Identity};
use super::problem::Problem;
use super::reach::{Walker, user_name};
use super::{companion, dynlib, facts, libpython, virtualenv};
use crate::config::settings::ProcessSettings;
use crate::config::whole::{self, Groups, ServerView};
use crate::httpd::{Log, Server, config, process};

/// All servers, as the functions of `config::whole` want them.
pub fn views<'s>(main: Server<'s>) -> Vec<ServerView<'s>> {
    main.all()
        .map(|server| ServerView {
            config: config::of_server(server),
            directory: config::of_sections(server),
            host: server.host(),
            port: server.configured_port(),
            reachable: server.is_reachable(),
        })
        .collect()
}

/// Warns of what would keep Python from starting in a child, if the configuration asks for a Python there. A `WSGIPythonHome` that only daemon
/// groups use is looked at with them, as their users.
pub fn warn(main: Server<'_>) {
    let log = Log::Server(main);
    let settings = &config::of_server(main).process;
    let servers = views(main);
    let maps = whole::starts_python(&servers);
    if !maps && (settings.python_home.is_none() || Groups::new(&servers).iter().next().is_some()) {
        return;
    }
    let result = if rustix::process::geteuid().is_root() { as_apache(settings, maps) } else { from_outside(settings, log) };
    if let Err(problem) = result {
        log.line(Level::Warning, format_args!("{}: {problem}", problem.code()));
    }
}

/// As root: everything, with the rights of Apache's user.
fn as_apache(settings: &ProcessSettings, maps: bool) -> Result<(), Problem> {
    let (uid, gid) = process::unix_user();
    if uid == 0 {
        return Err(Problem::new(
            &log_code::PYTHON_AS_ROOT,
            "the children would run as root, and root runs no Python that a configuration names (hint: set `User` to an ordinary user)",
        ));
    }
    if uid == u32::MAX {
        return Err(Problem::new(
            &log_code::PYTHON_NOT_CHECKED,
            "the interpreter was not checked, because no `User` says who would run it (hint: set `User` and `Group`)",
        ));
    }
    let walker = Walker::apache(uid, gid);
    let chosen = chosen(settings, &walker)?;
    let told = |problem: Problem| chosen.told(&for_user(&problem, uid));
    virtualenv::look_around(&chosen, &walker).map_err(told)?;
    let identity = Identity { uid, gid, groups: walker.groups().to_vec() };
    let confinement = Confinement { identity: Some(&identity), root: None };
    let (facts, _) = facts::ask(&chosen.executable, confinement).map_err(told)?;
    libpython::check_version(&chosen, &facts)?;
    if maps {
        dynlib::check_alone(&libpython::find(&chosen, &facts, &walker)?)?;
    }
    virtualenv::check_version(&chosen, &facts).map_err(told)?;
    let engine = companion::engine()?;
    walker.walk(&engine).map_err(|obstacle| {
        Problem::new(
            &log_code::ENGINE_NOT_LOADED,
            format!("the engine: {obstacle} for user {} (hint: {})", user_name(uid), obstacle.hint()),
        )
    })?;
    Ok(())
}

/// As somebody else: the files alone.
fn from_outside(settings: &ProcessSettings, log: Log<'_>) -> Result<(), Problem> {
    let chosen = chosen(settings, &Walker::Myself)?;
    virtualenv::look_around(&chosen, &Walker::Myself).map_err(|problem| chosen.told(&problem))?;
    companion::engine()?;
    log.coded(
        &log_code::PYTHON_NOT_CHECKED,
        format_args!(
            "`{}` was not checked further, because configtest does not run as root (hint: `sudo apachectl configtest`)",
            chosen.executable.display()
        ),
    );
    Ok(())
}

fn chosen(settings: &ProcessSettings, walker: &Walker) -> Result<Chosen, Problem> {
    let home = settings.python_home.as_ref().map(|home| (home.parts(), &*home.place));
    choose::choose(home, walker, std::env::var_os("PATH").as_deref())
}

fn for_user(problem: &Problem, uid: u32) -> Problem {
    Problem::new(problem.code(), format!("for user {}: {problem}", user_name(uid)))
}
