/*! One `WSGIDaemonProcess`, validated: what later code works with cannot be an invalid setting. Made once, from [`super::RawOptions`], while
the configuration is read; read-only after. *Runs in: parent (made), child (read).* */

use std::sync::Arc;
use std::time::Duration;

use protocol::settings::GroupOptions;

use super::account::Account;
use crate::settings::Text;

/// A daemon process group. Times that may be missing are `None` when nothing limits them, however that was written.
#[derive(Clone, Debug, PartialEq)]
pub struct DaemonProcess {
    /// Its name.
    pub name: Text,
    /// `file:line`
    pub defined_at: Arc<str>,
    /// Its place among all mappings, imports and groups of the configuration.
    pub order: u32,

    /// `user=`; `None`: httpd's `User`.
    pub user: Option<Account>,
    /// `group=`; `None`: httpd's `Group`.
    pub group: Option<Account>,
    /// `supplementary-groups=`; `None`: those that the system lists for the user.
    pub supplementary_groups: Option<Vec<Account>>,
    /// `chroot=`
    pub chroot: Option<Text>,
    /// `home=`
    pub home: Option<Text>,
    /// `lang=`
    pub lang: Option<Text>,
    /// `locale=`
    pub locale: Option<Text>,
    /// `display-name=`, `%{GROUP}` replaced.
    pub display_name: Text,
    /// `cpu-priority=`
    pub cpu_priority: i32,
    /// `socket-user=`; `None`: httpd's `User`.
    pub socket_user: Option<Account>,
    /// `script-user=` or `script-group=`
    pub script_owner: Option<ScriptOwner>,
    /// `no-new-privileges=`; `None`: if it runs as another user than httpd's.
    pub no_new_privileges: Option<bool>,
    /// `dumpable=`; `None`: if it runs as httpd's user.
    pub dumpable: Option<bool>,
    /// `env-inherit=`, patterns of names; `None`: all if it runs as httpd's user, else a short list.
    pub env_inherit: Option<Vec<Text>>,
    /// `descriptors=`; `None`: for groups of httpd's own user.
    pub descriptors: Option<bool>,

    /// `processes=`
    pub processes: u32,
    /// `processes=` is given at all, be it 1: `wsgi.multiprocess`.
    pub multiprocess: bool,
    /// `threads=`; 0 is a service.
    pub threads: u32,
    /// `stack-size=`, bytes.
    pub stack_size: Option<u64>,
    /// `listen-backlog=`
    pub listen_backlog: u32,
    /// `maximum-in-flight=`; `None`: no limit.
    pub maximum_in_flight: Option<u32>,
    /// `send-buffer-size=`, bytes.
    pub send_buffer_size: Option<u32>,
    /// `receive-buffer-size=`, bytes.
    pub receive_buffer_size: Option<u32>,
    /// `header-buffer-size=`, bytes.
    pub header_buffer_size: u32,
    /// `response-buffer-size=`, bytes.
    pub response_buffer_size: u64,
    /// `response-flush-delay=`; zero: at every pause.
    pub response_flush_delay: Duration,
    /// `memory-limit=`, bytes.
    pub memory_limit: Option<u64>,
    /// `virtual-memory-limit=`, bytes.
    pub virtual_memory_limit: Option<u64>,

    /// `connect-timeout=`
    pub connect_timeout: Duration,
    /// `socket-timeout=`; `None`: httpd's `Timeout`.
    pub socket_timeout: Option<Duration>,
    /// `response-socket-timeout=`; `None`: as `socket-timeout`.
    pub response_socket_timeout: Option<Duration>,
    /// `queue-timeout=`
    pub queue_timeout: Option<Duration>,
    /// `request-timeout=`
    pub request_timeout: Option<Duration>,
    /// `interrupt-timeout=`
    pub interrupt_timeout: Option<Duration>,
    /// How long a process lives, and how it ends.
    pub life: Life,
    /// `switch-interval=`, seconds.
    pub switch_interval: Option<f64>,
    /// `reload-wait=`; zero: the request that notices new code does not wait for it.
    pub reload_wait: Duration,

    /// `python=` or `python-home=`
    pub python: Option<Python>,
    /// `python-path=`
    pub python_path: Vec<Text>,
    /// `python-eggs=`
    pub python_eggs: Option<Text>,
    /// `server-metrics=`
    pub server_metrics: bool,
    /// `overlap=`
    pub overlap: bool,
    /// `reload=always`
    pub reload_always: bool,
    /// `preload=`
    pub preload: Preload,

    /// What reaches the processes as it is written.
    pub options: GroupOptions,
}

/// What bounds the life of a process: its start, what ends it while it serves, and how long it may take to end.
#[derive(Clone, Debug, PartialEq)]
pub struct Life {
    /// `startup-timeout=`
    pub startup_timeout: Option<Duration>,
    /// `deadlock-timeout=`
    pub deadlock_timeout: Option<Duration>,
    /// `inactivity-timeout=`
    pub inactivity_timeout: Option<Duration>,
    /// `graceful-timeout=`; zero: requests that run are not waited for.
    pub graceful_timeout: Duration,
    /// `graceful-timeout=` is given, so it bounds a reload's drain too.
    pub graceful_explicit: bool,
    /// `eviction-timeout=`; `None`: as `graceful-timeout`.
    pub eviction_timeout: Option<Duration>,
    /// `shutdown-timeout=`; `None`: nothing ends a shutdown that hangs.
    pub shutdown_timeout: Option<Duration>,
    /// `restart-interval=`
    pub restart_interval: Option<Duration>,
    /// `maximum-requests=`
    pub maximum_requests: Option<u64>,
    /// `cpu-time-limit=`, seconds.
    pub cpu_time_limit: Option<u64>,
}

/// Which Python a group names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Python {
    /// `python=`: an executable.
    Executable(Text),
    /// `python-home=`: a virtualenv or a prefix.
    Home {
        /// The virtualenv, or the prefix.
        prefix: Text,
        /// `prefix:exec_prefix`
        exec_prefix: Option<Text>,
    },
}

/// Whom a script must belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptOwner {
    /// `script-user=`
    User(Account),
    /// `script-group=`
    Group(Account),
}

/// `preload=`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preload {
    /// Mapped scripts are loaded at start.
    On,
    /// Only import scripts are.
    Off,
    /// As `On` for a group with at most [`Preload::FEW`] mapped scripts.
    #[default]
    Auto,
}

impl Preload {
    /// How many mapped scripts `auto` loads at most.
    pub const FEW: usize = 4;

    /// Whether `scripts` mapped scripts are loaded at start.
    pub const fn loads(self, scripts: usize) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::Auto => scripts <= Self::FEW,
        }
    }
}

impl DaemonProcess {
    /// Whether it is a service: import scripts alone, no requests.
    pub const fn is_service(&self) -> bool {
        self.threads == 0
    }

    /// Whether the other definition says the same, wherever it stands: then both are one group.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        Self { defined_at: other.defined_at.clone(), order: other.order, ..self.clone() } == *other
    }
}
