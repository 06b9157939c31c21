/*! What an Apache child knows about the daemon groups: who may use them, where they listen, and what opens a connection.

Made in the parent when the configuration is complete, inherited by the children, and the same for their whole lives: a group whose
definition did not change keeps its socket and its secret over restarts, and one that did is found at the same path. *Runs in: parent
(made), child (read).* */

use std::sync::Arc;
use std::time::Duration;

use super::scoreboard::Published;
use super::share::Shares;
use crate::httpd::pool::Key;
use config::daemon::ScriptOwner;
use config::global_checks::{Groups, NoAccess};
use config::settings::Text;

/// One group as the requests of this child see it.
#[derive(Debug)]
pub struct Group {
    /// Its name.
    pub name: Text,
    /// `file:line` of its directive, for messages.
    pub defined_at: Arc<str>,
    /// What the paths of its processes' sockets begin with.
    pub path: Vec<u8>,
    /// The descriptor of its table, in the parent.
    pub table: Option<i32>,
    /// The number of its definition in the table.
    pub definition: u32,
    /// Its secret.
    pub token: [u8; 16],
    /// Its processes may send descriptors of files.
    pub descriptors: bool,
    /// The user who listens at its sockets: the supervisor's, who runs as httpd's parent.
    pub listener: u32,
    /// The configuration generation of this child.
    pub generation: u64,
    /// The application group that its main interpreters host.
    pub main_group: Option<Text>,
    /// How long a process is waited for.
    pub connect_timeout: Duration,
    /// How many requests may wait.
    pub listen_backlog: u32,
    /// How many requests may be in httpd's workers; `None`: no limit.
    pub maximum_in_flight: Option<u32>,
    /// How many of them in one process.
    pub ahead: u32,
    /// How long a request waits for new code.
    pub reload_wait: Duration,
    /// `queue-timeout`
    pub queue_timeout: Option<Duration>,
    /// `request-timeout`, for messages: the daemon enforces it.
    pub request_timeout: Option<Duration>,
    /// How long a request may run in a process, whatever that does about its limits.
    pub most_time: Option<Duration>,
    /// The longest line of a response header.
    pub header_buffer_size: u32,
    /// How long the daemon may be silent.
    pub socket_timeout: Duration,
    /// That is the group's `socket-timeout`, and not httpd's `Timeout`.
    pub has_socket_timeout: bool,
    /// How long more output is waited for before the client gets what there is.
    pub response_flush_delay: Duration,
    /// How much of a response may be on its way to the client.
    pub response_buffer_size: u64,
    /// How long one write to the client may take, if that is not httpd's own affair.
    pub response_socket_timeout: Option<Duration>,
    /// It runs no requests.
    pub service: bool,
    /// Its root directory.
    pub chroot: Option<Text>,
    /// Its applications may ask for httpd's scoreboard.
    pub server_metrics: bool,
    /// Whose scripts it runs.
    pub script_owner: Option<ScriptOwner>,
    /// Why it cannot run, if it can't.
    pub refused: Option<String>,
}

/// Where the children find what they need to know.
pub const DAEMONS: Key<Daemons> = Key::new(c"mod_wsgi_rs:daemons");

/// All groups of a configuration.
#[derive(Debug, Default)]
pub struct Daemons {
    /// Who may use which.
    pub access: Groups,
    /// httpd's scoreboard, if a group may ask for it.
    pub scoreboard: Option<Published>,
    /// By number, as [`config::global_checks::DaemonGroup::number`] counts, from 1.
    pub groups: Vec<Group>,
    /// How much of httpd's workers each has; `None` if the system had no memory for that.
    pub shares: Option<Shares>,
}

impl Daemons {
    /// The group of that name, for a request to a server named `host`.
    ///
    /// # Errors
    /// Why there is none for it.
    pub fn usable(&self, name: &[u8], host: &[u8]) -> Result<(usize, &Group), NoAccess> {
        let number = self.access.usable(name, host)?.number;
        let index = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        self.groups.get(index).map(|group| (index, group)).ok_or(NoAccess::Unknown)
    }
}

/// Groups for tests.
#[cfg(test)]
pub mod testing {
    use std::sync::Arc;
    use std::time::Duration;

    use super::Group;

    /// A group of which nothing is known.
    pub fn group() -> Group {
        Group {
            name: b"shop".as_slice().into(),
            defined_at: Arc::from("httpd.conf:1"),
            path: Vec::new(),
            table: None,
            definition: 1,
            token: [0; 16],
            descriptors: true,
            listener: 0,
            generation: 1,
            main_group: None,
            connect_timeout: Duration::from_secs(15),
            listen_backlog: 100,
            maximum_in_flight: None,
            ahead: 100,
            reload_wait: Duration::ZERO,
            queue_timeout: None,
            request_timeout: None,
            most_time: None,
            header_buffer_size: 32768,
            socket_timeout: Duration::from_secs(60),
            has_socket_timeout: false,
            response_flush_delay: Duration::ZERO,
            response_buffer_size: 0,
            response_socket_timeout: None,
            service: false,
            chroot: None,
            server_metrics: false,
            script_owner: None,
            refused: None,
        }
    }
}
