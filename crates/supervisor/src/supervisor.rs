/*! The one loop of the supervisor: it waits for signals, for the death of httpd's parent, for its processes and for time, and never for anything
else. *Runs in: supervisor.* */

mod adoption;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use protocol::Level;
use protocol::log_code;
use protocol::plan::Plan;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, getppid, pidfd_open, waitid};
use rustix::time::{ClockId, clock_gettime};

use self::adoption::Handed;
use crate::LONGEST_PLAN;
use crate::action::Id;
use crate::handover::{FILES, GIVE_WAY, HERE, PLAN, Peer, RETIRE, Said, Way};
use crate::log::{Log, Target};
use crate::pipe::{self, Pipe};
use crate::running::Running;
use crate::spawn::{ended_child, inherited};
use crate::timers::{GLANCE, GRACE, LAST_REQUESTS, LAST_RESORT, LOOK, Millis, ORPHANED, TAKE_OVER, turn};

/// How long the end waits for logs that do not take the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

const SIGINT: u32 = 2;
const SIGUSR1: u32 = 10;
const SIGTERM: u32 = 15;
/// So many processes that somebody else has started are reaped at a time.
const STRANGERS: usize = 1_024;

/// What a descriptor of the loop belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Signals,
    Parent,
    Command,
    Predecessor,
    NextConfiguration,
    Orphans,
    Pipes,
    MainLog,
    Log(usize),
    Control(usize, Id),
    Inbox(usize, Id),
    Output(usize, Id),
    Trouble(usize, Id),
}

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
    groups: Vec<Running>,
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

/// What is ready, in order: what concerns the supervisor itself, the logs of groups, what processes say. All logs share the socket of the log writer, so another
/// one comes first at each turn, and none of them after new output: a group that writes without end would leave the others no room.
fn in_turn(mut ready: Vec<Source>, turn: usize) -> Vec<Source> {
    let rank = |source: &Source| match source {
        Source::Log(_) => 1,
        Source::Control(..) | Source::Inbox(..) | Source::Output(..) | Source::Trouble(..) => 2,
        _ => 0,
    };
    ready.sort_by_key(rank);
    let (first, end) = (ready.partition_point(|one| rank(one) < 1), ready.partition_point(|one| rank(one) < 2));
    if let Some(logs) = ready.get_mut(first..end).filter(|logs| !logs.is_empty()) {
        logs.rotate_left(turn % logs.len());
    }
    ready
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

/// Whether the last process that held the reading end of a pipe is gone.
fn hung_up(pipe: &OwnedFd) -> bool {
    let mut set = [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut set, Some(&at_once)).is_ok_and(|found| found > 0)
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
            return Err(format!("process {}, which the plan calls httpd's parent, has ended or did not start it", plan.parent));
        }
        let main_log = inherited(plan.main_log).map_err(|e| format!("the main log (descriptor {}): {e}", plan.main_log))?;
        let writer = log_writer(plan);
        let mut log = Log::new(Target { writer: writer.clone(), server: 0, file: Some(main_log), least: Level::Notice });
        let null: OwnedFd =
            std::fs::OpenOptions::new().read(true).write(true).open("/dev/null").map_err(|e| format!("/dev/null: {e}"))?.into();
        let mut groups = Vec::new();
        for group in &plan.groups {
            match Running::new(plan, group, &null, writer.clone()) {
                Ok(running) => groups.push(running),
                Err(why) => {
                    let name = String::from_utf8_lossy(&group.name);
                    log.coded(log_code::GROUP_UNUSABLE, &format!("group {name} can't be started: {why}"));
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

    fn begin(&mut self) {
        let at = now();
        if self.predecessor.there() && self.groups.iter().any(|group| group.machine.exclusive()) {
            self.ask_for_way();
        }
        self.begin_groups(at);
    }

    /// Begins groups in the order of the configuration, a few at a time: all at once, none of fifty would serve before the last on a small
    /// machine, and requests to the first would have waited for longer than `connect-timeout`. Groups of which two processes must not live side
    /// by side begin once nobody is left whom they would meet.
    fn begin_groups(&mut self, at: Millis) {
        if self.phase != Phase::Serving {
            return;
        }
        let orphans = self.waits_for_orphans(at);
        let way = self.way_before();
        let length = self.turn_length();
        let busy = self.groups.iter().filter(|group| group.machine.turn(at, length).is_some()).count();
        let room = self.begin_at_a_time().saturating_sub(busy);
        let left = self.meets_superseded(at);
        let may = |group: &&mut Running| {
            let alone = || !orphans && group.may_begin_alone(way) && !left.iter().any(|name| *name == *group.name());
            group.machine.waits() && (!group.machine.exclusive() || alone())
        };
        for group in self.groups.iter_mut().filter(may).take(room) {
            group.machine.begin(at);
            group.act(at);
        }
    }

    /// What the generations before this one still have in the way.
    fn way_before(&self) -> Way {
        if self.predecessor.there() { self.way } else { Way::CLEAR }
    }

    /// What this generation and those before it still have in the way of a newer one.
    fn way_after(&self, at: Millis) -> Way {
        let before = self.way_before();
        let mut exclusive = self.groups.iter().map(|group| &group.machine).filter(|machine| machine.exclusive());
        let cleared = before.cleared && exclusive.clone().all(|machine| machine.gone(at));
        let no_services = before.no_services && exclusive.all(|machine| !machine.service() || machine.gone(at));
        Way { ends: before.ends, no_services, cleared }
    }

    /// How many groups begin at a time.
    const fn begin_at_a_time(&self) -> usize {
        self.replacements.saturating_mul(2)
    }

    fn turn_length(&self) -> Millis {
        turn(self.groups.len(), self.begin_at_a_time())
    }

    /// When a group that waits may have its turn.
    fn next_turn(&self, at: Millis) -> Option<Millis> {
        let (waits, length) = (self.groups.iter().any(|group| group.machine.waits()), self.turn_length());
        self.groups.iter().filter_map(|group| group.machine.turn(at, length)).min().filter(|_| waits)
    }

    /// Whether processes of a supervisor that was killed may still be ending.
    fn waits_for_orphans(&mut self, at: Millis) -> bool {
        if at >= self.orphaned_until {
            self.orphans.clear();
        }
        self.orphans.retain(|lifeline| !hung_up(lifeline));
        !self.orphans.is_empty()
    }

    /// Asks the generation before this one to end what may not overlap, once.
    fn ask_for_way(&mut self) {
        if !std::mem::replace(&mut self.asked, true) {
            self.predecessor.say(GIVE_WAY);
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
        let mut order: Vec<&mut Running> = self.groups.iter_mut().collect();
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

    /// Waits until something can be done.
    fn wait(&self, at: Millis) -> Vec<Source> {
        let back = self.calls_back(at);
        let (mut fds, sources) = self.sources(at);
        let asks = self.parent.watch.is_none().then(|| at.saturating_add(LOOK));
        let takes_over = (!self.took_over && self.predecessor.there()).then(|| self.born.saturating_add(TAKE_OVER));
        let orphans = (!self.orphans.is_empty()).then_some(self.orphaned_until);
        // Where the table alone tells that a group may begin.
        let waits = self.groups.iter().any(|group| group.machine.waits() && group.machine.exclusive());
        let looks = (waits && self.predecessor.there() && self.way.ends).then(|| at.saturating_add(GLANCE));
        let others =
            asks.into_iter().chain(self.retires_at).chain(takes_over).chain(orphans).chain(self.next_turn(at)).chain(looks);
        let at_once = (!back.is_empty()).then_some(at);
        let wake = self.groups.iter().filter_map(|group| group.wake(at)).chain(others).chain(at_once).min();
        let timeout = wake.map(|wake| {
            // Rounded up by a millisecond, so that time has come when it wakes.
            let wait = i64::try_from(wake.saturating_sub(at).saturating_add(u64::from(wake > at))).unwrap_or(i64::MAX);
            Timespec { tv_sec: wait / 1_000, tv_nsec: wait % 1_000 * 1_000_000 }
        });
        if poll(&mut fds, timeout.as_ref()).is_err() {
            return back;
        }
        let ready = fds.iter().zip(sources).filter(|(fd, _)| !fd.revents().is_empty()).map(|(_, source)| source);
        ready.chain(back).collect()
    }

    /// Pipes from which a thread has read meanwhile.
    fn calls_back(&self, at: Millis) -> Vec<Source> {
        let mut all = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            let reads = group.output_waits(at).is_none();
            for (id, child) in &group.children {
                let is_back = |pipe: Option<&Pipe>| pipe.is_some_and(Pipe::is_back);
                all.extend(is_back(child.inbox.as_ref()).then_some(Source::Inbox(index, *id)));
                all.extend((reads && is_back(child.output.as_ref())).then_some(Source::Output(index, *id)));
            }
        }
        all
    }

    fn sources(&self, at: Millis) -> (Vec<PollFd<'_>>, Vec<Source>) {
        let mut all: Vec<(BorrowedFd<'_>, PollFlags, Source)> = vec![(self.signals.as_fd(), PollFlags::IN, Source::Signals)];
        if self.phase < Phase::Orphaned {
            all.extend(self.parent.watch.iter().map(|fd| (fd.as_fd(), PollFlags::IN, Source::Parent)));
        }
        all.extend(self.command.wants().map(|fd| (fd, PollFlags::IN, Source::Command)));
        all.extend(self.predecessor.wants().map(|fd| (fd, PollFlags::IN, Source::Predecessor)));
        // `poll` reports a pipe whose other end is closed (POLLHUP) also where no event is asked for.
        all.extend(self.next_configuration.iter().map(|fd| (fd.as_fd(), PollFlags::empty(), Source::NextConfiguration)));
        all.extend(self.orphans.iter().map(|fd| (fd.as_fd(), PollFlags::empty(), Source::Orphans)));
        all.extend(pipe::bell().map(|fd| (fd, PollFlags::IN, Source::Pipes)));
        all.extend(self.log.wants().map(|fd| (fd, PollFlags::OUT, Source::MainLog)));
        for (index, group) in self.groups.iter().enumerate() {
            all.extend(group.log.wants().map(|fd| (fd, PollFlags::OUT, Source::Log(index))));
            let reads = group.output_waits(at).is_none();
            for (id, child) in &group.children {
                let control = child.control.iter().filter(|_| child.wants_to_send());
                all.extend(control.map(|fd| (fd.as_fd(), PollFlags::OUT, Source::Control(index, *id))));
                all.extend(child.inbox.as_ref().and_then(Pipe::wants).map(|fd| (fd, PollFlags::IN, Source::Inbox(index, *id))));
                all.extend(
                    child
                        .output
                        .as_ref()
                        .and_then(Pipe::wants)
                        .filter(|_| reads)
                        .map(|fd| (fd, PollFlags::IN, Source::Output(index, *id))),
                );
                all.extend(child.trouble.iter().map(|fd| (fd.as_fd(), PollFlags::IN, Source::Trouble(index, *id))));
            }
        }
        all.into_iter().map(|(fd, flags, source)| (PollFd::from_borrowed_fd(fd, flags), source)).unzip()
    }

    fn handle(&mut self, source: Source, at: Millis) {
        match source {
            Source::Signals => self.signal(at),
            Source::Parent => self.stop(Phase::Orphaned, at),
            Source::Command => self.commanded(at),
            Source::Predecessor => self.predecessor_said(at),
            Source::NextConfiguration => self.configuration_read(at),
            Source::Orphans => {
                self.waits_for_orphans(at);
            }
            // What has come back is found by looking at each.
            Source::Pipes => pipe::heard(),
            Source::MainLog => self.log.flush(),
            Source::Log(index) => self.with(index, |group| group.log.flush()),
            Source::Control(index, id) => self.with(index, |group| {
                if let Some(child) = group.children.get_mut(&id) {
                    child.flush();
                }
            }),
            Source::Inbox(index, id) => self.with(index, |group| group.receive(id, at)),
            Source::Output(index, id) => self.with(index, |group| {
                group.output(id, at);
            }),
            Source::Trouble(index, id) => self.with(index, |group| group.trouble(id)),
        }
    }

    fn with(&mut self, index: usize, act: impl FnOnce(&mut Running)) {
        if let Some(group) = self.groups.get_mut(index) {
            act(group);
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

    /// The generation after this one.
    fn commanded(&mut self, at: Millis) {
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
    fn configuration_read(&mut self, at: Millis) {
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
                "httpd has read a configuration without mod_wsgi_rs: the daemon processes finish what they have, and end",
            );
        }
        // What httpd's old children have accepted just before is still served.
        self.retires_at.get_or_insert(at.saturating_add(LAST_REQUESTS));
    }

    /// The generation before this one.
    fn predecessor_said(&mut self, at: Millis) {
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

#[cfg(test)]
mod tests {
    use super::{Source, in_turn};

    #[test]
    fn each_log_has_its_turn_before_others_write_more() {
        let ready = vec![Source::Signals, Source::Log(0), Source::Output(0, 1), Source::Log(3), Source::Log(7), Source::MainLog];
        for (turn, logs) in [(0, [0, 3, 7]), (1, [3, 7, 0]), (usize::MAX, [0, 3, 7])] {
            let expected = [Source::Signals, Source::MainLog]
                .into_iter()
                .chain(logs.map(Source::Log))
                .chain([Source::Output(0, 1)])
                .collect::<Vec<_>>();
            assert_eq!(in_turn(ready.clone(), turn), expected, "{turn}");
        }
        assert_eq!(in_turn(vec![Source::Pipes], 5), [Source::Pipes]);
    }
}
