/*! What httpd's parent keeps over restarts, though the module is unloaded in between and may come back as another version: the groups' tables, and
supervisors that still run. Descriptors are numbers in the parent. *Runs in: parent.* */

use crate::record::record;

/// Everything that is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// Number of the last configuration generation.
    pub generation: u64,
    /// What is kept of the groups.
    pub groups: Vec<Group>,
    /// Supervisors that have not ended, the newest last.
    pub supervisors: Vec<Supervisor>,
    /// The newest [`crate::plan::Plan`], encoded, to start its supervisor again; empty before the first.
    pub plan: Vec<u8>,
    /// Writing ends of the lifelines of supervisors that were killed, while their processes may still be ending.
    pub orphans: Vec<i32>,
    /// The newest generation's supervisor died, and is to be started again.
    pub overdue: bool,
    /// httpd's own number of the configuration that was read last with the module in it. httpd counts on where the module is missing.
    pub configuration: i32,
    /// The file that httpd's scoreboard is written to, for groups that may ask: processes that go on have it open.
    pub scoreboard: Option<i32>,
    /// Log writers that have not ended, the newest last.
    pub writers: Vec<Writer>,
}

record!(Kept { generation, groups, supervisors, plan, orphans, overdue, configuration, scoreboard, writers });

/// The process that writes the lines of a generation's supervisor and daemon processes to httpd's logs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Writer {
    /// Its process id; 0 when it has ended and another is to be started.
    pub pid: i32,
    /// Its generation.
    pub generation: u64,
    /// The end of its socket that it reads, while its generation is the newest.
    pub read: Option<i32>,
    /// The end over which lines are sent, likewise.
    pub write: Option<i32>,
    /// When it was started, milliseconds of the monotonic clock.
    pub started: u64,
    /// It took the place of one that died.
    pub again: bool,
}

record!(Writer { pid, generation, read, write, started, again });

/// A group, over all generations that define it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: Vec<u8>,
    /// Who its processes are: a [`crate::plan::Identity`], encoded.
    pub identity: Vec<u8>,
    /// Where the sockets of its processes are: this path, a dot and the process's slot.
    pub path: Vec<u8>,
    /// The secret that opens a connection.
    pub token: [u8; 16],
    /// Its [`crate::table::Table`].
    pub table: i32,
    /// How many slots that has.
    pub slots: u32,
    /// What the group was defined as: children use processes of another generation only if this was the same.
    pub definition: Vec<u8>,
    /// Counts its definitions.
    pub number: u32,
    /// The last generation that defines it.
    pub generation: u64,
}

impl Group {
    /// Whether it is the group of that name and that identity.
    pub fn is(&self, name: &[u8], identity: &[u8]) -> bool {
        self.name == name && self.identity == identity
    }
}

record!(Group { name, identity, path, token, table, slots, definition, number, generation });

/// A supervisor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Supervisor {
    /// Its process id.
    pub pid: i32,
    /// Its generation.
    pub generation: u64,
    /// The end of its command socket that the next generation's supervisor will get.
    pub successor: Option<i32>,
    /// Writing end of its lifeline (see [`crate::plan::Plan::lifeline`]), if some of its processes have one.
    pub lifeline: Option<i32>,
    /// The longest `shutdown-timeout` of its groups, milliseconds.
    pub shutdown_timeout: u64,
    /// When it was started, milliseconds of the monotonic clock.
    pub started: u64,
    /// It took the place of one that died.
    pub again: bool,
    /// Writing end of its pipe [`crate::plan::Plan::next_configuration`], which httpd closes. A child closes its copy.
    pub next_configuration: Option<i32>,
    /// Which build it is of and which environment it has; empty if it can't take up another plan.
    pub build: Vec<u8>,
    /// Whether its first plan has a group with another root directory, and one with a priority: it has given up the right to what no group needed.
    pub may_chroot: bool,
    /// See above.
    pub may_prioritise: bool,
}

record!(Supervisor {
    pid,
    generation,
    successor,
    lifeline,
    shutdown_timeout,
    started,
    again,
    next_configuration,
    build,
    may_chroot,
    may_prioritise
});

#[cfg(test)]
mod tests {
    use super::{Group, Kept, Supervisor, Writer};

    #[test]
    fn what_is_kept_is_found_again() {
        let group =
            Group { name: b"shop".to_vec(), identity: b"who".to_vec(), table: 7, token: [1; 16], number: 2, ..Group::default() };
        let supervisor = Supervisor { pid: 42, successor: Some(9), lifeline: Some(10), ..Supervisor::default() };
        let kept = Kept {
            generation: 3,
            groups: vec![group.clone(), Group { name: b"blog".to_vec(), ..group }],
            supervisors: vec![supervisor.clone(), Supervisor { successor: None, ..supervisor }],
            plan: b"a plan".to_vec(),
            orphans: vec![6, 8],
            overdue: true,
            configuration: 4,
            scoreboard: Some(11),
            writers: vec![Writer { pid: 43, read: Some(11), ..Writer::default() }],
        };
        assert_eq!(Kept::decode(&kept.encode()), Ok(kept));
    }
}
