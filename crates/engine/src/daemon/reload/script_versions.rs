/*! Has a script changed since this process loaded it? Looked at when a request for it comes, by the time that httpd has seen on its way.

`scripts` looks as well, once a second, and the supervisor decides; this is why a developer who saves and reloads sees the new version at once. One request
per version waits for it; the others are served with what is loaded. A script may also ask for it itself, by its `__mtime__` or its
`reload_required`: at most once a second. *Runs in: daemon.* */

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use protocol::embedded::{RequestFlags, UNKNOWN_MTIME};
use protocol::frame::Request;

use crate::sync::locks::lock;

/// How often a process may be replaced because its scripts ask for it.
const PAUSE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub struct ScriptVersions {
    /// The scripts that this process has loaded: their files' times, in microseconds since the epoch.
    loaded: Mutex<HashMap<Vec<u8>, i64>>,
    /// When the last was loaded, or last asked to be loaded again.
    rested: Mutex<Option<Instant>>,
}

impl ScriptVersions {
    /// A script was loaded.
    pub fn loaded(&self, path: &[u8], mtime: i64) {
        lock(&self.loaded).insert(path.to_vec(), mtime);
        *lock(&self.rested) = Some(Instant::now());
    }

    /// Whether a script that asks to be loaded again is heard now. The request that it was asked for waits for the new process.
    pub fn may_ask(&self) -> bool {
        let mut rested = lock(&self.rested);
        let heard = rested.is_none_or(|since| since.elapsed() >= PAUSE);
        if heard {
            *rested = Some(Instant::now());
        }
        heard
    }

    /// Whether a request is the first for a version of its script that this process does not have.
    pub fn concerns(&self, request: &Request<'_>) -> bool {
        let head = &request.head;
        if !head.flags.contains(RequestFlags::RELOAD)
            || head.flags.contains(RequestFlags::WAITED)
            || head.script_mtime == UNKNOWN_MTIME
        {
            return false;
        }
        match lock(&self.loaded).get_mut(head.script) {
            Some(known) if *known != head.script_mtime => {
                *known = head.script_mtime;
                true
            }
            _ => false,
        }
    }
}
