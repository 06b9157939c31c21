/*! The one loop of the supervisor: it waits for signals, for the death of httpd's parent, for its processes and for time, and never for anything
else. *Runs in: supervisor.* */

mod adoption;
mod events;
mod generations;

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use protocol::Level;
use protocol::log_code;
use protocol::plan::Plan;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, getppid, pidfd_open, waitid};
use rustix::time::{ClockId, clock_gettime};

use self::adoption::Handed;
use self::events::in_turn;
use crate::LONGEST_PLAN;
use crate::group_runner::GroupRunner;
use crate::handover::{Peer, RETIRE, Way};
use crate::log::{Log, Target};
use crate::sys::{ended_child, inherited};
use crate::timers::{GRACE, LAST_RESORT, Millis, ORPHANED, TAKE_OVER};

/// How long the end waits for logs that do not take the last lines.
pub const LAST_LINES: Duration = Duration::from_secs(1);

const SIGINT: u32 = 2;
const SIGUSR1: u32 = 10;
const SIGTERM: u32 = 15;
/// So many processes that somebody else has started are reaped at a time.
const STRANGERS: usize = 1_024;

/// What the supervisor is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    Retiring,
    Stopping,
    Orphaned,
}

/// A configuration generation at work.
#[derive(Debug)]
pub struct Supervisor {
    groups: Vec<GroupRunner>,
    log: Log,
    signals: OwnedFd,
    parent: Parent,
    command: Peer,
    /// Closed by httpd when it has read the next configuration; and whether that has the module.
    next_configuration: Option<OwnedFd>,
    announced: bool,
    /// When it retires because httpd goes on without the module.
    retires_at: Option<Millis>,
    /// A further plan of which not all has come.
    handed: Option<Handed>,
    /// For processes of which two must not live side by side.
    lifeline: Option<OwnedFd>,
    null: OwnedFd,
    predecessor: Peer,
    /// The newer generation waits for the groups that may not overlap.
    gives_way: bool,
    /// The older generation was asked for the same.
    asked: bool,
    /// How far it is with that, and what the newer generation has been told of this one's.
    way: Way,
    said: Way,
    /// The older generation's lifeline, in case it is killed before it has said that.
    predecessor_lifeline: Option<OwnedFd>,
    /// Lifelines of processes whose supervisor was killed, of which two must not live side by side either.
    orphans: Vec<OwnedFd>,
    /// They are not waited for beyond this, nor longer than that.
    orphaned_until: Millis,
    patience: Millis,
    took_over: bool,
    born: Millis,
    phase: Phase,
    replacements: usize,
    /// Counts the turns of the loop.
    turns: usize,
}

/// httpd's parent process.
#[derive(Debug)]
struct Parent {
    pid: Option<Pid>,
    /// Readable when it is dead. Without it (an old kernel, a filter) it is asked for each second.
    watch: Option<OwnedFd>,
}

impl Parent {
    fn new(plan: &Plan) -> Self {
        let pid = i32::try_from(plan.parent).ok().and_then(Pid::from_raw);
        Self { pid, watch: pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) }
    }

    fn dead(&self) -> bool {
        getppid() != self.pid
    }
}

/// The log writer of a plan. It ends when the last copy is closed.
fn log_writer(plan: &Plan) -> Option<Rc<OwnedFd>> {
    plan.log_writer.and_then(|number| inherited(number).ok()).map(Rc::new)
}

/// Milliseconds of the monotonic clock.
fn now() -> Millis {
    let time = clock_gettime(ClockId::Monotonic);
    Millis::try_from(time.tv_sec * 1_000 + time.tv_nsec / 1_000_000).unwrap_or_default()
}

impl Supervisor {
    /// Takes up a plan: descriptors, groups; nothing is started yet.
    ///
    /// # Errors
    /// What makes the whole plan useless, in words.
    pub fn new(plan: &Plan, signals: OwnedFd, command: Option<OwnedFd>) -> Result<Self, String> {
        let parent = Parent::new(plan);
        if parent.dead() {
            return Err(format!(
                "process {}, httpd's parent process according to the plan, has exited or did not start this supervisor",
                plan.parent
            ));
        }
        let main_log = inherited(plan.main_log).map_err(|e| format!("the main log (descriptor {}): {e}", plan.main_log))?;
        let writer = log_writer(plan);
        let mut log = Log::new(Target { writer: writer.clone(), server: 0, file: Some(main_log), least: Level::Notice });
        let null: OwnedFd =
            std::fs::OpenOptions::new().read(true).write(true).open("/dev/null").map_err(|e| format!("/dev/null: {e}"))?.into();
        let mut groups = Vec::new();
        for group in &plan.groups {
            match GroupRunner::new(plan, group, &null, writer.clone()) {
                Ok(running) => groups.push(running),
                Err(why) => {
                    let name = String::from_utf8_lossy(&group.name);
                    log.coded(log_code::GROUP_UNUSABLE, &format!("could not start group {name}: {why}"));
                }
            }
        }
        let predecessor = plan.predecessor.and_then(|number| inherited(number).ok());
        let born = now();
        let longest = plan.groups.iter().map(|group| group.shutdown_timeout).max().unwrap_or(0).max(LAST_RESORT);
        let patience = longest.saturating_add(2 * GRACE);
        Ok(Self {
            groups,
            log,
            signals,
            parent,
            command: Peer::new(command),
            next_configuration: plan.next_configuration.and_then(|number| inherited(number).ok()),
            announced: false,
            retires_at: None,
            handed: None,
            lifeline: plan.lifeline.and_then(|number| inherited(number).ok()),
            null,
            predecessor: Peer::new(predecessor),
            gives_way: false,
            asked: false,
            way: Way::default(),
            said: Way::default(),
            predecessor_lifeline: plan.predecessor_lifeline.and_then(|number| inherited(number).ok()),
            orphans: plan.orphans.iter().filter_map(|number| inherited(*number).ok()).collect(),
            orphaned_until: born.saturating_add(patience),
            patience,
            took_over: false,
            born,
            phase: Phase::Serving,
            replacements: usize::try_from(plan.replacements).unwrap_or(usize::MAX).max(1),
            turns: 0,
        })
    }

    /// Runs until everything has ended.
    pub fn run(&mut self) {
        self.live();
        let until = Instant::now() + LAST_LINES;
        for log in self.groups.iter_mut().map(|group| &mut group.log).chain([&mut self.log]) {
            log.finish(until);
        }
    }

    fn live(&mut self) {
        self.begin();
        loop {
            let at = now();
            if self.phase < Phase::Orphaned && self.parent.dead() {
                self.stop(Phase::Orphaned, at);
            }
            self.tick(at);
            if self.phase > Phase::Serving && self.groups.iter().all(|group| group.machine.gone(at)) {
                return;
            }
            let ready = self.wait(at);
            self.turns = self.turns.wrapping_add(1);
            for source in in_turn(ready, self.turns) {
                self.handle(source, now());
            }
        }
    }

    fn tick(&mut self, at: Millis) {
        if self.retires_at.is_some_and(|then| then <= at) {
            self.retires_at = None;
            for group in &self.groups {
                group.close();
            }
            self.retire(at);
        }
        self.begin_groups(at);
        let mut running: usize = self.groups.iter().map(|group| group.machine.replacements(at)).sum();
        // In the order of the configuration, but that a group whose successors do not get ready comes last.
        let mut order: Vec<&mut GroupRunner> = self.groups.iter_mut().collect();
        order.sort_by_key(|group| group.machine.rank(at));
        for group in order {
            let own = group.machine.replacements(at);
            group.tick(at, self.replacements.saturating_sub(running));
            running = running.saturating_sub(own).saturating_add(group.machine.replacements(at));
        }
        self.see_to_superseded(at);
        if self.gives_way {
            for byte in self.said.news(self.way_after(at)) {
                self.command.say(byte);
            }
        }
        let overdue = at >= self.born.saturating_add(TAKE_OVER);
        if !self.took_over && self.predecessor.there() && (overdue || self.groups.iter().all(|group| group.machine.settled())) {
            self.took_over = true;
            self.predecessor.say(RETIRE);
        }
    }

    fn signal(&mut self, at: Millis) {
        let mut buffer = [0; 128 * 16];
        let count = rustix::io::read(&self.signals, &mut buffer).unwrap_or_default();
        for record in buffer.get(..count).unwrap_or_default().chunks_exact(128) {
            match record.first_chunk().map(|number| u32::from_ne_bytes(*number)) {
                Some(SIGTERM | SIGINT) => self.stop(Phase::Stopping, at),
                Some(SIGUSR1) => self.retire(at),
                _ => {}
            }
        }
        // Processes that have gone because httpd has are nothing to explain.
        if self.phase < Phase::Orphaned && self.parent.dead() {
            self.stop(Phase::Orphaned, at);
        }
        // Several deaths may be one SIGCHLD, so whatever came, everybody is looked at.
        for group in &mut self.groups {
            group.reap(at);
        }
        self.reap_strangers();
    }

    /// Reaps processes that this one has not started: a process of a group can make it the parent of others (`CLONE_PARENT`), which would stay for ever when
    /// they have ended, and take the machine's process ids.
    fn reap_strangers(&self) {
        for _ in 0..STRANGERS {
            let Some(pid) = ended_child() else { return };
            if self.groups.iter().any(|group| group.has_started(pid)) {
                // It has ended just now: its own SIGCHLD comes next.
                return;
            }
            waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG).map(drop).unwrap_or_default();
        }
    }

    /// Hears everybody out before something is decided for all: one that has just said that it is ready must not be taken for one that starts.
    fn hear_out(&mut self, at: Millis) {
        for group in &mut self.groups {
            for id in group.children.keys().copied().collect::<Vec<_>>() {
                group.receive(id, at);
            }
        }
    }

    fn stop(&mut self, phase: Phase, at: Millis) {
        if phase <= self.phase {
            return;
        }
        self.hear_out(at);
        // What waits while this generation retires is the next one's to serve.
        let closes = self.phase < Phase::Retiring;
        self.phase = phase;
        let bound = (phase == Phase::Orphaned).then_some(ORPHANED);
        for group in &mut self.groups {
            if closes {
                group.close();
            }
            group.machine.stop_all(at, bound);
            group.act(at);
        }
    }

    fn retire(&mut self, at: Millis) {
        if self.phase == Phase::Serving {
            self.hear_out(at);
            self.phase = Phase::Retiring;
            for group in &mut self.groups {
                group.machine.retire(at);
                group.act(at);
            }
        }
    }
}
