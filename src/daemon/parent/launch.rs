/*! A configuration generation's daemons: planned, given what they need, and handed to a supervisor of their own.

Nothing here waits, because while the configuration is read nobody serves. A group keeps its table and its secret for as long as the parent
lives. Where its definition did not change, the children of the new generation use the old one's processes until the new ones are ready, so that no
request waits for a Python that starts; where it did, they wait for processes of the new definition, and the supervisors agree when
the old ones go. *Runs in: parent.* */

use std::os::fd::IntoRawFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::kept::{self, Kept};
use protocol::log_code;
use protocol::plan::{self, Plan};
use protocol::table::{self, MOST_SLOTS};

use super::{log_writer, socket_directory, supervisor};
use crate::daemon::group::{DAEMONS, Daemons, Group};
use crate::daemon::scoreboard::Published;
use crate::daemon::share::Shares;
use crate::httpd::configuration::module_config;
use crate::httpd::configuration::views::views;
use crate::httpd::pool::Key;
use crate::httpd::system::host_info::ThisHost;
use crate::httpd::system::{descriptor, process, retained};
use crate::httpd::{Log, Pool, Server};
use crate::install_paths;
use config::daemon::{Account, DaemonProcess};
use config::daemon_plan::{HostInfo, Launch, Resources, build, socket};
use config::global_checks::{DaemonGroup, Groups};
use config::settings::ProcessSettings;

/// The configuration is complete: its groups are started.
pub fn post_config(configuration: Pool<'_>, main: Server<'_>) {
    if process::is_rehearsal() {
        return;
    }
    let mut kept = retained::load();
    kept.generation = kept.generation.saturating_add(1);
    supervisor::forget_missed(&mut kept);
    log_writer::watch(configuration, &mut kept);
    let servers = views(main);
    let groups = Groups::new(&servers);
    if groups.iter().next().is_none() && kept.supervisors.is_empty() {
        return;
    }
    // Before anything that may be said about a group; it inherits nothing that is made below.
    let log_writer = groups.iter().next().and_then(|_| log_writer::begin(configuration, main, &mut kept));
    let machine = ThisHost::new(configuration, main);
    // What is the same in two generations is compared before the sockets are known.
    let mut no_resources = |_: &DaemonGroup, _: &plan::Identity| Resources::default();
    let built = build(&servers, &machine, &launch(&kept, main), &mut no_resources);
    let settings = &module_config::of_server(main).process;
    let mut start = Start { main, machine: &machine, settings, kept: &mut kept, log_writer: log_writer.is_some() };
    let mut plan = built.plan;
    plan.log_writer = log_writer.map(number);
    let mut refused: Vec<(Vec<u8>, String)> =
        built.refused.iter().map(|one| (one.name.to_vec(), one.finding.text.to_string())).collect();
    for one in &built.refused {
        Log::Server(main).line(one.finding.code.level, format_args!("{}", one.finding));
    }
    plan.groups.retain_mut(|group| {
        let Some(declared) = groups.get(&group.name) else { return false };
        match start.equip(group, declared) {
            Ok(()) => true,
            Err(why) => {
                Log::Server(main)
                    .log_code(&log_code::SOCKET_NOT_MADE, format_args!("group {}: {why}", config::error::quoted(&group.name)));
                refused.push((group.name.clone(), why));
                false
            }
        }
    });
    let scoreboard = scoreboard(main, &plan, &mut kept);
    plan.scoreboard = scoreboard.as_ref().map(|file| number(file.number()));
    let trouble = supervisor::begin(configuration, main, &mut kept, &plan).err();
    let daemons = daemons(groups, &plan, &kept, &refused, trouble.as_deref(), scoreboard);
    retained::keep(Log::Server(main), &kept);
    configuration.remember(&DAEMONS, daemons);
    configuration.remember(&PARENTS, Parents { pid: std::process::id() });
    configuration.at_end(supervisor::configuration_ends);
}

/// A configuration with the module in it has been read: supervisors hear of it before httpd closes the pipe by which they would learn the opposite.
pub fn announce() {
    if !process::is_rehearsal() && !process::is_configtest() {
        supervisor::announce(&retained::load());
    }
}

/// The file for httpd's scoreboard, if a group may ask for it.
fn scoreboard(main: Server<'_>, plan: &Plan, kept: &mut Kept) -> Option<Published> {
    if !plan.groups.iter().any(|group| group.engine.server_metrics) {
        return None;
    }
    let failed = |error: &std::io::Error| {
        Log::Server(main).log_code(
            &log_code::SCOREBOARD_NOT_SHARED,
            format_args!("could not create the file from which daemon processes read httpd's scoreboard: {error}"),
        );
    };
    // Processes that go on have the file open.
    if let Some(file) = kept.scoreboard.and_then(descriptor::lend) {
        return Published::kept(file).inspect_err(failed).ok();
    }
    let made = Published::new().inspect_err(failed).ok()?;
    kept.scoreboard = made.file().try_clone_to_owned().ok().map(IntoRawFd::into_raw_fd);
    Some(made)
}

/// Now and then, in httpd's main loop.
pub fn look(main: Server<'_>) {
    supervisor::look(main);
    if let Some(file) = main.remembered(&DAEMONS).and_then(|daemons| daemons.scoreboard.as_ref()) {
        file.refresh();
    }
}

/// Who the parent is.
struct Parents {
    pid: u32,
}

const PARENTS: Key<Parents> = Key::new(c"mod_wsgi_rs:parents");

/// A child closes what is the parent's.
pub fn child_init(main: Server<'static>) {
    let Some(parents) = main.remembered(&PARENTS) else { return };
    // With `-X` the parent is the child.
    if parents.pid != std::process::id() {
        // As it is now: the parent may have let go of some since the configuration was read, and their numbers may be others'.
        log_writer::close_parents(&retained::load(), None);
    }
}

fn launch(kept: &Kept, main: Server<'_>) -> Launch {
    let engine = install_paths::engine().map(|path| path.as_os_str().as_bytes().to_vec()).unwrap_or_default();
    Launch {
        generation: kept.generation,
        parent: std::process::id(),
        engine,
        main_log: number(main.log_descriptor().unwrap_or(2)),
        predecessor: None,
        httpd: process::settings(),
    }
}

fn number(descriptor: i32) -> u32 {
    u32::try_from(descriptor).unwrap_or(2)
}

/// What the groups of a start are equipped with.
struct Start<'s> {
    main: Server<'s>,
    machine: &'s ThisHost,
    settings: &'s ProcessSettings,
    kept: &'s mut Kept,
    /// There is a log writer.
    log_writer: bool,
}

impl Start<'_> {
    /// Gives a group its log, its table and its secret.
    fn equip(&mut self, group: &mut plan::Group, declared: &DaemonGroup) -> Result<(), String> {
        let definition = definition(group);
        let server = self.main.all().nth(declared.server).unwrap_or(self.main);
        // Where the log writer has the logs, the supervisor needs none but the main one: to close a descriptor may wait for a file system, too.
        let own = if self.log_writer { None } else { server.log_descriptor() };
        group.log = number(own.or_else(|| self.main.log_descriptor()).unwrap_or(2));
        group.log_server = u32::try_from(declared.server).unwrap_or(0);
        group.log_level = u32::try_from(server.log_level()).unwrap_or(0);
        if declared.process.is_service() {
            return Ok(());
        }
        let place = socket(
            self.settings,
            &self.machine.runtime_directory(),
            std::process::id(),
            self.kept.generation,
            group.identity.uid,
            declared.number,
        )
        .map_err(|error| error.to_string())?;
        if self.machine.privileged() {
            socket_directory::check(self.settings, &self.machine.runtime_directory(), self.machine.httpd().0)
                .map_err(|problem| format!("{}: {problem}", problem.code()))?;
        }
        group.socket_owner =
            if self.machine.privileged() { Some(self.owner(declared.process.socket_user.as_ref())?) } else { None };
        let kept = self.keep(group, &place.path, definition)?;
        group.table = Some(number(kept.table));
        group.path.clone_from(&kept.path);
        group.definition = kept.number;
        group.token = kept.token;
        group.socket_directory = place.directory.unwrap_or_default();
        Ok(())
    }

    /// What the parent keeps of a group: as it is, with its new definition, or made. `path` is where its sockets would be. A group whose processes become
    /// another user's gets another table and another secret: who ran them before has mapped the one, and knows the other.
    fn keep(&mut self, group: &plan::Group, path: &[u8], definition: Vec<u8>) -> Result<&kept::Group, String> {
        let (name, processes, identity) = (&group.name, group.processes, group.identity.encode());
        let generation = self.kept.generation;
        let directory = |path: &[u8]| Path::new(std::ffi::OsStr::from_bytes(path)).parent().map(Path::to_path_buf);
        // Two generations side by side, each with a successor for every process.
        let slots = processes.saturating_mul(4).clamp(64, MOST_SLOTS);
        let known = self.kept.groups.iter().position(|group| {
            group.is(name, &identity)
                && is_whole(group.table)
                && group.slots >= processes.saturating_mul(2)
                && directory(&group.path) == directory(path)
        });
        if let Some(group) = known.and_then(|known| self.kept.groups.get_mut(known)) {
            group.generation = generation;
            if group.definition != definition {
                group.definition = definition;
                group.number = group.number.wrapping_add(1);
            }
        } else {
            let failed = |error: std::io::Error| format!("could not create the table of its processes: {error}");
            let file = shared_memory::make(c"mod_wsgi_rs-table", size_of::<u32>() * table::words(slots), &table::BEGINNING)
                .map_err(failed)?;
            let token = match self.kept.groups.iter().find(|group| group.is(name, &identity)) {
                Some(known) => known.token,
                None => random()?,
            };
            // Where names stay the same over generations another table's processes may be there.
            let taken = self.kept.groups.iter().any(|group| *group.path == *path);
            let path = if taken { [path, format!(".{generation}").as_bytes()].concat() } else { path.to_vec() };
            self.kept.groups.push(kept::Group {
                name: name.clone(),
                identity,
                path,
                token,
                table: file.into_raw_fd(),
                slots,
                definition,
                number: 1,
                generation,
            });
        }
        let found = known.or_else(|| self.kept.groups.len().checked_sub(1));
        found.and_then(|found| self.kept.groups.get(found)).ok_or_else(|| "the table of its processes is missing".to_owned())
    }

    fn owner(&self, account: Option<&Account>) -> Result<u32, String> {
        match account {
            None => Ok(self.machine.httpd().0),
            Some(Account::Id(uid)) => Ok(*uid),
            Some(Account::Name(name)) => self
                .machine
                .user(name)
                .map(|user| user.uid)
                .ok_or_else(|| format!("`socket-user=` names the user {}, who does not exist", config::error::quoted(name))),
        }
    }
}

/// What must be the same for two generations to use each other's processes: all that the group is told, and the build that tells it.
fn definition(group: &plan::Group) -> Vec<u8> {
    [env!("CARGO_PKG_VERSION").as_bytes(), &protocol::frame::VERSION.to_le_bytes(), &group.form().encode()].concat()
}

/// Does a table have this layout? Whoever has mapped it may have written over it; then its group gets another one.
fn is_whole(table: i32) -> bool {
    let mut beginning = [0; table::BEGINNING.len()];
    let read = descriptor::lend(table).map(|file| rustix::io::pread(file, &mut beginning, 0));
    matches!(read, Some(Ok(_))) && beginning == table::BEGINNING
}

fn random() -> Result<[u8; 16], String> {
    let mut token = [0; 16];
    let mut filled = 0;
    while let Some(rest) = token.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(format!("could not get random numbers for its secret: {error}")),
        }
    }
    Ok(token)
}

/// How long a request may run by the limits of its group, which its process enforces, and a grace.
fn most_time(process: &DaemonProcess) -> Option<Duration> {
    const GRACE: Duration = Duration::from_secs(5);
    let ends = process.interrupt_timeout.unwrap_or_default().saturating_add(process.life.shutdown_timeout.unwrap_or_default());
    process.request_timeout.map(|limit| limit.saturating_add(ends).saturating_add(GRACE))
}

/// What the children are to know.
fn daemons(
    access: Groups,
    plan: &Plan,
    kept: &Kept,
    refused: &[(Vec<u8>, String)],
    trouble: Option<&str>,
    scoreboard: Option<Published>,
) -> Daemons {
    let milliseconds = |limit: u64| Duration::from_millis(if limit == 0 { u64::MAX / 1000 } else { limit });
    let groups = access
        .iter()
        .map(|declared| {
            let process = &declared.process;
            let planned = plan.groups.iter().find(|group| *group.name == *process.name);
            let known =
                kept.groups.iter().rev().find(|group| *group.name == *process.name && group.generation == plan.generation);
            let cause = refused.iter().find(|(name, _)| **name == *process.name).map(|(_, why)| why.clone());
            Group {
                name: process.name.clone(),
                defined_at: Arc::clone(&process.defined_at),
                path: known.map(|known| known.path.clone()).unwrap_or_default(),
                token: known.map(|known| known.token).unwrap_or_default(),
                descriptors: planned.is_some_and(|group| group.engine.descriptors),
                listener: rustix::process::geteuid().as_raw(),
                table: known.map(|known| known.table),
                definition: known.map_or(0, |known| known.number),
                generation: plan.generation,
                main_group: planned
                    .map(|group| &group.engine.main_group)
                    .filter(|name| !name.is_empty())
                    .map(|name| name.as_slice().into()),
                connect_timeout: process.connect_timeout,
                listen_backlog: process.listen_backlog,
                maximum_in_flight: process.maximum_in_flight,
                // As the kernel has it, there always is room for one.
                ahead: process.listen_backlog.max(1).div_ceil(process.processes.max(1)),
                reload_wait: process.reload_wait,
                queue_timeout: process.queue_timeout,
                request_timeout: process.request_timeout,
                most_time: most_time(process),
                header_buffer_size: process.header_buffer_size,
                socket_timeout: milliseconds(planned.map_or(0, |group| group.socket_timeout)),
                has_socket_timeout: process.socket_timeout.is_some(),
                response_flush_delay: process.response_flush_delay,
                response_buffer_size: process.response_buffer_size,
                response_socket_timeout: process.response_socket_timeout.or(process.socket_timeout),
                service: process.is_service(),
                chroot: process.chroot.clone(),
                server_metrics: process.server_metrics,
                script_owner: process.script_owner.clone(),
                refused: cause.or_else(|| trouble.map(str::to_owned)),
            }
        })
        .collect::<Vec<_>>();
    // Those of a restart that are on their way out keep their places for a while.
    let children = usize::try_from(process::settings().apache_maximum_processes).unwrap_or(0).saturating_mul(2).clamp(16, 4096);
    let shares = Shares::new(groups.len(), children).ok();
    Daemons { access, scoreboard, groups, shares }
}
