/*! Every transition of a group, with a clock and files that the test owns. What the group wants done is compared as short text. *Runs in:
tests.* */

use std::rc::Rc;

use protocol::control::Message;
use protocol::plan::{self, Script};
use protocol::reason::Reason;

use super::Group;
use crate::action::{Action, End, Id};
use crate::timers::Millis;
use crate::watch::tests::Fake;

const SEGV: End = End::Signal(11);

/// A group on the bench.
struct Bench {
    group: Group,
    files: Rc<Fake>,
    now: Millis,
    room: usize,
}

fn script(path: &str, import: bool) -> Script {
    Script { path: path.into(), application_group: Vec::new(), import }
}

/// One process, one script that is loaded at start, overlap and reload as they are by default.
fn shop() -> plan::Group {
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
    fn new(plan: plan::Group) -> Self {
        let files = Rc::new(Fake::default());
        files.write(b"/a", 1);
        let group = Group::new(Rc::new(plan), Box::new(Rc::clone(&files)));
        let mut bench = Self { group, files, now: 1_000_000, room: 1 };
        bench.group.begin(bench.now);
        bench
    }

    /// What is to be done by now, to processes and in the log.
    fn did(&mut self) -> Vec<String> {
        let mut all = self.did_all();
        all.retain(|what| !what.starts_with("changed ") && !what.starts_with("serve "));
        all
    }

    /// The same with what is noted in the table.
    fn did_all(&mut self) -> Vec<String> {
        self.group.tick(self.now, self.room);
        self.group.actions().into_iter().map(shown).collect()
    }

    /// The same, `wait` later.
    fn after(&mut self, wait: Millis) -> Vec<String> {
        self.now += wait;
        self.did()
    }

    fn says(&mut self, id: Id, message: Message) {
        self.group.message(id, message, self.now);
    }

    fn ready(&mut self, id: Id) {
        self.says(id, Message::Loaded(b"/a".to_vec()));
        self.says(id, Message::Ready);
    }

    fn dies(&mut self, id: Id, end: &End) {
        self.group.ended(id, end, self.now);
    }

    /// A group whose first process serves.
    fn serving(plan: plan::Group) -> Self {
        let mut bench = Self::new(plan);
        bench.did();
        bench.ready(1);
        bench.did();
        bench
    }
}

#[test]
fn processes_start_and_settle() {
    let mut bench = Bench::new(plan::Group { processes: 2, ..shop() });
    assert_eq!(bench.did(), ["start 1 [/a]", "start 2 [/a]"]);
    bench.ready(1);
    assert!(!bench.group.settled());
    bench.ready(2);
    assert!(bench.group.settled() && !bench.group.gone());
    assert!(bench.after(5_000).is_empty());
}

#[test]
fn only_imports_are_loaded_without_preload() {
    let scripts = vec![script("/a", false), script("/i", true)];
    let mut bench = Bench::new(plan::Group { preload: false, scripts, ..shop() });
    assert_eq!(bench.did(), ["start 1 [/i]"]);
}

#[test]
fn a_first_death_is_made_good_at_once_and_a_loop_is_named_once() {
    let mut bench = Bench::serving(shop());
    bench.now += 20_000;
    bench.did();
    bench.dies(1, &SEGV);
    assert_eq!(bench.did(), ["1300", "start 2 [/a]"]);
    let mut notes = Vec::new();
    for (id, pause) in (2..10).zip([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]) {
        bench.dies(id, &End::Status(1));
        notes.extend(bench.after(pause - 1));
        assert_eq!(bench.after(1), [format!("start {} [/a]", id + 1)]);
    }
    assert_eq!(notes, ["1300", "1300", "1301"]);
    // One that has lived long enough ends the loop.
    bench.ready(10);
    bench.after(10_000);
    bench.dies(10, &SEGV);
    assert_eq!(bench.did(), ["1300", "start 11 [/a]"]);
}

#[test]
fn what_never_became_python_says_its_own_reason() {
    let mut bench = Bench::new(shop());
    bench.did();
    bench.dies(1, &End::NotStarted(protocol::log_code::PYTHON_NOT_EXECUTED, "no such file".to_owned()));
    assert!(bench.group.settled());
    assert_eq!(bench.did(), ["1303", "start 2 [/a]"]);
}

#[test]
fn new_code_takes_over_when_it_is_ready() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    assert!(bench.after(500).is_empty());
    assert_eq!(bench.after(500), ["start 2 [/a] all"]);
    assert_eq!(bench.group.replacements(), 1);
    bench.ready(2);
    assert_eq!(bench.did(), ["drain 1"]);
    assert_eq!(bench.group.replacements(), 0);
    bench.dies(1, &End::Status(0));
    assert!(bench.after(5_000).is_empty());
}

#[test]
fn the_new_process_is_in_the_table_before_the_old_one_leaves_it() {
    let mut bench = Bench::new(shop());
    assert_eq!(bench.did_all(), ["start 1 [/a]"]);
    bench.ready(1);
    assert_eq!(bench.did_all(), ["serve 1"]);
    bench.says(1, Message::Loaded(b"/a".to_vec()));
    bench.files.write(b"/a", 2);
    assert_eq!(bench.after(1_000), ["start 2 [/a] all"]);
    bench.ready(2);
    assert_eq!(bench.did_all(), ["serve 2", "changed true", "drain 1"]);
    bench.says(2, Message::Loaded(b"/a".to_vec()));
    bench.files.write(b"/a", 3);
    assert_eq!(bench.after(1_000), ["start 3 [/a] all"]);
    bench.says(3, Message::NotReady("broken".to_owned()));
    assert_eq!(bench.did_all(), ["1305", "changed false"], "whoever waits for the new code need wait no longer");
}

#[test]
fn a_process_without_a_socket_is_replaced_once() {
    let mut bench = Bench::serving(shop());
    assert!(bench.group.out_of_reach(1) && !bench.group.out_of_reach(1) && !bench.group.out_of_reach(9));
    assert_eq!(bench.did(), ["start 2 [/a] all"]);
}

#[test]
fn a_reload_waits_without_limit_unless_one_is_set() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    bench.after(1_000);
    bench.ready(2);
    assert_eq!(bench.did(), ["drain 1"]);
    assert!(bench.after(86_400_000).is_empty());
    let mut bench = Bench::serving(plan::Group { graceful_explicit: true, ..shop() });
    bench.files.write(b"/a", 2);
    bench.after(1_000);
    bench.ready(2);
    assert_eq!(bench.did(), ["drain 1"]);
    assert_eq!(bench.after(15_000), ["1313", "stop 1"]);
    assert!(bench.after(5_000).is_empty());
    assert_eq!(bench.after(500), ["1306", "kill 1"]);
    bench.dies(1, &End::Signal(9));
    assert!(bench.after(5_000).is_empty());
}

#[test]
fn code_that_does_not_load_is_tried_once() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    assert_eq!(bench.after(1_000), ["start 2 [/a] all"]);
    bench.says(2, Message::NotReady("/a could not be loaded".to_owned()));
    assert_eq!(bench.did(), ["1305"]);
    assert_eq!(bench.after(5_500), ["1306", "kill 2"]);
    bench.dies(2, &End::Signal(9));
    assert!(bench.after(100_000).is_empty());
    // An operator's signal does not get the broken code tried either: the old process is all there is.
    bench.says(1, Message::ReplaceMe(Reason::ShutdownSignal));
    assert!(bench.after(5_000).is_empty());
    bench.files.write(b"/a", 3);
    assert_eq!(bench.after(1_000), ["start 3 [/a] all"]);
    bench.ready(3);
    assert_eq!(bench.did(), ["drain 1"]);
}

#[test]
fn a_file_that_is_gone_is_no_news_until_it_is_back() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 0);
    assert!(bench.after(3_000).is_empty());
    bench.files.write(b"/a", 2);
    assert_eq!(bench.after(1_000), ["start 2 [/a] all"]);
}

#[test]
fn a_change_during_the_load_is_seen() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    assert_eq!(bench.after(1_000), ["start 2 [/a] all"]);
    // Written after the successor was started: nobody knows which version it read.
    bench.files.write(b"/a", 3);
    bench.ready(2);
    assert_eq!(bench.after(1_000), ["drain 1", "start 3 [/a] all"]);
}

#[test]
fn a_successor_that_dies_leaves_the_old_one_serving() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    bench.after(1_000);
    bench.dies(2, &SEGV);
    assert_eq!(bench.did(), ["1300"]);
    assert!(bench.after(60_000).is_empty());
    // When the old one dies too, the new code is all there is.
    bench.dies(1, &SEGV);
    assert_eq!(bench.did(), ["1300", "start 3 [/a]"]);
}

#[test]
fn a_successor_has_a_limit_of_its_own() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    bench.after(1_000);
    assert!(bench.after(59_999).is_empty());
    assert_eq!(bench.after(1), ["1304", "stop 2", "term 2"]);
    assert_eq!(bench.after(5_500), ["1306", "kill 2"]);
}

#[test]
fn an_old_process_that_dies_meanwhile_is_not_started_twice() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    bench.after(1_000);
    bench.dies(1, &SEGV);
    assert_eq!(bench.did(), ["1300"]);
    bench.ready(2);
    assert!(bench.after(5_000).is_empty());
    // And if the successor fails after all, a process starts as after a death.
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    bench.after(1_000);
    bench.dies(1, &SEGV);
    bench.says(2, Message::NotReady("no".to_owned()));
    assert_eq!(bench.did(), ["1300", "1305", "start 3 [/a]"]);
}

#[test]
fn one_process_is_replaced_after_another() {
    let mut bench = Bench::new(plan::Group { processes: 3, ..shop() });
    bench.did();
    for id in 1..=3 {
        bench.ready(id);
    }
    bench.files.write(b"/a", 2);
    assert_eq!(bench.after(1_000), ["start 4 [/a] all"]);
    assert!(bench.after(1_000).is_empty());
    bench.ready(4);
    assert_eq!(bench.did(), ["drain 1", "start 5 [/a] all"]);
    bench.ready(5);
    assert_eq!(bench.did(), ["drain 2", "start 6 [/a] all"]);
    bench.ready(6);
    assert_eq!(bench.did(), ["drain 3"]);
    assert!(bench.after(5_000).is_empty());
}

#[test]
fn replacements_wait_for_room_on_the_server() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    bench.room = 0;
    assert!(bench.after(5_000).is_empty());
    bench.room = 1;
    assert_eq!(bench.did(), ["start 2 [/a] all"]);
}

#[test]
fn a_process_that_has_served_enough_gets_a_successor_first() {
    let mut bench = Bench::serving(shop());
    bench.says(1, Message::ReplaceMe(Reason::MaximumRequests));
    assert_eq!(bench.did(), ["start 2 [/a] all"]);
    bench.ready(2);
    assert_eq!(bench.did(), ["drain 1"]);
    // The implicit 15 s of graceful-timeout holds here.
    assert_eq!(bench.after(15_000), ["1313", "stop 1"]);
}

#[test]
fn a_successor_without_new_code_is_tried_again_after_a_pause() {
    let mut bench = Bench::serving(shop());
    bench.says(1, Message::ReplaceMe(Reason::MaximumRequests));
    assert_eq!(bench.did(), ["start 2 [/a] all"]);
    bench.dies(2, &End::Status(1));
    assert_eq!(bench.did(), ["1300"]);
    assert_eq!(bench.after(1_000), ["start 3 [/a] all"]);
}

#[test]
fn a_signal_to_a_process_has_its_own_time_to_drain() {
    let mut bench = Bench::serving(plan::Group { eviction_timeout: 3_000, ..shop() });
    bench.says(1, Message::ReplaceMe(Reason::GracefulSignal));
    bench.did();
    bench.ready(2);
    assert_eq!(bench.did(), ["drain 1"]);
    assert_eq!(bench.after(3_000), ["1313", "stop 1"]);
}

#[test]
fn age_is_a_reason() {
    let mut bench = Bench::serving(plan::Group { restart_interval: 60_000, ..shop() });
    assert!(bench.after(59_000).is_empty());
    assert_eq!(bench.after(1_000), ["start 2 [/a] all"]);
}

#[test]
fn an_idle_process_ends_and_starts_afresh() {
    let load = |busy, activity| Message::Load { busy, served: 0, activity };
    let mut bench = Bench::serving(plan::Group { inactivity_timeout: 10_000, ..shop() });
    assert_eq!(bench.after(1_000), ["ask 1"]);
    bench.says(1, load(0, 0));
    // Never asked for anything: there is nothing to give back.
    assert_eq!(bench.after(60_000), ["ask 1"]);
    bench.says(1, load(1, 1));
    assert_eq!(bench.after(11_000), ["ask 1"], "a request runs");
    bench.says(1, load(0, 2));
    // Requests with WSGIIgnoreActivity: nothing that counts.
    assert_eq!(bench.after(9_000), ["ask 1"]);
    bench.says(1, load(1, 2));
    assert_eq!(bench.after(1_000), ["ask 1"], "one of them runs");
    bench.says(1, load(0, 2));
    assert_eq!(bench.after(1_000), ["ask 1", "drain 1"]);
    bench.dies(1, &End::Status(0));
    assert_eq!(bench.did(), ["start 2 [/a]"]);
}

#[test]
fn why_it_ends_is_told_as_it_was_asked() {
    let told = |plan: plan::Group, asked: Reason| {
        let mut bench = Bench::serving(plan);
        bench.says(1, Message::ReplaceMe(asked));
        // Later reasons change nothing.
        bench.says(1, Message::ReplaceMe(Reason::RequestTimeout));
        bench.did();
        bench.ready(2);
        bench.group.tick(bench.now, 1);
        let told = bench.group.actions().into_iter().find_map(|action| match action {
            Action::Send(1, Message::Drain(why)) => Some(("drain", why)),
            Action::Send(1, Message::Stop(why)) => Some(("stop", why)),
            _ => None,
        });
        told.unwrap_or(("nothing", asked))
    };
    let evicts = plan::Group { eviction_timeout: 2_000, ..shop() };
    let at_once = plan::Group { graceful_explicit: true, graceful_timeout: 0, ..shop() };
    assert_eq!(told(shop(), Reason::CpuTimeLimit), ("drain", Reason::CpuTimeLimit));
    assert_eq!(told(shop(), Reason::GracefulSignal), ("drain", Reason::GracefulSignal));
    assert_eq!(told(evicts, Reason::GracefulSignal), ("drain", Reason::EvictionSignal));
    assert_eq!(told(at_once, Reason::MaximumRequests), ("stop", Reason::MaximumRequests));
    assert_eq!(told(shop(), Reason::StartupTimeout), ("stop", Reason::StartupTimeout));
}

#[test]
fn without_overlap_the_old_one_is_gone_before_the_new_one_comes() {
    let mut bench = Bench::serving(plan::Group { overlap: false, preload: false, ..shop() });
    bench.says(1, Message::Loaded(b"/dynamic\0example.org|/x".to_vec()));
    bench.files.write(b"/a", 2);
    assert_eq!(bench.after(1_000), ["drain 1"]);
    assert!(bench.after(2_000).is_empty());
    bench.dies(1, &End::Status(0));
    assert_eq!(bench.did(), ["start 2 [/a /dynamic]"]);
}

#[test]
fn a_successor_loads_what_was_loaded_on_request_too() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/dynamic", 1);
    bench.says(1, Message::Loaded(b"/dynamic\0example.org|/x".to_vec()));
    bench.did();
    bench.files.write(b"/dynamic", 2);
    bench.now += 1_000;
    bench.group.tick(bench.now, 1);
    let actions = bench.group.actions();
    let Some(Action::Start { scripts, must_load: true, .. }) = actions.first() else { unreachable!("{actions:?}") };
    assert!(scripts.iter().any(|s| s.path == b"/dynamic" && s.application_group == b"example.org|/x"));
}

#[test]
fn nothing_is_watched_without_reloading() {
    let mut bench = Bench::serving(plan::Group { reload: false, ..shop() });
    bench.files.write(b"/a", 2);
    assert!(bench.after(5_000).is_empty());
    assert_eq!(bench.group.wake(bench.now), None);
}

#[test]
fn a_service_is_started_again_when_it_has_ended() {
    let mut bench = Bench::new(plan::Group { threads: 0, preload: false, scripts: vec![script("/a", true)], ..shop() });
    assert_eq!(bench.did(), ["start 1 [/a]"]);
    bench.says(1, Message::Started("3.11".to_owned()));
    assert!(bench.group.settled());
    bench.now += 60_000;
    bench.dies(1, &End::Status(0));
    assert_eq!(bench.did(), ["has run its service scripts to their end", "start 2 [/a]"]);
    bench.dies(2, &End::Status(0));
    assert_eq!(bench.did(), ["has run its service scripts to their end"]);
    assert_eq!(bench.after(1_000), ["start 3 [/a]"]);
    // A changed script ends the service first, with the signal that a service expects.
    bench.ready(3);
    bench.says(3, Message::Started("3.11".to_owned()));
    bench.files.write(b"/a", 2);
    assert_eq!(bench.after(1_000), ["stop 3", "term 3"]);
    bench.dies(3, &End::Status(0));
    assert_eq!(bench.did(), ["start 4 [/a]"]);
}

#[test]
fn a_start_that_takes_too_long_is_a_death() {
    let mut bench = Bench::new(plan::Group { startup_timeout: 2_000, ..shop() });
    bench.did();
    assert_eq!(bench.after(2_000), ["1304", "stop 1", "term 1"]);
    bench.dies(1, &End::Signal(15));
    assert_eq!(bench.did(), ["start 2 [/a]"]);
    assert_eq!(bench.after(2_000), ["1304", "stop 2", "term 2"]);
    bench.dies(2, &End::Signal(15));
    assert!(bench.did().is_empty());
    assert_eq!(bench.after(1_000), ["start 3 [/a]"]);
}

#[test]
fn everybody_ends_when_told_to() {
    let mut bench = Bench::new(plan::Group { processes: 2, ..shop() });
    bench.did();
    bench.ready(1);
    bench.group.stop_all(bench.now, None);
    assert_eq!(bench.did(), ["stop 1", "stop 2", "term 2"]);
    bench.dies(2, &End::Signal(15));
    assert!(!bench.group.gone());
    assert_eq!(bench.after(5_500), ["1306", "kill 1"]);
    bench.dies(1, &End::Signal(9));
    assert!(bench.group.gone() && bench.after(60_000).is_empty());
}

#[test]
fn nobody_outlives_httpds_parent_for_long() {
    let mut bench = Bench::serving(plan::Group { shutdown_timeout: 600_000, ..shop() });
    bench.group.stop_all(bench.now, None);
    bench.did();
    bench.group.stop_all(bench.now, Some(4_000));
    assert!(bench.did().is_empty());
    assert_eq!(bench.after(4_000), ["1306", "kill 1"]);
}

#[test]
fn a_retired_generation_drains_and_starts_nobody() {
    let mut bench = Bench::new(plan::Group { processes: 2, ..shop() });
    bench.did();
    bench.ready(1);
    bench.group.retire(bench.now);
    assert_eq!(bench.did(), ["drain 1", "stop 2", "term 2"]);
    bench.files.write(b"/a", 2);
    bench.dies(2, &SEGV);
    // A fault while ending is still told of.
    assert_eq!(bench.after(5_000), ["1300"]);
    bench.dies(1, &End::Status(0));
    assert!(bench.group.gone() && bench.after(60_000).is_empty());
}

#[test]
fn a_broken_control_connection_ends_the_process() {
    let mut bench = Bench::serving(shop());
    bench.says(1, Message::Drain(Reason::ScriptReload));
    assert_eq!(bench.did(), ["1309", "term 1"]);
    assert_eq!(bench.after(5_000), ["1306", "kill 1"]);
    bench.dies(1, &End::Signal(9));
    assert_eq!(bench.did(), ["1300", "start 2 [/a]"]);
}

#[test]
fn it_wakes_for_whatever_comes_first() {
    let mut bench = Bench::new(plan::Group { startup_timeout: 2_000, reload: false, ..shop() });
    bench.did();
    assert_eq!(bench.group.wake(bench.now), Some(bench.now + 2_000));
    bench.ready(1);
    assert_eq!(bench.group.wake(bench.now), None);
    bench.dies(1, &SEGV);
    assert_eq!(bench.group.wake(bench.now), Some(bench.now));
}

#[test]
fn one_that_asked_to_be_replaced_may_end_first() {
    let mut bench = Bench::serving(shop());
    bench.says(1, Message::ReplaceMe(Reason::RequestTimeout));
    assert_eq!(bench.did(), ["start 2 [/a] all"]);
    bench.dies(1, &End::Status(0));
    assert!(bench.did().is_empty(), "that is no death, and the successor is on its way");
    bench.ready(2);
    bench.did();
    bench.says(2, Message::ReplaceMe(Reason::DeadlockTimeout));
    bench.dies(2, &End::Status(1));
    assert_eq!(bench.did(), ["1300", "start 3 [/a]"]);
}

#[test]
fn a_kill_at_the_hard_limit_of_processor_time_is_named() {
    let mut bench = Bench::serving(shop());
    bench.says(1, Message::ReplaceMe(Reason::CpuTimeLimit));
    bench.did();
    bench.ready(2);
    bench.did();
    bench.dies(1, &End::Signal(9));
    let said = bench.group.actions().into_iter().find_map(|action| match action {
        Action::Note(note) => Some(note.text),
        _ => None,
    });
    assert!(said.is_some_and(|text| text.contains("cpu-time-limit")));
}

#[test]
fn a_kill_for_lack_of_memory_is_a_death_like_another() {
    let mut bench = Bench::serving(shop());
    bench.dies(1, &End::LackOfMemory("memory.events counts it".to_owned()));
    assert_eq!(bench.did(), ["1300", "start 2 [/a]"]);
}
