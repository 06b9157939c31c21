/*! A group and its live processes: does what the group's state machine asks for and tells it what happened. *Runs in: supervisor.* */

mod child;
mod companions;
mod crash_record;
mod deaths;
mod heard;
pub mod listener;
mod notes;
mod oom;
pub mod pipe;
mod slots;
mod starting;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use protocol::Level;
use protocol::control::Message;
use protocol::log_code;
use protocol::plan::{self, Plan, Script};
use protocol::repetition::Repetitions;
use protocol::table;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use self::heard::Output;
use crate::file_watch::{FileWatch, Watched};
use crate::group::Group;
use crate::group::action::{Action, Id, Note};
use crate::group_runner::child::Child;
use crate::group_runner::oom::OomKills;
use crate::group_runner::pipe::Held;
use crate::group_runner::slots::{SlotClaim, Slots};
use crate::handover::Way;
use crate::log::{Log, Target};
use crate::spawn::exec_spec::ExecSpec;
use crate::sys::inherited;
use crate::timers::{LOOK, Millis, REMIND};

const KILL: i32 = 9;
/// Threads of the supervisor that may be stuck in pipes of a group when a further process is started.
const MOST_HELD: usize = 16;
/// Signals at which faulthandler writes the stack: SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV.
const FAULTS: [i32; 5] = [4, 6, 7, 8, 11];

/// Where a group's lines go, but for the descriptor of its log.
fn target(group: &plan::Group, writer: Option<Rc<OwnedFd>>) -> Target {
    let least = Level::from_number(i32::try_from(group.log_level).unwrap_or_default());
    Target { writer, server: group.log_server, file: None, least }
}

/// A group of the plan, at work.
#[derive(Debug)]
pub struct GroupRunner {
    /// Its state machine.
    pub machine: Group,
    /// It is of an earlier configuration, and serves until the group of its name in the newest one does.
    pub superseded: bool,
    /// Its processes serve requests of this definition, too.
    stands_in: Option<u32>,
    /// When the log says so again.
    stands_in_again: Millis,
    /// Its live processes.
    pub children: BTreeMap<Id, Child>,
    /// Its log.
    pub log: Log,
    plan: Rc<plan::Group>,
    generation: u64,
    /// There was a generation before it.
    follows: bool,
    parent: u32,
    spec: ExecSpec,
    /// Where its processes are found by requests; none in a service group.
    slots: Option<Slots>,
    taken: BTreeMap<Id, SlotClaim>,
    looked: Millis,
    null: OwnedFd,
    /// For processes whose end a successor waits for.
    lifeline: Option<OwnedFd>,
    /// httpd's scoreboard, for reading.
    scoreboard: Option<OwnedFd>,
    introduced: bool,
    /// What the kernel had killed when it was looked at last.
    kills: OomKills,
    /// What its processes may still write.
    output: Output,
    /// What was logged of it.
    said: Repetitions,
    /// The time of the last tick.
    now: Millis,
    /// What is under way on pipes of its processes.
    held: Held,
    /// Whether what its processes wait for has come.
    file_watch: FileWatch,
}

impl GroupRunner {
    /// The group as the plan describes it; nothing is started yet.
    ///
    /// # Errors
    /// What can't be used, in words.
    pub fn new(plan: &Plan, group: &plan::Group, null: &OwnedFd, writer: Option<Rc<OwnedFd>>) -> Result<Self, String> {
        let descriptor = |what: &str, number| inherited(number).map_err(|e| format!("{what} (descriptor {number}): {e}"));
        let rc = Rc::new(group.clone());
        let machine = Group::new(Rc::clone(&rc));
        let lifeline =
            plan.lifeline.filter(|_| machine.exclusive()).map(|number| descriptor("its lifeline", number)).transpose()?;
        let mut running = Self {
            machine,
            superseded: false,
            stands_in: None,
            stands_in_again: 0,
            children: BTreeMap::new(),
            log: Log::new(Target { file: Some(descriptor("its log", group.log)?), ..target(group, writer) }),
            spec: ExecSpec::new(plan, group, std::env::vars_os())?,
            slots: Slots::new(group)?,
            taken: BTreeMap::new(),
            looked: 0,
            null: null.try_clone().map_err(|e| e.to_string())?,
            plan: rc,
            generation: plan.generation,
            follows: plan.predecessor.is_some(),
            parent: plan.parent,
            lifeline,
            scoreboard: None,
            introduced: false,
            kills: OomKills::default(),
            output: Output::default(),
            said: Repetitions::new(),
            now: 0,
            held: Held::default(),
            file_watch: FileWatch::default(),
        };
        running.scoreboard = plan.scoreboard.filter(|_| group.engine.server_metrics).and_then(|number| running.readable(number));
        Ok(running)
    }

    /// The file of httpd's scoreboard, opened again so that it can only be read: a process must not write what others read.
    fn readable(&mut self, number: u32) -> Option<OwnedFd> {
        let opened = rustix::fs::open(format!("/proc/self/fd/{number}"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        opened
            .inspect_err(|error| {
                let text = format!("could not open the file of httpd's scoreboard for reading: {error}");
                self.note(&Note { code: Some(log_code::SCOREBOARD_NOT_SHARED), level: Level::Warning, process: None, text });
            })
            .ok()
    }

    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.plan.name
    }

    /// Whether its processes may go on as those of `group`.
    pub fn is_as(&self, group: &plan::Group) -> bool {
        let going = self.machine.waits() || self.machine.running();
        going && !group.reload_always && self.plan.form() == group.form()
    }

    /// Its processes go on in a new configuration.
    pub fn go_on(&mut self, plan: &Plan, group: &plan::Group, now: Millis) {
        let patience = (group.socket_timeout != self.plan.socket_timeout).then_some(Message::Patience(group.socket_timeout));
        self.plan = Rc::new(group.clone());
        self.generation = plan.generation;
        self.machine.go_on(Rc::clone(&self.plan), now);
        if let Some(patience) = patience {
            for child in self.children.values_mut() {
                child.send(&patience);
            }
        }
        self.act(now);
    }

    /// Its lines go to the log that httpd has opened for `group`, by the log writer of the same configuration.
    pub fn go_on_in_log(&mut self, group: &plan::Group, writer: Option<Rc<OwnedFd>>) {
        self.log.replace(Target { file: inherited(group.log).ok(), ..target(group, writer) });
    }

    /// The scripts that its processes serve with, and that `group` still has; `None` if none serves.
    pub fn serves_with(&self, group: &plan::Group) -> Option<Vec<Script>> {
        let mapped = |script: &&Script| {
            group.scripts.iter().any(|other| other.path == script.path && other.application_group == script.application_group)
        };
        (self.machine.serving() > 0).then(|| self.machine.loaded_by_serving().filter(mapped).cloned().collect())
    }

    /// The definition of its group, as children of httpd number it.
    pub fn definition(&self) -> u32 {
        self.plan.definition
    }

    /// Its processes serve requests of that definition of the group, too, which the log says each hour.
    pub fn stand_in(&mut self, definition: u32, now: Millis) {
        let news = self.stands_in.replace(definition) != Some(definition);
        if !news && now < self.stands_in_again {
            return;
        }
        self.stands_in_again = now.saturating_add(REMIND);
        if let Some(slots) = self.slots.as_ref().filter(|_| news) {
            for (id, slot) in &mut self.taken {
                if let (Some(table::State::Serving), Some(child)) = (self.machine.state(*id), self.children.get(id)) {
                    slots.serves_for(slot, definition, child.pid);
                }
            }
        }
        let text = "its new processes did not start, or could not load a script of the old ones: the processes with the older configuration continue \
                    to serve. The supervisor tries again when a script changes, at each restart of httpd, and every hour. To fix: correct what the \
                    preceding messages name";
        self.note(&Note {
            code: Some(log_code::OLD_CONFIGURATION_SERVES),
            level: Level::Error,
            process: None,
            text: text.to_owned(),
        });
    }

    /// Whether a group of which two processes must not live side by side may begin, as far as processes of older generations are concerned.
    pub fn may_begin_alone(&self, way: Way) -> bool {
        let own = if self.machine.service() { way.no_services } else { way.ends && !self.has_strangers() };
        way.cleared || own
    }

    fn has_strangers(&self) -> bool {
        self.slots.as_ref().is_none_or(Slots::has_strangers)
    }

    /// Lets time pass, and does what that leads to.
    pub fn tick(&mut self, now: Millis, room: usize) {
        self.now = now;
        self.machine.tick(now, room);
        self.act(now);
        let (machine, group, spec) = (&self.machine, &*self.plan, &self.spec);
        let watched = || Watched { group, spec, scripts: machine.known_scripts(), since: machine.last_start() };
        self.file_watch.tick(machine.pauses(now).then_some(watched), now);
        if now >= self.looked.saturating_add(LOOK) {
            self.looked = now;
            self.look_at_pipes(now);
            self.look();
        }
    }

    /// When `tick` has something to do next.
    pub fn wake(&self, now: Millis) -> Option<Millis> {
        let looks = self.slots.is_some() || self.held.count() > 0;
        let look = looks.then(|| self.looked.saturating_add(LOOK));
        let watch = self.machine.pauses(now).then(|| self.file_watch.wake());
        self.machine.wake(now).into_iter().chain(look).chain(watch).chain(self.output_waits(now)).min()
    }

    /// Whether it has started that process, which has not been waited for.
    pub fn has_started(&self, pid: Pid) -> bool {
        self.file_watch.is(pid) || self.children.values().any(|child| child.pid == pid)
    }

    /// A process that keeps its pipes to the supervisor locked can't be heard any more.
    fn look_at_pipes(&mut self, now: Millis) {
        let locks = |(id, child): (&Id, &mut Child)| child.locks_its_pipes().then_some(*id);
        let stuck: Vec<Id> = self.children.iter_mut().filter_map(locks).collect();
        for id in stuck {
            self.machine.broke_protocol(id, "the pipe cannot be read, because the process keeps it locked", now);
            self.act(now);
        }
    }

    /// Looks after the slots.
    fn look(&mut self) {
        let Some(slots) = &mut self.slots else { return };
        for (id, slot) in &self.taken {
            if let (Some(state), Some(child)) = (self.machine.state(*id), self.children.get(id)) {
                slots.correct(slot, state, child.pid);
            }
        }
        let taken: Vec<_> = self.taken.values().map(|slot| slot.place).collect();
        slots.tidy(&self.plan.path, &taken);
        let lost: Vec<Id> = self.taken.iter().filter(|(_, slot)| !slots.is_reachable(slot)).map(|(id, _)| *id).collect();
        for id in lost {
            if self.machine.out_of_reach(id) {
                self.note(&Note::process(
                    id,
                    log_code::SOCKET_REMOVED,
                    "cannot be reached any more, because its socket was removed or replaced: the process is replaced",
                ));
            }
        }
    }

    /// Does all that the state machine wants done.
    pub fn act(&mut self, now: Millis) {
        loop {
            let actions = self.machine.actions();
            if actions.is_empty() {
                return;
            }
            for action in actions {
                self.perform(action, now);
            }
        }
    }

    fn perform(&mut self, action: Action, now: Millis) {
        match action {
            Action::Start { process, scripts, must_load } => self.start(process, scripts, must_load, now),
            Action::Serve(id) => self.with_slot(id, Slots::serve),
            Action::Changed(took_over) => {
                if let Some(slots) = &self.slots {
                    slots.changed(took_over);
                }
            }
            Action::Send(id, message) => {
                if matches!(message, Message::Drain(_) | Message::Stop(_)) {
                    self.with_slot(id, Slots::leave);
                }
                if matches!(message, Message::Stop(_)) {
                    self.with_slot(id, |slots, slot| slots.bound(slot, self.machine.limit(id)));
                }
                if let Some(child) = self.children.get_mut(&id) {
                    child.send(&message);
                }
            }
            Action::Terminate(id) => {
                self.with_slot(id, Slots::leave);
                self.signal(id, false);
            }
            Action::Kill(id) => {
                self.with_slot(id, Slots::leave);
                self.with_slot(id, Slots::cut);
                self.name_companions(id, now);
                self.signal(id, true);
            }
            Action::Note(note) => self.note(&note),
        }
    }

    /// httpd stops: no request waits for a process of this group any more, or its child would hold the stop up.
    pub fn close(&self) {
        if let Some(slots) = &self.slots {
            slots.close(self.generation);
        }
    }

    fn signal(&self, id: Id, group: bool) {
        let Some(child) = self.children.get(&id) else { return };
        // A child that has not been waited for keeps its number, so this can't hit a stranger; it may be dead already, which is as well.
        let sent = if group {
            // Before its setsid a child has no process group of its own yet.
            kill_process_group(child.pid, Signal::KILL).or_else(|_| kill_process(child.pid, Signal::KILL))
        } else {
            kill_process(child.pid, Signal::TERM)
        };
        sent.unwrap_or_default();
    }

    fn with_slot(&self, id: Id, act: impl FnOnce(&Slots, &SlotClaim)) {
        if let (Some(slots), Some(slot)) = (&self.slots, self.taken.get(&id)) {
            act(slots, slot);
        }
    }
}
