/*! What the processes of one group say to its supervisor, and how they end, through the group's state machine.

The input is a list of steps: a message's bytes as a process may send them, a death, time. Nothing may panic; no process is started faster or in greater number than a
group's may; and in the end, when the group is stopped and what is killed dies, nothing is left. */

use std::collections::BTreeSet;
use std::rc::Rc;

use protocol::control::{Message, Sender};
use protocol::plan;

use crate::group::Group;
use crate::group::action::{Action, End, Id};

/// The group's processes; each may have a successor beside it, and predecessors that have not ended yet.
const PROCESSES: u32 = 2;
/// The most that may live at a time.
const MOST: usize = 16;

struct Trial {
    group: Group,
    now: u64,
    begun: u64,
    alive: BTreeSet<Id>,
    started: u64,
    deaths: u64,
}

/// See the module.
pub fn supervision(bytes: &[u8]) {
    let Some(([options], mut steps)) = bytes.split_first_chunk() else { return };
    let group = plan::Group {
        name: b"fuzzed".to_vec(),
        processes: PROCESSES,
        threads: if options & 1 == 0 { 4 } else { 0 },
        overlap: options & 2 == 0,
        reload: options & 4 == 0,
        preload: options & 8 == 0,
        graceful_timeout: 5_000,
        shutdown_timeout: 2_000,
        startup_timeout: if options & 16 == 0 { 3_000 } else { 0 },
        restart_interval: if options & 32 == 0 { 60_000 } else { 0 },
        inactivity_timeout: if options & 64 == 0 { 20_000 } else { 0 },
        scripts: vec![plan::Script { path: b"/a".to_vec(), application_group: Vec::new(), import: options & 128 == 0 }],
        ..plan::Group::default()
    };
    let now = 1_000_000;
    let mut trial = Trial { group: Group::new(Rc::new(group)), now, begun: now, alive: BTreeSet::new(), started: 0, deaths: 0 };
    trial.group.begin(now);
    trial.acts();
    for _ in 0..300 {
        let Some(([what, which, length], rest)) = steps.split_first_chunk() else { break };
        let (payload, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        trial.step(*what, *which, payload);
        steps = rest;
    }
    trial.ends();
}

impl Trial {
    fn step(&mut self, what: u8, which: u8, payload: &[u8]) {
        // One that lives, or one that never was.
        let id = self.alive.iter().copied().nth(usize::from(which) % 4).unwrap_or(Id::from(which));
        match what % 8 {
            0 => self.now += 1 + u64::from(which) * 40,
            1 if self.alive.contains(&id) => self.dies(id, &End::Status(i32::from(what))),
            2 if self.alive.contains(&id) => self.dies(id, &End::Signal(11)),
            3 => self.group.hung_up(id, self.now),
            _ => self.says(id, payload),
        }
        self.acts();
    }

    /// What a process sends, as the supervisor takes it: what is no message ends the process.
    fn says(&mut self, id: Id, payload: &[u8]) {
        let Some((kind, payload)) = payload.split_first() else { return };
        let length = u32::try_from(payload.len()).unwrap_or(0).to_le_bytes();
        match Message::decode(&[&length[..], &[*kind % 13], payload].concat(), Sender::Daemon) {
            Ok(Some((message, _))) => self.group.message(id, message, self.now),
            Ok(None) => {}
            Err(bad) => self.group.broke_protocol(id, &bad.to_string(), self.now),
        }
    }

    fn dies(&mut self, id: Id, how: &End) {
        self.alive.remove(&id);
        self.deaths += 1;
        self.group.ended(id, how, self.now);
    }

    /// Does what the group wants done; what is killed dies.
    fn acts(&mut self) {
        self.group.tick(self.now, 1);
        let mut killed = Vec::new();
        for action in self.group.actions() {
            match action {
                Action::Start { process, .. } => {
                    assert!(self.alive.insert(process), "an id was used twice");
                    self.started += 1;
                }
                Action::Kill(id) => killed.push(id),
                Action::Send(id, message) => {
                    assert!(!matches!(message, Message::Ready | Message::Started(_)), "{message:?} to process {id}");
                }
                _ => {}
            }
        }
        for id in killed.into_iter().filter(|id| self.alive.contains(id)).collect::<Vec<_>>() {
            self.dies(id, &End::Signal(9));
        }
        assert!(self.alive.len() <= MOST, "{} processes live", self.alive.len());
        let seconds = (self.now - self.begun) / 1_000;
        assert!(
            self.started <= u64::from(PROCESSES) * 8 + self.deaths + 4 * seconds,
            "{} were started in {seconds} s",
            self.started
        );
    }

    /// The group is stopped: soon nothing is left of it.
    fn ends(&mut self) {
        self.group.stop_all(self.now, Some(1_000));
        for _ in 0..120 {
            self.acts();
            self.now += 1_000;
        }
        assert!(self.group.gone(self.now) && self.alive.is_empty(), "{:?} are left", self.alive);
    }
}
