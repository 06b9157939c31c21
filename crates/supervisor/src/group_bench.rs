/*! A group on the bench: with a clock and files that the test owns. What the group wants done is compared as short text. *Runs in: tests.* */

use std::rc::Rc;

use protocol::control::Message;
use protocol::plan::{self, Script};

use crate::action::{Action, End, Id};
use crate::group::Group;
use crate::timers::Millis;
use crate::watch::tests::Fake;

/// The end by a fault.
pub(crate) const SEGV: End = End::Signal(11);

/// A group on the bench.
pub(crate) struct Bench {
    pub(crate) group: Group,
    pub(crate) files: Rc<Fake>,
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
        let files = Rc::new(Fake::default());
        files.write(b"/a", 1);
        let group = Group::new(Rc::new(plan), Box::new(Rc::clone(&files)));
        let mut bench = Self { group, files, now: 1_000_000, room: 1 };
        bench.group.begin(bench.now);
        bench
    }

    /// What is to be done by now, to processes and in the log.
    pub(crate) fn did(&mut self) -> Vec<String> {
        let mut all = self.did_all();
        all.retain(|what| !what.starts_with("changed ") && !what.starts_with("serve "));
        all
    }

    /// The same with what is noted in the table.
    pub(crate) fn did_all(&mut self) -> Vec<String> {
        self.group.tick(self.now, self.room);
        self.group.actions().into_iter().map(shown).collect()
    }

    /// The same, `wait` later.
    pub(crate) fn after(&mut self, wait: Millis) -> Vec<String> {
        self.now += wait;
        self.did()
    }

    pub(crate) fn says(&mut self, id: Id, message: Message) {
        self.group.message(id, message, self.now);
    }

    pub(crate) fn ready(&mut self, id: Id) {
        self.says(id, Message::Loaded(b"/a".to_vec()));
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
