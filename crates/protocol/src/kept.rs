/*! What httpd's parent keeps over restarts, though the module is unloaded in between and may come back as another version: sockets, and
supervisors that still run. Descriptors are numbers in the parent. *Runs in: parent.* */

use crate::record::record;

/// Everything that is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// Number of the last configuration generation.
    pub generation: u64,
    /// The groups' sockets.
    pub sockets: Vec<Socket>,
    /// Supervisors that have not ended, the newest last.
    pub supervisors: Vec<Supervisor>,
    /// The newest plan, in memory, to start its supervisor again.
    pub plan: Option<i32>,
    /// The newest generation's supervisor died, and is to be started again.
    pub overdue: bool,
}

record!(Kept { generation, sockets, supervisors, plan, overdue });

/// A group's listening socket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Socket {
    /// The group's name.
    pub group: Vec<u8>,
    /// Its path.
    pub path: Vec<u8>,
    /// The secret that opens a connection.
    pub token: [u8; 16],
    /// The listener.
    pub listener: i32,
    /// What the group was defined as: two generations share a socket only if this is the same.
    pub definition: Vec<u8>,
    /// The last generation that uses it.
    pub generation: u64,
}

record!(Socket { group, path, token, listener, definition, generation });

/// A supervisor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Supervisor {
    /// Its process id.
    pub pid: i32,
    /// Its generation.
    pub generation: u64,
    /// The end of its command socket that the next generation's supervisor will get.
    pub successor: Option<i32>,
    /// The longest `shutdown-timeout` of its groups, milliseconds.
    pub shutdown_timeout: u64,
    /// When it was started, milliseconds of the monotonic clock.
    pub started: u64,
    /// It took the place of one that died.
    pub again: bool,
}

record!(Supervisor { pid, generation, successor, shutdown_timeout, started, again });

#[cfg(test)]
mod tests {
    use super::{Kept, Socket, Supervisor};

    #[test]
    fn what_is_kept_is_found_again() {
        let socket = Socket { group: b"shop".to_vec(), listener: 7, token: [1; 16], ..Socket::default() };
        let supervisor = Supervisor { pid: 42, successor: Some(9), ..Supervisor::default() };
        let kept = Kept {
            generation: 3,
            sockets: vec![socket.clone(), Socket { group: b"blog".to_vec(), ..socket }],
            supervisors: vec![supervisor.clone(), Supervisor { successor: None, ..supervisor }],
            plan: Some(5),
            overdue: true,
        };
        assert_eq!(Kept::decode(&kept.encode()), Ok(kept));
    }
}
