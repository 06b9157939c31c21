/*! A further configuration: the supervisor takes up a plan while it is at work.

httpd's parent hands the plan over at a graceful restart, with the descriptors that it names. Groups whose definition is the same go on with their processes, tables and secrets; lines go to the logs
that httpd has opened for the new configuration. A group whose definition has changed is begun beside the one that it replaces, which serves until the new one does. One that is gone from the configuration finishes
what it has. *Runs in: supervisor.* */

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::rc::Rc;

use protocol::Level;
use protocol::log_code;
use protocol::plan::{self, Plan};

use super::{LONGEST_PLAN, Phase, Supervisor, log_writer};
use crate::group_runner::GroupRunner;
use crate::log::Target;
use crate::rights;
use crate::sys::inherited;
use crate::timers::{Millis, TAKE_OVER};

/// A plan whose descriptors have not all come.
#[derive(Debug)]
pub struct Handed {
    plan: Plan,
    files: Vec<OwnedFd>,
}

impl Supervisor {
    /// A plan has come: its file.
    pub(super) fn plan_comes(&mut self, files: &[OwnedFd]) {
        let read = files.first().and_then(|file| shared_memory::read_sealed(file, LONGEST_PLAN).ok());
        self.handed = read.and_then(|bytes| Plan::decode(&bytes).ok()).map(|plan| Handed { plan, files: Vec::new() });
    }

    /// Descriptors of the plan have come. With the last of them it is taken up.
    pub(super) fn files_come(&mut self, files: Vec<OwnedFd>, at: Millis) {
        let Some(mut handed) = self.handed.take() else { return };
        handed.files.extend(files);
        if handed.files.len() < handed.plan.named().len() {
            self.handed = Some(handed);
        } else if self.phase == Phase::Serving {
            self.take_up(handed, at);
        }
    }

    fn take_up(&mut self, handed: Handed, at: Millis) {
        let Handed { mut plan, files } = handed;
        let own: BTreeMap<u32, u32> =
            plan.named().into_iter().zip(files.iter().map(|file| u32::try_from(file.as_raw_fd()).unwrap_or(u32::MAX))).collect();
        plan.renumber(|number| own.get(&number).copied().unwrap_or(u32::MAX));
        plan.lifeline = self.lifeline.as_ref().and_then(|lifeline| u32::try_from(lifeline.as_raw_fd()).ok());
        let writer = log_writer(&plan);
        self.logs_go_on(&plan, writer.as_ref());
        self.hear_out(at);
        self.next_configuration = plan.next_configuration.and_then(|number| inherited(number).ok());
        self.announced = false;
        self.retires_at = None;
        self.replacements = usize::try_from(plan.replacements).unwrap_or(usize::MAX).max(1);
        rights::raise(&plan);
        let before = self.groups.len();
        for group in &plan.groups {
            self.group_comes(&plan, group, writer.clone(), before, at);
        }
        self.gone_from(&plan, at);
        self.begin_groups(at);
    }

    /// Lines of what is there already go to the logs of the new configuration. The log writer of the one before ends with its last line.
    fn logs_go_on(&mut self, plan: &Plan, writer: Option<&Rc<OwnedFd>>) {
        let main_log = inherited(plan.main_log).ok();
        self.log.replace(Target { writer: writer.cloned(), server: 0, file: main_log, least: Level::Notice });
        let main = plan::Group { log: plan.main_log, log_level: 6, ..plan::Group::default() };
        for running in &mut self.groups {
            let group = plan.groups.iter().find(|group| *group.name == *running.name()).unwrap_or(&main);
            running.go_on_in_log(group, writer.cloned());
        }
    }

    /// A group of the new configuration. `before`: how many groups there were before it was read.
    fn group_comes(&mut self, plan: &Plan, group: &plan::Group, writer: Option<Rc<OwnedFd>>, before: usize, at: Millis) {
        let mut same =
            self.groups.iter_mut().take(before).filter(|running| !running.superseded && *running.name() == *group.name);
        let old = same.next();
        if let Some(kept) = old.filter(|old| old.is_as(group)) {
            kept.go_on(plan, group, at);
            return;
        }
        let mut new = match GroupRunner::new(plan, group, &self.null, writer) {
            Ok(new) => new,
            Err(why) => {
                let name = String::from_utf8_lossy(&group.name);
                self.log.coded(log_code::GROUP_UNUSABLE, &format!("could not start group {name}: {why}"));
                return;
            }
        };
        let exclusive = new.machine.exclusive();
        let mut serve = None;
        for old in self.groups.iter_mut().take(before).filter(|running| *running.name() == *group.name) {
            old.superseded = true;
            if exclusive || old.machine.exclusive() || old.machine.waits() || old.machine.serving() == 0 {
                old.machine.retire(at);
                old.act(at);
            } else if old.machine.running() {
                serve = old.serves_with(group).or(serve);
            }
        }
        if let Some(scripts) = serve {
            new.machine.follow(scripts);
        }
        self.groups.push(new);
    }

    /// Groups that the new configuration does not have.
    fn gone_from(&mut self, plan: &Plan, at: Millis) {
        for running in &mut self.groups {
            if !plan.groups.iter().any(|group| *group.name == *running.name()) {
                running.superseded = true;
                running.machine.retire(at);
                running.act(at);
            }
        }
    }

    /// Whether a process of an earlier definition of a group is left that must not meet those of a later one.
    pub(super) fn meets_superseded(&self, at: Millis) -> Vec<Vec<u8>> {
        let left = self.groups.iter().filter(|running| running.superseded && !running.machine.gone(at));
        left.map(|running| running.name().to_vec()).collect()
    }

    /// Groups of earlier configurations leave when those that replace them serve, and stand in where these can't.
    pub(super) fn see_to_superseded(&mut self, at: Millis) {
        if !self.groups.iter().any(|running| running.superseded) {
            return;
        }
        for index in 0..self.groups.len() {
            let Some(new) = self.groups.get(index).filter(|running| !running.superseded) else { continue };
            let (name, definition, machine) = (new.name().to_vec(), new.definition(), &new.machine);
            let overdue = at >= machine.begun().saturating_add(TAKE_OVER);
            let serves = !machine.waits() && (machine.serves_fully() || (overdue && machine.serving() > 0));
            let fails = !machine.waits() && machine.settled() && machine.serving() == 0;
            if !serves && !fails {
                continue;
            }
            let old = |running: &&mut GroupRunner| running.superseded && *running.name() == *name && running.machine.running();
            let mut taken_over = false;
            for old in self.groups.iter_mut().filter(old) {
                if serves {
                    old.machine.retire(at);
                    old.act(at);
                    taken_over = true;
                } else if old.machine.serving() > 0 {
                    old.stand_in(definition, at);
                }
            }
            if let Some(new) = self.groups.get_mut(index).filter(|_| serves) {
                new.machine.stands_alone();
                if taken_over {
                    new.machine.definition_serves(at);
                    new.act(at);
                }
            }
        }
        self.groups.retain(|running| !running.superseded || !running.machine.gone(at) || !running.children.is_empty());
    }
}
