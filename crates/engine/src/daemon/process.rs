/*! A daemon process from its first message to its end. *Runs in: daemon.* */

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use protocol::Level;
use protocol::control::{Message, Process, Version};
use protocol::log_code::PROCESS_NOT_STARTED;
use protocol::table::Place;
use rustix::fs::FileType;

use super::limits::{faults, watch};
use super::scoreboard;
use super::workers::worker_threads;
use crate::capi::thread::{self, Handle};
use crate::capi::{self, overwrite_arguments};
use crate::daemon::channel::connections::Connections;
use crate::daemon::control::Control;
use crate::daemon::descriptors::{self, Descriptor, adopt};
use crate::daemon::reload::{script_watch, scripts};
use crate::daemon::state::{Parts, Shared};
use crate::daemon::workers::gate_thread;
use crate::daemon::workers::table_slot::TableSlot;
use crate::daemon::workers::worker_slot;
use crate::gateway;
use crate::interpreter::registry::{self, Registry};
use crate::interpreter::script::{self, NotLoaded, Reload, ScriptHooks, Wanted};
use crate::interpreter::source;
use crate::logging::{self, ProcessLog};

/// So many connections are kept at least: of a prefork httpd, each child has one.
const LEAST_CONNECTIONS: usize = 256;

/// What the process does about scripts that are loaded: the supervisor hears of them, and their files are watched.
struct Hooks(Arc<Shared>);

impl ScriptHooks for Hooks {
    fn version(&self, path: &[u8]) -> Option<Version> {
        scripts::version(path)
    }

    fn loaded(&self, path: &[u8], mtime: i64, version: Option<Version>, application_group: &[u8]) {
        self.0.lifecycle.script_loaded();
        self.0.script_versions.loaded(path, mtime);
        if let Some(message) = self.0.scripts.loaded(path, version.unwrap_or_default(), application_group) {
            self.0.control.send(&message);
        }
    }

    fn is_successor(&self) -> bool {
        let beside = self.0.process.scripts_must_load || (self.0.process.follows && self.0.table_slot.has_others());
        beside && !self.0.ready.load(Ordering::Acquire)
    }
}

/// The process's own lines go to the supervisor, which writes them to the group's log: `<level>` and the text.
struct StandardError;

impl ProcessLog for StandardError {
    fn line(&self, level: Level, text: &[u8], file: &[u8], line: i32) {
        let mut out = format!("<{}>", level as i32).into_bytes();
        if !file.is_empty() {
            out.extend_from_slice(format!("{}:{line}: ", String::from_utf8_lossy(file)).as_bytes());
        }
        out.extend_from_slice(text);
        out.push(b'\n');
        // A log that can't be written must not stop anybody.
        let _written = rustix::io::write(rustix::stdio::stderr(), &out);
    }

    fn takes(&self, _level: Level) -> bool {
        true
    }
}

/// What the supervisor has left open for the process.
pub struct Inherited {
    /// The way to the supervisor.
    pub control: OwnedFd,
    /// The listening socket.
    pub listener: OwnedFd,
    /// The memory file that outlives the process.
    pub memory: OwnedFd,
    /// The group's table.
    pub table: OwnedFd,
    /// What shows that the process lives.
    pub lifeline: OwnedFd,
    /// What httpd's scoreboard is read from.
    pub scoreboard: OwnedFd,
    /// Where the supervisor is spoken to.
    pub outbox: OwnedFd,
}

/// Runs the process. Returns only if it could not begin.
pub fn serve(main: Handle, descriptors: Inherited) {
    logging::set_process_log(Box::new(StandardError));
    let prepared = descriptors::prepare();
    let Inherited { control, listener, memory, table, lifeline, scoreboard, outbox } = descriptors;
    let waited_for = rustix::fs::fstat(&lifeline).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Fifo);
    if waited_for {
        // Closed by the end of the process and by nothing else: neither what it forks nor what it executes has it.
        std::mem::forget(adopt(lifeline));
    } else {
        drop(lifeline);
    }
    scoreboard::read_from(adopt(scoreboard));
    let (control, listener, memory) = (Control::new(adopt(control), adopt(outbox)), adopt(listener), adopt(memory));
    let Ok(Some(Message::Begin(process))) = control.receive(true) else {
        logging::log_code(PROCESS_NOT_STARTED, "the supervisor sent no instructions");
        return;
    };
    match prepared.and_then(|()| begin(main, control, listener, (memory, table), *process)) {
        Ok((shared, registry)) => run(&shared, registry),
        Err(why) => logging::log_code(PROCESS_NOT_STARTED, &format!("a daemon process could not initialize: {why}")),
    }
}

fn begin(
    main: Handle,
    control: Control,
    listener: Descriptor,
    (memory, table): (Descriptor, OwnedFd),
    process: Process,
) -> Result<(Arc<Shared>, &'static Registry), String> {
    if process.undumpable {
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
            .map_err(|e| format!("dumpable=Off: {e}"))?;
    }
    show_name(&process.display_name);
    let workers = usize::try_from(process.threads).unwrap_or(0);
    let place = (workers > 0).then_some(Place { slot: process.slot, epoch: process.epoch });
    let table_slot = TableSlot::new(&table, place, process.threads)?;
    // A service has no listener, and /dev/null can't be waited on.
    let listens = (workers > 0).then_some(&listener);
    let most = workers.saturating_mul(2).max(LEAST_CONNECTIONS);
    let connections =
        Connections::new(listens, &table_slot.end, most).map_err(|e| format!("could not use the listening socket: {e}"))?;
    registry::adopt(main, process.engine.clone(), gateway::set_up)?;
    let registry = registry::registry().ok_or("there is no interpreter")?;
    let slots = worker_slot::rows(workers, &memory).map_err(|e| format!("could not use its memory file: {e}"))?;
    faults::watch(registry, memory);
    let shared = Arc::new(Shared::new(process, Parts { control, listener, connections, table_slot, slots }));
    if script::set_hooks(Box::new(Hooks(Arc::clone(&shared)))).is_err() {
        return Err("serve() was called twice".to_owned());
    }
    let version = capi::version_text();
    shared.control.send(&Message::Started(version.split_whitespace().next().unwrap_or_default().to_owned()));
    for path in shared.process.engine.group_options.env_files.iter().flatten() {
        shared.scripts.started_with(path);
    }
    watch::begin(&shared, registry)?;
    script_watch::watch(&shared);
    Ok((shared, registry))
}

/// Serves until the process is to end, and ends it.
fn run(shared: &Arc<Shared>, registry: &'static Registry) -> ! {
    let failed = preload(shared, registry);
    if let (true, Some(script)) = (shared.process.scripts_must_load, &failed) {
        shared.control.send(&Message::NotReady(format!("{script} could not be loaded")));
        watch::exit(shared, 1);
    }
    if shared.process.threads == 0 {
        // A service has done its work when its scripts have ended.
        watch::exit(shared, i32::from(failed.is_some()));
    }
    shared.ready.store(true, Ordering::Release);
    start_gate_thread(shared);
    let workers = worker_threads::start(shared, registry);
    if workers.is_empty() {
        if shared.process.scripts_must_load {
            shared.control.send(&Message::NotReady("it has no worker thread".to_owned()));
        }
        watch::exit(shared, 1);
    }
    // Nobody sends a request before this is heard, and then no more at a time than there are threads.
    shared.control.send(&Message::Ready);
    for worker in workers {
        // A worker that panicked outside of a request has said so.
        let _ended = worker.join();
    }
    watch::exit(shared, 0)
}

fn start_gate_thread(shared: &Arc<Shared>) {
    let own = Arc::clone(shared);
    let started = std::thread::Builder::new().name("wsgi-gate".to_owned()).spawn(move || gate_thread::look_after(&own));
    if let Err(error) = started {
        logging::text(
            Level::Error,
            format!("could not start the thread that limits concurrency, so it is not limited: {error}").as_bytes(),
        );
        shared.gate.open();
    }
}

/// Loads what is known beforehand; the last script that failed.
fn preload(shared: &Shared, registry: &'static Registry) -> Option<String> {
    let mut failed = None;
    for script in &shared.process.scripts {
        if shared.leaving.load(Ordering::Acquire) {
            break;
        }
        if source::is_directory(&script.path) {
            // The target of an alias: which of its files are scripts is known when they are asked for.
            continue;
        }
        let service = shared.process.threads == 0;
        let Some(interpreter) = registry.find(&script.application_group, false) else {
            if service {
                failed = Some(logging::shown(&script.path));
            }
            continue;
        };
        let unusable = thread::attached(interpreter.handle, |py| {
            let wanted = Wanted { mtime: None, reload: Reload::Never, resource: &script.path, handler: false };
            interpreter.script(&script.path, registry.settings.case_sensitive).ensure(py, interpreter, wanted).err()
        });
        // What is not the group's to load is refused when it is asked for, and keeps the process from serving nothing else.
        if unusable == Some(NotLoaded::Failed) || (service && unusable == Some(NotLoaded::Foreign)) {
            failed = Some(logging::shown(&script.path));
        }
    }
    failed
}

/// Shows `display-name` in place of the arguments, whose place /proc/self/stat tells (fields 48 and 49).
fn show_name(name: &[u8]) {
    if name.is_empty() {
        return;
    }
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return };
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3).and_then(|text| text.parse().ok());
    if let (Some(start), Some(end)) = (number(48), number(49)) {
        overwrite_arguments(start, end, name);
    }
}
