/*! The first bytes to a daemon: greeting and request. A greeting has always the same length, so that another connection's can take its place.
*Runs in: child.* */

use protocol::embedded::UNKNOWN_MTIME;
use protocol::frame::{Hello, RequestHead, TooLong, VERSION, Writer};
use protocol::table::Ticket;

use crate::daemon::group::Group;
use crate::request::conversation::Call;

/// The greeting, over a connection with that ticket.
pub fn greeting(group: &Group, ticket: Option<Ticket>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    Writer::new(&mut bytes).hello(&Hello {
        version: VERSION,
        generation: group.generation,
        token: group.token,
        ticket,
        build: env!("CARGO_PKG_VERSION").as_bytes(),
    });
    bytes
}

/// Greeting (without a ticket) and request, in `spare_buffer`. `request_start` and `queue_start` are microseconds since the epoch.
///
/// # Errors
/// The environ is longer than a request may be.
pub fn request_frames(
    spare_buffer: Vec<u8>,
    group: &Group,
    call: &Call<'_>,
    request_start: i64,
    queue_start: i64,
) -> Result<Vec<u8>, TooLong> {
    let mut bytes = spare_buffer;
    bytes.reserve(4096);
    bytes.extend_from_slice(&greeting(group, None));
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
    Writer::new(&mut bytes).request(&head, call.environ.entries.iter().map(|entry| (entry.key, entry.value.as_deref())))?;
    Ok(bytes)
}
