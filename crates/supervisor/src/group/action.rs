/*! What a group's state machine wants done, and what it is told: values only. *Runs in: supervisor.* */

use protocol::Level;
use protocol::control::Message;
use protocol::log_code::LogCode;
use protocol::plan::Script;

/// A process as the state machines know it; never used again, unlike a pid.
pub type Id = u64;

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Fork and exec a process, and tell it to begin.
    Start {
        /// Its name from now on.
        process: Id,
        /// What it loads before it is ready.
        scripts: Vec<Script>,
        /// It is of no use if it can't load them.
        must_load: bool,
    },
    /// It takes requests from now on.
    Serve(Id),
    /// A new version has taken over from an old one, or could not (`false`).
    Changed(bool),
    /// Send a message.
    Send(Id, Message),
    /// SIGTERM to the process alone.
    Terminate(Id),
    /// SIGKILL to its process group.
    Kill(Id),
    /// Log a line.
    Note(Note),
}

/// A line for the group's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Its number, for whoever has to act on it.
    pub code: Option<LogCode>,
    /// Its level.
    pub level: Level,
    /// The process that it is about: `process <pid> of group <name>` goes before the text.
    pub process: Option<Id>,
    /// The rest of the sentence.
    pub text: String,
}

impl Note {
    /// A numbered line about a process.
    pub fn process(process: Id, code: LogCode, text: impl Into<String>) -> Self {
        Self { code: Some(code), level: code.level, process: Some(process), text: text.into() }
    }

    /// The same as something to be done.
    pub fn about(process: Id, code: LogCode, text: impl Into<String>) -> Action {
        Action::Note(Self::process(process, code, text))
    }

    /// A numbered line about the group.
    pub fn group(code: LogCode, text: impl Into<String>) -> Action {
        Action::Note(Self { code: Some(code), level: code.level, process: None, text: text.into() })
    }

    /// A line that is only for information.
    pub fn plain(process: Id, level: Level, text: impl Into<String>) -> Action {
        Action::Note(Self { code: None, level, process: Some(process), text: text.into() })
    }
}

/// How a process came to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// It never became Python: the message that says why.
    NotStarted(LogCode, String),
    /// It exited.
    Status(i32),
    /// A signal ended it.
    Signal(i32),
    /// The kernel killed it because it went on beyond `cpu-time-limit`.
    ProcessorTime,
    /// The kernel killed it because memory was out; how that is known.
    LackOfMemory(String),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotStarted(_, why) => f.write_str(why),
            Self::Status(status) => write!(f, "exited with status {status}"),
            Self::Signal(number) => write!(f, "died by {}", signal_name(*number)),
            Self::ProcessorTime => {
                f.write_str("was killed by the kernel, because it did not exit when it had reached its cpu-time-limit")
            }
            Self::LackOfMemory(known) => write!(f, "was killed by the kernel because of a memory shortage ({known})"),
        }
    }
}

/// A signal's name, with what usually sends it.
fn signal_name(number: i32) -> String {
    let name = match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL (an instruction that this processor does not have, or damaged code, in a C extension)",
        5 => "SIGTRAP",
        6 => "SIGABRT (abort(), by a C extension or by Python itself)",
        7 => "SIGBUS (a mapped file was truncated, or a fault in a C extension)",
        8 => "SIGFPE (an arithmetic fault in a C extension)",
        9 => "SIGKILL (by the kernel because of a memory shortage, or by an administrator)",
        11 => "SIGSEGV (a fault in a C extension, or a stack overflow: see stack-size)",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU (cpu-time-limit)",
        25 => "SIGXFSZ (a file larger than the file size limit)",
        31 => "SIGSYS (a system call that a filter forbids)",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}
