/*! A group of processes as a state machine. It is given what happened and the time, and answers with what is to be done. It makes no system call and reads no clock.

A *slot* is one of the group's `processes`. Its *current* process serves; a *successor* starts beside it; a process that was replaced finishes its
requests without a slot. `replace.rs` says what replaces a current process and when, `stop.rs` how a process ends. *Runs in: supervisor.* */

pub mod action;
mod keep;
pub mod new_code;
mod pause;
pub mod process;
mod replace;
pub mod script_files;
mod stop;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::control::Message;
use protocol::log_code;
use protocol::plan::{self, Script};
use protocol::reason::Reason;
use protocol::table;

use crate::budget::Budget;
use crate::group::action::{Action, Id, Note};
use crate::group::new_code::NewCode;
use crate::group::process::{Process, State};
use crate::group::script_files::Versions;
use crate::timers::{Backoff, LOOK, Millis, PERMIT, SUCCESSOR_STARTUP, UNKILLABLE};

/// What a group is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waits for its turn, or for the generation before it to give way.
    Waiting,
    Running,
    /// A newer generation has taken over.
    Leaving,
    Stopping,
}

/// The place of one process.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) current: Option<Id>,
    pub(crate) successor: Option<Id>,
    /// Why the successor is being started.
    pub(crate) cause: Option<Reason>,
    /// The current process is ended first, and started anew when it is gone.
    pub(crate) renewing: bool,
    /// What the next process loads on top of what the configuration names.
    pub(crate) inherited: Vec<Script>,
    pub(crate) respawn_at: Option<Millis>,
    pub(crate) deaths: Backoff,
    /// No successor is tried before this.
    pub(crate) retry_at: Millis,
    pub(crate) retries: Backoff,
    pub(crate) settled: bool,
}

/// A group of processes.
pub struct Group {
    pub(crate) plan: Rc<plan::Group>,
    pub(crate) phase: Phase,
    begun: Millis,
    pub(crate) slots: Vec<Slot>,
    pub(crate) processes: BTreeMap<Id, Process>,
    /// Versions of scripts that a successor could not load: not tried again until they change.
    pub(crate) refused: Versions,
    pub(crate) looked: Option<Millis>,
    /// A process asks to be replaced: do not wait for the next look.
    pub(crate) urgent: bool,
    pub(crate) actions: Vec<Action>,
    next: Id,
    /// When a process was started last.
    pub(crate) started: Millis,
    /// Processes that may still be started, besides the first ones.
    pub(crate) starts: Budget,
    /// It was said that they are used up.
    hasty: bool,
    /// It was said that none can be started, and none has been since.
    pub(crate) hopeless: bool,
    /// When a successor was started last, if it did not take over in time; otherwise 0.
    pub(crate) squandered: Millis,
    /// Scripts that its processes must load, because those of an earlier definition serve with them; these go on until it can.
    pub(crate) must_load: Option<Vec<Script>>,
    /// When httpd read its configuration last, since the group began.
    pub(crate) reread: Millis,
    /// What the process had loaded that ended last.
    pub(crate) last_loaded: Vec<Script>,
    /// Files have changed, and processes are replaced for that, or could not be.
    pub(crate) new_code: Option<NewCode>,
}

impl Group {
    /// A group that has not begun.
    pub fn new(plan: Rc<plan::Group>) -> Self {
        let slots = (0..plan.processes.max(1)).map(|_| Slot::default()).collect();
        let starts = starts(plan.processes.into());
        Self {
            plan,
            phase: Phase::Waiting,
            begun: 0,
            slots,
            processes: BTreeMap::new(),
            refused: Versions::new(),
            looked: None,
            urgent: false,
            actions: Vec::new(),
            next: 1,
            started: 0,
            starts,
            hasty: false,
            hopeless: false,
            squandered: 0,
            must_load: None,
            reread: 0,
            last_loaded: Vec::new(),
            new_code: None,
        }
    }

    /// How many processes serve.
    pub fn serving(&self) -> usize {
        self.processes.values().filter(|process| process.state == State::Ready).count()
    }

    /// Whether each slot has a process that serves.
    pub fn serves_fully(&self) -> bool {
        let ready = |slot: &Slot| slot.current.and_then(|id| self.processes.get(&id)).is_some_and(|p| p.state == State::Ready);
        self.running() && self.slots.iter().all(ready)
    }

    /// Since when it tries to.
    pub const fn begun(&self) -> Millis {
        self.begun
    }

    /// Whether two of its processes, of this generation or of two, must not live side by side.
    pub fn exclusive(&self) -> bool {
        self.plan.is_exclusive()
    }

    /// Whether it runs scripts of its own and takes no requests.
    pub(crate) fn service(&self) -> bool {
        self.plan.threads == 0
    }

    /// Starts the processes.
    pub fn begin(&mut self, now: Millis) {
        if self.phase == Phase::Waiting {
            self.phase = Phase::Running;
            self.begun = now;
            for slot in 0..self.slots.len() {
                self.start(slot, now);
            }
        }
    }

    /// Whether it has not begun, and may yet.
    pub fn waits(&self) -> bool {
        self.phase == Phase::Waiting
    }

    /// Until when it keeps the processors busy with starting its first processes, as far as others are concerned that wait for their turn. `length`: of a turn.
    pub fn turn(&self, now: Millis, length: Millis) -> Option<Millis> {
        let end = self.begun.saturating_add(length);
        (self.running() && !self.settled() && now < end).then_some(end)
    }

    /// Whether each process has become ready once, or has shown that it can't.
    pub fn settled(&self) -> bool {
        self.phase != Phase::Waiting && self.slots.iter().all(|slot| slot.settled)
    }

    /// Whether nothing is left, and nothing will come. What was killed and does not go is not counted.
    pub fn gone(&self, now: Millis) -> bool {
        let left = |p: &Process| p.killed.is_none_or(|at| now < at.saturating_add(UNKILLABLE));
        !self.running() && !self.processes.values().any(left)
    }

    pub(crate) fn running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Successors that are being started and have not taken long yet: they count against the server's limit.
    pub fn replacements(&self, now: Millis) -> usize {
        self.permits().filter(|end| now < *end).count()
    }

    /// When the permits of successors end.
    fn permits(&self) -> impl Iterator<Item = Millis> + '_ {
        let successors = self.slots.iter().filter_map(|slot| self.processes.get(&slot.successor?));
        successors.map(|p| p.born.saturating_add(PERMIT))
    }

    /// Whose turn it is: a group whose last successor did not take over in time comes after those that have waited meanwhile.
    pub fn rank(&self, now: Millis) -> Millis {
        let slow = self.permits().filter(|end| *end <= now).max().unwrap_or_default();
        self.squandered.max(slow)
    }

    /// Whether a process may be started now; if not, the log says once why not.
    pub(crate) fn may_start(&mut self, now: Millis) -> bool {
        // Those that do not go, whatever they are sent, still hold descriptors and memory of the supervisor.
        let room = self.processes.len()
            < usize::try_from(self.plan.processes.max(1)).unwrap_or(1) + 2 * most_draining(self.plan.processes);
        let may = room && self.starts.take(1, now);
        if !may && !std::mem::replace(&mut self.hasty, true) {
            let text = format!(
                "its processes end or ask to be replaced all the time: further ones are started more slowly ({}). \
                 To fix: look in the log for the reason why they exit, and check the options that end processes (`maximum-requests`, \
                 `restart-interval`, `inactivity-timeout`)",
                self.starts
            );
            self.actions.push(Note::group(log_code::STARTS_SLOWED, text));
        }
        may
    }

    /// What a process does, as far as those are concerned who send it requests.
    pub fn state(&self, id: Id) -> Option<table::State> {
        Some(match self.processes.get(&id)?.state {
            State::Starting => table::State::Starting,
            State::Ready => table::State::Serving,
            State::Draining | State::Stopping | State::Killed => table::State::Leaving,
        })
    }

    /// What is to be done since the last call.
    pub fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// When `tick` has something to do next.
    pub fn wake(&self, now: Millis) -> Option<Millis> {
        let deadlines = self.processes.values().filter_map(|p| p.deadline);
        let respawns = self.slots.iter().filter_map(|slot| slot.respawn_at);
        let looks = self.looks().then(|| self.looked.map_or(now, |at| at.saturating_add(LOOK)));
        let permits = self.permits().filter(|end| now < *end);
        let killed = self.processes.values().filter_map(|p| p.killed.map(|at| at.saturating_add(UNKILLABLE)));
        let answers = self.processes.values().filter_map(|p| p.looks_until).chain(self.says_at(now));
        deadlines.chain(answers).chain(respawns).chain(looks).chain(permits).chain(killed.filter(|end| now < *end)).min()
    }

    /// Time has passed. `room` is how many successors may be started now.
    pub fn tick(&mut self, now: Millis, room: usize) {
        let late: Vec<Id> =
            self.processes.iter().filter(|(_, p)| p.deadline.is_some_and(|at| at <= now)).map(|(id, _)| *id).collect();
        for id in late {
            self.late(id, now);
        }
        let mut silent = false;
        for process in self.processes.values_mut() {
            if process.looks_until.take_if(|at| *at <= now).is_some() {
                process.asked.get_or_insert(Reason::ScriptReload);
                self.urgent = true;
                silent = true;
            }
        }
        if silent {
            self.code_changes(None, now);
        }
        for slot in 0..self.slots.len() {
            let due = self.slots.get_mut(slot).and_then(|s| s.respawn_at.take_if(|at| *at <= now));
            if due.is_none() || !self.running() {
                continue;
            }
            if self.may_start(now) {
                self.start(slot, now);
            } else if let Some(slot) = self.slots.get_mut(slot) {
                slot.respawn_at = Some(self.starts.when(1, now));
            }
        }
        if self.running() {
            self.remind(now);
            self.replace(now, room);
        }
        self.code_settles(now);
    }

    /// A process says something.
    pub fn message(&mut self, id: Id, message: Message, now: Millis) {
        let service = self.service();
        match message {
            Message::Started(_) if service => self.ready(id, now),
            Message::Ready => self.ready(id, now),
            Message::Loaded { script, version, path, application_group } => {
                self.loaded(id, (script, version), Script { path, application_group, import: false });
            }
            Message::Changed { script, version } => self.changed(id, script, version, now),
            Message::NotReady(why) => self.not_ready(id, &why, now),
            Message::ReplaceMe(why) => self.replace_me(id, why, now),
            Message::Looked(what) => self.has_looked(id, &what, now),
            Message::Load { busy, activity, .. } => {
                if let Some(process) = self.processes.get_mut(&id) {
                    process.load(now, busy, activity);
                }
            }
            Message::Started(_) => {}
            Message::Begin(_) | Message::Drain(_) | Message::Stop(_) | Message::Ask | Message::Look | Message::Patience(_) => {
                self.broke_protocol(id, "what only a supervisor says", now);
            }
        }
    }

    /// Starts a slot's process: the first, or one after a death.
    fn start(&mut self, slot: usize, now: Millis) {
        let inherited = self.slots.get_mut(slot).map(|s| std::mem::take(&mut s.inherited)).unwrap_or_default();
        let startup = (self.plan.startup_timeout > 0 && !self.service()).then_some(self.plan.startup_timeout);
        let must_load = self.must_load.is_some();
        let id = self.launch(slot, &inherited, must_load, startup, now);
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.current = Some(id);
            slot.respawn_at = None;
        }
    }

    /// Starts a successor beside the slot's current process.
    pub(crate) fn succeed(&mut self, slot: usize, cause: Reason, scripts: &[Script], now: Millis) {
        let startup = if self.plan.startup_timeout > 0 { self.plan.startup_timeout } else { SUCCESSOR_STARTUP };
        let id = self.launch(slot, scripts, true, Some(startup), now);
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.successor = Some(id);
            slot.cause = Some(cause);
        }
    }

    fn launch(&mut self, slot: usize, inherited: &[Script], must_load: bool, startup: Option<Millis>, now: Millis) -> Id {
        let id = self.next;
        self.next += 1;
        self.started = now;
        let mut scripts: Vec<Script> = match &self.must_load {
            // Not those that did not load before either.
            Some(scripts) => scripts.clone(),
            None => self.plan.scripts.iter().filter(|s| s.import || self.plan.preload).cloned().collect(),
        };
        for script in inherited {
            if !scripts.iter().any(|s| s.path == script.path && s.application_group == script.application_group) {
                scripts.push(script.clone());
            }
        }
        let tried = self.news();
        self.processes.insert(id, Process::new(slot, now, startup, tried));
        self.actions.push(Action::Start { process: id, scripts, must_load });
        id
    }

    fn ready(&mut self, id: Id, now: Millis) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        if !process.becomes_ready(now) {
            return;
        }
        let Some(slot) = self.slots.get_mut(process.slot) else { return };
        self.hopeless = false;
        // Before anybody else leaves.
        self.actions.push(Action::Serve(id));
        let (born, old) = (process.born, process.born < self.reread);
        if slot.current == Some(id) {
            slot.settled = true;
        } else if slot.successor == Some(id) {
            slot.successor = None;
            slot.settled = true;
            slot.retries.reset();
            slot.respawn_at = None;
            let cause = slot.cause.take().unwrap_or(Reason::ScriptReload);
            self.squandered = if now < process.born.saturating_add(PERMIT) { 0 } else { now };
            let old = slot.current.replace(id);
            self.refused.clear();
            self.actions.push(Action::Changed(true));
            // The next process of the group need not wait for the next look.
            self.urgent = true;
            if let Some(old) = old {
                self.drain(old, cause, now);
                self.drain_no_more_than(most_draining(self.plan.processes), now);
                // A process that never got ready has nothing to finish.
                if self.processes.get(&old).is_some_and(|p| p.state == State::Starting) {
                    self.stop(old, Some(self.last_resort()), cause, now);
                }
            }
        }
        if old {
            self.have_it_look(id, now);
        }
        self.one_more_serves(born, now);
    }
}

/// How many processes a group of so many may start besides the first ones: each may be replaced several times in a row, as while an application is developed,
/// and in the long run one a second, and more in a large group.
const fn starts(processes: u64) -> Budget {
    Budget::new(8 + 4 * processes, 1 + processes / 8)
}

/// How many processes that were replaced may finish what they have, in a group of so many: they find room in its table beside their successors.
fn most_draining(processes: u32) -> usize {
    usize::try_from(processes).unwrap_or(usize::MAX).saturating_mul(2).saturating_add(12)
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group")
            .field("phase", &self.phase)
            .field("slots", &self.slots)
            .field("processes", &self.processes)
            .finish_non_exhaustive()
    }
}
