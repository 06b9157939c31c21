/*! Successors: what calls for one, what it loads, and what becomes of the old process when it is ready or fails. *Runs in: tests.* */

use protocol::control::Message;
use protocol::plan;
use protocol::reason::Reason;

use crate::group::action::{Action, End};
use crate::group::tests::bench::{Bench, SEGV, shop};
use crate::timers::{LOOK, PERMIT};

#[test]
fn new_code_takes_over_when_it_is_ready() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    assert!(bench.after(500).is_empty());
    assert_eq!(bench.after(500), ["start 2 [/a] all"]);
    assert_eq!(bench.group.replacements(bench.now), 1);
    bench.ready(2);
    assert_eq!(bench.did(), ["drain 1"]);
    assert_eq!(bench.group.replacements(bench.now), 0);
    bench.dies(1, &End::Status(0));
    assert!(bench.after(5_000).is_empty());
}

#[test]
fn the_new_process_is_in_the_table_before_the_old_one_leaves_it() {
    let mut bench = Bench::new(shop());
    assert_eq!(bench.did_all(), ["start 1 [/a]"]);
    bench.ready(1);
    assert_eq!(bench.did_all(), ["serve 1"]);
    bench.loads(1, b"/a", b"");
    bench.files.write(b"/a", 2);
    assert_eq!(bench.after(1_000), ["start 2 [/a] all"]);
    bench.ready(2);
    assert_eq!(bench.did_all(), ["serve 2", "changed true", "drain 1"]);
    bench.loads(2, b"/a", b"");
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
fn a_version_that_a_request_has_found_is_not_tried_again_either() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    bench.now += LOOK;
    bench.look();
    bench.says(1, Message::ReplaceMe(Reason::ScriptReload));
    assert_eq!(bench.did(), ["start 2 [/a] all"]);
    bench.dies(2, &SEGV);
    assert_eq!(bench.did(), ["1300"]);
    bench.says(1, Message::ReplaceMe(Reason::ScriptReload));
    assert!(bench.after(100_000).is_empty());
    // The loaded version is back: what was asked for can be had.
    bench.files.write(b"/a", 1);
    assert_eq!(bench.after(1_000), ["start 3 [/a] all"]);
}

#[test]
fn what_a_process_says_of_unknown_scripts_is_nothing() {
    let mut bench = Bench::serving(shop());
    bench.says(1, Message::Changed { script: [9; 16], version: [9; 32] });
    bench.says(7, Message::Changed { script: [0; 16], version: [9; 32] });
    assert!(bench.after(5_000).is_empty());
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
fn a_successor_that_takes_long_gives_its_permit_back() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    bench.after(1_000);
    assert_eq!(bench.group.replacements(bench.now + PERMIT - 1), 1);
    assert!(bench.group.wake(bench.now).is_some_and(|at| at <= bench.now + PERMIT), "others wait for it");
    assert!(bench.after(PERMIT).is_empty(), "it goes on itself");
    assert_eq!((bench.group.replacements(bench.now), bench.group.rank(bench.now)), (0, bench.now));
    bench.ready(2);
    assert_eq!(bench.did(), ["drain 1"]);
    assert_eq!(bench.group.rank(bench.now), bench.now, "the next one comes after the others'");
    bench.says(2, Message::ReplaceMe(Reason::MaximumRequests));
    assert_eq!(bench.did(), ["start 3 [/a] all"]);
    bench.ready(3);
    assert_eq!(bench.group.rank(bench.now), 0);
    bench.says(3, Message::ReplaceMe(Reason::MaximumRequests));
    bench.did();
    bench.dies(4, &SEGV);
    assert_eq!(bench.group.rank(bench.now), bench.now);
}

#[test]
fn processes_that_ask_to_be_replaced_all_the_time_are_slowed() {
    let mut bench = Bench::serving(shop());
    let mut begun = 0;
    for _ in 0..1_000 {
        bench.now += 10;
        for action in bench.did() {
            if let Some(id) = action.strip_prefix("start ").and_then(|rest| rest.split(' ').next()?.parse().ok()) {
                begun += 1;
                bench.says(id, Message::Ready);
                bench.says(id, Message::ReplaceMe(Reason::MaximumRequests));
            } else if let Some(id) = action.strip_prefix("drain ").and_then(|id| id.parse().ok()) {
                bench.dies(id, &End::Status(0));
            }
        }
        if begun == 0 {
            bench.says(1, Message::ReplaceMe(Reason::MaximumRequests));
        }
    }
    // 12 at once, and one in each of ten seconds.
    assert!((20..=22).contains(&begun), "{begun}");
}

#[test]
fn a_process_that_asks_and_ends_at_once_is_slowed_too() {
    let mut bench = Bench::new(shop());
    let (mut begun, mut said) = (0, 0);
    for _ in 0..1_000 {
        bench.now += 10;
        for action in bench.did() {
            said += usize::from(action == "1371");
            if let Some(id) = action.strip_prefix("start ").and_then(|rest| rest.split(' ').next()?.parse().ok()) {
                begun += 1;
                bench.says(id, Message::ReplaceMe(Reason::MaximumRequests));
                bench.dies(id, &End::Status(0));
            }
        }
    }
    assert!((20..=23).contains(&begun) && said == 1, "{begun} {said}");
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
fn without_overlap_the_old_one_is_gone_before_the_new_one_comes() {
    let mut bench = Bench::serving(plan::Group { overlap: false, preload: false, ..shop() });
    bench.loads(1, b"/dynamic", b"example.org|/x");
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
    bench.loads(1, b"/dynamic", b"example.org|/x");
    bench.did();
    bench.files.write(b"/dynamic", 2);
    bench.now += 1_000;
    bench.look();
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
