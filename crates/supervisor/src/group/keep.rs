/*! A group over a graceful restart: its processes go on where nothing has changed, and a group of another definition takes over when it serves. A part of the group's state machine.

*Runs in: supervisor.* */

use std::rc::Rc;

use protocol::control::Message;
use protocol::plan::{self, Script};
use protocol::reason::Reason;

use crate::group::Group;
use crate::group::action::{Action, Id};
use crate::group::process::State;
use crate::timers::{LOOKED, Millis};

impl Group {
    /// The group replaces one of an earlier definition, which serves until this one has loaded `scripts`.
    pub fn follow(&mut self, scripts: Vec<Script>) {
        self.must_load = Some(scripts);
    }

    /// Nobody else serves any more.
    pub fn stands_alone(&mut self) {
        self.must_load = None;
    }

    /// The same group in httpd's new configuration: its processes go on, and look whether what they have loaded is still as it was.
    pub fn go_on(&mut self, plan: Rc<plan::Group>, now: Millis) {
        self.plan = plan;
        self.reread = now;
        // What could not be loaded may be corrected somewhere that nobody watches.
        self.refused.clear();
        for slot in &mut self.slots {
            slot.retries.reset();
            slot.retry_at = now;
        }
        self.wake_up(now);
        for id in self.processes.keys().copied().collect::<Vec<_>>() {
            self.have_it_look(id, now);
        }
    }

    pub(crate) fn have_it_look(&mut self, id: Id, now: Millis) {
        if let Some(process) = self.processes.get_mut(&id).filter(|p| p.state == State::Ready) {
            process.looks_until = Some(now.saturating_add(LOOKED));
            self.actions.push(Action::Send(id, Message::Look));
        }
    }

    /// A process says that a file is not as it has loaded it, or (empty) that all are.
    pub(crate) fn has_looked(&mut self, id: Id, what: &str, now: Millis) {
        if let Some(process) = self.processes.get_mut(&id)
            && process.looks_until.take().is_some()
            && !what.is_empty()
        {
            process.asked.get_or_insert(Reason::ScriptReload);
            self.urgent = true;
            self.code_changes(Some(what.as_bytes()), now);
        }
    }
}
