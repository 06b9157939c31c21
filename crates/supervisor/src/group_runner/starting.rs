/*! How a process is started: a slot, a socket, the fork, and the first message. *Runs in: supervisor.* */

use std::os::fd::AsFd;

use protocol::control::{Message, Process};
use protocol::log_code;
use protocol::plan::Script;

use super::{GroupRunner, MOST_HELD};
use crate::group::action::{End, Id};
use crate::group_runner::child::{self, Child};
use crate::group_runner::oom::OomKills;
use crate::group_runner::slots::Slots;
use crate::spawn::env_file;
use crate::timers::Millis;

impl GroupRunner {
    pub(super) fn start(&mut self, id: Id, scripts: Vec<Script>, must_load: bool, now: Millis) {
        if let Err(end) = self.post_and_start(id, scripts, must_load) {
            if let (Some(slots), Some(slot)) = (&mut self.slots, self.taken.remove(&id)) {
                slots.vacate(&slot);
            }
            if let Some(slots) = &self.slots {
                slots.trouble();
            }
            self.machine.ended(id, &end, now);
        }
    }

    pub(super) fn post_and_start(&mut self, id: Id, scripts: Vec<Script>, must_load: bool) -> Result<(), End> {
        if self.held.count() > MOST_HELD {
            let text = "processes of its user, which may have left the process group, block the pipes to the supervisor: no new process is started \
                        until they have exited. To fix: stop them (`ps -u USER` lists them); they write from memory of a FUSE file system that does \
                        not respond, or use userfaultfd";
            return Err(End::NotStarted(log_code::PIPES_LOCKED, text.to_owned()));
        }
        let mut listener = None;
        if let Some(slots) = &self.slots {
            let (mut slot, socket) = slots.take(&self.plan).map_err(|why| End::NotStarted(log_code::SOCKET_NOT_MADE, why))?;
            if let Some(definition) = self.stands_in {
                slot.stand_in(definition);
            }
            self.taken.insert(id, slot);
            // Our copy is closed when the process has its own: when the process is dead, a connection is refused at once.
            listener = Some(socket);
        }
        let slot = child::GroupDescriptors {
            listener: listener.as_ref().map(AsFd::as_fd),
            table: self.slots.as_ref().map(Slots::file),
            lifeline: self.lifeline.as_ref().map(AsFd::as_fd),
            scoreboard: self.scoreboard.as_ref().map(AsFd::as_fd),
        };
        let mut child = Child::start(&self.spec, self.plan.threads, slot, &self.null, &self.held)
            .map_err(|error| End::NotStarted(log_code::FORK_FAILED, format!("could not start a process: {error}")))?;
        if let (Some(slots), Some(slot)) = (&self.slots, self.taken.get(&id)) {
            slots.name(slot, child.pid);
        }
        child.send(&Message::Begin(Box::new(self.begin(id, scripts, must_load))));
        self.kills = OomKills::now();
        self.children.insert(id, child);
        Ok(())
    }

    /// Returns the path of a file of `env-file=` that root reads and that has changed since a process was started; empty if there is none.
    pub(super) fn changed_env_file(&self, id: Id) -> String {
        let Some(child) = self.children.get(&id) else { return String::new() };
        let mut files = self.spec.env_files.iter().zip(&child.env_files);
        let changed = files.find(|(path, version)| env_file::trusted_version(path.to_bytes()) != **version);
        changed.map(|(path, _)| path.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub(super) fn begin(&self, id: Id, scripts: Vec<Script>, must_load: bool) -> Process {
        let group = &self.plan;
        let place = self.taken.get(&id).map(|slot| slot.place);
        Process {
            generation: self.generation,
            token: group.token,
            peer: group.peer,
            slot: place.map_or(0, |place| place.slot),
            epoch: place.map_or(0, |place| place.epoch),
            threads: group.threads,
            stack_size: group.stack_size,
            display_name: group.display_name.clone(),
            parent: self.parent,
            undumpable: group.undumpable,
            scripts,
            scripts_must_load: must_load,
            follows: self.follows,
            reload: group.reload,
            startup_timeout: group.startup_timeout,
            request_timeout: group.request_timeout,
            interrupt_timeout: group.interrupt_timeout,
            socket_timeout: group.socket_timeout,
            deadlock_timeout: group.deadlock_timeout,
            shutdown_timeout: group.shutdown_timeout,
            maximum_requests: group.maximum_requests,
            engine: group.engine.clone(),
        }
    }
}
