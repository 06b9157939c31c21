/*! One request's conversation with a daemon process, in both directions at once and without ever waiting for one side alone.

In reading order: [`run`], `Relay::offer` (until somebody takes the request), `Relay::talk` (one connection), `Relay::wait`, `Relay::ending`.
What an application sends reaches the client when it stops sending for a moment; what it wants to read is read when it wants it.
A request is sent again only if it certainly has not begun: the process refused it, or its first bytes could not be sent. *Runs in: child.* */

use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::embedded::flag;
use protocol::frame::AbortReason;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::answer::{Answer, End};
use super::body::Body;
use super::client::Client;
use super::connection::{self, Inbox, Outbox, Received};
use super::group::Group;
use super::opening::opening;
use crate::handler::exchange::{Call, Conversation};
use crate::handler::failure::Failure;
use crate::handler::group_failure::GroupFailure;
use crate::handler::response_body::Ending;
use crate::httpd::{Log, Request, config};

/// First pause before a request is offered again; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(5);
/// See [`PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How one connection's conversation ended.
enum Talk {
    /// With an end, from the daemon or about the client.
    End(End),
    /// The connection ended without one.
    Died,
    /// The first bytes could not be sent.
    Unsent,
    /// The daemon was silent for too long.
    Silent,
}

/// Runs a request in a process of `group`.
pub fn run<'r>(conversation: &mut Conversation<'r>, group: &'r Group, call: &Call<'_>) -> Ending {
    let request = conversation.request;
    let on_demand = request.expects_continue();
    let call = Call { flags: call.flags | if on_demand { flag::ON_DEMAND } else { 0 }, ..*call };
    let Ok(opening) = opening(group, &call, request.time(), now()) else {
        let length =
            call.environ.entries.iter().map(|entry| entry.key.len() + entry.value.as_deref().map_or(0, <[u8]>::len)).sum();
        return Ending::Failed(tell(request, group, GroupFailure::HeadTooLong(length)));
    };
    let body = Body::new(request.may_have_body(), on_demand, request.server().timeout());
    let mut relay = Relay {
        conversation,
        group,
        request_end: opening.len(),
        outbox: Outbox::keeping(opening),
        inbox: Inbox::default(),
        answer: Answer::new(group.header_buffer_size),
        body,
        client: Client::new(request.connection()),
        gathered_since: None,
        began: Instant::now(),
    };
    relay.body.begin(&mut relay.outbox);
    let outcome = relay.offer();
    relay.ending(outcome)
}

/// What came of offering a request to a group.
type Outcome<'g> = Result<Talk, GroupFailure<'g>>;

/// Says in the log why a request fails: the status that its client gets.
fn tell(request: Request<'_>, group: &Group, failure: GroupFailure<'_>) -> u16 {
    let failure = Failure::Group { name: &group.name, failure };
    let message = failure.message(config::alias(request));
    Log::Request(request).line(failure.code().level, format_args!("{message}"));
    failure.status()
}

/// Microseconds since the epoch.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0)
}

/// A request between its client and a daemon.
struct Relay<'a, 'r> {
    conversation: &'a mut Conversation<'r>,
    group: &'a Group,
    /// How much of the outbox greeting and request are.
    request_end: usize,
    outbox: Outbox,
    inbox: Inbox,
    answer: Answer,
    body: Body,
    client: Client<'r>,
    /// Since when there is response that the client has not got.
    gathered_since: Option<Instant>,
    began: Instant,
}

impl<'a, 'r: 'a> Relay<'a, 'r> {
    /// Offers the request until a process takes it.
    fn offer(&mut self) -> Outcome<'a> {
        let until = Instant::now() + self.group.connect_timeout;
        let (mut pause, mut attempts) = (PAUSE, 0);
        loop {
            let refused = match connection::connect(&self.group.path) {
                Ok(socket) => match self.talk(&socket) {
                    Talk::End(End::Refused(_)) | Talk::Unsent => true,
                    end => return Ok(end),
                },
                Err(Errno::AGAIN) => return Err(GroupFailure::QueueFull(self.group.listen_backlog)),
                // Nobody listens yet, or any more.
                Err(Errno::CONNREFUSED | Errno::NOENT) => false,
                Err(error) => {
                    let error =
                        self.conversation.request.pool().string(error.to_string().as_bytes()).to_str().unwrap_or_default();
                    return Err(GroupFailure::Socket(error));
                }
            };
            attempts += 1;
            let now = Instant::now();
            if self.client.is_gone(now) {
                return Ok(Talk::End(End::ClientGone));
            }
            if now >= until {
                return Err(if refused {
                    GroupFailure::KeptLeaving(attempts)
                } else {
                    GroupFailure::NotReady(self.group.connect_timeout.as_secs())
                });
            }
            self.start_again();
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Forgets a connection on which the request was not begun.
    fn start_again(&mut self) {
        self.outbox.rewind();
        self.inbox = Inbox::default();
        self.answer = Answer::new(self.group.header_buffer_size);
    }

    fn talk(&mut self, socket: &OwnedFd) -> Talk {
        let mut heard = Instant::now();
        loop {
            if !self.send(socket) {
                return Talk::Unsent;
            }
            let before = Instant::now();
            let ready = self.wait(socket, heard, before);
            let now = Instant::now();
            if ready {
                let received = self.inbox.receive(socket.as_fd());
                match received {
                    Received::Some => heard = now,
                    Received::Nothing => {}
                    Received::End => return Talk::Died,
                }
                if let Some(end) = self.take(now) {
                    return Talk::End(end);
                }
            } else if self.is_pause_over(now)
                && let Err(end) = self.flush()
            {
                return Talk::End(end);
            }
            if self.client.is_gone(now) {
                return Talk::End(End::ClientGone);
            }
            if !ready && !self.body.is_starving() && now.saturating_duration_since(heard) >= self.group.socket_timeout {
                return Talk::Silent;
            }
            if self.body.is_starving() {
                // The daemon waits for the client, not the other way round.
                heard = now;
            }
        }
    }

    /// Sends what is there as far as the daemon takes it; `false` if the request itself did not get through.
    fn send(&mut self, socket: &OwnedFd) -> bool {
        loop {
            self.body.fill(self.conversation, &mut self.outbox);
            if self.outbox.pending() > 0 && self.outbox.send(socket.as_fd()).is_err() {
                if !self.answer.begun && self.outbox.sent() < self.request_end {
                    return false;
                }
                // It has closed its end, perhaps because it needs no more body; what it has said before is still to be read.
                self.outbox.give_up();
                self.body.give_up();
            }
            if self.outbox.pending() > 0 || !self.body.goes_on() {
                return true;
            }
        }
    }

    /// Takes what has come from the daemon.
    fn take(&mut self, now: Instant) -> Option<End> {
        let (bytes, files) = self.inbox.parts();
        let log = Log::Request(self.conversation.request);
        let (taken, end) = self.answer.take(bytes, files, &mut self.conversation.output, log, &mut self.body.credit);
        self.inbox.consume(taken);
        if self.answer.begun {
            self.outbox.forget();
        }
        self.gathered_since = (self.answer.gathered > 0).then_some(now);
        end
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
    fn wait(&mut self, socket: &OwnedFd, heard: Instant, now: Instant) -> bool {
        let reading = self.body.is_starving();
        let deadlines = [
            self.gathered_since.map(|since| since + self.group.response_flush_delay),
            self.body.deadline(now),
            self.client.deadline(now, reading),
            (!reading).then(|| heard + self.group.socket_timeout),
        ];
        let until = deadlines.into_iter().flatten().min();
        let timeout = until.and_then(|until| Timespec::try_from(until.saturating_duration_since(now)).ok());
        let wanted = if self.outbox.pending() > 0 { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let daemon = PollFd::new(socket, wanted);
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
            Ok(Talk::Silent) => GroupFailure::Silent(self.group.socket_timeout.as_secs()),
            Ok(_) if self.answer.head => GroupFailure::DiedLate(None),
            Ok(_) => GroupFailure::Died(None),
            Err(failure) => failure,
        };
        self.told(failure)
    }

    fn told(&self, failure: GroupFailure<'_>) -> Ending {
        self.failed(tell(self.conversation.request, self.group, failure))
    }

    /// An answer that is cut if it has begun, and an error page otherwise.
    const fn failed(&self, status: u16) -> Ending {
        if self.answer.head { Ending::Cut } else { Ending::Failed(status) }
    }

    /// Which of the time limits it was: the daemon has only one word for both.
    fn timeout(&self) -> GroupFailure<'static> {
        match (self.group.queue_timeout, self.group.request_timeout) {
            (Some(limit), other) if other.is_none_or(|other| self.began.elapsed() < other) => {
                GroupFailure::QueueTimeout(limit.as_secs())
            }
            (_, limit) => GroupFailure::RequestTimeout(limit.unwrap_or_default().as_secs()),
        }
    }
}
