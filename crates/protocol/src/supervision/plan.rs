/*! What the supervisor is told when it is started: one record with the whole configuration of its generation, so that nothing is ever compared
inside a process that lives on. Written by the Apache module in `post_config`, read once by the supervisor.

Times are milliseconds; 0 means "no such limit" unless said otherwise. Descriptors are numbers in the supervisor's own process. *Runs in:
parent (written), supervisor (read).* */

use crate::record::record;
use crate::settings::EngineSettings;

/// A configuration generation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Number of the generation, growing with each read of the configuration.
    pub generation: u64,
    /// httpd's parent process.
    pub parent: u32,
    /// Whether httpd runs as root, so that identities can be changed.
    pub privileged: bool,
    /// Path of the engine.
    pub engine: Vec<u8>,
    /// Socket over which lines are sent to the log writer (see [`crate::log_line`]); none if it could not be started.
    pub log_writer: Option<u32>,
    /// The main server's log. Without a log writer lines go there in httpd's default format.
    pub main_log: u32,
    /// The generation before this one, whose processes retire when this one's are ready: its control socket.
    pub predecessor: Option<u32>,
    /// Reading end of a pipe that nobody writes to. Processes of which two must not live side by side inherit it. httpd's parent, and each
    /// supervisor that gets the writing end from it, sees when the last of them has ended, even if their supervisor was killed.
    pub lifeline: Option<u32>,
    /// Writing end of the predecessor's lifeline.
    pub predecessor_lifeline: Option<u32>,
    /// Writing ends of the lifelines of supervisors that were killed, or that nobody else will hear of.
    pub orphans: Vec<u32>,
    /// Reading end of a pipe that httpd's parent closes when it has read its next configuration, whether the module is in that or not.
    pub next_configuration: Option<u32>,
    /// The file that httpd's scoreboard is written to (see [`crate::scoreboard`]), if a group may ask for it.
    pub scoreboard: Option<u32>,
    /// How many processes may be replaced at a time.
    pub replacements: u32,
    /// The daemon groups.
    pub groups: Vec<Group>,
}

record!(Plan {
    generation,
    parent,
    privileged,
    engine,
    log_writer,
    main_log,
    predecessor,
    lifeline,
    predecessor_lifeline,
    orphans,
    next_configuration,
    scoreboard,
    replacements,
    groups
});

impl Plan {
    /// All descriptors that it names, each once, besides the standard ones: what the supervisor is to inherit.
    pub fn passed(&self) -> Vec<u32> {
        self.named().into_iter().filter(|number| *number > 2).collect()
    }

    /// All descriptors that it names, each once, in ascending order.
    pub fn named(&self) -> Vec<u32> {
        let of_groups = self.groups.iter().flat_map(|group| [Some(group.log), group.table]);
        let own = [
            Some(self.main_log),
            self.log_writer,
            self.predecessor,
            self.lifeline,
            self.predecessor_lifeline,
            self.next_configuration,
            self.scoreboard,
        ];
        let mut all: Vec<u32> = own.into_iter().chain(of_groups).flatten().chain(self.orphans.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Gives its descriptors the numbers that they have in another process.
    pub fn renumber(&mut self, number: impl Fn(u32) -> u32) {
        let own = [
            &mut self.log_writer,
            &mut self.predecessor,
            &mut self.lifeline,
            &mut self.predecessor_lifeline,
            &mut self.next_configuration,
            &mut self.scoreboard,
        ];
        for one in own.into_iter().flatten().chain(self.orphans.iter_mut()).chain([&mut self.main_log]) {
            *one = number(*one);
        }
        for group in &mut self.groups {
            group.log = number(group.log);
            group.table = group.table.map(&number);
        }
    }

    /// The longest `shutdown-timeout` of its groups, milliseconds.
    pub fn shutdown_timeout(&self) -> u64 {
        self.groups.iter().map(|group| group.shutdown_timeout).max().unwrap_or(0)
    }

    /// The rights that its groups need beyond those that every plan needs. A supervisor gives up what its first plan does not need.
    pub fn rights(&self) -> Rights {
        Rights {
            chroot: self.groups.iter().any(|group| !group.chroot.is_empty()),
            priority: self.groups.iter().any(|group| group.priority != 0),
        }
    }
}

/// See [`Plan::rights`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// To change the root directory.
    pub chroot: bool,
    /// To raise priorities.
    pub priority: bool,
}

/// Who a group's processes run as. Applied only where [`Plan::privileged`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// All supplementary groups, exactly.
    pub groups: Vec<u32>,
    /// The user's name, for `USER` and `LOGNAME`; empty if it has none.
    pub name: Vec<u8>,
    /// The user's home directory, for `HOME`.
    pub home: Vec<u8>,
}

record!(Identity { uid, gid, groups, name, home });

/// A script of a group that is known before any request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Path.
    pub path: Vec<u8>,
    /// Application group; empty for the main interpreter.
    pub application_group: Vec<u8>,
    /// `WSGIImportScript` (always loaded at start), as opposed to a mapped script (loaded at start if `preload` says so).
    pub import: bool,
}

record!(Script { path, application_group, import });

/// A place to look for a Python.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interpreter {
    /// An executable, or with `home` a directory to look in.
    pub path: Vec<u8>,
    /// `path` is a home: a virtualenv or prefix.
    pub home: bool,
    /// Why this one: `python=` of the group, `python-home=`, `WSGIPythonHome`, or the system's.
    pub because: Vec<u8>,
}

record!(Interpreter { path, home, because });

/// One `WSGIDaemonProcess`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: Vec<u8>,
    /// `file:line` of its directive.
    pub place: Vec<u8>,
    /// Number of processes.
    pub processes: u32,
    /// Threads per process; 0 for a service group.
    pub threads: u32,
    /// Stack size of those threads, bytes; 0 for the system's.
    pub stack_size: u64,
    /// The descriptor of the group's [`crate::table::Table`]; none for a service group.
    pub table: Option<u32>,
    /// Where the sockets of its processes are: this path, a dot and the process's slot.
    pub path: Vec<u8>,
    /// The directory of those, if it is ours to make (0711); empty if it is the administrator's.
    pub socket_directory: Vec<u8>,
    /// Whose the sockets are; whoever runs httpd if `None`.
    pub socket_owner: Option<u32>,
    /// The number of its definition in the table.
    pub definition: u32,
    /// `SO_SNDBUF` of its sockets, bytes; 0 for the system's.
    pub send_buffer: u32,
    /// `SO_RCVBUF`, likewise.
    pub receive_buffer: u32,
    /// The server whose log its lines outside of requests go to: the index in httpd's list.
    pub log_server: u32,
    /// The descriptor of that log, for when there is no log writer.
    pub log: u32,
    /// The least urgent [`crate::Level`] that its log takes. A line that the engine itself writes to its standard error begins with `<N>`,
    /// its level; any other line there is the application's, of level error.
    pub log_level: u32,
    /// The secret that opens a connection.
    pub token: [u8; 16],
    /// Uid that may connect (Apache's user).
    pub peer: u32,
    /// Interpreters to try, best first.
    pub interpreters: Vec<Interpreter>,
    /// Who it runs as.
    pub identity: Identity,
    /// Root directory; empty for none.
    pub chroot: Vec<u8>,
    /// Working directory; empty for the inherited one.
    pub directory: Vec<u8>,
    /// Which variables of httpd's own environment it gets: names, in which `*` stands for any characters.
    pub inherited_environment: Vec<Vec<u8>>,
    /// Environment entries `NAME=value` on top of those.
    pub environment: Vec<Vec<u8>>,
    /// `display-name`, expanded; empty for none.
    pub display_name: Vec<u8>,
    /// Nice value.
    pub priority: i32,
    /// `RLIMIT_DATA`, bytes.
    pub memory_limit: u64,
    /// `RLIMIT_AS`, bytes.
    pub virtual_memory_limit: u64,
    /// `RLIMIT_CPU`, seconds.
    pub cpu_time_limit: u64,
    /// `no-new-privileges`
    pub no_new_privileges: bool,
    /// `dumpable=Off`
    pub undumpable: bool,
    /// Scripts known beforehand.
    pub scripts: Vec<Script>,
    /// Load mapped scripts at start.
    pub preload: bool,
    /// Old and new processes may live side by side.
    pub overlap: bool,
    /// Look at loaded scripts for changes.
    pub reload: bool,
    /// `reload=always`: its processes are replaced at each graceful restart.
    pub reload_always: bool,
    /// How long a request waits for new code.
    pub reload_wait: u64,
    /// Time to load.
    pub startup_timeout: u64,
    /// One request.
    pub request_timeout: u64,
    /// After the exception was sent to a request that ran out of time.
    pub interrupt_timeout: u64,
    /// Drain after maximum-requests, restart-interval, cpu-time-limit.
    pub graceful_timeout: u64,
    /// `graceful-timeout` stands in the configuration, so it bounds a reload's drain too.
    pub graceful_explicit: bool,
    /// Drain after a signal of the operator; 0: as graceful-timeout.
    pub eviction_timeout: u64,
    /// From the order to stop to the kill.
    pub shutdown_timeout: u64,
    /// Without a request.
    pub inactivity_timeout: u64,
    /// Without the interpreter's lock.
    pub deadlock_timeout: u64,
    /// Age of a process.
    pub restart_interval: u64,
    /// Requests of a process; 0: no limit.
    pub maximum_requests: u64,
    /// One read or write between child and daemon.
    pub socket_timeout: u64,
    /// What its engines are told.
    pub engine: EngineSettings,
}

impl Group {
    /// Whether two of its processes, of one generation or of two, must not live side by side.
    pub fn is_exclusive(&self) -> bool {
        self.threads == 0 || !self.overlap
    }

    /// What must be the same in two configurations for the processes of the one to go on in the other. What is left out reaches them all the same
    /// (the log, its level, `Timeout`), says where something stands, or concerns scripts that no process loads ahead.
    pub fn form(&self) -> Self {
        let ahead = |script: &&Script| script.import || self.preload;
        Self {
            place: Vec::new(),
            table: None,
            definition: 0,
            log_server: 0,
            log: 0,
            log_level: 0,
            socket_timeout: 0,
            reload_always: false,
            scripts: self.scripts.iter().filter(ahead).cloned().collect(),
            ..self.clone()
        }
    }
}

record!(Group {
    name,
    place,
    processes,
    threads,
    stack_size,
    table,
    path,
    socket_directory,
    socket_owner,
    definition,
    send_buffer,
    receive_buffer,
    log_server,
    log,
    log_level,
    token,
    peer,
    interpreters,
    identity,
    chroot,
    directory,
    inherited_environment,
    environment,
    display_name,
    priority,
    memory_limit,
    virtual_memory_limit,
    cpu_time_limit,
    no_new_privileges,
    undumpable,
    scripts,
    preload,
    overlap,
    reload,
    reload_always,
    reload_wait,
    startup_timeout,
    request_timeout,
    interrupt_timeout,
    graceful_timeout,
    graceful_explicit,
    eviction_timeout,
    shutdown_timeout,
    inactivity_timeout,
    deadlock_timeout,
    restart_interval,
    maximum_requests,
    socket_timeout,
    engine,
});

#[cfg(test)]
mod tests {
    use super::{Group, Identity, Plan, Script};
    use crate::settings::EngineSettings;

    #[test]
    fn a_plan_arrives_as_it_was_sent() {
        let script = Script { path: b"/srv/a.wsgi".to_vec(), application_group: Vec::new(), import: true };
        let group = Group {
            name: b"shop".to_vec(),
            processes: 2,
            identity: Identity { uid: 1000, gid: 1000, groups: vec![1000, 27], ..Identity::default() },
            scripts: vec![script.clone(), Script { import: false, ..script }],
            engine: EngineSettings { threads_per_process: 15, ..EngineSettings::default() },
            token: [7; 16],
            ..Group::default()
        };
        let plan = Plan {
            generation: 3,
            predecessor: None,
            log_writer: Some(16),
            lifeline: Some(11),
            predecessor_lifeline: Some(14),
            orphans: vec![12, 13],
            next_configuration: Some(15),
            groups: vec![group.clone(), Group { threads: 3, ..group }],
            ..Plan::default()
        };
        assert_eq!(Plan::decode(&plan.encode()), Ok(plan.clone()));
        assert_eq!(plan.passed(), [11, 12, 13, 14, 15, 16]);
        let mut other = plan.clone();
        other.renumber(|number| number + 100);
        assert_eq!(other.named(), plan.named().iter().map(|number| number + 100).collect::<Vec<_>>());
    }
}
