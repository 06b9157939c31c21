/*! One configuration's plan. *Runs in: parent.* */

use std::time::Duration;

use protocol::plan::{Group, Identity, Plan, Script};
use protocol::settings::{EngineSettings, MainChoice, ScriptOwner};

use super::host_info::HostInfo;
use super::identity::{self, Found};
use super::interpreters;
use super::launch::{Launch, Resources};
use crate::daemon::{self as config, Account, DaemonProcess, chroot};
use crate::diagnostics::Finding;
use crate::global_checks::{self, DaemonGroup, Groups, ServerView};
use crate::settings::{ProcessSettings, Text};

/// The largest number of interpreters that requests may name in one process.
const MAX_DYNAMIC_INTERPRETERS: u32 = 100;

/// Which of httpd's own variables the processes of another user than httpd's get: where programs and libraries are, language, time and memory.
const INHERITED_BY_OTHERS: [&str; 13] = [
    "PATH",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TZDIR",
    "TMPDIR",
    "USER",
    "USERNAME",
    "LOGNAME",
    "LD_LIBRARY_PATH",
    "MALLOC_*",
    "GLIBC_TUNABLES",
];

/// A plan, and what could not go into it.
#[derive(Debug)]
pub struct Built {
    /// What the supervisor is told.
    pub plan: Plan,
    /// The groups that cannot run: their requests are answered with 503 and this cause, everything else is served.
    pub refused: Vec<Refused>,
}

/// A group that cannot run as it is configured on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its name.
    pub name: Text,
    /// Why, for the log.
    pub finding: Finding,
}

/// Makes the plan of a start. `servers` begins with the main server; `resources` makes or
/// finds what a group needs, and is called for those groups alone that can run.
pub fn build(
    servers: &[ServerView<'_>],
    machine: &dyn HostInfo,
    launch: &Launch,
    resources: &mut dyn FnMut(&DaemonGroup, &Identity) -> Resources,
) -> Built {
    let groups = Groups::new(servers);
    let mut built = Built {
        plan: Plan {
            generation: launch.generation,
            parent: launch.parent,
            privileged: machine.privileged(),
            engine: launch.engine.clone(),
            log_writer: None,
            main_log: launch.main_log,
            predecessor: launch.predecessor,
            lifeline: None,
            predecessor_lifeline: None,
            orphans: Vec::new(),
            next_configuration: None,
            scoreboard: None,
            replacements: machine.cores().max(1),
            groups: Vec::new(),
        },
        refused: Vec::new(),
    };
    let default = ProcessSettings::default();
    let settings = servers.first().map_or(&default, |main| &main.config.process);
    for group in groups.iter() {
        match identity::of(&group.process, machine) {
            Ok(found) => {
                let mut scripts = global_checks::scripts(group, servers);
                seen_by(&group.process, servers, &mut scripts.list);
                let main = main_choices(&group.process, servers);
                let httpds = if machine.privileged() { machine.httpd().0 } else { machine.myself().0 };
                let mut engine = engine(&group.process, settings, launch, main);
                engine.descriptors = group.process.descriptors.unwrap_or(found.identity.uid == httpds);
                engine.script_owner = script_owner(&group.process, servers, machine);
                let resources = resources(group, &found.identity);
                built.plan.groups.push(one(group, settings, machine, found, scripts, engine, resources));
            }
            Err(finding) => built.refused.push(Refused { name: group.process.name.clone(), finding: *finding }),
        }
    }
    built
}

fn one(
    group: &DaemonGroup,
    settings: &ProcessSettings,
    machine: &dyn HostInfo,
    found: Found,
    scripts: global_checks::Scripts,
    engine: EngineSettings,
    resources: Resources,
) -> Group {
    let process = &*group.process;
    // Code of somebody else's: it gets less unless the configuration says otherwise.
    let foreign = machine.privileged() && found.identity.uid != machine.httpd().0;
    Group {
        name: process.name.to_vec(),
        place: process.defined_at.as_bytes().to_vec(),
        processes: process.processes,
        threads: process.threads,
        stack_size: process.stack_size.unwrap_or(0),
        table: resources.table,
        path: Vec::new(),
        socket_directory: Vec::new(),
        socket_owner: None,
        definition: 0,
        send_buffer: process.send_buffer_size.unwrap_or(0),
        receive_buffer: process.receive_buffer_size.unwrap_or(0),
        log_server: 0,
        log: resources.log,
        log_level: resources.log_level,
        token: resources.token,
        peer: if machine.privileged() { machine.httpd().0 } else { machine.myself().0 },
        interpreters: interpreters::of(process, settings, machine.path().as_deref()),
        directory: process.home.as_deref().map_or(found.directory, <[u8]>::to_vec),
        identity: found.identity,
        chroot: written(process.chroot.as_ref()),
        environment: environment(process, settings),
        display_name: process.display_name.to_vec(),
        priority: process.cpu_priority,
        memory_limit: process.memory_limit.unwrap_or(0),
        virtual_memory_limit: process.virtual_memory_limit.unwrap_or(0),
        cpu_time_limit: process.life.cpu_time_limit.unwrap_or(0),
        no_new_privileges: process.no_new_privileges.unwrap_or(foreign),
        undumpable: !process.dumpable.unwrap_or(!foreign),
        inherited_environment: inherited(process, foreign),
        preload: scripts.preload,
        scripts: scripts.list,
        overlap: process.overlap,
        reload: scripts.reload,
        reload_always: process.reload_always,
        reload_wait: milliseconds(process.reload_wait),
        startup_timeout: limit(process.life.startup_timeout),
        request_timeout: limit(process.request_timeout),
        interrupt_timeout: limit(process.interrupt_timeout),
        graceful_timeout: milliseconds(process.life.graceful_timeout),
        graceful_explicit: process.life.graceful_explicit,
        eviction_timeout: limit(process.life.eviction_timeout),
        shutdown_timeout: limit(process.life.shutdown_timeout),
        inactivity_timeout: limit(process.life.inactivity_timeout),
        deadlock_timeout: limit(process.life.deadlock_timeout),
        restart_interval: limit(process.life.restart_interval),
        maximum_requests: process.life.maximum_requests.unwrap_or(0),
        socket_timeout: milliseconds(process.socket_timeout.unwrap_or_else(|| machine.timeout())),
        engine,
    }
}

/// Whom the main interpreter may host, with targets as the group's processes find them.
fn main_choices(process: &DaemonProcess, servers: &[ServerView<'_>]) -> Vec<MainChoice> {
    let chroot = process.chroot.as_deref();
    let choice = |(group, target): (Text, Text)| MainChoice {
        group: group.to_vec(),
        unless_directory: chroot::as_seen(chroot, &target).to_vec(),
    };
    global_checks::main_choices(&process.name, servers).into_iter().map(choice).collect()
}

/// Scripts as the group's processes find them. What an alias maps outside of a `chroot=` is not theirs to load; what `WSGIImportScript` names
/// may be written either way.
fn seen_by(process: &DaemonProcess, servers: &[ServerView<'_>], scripts: &mut Vec<Script>) {
    let Some(chroot) = process.chroot.as_deref() else { return };
    let mapped = |path: &[u8]| servers.iter().any(|server| server.config.aliases.iter().any(|alias| *alias.target == *path));
    scripts.retain(|script| chroot::inside(chroot, &script.path).is_some() || !mapped(&script.path));
    for script in scripts {
        script.path = chroot::as_seen(Some(chroot), &script.path).to_vec();
    }
}

/// Whose scripts the group's engines load, by number. An account that this machine does not have is nobody's.
fn script_owner(process: &DaemonProcess, servers: &[ServerView<'_>], machine: &dyn HostInfo) -> Option<ScriptOwner> {
    let owner = process.script_owner.as_ref()?;
    let (is_group, account) = match owner {
        config::ScriptOwner::User(account) => (false, account),
        config::ScriptOwner::Group(account) => (true, account),
    };
    let id = match account {
        Account::Id(id) => Some(*id),
        Account::Name(name) if is_group => machine.group(name),
        Account::Name(name) => machine.user(name).map(|user| user.uid),
    };
    let mapped = |path: &[u8]| servers.iter().any(|server| server.config.aliases.iter().any(|alias| *alias.target == *path));
    let imports = servers.iter().flat_map(|server| &server.config.imports);
    let named = imports.filter(|import| import.process_group == process.name && !mapped(&import.script));
    Some(ScriptOwner {
        is_group,
        id: id.unwrap_or(ScriptOwner::NOBODY),
        name: account.to_string().into_bytes(),
        or_roots: named.map(|import| chroot::as_seen(process.chroot.as_deref(), &import.script).to_vec()).collect(),
    })
}

/// A text as the plan has it: empty is none.
fn written(text: Option<&Text>) -> Vec<u8> {
    text.map_or_else(Vec::new, |text| text.to_vec())
}

/// A time as the plan has it.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A limit as the plan has it: 0 is none.
fn limit(time: Option<Duration>) -> u64 {
    time.map_or(0, milliseconds)
}

/// Which of httpd's own variables a group's processes get, as patterns: the environment in which httpd was started may hold secrets.
fn inherited(process: &DaemonProcess, foreign: bool) -> Vec<Vec<u8>> {
    match &process.env_inherit {
        Some(named) => named.iter().map(|name| name.to_vec()).collect(),
        None if foreign => INHERITED_BY_OTHERS.iter().map(|name| name.as_bytes().to_vec()).collect(),
        None => vec![b"*".to_vec()],
    }
}

/// What a group's processes find in their environment besides httpd's own.
fn environment(process: &DaemonProcess, settings: &ProcessSettings) -> Vec<Vec<u8>> {
    let bytes = |text: &Option<Text>| text.as_deref().map(<[u8]>::to_vec);
    let entries: [(&[u8], Option<Vec<u8>>); 4] = [
        (b"LANG=", bytes(&process.lang)),
        (b"LC_ALL=", bytes(&process.locale)),
        (b"PYTHON_EGG_CACHE=", bytes(&process.python_eggs)),
        (b"PYTHONHOME=", interpreters::home_in_two_parts(process, settings)),
    ];
    entries.iter().filter_map(|(name, value)| Some([name, value.as_deref()?].concat())).collect()
}

/// What the engines of a group are told. `WSGIPythonPath`, `WSGIPythonEggs` and `WSGISwitchInterval` are embedded mode's alone.
fn engine(process: &DaemonProcess, settings: &ProcessSettings, launch: &Launch, main: Vec<MainChoice>) -> EngineSettings {
    EngineSettings {
        home: interpreters::home_in_two_parts(process, settings).unwrap_or_default(),
        options: settings.python_options(),
        hash_seed: settings.python_hash_seed(),
        locale: written(process.locale.as_ref()),
        python_path: process.python_path.iter().map(|path| path.to_vec()).collect(),
        python_eggs: written(process.python_eggs.as_ref()),
        switch_interval: process.switch_interval.unwrap_or(0.0),
        restrict_stdin: settings.restrict_stdin,
        restrict_stdout: settings.restrict_stdout,
        // A service has to hear that it shall end.
        first_path: written(process.home.as_ref()),
        restrict_signal: settings.restrict_signal && !process.is_service(),
        destroy_interpreter: settings.destroy_interpreter,
        case_sensitive: settings.case_sensitive,
        process_group: process.name.to_vec(),
        group_options: process.options.clone(),
        main_group: main.first().map(|choice| choice.group.clone()).unwrap_or_default(),
        main_choices: main,
        max_dynamic_interpreters: MAX_DYNAMIC_INTERPRETERS,
        multithread: process.threads != 1,
        multiprocess: process.multiprocess,
        run_once: process.threads == 1 && process.life.maximum_requests == Some(1),
        maximum_processes: process.processes,
        threads_per_process: process.threads,
        server_metrics: process.server_metrics,
        executable: Vec::new(),
        ..launch.httpd.clone()
    }
}
