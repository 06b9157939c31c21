/*! How the processes of a group end: told to, by steps of which each has its limit, or of themselves.

A process that is to go first drains, is then told to end at once, and is killed at last. A death that nobody asked for is explained and made
good, in a row of them after a growing pause. *Runs in: supervisor.* */

use protocol::Level;
use protocol::control::Message;
use protocol::log_code;
use protocol::reason::Reason;
use protocol::table::Limit;

use crate::group::action::{Action, End, Id, Note};
use crate::group::process::{Process, State};
use crate::group::{Group, Phase, Slot};
use crate::timers::{GRACE, LAST_RESORT, Millis, REMIND, RETIRED, drain_limit};

/// Deaths in a row that are explained one by one, before the loop is named and only the loop.
const EXPLAINED: usize = 3;

impl Group {
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
                let limit = drain_limit(&self.plan, Reason::ScriptReload).or(Some((RETIRED, Limit::Graceful)));
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

    pub(crate) fn drain(&mut self, id: Id, why: Reason, now: Millis) {
        self.drain_within(id, drain_limit(&self.plan, why), why, now);
    }

    fn drain_within(&mut self, id: Id, limit: Option<(Millis, Limit)>, why: Reason, now: Millis) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        if let (Some((_, whose)), State::Ready) = (limit, process.state) {
            process.limit = whose;
        }
        if matches!(limit, Some((0, _))) {
            self.stop(id, None, why, now);
        } else if process.drain(now, limit.map(|(limit, _)| limit)) {
            self.actions.push(Action::Send(id, Message::Drain(why)));
        }
    }

    /// Where more than `most` processes drain, the oldest of them have had their time: a process that is replaced for new code may drain without limit,
    /// and one whose owner never lets it end would stay for ever, and so would the next.
    pub(crate) fn drain_no_more_than(&mut self, most: usize, now: Millis) {
        let draining: Vec<Id> = self.processes.iter().filter(|(_, p)| p.state == State::Draining).map(|(id, _)| *id).collect();
        for id in draining.iter().take(draining.len().saturating_sub(most)) {
            let text = format!(
                "still had requests when {most} other processes of its group, which were replaced later, had some, too: it was asked to exit at once"
            );
            self.actions.push(Note::about(*id, log_code::DRAIN_OVERDUE, text));
            self.stop(*id, Some(self.last_resort()), Reason::ShutdownSignal, now);
        }
    }

    /// Whose time is over when a process that was told to end has to.
    pub fn limit(&self, id: Id) -> Limit {
        self.processes.get(&id).map_or(Limit::Shutdown, |process| process.limit)
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

    /// What a process was given time for has not come about.
    pub(crate) fn late(&mut self, id: Id, now: Millis) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        process.deadline = None;
        match process.state {
            State::Starting => {
                process.failed = true;
                let waited = process.age(now) / 1_000;
                let text = format!("was not ready after {waited} s (startup-timeout) and was stopped");
                self.actions.push(Note::about(id, log_code::STARTUP_TIMEOUT, text));
                self.stop(id, Some(self.last_resort()), Reason::StartupTimeout, now);
                self.vacate(id, now);
            }
            State::Draining => {
                self.actions.push(Note::about(
                    id,
                    log_code::DRAIN_OVERDUE,
                    "still had requests when the time for finishing them was over: it was asked to exit at once",
                ));
                // It has been told why already, and goes by what it heard first.
                self.stop(id, Some(self.last_resort()), Reason::ShutdownSignal, now);
            }
            State::Stopping => {
                process.state = State::Killed;
                process.killed = Some(now);
                self.actions.push(Note::about(
                    id,
                    log_code::PROCESS_KILLED,
                    "did not exit within its shutdown-timeout and was killed",
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

    /// A process sent what it may not: `what`.
    pub fn broke_protocol(&mut self, id: Id, what: &str, now: Millis) {
        let text = format!(
            "sent an invalid message to its supervisor: {what}. The process was stopped and is replaced. To fix: install all parts of mod_wsgi_rs \
             from one build; if they are, search the application for code that writes to descriptors that it did not open"
        );
        self.actions.push(Note::about(id, log_code::CONTROL_BROKEN, text));
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
        if !process.watched.scripts().is_empty() {
            self.last_loaded.clone_from(process.watched.scripts());
        }
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
            let (mut delay, deaths) = if died { slot.deaths.after(process.age(now)) } else { (0, 0) };
            if died && self.must_load.is_some() {
                delay = REMIND;
            }
            if slot.successor.is_none() || renewing {
                slot.respawn_at = Some(now.saturating_add(delay));
            }
            if !told {
                self.explain(id, end, deaths);
            }
            if let End::NotStarted(..) = end {
                // The explanation is logged once, and then counted.
                if deaths == EXPLAINED && !std::mem::replace(&mut self.hopeless, true) {
                    let text = "no process of it can be started. The supervisor tries again after a growing pause. The preceding messages give the \
                                reason; it is logged again when it changes, or after an hour";
                    self.actions.push(Note::group(log_code::CRASH_LOOP, text));
                }
            } else if deaths == EXPLAINED {
                let text = "its processes die in succession. They are started again after a growing pause, and further deaths are not explained";
                self.actions.push(Note::group(log_code::CRASH_LOOP, text));
            }
        } else if unasked(&process, end) {
            self.explain(id, end, 1);
        }
    }

    fn explain(&mut self, id: Id, end: &End, deaths: usize) {
        if deaths > EXPLAINED && !matches!(end, End::NotStarted(..)) {
            return;
        }
        let note = match end {
            End::NotStarted(code, why) => Note::group(*code, why.clone()),
            End::Status(status @ 1..) if self.service() => {
                let text = format!(
                    "did not complete its service scripts: it exited with status {status}. The preceding messages give the reason"
                );
                Note::about(id, log_code::PROCESS_DIED, text)
            }
            End::Status(0) if self.service() => Note::plain(id, Level::Notice, "completed its service scripts"),
            end => Note::about(id, log_code::PROCESS_DIED, end.to_string()),
        };
        self.actions.push(note);
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
