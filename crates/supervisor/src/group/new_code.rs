/*! New code: when it was noticed, which files have changed, how many processes have it, and whether it could be loaded. A part of the group's state machine.

The log has one line when all processes have it, and one each hour for as long as it can't be loaded and old code serves. *Runs in: supervisor.* */

use protocol::log_code;
use protocol::reason::Reason;

use crate::group::Group;
use crate::group::action::Note;
use crate::group::process::State;
use crate::timers::{LOOK, Millis, REMIND};

/// So many files are named; of others there is a count.
const NAMED: usize = 3;
/// Longest name in a line, in characters. A process of the group has chosen it.
const LONGEST: usize = 300;

/// See the module.
#[derive(Debug)]
pub(crate) struct NewCode {
    /// When the first change was noticed since which processes serve older code.
    behind: Millis,
    /// The same of the version that is tried now.
    since: Millis,
    /// The files that have changed, as processes have named them.
    files: Vec<String>,
    /// How many more.
    others: usize,
    /// Processes that were started since then, and serve.
    serving: usize,
    /// When the last of them began to.
    last: Millis,
    /// It could not be loaded: when the log says so again.
    remind_at: Option<Millis>,
}

impl NewCode {
    fn name(&mut self, file: &[u8]) {
        let text = String::from_utf8_lossy(file);
        let cut = text.char_indices().nth(LONGEST).and_then(|(end, _)| text.get(..end)).map(|start| format!("{start}..."));
        let name = format!("`{}`", cut.unwrap_or_else(|| text.into_owned()));
        match self.files.len() {
            _ if self.files.contains(&name) => {}
            0..NAMED => self.files.push(name),
            _ => self.others = self.others.saturating_add(1),
        }
    }

    /// The files for a sentence.
    fn files(&self) -> String {
        let named = self.files.join(", ");
        match (self.files.len(), self.others) {
            (0, _) => "a file".to_owned(),
            (_, 0) => named,
            (_, others) => format!("{named} and {others} more"),
        }
    }
}

/// A time for a sentence: seconds with one decimal.
fn seconds(time: Millis) -> String {
    format!("{}.{} s", time / 1_000, time % 1_000 / 100)
}

/// So many processes, for a sentence.
fn processes(count: usize) -> String {
    if count == 1 { "1 process".to_owned() } else { format!("{count} processes") }
}

impl Group {
    /// A file that a process has loaded has changed.
    pub(crate) fn code_changes(&mut self, file: Option<&[u8]>, now: Millis) {
        let new = self.new_code.get_or_insert(NewCode {
            behind: now,
            since: now,
            files: Vec::new(),
            others: 0,
            serving: 0,
            last: now,
            remind_at: None,
        });
        // What could not be loaded has been corrected, perhaps.
        if new.remind_at.take().is_some() {
            (new.since, new.last, new.serving, new.others) = (now, now, 0, 0);
            new.files.clear();
        }
        if let Some(file) = file {
            new.name(file);
        }
    }

    /// A process that was started at `born` serves from now on.
    pub(crate) fn one_more_serves(&mut self, born: Millis, now: Millis) {
        if let Some(new) = self.new_code.as_mut().filter(|new| born >= new.since) {
            new.serving = new.serving.saturating_add(1);
            new.last = now;
        }
    }

    /// Whether a process serves code that is older than its files.
    fn is_behind(&self) -> bool {
        let behind = |asked, news: bool| asked == Some(Reason::ScriptReload) || news;
        self.processes.values().any(|p| p.state == State::Ready && behind(p.asked, !p.watched.news().is_empty()))
    }

    /// Says so when no process is left that serves older code, and all that are to serve do.
    pub(crate) fn code_settles(&mut self, now: Millis) {
        let moves = |slot: &crate::group::Slot| slot.successor.is_some() || slot.renewing;
        let early = self.settles_at().is_none_or(|at| now < at);
        if early || self.is_behind() || self.slots.iter().any(moves) || !self.serves_fully() {
            return;
        }
        // Without any, the files are again what they were.
        let Some(new) = self.new_code.take().filter(|new| new.serving > 0) else { return };
        let (files, have, were) = (new.files(), processes(new.serving), if new.serving == 1 { "was" } else { "were" });
        let verb = if new.files.len() + new.others > 1 { "have" } else { "has" };
        let text = format!("{files} {verb} changed: {have} {were} replaced in {}", seconds(new.last.saturating_sub(new.since)));
        self.actions.push(Note::group(log_code::NEW_CODE_SERVES, text));
    }

    /// From when on each process has had the time to say that the file has changed for it, too.
    fn settles_at(&self) -> Option<Millis> {
        self.new_code.as_ref().map(|new| new.since.saturating_add(2 * LOOK))
    }

    /// When there is something to say of new code.
    pub(crate) fn says_at(&self, now: Millis) -> impl Iterator<Item = Millis> + use<> {
        self.settles_at().filter(|at| now < *at).into_iter().chain(self.reminds_at())
    }

    /// A process with the new code could not take over.
    pub(crate) fn code_refused(&mut self, now: Millis) {
        if self.is_behind()
            && let Some(new) = &mut self.new_code
        {
            new.remind_at.get_or_insert(now.saturating_add(REMIND));
        }
    }

    /// When the log says again that old code serves.
    fn reminds_at(&self) -> Option<Millis> {
        self.new_code.as_ref().and_then(|new| new.remind_at).filter(|_| self.running())
    }

    /// Says each hour that old code serves, and has the new one tried again: what kept it from being loaded may have been corrected where nobody looks.
    pub(crate) fn remind(&mut self, now: Millis) {
        if self.reminds_at().is_none_or(|at| now < at) {
            return;
        }
        let behind = self.is_behind();
        let Some(new) = &mut self.new_code else { return };
        new.remind_at = Some(now.saturating_add(REMIND));
        if !behind {
            return;
        }
        let text = format!(
            "its processes still serve older code, because the new code could not be loaded: {} changed {} min ago. The new code is tried again now. \
             To fix: read the last message WSGI1305 of this group and the traceback before it, correct the code, then save the script",
            new.files(),
            now.saturating_sub(new.behind) / 60_000,
        );
        self.actions.push(Note::group(log_code::OLD_CODE_SERVES, text));
        self.refused.clear();
        for slot in &mut self.slots {
            slot.retry_at = slot.retry_at.min(now);
        }
        self.urgent = true;
    }

    /// The group has taken over from one of an earlier definition, and serves.
    pub(crate) fn definition_serves(&mut self, now: Millis) {
        let count = self.serving();
        let taken = seconds(now.saturating_sub(self.begun()));
        let text = format!("its options have changed: {} took over in {taken}", processes(count));
        self.actions.push(Note::group(log_code::NEW_CODE_SERVES, text));
    }
}
