/*! One request's way to a daemon process and back: it is sent to the process that [`dispatch`] names, and, if it has certainly not begun there, to the next one.

In reading order: [`run`], `Relay::serve` (the loop), `Relay::once` (one process: [`exchange`] talks with it), `Relay::judge` (whether another one may have the request),
`Relay::ending`. What waits has begun nowhere, so it can be taken back: because its time is over, because another process has a thread free, or because the
process has died. *Runs in: child.* */

mod body;
mod client;
mod deadline;
mod dispatch;
mod exchange;
mod protocol_error;
mod queue;
mod request_frames;
mod response_reader;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use protocol::embedded::RequestFlags;
use protocol::frame::{AbortReason, RefusedReason};
use protocol::table::Place;

use super::child::GroupHandle;
use super::connections::Connection;
use super::group::Group;
use crate::httpd::{Log, Request};
use crate::request::alias;
use crate::request::conversation::{Call, Conversation};
use crate::request::failure::Failure;
use crate::request::group_failure::GroupFailure;
use crate::request::response_body::Ending;
use dispatch::{Again, Dispatch, Next};
use exchange::{Exchange, RelayResult};
use request_frames::request_frames;
use response_reader::End;

/// Runs a request in a process of a group.
pub fn run(conversation: &mut Conversation<'_>, handle: GroupHandle, call: &Call<'_>) -> Ending {
    let (request, group) = (conversation.request, handle.group);
    let on_demand = request.expects_continue();
    let call = Call { flags: if on_demand { call.flags | RequestFlags::ON_DEMAND } else { call.flags }, ..*call };
    let queue_start = now();
    let Ok(frames) = request_frames(handle.connections.spare_buffer(), group, &call, request.time(), queue_start) else {
        let length =
            call.environ.entries.iter().map(|entry| entry.key.len() + entry.value.as_deref().map_or(0, <[u8]>::len)).sum();
        return Ending::Failed(log_failure(request, group, GroupFailure::HeadTooLong(length)));
    };
    // The time in which its body is gathered counts.
    let began = Instant::now();
    let mut relay =
        Relay { exchange: Exchange::begin(conversation, handle, frames, on_demand), handle, group, call, queue_start };
    match Dispatch::new(handle, began) {
        Ok(mut dispatch) => {
            let outcome = relay.serve(&mut dispatch);
            relay.ending(outcome)
        }
        Err(failure) => relay.ending(Err(failure)),
    }
}

/// What came of offering a request to a group.
type Outcome<'g> = Result<RelayResult, GroupFailure<'g>>;

/// Says in the log why a request fails: the status that its client gets.
fn log_failure(request: Request<'_>, group: &Group, failure: GroupFailure<'_>) -> u16 {
    let failure = Failure::Group { name: &group.name, declared: Some(&group.defined_at), failure };
    let message = failure.message(alias::of(request));
    Log::Request(request).line(failure.code().level, format_args!("{message}"));
    failure.status()
}

/// Microseconds since the epoch.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0)
}

/// A request on its way to a process.
struct Relay<'a, 'r> {
    exchange: Exchange<'a, 'r>,
    handle: GroupHandle,
    group: &'static Group,
    call: Call<'a>,
    queue_start: i64,
}

impl<'a, 'r: 'a> Relay<'a, 'r> {
    /// Sends the request to one process after the other, until one has begun it, or none can be had.
    fn serve(&mut self, dispatch: &mut Dispatch) -> Outcome<'a> {
        loop {
            let Some((place, full)) = dispatch.reserve(&mut self.exchange.client)? else {
                return Ok(RelayResult::End(End::ClientGone));
            };
            let next = match self.once(dispatch, place, full)? {
                Ok(end) => return Ok(end),
                Err(next) => next,
            };
            match dispatch.again(&next, place, &mut self.exchange.client)? {
                Again::Now => {}
                Again::AfterNewCode => self.waited(),
                Again::ClientGone => return Ok(RelayResult::End(End::ClientGone)),
            }
        }
    }

    /// Sends the request to the process at `place`, which is reserved: how that ended, or what to do next if it has not begun.
    fn once(&mut self, dispatch: &mut Dispatch, place: Place, full: bool) -> Result<Result<RelayResult, Next>, GroupFailure<'a>> {
        let pool = self.exchange.conversation.request.pool();
        let mut connection = match dispatch.connect(place, self.exchange.has_large_body(), pool)? {
            Ok(connection) => connection,
            Err(next) => return Ok(Err(next)),
        };
        connection.give_memory();
        self.exchange.start(&connection);
        let placed = Instant::now();
        let result = self.exchange.relay(&mut connection, full, dispatch.wish());
        let ended = self.judge(result, connection)?;
        if let Err(next) = &ended {
            let queued = placed.elapsed();
            dispatch.was_in_process(next, queued);
            self.exchange.queued += queued;
        }
        Ok(ended)
    }

    /// How a request over a connection ended, or what to do next if it has not begun.
    fn judge(&mut self, result: RelayResult, connection: Connection) -> Result<Result<RelayResult, Next>, GroupFailure<'a>> {
        // Taken back, it has a place no more, and the connection goes.
        match result {
            RelayResult::End(End::Complete) => {
                if self.exchange.is_through(&connection) {
                    let spare_buffer = self.exchange.send_buffer.take_spare_buffer();
                    self.handle.connections.keep(connection, spare_buffer);
                }
                Ok(Ok(result))
            }
            RelayResult::End(End::Refused(RefusedReason::NewCode)) => Ok(Err(Next::NewCode)),
            RelayResult::End(End::Refused(_)) => Ok(Err(Next::Again)),
            RelayResult::Better => Ok(Err(Next::Better)),
            RelayResult::Unsent => {
                if connection.ticket().is_none() {
                    // Less than a request has been sent, so it can't have begun.
                    if let Some(table) = self.handle.connections.table() {
                        table.release(connection.place);
                    }
                } else {
                    connection.take_back();
                }
                Ok(Err(Next::Unreached))
            }
            RelayResult::Overdue => {
                if let Some(table) = self.handle.connections.table() {
                    table.ask_for_stacks();
                }
                let limit = self.group.queue_timeout.unwrap_or_default();
                Err(GroupFailure::QueueTimeout(limit.as_secs()))
            }
            RelayResult::Died(_) if connection.take_back() => Ok(Err(Next::Unreached)),
            RelayResult::Silent | RelayResult::Overtime | RelayResult::Died(_) | RelayResult::End(_) => {
                if let (RelayResult::Silent, Some(table)) = (&result, self.handle.connections.table()) {
                    table.ask_for_stacks_of(connection.place);
                }
                // If it waits, nobody shall run it for a client that has been told otherwise.
                connection.take_back();
                Ok(Ok(result))
            }
        }
    }

    /// The request has waited for new code, and says so when it is offered again.
    fn waited(&mut self) {
        self.call.flags |= RequestFlags::WAITED;
        // It is as long as the first one, and was not too long then.
        if let Ok(frames) =
            request_frames(Vec::new(), self.group, &self.call, self.exchange.conversation.request.time(), self.queue_start)
        {
            self.exchange.send_buffer.rewind(0, &frames);
        }
    }

    /// What becomes of the response; the log says why.
    fn ending(&self, outcome: Outcome<'a>) -> Ending {
        let failure = match outcome {
            Ok(RelayResult::End(End::Complete)) => return Ending::Done,
            Ok(RelayResult::End(End::ClientGone)) => return Ending::ClientGone,
            Ok(RelayResult::End(End::Unsendable)) => return Ending::Truncated,
            // The application's own traceback, or the engine's reason, is in the log.
            Ok(RelayResult::End(End::Aborted(AbortReason::Failed))) => return self.failed(500),
            Ok(RelayResult::End(End::Aborted(AbortReason::Unavailable))) => return self.failed(503),
            Ok(RelayResult::End(End::Aborted(AbortReason::Timeout))) => self.timeout(),
            Ok(RelayResult::End(End::HeaderTooLong(name))) => {
                return self.fail(GroupFailure::HeaderTooLong { name: &name, limit: self.group.header_buffer_size });
            }
            Ok(RelayResult::End(End::ProtocolError(error))) => {
                return self.fail(GroupFailure::BrokeProtocol(&error.to_string()));
            }
            Ok(RelayResult::Silent) => {
                GroupFailure::Silent { limit: self.group.socket_timeout.as_secs(), own: self.group.has_socket_timeout }
            }
            Ok(RelayResult::Overtime) => GroupFailure::Overtime(self.group.most_time.unwrap_or_default().as_secs()),
            Ok(RelayResult::Died(Some(limit))) => GroupFailure::Ended(limit),
            Ok(_) if self.exchange.reader.head => GroupFailure::DiedLate(None),
            Ok(_) => GroupFailure::Died(None),
            Err(failure) => failure,
        };
        self.fail(failure)
    }

    fn fail(&self, failure: GroupFailure<'_>) -> Ending {
        if matches!(failure, GroupFailure::ShareUsed(_)) && !self.handle.share.may_say() {
            return self.failed(failure.row().0);
        }
        self.failed(log_failure(self.exchange.conversation.request, self.group, failure))
    }

    /// A response that is truncated if it has begun, and an error page otherwise.
    const fn failed(&self, status: u16) -> Ending {
        if self.exchange.reader.head { Ending::Truncated } else { Ending::Failed(status) }
    }

    /// The daemon's time limit.
    fn timeout(&self) -> GroupFailure<'static> {
        GroupFailure::RequestTimeout(self.group.request_timeout.unwrap_or_default().as_secs())
    }
}
