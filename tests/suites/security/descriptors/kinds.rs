/*! The kinds of processes that a server consists of, and how each is recognised. *Runs in: tests.* */

use crate::support::httpd::Httpd;
use crate::support::matrix::Mode;
use crate::support::processes;
use std::fs;

/// A kind of process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// httpd's parent.
    Parent,
    /// A child of httpd's that runs applications.
    EmbeddedChild,
    /// A child of httpd's where all applications run in groups of daemon processes.
    Child,
    /// The parent of daemon processes.
    Supervisor,
    /// The process that writes their lines to httpd's logs.
    LogWriter,
    /// A daemon process.
    Daemon,
    /// A daemon process of a group with `server-metrics=On` and `overlap=Off`.
    DaemonWithMore,
    /// A program that an application in httpd's child executes, and one that such a program executes.
    EmbeddedProgram,
    /// A program that an application in a daemon process executes, and one that such a program executes.
    DaemonProgram,
    /// A program of httpd's own.
    Logger,
    /// `httpd -t`
    Configtest,
    /// `wsgi-supervisor probe`, which waits for the helper in a PID namespace.
    FirstHelper,
    /// `wsgi-supervisor probe` as the group's user.
    Helper,
    /// The interpreter that the helper runs.
    InterpreterOfHelper,
    /// The interpreter that a child asks about itself before it starts Python.
    InterpreterOfChild,
}

impl Kind {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 15] = [
        Self::Parent,
        Self::Child,
        Self::EmbeddedChild,
        Self::Supervisor,
        Self::LogWriter,
        Self::Daemon,
        Self::DaemonWithMore,
        Self::DaemonProgram,
        Self::EmbeddedProgram,
        Self::InterpreterOfChild,
        Self::Configtest,
        Self::FirstHelper,
        Self::Helper,
        Self::InterpreterOfHelper,
        Self::Logger,
    ];

    /// The heading on the page.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Parent => "httpd's parent",
            Self::EmbeddedChild => "A child of httpd that runs applications (embedded mode)",
            Self::Child => "A child of httpd where all applications run in daemon processes",
            Self::Supervisor => "The supervisor",
            Self::LogWriter => "The log writer (`wsgi-log`)",
            Self::Daemon => "A daemon process",
            Self::DaemonWithMore => "A daemon process of a group with `server-metrics=On` and `overlap=Off`",
            Self::EmbeddedProgram => {
                "A program that an application in a child of httpd executes, and a program that this one executes"
            }
            Self::DaemonProgram => {
                "A program that an application in a daemon process executes, and a program that this one executes"
            }
            Self::Logger => "A program of httpd's own, such as one that reads a log (`CustomLog \"|...\"`)",
            Self::Configtest => "httpd as configtest (`httpd -t`), while a helper is at work",
            Self::FirstHelper => {
                "The helper's first process, which waits for the other in a PID namespace (where root may make one)"
            }
            Self::Helper => "The helper of configtest and start (`wsgi-supervisor probe`)",
            Self::InterpreterOfHelper => "The interpreter that the helper runs",
            Self::InterpreterOfChild => "The interpreter that a child of httpd asks about itself before it starts Python",
        }
    }
}

/// The file name of the program that a process runs.
pub fn program(pid: i32) -> String {
    let path = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The processes of a running server; `with_more` is the process of the group with more options, `programs` are those that applications have executed
/// themselves, with their kinds.
pub fn of(server: &Httpd, mode: Mode, with_more: i32, programs: &[(i32, Kind)]) -> Vec<(i32, Kind)> {
    let parent = server.pid();
    let httpd = program(parent);
    let mut all = vec![(parent, Kind::Parent)];
    for child in server.children() {
        match program(child.pid).as_str() {
            "cat" => all.push((child.pid, Kind::Logger)),
            "wsgi-supervisor" => {
                all.push((child.pid, Kind::Supervisor));
                let kind = |pid| if pid == with_more { Kind::DaemonWithMore } else { Kind::Daemon };
                all.extend(processes::children(child.pid).into_iter().map(|daemon| (daemon.pid, kind(daemon.pid))));
            }
            name if name == httpd && mode == Mode::Embedded => all.push((child.pid, Kind::EmbeddedChild)),
            _ => all.push((child.pid, Kind::Child)),
        }
    }
    all.extend(server.log_writers().into_iter().map(|writer| (writer.pid, Kind::LogWriter)));
    for (pid, kind) in programs {
        all.push((*pid, *kind));
        all.extend(processes::children(*pid).into_iter().map(|program| (program.pid, *kind)));
    }
    all
}
