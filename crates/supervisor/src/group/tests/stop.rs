/*! The ends of processes: the steps by which they are told to go, and deaths. *Runs in: tests.* */

use protocol::control::Message;
use protocol::plan;
use protocol::reason::Reason;

use crate::group::action::{Action, End};
use crate::group::tests::bench::{Bench, SEGV, shop};
use crate::timers::{RETIRED, UNKILLABLE};

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
    // The reason is a note each time, and the log counts them. The loop is a note once.
    let mut notes = Vec::new();
    for id in 2..8 {
        bench.dies(id, &End::NotStarted(protocol::log_code::PYTHON_NOT_EXECUTED, "no such file".to_owned()));
        notes.extend(bench.after(30_000).into_iter().filter(|did| !did.starts_with("start")));
    }
    assert_eq!(notes, ["1303", "1303", "1301", "1303", "1303", "1303", "1303"]);
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
fn a_signal_to_a_process_has_its_own_time_to_drain() {
    let mut bench = Bench::serving(plan::Group { eviction_timeout: 3_000, ..shop() });
    bench.says(1, Message::ReplaceMe(Reason::GracefulSignal));
    bench.did();
    bench.ready(2);
    assert_eq!(bench.did(), ["drain 1"]);
    assert_eq!(bench.after(3_000), ["1313", "stop 1"]);
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
    assert!(!bench.group.gone(bench.now));
    assert_eq!(bench.after(5_500), ["1306", "kill 1"]);
    bench.dies(1, &End::Signal(9));
    assert!(bench.group.gone(bench.now) && bench.after(60_000).is_empty());
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
    assert!(bench.group.gone(bench.now) && bench.after(60_000).is_empty());
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

#[test]
fn processes_that_never_drain_do_not_pile_up() {
    let mut bench = Bench::serving(shop());
    let (mut version, mut most, mut killed) = (1, 0, 0);
    let mut live: std::collections::BTreeSet<u64> = [1].into();
    for _ in 0..200 {
        version = if version == 1 { 2 } else { 1 };
        bench.files.write(b"/a", version);
        for action in bench.after(1_000) {
            let number = |what: &str| action.strip_prefix(what).and_then(|rest| rest.split(' ').next()?.parse().ok());
            if let Some(id) = number("start ") {
                live.insert(id);
                bench.ready(id);
            } else if let Some(id) = number("kill ") {
                killed += 1;
                live.remove(&id);
                bench.dies(id, &End::Signal(9));
            }
        }
        most = most.max(live.len());
    }
    assert!(most <= 24 && killed > 100, "{most} {killed}");
}

#[test]
fn what_the_kernel_does_not_let_go_is_not_waited_for() {
    let mut bench = Bench::serving(shop());
    bench.group.stop_all(bench.now, None);
    assert_eq!(bench.did(), ["stop 1"]);
    assert_eq!(bench.after(5_500), ["1306", "kill 1"]);
    assert!(!bench.group.gone(bench.now) && bench.group.wake(bench.now) == Some(bench.now + UNKILLABLE));
    bench.after(UNKILLABLE);
    assert!(bench.group.gone(bench.now));
}

#[test]
fn an_older_generation_ends_at_last() {
    let mut bench = Bench::serving(shop());
    bench.group.retire(bench.now);
    assert_eq!(bench.did(), ["drain 1"]);
    assert!(bench.after(RETIRED - 1).is_empty());
    assert_eq!(bench.after(1), ["1313", "stop 1"]);
}
