/*! Has a script changed since this process loaded it? Looked at when a request for it comes (decision 11), by the time that httpd has seen on its way.

The supervisor looks as well, once a second, and decides; this is why a developer who saves and reloads sees the new version at once. One request
per version waits for it; the others are served with what is loaded. *Runs in: daemon.* */

use std::collections::HashMap;
use std::sync::Mutex;

use protocol::embedded::{UNKNOWN_MTIME, flag};
use protocol::frame::Request;

use crate::request::lock;

/// The scripts that this process has loaded: their files' times, in microseconds since the epoch.
#[derive(Default)]
pub struct News(Mutex<HashMap<Vec<u8>, i64>>);

impl News {
    /// A script was loaded.
    pub fn loaded(&self, path: &[u8], mtime: i64) {
        lock(&self.0).insert(path.to_vec(), mtime);
    }

    /// Whether a request is the first for a version of its script that this process does not have.
    pub fn concerns(&self, request: &Request<'_>) -> bool {
        let head = &request.head;
        if head.flags & (flag::RELOAD | flag::WAITED) != flag::RELOAD || head.script_mtime == UNKNOWN_MTIME {
            return false;
        }
        match lock(&self.0).get_mut(head.script) {
            Some(known) if *known != head.script_mtime => {
                *known = head.script_mtime;
                true
            }
            _ => false,
        }
    }
}
