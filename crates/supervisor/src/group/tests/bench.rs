/*! A group on the bench: with a clock and files that the test owns. What the group wants done is compared as short text. *Runs in: tests.* */

use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::control::{Message, ScriptId, Version};
use protocol::plan::{self, Script};

use crate::group::Group;
use crate::group::action::{Action, End, Id};
use crate::timers::{LOOK, Millis};

/// The end by a fault.
pub(crate) const SEGV: End = End::Signal(11);

/// Versions of files by path; 0 for one that is gone.
#[derive(Clone, Default)]
pub(crate) struct Files(BTreeMap<Vec<u8>, u8>);

impl Files {
    /// Writes version `number` of a file; 0 removes it.
    pub(crate) fn write(&mut self, path: &[u8], number: u8) {
        self.0.insert(path.to_vec(), number);
    }

    fn version(&self, path: &[u8]) -> u8 {
        self.0.get(path).copied().unwrap_or_default()
    }
}

fn id_of(path: &[u8]) -> ScriptId {
    let mut id = [0; 16];
    id.iter_mut().zip(path).for_each(|(place, byte)| *place = *byte);
    id
}

const fn version(number: u8) -> Version {
    [number; 32]
}

/// A group on the bench.
pub(crate) struct Bench {
    pub(crate) group: Group,
    pub(crate) files: Files,
    /// The scripts that each process has loaded, with the version that it told of last; its own thread looks at them.
    told: BTreeMap<Id, Files>,
    /// The files as they were when each process was started.
    before: BTreeMap<Id, Files>,
    looked: Millis,
    pub(crate) now: Millis,
    pub(crate) room: usize,
}

pub(crate) fn script(path: &str, import: bool) -> Script {
    Script { path: path.into(), application_group: Vec::new(), import }
}

/// One process, one script that is loaded at start, overlap and reload as they are by default.
pub(crate) fn shop() -> plan::Group {
    plan::Group {
        name: b"shop".to_vec(),
        processes: 1,
        threads: 15,
        overlap: true,
        reload: true,
        preload: true,
        graceful_timeout: 15_000,
        shutdown_timeout: 5_000,
        scripts: vec![script("/a", false)],
        ..plan::Group::default()
    }
}

fn shown(action: Action) -> String {
    match action {
        Action::Start { process, scripts, must_load } => {
            let paths: Vec<_> = scripts.iter().map(|s| String::from_utf8_lossy(&s.path).into_owned()).collect();
            format!("start {process} [{}]{}", paths.join(" "), if must_load { " all" } else { "" })
        }
        Action::Serve(id) => format!("serve {id}"),
        Action::Changed(took_over) => format!("changed {took_over}"),
        Action::Send(id, Message::Drain(_)) => format!("drain {id}"),
        Action::Send(id, Message::Stop(_)) => format!("stop {id}"),
        Action::Send(id, Message::Ask) => format!("ask {id}"),
        Action::Send(id, other) => format!("send {id} {other:?}"),
        Action::Terminate(id) => format!("term {id}"),
        Action::Kill(id) => format!("kill {id}"),
        Action::Note(note) => note.code.map_or_else(|| note.text.clone(), |code| format!("{}", code.number)),
    }
}

impl Bench {
    pub(crate) fn new(plan: plan::Group) -> Self {
        let mut files = Files::default();
        files.write(b"/a", 1);
        let (group, now) = (Group::new(Rc::new(plan)), 1_000_000);
        let (told, before) = (BTreeMap::new(), BTreeMap::new());
        let mut bench = Self { group, files, told, before, looked: now, now, room: 1 };
        bench.group.begin(bench.now);
        bench
    }

    /// What is to be done by now, to processes and in the log.
    pub(crate) fn did(&mut self) -> Vec<String> {
        let mut all = self.did_all();
        all.retain(|what| !what.starts_with("changed ") && !what.starts_with("serve ") && what != "1352");
        all
    }

    /// The same with what is noted in the table, and that new code serves.
    pub(crate) fn did_all(&mut self) -> Vec<String> {
        self.look();
        self.group.tick(self.now, self.room);
        let actions = self.group.actions();
        for action in &actions {
            if let Action::Start { process, .. } = action {
                self.before.insert(*process, self.files.clone());
            }
        }
        actions.into_iter().map(shown).collect()
    }

    /// The processes look at their scripts, once a second.
    pub(crate) fn look(&mut self) {
        if self.now < self.looked + LOOK {
            return;
        }
        self.looked = self.now;
        for (id, told) in &mut self.told {
            for (path, number) in &mut told.0 {
                let now = self.files.version(path);
                if now != 0 && std::mem::replace(number, now) != now {
                    self.group.message(*id, Message::Changed { script: id_of(path), version: version(now) }, self.now);
                }
            }
        }
    }

    /// The same, `wait` later.
    pub(crate) fn after(&mut self, wait: Millis) -> Vec<String> {
        self.now += wait;
        self.did()
    }

    pub(crate) fn says(&mut self, id: Id, message: Message) {
        self.group.message(id, message, self.now);
    }

    /// A process has loaded a script as it was when the process was started.
    pub(crate) fn loads(&mut self, id: Id, path: &[u8], application_group: &[u8]) {
        let number = self.before.get(&id).map_or(0, |files| files.version(path));
        self.told.entry(id).or_default().write(path, number);
        let (script, version) = (id_of(path), version(number));
        self.says(id, Message::Loaded { script, version, path: path.to_vec(), application_group: application_group.to_vec() });
    }

    pub(crate) fn ready(&mut self, id: Id) {
        self.loads(id, b"/a", b"");
        self.says(id, Message::Ready);
    }

    pub(crate) fn dies(&mut self, id: Id, end: &End) {
        self.group.ended(id, end, self.now);
    }

    /// A group whose first process serves.
    pub(crate) fn serving(plan: plan::Group) -> Self {
        let mut bench = Self::new(plan);
        bench.did();
        bench.ready(1);
        bench.did();
        bench
    }
}
