/*! What the processes of a group say to the supervisor and write to the log, within what they may. *Runs in: supervisor.* */

use protocol::Level;
use protocol::control::Message;

use super::GroupRunner;
use crate::budget::Budget;
use crate::group::action::{Id, Note};
use crate::spawn::explain;
use crate::timers::Millis;

/// How many lines the processes of a group may write: at once, and each second. One that writes more waits in its `write()`.
const LINES: Budget = Budget::new(40_000, 20_000);
/// The same in bytes.
const BYTES: Budget = Budget::new(8 * 1024 * 1024, 4 * 1024 * 1024);
/// How often the supervisor wakes for what the processes of a group write: at once, and each second. What comes meanwhile is read together.
const READS: Budget = Budget::new(200, 500);
/// How often it is looked whether a log that was behind has taken what waited, milliseconds. The log itself wakes the supervisor earlier.
const BEHIND: Millis = 20;
/// Most pieces that are read of the output, or of the messages, of a process that has ended: as much as a pipe can hold.
const LAST_PIECES: usize = 64;
/// Most lines that are logged of the output of a process after its end.
const LAST_LINES: usize = 4_000;

/// What the processes of a group may still write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    lines: Budget,
    bytes: Budget,
    reads: Budget,
}

impl Default for Output {
    fn default() -> Self {
        Self { lines: LINES, bytes: BYTES, reads: READS }
    }
}

impl Output {
    /// When something may be written again; now, if it may.
    fn when(&self, now: Millis) -> Millis {
        [self.lines, self.bytes, self.reads].iter().map(|budget| budget.when(1, now)).max().unwrap_or(now)
    }
}

impl GroupRunner {
    /// Until when the output of its processes is not read, because they have written too much, or more than the log takes at once.
    pub fn output_waits(&self, now: Millis) -> Option<Millis> {
        let until = if self.log.is_behind() { now.saturating_add(BEHIND) } else { self.output.when(now) };
        (until > now && !self.children.is_empty()).then_some(until)
    }

    /// A control connection can be read.
    pub fn receive(&mut self, id: Id, now: Millis) {
        // What it wrote before it spoke stands before our lines about it.
        for _ in 0..4 {
            if !self.output(id, now) {
                break;
            }
        }
        self.hear(id, now);
    }

    /// Hears what a process has said. Whether there may be more.
    fn hear(&mut self, id: Id, now: Millis) -> bool {
        let Some(child) = self.children.get_mut(&id) else { return false };
        let got = child.receive(now);
        for message in got.messages {
            if let Message::Started(what) = &message {
                self.introduce(id, what);
            }
            // What only root may read the process could not look at.
            let message = match message {
                Message::Looked(what) if what.is_empty() => Message::Looked(self.changed_env_file(id)),
                other => other,
            };
            self.machine.message(id, message, now);
        }
        if let Some(what) = &got.bad {
            self.machine.broke_protocol(id, what, now);
        } else if got.ended {
            self.machine.hung_up(id, now);
        }
        self.act(now);
        got.more && got.bad.is_none()
    }

    /// Says once which Python the group runs, and why that one.
    fn introduce(&mut self, id: Id, what: &str) {
        if std::mem::replace(&mut self.introduced, true) {
            return;
        }
        let Some(child) = self.children.get_mut(&id) else { return };
        child.read_reports();
        let name = String::from_utf8_lossy(&self.plan.name);
        let python = explain::tried(&self.spec, &child.reports)
            .map(|c| format!(", `{}` ({})", c.path.to_string_lossy(), c.because))
            .unwrap_or_default();
        let line = format!("group {name} runs Python {what}{python}");
        self.log.line(Level::Notice, std::process::id(), line.as_bytes());
    }

    /// Output can be read: it goes to the group's log. Whether there may be more, and it may be read.
    pub fn output(&mut self, id: Id, now: Millis) -> bool {
        if self.output_waits(now).is_some() {
            return false;
        }
        let Some(child) = self.children.get_mut(&id) else { return false };
        let (lines, more) = child.read_output();
        let count = |number| u64::try_from(number).unwrap_or(u64::MAX);
        self.output.reads.spend(1, now);
        self.output.lines.spend(count(lines.len()), now);
        self.output.bytes.spend(count(lines.iter().map(Vec::len).sum()), now);
        for line in lines {
            self.log.output(child.number(), &line);
        }
        more
    }

    /// What a process that has ended had said before. Another process may hold a copy of its pipe, and say more: so only as much is read as a pipe can hold.
    pub(super) fn last_messages(&mut self, id: Id, now: Millis) {
        for _ in 0..LAST_PIECES {
            if !self.hear(id, now) {
                break;
            }
        }
    }

    /// What a process that has ended had written before. Its pipe may have other writers, who may go on for ever: so only as much is read as a pipe can
    /// hold.
    pub(super) fn last_output(&mut self, id: Id) {
        let Some(child) = self.children.get_mut(&id) else { return };
        let mut room = LAST_LINES;
        for _ in 0..LAST_PIECES {
            let (lines, more) = child.read_output();
            for line in lines {
                if room == 0 {
                    self.log.lose();
                } else {
                    room -= 1;
                    self.log.output(child.number(), &line);
                }
            }
            if !more {
                break;
            }
        }
        if let Some(line) = child.last_words() {
            self.log.output(child.number(), &line);
        }
    }

    /// Reports can be read: a child has become Python, or has given up.
    pub fn trouble(&mut self, id: Id) {
        let Some(child) = self.children.get_mut(&id) else { return };
        if child.read_reports() {
            let (warnings, _) = explain::reports(&self.plan, &self.spec, &child.reports);
            for (code, text) in warnings {
                self.note(&Note { code: Some(code), level: code.level, process: None, text });
            }
        }
    }
}
