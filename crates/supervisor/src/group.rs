/*! A group of processes as a state machine: told what happened and what time it is, it says what is to be done. No system call, no clock.

A *slot* is one of the group's `processes`. Its *current* process serves; a *successor* is being started beside it; whoever was replaced
drains without a slot. What replaces a current process and when stands in `replace.rs`. *Runs in: supervisor.* */

use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::Level;
use protocol::control::Message;
use protocol::log_code;
use protocol::plan::{self, Script};
use protocol::reason::Reason;

use crate::action::{Action, End, Id, Note};
use crate::process::{Process, State};
use crate::timers::{Backoff, GRACE, LAST_RESORT, LOOK, Millis, SUCCESSOR_STARTUP, drain_limit};
use crate::watch::{Files, Versions};

/// Deaths in a row that are explained one by one, before the loop is named and only the loop.
const EXPLAINED: usize = 3;

/// What a group is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waits for the generation before it to give way.
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
    deaths: Backoff,
    /// No successor is tried before this.
    pub(crate) retry_at: Millis,
    pub(crate) retries: Backoff,
    settled: bool,
}

/// A group of processes.
pub struct Group {
    pub(crate) plan: Rc<plan::Group>,
    pub(crate) files: Box<dyn Files>,
    phase: Phase,
    pub(crate) slots: Vec<Slot>,
    pub(crate) processes: BTreeMap<Id, Process>,
    /// Versions of scripts that a successor could not load: not tried again until they change.
    pub(crate) refused: Versions,
    pub(crate) looked: Option<Millis>,
    /// A process asks to be replaced: do not wait for the next look.
    pub(crate) urgent: bool,
    pub(crate) actions: Vec<Action>,
    next: Id,
}

impl Group {
    /// A group that has not begun.
    pub fn new(plan: Rc<plan::Group>, files: Box<dyn Files>) -> Self {
        let slots = (0..plan.processes.max(1)).map(|_| Slot::default()).collect();
        Self {
            plan,
            files,
            phase: Phase::Waiting,
            slots,
            processes: BTreeMap::new(),
            refused: Versions::new(),
            looked: None,
            urgent: false,
            actions: Vec::new(),
            next: 1,
        }
    }

    /// Whether two of its processes, of this generation or of two, must not live side by side.
    pub fn exclusive(&self) -> bool {
        self.plan.is_exclusive()
    }

    fn service(&self) -> bool {
        self.plan.threads == 0
    }

    /// Starts the processes.
    pub fn begin(&mut self, now: Millis) {
        if self.phase == Phase::Waiting {
            self.phase = Phase::Running;
            for slot in 0..self.slots.len() {
                self.start(slot, now);
            }
        }
    }

    /// Whether each process has become ready once, or has shown that it can't.
    pub fn settled(&self) -> bool {
        self.phase != Phase::Waiting && self.slots.iter().all(|slot| slot.settled)
    }

    /// Whether nothing is left, and nothing will come.
    pub fn gone(&self) -> bool {
        self.processes.is_empty() && !matches!(self.phase, Phase::Running)
    }

    pub(crate) fn running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Successors that are being started: they count against the server's limit.
    pub fn replacements(&self) -> usize {
        self.slots.iter().filter(|slot| slot.successor.is_some()).count()
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
        deadlines.chain(respawns).chain(looks).min()
    }

    /// Time has passed. `room` is how many successors may be started now.
    pub fn tick(&mut self, now: Millis, room: usize) {
        let late: Vec<Id> =
            self.processes.iter().filter(|(_, p)| p.deadline.is_some_and(|at| at <= now)).map(|(id, _)| *id).collect();
        for id in late {
            self.late(id, now);
        }
        for slot in 0..self.slots.len() {
            let due = self.slots.get_mut(slot).and_then(|s| s.respawn_at.take_if(|at| *at <= now));
            if due.is_some() && self.running() {
                self.start(slot, now);
            }
        }
        if self.running() {
            self.replace(now, room);
        }
    }

    /// A process says something.
    pub fn message(&mut self, id: Id, message: Message, now: Millis) {
        let service = self.service();
        match message {
            Message::Started(_) if service => self.ready(id, now),
            Message::Ready => self.ready(id, now),
            Message::Loaded(what) => self.loaded(id, &what),
            Message::NotReady(why) => self.not_ready(id, &why, now),
            Message::ReplaceMe(why) => self.replace_me(id, why),
            Message::Load { busy, activity, .. } => {
                if let Some(process) = self.processes.get_mut(&id) {
                    process.load(now, busy, activity);
                }
            }
            Message::Started(_) => {}
            Message::Begin(_) | Message::Drain(_) | Message::Stop(_) | Message::Ask => self.broke_protocol(id, now),
        }
    }

    /// A process sent what it may not.
    pub fn broke_protocol(&mut self, id: Id, now: Millis) {
        self.actions.push(Note::about(
            id,
            log_code::CONTROL_BROKEN,
            "sent what no daemon process sends; it is ended and replaced",
        ));
        self.actions.push(Action::Terminate(id));
        self.hung_up(id, now);
    }

    /// The control connection to a process has ended: the process is about to, or is cut off for good.
    pub fn hung_up(&mut self, id: Id, now: Millis) {
        if let Some(process) = self.processes.get_mut(&id) {
            process.end_within(now, Some(LAST_RESORT));
        }
    }

    /// A process is gone.
    pub fn ended(&mut self, id: Id, end: &End, now: Millis) {
        let Some(process) = self.processes.remove(&id) else { return };
        const KILL: i32 = 9;
        let overspent =
            process.asked == Some(Reason::CpuTimeLimit) && process.state != State::Killed && *end == End::Signal(KILL);
        let end = if overspent { &End::ProcessorTime } else { end };
        // One that has asked to be replaced, and takes no more requests, may end before its successor is there.
        let told = process.told || (process.asked.is_some() && *end == End::Status(0));
        let Some(slot) = self.slots.get_mut(process.slot) else { return };
        if slot.successor == Some(id) {
            slot.successor = None;
            self.explain(id, end, 1);
            self.not_taken_over(&process, now);
        } else if slot.current == Some(id) {
            slot.current = None;
            slot.settled = true;
            let died = !told || process.failed;
            let renewing = std::mem::take(&mut slot.renewing);
            let (delay, deaths) = if died { slot.deaths.after(process.age(now)) } else { (0, 0) };
            if slot.successor.is_none() || renewing {
                slot.respawn_at = Some(now.saturating_add(delay));
            }
            if !told {
                self.explain(id, end, deaths);
            }
            if deaths == EXPLAINED {
                let text = "its processes die one after another: started again after a growing pause, and no longer explained one by one";
                self.actions.push(Note::group(log_code::CRASH_LOOP, text));
            }
        } else if unasked(&process, end) {
            self.explain(id, end, 1);
        }
    }

    fn explain(&mut self, id: Id, end: &End, deaths: usize) {
        if deaths > EXPLAINED {
            return;
        }
        let note = match end {
            End::NotStarted(code, why) => Note::group(*code, why.clone()),
            End::Status(0) if self.service() => Note::plain(id, Level::Notice, "has run its service scripts to their end"),
            end => Note::about(id, log_code::PROCESS_DIED, end.to_string()),
        };
        self.actions.push(note);
    }

    /// A newer generation has taken over: everybody finishes what runs and goes.
    pub fn retire(&mut self, now: Millis) {
        if !matches!(self.phase, Phase::Waiting | Phase::Running) {
            return;
        }
        self.phase = Phase::Leaving;
        self.forget_slots();
        for id in self.processes.keys().copied().collect::<Vec<_>>() {
            let ready = self.processes.get(&id).is_some_and(|p| p.state == State::Ready);
            if ready && !self.service() {
                let limit = drain_limit(&self.plan, Reason::ScriptReload);
                self.drain_within(id, limit, Reason::ShutdownSignal, now);
            } else {
                self.stop(id, None, Reason::ShutdownSignal, now);
            }
        }
    }

    /// Everybody goes within the shutdown-timeout, or `bound` if that is shorter.
    pub fn stop_all(&mut self, now: Millis, bound: Option<Millis>) {
        self.phase = Phase::Stopping;
        self.forget_slots();
        for id in self.processes.keys().copied().collect::<Vec<_>>() {
            self.stop(id, bound, Reason::ShutdownSignal, now);
        }
    }

    fn forget_slots(&mut self) {
        for slot in &mut self.slots {
            *slot = Slot { settled: true, ..Slot::default() };
        }
    }

    /// Starts a slot's process: the first, or one after a death.
    fn start(&mut self, slot: usize, now: Millis) {
        let inherited = self.slots.get_mut(slot).map(|s| std::mem::take(&mut s.inherited)).unwrap_or_default();
        let startup = (self.plan.startup_timeout > 0 && !self.service()).then_some(self.plan.startup_timeout);
        let id = self.launch(slot, &inherited, false, startup, now);
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
        let mut scripts: Vec<Script> = self.plan.scripts.iter().filter(|s| s.import || self.plan.preload).cloned().collect();
        for script in inherited {
            if !scripts.iter().any(|s| s.path == script.path && s.application_group == script.application_group) {
                scripts.push(script.clone());
            }
        }
        let before = scripts.iter().filter_map(|s| Some((s.path.clone(), self.files.version(&s.path)?))).collect();
        self.processes.insert(id, Process::new(slot, now, startup, before));
        self.actions.push(Action::Start { process: id, scripts, must_load });
        id
    }

    pub(crate) fn drain(&mut self, id: Id, why: Reason, now: Millis) {
        self.drain_within(id, drain_limit(&self.plan, why), why, now);
    }

    fn drain_within(&mut self, id: Id, limit: Option<Millis>, why: Reason, now: Millis) {
        if limit == Some(0) {
            self.stop(id, None, why, now);
            return;
        }
        if self.processes.get_mut(&id).is_some_and(|p| p.drain(now, limit)) {
            self.actions.push(Action::Send(id, Message::Drain(why)));
        }
    }

    pub(crate) fn stop(&mut self, id: Id, bound: Option<Millis>, why: Reason, now: Millis) {
        let own = (self.plan.shutdown_timeout > 0).then(|| self.plan.shutdown_timeout.saturating_add(GRACE));
        let limit = own.into_iter().chain(bound).min();
        let service = self.service();
        let Some(process) = self.processes.get_mut(&id) else { return };
        let starting = process.state == State::Starting;
        if process.stop(now, limit) {
            self.actions.push(Action::Send(id, Message::Stop(why)));
            // Python may be deep in an import or in a service script, where nobody reads the message.
            if starting || service {
                self.actions.push(Action::Terminate(id));
            }
        }
    }

    fn late(&mut self, id: Id, now: Millis) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        process.deadline = None;
        match process.state {
            State::Starting => {
                process.failed = true;
                let waited = process.age(now) / 1_000;
                let text = format!("was not ready after {waited} s (startup-timeout) and is ended");
                self.actions.push(Note::about(id, log_code::STARTUP_TIMEOUT, text));
                self.stop(id, Some(self.last_resort()), Reason::StartupTimeout, now);
                self.vacate(id, now);
            }
            State::Draining => {
                self.actions.push(Note::about(
                    id,
                    log_code::DRAIN_OVERDUE,
                    "has had its time to drain and is told to end at once",
                ));
                // It has been told why already, and goes by what it heard first.
                self.stop(id, Some(self.last_resort()), Reason::ShutdownSignal, now);
            }
            State::Stopping => {
                process.state = State::Killed;
                self.actions.push(Note::about(
                    id,
                    log_code::PROCESS_KILLED,
                    "did not end within its shutdown-timeout and was killed",
                ));
                self.actions.push(Action::Kill(id));
            }
            State::Ready | State::Killed => {}
        }
    }

    /// The limit for a process that is known to hang.
    pub(crate) fn last_resort(&self) -> Millis {
        if self.plan.shutdown_timeout > 0 { self.plan.shutdown_timeout.saturating_add(GRACE) } else { LAST_RESORT }
    }

    fn ready(&mut self, id: Id, now: Millis) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        if !process.becomes_ready(now) {
            return;
        }
        let Some(slot) = self.slots.get_mut(process.slot) else { return };
        // Before anybody else leaves.
        self.actions.push(Action::Serve(id));
        if slot.current == Some(id) {
            slot.settled = true;
        } else if slot.successor == Some(id) {
            slot.successor = None;
            slot.settled = true;
            slot.retries.reset();
            slot.respawn_at = None;
            let cause = slot.cause.take().unwrap_or(Reason::ScriptReload);
            let old = slot.current.replace(id);
            self.refused.clear();
            self.actions.push(Action::Changed(true));
            // The next process of the group need not wait for the next look.
            self.urgent = true;
            if let Some(old) = old {
                self.drain(old, cause, now);
                // A process that never got ready has nothing to finish.
                if self.processes.get(&old).is_some_and(|p| p.state == State::Starting) {
                    self.stop(old, Some(self.last_resort()), cause, now);
                }
            }
        }
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
}

/// A process that was to end, but not like this.
fn unasked(process: &Process, end: &End) -> bool {
    const TERM: i32 = 15;
    let violent = match end {
        End::Signal(number) => *number != TERM,
        End::LackOfMemory(_) | End::ProcessorTime => true,
        End::NotStarted(..) | End::Status(_) => false,
    };
    process.state != State::Killed && violent
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

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
