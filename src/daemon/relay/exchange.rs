/*! One request over one connection to a daemon process, in both directions at once and without ever waiting for one side alone.

What an application sends reaches the client when it stops sending for a moment; what it wants to read is read when it wants it. *Runs in: child.* */

use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use protocol::table::{Limit, Wish};
use rustix::event::{PollFd, PollFlags, Timespec};

use super::body::Body;
use super::client::Client;
use super::deadline::Clock;
use super::protocol_error::ProtocolError;
use super::queue::Queue;
use super::request_frames::greeting;
use super::response_reader::{End, ResponseReader};
use crate::daemon::child::GroupHandle;
use crate::daemon::connections::Connection;
use crate::daemon::connections::recv_buffer::{Received, SOON};
use crate::daemon::connections::send_buffer::SendBuffer;
use crate::daemon::group::Group;
use crate::request::conversation::Conversation;

/// A body that has paused for so long is not coming at the moment.
const GATHERING: Duration = Duration::from_millis(2);

/// So often at least it is looked after the client, whatever the daemon sends.
const LOOK: Duration = Duration::from_millis(50);

/// How one connection's conversation ended.
pub enum RelayResult {
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

/// A request between its client and a daemon.
pub struct Exchange<'a, 'r> {
    /// The request with its two directions.
    pub conversation: &'a mut Conversation<'r>,
    handle: GroupHandle,
    group: &'static Group,
    /// How much of the send buffer greeting and request are.
    request_end: usize,
    /// What goes to the daemon.
    pub send_buffer: SendBuffer,
    /// What comes from it.
    pub reader: ResponseReader,
    body: Body,
    /// The client.
    pub client: Client<'r>,
    /// Since when there is response that the client has not got.
    gathered_since: Option<Instant>,
    /// How long it has waited in processes that did not begin it.
    pub queued: Duration,
}

impl<'a, 'r: 'a> Exchange<'a, 'r> {
    /// Begins with the frames of a request. `on_demand`: its client waits to be asked for the body.
    pub fn begin(conversation: &'a mut Conversation<'r>, handle: GroupHandle, frames: Vec<u8>, on_demand: bool) -> Self {
        let (request, group) = (conversation.request, handle.group);
        let mut exchange = Self {
            conversation,
            handle,
            group,
            request_end: frames.len(),
            send_buffer: SendBuffer::keeping(frames),
            reader: ResponseReader::new(group.header_buffer_size, false),
            body: Body::new(request.may_read_body(), on_demand, request.server().timeout()),
            client: Client::new(request.connection()),
            gathered_since: None,
            queued: Duration::ZERO,
        };
        exchange.body.begin(&mut exchange.send_buffer);
        exchange.gather();
        exchange
    }

    /// Whether there is a large body that may go over in memory.
    pub fn has_large_body(&self) -> bool {
        self.send_buffer.has_large_body(self.request_end)
    }

    /// Prepares what is sent over `connection`: a greeting only if it is new.
    pub fn start(&mut self, connection: &Connection) {
        let hello = greeting(self.group, connection.ticket());
        self.send_buffer.rewind(if connection.used { hello.len() } else { 0 }, &hello);
        if let Some(memory) = &connection.recv_buffer.ancillary.memory {
            self.send_buffer.lend(self.request_end, memory);
        }
        self.reader = ResponseReader::new(self.group.header_buffer_size, connection.used);
    }

    /// Whether nothing of the request is left on its connection.
    pub fn is_through(&self, connection: &Connection) -> bool {
        connection.is_done()
            && self.body.has_ended()
            && self.send_buffer.is_sent()
            && connection.recv_buffer.bytes().is_empty()
            && connection.recv_buffer.ancillary.files.is_empty()
            && !self.reader.goes_away
    }

    /// A body that goes along with its request is waited for while it keeps coming, so that it needs one write and no process has to wait for it.
    fn gather(&mut self) {
        loop {
            self.body.fill(self.conversation, &mut self.send_buffer);
            if !self.body.is_coming() || !self.client.sends_within(GATHERING) {
                return;
            }
        }
    }

    /// Has the request served over a connection. `full`: no thread was free for it.
    pub fn relay(&mut self, connection: &mut Connection, full: bool, wish: Wish) -> RelayResult {
        let mut heard = Instant::now();
        // Who has just spoken may go on soon; who is silent is waited for together with all else, and so is who never stops.
        let (mut soon, mut looked) = (true, heard);
        let left = self.group.queue_timeout.map(|limit| limit.saturating_sub(self.queued));
        let movable = full && self.handle.connections.table().is_some_and(|table| table.has_others(connection.place));
        let mut queue = connection.ticket().map(|_| Queue::new(movable, left));
        let mut clock = Clock { limit: self.group.most_time, until: None };
        connection.send();
        loop {
            if !self.send(connection) {
                return RelayResult::Unsent;
            }
            let received = if soon && self.has_only_to_wait(queue.as_ref()) {
                connection.recv_buffer.receive_soon(connection.socket.as_fd())
            } else {
                looked = Instant::now();
                let ready = self.wait(connection, heard, looked, queue.as_ref(), &clock);
                if ready { connection.recv_buffer.receive(connection.socket.as_fd()) } else { Received::Nothing }
            };
            let now = Instant::now();
            soon = received == Received::Some && now.saturating_duration_since(looked) < LOOK;
            if received == Received::End {
                return RelayResult::Died(connection.limit_reached());
            }
            match received {
                Received::Descriptor => return RelayResult::End(End::ProtocolError(ProtocolError::Descriptors)),
                Received::Crowded => return RelayResult::End(End::ProtocolError(ProtocolError::Crowded)),
                _ => {}
            }
            if received == Received::Some {
                match self.take(connection, now) {
                    Taken::End(end) => return RelayResult::End(end),
                    // What the client took its time over is not the process's time.
                    Taken::Frames => heard = clock.goes_on(now),
                    Taken::Nothing => {}
                }
            } else if self.is_pause_over(now)
                && let Err(end) = self.flush()
            {
                return RelayResult::End(end);
            }
            if self.client.is_gone(now) {
                return RelayResult::End(End::ClientGone);
            }
            if let Some(end) = self.look(connection, &mut queue, wish, now) {
                return end;
            }
            if clock.is_over(queue.is_none(), now) {
                return RelayResult::Overtime;
            }
            if !self.body.is_starving() && now.saturating_duration_since(heard) >= self.group.socket_timeout {
                return RelayResult::Silent;
            }
            if self.body.is_starving() {
                // The daemon waits for the client, not the other way round.
                heard = now;
            }
        }
    }

    /// Looks after a request that may still wait for a thread.
    fn look(&self, connection: &Connection, queue: &mut Option<Queue>, wish: Wish, now: Instant) -> Option<RelayResult> {
        let waiting = queue.as_mut()?;
        if self.reader.begun {
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
            return connection.take_back().then_some(RelayResult::Overdue);
        }
        waiting.later(now);
        let better = self.handle.connections.table().is_some_and(|table| table.better(connection.place, wish));
        (better && connection.take_back()).then_some(RelayResult::Better)
    }

    /// Sends what is there as far as the daemon takes it; `false` if the request itself did not get through.
    fn send(&mut self, connection: &Connection) -> bool {
        loop {
            self.body.fill(self.conversation, &mut self.send_buffer);
            if self.send_buffer.pending() > 0 && self.send_buffer.send(connection.socket.as_fd()).is_err() {
                if !self.reader.begun && self.send_buffer.sent() < self.request_end {
                    return false;
                }
                // It has closed its end, perhaps because it needs no more body; what it has said before is still to be read.
                self.send_buffer.hold();
                if self.reader.begun {
                    self.body.give_up();
                }
            }
            if self.send_buffer.pending() > 0 || !self.body.goes_on() {
                return true;
            }
        }
    }

    /// Takes what has come from the daemon. Part of a frame is no sign of it: else a process could hold a request by a byte now and then.
    fn take(&mut self, connection: &mut Connection, now: Instant) -> Taken {
        let (bytes, ancillary) = connection.recv_buffer.parts();
        let request = self.conversation.request;
        let (taken, end) = self.reader.take(bytes, ancillary, &mut self.conversation.output, request, &mut self.body);
        connection.recv_buffer.consume(taken);
        if self.reader.begun {
            self.send_buffer.forget();
        }
        self.gathered_since = (self.reader.gathered > 0).then_some(now);
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
        self.body.has_ended() && self.send_buffer.pending() == 0 && flushes_late && looks_late
    }

    /// The application has sent nothing for a moment, so its client gets what it sent before.
    fn is_pause_over(&self, now: Instant) -> bool {
        self.gathered_since.is_some_and(|since| now.saturating_duration_since(since) >= self.group.response_flush_delay)
    }

    fn flush(&mut self) -> Result<(), End> {
        self.gathered_since = None;
        self.reader.flush(&mut self.conversation.output)
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
        let wanted = if self.send_buffer.pending() > 0 { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
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
}
