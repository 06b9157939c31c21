/*! One request as both backends work on it: what the engine gets to know, and the two directions of its bodies. *Runs in: child.* */

use std::mem::MaybeUninit;

use protocol::embedded::RequestFlags;

use super::environ::Environ;
use super::request_body::{Read, RequestBody};
use super::response_body::ResponseBody;
use crate::httpd::Request;

/// The two directions of one request, which the engine's callbacks work on.
pub struct Conversation<'r> {
    /// The request.
    pub request: Request<'r>,
    /// What the application reads.
    pub input: RequestBody<'r>,
    /// What it answers.
    pub output: ResponseBody<'r>,
}

impl Conversation<'_> {
    /// Reads request body (see [`RequestBody::read`]).
    pub fn read(&mut self, buffer: &mut [MaybeUninit<u8>], wait: bool) -> Read {
        let result = self.input.read(buffer, wait);
        if self.input.is_answered() {
            self.output.answered_by_filter();
        }
        result
    }

    /// Reads what has arrived of the request body (see [`RequestBody::append`]).
    pub fn append(&mut self, out: &mut Vec<u8>, most: usize) -> Read {
        let result = self.input.append(out, most);
        if self.input.is_answered() {
            self.output.answered_by_filter();
        }
        result
    }
}

/// What the engine is told about a request.
#[derive(Clone, Copy)]
pub struct Call<'c> {
    /// The environ's text entries.
    pub environ: &'c Environ<'c>,
    /// Path of the script.
    pub script: &'c [u8],
    /// Its modification time, microseconds since the epoch, if httpd has looked.
    pub script_mtime: Option<i64>,
    /// `r->filename`
    pub resource: &'c [u8],
    /// The interpreter's name.
    pub interpreter: &'c [u8],
    /// The callable's name.
    pub callable: &'c [u8],
    /// What holds for the request.
    pub flags: RequestFlags,
    /// `WSGIPassApacheRequest`
    pub pass_request: bool,
}
