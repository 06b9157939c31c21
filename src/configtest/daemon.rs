/*! Configtest's questions about the daemon groups: can each group's user run its Python, reach the engine, and be reached by Apache?

All that is found is the state of the machine, so it is a warning. Each group's files are looked at by a probe that has become the group's user, and nothing
that a configuration names is run with root's rights. *Runs in: parent (configtest).* */

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use protocol::probe::{Identity, Request};
use protocol::{Level, log_code};

use super::locale;
use super::probe;
use super::questions::{self, name_home, user_name};
use crate::daemon::parent::socket_directory;
use crate::httpd::configuration::module_config;
use crate::httpd::configuration::views::views;
use crate::httpd::system::host_info::ThisHost;
use crate::httpd::{Log, Server};
use crate::install_paths;
use config::daemon::{DaemonProcess, Python};
use config::daemon_plan::{HostInfo, identity};
use config::error::quoted;
use config::global_checks::{Groups, named_scripts};
use config::settings::ProcessSettings;

/// Warns of what would keep groups from serving.
pub fn warn(main: Server<'_>, machine: &ThisHost) {
    let servers = views(main);
    let groups = Groups::new(&servers);
    let settings = &module_config::of_server(main).process;
    let log = Log::Server(main);
    if groups.iter().next().is_none() {
        return;
    }
    if let Err(problem) = install_paths::supervisor() {
        log.line(Level::Warning, format_args!("{}: {problem}", problem.code()));
    }
    let engine = install_paths::engine();
    let mut asked = vec![sockets(settings, machine)];
    let mut processes = Vec::new();
    for group in groups.iter() {
        // Users that do not exist have been told of before.
        let Ok(found) = identity::of(&group.process, machine) else { continue };
        let directory = group.process.home.as_deref().unwrap_or(&found.directory);
        let file = engine.as_ref().map_or_else(|_| Vec::new(), |engine| engine.as_os_str().as_bytes().to_vec());
        let asks = request(&group.process, settings, directory, file, found.identity, machine);
        asked.push(asks.map(|asks| Request { scripts: named_scripts(Some(group), &servers), ..asks }));
        processes.push(&group.process);
    }
    // One that is not asked is an empty question.
    let requests: Vec<Request> = asked.into_iter().map(Option::unwrap_or_default).collect();
    let mut answers = probe::ask(&requests).into_iter();
    // Whether root's sockets are safe there is about root's own way to them.
    let safe = if machine.privileged() {
        socket_directory::check(settings, &machine.runtime_directory(), machine.httpd().0)
    } else {
        Ok(())
    };
    for problem in answers.next().into_iter().flat_map(|found| found.problems).chain(safe.err()) {
        log.line(Level::Warning, format_args!("{}: {problem}", problem.code()));
    }
    let installed = locale::Installed::ask();
    for (process, found) in processes.iter().zip(answers) {
        let own = engine.as_ref().err().filter(|_| process.chroot.is_none()).cloned();
        for problem in found.problems.into_iter().chain(own).chain(locale::check(process, &installed)) {
            let name = quoted(&process.name);
            log.line(
                Level::Warning,
                format_args!("{}: WSGIDaemonProcess {name} at {}: {problem}", problem.code(), process.defined_at),
            );
        }
    }
    if !machine.privileged() {
        log.log_code(
            &log_code::PYTHON_NOT_CHECKED,
            format_args!(
                "the interpreters of the process groups were not run, because configtest does not run as root. To fix: run `sudo apachectl configtest`"
            ),
        );
    }
}

/// What is asked about a group. `directory`: where its processes begin, empty for where httpd is.
fn request(
    process: &DaemonProcess,
    settings: &ProcessSettings,
    directory: &[u8],
    engine: Vec<u8>,
    who: protocol::plan::Identity,
    machine: &ThisHost,
) -> Option<Request> {
    let identity = machine.privileged().then_some(Identity { uid: who.uid, gid: who.gid, groups: who.groups });
    // Only root can look from inside, and such a group needs root anyway.
    if process.chroot.is_some() && identity.is_none() {
        return None;
    }
    let mut request = Request {
        user: user_name(identity.as_ref(), machine),
        run: identity.is_some(),
        root: process.chroot.as_deref().unwrap_or_default().to_vec(),
        engine,
        python: true,
        directory: directory.to_vec(),
        directory_named: process.home.is_some(),
        python_path: process.python_path.iter().map(|path| path.to_vec()).collect(),
        python_eggs: process.python_eggs.as_deref().unwrap_or_default().to_vec(),
        identity,
        ..Request::default()
    };
    match &process.python {
        Some(Python::Executable(path)) => request.executable = path.to_vec(),
        Some(Python::Home { prefix, exec_prefix }) => {
            request.home = prefix.to_vec();
            request.exec_prefix = exec_prefix.as_deref().map(<[u8]>::to_vec);
            request.said_by = b"`python-home=`".to_vec();
        }
        None => name_home(&mut request, settings),
    }
    Some(request)
}

/// Where the sockets will be, asked as Apache's user. Where that is nobody else, the start finds out.
fn sockets(settings: &ProcessSettings, machine: &ThisHost) -> Option<Request> {
    let identity = questions::identity(machine).ok().flatten()?;
    let runtime = machine.runtime_directory();
    let (directory, named) = match &settings.socket_prefix {
        Some(prefix) => (Path::new(OsStr::from_bytes(prefix)).parent()?, true),
        None => (Path::new(OsStr::from_bytes(&runtime)), false),
    };
    let sockets = directory.as_os_str().as_bytes().to_vec();
    Some(Request { identity: Some(identity), sockets, sockets_named: named, ..Request::default() })
}
