/*! What the log says of a group and its processes: each thing once, and what comes again and again as a count. *Runs in: supervisor.* */

use std::borrow::Cow;

use protocol::Level;
use protocol::log_code::{self, LogCode};
use protocol::repetition::{Say, is_round, key};

use super::GroupRunner;
use crate::group::action::{Id, Note};
use crate::group_runner::companions;
use crate::timers::Millis;

/// What each process of a group says for itself, though the reason is one.
const SAID_BY_EACH: [LogCode; 2] = [log_code::NEW_CODE_NOT_LOADED, log_code::NOT_READY];

/// What each time is another event, though the words may be the same.
const EVENTS: [LogCode; 3] = [log_code::NEW_CODE_SERVES, log_code::OLD_CODE_SERVES, log_code::OLD_CONFIGURATION_SERVES];

/// Whether a line tells of requests that come to a bad end.
fn ends_requests(code: LogCode) -> bool {
    [log_code::PROCESS_DIED, log_code::PROCESS_KILLED, log_code::DRAIN_OVERDUE].contains(&code)
}

impl GroupRunner {
    /// Logs a note. One that is about the whole group, or says that a process is not ready, is logged whole once an hour, and counted in between.
    pub(super) fn note(&mut self, note: &Note) {
        let Some(note) = self.without_repetition(note) else { return };
        self.log_note(&note);
    }

    fn without_repetition<'n>(&mut self, note: &'n Note) -> Option<Cow<'n, Note>> {
        let repeats = |code: &LogCode| note.process.is_none() || SAID_BY_EACH.contains(code);
        let Some(code) = note.code.filter(|code| repeats(code) && !EVENTS.contains(code)) else {
            return Some(Cow::Borrowed(note));
        };
        let said = self.said.say(key((code.number, &note.text)), self.now);
        match said {
            Say::Whole { since: 0 } => Some(Cow::Borrowed(note)),
            Say::Whole { since } => {
                let text = format!("{} ({since} more times in the last hour)", note.text);
                Some(Cow::Owned(Note { text, ..note.clone() }))
            }
            // Processes are few, and each has its line.
            Say::Again(count) if note.process.is_some() => {
                let text = format!("is not ready, for the reason that was logged before as {code} ({count} more times so far)");
                Some(Cow::Owned(Note { text, ..note.clone() }))
            }
            Say::Again(count) if is_round(count) && count > 1 => {
                let text = format!("the problem that was logged before as {code} happened {count} more times");
                Some(Cow::Owned(Note { text, ..note.clone() }))
            }
            Say::Again(_) => None,
        }
    }

    fn log_note(&mut self, note: &Note) {
        let name = String::from_utf8_lossy(&self.plan.name);
        let subject = match note.process.and_then(|id| self.children.get(&id)) {
            Some(child) => format!("process {} of group {name} ", child.number()),
            None => format!("group {name}: "),
        };
        let code = note.code.map(|code| format!("{code}: ")).unwrap_or_default();
        let child = note.process.and_then(|id| self.children.get(&id)).filter(|_| note.code.is_some_and(ends_requests));
        let cut = child.map(|child| child.memory.serving()).unwrap_or_default();
        self.log.line(note.level, std::process::id(), format!("{code}{subject}{}{cut}", note.text).as_bytes());
        if let Some(child) = child.filter(|child| note.code == Some(log_code::PROCESS_DIED) && child.faulted) {
            for line in child.memory.stack() {
                self.log.line(note.level, child.number(), &line);
            }
        }
    }

    /// Says which programs of the application are about to be killed with a process.
    pub(super) fn name_companions(&mut self, id: Id, now: Millis) {
        let Some(pid) = self.children.get(&id).map(|child| child.pid).filter(|_| self.log.takes(Level::Info)) else { return };
        if let Some(programs) = companions::of(pid, now) {
            let text = format!(
                "has started programs that are still running and were killed together with it: {programs}. To start a program that outlives the \
                 process, use `start_new_session=True`"
            );
            self.note(&Note::process(id, log_code::PROGRAMS_KILLED, text));
        }
    }
}
