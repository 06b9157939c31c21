/*! Which process of a group is to be replaced, when, and how: a part of the group's state machine.

One process of a group after another. With overlap the successor must load all that the old one has loaded before the old one drains; if it
can't, the old one goes on, and those versions of the files are not tried again. *Runs in: supervisor.* */

use protocol::control::{MOST_SCRIPTS, Message, ScriptId, Version};
use protocol::log_code;
use protocol::plan::Script;
use protocol::reason::Reason;

use crate::group::Group;
use crate::group::action::{Action, Id, Note};
use crate::group::process::{Process, State};
use crate::group::script_files::Versions;
use crate::timers::{LOOK, Millis, REMIND};

/// So many times new code that does not load is tried again after a growing pause, and then each hour.
const QUICK: usize = 6;

impl Group {
    /// Whether there is something to look at each second.
    pub(crate) fn looks(&self) -> bool {
        let timed = self.plan.restart_interval > 0 || self.plan.inactivity_timeout > 0;
        self.running()
            && self
                .processes
                .values()
                .any(|p| p.state == State::Ready && (timed || p.asked.is_some() || !p.watched.news().is_empty()))
    }

    /// Begins at most one replacement, if one is due and there is room.
    pub(crate) fn replace(&mut self, now: Millis, room: usize) {
        let look = self.looked.is_none_or(|at| now >= at.saturating_add(LOOK));
        if !look && !std::mem::take(&mut self.urgent) {
            return;
        }
        if look {
            self.looked = Some(now);
            self.ask_loads();
        }
        if self.slots.iter().any(|slot| slot.successor.is_some() || slot.renewing) {
            return;
        }
        if let Some(slot) = (0..self.slots.len()).find(|slot| self.idle_too_long(*slot, now)) {
            self.renew(slot, Reason::InactivityTimeout, now);
            return;
        }
        let Some((slot, cause)) = (0..self.slots.len()).find_map(|slot| Some((slot, self.why(slot, now)?))) else { return };
        if self.exclusive() {
            let scripts = self.loaded_scripts(slot);
            if let Some(slot) = self.slots.get_mut(slot) {
                slot.inherited = scripts;
            }
            self.renew(slot, cause, now);
        } else if room > 0 && self.may_start(now) {
            let scripts = self.loaded_scripts(slot);
            self.succeed(slot, cause, &scripts, now);
        } else {
            // Tried again when there is room, or at the next look.
            self.urgent = room == 0;
        }
    }

    fn ready_process(&self, slot: usize) -> Option<(Id, &Process)> {
        let id = self.slots.get(slot)?.current?;
        self.processes.get(&id).filter(|p| p.state == State::Ready).map(|p| (id, p))
    }

    /// What processes that serve have loaded; a script may come more than once.
    pub(crate) fn loaded_by_serving(&self) -> impl Iterator<Item = &Script> {
        self.processes.values().filter(|p| p.state == State::Ready).flat_map(|p| p.watched.scripts())
    }

    fn loaded_scripts(&self, slot: usize) -> Vec<Script> {
        self.ready_process(slot).map(|(_, p)| p.watched.scripts().clone()).unwrap_or_default()
    }

    /// Why a slot's process is to be replaced now.
    fn why(&self, slot: usize, now: Millis) -> Option<Reason> {
        let (_, process) = self.ready_process(slot)?;
        if self.slots.get(slot).is_none_or(|s| now < s.retry_at) {
            return None;
        }
        let news = process.watched.news();
        if !news.is_empty() {
            // While the new code does not load, a successor for any other reason would not load either.
            let fresh = news.iter().any(|(script, version)| self.refused.get(script) != Some(version));
            return fresh.then_some(Reason::ScriptReload);
        }
        let old = self.plan.restart_interval > 0
            && process.ready.is_some_and(|at| now >= at.saturating_add(self.plan.restart_interval));
        process.asked.or(old.then_some(Reason::RestartInterval))
    }

    fn idle_too_long(&self, slot: usize, now: Millis) -> bool {
        let limit = self.plan.inactivity_timeout;
        limit > 0 && self.ready_process(slot).is_some_and(|(_, p)| p.idle(now, limit))
    }

    /// Ends a slot's process; when it is gone a new one is started.
    fn renew(&mut self, slot: usize, why: Reason, now: Millis) {
        let Some((id, _)) = self.ready_process(slot) else { return };
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.renewing = true;
        }
        if self.plan.threads == 0 { self.stop(id, None, why, now) } else { self.drain(id, why, now) }
    }

    fn ask_loads(&mut self) {
        if self.plan.inactivity_timeout > 0 {
            let ready = self.processes.iter().filter(|(_, p)| p.state == State::Ready);
            self.actions.extend(ready.map(|(id, _)| Action::Send(*id, Message::Ask)));
        }
    }

    /// A process has loaded a script.
    pub(crate) fn loaded(&mut self, id: Id, (number, version): (ScriptId, Version), script: Script) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        if !process.watched.loaded(number, version, script) && !std::mem::replace(&mut process.crowded, true) {
            let text = format!(
                "has loaded more scripts than can be passed to its replacement ({MOST_SCRIPTS} in all): each of the others is loaded by the first \
                 request for it"
            );
            self.actions.push(Note::about(id, log_code::TOO_MANY_SCRIPTS, text));
        }
    }

    /// The file of a script that a process has loaded has that version now.
    pub(crate) fn changed(&mut self, id: Id, script: ScriptId, version: Version, now: Millis) {
        if !self.plan.reload {
            return;
        }
        let Some(process) = self.processes.get_mut(&id) else { return };
        if process.watched.changed(script, version) {
            self.urgent = true;
            let (slot, file) = (process.slot, process.watched.path(script).map(<[u8]>::to_vec));
            if self.refused.get(&script) != Some(&version) {
                // A pause after a version that did not load is not meant for another one.
                let soon = self.started.saturating_add(LOOK);
                if let Some(slot) = self.slots.get_mut(slot) {
                    slot.retry_at = slot.retry_at.min(soon);
                }
                self.code_changes(file.as_deref(), now);
            }
        }
    }

    /// The versions of changed scripts, as far as processes that serve have said.
    pub(crate) fn news(&self) -> Versions {
        let ready = self.processes.values().filter(|p| p.state == State::Ready);
        ready.flat_map(|p| p.watched.news().iter().map(|(id, version)| (*id, *version))).take(MOST_SCRIPTS).collect()
    }

    /// A process asks to be replaced.
    pub(crate) fn replace_me(&mut self, id: Id, why: Reason, now: Millis) {
        let evicts = self.plan.eviction_timeout > 0;
        let Some(process) = self.processes.get_mut(&id) else { return };
        let why = if why == Reason::GracefulSignal && evicts { Reason::EvictionSignal } else { why };
        let first = process.asked.is_none();
        process.asked.get_or_insert(why);
        self.urgent = true;
        // Which file a request has found changed, the process says by itself within a second.
        if first && why == Reason::ScriptReload && process.watched.news().is_empty() {
            self.code_changes(None, now);
        }
    }

    /// No request can reach a process any more. Whether that is news.
    pub fn out_of_reach(&mut self, id: Id) -> bool {
        let Some(process) = self.processes.get_mut(&id).filter(|p| p.state == State::Ready && p.asked.is_none()) else {
            return false;
        };
        process.asked = Some(Reason::ShutdownSignal);
        self.urgent = true;
        true
    }

    /// A process says that it is of no use.
    pub(crate) fn not_ready(&mut self, id: Id, why: &str, now: Millis) {
        let limit = self.last_resort();
        let Some(process) = self.processes.get_mut(&id) else { return };
        // Once is enough.
        if std::mem::replace(&mut process.failed, true) {
            return;
        }
        // It is about to end by itself: no message and no signal disturbs it.
        process.stop(now, Some(limit));
        let successor = self.slots.get(process.slot).is_some_and(|slot| slot.successor == Some(id));
        let code = if successor || self.must_load.is_some() { log_code::NEW_CODE_NOT_LOADED } else { log_code::NOT_READY };
        self.actions.push(Note::about(id, code, format!("is not ready: {}", why.trim())));
        self.vacate(id, now);
    }

    /// The place of a successor that could not get ready is given free.
    pub(crate) fn vacate(&mut self, id: Id, now: Millis) {
        let Some(slot) = self.processes.get(&id).map(|p| p.slot) else { return };
        let Some(slot) = self.slots.get_mut(slot) else { return };
        if slot.successor == Some(id) {
            slot.successor = None;
            let Some(process) = self.processes.remove(&id) else { return };
            self.not_taken_over(&process, now);
            self.processes.insert(id, process);
        }
    }

    /// A successor has failed: the old process goes on, or what is left of the slot is started anew.
    pub(crate) fn not_taken_over(&mut self, process: &Process, now: Millis) {
        self.squandered = now;
        // Any other version is worth a try. What was refused before has changed since, or is among these.
        self.refused.clone_from(&process.tried);
        self.actions.push(Action::Changed(false));
        let Some(slot) = self.slots.get_mut(process.slot) else { return };
        let code = slot.cause.take() == Some(Reason::ScriptReload);
        let (delay, failures) = slot.retries.after(0);
        // Each try writes a traceback, and nobody watches the modules that a script imports.
        let delay = if code && failures > QUICK { REMIND } else { delay.max(LOOK) };
        slot.retry_at = now.saturating_add(delay);
        if slot.current.is_none() && slot.respawn_at.is_none() {
            slot.respawn_at = Some(now);
        }
        self.code_refused(now);
    }
}
