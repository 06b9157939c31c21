/*! Processes that have ended: they are reaped, and it is found out why they died. *Runs in: supervisor.* */

use rustix::process::{Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::{FAULTS, GroupRunner, KILL};
use crate::group::action::{End, Id};
use crate::group_runner::oom::OomKills;
use crate::spawn::explain;
use crate::timers::Millis;

impl GroupRunner {
    /// Reaps the processes that have ended.
    pub fn reap(&mut self, now: Millis) {
        if let Some(file) = self.file_watch.reap(now) {
            self.machine.file_changed(&file, now);
            self.act(now);
        }
        let ids: Vec<Id> = self.children.keys().copied().collect();
        for id in ids {
            let Some(pid) = self.children.get(&id).map(|child| child.pid) else { continue };
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
            // Looked at first and waited for last: until then the number of the process, and of its group, is nobody else's.
            if matches!(waitid(WaitId::Pid(pid), look | WaitIdOptions::NOWAIT), Ok(None)) {
                continue;
            }
            self.name_companions(id, now);
            kill_process_group(pid, Signal::KILL).unwrap_or_default();
            let status = waitid(WaitId::Pid(pid), look).ok().flatten();
            self.buried(id, status.as_ref(), now);
        }
    }

    /// What a SIGKILL means.
    pub(super) fn killed(&mut self) -> End {
        let before = std::mem::replace(&mut self.kills, OomKills::now());
        self.kills.since(&before).map_or(End::Signal(KILL), End::LackOfMemory)
    }

    pub(super) fn buried(&mut self, id: Id, status: Option<&rustix::process::WaitIdStatus>, now: Millis) {
        self.trouble(id);
        self.last_output(id);
        self.last_messages(id, now);
        let killed = self.killed();
        let Some(child) = self.children.get_mut(&id) else { return };
        child.cut_off();
        let (_, failed) = explain::reports(&self.plan, &self.spec, &child.reports);
        let end = match (failed, status) {
            (Some((code, why)), _) => End::NotStarted(code, why),
            (None, Some(status)) => match status.terminating_signal() {
                Some(KILL) => killed,
                Some(number) => End::Signal(number),
                None => End::Status(status.exit_status().unwrap_or_default()),
            },
            (None, None) => End::Status(-1),
        };
        child.faulted = matches!(end, End::Signal(number) if FAULTS.contains(&number));
        if let (Some(slots), Some(slot)) = (&mut self.slots, self.taken.remove(&id)) {
            slots.vacate(&slot);
        }
        self.machine.ended(id, &end, now);
        self.act(now);
        self.children.remove(&id);
    }
}
