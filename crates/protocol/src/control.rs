/*! What the supervisor and one daemon process say to each other, over the socket pair that the process is born with.

A message is a 4-byte length, a 1-byte kind and a payload (see [`Message`]). The first one goes to the process: [`Message::Begin`], with all it needs
to know. Either side takes the other's end of file as its death. *Runs in: supervisor, daemon.* */

use crate::plan::Script;
use crate::reason::Reason;
use crate::record::record;
use crate::settings::EngineSettings;

/// Descriptor of the listening socket in a daemon process; `/dev/null` in a service.
pub const LISTENER: i32 = 3;
/// Descriptor of the control socket in a daemon process.
pub const CONTROL: i32 = 4;
/// Descriptor of the memory file in a daemon process (see [`crate::running`]).
pub const MEMORY: i32 = 5;
/// Descriptor of the group's table in a daemon process; `/dev/null` in a service.
pub const TABLE: i32 = 6;
/// Descriptor of the lifeline in a process that must have ended before its successor begins (see [`crate::plan::Plan::lifeline`]); `/dev/null` in others.
pub const LIFELINE: i32 = 7;
/// Descriptor of the file that httpd's scoreboard is written to (see [`crate::scoreboard`]), open for reading; `/dev/null` in a process that may not ask.
pub const SCOREBOARD: i32 = 8;
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

/// One message. *S*: sent by the supervisor, *D*: by the daemon process.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// S: be this process.
    Begin(Box<Process>),
    /// D: the interpreter runs; its version and prefix, for the log.
    Started(String),
    /// D: a script was loaded (path, NUL, application group); the supervisor watches its file from now on.
    Loaded(Vec<u8>),
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
}

mod kind {
    pub const BEGIN: u8 = 1;
    pub const STARTED: u8 = 2;
    pub const LOADED: u8 = 3;
    pub const READY: u8 = 4;
    pub const NOT_READY: u8 = 5;
    pub const REPLACE_ME: u8 = 6;
    pub const DRAIN: u8 = 7;
    pub const STOP: u8 = 8;
    pub const LOAD: u8 = 9;
    pub const ASK: u8 = 10;
}

/// Longest message.
pub const LONGEST: usize = 1024 * 1024;

/// Why a message could not be read: the peer is to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadMessage;

impl Message {
    /// The message's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let text = |s: &String| s.as_bytes().to_vec();
        let (kind, payload) = match self {
            Self::Begin(process) => (kind::BEGIN, process.encode()),
            Self::Started(what) => (kind::STARTED, text(what)),
            Self::Loaded(path) => (kind::LOADED, path.clone()),
            Self::Ready => (kind::READY, Vec::new()),
            Self::NotReady(why) => (kind::NOT_READY, text(why)),
            Self::ReplaceMe(why) => (kind::REPLACE_ME, why.name().into()),
            Self::Drain(why) => (kind::DRAIN, why.name().into()),
            Self::Stop(why) => (kind::STOP, why.name().into()),
            Self::Load { busy, served, activity } => {
                (kind::LOAD, [busy.to_le_bytes().as_slice(), &served.to_le_bytes(), &activity.to_le_bytes()].concat())
            }
            Self::Ask => (kind::ASK, Vec::new()),
        };
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        [&length.to_le_bytes()[..], &[kind], &payload].concat()
    }

    /// Reads the message at the front of `bytes`: it and its length, or `None` while it is incomplete.
    ///
    /// # Errors
    /// [`BadMessage`], as soon as the bytes that are there show it.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, BadMessage> {
        let Some((head, rest)) = bytes.split_first_chunk::<5>() else { return Ok(None) };
        let [l0, l1, l2, l3, kind] = *head;
        let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).map_err(|_| BadMessage)?;
        if length > LONGEST {
            return Err(BadMessage);
        }
        let Some(payload) = rest.get(..length) else { return Ok(None) };
        let text = || String::from_utf8_lossy(payload).into_owned();
        let reason = || Reason::from_name(payload).ok_or(BadMessage);
        let plain = |message: Self| if payload.is_empty() { Ok(message) } else { Err(BadMessage) };
        let message = match kind {
            kind::BEGIN => Self::Begin(Box::new(Process::decode(payload).map_err(|_| BadMessage)?)),
            kind::STARTED => Self::Started(text()),
            kind::LOADED => Self::Loaded(payload.to_vec()),
            kind::READY => plain(Self::Ready)?,
            kind::NOT_READY => Self::NotReady(text()),
            kind::REPLACE_ME => Self::ReplaceMe(reason()?),
            kind::DRAIN => Self::Drain(reason()?),
            kind::STOP => Self::Stop(reason()?),
            kind::LOAD => {
                let (busy, rest) = payload.split_first_chunk().ok_or(BadMessage)?;
                let (served, activity) = rest.split_first_chunk().ok_or(BadMessage)?;
                Self::Load {
                    busy: u32::from_le_bytes(*busy),
                    served: u64::from_le_bytes(*served),
                    activity: u64::from_le_bytes(activity.try_into().map_err(|_| BadMessage)?),
                }
            }
            kind::ASK => plain(Self::Ask)?,
            _ => return Err(BadMessage),
        };
        Ok(Some((message, 5 + length)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test that meets what it does not expect is to fail")]

    use super::{BadMessage, LONGEST, Message, Process};
    use crate::reason::Reason;

    fn every() -> Vec<Message> {
        vec![
            Message::Begin(Box::new(Process { threads: 15, token: [3; 16], ..Process::default() })),
            Message::Started("3.11.2".to_owned()),
            Message::Loaded(b"/srv/a.wsgi".to_vec()),
            Message::Ready,
            Message::NotReady("why".to_owned()),
            Message::ReplaceMe(Reason::MaximumRequests),
            Message::Drain(Reason::ScriptReload),
            Message::Stop(Reason::ShutdownSignal),
            Message::Load { busy: 2, served: 100, activity: 150 },
            Message::Ask,
        ]
    }

    #[test]
    fn every_message_arrives_whole_or_not_at_all() {
        for message in every() {
            let bytes = message.encode();
            for cut in 0..bytes.len() {
                assert_eq!(Message::decode(&bytes[..cut]), Ok(None), "{message:?} at {cut}");
            }
            assert_eq!(Message::decode(&bytes), Ok(Some((message, bytes.len()))));
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert_eq!(Message::decode(&[0, 0, 0, 0, 99]), Err(BadMessage));
        assert_eq!(Message::decode(&[1, 0, 0, 0, 4, 0]), Err(BadMessage));
        assert_eq!(Message::decode(&[1, 0, 0, 0, 7, b'x']), Err(BadMessage));
        assert_eq!(Message::decode(&[3, 0, 0, 0, 9, 0, 0, 0]), Err(BadMessage));
        let long = u32::try_from(LONGEST + 1).unwrap_or(u32::MAX).to_le_bytes();
        assert_eq!(Message::decode(&[long[0], long[1], long[2], long[3], 2]), Err(BadMessage));
    }
}
