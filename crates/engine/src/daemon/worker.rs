/*! One worker thread: takes a connection only when it is idle, and runs its request.

Every idle worker waits on the group's listening socket in an epoll set of its own, exclusively: the kernel wakes one of them, in whichever process, and a
busy one is never asked. *Runs in: daemon.* */

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::embedded::{UNKNOWN_MTIME, flag, outcome};
use protocol::frame::{Frame, Parsed, RefusedReason, Request as RequestFrame, Sender, parse};
use protocol::log_code::PEER_REFUSED;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::SocketFlags;

use super::channel::{Channel, Greeting, NoRequest};
use super::descriptors::{Descriptor, adopt};
use super::process::Shared;
use crate::exchange::Exchange;
use crate::logging;
use crate::registry::Registry;
use crate::request::Facts;
use crate::script::Wanted;
use crate::serve;
use crate::wsgi::Call;

const LISTENER: u64 = 0;
const STOP: u64 = 1;

/// Runs requests until the process takes no more.
pub fn run(shared: &Shared, registry: &'static Registry, number: usize) {
    let waiting = match idle_set(shared) {
        Ok(set) => set,
        Err(error) => {
            logging::text(protocol::Level::Error, format!("worker thread {number} could not start: {error}").as_bytes());
            return;
        }
    };
    while !shared.leaving.load(Ordering::Acquire) {
        let mut events = Vec::with_capacity(2);
        match epoll::wait(&waiting, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        // Looked at even when the process is about to stop: if it was this worker that the kernel woke for a connection, nobody else was.
        if let Ok(socket) = rustix::net::accept_with(&shared.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            shared.busy.fetch_add(1, Ordering::AcqRel);
            serve_connection(shared, registry, number, adopt(socket));
            shared.busy.fetch_sub(1, Ordering::AcqRel);
        }
        if events.iter().any(|event| event.data.u64() == STOP) {
            return;
        }
    }
}

fn idle_set(shared: &Shared) -> Result<Descriptor, Errno> {
    let set = adopt(epoll::create(epoll::CreateFlags::CLOEXEC)?);
    epoll::add(&set, &shared.listener, EventData::new_u64(LISTENER), EventFlags::IN | EventFlags::EXCLUSIVE)?;
    epoll::add(&set, &shared.stop, EventData::new_u64(STOP), EventFlags::IN)?;
    Ok(set)
}

fn serve_connection(shared: &Shared, registry: &'static Registry, number: usize, socket: Descriptor) {
    let peer = rustix::net::sockopt::socket_peercred(&socket);
    if !peer.is_ok_and(|peer| peer.uid.is_root() || peer.uid.as_raw() == shared.process.peer) {
        logging::coded(PEER_REFUSED, "a connection of another user than Apache's was closed unread");
        return;
    }
    let channel = Arc::new(Channel::new(socket, shared.process.socket_timeout));
    let greeting = Greeting { token: shared.process.token, generation: shared.process.generation };
    match channel.request(&greeting) {
        Ok(bytes) => {
            if let Ok(Parsed::Frame(Frame::Request(request), _)) = parse(&bytes, Sender::Child) {
                run_request(shared, registry, number, &channel, &request);
            }
        }
        Err(NoRequest::Closed) => {}
        Err(NoRequest::Violation) => {
            logging::coded(
                PEER_REFUSED,
                "a connection that does not know the group's secret, or speaks another protocol, was closed",
            );
        }
    }
}

fn run_request(shared: &Shared, registry: &'static Registry, number: usize, channel: &Arc<Channel>, request: &RequestFrame<'_>) {
    let daemon_start = now();
    if shared.leaving.load(Ordering::Acquire) {
        channel.refuse(RefusedReason::GoingAway);
        return;
    }
    let waited = Duration::from_micros(u64::try_from(daemon_start.saturating_sub(request.head.queue_start)).unwrap_or(0));
    if shared.process.queue_timeout > 0 && waited > Duration::from_millis(shared.process.queue_timeout) {
        channel.finish(outcome::TIMEOUT);
        return;
    }
    let environ: Vec<_> = request.environ.iter().collect();
    let call = Call {
        environ: &environ,
        script: request.head.script,
        wanted: Wanted {
            mtime: (request.head.script_mtime != UNKNOWN_MTIME).then_some(request.head.script_mtime),
            // New code comes in new processes (the supervisor's part): a loaded script stays as it is.
            reload: false,
            resource: request.head.resource,
        },
        callable: request.head.callable,
        https: request.head.flags & flag::HTTPS != 0,
        thread_id: i64::try_from(number).unwrap_or(0),
        request_start: request.head.request_start,
        queue_start: request.head.queue_start,
        daemon_start,
        request_rec: None,
    };
    let facts = Facts {
        head_only: request.head.flags & flag::HEAD != 0,
        content_length: call.entry(b"CONTENT_LENGTH").and_then(|v| std::str::from_utf8(v).ok()?.parse().ok()),
    };
    let place = serve::Place { group: request.head.application_group, dynamic: request.head.flags & flag::DYNAMIC_GROUP != 0 };
    let exchange: Box<dyn Exchange> = Box::new(Arc::clone(channel));
    let ended = shared.watched(number, channel, &call, |seat| serve::run(registry, &place, exchange, facts, &call, seat));
    channel.finish(ended);
    shared.served();
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0)
}
