/*! The same questions at configtest, where nothing may be loaded: is there a Python that Apache's user can use?

The state of the machine is a warning there, never an error. A helper that has become Apache's user looks at the files and asks the interpreter; where configtest does
not run as root it looks at the files alone, and says so. *Runs in: parent (configtest).* */

use std::os::unix::ffi::{OsStrExt as _, OsStringExt};

use interpreter::Problem;
use protocol::probe::{Identity, Request};
use protocol::{Level, log_code};

use super::{companion, dynlib};
use crate::httpd::{Log, Server, module_config};
use crate::probe::{self, Found};
use config::plan::Machine;
use config::settings::ProcessSettings;
use config::whole::{self, Groups, ServerView, named_scripts};

/// All servers, as the functions of `config::whole` want them.
pub fn views<'s>(main: Server<'s>) -> Vec<ServerView<'s>> {
    main.all()
        .map(|server| ServerView {
            config: module_config::of_server(server),
            directory: module_config::of_sections(server),
            host: server.host(),
            port: server.configured_port(),
            reachable: server.is_reachable(),
        })
        .collect()
}

/// Warns of what would keep Python from starting in a child, if the configuration asks for a Python there. A `WSGIPythonHome` that only daemon
/// groups use is looked at with them, as their users.
pub fn warn(main: Server<'_>, machine: &dyn Machine) {
    let log = Log::Server(main);
    let settings = &module_config::of_server(main).process;
    let servers = views(main);
    let maps = whole::starts_python(&servers);
    if !maps && (settings.python_home.is_none() || Groups::new(&servers).iter().next().is_some()) {
        return;
    }
    let request = request(settings, maps, machine).map(|request| Request { scripts: named_scripts(None, &servers), ..request });
    let problems = request.map_or_else(|problem| vec![problem], |request| ask(&request));
    let privileged_or_said = machine.privileged() || !problems.is_empty();
    for problem in problems {
        log.line(Level::Warning, format_args!("{}: {problem}", problem.code()));
    }
    if !privileged_or_said {
        log.coded(
            &log_code::PYTHON_NOT_CHECKED,
            format_args!(
                "the interpreter was not run, because configtest does not run as root (hint: `sudo apachectl configtest`)"
            ),
        );
    }
}

/// Who Apache's children are, for a helper; `None` where configtest does not run as root.
///
/// # Errors
/// That they would be root, or that nothing says who they are.
pub fn identity(machine: &dyn Machine) -> Result<Option<Identity>, Problem> {
    if !machine.privileged() {
        return Ok(None);
    }
    let (uid, gid) = machine.httpd();
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
    let groups = machine.user_by_id(uid).map_or_else(|| vec![gid], |user| machine.groups_of(&user.name, gid));
    Ok(Some(Identity { uid, gid, groups }))
}

/// What is asked. `maps`: Python will be started in each child, so its library is needed.
fn request(settings: &ProcessSettings, maps: bool, machine: &dyn Machine) -> Result<Request, Problem> {
    let identity = identity(machine)?;
    let mut request = Request {
        user: user_name(identity.as_ref(), machine),
        run: identity.is_some(),
        library: maps,
        embedded: true,
        python: true,
        engine: companion::engine()?.as_os_str().as_bytes().to_vec(),
        identity,
        ..Request::default()
    };
    name_home(&mut request, settings);
    Ok(request)
}

/// Enters what `WSGIPythonHome` names, or `PATH`.
pub fn name_home(request: &mut Request, settings: &ProcessSettings) {
    match &settings.python_home {
        Some(home) => {
            request.home = home.prefix.to_vec();
            request.exec_prefix = home.exec_prefix.as_deref().map(<[u8]>::to_vec);
            request.said_by = format!("WSGIPythonHome at {}", home.place).into_bytes();
        }
        None => request.path = std::env::var_os("PATH").map(OsStringExt::into_vec).unwrap_or_default(),
    }
}

/// The name of who a helper becomes, for messages: empty where it stays what it is.
pub fn user_name(identity: Option<&Identity>, machine: &dyn Machine) -> Vec<u8> {
    identity.map_or_else(Vec::new, |who| {
        machine.user_by_id(who.uid).map_or_else(|| format!("#{}", who.uid).into_bytes(), |user| user.name)
    })
}

fn ask(request: &Request) -> Vec<Problem> {
    let Some(Found { mut problems, library }) = probe::ask(std::slice::from_ref(request)).pop() else { return Vec::new() };
    problems.extend(library.and_then(|library| dynlib::check_alone(&library).err()));
    problems
}
