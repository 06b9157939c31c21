/*! One worker thread: waits with the others for what comes on the process's connections, and runs requests.

It is let in by [`crate::daemon::workers::worker_gate`]. A request that is complete is run at once; of one that is not, what has come is kept and the worker is free again.
*Runs in: daemon.* */

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::embedded::{RequestFlags, UNKNOWN_MTIME};
use protocol::frame::{Frame, Parsed, RefusedReason, Request as RequestFrame, Sender, parse};
use protocol::log_code::PEER_REFUSED;
use rustix::io::Errno;
use rustix::net::SocketFlags;

use crate::daemon::channel::connections::{self, Connection};
use crate::daemon::channel::peer::peer_uid;
use crate::daemon::channel::{Channel, Greeting, NoRequest};
use crate::daemon::descriptors::adopt;
use crate::daemon::state::Shared;
use crate::gateway::serve;
use crate::interpreter::registry::Registry;
use crate::interpreter::script::{Reload, Wanted};
use crate::logging;
use crate::logging::panics::caught;
use crate::request::Facts;
use crate::request::call::Call;
use crate::request::exchange::Exchange;
use crate::sync::clock;

/// How long a worker waits when there are no descriptors or no memory for a connection.
const PAUSE: Duration = Duration::from_millis(20);

/// One worker.
pub struct Worker<'s> {
    /// What it shares with the others.
    pub shared: &'s Shared,
    /// The process's interpreters.
    pub registry: &'static Registry,
    /// Its number, from 1.
    pub number: usize,
}

impl Worker<'_> {
    /// Runs requests until the process takes no more.
    pub fn run(&self) {
        let shared = self.shared;
        let own = u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap_or(0);
        shared.gate.acquire(true);
        loop {
            match shared.connections.wait() {
                Ok(connections::Call::Connection(connection)) => {
                    shared.gate.begin(self.number, own);
                    if caught(|| self.turn_to(&connection)).is_err() {
                        // The connection is in no state to go on.
                        shared.connections.remove(&connection);
                        shared.table_slot.release();
                    }
                    shared.gate.end(self.number);
                }
                Ok(connections::Call::Connect) => self.accept(),
                Ok(connections::Call::Nothing) => {}
                Ok(connections::Call::End) | Err(_) => {
                    shared.gate.open();
                    return;
                }
            }
            shared.gate.acquire(false);
        }
    }

    /// Takes all who connect.
    fn accept(&self) {
        let shared = self.shared;
        loop {
            let socket = match rustix::net::accept_with(&shared.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(socket) => socket,
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(error) => {
                    let text = format!("could not accept a connection from httpd: {error}; trying again");
                    logging::text(protocol::Level::Error, text.as_bytes());
                    std::thread::sleep(PAUSE);
                    shared.connections.listen_again(&shared.listener);
                    return;
                }
            };
            if peer_uid(&socket).is_ok_and(|uid| uid == 0 || uid == shared.process.peer) {
                let (deferred, shared_bodies) = (Arc::clone(&shared.deferred), Arc::clone(&shared.shared_bodies));
                let descriptors = crate::interpreter::registry::registry().is_some_and(|registry| registry.settings.descriptors);
                let timeout = shared.patience.load(Ordering::Acquire);
                shared.connections.add(Channel::new(adopt(socket), timeout, deferred, shared_bodies, descriptors));
            } else {
                logging::log_code(PEER_REFUSED, "a connection from a user other than Apache's user was closed");
            }
        }
    }

    /// Sees to all that has come on a connection.
    fn turn_to(&self, connection: &Connection) {
        if !connection.enter() {
            return;
        }
        loop {
            if !self.serve(connection) {
                self.shared.connections.remove(connection);
                return;
            }
            self.shared.connections.left(connection);
            if connection.leave() {
                return;
            }
        }
    }

    /// Runs the request that has come, if one has; whether the connection goes on.
    fn serve(&self, connection: &Connection) -> bool {
        let (shared, channel) = (self.shared, &connection.channel);
        let greeting = Greeting { token: shared.process.token, generation: shared.process.generation };
        match channel.next(&greeting) {
            Ok(None) => true,
            Ok(Some(bytes)) => {
                let goes_on = match parse(&bytes, Sender::Child) {
                    Ok(Parsed::Frame(Frame::Request(request), _)) => self.answer(connection, &request),
                    _ => false,
                };
                channel.recycle(bytes);
                goes_on
            }
            Err(why) => {
                if why == NoRequest::Violation {
                    logging::log_code(
                        PEER_REFUSED,
                        "a connection from a client that does not know the secret of the group, or uses another protocol version, was closed",
                    );
                }
                // Half a request has a place all the same, unless its child has taken it back.
                if channel.is_amid() && shared.table_slot.begin(channel.ticket()) {
                    shared.table_slot.release();
                }
                false
            }
        }
    }

    /// Runs a request, or says that it will not be run; whether the connection goes on.
    fn answer(&self, connection: &Connection, request: &RequestFrame<'_>) -> bool {
        let (shared, channel) = (self.shared, &connection.channel);
        if !shared.table_slot.begin(channel.ticket()) {
            return false;
        }
        let refused = if shared.leaving.load(Ordering::Acquire) {
            Some(RefusedReason::GoingAway)
        } else {
            shared.script_versions.concerns(request).then_some(RefusedReason::NewCode)
        };
        if let Some(reason) = refused {
            if reason == RefusedReason::NewCode {
                shared.ask_for_new_code(request.head.script);
            }
            shared.table_slot.release();
            return channel.refuse(reason);
        }
        // While the worker reads a body itself, nobody else need hear that it comes.
        let whole = channel.has_whole_body();
        if !whole {
            shared.connections.set_interest(connection, false);
        }
        let counts = !request.head.flags.contains(RequestFlags::IGNORE_ACTIVITY);
        shared.lifecycle.touch(counts);
        let asks = request.head.flags.contains(RequestFlags::RELOAD) && !request.head.flags.contains(RequestFlags::WAITED);
        let mut ended = self.run_request(channel, request, if asks { Reload::Elsewhere } else { Reload::Never });
        if ended == serve::STALE {
            if shared.script_versions.may_ask() {
                shared.lifecycle.touch(counts);
                shared.ask_for_new_code(request.head.script);
                shared.table_slot.release();
                let goes_on = channel.refuse(RefusedReason::NewCode);
                if goes_on && !whole {
                    shared.connections.set_interest(connection, true);
                }
                return goes_on;
            }
            ended = self.run_request(channel, request, Reload::Never);
        }
        shared.lifecycle.touch(counts);
        shared.table_slot.end(channel.ticket());
        let goes_on = channel.finish(ended, || shared.table_slot.release());
        shared.served();
        if goes_on && !whole {
            shared.connections.set_interest(connection, true);
        }
        goes_on
    }

    fn run_request(&self, channel: &Arc<Channel>, request: &RequestFrame<'_>, reload: Reload) -> i32 {
        let head = &request.head;
        let environ: Vec<_> = request.environ.iter().collect();
        let call = Call {
            environ: &environ,
            script: head.script,
            wanted: Wanted {
                mtime: (head.script_mtime != UNKNOWN_MTIME).then_some(head.script_mtime),
                reload,
                resource: head.resource,
                handler: head.script != head.resource,
            },
            callable: head.callable,
            https: head.flags.contains(RequestFlags::HTTPS),
            thread_id: i64::try_from(self.number).unwrap_or(0),
            request_start: head.request_start,
            queue_start: head.queue_start,
            daemon_start: clock::now(),
            waited: head.flags.contains(RequestFlags::WAITED),
            request_rec: None,
        };
        let facts = Facts {
            head_only: head.flags.contains(RequestFlags::HEAD),
            head: head.flags.contains(RequestFlags::ASKED_BY_HEAD),
            content_length: call.entry(b"CONTENT_LENGTH").and_then(|v| std::str::from_utf8(v).ok()?.parse().ok()),
        };
        let target = serve::Target { group: head.application_group, dynamic: head.flags.contains(RequestFlags::DYNAMIC_GROUP) };
        let exchange: Box<dyn Exchange> = Box::new(Arc::clone(channel));
        self.shared.watched(self.number, channel, &call, |slot| serve::run(self.registry, &target, exchange, facts, &call, slot))
    }
}
