/*! The first bytes to a daemon: greeting, request, and what is known of the body, for one write. *Runs in: child.* */

use protocol::embedded::UNKNOWN_MTIME;
use protocol::frame::{Hello, RequestHead, TooLong, VERSION, Writer};

use super::group::Group;
use crate::handler::exchange::Call;

/// Greeting and request. `request_start` and `queue_start` are microseconds since the epoch.
///
/// # Errors
/// The environ is longer than a request may be.
pub fn opening(group: &Group, call: &Call<'_>, request_start: i64, queue_start: i64) -> Result<Vec<u8>, TooLong> {
    let mut bytes = Vec::with_capacity(4096);
    let mut writer = Writer::new(&mut bytes);
    writer.hello(&Hello {
        version: VERSION,
        generation: group.generation,
        token: group.token,
        build: env!("CARGO_PKG_VERSION").as_bytes(),
    });
    let head = RequestHead {
        flags: call.flags,
        script_mtime: call.script_mtime.unwrap_or(UNKNOWN_MTIME),
        request_start,
        queue_start,
        script: call.script,
        resource: call.resource,
        application_group: call.interpreter,
        callable: call.callable,
    };
    writer.request(&head, call.environ.entries.iter().map(|entry| (entry.key, entry.value.as_deref())))?;
    Ok(bytes)
}
