/*! The same questions at configtest, where nothing may be loaded: is there a Python that Apache's user can use?

The state of the machine is a warning there, never an error. A probe that has become Apache's user looks at the files and asks the interpreter; where configtest does
not run as root it looks at the files alone, and says so. *Runs in: parent (configtest).* */

use std::os::unix::ffi::OsStrExt as _;

use interpreter::StartError;
use protocol::probe::Request;
use protocol::{Level, log_code};

use super::probe::{self, Found};
use super::questions::{identity, name_home, user_name};
use crate::embedded::dynlib;
use crate::httpd::configuration::module_config;
use crate::httpd::configuration::views::views;
use crate::httpd::{Log, Server};
use crate::install_paths;
use config::daemon_plan::HostInfo;
use config::global_checks::{self, Groups, named_scripts};
use config::settings::ProcessSettings;

/// Warns of what would keep Python from starting in a child, if the configuration asks for a Python there. A `WSGIPythonHome` that only daemon
/// groups use is looked at with them, as their users.
pub fn warn(main: Server<'_>, machine: &dyn HostInfo) {
    let log = Log::Server(main);
    let settings = &module_config::of_server(main).process;
    let servers = views(main);
    let maps = global_checks::starts_python(&servers);
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
        log.log_code(
            &log_code::PYTHON_NOT_CHECKED,
            format_args!(
                "the interpreter was not run, because configtest does not run as root. To fix: run `sudo apachectl configtest`"
            ),
        );
    }
}

/// What is asked. `maps`: Python will be started in each child, so its library is needed.
fn request(settings: &ProcessSettings, maps: bool, machine: &dyn HostInfo) -> Result<Request, StartError> {
    let identity = identity(machine)?;
    let mut request = Request {
        user: user_name(identity.as_ref(), machine),
        run: identity.is_some(),
        library: maps,
        embedded: true,
        python: true,
        engine: install_paths::engine()?.as_os_str().as_bytes().to_vec(),
        identity,
        ..Request::default()
    };
    name_home(&mut request, settings);
    Ok(request)
}

fn ask(request: &Request) -> Vec<StartError> {
    let Some(Found { mut problems, library }) = probe::ask(std::slice::from_ref(request)).pop() else { return Vec::new() };
    problems.extend(library.and_then(|library| dynlib::check_alone(&library).err()));
    problems
}
