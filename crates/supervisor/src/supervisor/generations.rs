/*! When groups begin, and what supervisors of successive generations say to each other. *Runs in: supervisor.* */

use std::os::fd::{AsFd, OwnedFd};

use protocol::log_code;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Phase, Supervisor, now};
use crate::group_runner::GroupRunner;
use crate::handover::{FILES, GIVE_WAY, HERE, PLAN, RETIRE, Said, Way};
use crate::timers::{LAST_REQUESTS, Millis, turn};

/// Whether the last process that held the reading end of a pipe is gone.
fn hung_up(pipe: &OwnedFd) -> bool {
    let mut set = [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut set, Some(&at_once)).is_ok_and(|found| found > 0)
}

impl Supervisor {
    pub(super) fn begin(&mut self) {
        let at = now();
        if self.predecessor.there() && self.groups.iter().any(|group| group.machine.exclusive()) {
            self.ask_for_way();
        }
        self.begin_groups(at);
    }

    /// Begins groups in the order of the configuration, a few at a time: all at once, none of fifty would serve before the last on a small
    /// machine, and requests to the first would have waited for longer than `connect-timeout`. Groups of which two processes must not live side
    /// by side begin once nobody is left whom they would meet.
    pub(super) fn begin_groups(&mut self, at: Millis) {
        if self.phase != Phase::Serving {
            return;
        }
        let orphans = self.waits_for_orphans(at);
        let way = self.way_before();
        let length = self.turn_length();
        let busy = self.groups.iter().filter(|group| group.machine.turn(at, length).is_some()).count();
        let room = self.begin_at_a_time().saturating_sub(busy);
        let left = self.meets_superseded(at);
        let may = |group: &&mut GroupRunner| {
            let alone = || !orphans && group.may_begin_alone(way) && !left.iter().any(|name| *name == *group.name());
            group.machine.waits() && (!group.machine.exclusive() || alone())
        };
        for group in self.groups.iter_mut().filter(may).take(room) {
            group.machine.begin(at);
            group.act(at);
        }
    }

    /// What the generations before this one still have in the way.
    pub(super) fn way_before(&self) -> Way {
        if self.predecessor.there() { self.way } else { Way::CLEAR }
    }

    /// What this generation and those before it still have in the way of a newer one.
    pub(super) fn way_after(&self, at: Millis) -> Way {
        let before = self.way_before();
        let mut exclusive = self.groups.iter().map(|group| &group.machine).filter(|machine| machine.exclusive());
        let cleared = before.cleared && exclusive.clone().all(|machine| machine.gone(at));
        let no_services = before.no_services && exclusive.all(|machine| !machine.service() || machine.gone(at));
        Way { ends: before.ends, no_services, cleared }
    }

    /// How many groups begin at a time.
    pub(super) const fn begin_at_a_time(&self) -> usize {
        self.replacements.saturating_mul(2)
    }

    pub(super) fn turn_length(&self) -> Millis {
        turn(self.groups.len(), self.begin_at_a_time())
    }

    /// When a group that waits may have its turn.
    pub(super) fn next_turn(&self, at: Millis) -> Option<Millis> {
        let (waits, length) = (self.groups.iter().any(|group| group.machine.waits()), self.turn_length());
        self.groups.iter().filter_map(|group| group.machine.turn(at, length)).min().filter(|_| waits)
    }

    /// Whether processes of a supervisor that was killed may still be ending.
    pub(super) fn waits_for_orphans(&mut self, at: Millis) -> bool {
        if at >= self.orphaned_until {
            self.orphans.clear();
        }
        self.orphans.retain(|lifeline| !hung_up(lifeline));
        !self.orphans.is_empty()
    }

    /// Asks the generation before this one to end what may not overlap, once.
    pub(super) fn ask_for_way(&mut self) {
        if !std::mem::replace(&mut self.asked, true) {
            self.predecessor.say(GIVE_WAY);
        }
    }

    /// The generation after this one.
    pub(super) fn commanded(&mut self, at: Millis) {
        for said in self.command.listen() {
            match said {
                Said::Byte(RETIRE) => self.retire(at),
                Said::Byte(GIVE_WAY) => {
                    self.gives_way = true;
                    self.ask_for_way();
                    self.hear_out(at);
                    for group in self.groups.iter_mut().filter(|group| group.machine.exclusive()) {
                        group.machine.retire(at);
                        group.act(at);
                    }
                }
                Said::Byte(HERE) => self.announced = true,
                Said::Handed(PLAN, files) => self.plan_comes(&files),
                Said::Handed(FILES, files) => self.files_come(files, at),
                Said::Byte(_) | Said::Handed(..) | Said::Gone => {}
            }
        }
    }

    /// httpd has read its next configuration. If the module were in it, the parent would have said so before: nobody else takes over.
    pub(super) fn configuration_read(&mut self, at: Millis) {
        // What has woken the loop may be the pipe of a configuration that has been taken up since.
        if !self.next_configuration.as_ref().is_some_and(hung_up) {
            return;
        }
        self.commanded(at);
        if !self.next_configuration.as_ref().is_some_and(hung_up) {
            return;
        }
        self.next_configuration = None;
        if std::mem::take(&mut self.announced) {
            return;
        }
        if self.phase == Phase::Serving {
            self.log.coded(
                log_code::MODULE_GONE,
                "httpd has read a configuration without mod_wsgi_rs: the daemon processes finish their requests and exit",
            );
        }
        // What httpd's old children have accepted just before is still served.
        self.retires_at.get_or_insert(at.saturating_add(LAST_REQUESTS));
    }

    /// The generation before this one.
    pub(super) fn predecessor_said(&mut self, at: Millis) {
        let said = self.predecessor.listen();
        for said in &said {
            if let Said::Byte(byte) = said {
                self.way.hear(*byte);
            }
        }
        if said.iter().any(|said| matches!(said, Said::Gone)) {
            // One that ended without a word was killed, perhaps, and its processes are still ending.
            if let Some(lifeline) = self.predecessor_lifeline.take().filter(|_| !self.way.cleared) {
                self.orphans.push(lifeline);
                self.orphaned_until = at.saturating_add(self.patience);
            }
            self.way = Way::CLEAR;
        }
        if !said.is_empty() {
            self.begin_groups(at);
        }
    }
}
