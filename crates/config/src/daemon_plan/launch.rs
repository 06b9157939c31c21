/*! What is known about one start besides configuration and machine: numbers, descriptors and secrets that the caller made. *Runs in:
parent.* */

use protocol::settings::EngineSettings;

/// One generation's start.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// Number of the generation.
    pub generation: u64,
    /// httpd's parent process.
    pub parent: u32,
    /// Path of the engine.
    pub engine: Vec<u8>,
    /// Descriptor of the main server's log, in the supervisor.
    pub main_log: u32,
    /// Control socket of the generation before.
    pub predecessor: Option<u32>,
    /// What engines are told of httpd: the `apache_*` fields, `mpm_name` and `single_process`. The rest is filled in for each group.
    pub httpd: EngineSettings,
}

/// What one group gets at one start; descriptors are the supervisor's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// The table of its processes.
    pub table: Option<u32>,
    /// The log of the group's server.
    pub log: u32,
    /// That log's level, a [`protocol::Level`].
    pub log_level: u32,
    /// The secret.
    pub token: [u8; 16],
}
