/*! One request's conversation with a daemon process, in both directions at once and without ever waiting for one side alone.

In reading order: [`run`], `Relay::offer` (in [`dispatch`]: until somebody takes the request), `Relay::talk` (one connection), `Relay::wait`,
`Relay::ending`. What an application sends reaches the client when it stops sending for a moment; what it wants to read is read when it wants it.
*Runs in: child.* */

mod body;
mod client;
mod deadline;
mod dispatch;
mod protocol_error;
mod queue;
mod request_frames;
mod response_reader;

use std::os::fd::AsFd as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::embedded::flag;
use protocol::frame::AbortReason;
use protocol::table::{Limit, Wish};
use rustix::event::{PollFd, PollFlags, Timespec};

use self::body::Body;
use self::client::Client;
use self::deadline::Clock;
use self::protocol_error::Breach;
use self::queue::Queue;
use self::request_frames::opening;
use self::response_reader::{Answer, End};
use super::child::Reach;
use super::connections::Connection;
use super::connections::recv_buffer::{Received, SOON};
use super::connections::send_buffer::Outbox;
use super::group::Group;
use super::share::Held;
use crate::httpd::{Log, Request};
use crate::request::alias;
use crate::request::conversation::{Call, Conversation};
use crate::request::failure::Failure;
use crate::request::group_failure::GroupFailure;
use crate::request::response_body::Ending;

/// A body that has paused for so long is not coming at the moment.
const GATHERING: Duration = Duration::from_millis(2);

/// So often at least it is looked after the client, whatever the daemon sends.
const LOOK: Duration = Duration::from_millis(50);

/// How one connection's conversation ended.
pub enum Talk {
    /// With an end, from the daemon or about the client.
    End(End),
    /// The connection ended without one. If the process was ended at a limit of its group: which.
    Died(Option<Limit>),
    /// The first bytes could not be sent.
    Unsent,
    /// The daemon was silent for too long.
    Silent,
    /// The process did not end it, though its time was over.
    Overtime,
    /// It waited for a thread for longer than `queue-timeout`, and was taken back.
    Overdue,
    /// It was taken back, because another process has a thread free.
    Better,
}

/// What came of taking what a process has sent.
enum Taken {
    /// The end.
    End(End),
    /// Whole frames.
    Frames,
    /// Part of one.
    Nothing,
}

/// Runs a request in a process of a group.
pub fn run<'r>(conversation: &mut Conversation<'r>, reach: Reach, call: &Call<'_>) -> Ending {
    let (request, group) = (conversation.request, reach.group);
    let on_demand = request.expects_continue();
    let call = Call { flags: call.flags | if on_demand { flag::ON_DEMAND } else { 0 }, ..*call };
    let queue_start = now();
    let Ok(opening) = opening(reach.connections.room(), group, &call, request.time(), queue_start) else {
        let length =
            call.environ.entries.iter().map(|entry| entry.key.len() + entry.value.as_deref().map_or(0, <[u8]>::len)).sum();
        return Ending::Failed(tell(request, group, GroupFailure::HeadTooLong(length)));
    };
    let body = Body::new(request.may_read_body(), on_demand, request.server().timeout());
    let mut relay = Relay {
        conversation,
        reach,
        group,
        call,
        queue_start,
        request_end: opening.len(),
        outbox: Outbox::keeping(opening),
        answer: Answer::new(group.header_buffer_size, false),
        body,
        client: Client::new(request.connection()),
        gathered_since: None,
        began: Instant::now(),
        queued: Duration::ZERO,
        held: None,
    };
    relay.body.begin(&mut relay.outbox);
    relay.gather();
    let outcome = relay.offer();
    relay.ending(outcome)
}

/// What came of offering a request to a group.
pub type Outcome<'g> = Result<Talk, GroupFailure<'g>>;

/// Says in the log why a request fails: the status that its client gets.
fn tell(request: Request<'_>, group: &Group, failure: GroupFailure<'_>) -> u16 {
    let failure = Failure::Group { name: &group.name, declared: Some(&group.place), failure };
    let message = failure.message(alias::of(request));
    Log::Request(request).line(failure.code().level, format_args!("{message}"));
    failure.status()
}

/// Microseconds since the epoch.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0)
}

/// A request between its client and a daemon.
pub struct Relay<'a, 'r> {
    pub(in crate::daemon) conversation: &'a mut Conversation<'r>,
    pub(in crate::daemon) reach: Reach,
    pub(in crate::daemon) group: &'a Group,
    call: Call<'a>,
    queue_start: i64,
    /// How much of the outbox greeting and request are.
    pub(in crate::daemon) request_end: usize,
    pub(in crate::daemon) outbox: Outbox,
    pub(in crate::daemon) answer: Answer,
    pub(in crate::daemon) body: Body,
    pub(in crate::daemon) client: Client<'r>,
    /// Since when there is response that the client has not got.
    gathered_since: Option<Instant>,
    pub(in crate::daemon) began: Instant,
    /// How long it has waited in processes that did not begin it.
    pub(in crate::daemon) queued: Duration,
    /// It counts as one of the group's in httpd's workers.
    pub(in crate::daemon) held: Option<Held>,
}

impl<'a, 'r: 'a> Relay<'a, 'r> {
    /// The request has waited for new code, and says so when it is offered again.
    pub(in crate::daemon) fn waited(&mut self) {
        self.call.flags |= flag::WAITED;
        // It is as long as the first one, and was not too long then.
        if let Ok(opening) = opening(Vec::new(), self.group, &self.call, self.conversation.request.time(), self.queue_start) {
            self.outbox.rewind(0, &opening);
        }
    }

    /// A body that goes along with its request is waited for while it keeps coming, so that it needs one write and no process has to wait for it.
    fn gather(&mut self) {
        loop {
            self.body.fill(self.conversation, &mut self.outbox);
            if !self.body.is_coming() || !self.client.sends_within(GATHERING) {
                return;
            }
        }
    }

    /// Has the request served over a connection. `full`: no thread was free for it.
    pub(in crate::daemon) fn talk(&mut self, connection: &mut Connection, full: bool, wish: Wish) -> Talk {
        let mut heard = Instant::now();
        // Who has just spoken may go on soon; who is silent is waited for together with all else, and so is who never stops.
        let (mut soon, mut looked) = (true, heard);
        let left = self.group.queue_timeout.map(|limit| limit.saturating_sub(self.queued));
        let movable = full && self.reach.connections.table().is_some_and(|table| table.has_others(connection.place));
        let mut queue = connection.ticket().map(|_| Queue::new(movable, left));
        let mut clock = Clock { limit: self.group.most_time, until: None };
        connection.send();
        loop {
            if !self.send(connection) {
                return Talk::Unsent;
            }
            let received = if soon && self.has_only_to_wait(queue.as_ref()) {
                connection.inbox.receive_soon(connection.socket.as_fd())
            } else {
                looked = Instant::now();
                let ready = self.wait(connection, heard, looked, queue.as_ref(), &clock);
                if ready { connection.inbox.receive(connection.socket.as_fd()) } else { Received::Nothing }
            };
            let now = Instant::now();
            soon = received == Received::Some && now.saturating_duration_since(looked) < LOOK;
            if received == Received::End {
                return Talk::Died(connection.cut_at());
            }
            match received {
                Received::Descriptor => return Talk::End(End::Breach(Breach::Descriptors)),
                Received::Crowded => return Talk::End(End::Breach(Breach::Crowded)),
                _ => {}
            }
            if received == Received::Some {
                match self.take(connection, now) {
                    Taken::End(end) => return Talk::End(end),
                    // What the client took its time over is not the process's time.
                    Taken::Frames => heard = clock.goes_on(now),
                    Taken::Nothing => {}
                }
            } else if self.is_pause_over(now)
                && let Err(end) = self.flush()
            {
                return Talk::End(end);
            }
            if self.client.is_gone(now) {
                return Talk::End(End::ClientGone);
            }
            if let Some(end) = self.look(connection, &mut queue, wish, now) {
                return end;
            }
            if clock.is_over(queue.is_none(), now) {
                return Talk::Overtime;
            }
            if !self.body.is_starving() && now.saturating_duration_since(heard) >= self.group.socket_timeout {
                return Talk::Silent;
            }
            if self.body.is_starving() {
                // The daemon waits for the client, not the other way round.
                heard = now;
            }
        }
    }

    /// Looks after a request that may still wait for a thread.
    fn look(&self, connection: &Connection, queue: &mut Option<Queue>, wish: Wish, now: Instant) -> Option<Talk> {
        let waiting = queue.as_mut()?;
        if self.answer.begun {
            *queue = None;
            return None;
        }
        let overdue = waiting.is_over(now);
        if now < waiting.look && !overdue {
            return None;
        }
        if !connection.waits() {
            *queue = None;
            return None;
        }
        if overdue {
            return connection.take_back().then_some(Talk::Overdue);
        }
        waiting.later(now);
        let better = self.reach.connections.table().is_some_and(|table| table.better(connection.place, wish));
        (better && connection.take_back()).then_some(Talk::Better)
    }

    /// Sends what is there as far as the daemon takes it; `false` if the request itself did not get through.
    fn send(&mut self, connection: &Connection) -> bool {
        loop {
            self.body.fill(self.conversation, &mut self.outbox);
            if self.outbox.pending() > 0 && self.outbox.send(connection.socket.as_fd()).is_err() {
                if !self.answer.begun && self.outbox.sent() < self.request_end {
                    return false;
                }
                // It has closed its end, perhaps because it needs no more body; what it has said before is still to be read.
                self.outbox.hold();
                if self.answer.begun {
                    self.body.give_up();
                }
            }
            if self.outbox.pending() > 0 || !self.body.goes_on() {
                return true;
            }
        }
    }

    /// Takes what has come from the daemon. Part of a frame is no sign of it: else a process could hold a request by a byte now and then.
    fn take(&mut self, connection: &mut Connection, now: Instant) -> Taken {
        let (bytes, enclosed) = connection.inbox.parts();
        let request = self.conversation.request;
        let (taken, end) = self.answer.take(bytes, enclosed, &mut self.conversation.output, request, &mut self.body);
        connection.inbox.consume(taken);
        if self.answer.begun {
            self.outbox.forget();
        }
        self.gathered_since = (self.answer.gathered > 0).then_some(now);
        match end {
            Some(end) => Taken::End(end),
            None if taken > 0 => Taken::Frames,
            None => Taken::Nothing,
        }
    }

    /// Nothing is to be done for [`SOON`] but to wait for the daemon.
    fn has_only_to_wait(&self, queue: Option<&Queue>) -> bool {
        let flushes_late = self.gathered_since.is_none() || self.group.response_flush_delay > SOON;
        let looks_late = queue.is_none_or(Queue::looks_late);
        self.body.has_ended() && self.outbox.pending() == 0 && flushes_late && looks_late
    }

    /// The application has sent nothing for a moment, so its client gets what it sent before.
    fn is_pause_over(&self, now: Instant) -> bool {
        self.gathered_since.is_some_and(|since| now.saturating_duration_since(since) >= self.group.response_flush_delay)
    }

    fn flush(&mut self) -> Result<(), End> {
        self.gathered_since = None;
        self.answer.flush(&mut self.conversation.output)
    }

    /// Waits until something can be done; whether the daemon has something to say.
    fn wait(&mut self, connection: &Connection, heard: Instant, now: Instant, queue: Option<&Queue>, clock: &Clock) -> bool {
        let reading = self.body.is_starving();
        let deadlines = [
            self.gathered_since.map(|since| since + self.group.response_flush_delay),
            self.body.deadline(now),
            self.client.deadline(now, reading),
            (!reading).then(|| heard + self.group.socket_timeout),
            queue.map(Queue::deadline),
            clock.until,
        ];
        let until = deadlines.into_iter().flatten().min();
        let timeout = until.and_then(|until| Timespec::try_from(until.saturating_duration_since(now)).ok());
        let wanted = if self.outbox.pending() > 0 { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let daemon = PollFd::new(&connection.socket, wanted);
        let (daemon, client) = match self.client.interest(reading) {
            Some((client, flags)) => {
                let mut both = [daemon, PollFd::from_borrowed_fd(client, flags)];
                // An interrupted wait found nothing; the next one will.
                let found = rustix::event::poll(&mut both, timeout.as_ref()).unwrap_or(0);
                let [daemon, client] = both.map(|one| if found > 0 { one.revents() } else { PollFlags::empty() });
                (daemon, client)
            }
            None => {
                let mut one = [daemon];
                let found = rustix::event::poll(&mut one, timeout.as_ref()).unwrap_or(0);
                let [daemon] = one.map(|one| if found > 0 { one.revents() } else { PollFlags::empty() });
                (daemon, PollFlags::empty())
            }
        };
        if !client.is_empty() {
            self.client.saw(client, now);
        }
        daemon.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
    }

    /// What becomes of the response; the log says why.
    fn ending(&self, outcome: Outcome<'a>) -> Ending {
        let failure = match outcome {
            Ok(Talk::End(End::Complete)) => return Ending::Done,
            Ok(Talk::End(End::ClientGone)) => return Ending::ClientGone,
            Ok(Talk::End(End::Unsendable)) => return Ending::Cut,
            // The application's own traceback, or the engine's reason, is in the log.
            Ok(Talk::End(End::Aborted(AbortReason::Failed))) => return self.failed(500),
            Ok(Talk::End(End::Aborted(AbortReason::Unavailable))) => return self.failed(503),
            Ok(Talk::End(End::Aborted(AbortReason::Timeout))) => self.timeout(),
            Ok(Talk::End(End::HeaderTooLong(name))) => {
                return self.told(GroupFailure::HeaderTooLong { name: &name, limit: self.group.header_buffer_size });
            }
            Ok(Talk::End(End::Breach(breach))) => {
                return self.told(GroupFailure::BrokeProtocol(&breach.to_string()));
            }
            Ok(Talk::Silent) => {
                GroupFailure::Silent { limit: self.group.socket_timeout.as_secs(), own: self.group.has_socket_timeout }
            }
            Ok(Talk::Overtime) => GroupFailure::Overtime(self.group.most_time.unwrap_or_default().as_secs()),
            Ok(Talk::Died(Some(limit))) => GroupFailure::Ended(limit),
            Ok(_) if self.answer.head => GroupFailure::DiedLate(None),
            Ok(_) => GroupFailure::Died(None),
            Err(failure) => failure,
        };
        self.told(failure)
    }

    fn told(&self, failure: GroupFailure<'_>) -> Ending {
        if matches!(failure, GroupFailure::ShareUsed(_)) && !self.reach.share.may_say() {
            return self.failed(failure.row().0);
        }
        self.failed(tell(self.conversation.request, self.group, failure))
    }

    /// An answer that is cut if it has begun, and an error page otherwise.
    const fn failed(&self, status: u16) -> Ending {
        if self.answer.head { Ending::Cut } else { Ending::Failed(status) }
    }

    /// The daemon's time limit.
    fn timeout(&self) -> GroupFailure<'static> {
        GroupFailure::RequestTimeout(self.group.request_timeout.unwrap_or_default().as_secs())
    }
}
