/*! Processes start, settle and begin again. *Runs in: tests.* */

pub mod bench;
mod new_code;
mod replace;
mod stop;

use protocol::control::Message;
use protocol::plan;

use crate::group::action::End;
use crate::group::tests::bench::{Bench, SEGV, script, shop};
use crate::timers::LOOK;

#[test]
fn processes_start_and_settle() {
    let mut bench = Bench::new(plan::Group { processes: 2, ..shop() });
    assert_eq!(bench.did(), ["start 1 [/a]", "start 2 [/a]"]);
    bench.ready(1);
    assert!(!bench.group.settled());
    bench.ready(2);
    assert!(bench.group.settled() && !bench.group.gone(bench.now));
    assert!(bench.after(5_000).is_empty());
}

#[test]
fn a_group_has_the_processors_until_it_is_ready_or_its_turn_is_over() {
    let mut bench = Bench::new(shop());
    let end = bench.now + 700;
    assert!(!bench.group.waits());
    assert_eq!(bench.group.turn(bench.now, 700), Some(end));
    assert_eq!(bench.group.turn(end, 700), None, "it takes too long");
    bench.ready(1);
    assert_eq!(bench.group.turn(bench.now, 700), None, "it is ready");
}

#[test]
fn only_imports_are_loaded_without_preload() {
    let scripts = vec![script("/a", false), script("/i", true)];
    let mut bench = Bench::new(plan::Group { preload: false, scripts, ..shop() });
    assert_eq!(bench.did(), ["start 1 [/i]"]);
}

#[test]
fn a_service_is_started_again_when_it_has_ended() {
    let mut bench = Bench::new(plan::Group { threads: 0, preload: false, scripts: vec![script("/a", true)], ..shop() });
    assert_eq!(bench.did(), ["start 1 [/a]"]);
    bench.says(1, Message::Started("3.11".to_owned()));
    assert!(bench.group.settled());
    bench.now += 60_000;
    bench.dies(1, &End::Status(0));
    assert_eq!(bench.did(), ["completed its service scripts", "start 2 [/a]"]);
    bench.dies(2, &End::Status(0));
    assert_eq!(bench.did(), ["completed its service scripts"]);
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
fn a_service_that_fails_has_not_run_to_its_end() {
    let mut bench = Bench::new(plan::Group { threads: 0, preload: false, scripts: vec![script("/a", true)], ..shop() });
    bench.did();
    bench.says(1, Message::Started("3.11".to_owned()));
    bench.now += 60_000;
    bench.dies(1, &End::Status(1));
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
fn a_changed_file_ends_the_pause_before_the_next_try() {
    let mut bench = Bench::new(shop());
    bench.did();
    for id in 1..=6 {
        bench.dies(id, &SEGV);
        assert!(!bench.group.pauses(bench.now) || id > 2, "one second is no pause");
        if id < 6 {
            assert!(bench.after(30_000).contains(&format!("start {} [/a]", id + 1)));
            bench.now = bench.group.last_start() + 10;
        }
    }
    bench.did();
    assert!(bench.group.pauses(bench.now));
    bench.group.file_changed(b"/a", bench.now);
    // Not within a second after the last try, so that a file that changes all the time starts no process all the time.
    assert_eq!(bench.did(), ["1354"]);
    assert!(bench.after(bench.group.last_start() + LOOK - bench.now - 1).is_empty() && !bench.group.pauses(bench.now));
    assert_eq!(bench.after(1), ["start 7 [/a]"]);
    // What is wrong now is explained, and the next pauses are short again.
    bench.dies(7, &SEGV);
    assert_eq!(bench.did(), ["1300"]);
    assert_eq!(bench.after(1_000), ["start 8 [/a]"]);
    bench.ready(8);
    bench.group.file_changed(b"/a", bench.now);
    assert!(bench.did().is_empty(), "nobody waits");
}
