/*! What the supervisor and one daemon process say to each other: the supervisor over one end of a socket pair, whose other direction is closed, and the
process over a pipe. Over a pipe no descriptor can be passed. A socket would carry what nobody asked for, and the supervisor would have to close it,
which can take as long as the sender wants (`SO_LINGER`).

A message is a 4-byte length, a 1-byte kind and a payload (see [`Message`]). The first one goes to the process: [`Message::Begin`], with all it needs
to know. Either side takes the other's end of file as its death.

A daemon process belongs to a tenant and may send anything. So each kind has one sender and a longest payload ([`KINDS`]); a receiver refuses what
breaks that as soon as it has read the five bytes of a message's head, before it makes room for the rest. *Runs in: supervisor, daemon.* */

use crate::plan::Script;
use crate::reason::Reason;
use crate::record::record;
use crate::settings::EngineSettings;

/// Descriptor of the listening socket in a daemon process; `/dev/null` in a service.
pub const LISTENER: i32 = 3;
/// Descriptor of the control socket in a daemon process, which the supervisor's messages come from. It can't be sent to.
pub const CONTROL: i32 = 4;
/// Descriptor of the memory file in a daemon process (see [`crate::running`]).
pub const MEMORY: i32 = 5;
/// Descriptor of the group's table in a daemon process; `/dev/null` in a service.
pub const TABLE: i32 = 6;
/// Descriptor of the lifeline in a process that must have ended before its successor begins (see [`crate::plan::Plan::lifeline`]); `/dev/null` in others.
pub const LIFELINE: i32 = 7;
/// Descriptor of the file that httpd's scoreboard is written to (see [`crate::scoreboard`]), open for reading; `/dev/null` in a process that may not ask.
pub const SCOREBOARD: i32 = 8;
/// Descriptor of the pipe for the messages of a daemon process.
pub const OUTBOX: i32 = 9;
/// The signal at which a thread of a daemon process writes its Python stack to standard error, whoever has the interpreter's lock.
pub const SHOW_STACK: i32 = 60;

/// What a daemon process is told first. Times are milliseconds; 0: no such limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// Configuration generation.
    pub generation: u64,
    /// The group's secret.
    pub token: [u8; 16],
    /// The uid that may connect besides root.
    pub peer: u32,
    /// Its slot in the group's [`crate::table::Table`].
    pub slot: u32,
    /// That slot's epoch.
    pub epoch: u32,
    /// Worker threads; 0: a service, which runs its import scripts on the main thread and ends.
    pub threads: u32,
    /// Their stack size, bytes; 0 for the system's.
    pub stack_size: u64,
    /// What `ps` is to show; empty for nothing special.
    pub display_name: Vec<u8>,
    /// httpd's parent process: when it dies, so does everything of ours.
    pub parent: u32,
    /// `dumpable=Off`
    pub undumpable: bool,
    /// Scripts to load before the first request.
    pub scripts: Vec<Script>,
    /// A script that can't be loaded makes the process useless (a reload), instead of answering 500 (the first generation).
    pub scripts_must_load: bool,
    /// A process of an earlier configuration generation may still serve beside it.
    pub follows: bool,
    /// Look at loaded scripts at request start.
    pub reload: bool,
    /// From the first request to the first script, where none is loaded beforehand.
    pub startup_timeout: u64,
    /// One request.
    pub request_timeout: u64,
    /// After the exception was sent to a request that ran out of time.
    pub interrupt_timeout: u64,
    /// One read or write of the channel.
    pub socket_timeout: u64,
    /// Without the interpreter's lock.
    pub deadlock_timeout: u64,
    /// For shutdown callbacks and atexit functions.
    pub shutdown_timeout: u64,
    /// Requests after which a successor is asked for.
    pub maximum_requests: u64,
    /// Settings of the engine.
    pub engine: EngineSettings,
}

record!(Process {
    generation,
    token,
    peer,
    slot,
    epoch,
    threads,
    stack_size,
    display_name,
    parent,
    undumpable,
    scripts,
    scripts_must_load,
    follows,
    reload,
    startup_timeout,
    request_timeout,
    interrupt_timeout,
    socket_timeout,
    deadlock_timeout,
    shutdown_timeout,
    maximum_requests,
    engine,
});

/// The most scripts that a process reports as loaded, each counted once per application group. A successor loads those that were reported.
pub const MOST_SCRIPTS: usize = 1_024;
/// The longest path of a script in a message, and the longest application group, in bytes.
pub const LONGEST_NAME: usize = 4_096;
/// The longest text in a message, in bytes.
pub const LONGEST_TEXT: usize = 4_096;

/// Names a script within one group: the process chooses it (a digest of the path), and the supervisor only compares it.
pub type ScriptId = [u8; 16];
/// Tells one version of a script's file from another: the process chooses it, and the supervisor only compares it.
pub type Version = [u8; 32];

/// One message. *S*: sent by the supervisor, *D*: by the daemon process.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// S: be this process.
    Begin(Box<Process>),
    /// D: the interpreter runs; its version and prefix, for the log.
    Started(String),
    /// D: a script was loaded. The process watches its file from now on.
    Loaded {
        /// The script's name in later messages.
        script: ScriptId,
        /// The version of its file when the process began to load it.
        version: Version,
        /// Its path.
        path: Vec<u8>,
        /// The application group that it was loaded for.
        application_group: Vec<u8>,
    },
    /// D: the file of a loaded script has another version now, or has the loaded one again.
    Changed {
        /// Which script.
        script: ScriptId,
        /// The version of its file.
        version: Version,
    },
    /// D: preload has ended, well or badly; requests are taken from now on.
    Ready,
    /// D: with `scripts_must_load`, one did not; the process is about to end.
    NotReady(String),
    /// D: this process should be replaced. It goes on serving until it is drained.
    ReplaceMe(Reason),
    /// S: take no further request, finish what runs, end.
    Drain(Reason),
    /// S: take no further request, and end within the shutdown timeout.
    Stop(Reason),
    /// D: number of requests that run now and were served in all; sent when asked and when it becomes idle while draining.
    Load {
        /// Running now.
        busy: u32,
        /// Served so far.
        served: u64,
        /// Begins and ends of requests so far, less those with `WSGIIgnoreActivity On`.
        activity: u64,
    },
    /// S: say your load.
    Ask,
    /// S: httpd has read its configuration again; say whether the files that are loaded have changed since.
    Look,
    /// D: the answer: a file that is no longer as it was loaded; empty if all are.
    Looked(String),
    /// S: from now on one read or write of the channel may take so long, milliseconds (httpd's `Timeout` has changed).
    Patience(u64),
}

/// Who sends a kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The supervisor, which the process believes.
    Supervisor,
    /// The daemon process, which the supervisor does not believe.
    Daemon,
}

/// What holds for one kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its number.
    pub number: u8,
    /// Its name, for the log.
    pub name: &'static str,
    /// Who alone may send it.
    pub sender: Sender,
    /// Its longest payload, in bytes.
    pub longest: usize,
}

const fn kind(number: u8, name: &'static str, sender: Sender, longest: usize) -> Kind {
    Kind { number, name, sender, longest }
}

const BEGIN: Kind = kind(1, "Begin", Sender::Supervisor, 16 * 1024 * 1024);
const STARTED: Kind = kind(2, "Started", Sender::Daemon, 256);
const LOADED: Kind =
    kind(3, "Loaded", Sender::Daemon, size_of::<ScriptId>() + size_of::<Version>() + LONGEST_NAME + 1 + LONGEST_NAME);
const READY: Kind = kind(4, "Ready", Sender::Daemon, 0);
const NOT_READY: Kind = kind(5, "NotReady", Sender::Daemon, LONGEST_TEXT);
const REPLACE_ME: Kind = kind(6, "ReplaceMe", Sender::Daemon, 32);
const DRAIN: Kind = kind(7, "Drain", Sender::Supervisor, 32);
const STOP: Kind = kind(8, "Stop", Sender::Supervisor, 32);
const LOAD: Kind = kind(9, "Load", Sender::Daemon, 20);
const ASK: Kind = kind(10, "Ask", Sender::Supervisor, 0);
const LOOK: Kind = kind(12, "Look", Sender::Supervisor, 0);
const LOOKED: Kind = kind(13, "Looked", Sender::Daemon, LONGEST_TEXT);
const PATIENCE: Kind = kind(14, "Patience", Sender::Supervisor, 8);
const CHANGED: Kind = kind(11, "Changed", Sender::Daemon, size_of::<ScriptId>() + size_of::<Version>());

/// Every kind of message.
pub const KINDS: [Kind; 14] =
    [BEGIN, STARTED, LOADED, READY, NOT_READY, REPLACE_ME, DRAIN, STOP, LOAD, ASK, CHANGED, LOOK, LOOKED, PATIENCE];

/// Bytes before the payload.
pub const HEAD: usize = 5;

/// Why a message could not be read: the peer is to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadMessage {
    /// There is no kind of that number.
    Unknown(u8),
    /// A message that only the other side sends.
    WrongSender(Kind),
    /// A payload that is longer than its kind may be.
    TooLong(Kind, u32),
    /// A payload that is not as its kind has it.
    Malformed(Kind),
}

impl std::fmt::Display for BadMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "a message of the unknown kind {number}"),
            Self::WrongSender(kind) => write!(f, "the message {}, which only the other side may send", kind.name),
            Self::TooLong(kind, length) => {
                write!(f, "the message {} with {length} bytes, which is more than its maximum of {}", kind.name, kind.longest)
            }
            Self::Malformed(kind) => write!(f, "the message {} with a malformed payload", kind.name),
        }
    }
}

/// The start of `text` that is at most `longest` bytes.
fn head_of(text: &str, longest: usize) -> Vec<u8> {
    let end = (0..=longest.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or_default()).unwrap_or_default().into()
}

impl Message {
    /// The message's bytes. A text that is longer than its kind may be loses its end.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, payload) = match self {
            Self::Begin(process) => (BEGIN, process.encode()),
            Self::Started(what) => (STARTED, head_of(what, STARTED.longest)),
            Self::Loaded { script, version, path, application_group } => {
                (LOADED, [script.as_slice(), version, path, b"\0", application_group].concat())
            }
            Self::Changed { script, version } => (CHANGED, [script.as_slice(), version].concat()),
            Self::Ready => (READY, Vec::new()),
            Self::NotReady(why) => (NOT_READY, head_of(why, NOT_READY.longest)),
            Self::ReplaceMe(why) => (REPLACE_ME, why.name().into()),
            Self::Drain(why) => (DRAIN, why.name().into()),
            Self::Stop(why) => (STOP, why.name().into()),
            Self::Load { busy, served, activity } => {
                (LOAD, [busy.to_le_bytes().as_slice(), &served.to_le_bytes(), &activity.to_le_bytes()].concat())
            }
            Self::Ask => (ASK, Vec::new()),
            Self::Look => (LOOK, Vec::new()),
            Self::Looked(what) => (LOOKED, head_of(what, LOOKED.longest)),
            Self::Patience(limit) => (PATIENCE, limit.to_le_bytes().into()),
        };
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        [&length.to_le_bytes()[..], &[kind.number], &payload].concat()
    }

    /// Reads the message at the front of `bytes`, which `sender` has sent: it and its length, or `None` while it is incomplete.
    ///
    /// # Errors
    /// [`BadMessage`], as soon as the bytes that are there show it.
    pub fn decode(bytes: &[u8], sender: Sender) -> Result<Option<(Self, usize)>, BadMessage> {
        let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else { return Ok(None) };
        let [l0, l1, l2, l3, number] = *head;
        let announced = u32::from_le_bytes([l0, l1, l2, l3]);
        let kind = KINDS.into_iter().find(|kind| kind.number == number).ok_or(BadMessage::Unknown(number))?;
        if kind.sender != sender {
            return Err(BadMessage::WrongSender(kind));
        }
        let length = usize::try_from(announced).unwrap_or(usize::MAX);
        if length > kind.longest {
            return Err(BadMessage::TooLong(kind, announced));
        }
        let Some(payload) = rest.get(..length) else { return Ok(None) };
        let message = Self::of(kind, payload).ok_or(BadMessage::Malformed(kind))?;
        Ok(Some((message, HEAD + length)))
    }

    /// The message of that kind and payload.
    fn of(kind: Kind, payload: &[u8]) -> Option<Self> {
        let text = || String::from_utf8_lossy(payload).into_owned();
        let reason = || Reason::from_name(payload);
        let plain = |message: Self| payload.is_empty().then_some(message);
        Some(match kind {
            BEGIN => Self::Begin(Box::new(Process::decode(payload).ok()?)),
            STARTED => Self::Started(text()),
            LOADED => {
                let (script, rest) = payload.split_first_chunk()?;
                let (version, names) = rest.split_first_chunk()?;
                let end = names.iter().position(|byte| *byte == 0)?;
                let (path, group) = (names.get(..end)?, names.get(end + 1..)?);
                if path.is_empty() || path.len() > LONGEST_NAME || group.len() > LONGEST_NAME {
                    return None;
                }
                Self::Loaded { script: *script, version: *version, path: path.into(), application_group: group.into() }
            }
            CHANGED => {
                let (script, version) = payload.split_first_chunk()?;
                Self::Changed { script: *script, version: version.try_into().ok()? }
            }
            READY => plain(Self::Ready)?,
            NOT_READY => Self::NotReady(text()),
            REPLACE_ME => Self::ReplaceMe(reason()?),
            DRAIN => Self::Drain(reason()?),
            STOP => Self::Stop(reason()?),
            LOAD => {
                let (busy, rest) = payload.split_first_chunk()?;
                let (served, activity) = rest.split_first_chunk()?;
                Self::Load {
                    busy: u32::from_le_bytes(*busy),
                    served: u64::from_le_bytes(*served),
                    activity: u64::from_le_bytes(activity.try_into().ok()?),
                }
            }
            ASK => plain(Self::Ask)?,
            LOOK => plain(Self::Look)?,
            LOOKED => Self::Looked(text()),
            PATIENCE => Self::Patience(u64::from_le_bytes(payload.try_into().ok()?)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test that meets what it does not expect is to fail")]

    use super::{BadMessage, KINDS, LOADED, LONGEST_NAME, LONGEST_TEXT, Message, Process, Sender};
    use crate::reason::Reason;

    fn loaded(path: &[u8]) -> Message {
        Message::Loaded { script: [1; 16], version: [2; 32], path: path.to_vec(), application_group: b"a.example|/x".to_vec() }
    }

    fn every() -> Vec<(Sender, Message)> {
        let supervisors = vec![
            Message::Begin(Box::new(Process { threads: 15, token: [3; 16], ..Process::default() })),
            Message::Drain(Reason::ScriptReload),
            Message::Stop(Reason::ShutdownSignal),
            Message::Ask,
            Message::Look,
            Message::Patience(20_000),
        ];
        let daemons = vec![
            Message::Started("3.11.2".to_owned()),
            loaded(b"/srv/a.wsgi"),
            Message::Changed { script: [1; 16], version: [3; 32] },
            Message::Ready,
            Message::NotReady("why".to_owned()),
            Message::ReplaceMe(Reason::MaximumRequests),
            Message::Load { busy: 2, served: 100, activity: 150 },
            Message::Looked("/srv/a.py".to_owned()),
        ];
        let of = |sender| move |message| (sender, message);
        supervisors.into_iter().map(of(Sender::Supervisor)).chain(daemons.into_iter().map(of(Sender::Daemon))).collect()
    }

    fn other(sender: Sender) -> Sender {
        if sender == Sender::Daemon { Sender::Supervisor } else { Sender::Daemon }
    }

    #[test]
    fn every_message_arrives_whole_or_not_at_all() {
        assert_eq!(every().len(), KINDS.len());
        for (sender, message) in every() {
            let bytes = message.encode();
            for cut in 0..bytes.len() {
                assert_eq!(Message::decode(&bytes[..cut], sender), Ok(None), "{message:?} at {cut}");
            }
            assert!(matches!(Message::decode(&bytes, other(sender)), Err(BadMessage::WrongSender(_))), "{message:?}");
            assert_eq!(Message::decode(&bytes, sender), Ok(Some((message, bytes.len()))));
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let refused = |bytes: &[u8]| Message::decode(bytes, Sender::Daemon).is_err();
        assert_eq!(Message::decode(&[0, 0, 0, 0, 99], Sender::Daemon), Err(BadMessage::Unknown(99)));
        assert!(refused(&[1, 0, 0, 0, 4, 0]) && refused(&[1, 0, 0, 0, 6, b'x']) && refused(&[3, 0, 0, 0, 9, 0, 0, 0]));
        let mut short = loaded(b"").encode();
        assert!(refused(&short), "a script without a path");
        short[0] = 47;
        assert!(refused(&short));
    }

    #[test]
    fn a_payload_longer_than_its_kind_is_refused_before_it_arrives() {
        for kind in KINDS {
            let length = u32::try_from(kind.longest + 1).unwrap_or(u32::MAX);
            let [a, b, c, d] = length.to_le_bytes();
            assert_eq!(Message::decode(&[a, b, c, d, kind.number], kind.sender), Err(BadMessage::TooLong(kind, length)));
        }
        // What a daemon says in good faith keeps to it.
        let long = "x".repeat(LONGEST_TEXT) + "\u{e4}";
        for message in [Message::NotReady(long.clone()), Message::Started(long), loaded(&[b'x'; LONGEST_NAME])] {
            assert!(matches!(Message::decode(&message.encode(), Sender::Daemon), Ok(Some(_))));
        }
        assert!(Message::decode(&loaded(&[b'x'; LONGEST_NAME + 1]).encode(), Sender::Daemon).is_err());
        assert!(KINDS.iter().filter(|kind| kind.sender == Sender::Daemon).all(|kind| kind.longest <= LOADED.longest));
    }
}
