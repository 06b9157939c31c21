/*! The list: each descriptor that a kind of process may have open, and why. `docs/descriptors.md` is made from it. *Runs in: tests.* */

use super::kinds::Kind;
use crate::support::installation::Mpm;

/// Where a descriptor's number lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Exactly there.
    Number(i32),
    /// From 3 on.
    Above,
    /// From 1024 on.
    Engine,
}

/// How many of a row one process has.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// Exactly so many.
    Exactly(usize),
    /// So many for each group.
    EachGroup(usize),
    /// So many for each daemon process.
    EachProcess(usize),
    /// None, or up to so many.
    UpTo(usize),
}

/// Groups of the server of the suite, each with one process.
pub const GROUPS: usize = 2;

/// Whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Opened or passed on by mod_wsgi_rs.
    Ours,
    /// httpd's, with or without this module.
    Httpds,
    /// The program's own.
    Programs,
}

/// One entry.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The kinds of processes that have it.
    pub kinds: &'static [Kind],
    /// Where its number lies.
    pub at: At,
    /// What it leads to, as `Snapshot::words` says.
    pub leads_to: &'static str,
    /// `r`, `w` or `rw`.
    pub access: &'static str,
    /// Is it closed in what the process executes?
    pub closed_at_exec: bool,
    /// How many.
    pub count: Count,
    /// Whose.
    pub whose: Whose,
    /// Why it is open.
    pub why: &'static str,
    /// The MPMs with which it is there; none: all.
    pub mpms: &'static [Mpm],
}

impl Row {
    const fn new(kinds: &'static [Kind], at: At, leads_to: &'static str, access: &'static str, why: &'static str) -> Self {
        Self { kinds, at, leads_to, access, closed_at_exec: false, count: Count::Exactly(1), whose: Whose::Ours, why, mpms: &[] }
    }

    const fn closed(mut self) -> Self {
        self.closed_at_exec = true;
        self
    }

    const fn count(mut self, count: Count) -> Self {
        self.count = count;
        self
    }

    const fn of(mut self, whose: Whose) -> Self {
        self.whose = whose;
        self
    }

    const fn on(mut self, mpms: &'static [Mpm]) -> Self {
        self.mpms = mpms;
        self
    }
}

use At::{Above, Engine, Number};
use Count::{EachGroup, EachProcess, Exactly, UpTo};
use Kind::{
    Child, Configtest, Daemon, DaemonProgram, DaemonWithMore, EmbeddedChild, EmbeddedProgram, FirstHelper, Helper,
    InterpreterOfChild, InterpreterOfHelper, LogWriter, Logger, Parent, Supervisor,
};
use Whose::{Httpds, Programs};

const CHILDREN: &[Kind] = &[Child, EmbeddedChild];
const HTTPDS: &[Kind] = &[Parent, Child, EmbeddedChild];
/// Forked from httpd's parent, and running httpd's own program.
const FORKED: &[Kind] = &[Parent, LogWriter, Child, EmbeddedChild];
const DAEMONS: &[Kind] = &[Daemon, DaemonWithMore];
const IN_GROUPS: &[Kind] = &[Daemon, DaemonWithMore, DaemonProgram];
const THREADED: &[Mpm] = &[Mpm::Event, Mpm::Worker];

/// The list.
pub const ROWS: &[Row] = &[
    // httpd's own.
    Row::new(&[Parent, LogWriter, Child, EmbeddedChild, EmbeddedProgram], Number(0), "/dev/null", "r", "standard input").of(Httpds),
    Row::new(
        &[Parent, LogWriter, Child, EmbeddedChild, EmbeddedProgram, Logger],
        Number(1),
        "/console.txt",
        "w",
        "standard output, as httpd was started with it",
    )
    .of(Httpds),
    Row::new(
        &[Parent, LogWriter, Child, EmbeddedChild, EmbeddedProgram, Logger],
        Number(2),
        "/logs/error.log",
        "w",
        "standard error: httpd's error log, as every program of httpd's has it",
    )
    .of(Httpds),
    Row::new(HTTPDS, Above, "listening TCP socket", "rw", "`Listen`").closed().of(Httpds),
    Row::new(FORKED, Above, "/logs/access.log", "w", "`CustomLog` with a file").closed().of(Httpds),
    Row::new(FORKED, Above, "pipe among httpd's processes", "r", "by which httpd ends its children gracefully").closed().of(Httpds),
    Row::new(FORKED, Above, "pipe among httpd's processes", "w", "its other end").closed().of(Httpds),
    Row::new(&[Parent, LogWriter], Above, "pipe to a program that reads a log", "r", "to start that program again, if it ends").of(Httpds),
    Row::new(
        FORKED,
        Above,
        "pipe to a program that reads a log",
        "w",
        "`CustomLog` with a program. httpd passes it on to all that its processes execute",
    )
    .of(Httpds),
    Row::new(
        &[EmbeddedProgram, InterpreterOfChild],
        Above,
        "pipe to a program that reads a log",
        "w",
        "`CustomLog` with a program: httpd opens it so that programs inherit it",
    )
    .of(Httpds),
    Row::new(&[Logger], Number(0), "pipe to a program that reads a log", "r", "what it reads").of(Httpds),
    Row::new(CHILDREN, Above, "anon_inode:[eventpoll]", "rw", "waits for clients").closed().count(UpTo(2)).of(Httpds),
    Row::new(CHILDREN, Above, "pipe within the process", "r", "wakes the thread that waits for clients").closed().on(THREADED).of(Httpds),
    Row::new(CHILDREN, Above, "pipe within the process", "w", "its other end").closed().on(THREADED).of(Httpds),
    Row::new(CHILDREN, Above, "TCP connection", "rw", "one for each client").closed().count(UpTo(16)).of(Httpds),
    // Of this module in httpd.
    Row::new(&[Parent], Above, "/memfd:mod_wsgi_rs-table", "rw", "the table of a group, which is kept over restarts and passed to each supervisor")
        .closed()
        .count(EachGroup(1)),
    Row::new(&[Parent], Above, "Unix stream socket", "rw", "the connection with the supervisor").closed(),
    Row::new(&[Parent], Above, "Unix seqpacket socket", "rw", "both ends of the socket of the log writer, for one that takes the place of another")
        .closed()
        .count(Exactly(2)),
    Row::new(&[LogWriter], Above, "Unix seqpacket socket", "rw", "where lines of daemon processes come from the supervisor").closed(),
    Row::new(&[Parent], Above, "pipe to or from the supervisor", "w", "two pipes of which the supervisor has the other ends: the lifeline, which shows when the last process of groups with `overlap=Off` has ended, and one that httpd closes when it has read its next configuration").closed().count(Exactly(2)),
    Row::new(&[Parent], Above, "/memfd:mod_wsgi_rs-scoreboard", "rw", "httpd's scoreboard is written there for groups with `server-metrics=On`; kept over restarts").closed().count(Exactly(2)),
    Row::new(CHILDREN, Above, "/memfd:mod_wsgi_rs-scoreboard", "rw", "httpd's scoreboard is written there for groups with `server-metrics=On`").closed(),
    Row::new(CHILDREN, Above, "Unix stream socket", "rw", "a kept connection with a daemon process for each request at the same time")
        .closed()
        .count(UpTo(16)),
    // The supervisor.
    Row::new(&[Supervisor], Number(0), "/dev/null", "r", "standard input"),
    Row::new(&[Supervisor], Number(1), "/dev/null", "w", "standard output"),
    Row::new(&[Supervisor], Number(2), "/logs/error.log", "w", "standard error, where a panic would be reported"),
    Row::new(&[Supervisor], Above, "anon_inode:[signalfd]", "rw", "signals").closed(),
    Row::new(&[Supervisor], Above, "anon_inode:[eventfd]", "rw", "the threads that read what processes write wake the loop by it")
        .closed(),
    Row::new(&[Supervisor], Above, "anon_inode:[pidfd]", "rw", "shows the end of httpd's parent").closed(),
    Row::new(&[Supervisor], Above, "/logs/error.log", "w", "the supervisor's log, and the log of each of the two groups").closed().count(Exactly(3)),
    Row::new(&[Supervisor], Above, "/dev/null", "rw", "standard input for the processes of each of the two groups, and of those that a further configuration brings").closed().count(Exactly(3)),
    Row::new(&[Supervisor], Above, "/memfd:mod_wsgi_rs-table", "rw", "the table of a group").closed().count(EachGroup(1)),
    Row::new(&[Supervisor], Above, "/memfd:mod_wsgi_rs-scoreboard", "r", "httpd's scoreboard, for processes of groups with `server-metrics=On`")
        .closed(),
    Row::new(&[Supervisor], Above, "/memfd:wsgi-memory", "rw", "memory in which a process notes what led to its end").closed().count(EachProcess(1)),
    Row::new(&[Supervisor], Above, "Unix stream socket", "rw", "one connection with httpd's parent, and one with each of the two processes")
        .closed()
        .count(Exactly(3)),
    Row::new(&[Supervisor], Above, "Unix seqpacket socket", "rw", "lines for the error logs, to the log writer").closed(),
    Row::new(&[Supervisor], Above, "pipe to or from the supervisor", "r", "output and messages of each of the two processes; the lifeline, twice; and a pipe that httpd closes when it has read its next configuration").closed().count(Exactly(7)),
    // Daemon processes.
    Row::new(IN_GROUPS, Number(0), "/dev/null", "rw", "standard input"),
    Row::new(IN_GROUPS, Number(1), "pipe to or from the supervisor", "w", "standard output: the group's log"),
    Row::new(IN_GROUPS, Number(2), "pipe to or from the supervisor", "w", "standard error: the group's log"),
    Row::new(
        DAEMONS,
        Engine,
        "Unix stream socket",
        "rw",
        "the connection with the supervisor; and a socket without a peer, which takes the place of the engine's descriptors in processes that the application forks",
    )
    .closed()
    .count(Exactly(2)),
    Row::new(DAEMONS, Engine, "Unix stream socket with a name", "rw", "a kept connection with a child of httpd for each request at the same time")
        .closed()
        .count(UpTo(16)),
    Row::new(&[Daemon], Engine, "pipe to or from the supervisor", "w", "messages to the supervisor").closed(),
    Row::new(&[DaemonWithMore], Engine, "pipe to or from the supervisor", "w", "messages to the supervisor").closed(),
    Row::new(&[DaemonWithMore], Engine, "pipe to or from the supervisor", "r", "the lifeline of `overlap=Off`").closed(),
    Row::new(DAEMONS, Engine, "listening Unix stream socket with a name", "rw", "the group's socket").closed(),
    Row::new(DAEMONS, Engine, "/memfd:wsgi-memory", "rw", "memory in which the process notes what led to its end").closed(),
    Row::new(DAEMONS, Engine, "anon_inode:[eventfd]", "rw", "wakes the threads when the process ends").closed(),
    Row::new(DAEMONS, Engine, "anon_inode:[eventpoll]", "rw", "waits for connections and requests").closed(),
    Row::new(DAEMONS, Engine, "anon_inode:[pidfd]", "rw", "shows the end of httpd's parent").closed(),
    Row::new(DAEMONS, Engine, "pipe within the process", "w", "a signal handler writes to it").closed(),
    Row::new(DAEMONS, Engine, "pipe within the process", "r", "a thread waits for signals there").closed(),
    Row::new(&[DaemonWithMore], Engine, "/memfd:mod_wsgi_rs-scoreboard", "r", "httpd's scoreboard").closed(),
    // Helpers.
    Row::new(&[InterpreterOfChild], Number(0), "/dev/null", "r", "standard input"),
    Row::new(&[InterpreterOfChild], Number(1), "pipe to the child", "w", "the answer"),
    Row::new(&[InterpreterOfChild], Number(2), "pipe to the child", "w", "the answer"),
    Row::new(&[Configtest], Number(0), "/dev/null", "r", "standard input").of(Httpds),
    Row::new(&[Configtest], Number(1), "/console.txt", "w", "standard output, as httpd was started with it").of(Httpds),
    Row::new(&[Configtest], Number(2), "/console.txt", "w", "standard error, as httpd was started with it").of(Httpds),
    Row::new(&[Configtest], Above, "pipe from the helper", "r", "its answer").closed(),
    Row::new(&[Configtest], Above, "unbound socket", "rw", "`Listen`, which configtest does not bind").closed().of(Httpds),
    Row::new(&[Helper, InterpreterOfHelper], Number(0), "/dev/null", "rw", "standard input"),
    Row::new(&[FirstHelper], Number(0), "/memfd:mod_wsgi_rs-questions", "rw", "what is asked about the group"),
    Row::new(&[FirstHelper, Helper], Number(1), "pipe from the helper", "w", "the answer"),
    Row::new(&[FirstHelper, Helper], Number(2), "/dev/null", "w", "standard error"),
    Row::new(&[Helper], Above, "pipe to the helper", "r", "the interpreter's answer").closed(),
    Row::new(&[InterpreterOfHelper], Number(1), "pipe to the helper", "w", "the answer"),
    Row::new(&[InterpreterOfHelper], Number(2), "pipe to the helper", "w", "the answer"),
    Row::new(&[InterpreterOfChild, InterpreterOfHelper], Above, "/bin/python", "r", "the script, where the interpreter's name is that of a shell script, as in the tests")
        .closed()
        .of(Programs),
];
