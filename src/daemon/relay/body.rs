/*! The request body on its way to a daemon: as much as it asked for, as it comes, and never by waiting for the client while the daemon may
have something to say. *Runs in: child.* */

use std::time::{Duration, Instant};

use protocol::frame::{BodyState, LONGEST_DATA, UNASKED, Writer};

use crate::daemon::connections::send_buffer::SendBuffer;
use crate::httpd::Request;
use crate::request::conversation::Conversation;
use crate::request::request_body::{BodyFailure, Read};

/// Nothing is read from the client while so much waits for the daemon.
const HIGH: usize = 128 * 1024;
/// While a body is waited for, its filters are asked this often even if nothing comes: they have time limits of their own.
const TICK: Duration = Duration::from_secs(1);

/// How far the body is.
pub struct Body {
    /// How much the daemon will take.
    pub credit: u64,
    ended: bool,
    /// The client waits to be told that the body may come.
    on_demand: bool,
    /// Since when the daemon waits for bytes that the client has not sent.
    starving: Option<Instant>,
    limit: Duration,
}

impl Body {
    /// A body that has not been looked at. `on_demand`: nothing is read before the application reads (the client waits for `100 Continue`).
    /// `limit`: how long the client may send nothing.
    pub const fn new(exists: bool, on_demand: bool, limit: Duration) -> Self {
        let credit = if on_demand { 0 } else { UNASKED };
        Self { credit, ended: !exists, on_demand, starving: None, limit }
    }

    /// Says that there is none, if there is none.
    pub fn begin(&self, send_buffer: &mut SendBuffer) {
        if self.ended {
            Writer::new(&mut send_buffer.bytes).body_end(BodyState::Complete);
        }
    }

    /// All of it has been said, to its end.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// The daemon waits for the client.
    pub const fn is_starving(&self) -> bool {
        self.starving.is_some()
    }

    /// Nobody wants the rest.
    pub const fn give_up(&mut self) {
        self.ended = true;
        self.starving = None;
    }

    /// More of it is wanted, and may be there.
    pub const fn goes_on(&self) -> bool {
        !self.ended && self.credit > 0 && self.starving.is_none()
    }

    /// When to look again, though nothing comes.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        self.starving.map(|since| (now + TICK).min(since + self.limit))
    }

    /// Whether the rest of a body that goes along with its request is on its way.
    pub const fn is_coming(&self) -> bool {
        !self.ended && self.credit > 0 && self.starving.is_some()
    }

    /// The daemon will take `count` bytes more: the application reads, so a client that waits to be told so is told.
    pub fn ask(&mut self, count: u64, request: Request<'_>) {
        self.credit = self.credit.saturating_add(count);
        if std::mem::take(&mut self.on_demand) {
            request.send_continue();
        }
    }

    /// Puts frames of what is there into `send_buffer`, as far as it is wanted.
    pub fn fill(&mut self, conversation: &mut Conversation<'_>, send_buffer: &mut SendBuffer) {
        while !self.ended && self.credit > 0 && send_buffer.pending() < HIGH {
            let most = usize::try_from(self.credit).unwrap_or(usize::MAX).min(LONGEST_DATA);
            let mut writer = Writer::new(&mut send_buffer.bytes);
            let read = writer.body_from(|out| conversation.append(out, most));
            match read {
                Read::Bytes(0) => self.end(&mut writer, BodyState::Complete),
                Read::Bytes(count) => {
                    self.credit = self.credit.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
                    self.starving = None;
                    if conversation.input.has_ended() {
                        // Known with its last bytes, it need not be asked for.
                        self.end(&mut writer, BodyState::Complete);
                    }
                }
                Read::Nothing => {
                    let since = *self.starving.get_or_insert_with(Instant::now);
                    if since.elapsed() < self.limit {
                        return;
                    }
                    conversation.input.give_up(BodyFailure::Timeout);
                    self.end(&mut writer, BodyState::TimedOut);
                }
                Read::Failed(failure) => self.end(&mut writer, state(failure)),
            }
        }
        if self.credit == 0 {
            self.starving = None;
        }
    }

    fn end(&mut self, writer: &mut Writer<'_>, state: BodyState) {
        writer.body_end(state);
        self.give_up();
    }
}

const fn state(failure: BodyFailure) -> BodyState {
    match failure {
        BodyFailure::Aborted => BodyState::Aborted,
        BodyFailure::Timeout => BodyState::TimedOut,
        BodyFailure::TooLarge => BodyState::TooLarge,
        BodyFailure::Broken => BodyState::Broken,
    }
}
