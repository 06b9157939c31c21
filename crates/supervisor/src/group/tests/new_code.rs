/*! What the log says of new code: that it serves, once, and that it does not, each hour. *Runs in: tests.* */

use protocol::control::Message;
use protocol::plan;
use protocol::reason::Reason;

use crate::group::action::{Action, End};
use crate::group::tests::bench::{Bench, SEGV, shop};
use crate::timers::{LOOK, REMIND};

/// The texts of the notes of that number, by what is done `wait` from now.
fn said(bench: &mut Bench, wait: u64, number: u16) -> Vec<String> {
    bench.now += wait;
    bench.look();
    bench.group.tick(bench.now, bench.room);
    let notes = bench.group.actions().into_iter().filter_map(|action| match action {
        Action::Note(note) if note.code.is_some_and(|code| code.number == number) => Some(note.text),
        _ => None,
    });
    notes.collect()
}

fn broken(bench: &mut Bench, id: u64) {
    bench.says(id, Message::NotReady("/a could not be loaded".to_owned()));
    bench.dies(id, &End::Status(1));
}

#[test]
fn new_code_that_serves_is_one_line() {
    let mut bench = Bench::new(plan::Group { processes: 2, ..shop() });
    bench.did();
    for id in 1..=2 {
        bench.ready(id);
    }
    bench.files.write(b"/a", 2);
    assert_eq!(bench.after(1_000), ["start 3 [/a] all"]);
    bench.now += 300;
    bench.ready(3);
    assert_eq!(bench.did(), ["drain 1", "start 4 [/a] all"]);
    bench.now += 400;
    bench.ready(4);
    assert_eq!(bench.did(), ["drain 2"]);
    assert!(bench.group.wake(bench.now).is_some_and(|at| at <= bench.now + 2 * LOOK));
    assert_eq!(said(&mut bench, 2 * LOOK, 1352), ["`/a` has changed: 2 processes were replaced in 0.7 s"]);
    assert!(said(&mut bench, REMIND, 1352).is_empty());
    assert_eq!(bench.group.wake(bench.now), None);
}

#[test]
fn a_replacement_without_new_code_is_no_line() {
    let mut bench = Bench::serving(shop());
    bench.says(1, Message::ReplaceMe(Reason::MaximumRequests));
    assert_eq!(bench.did(), ["start 2 [/a] all"]);
    bench.ready(2);
    assert!(said(&mut bench, 5 * LOOK, 1352).is_empty());
    // Nor is a file that is again what it was before anybody was replaced.
    bench.room = 0;
    bench.files.write(b"/a", 2);
    assert!(bench.after(LOOK).is_empty());
    bench.files.write(b"/a", 1);
    assert!(said(&mut bench, 5 * LOOK, 1352).is_empty() && bench.group.new_code.is_none());
}

#[test]
fn a_process_that_ends_first_gets_the_new_code_as_well() {
    for overlap in [false, true] {
        let mut bench = Bench::serving(plan::Group { overlap, ..shop() });
        bench.room = 0;
        bench.files.write(b"/a", 2);
        bench.after(LOOK);
        bench.dies(1, &if overlap { SEGV } else { End::Status(0) });
        bench.did();
        bench.ready(2);
        assert_eq!(said(&mut bench, 2 * LOOK, 1352), ["`/a` has changed: 1 process was replaced in 0.0 s"]);
    }
}

#[test]
fn what_a_graceful_restart_finds_changed_is_named() {
    let mut bench = Bench::serving(shop());
    bench.group.go_on(std::rc::Rc::new(shop()), bench.now);
    bench.did();
    bench.says(1, Message::Looked(format!("/{}", "\u{e4}".repeat(3_000))));
    assert_eq!(bench.did(), ["start 2 [/a] all"]);
    bench.ready(2);
    let said = said(&mut bench, 2 * LOOK, 1352);
    assert!(said.first().is_some_and(|text| text.chars().count() < 400 && text.contains("\u{e4}...` has changed")), "{said:?}");
}

#[test]
fn old_code_that_serves_is_told_each_hour() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    assert_eq!(bench.after(LOOK), ["start 2 [/a] all"]);
    broken(&mut bench, 2);
    assert_eq!(bench.did(), ["1305"]);
    let failed = bench.now;
    for (hour, id) in (1..=3).zip(3..) {
        assert!(bench.group.wake(bench.now).is_some_and(|at| at <= failed + hour * REMIND));
        bench.now = failed + hour * REMIND - 1;
        assert!(bench.did().is_empty());
        // It is tried again, too: the reason may lie in a file that nobody looks at.
        assert_eq!(bench.after(1), ["1353".to_owned(), format!("start {id} [/a] all")]);
        broken(&mut bench, id);
        assert_eq!(bench.did(), ["1305"]);
    }
    bench.files.write(b"/a", 3);
    assert_eq!(bench.after(LOOK), ["start 6 [/a] all"]);
    bench.ready(6);
    assert_eq!(said(&mut bench, 2 * LOOK, 1352), ["`/a` has changed: 1 process was replaced in 0.0 s"]);
    assert!(said(&mut bench, 5 * REMIND, 1353).is_empty());
}

#[test]
fn the_loaded_version_that_is_back_ends_the_reminders() {
    let mut bench = Bench::serving(shop());
    bench.files.write(b"/a", 2);
    bench.after(LOOK);
    broken(&mut bench, 2);
    bench.did();
    bench.files.write(b"/a", 1);
    bench.after(5 * LOOK);
    assert!(said(&mut bench, 2 * REMIND, 1353).is_empty() && bench.group.wake(bench.now).is_none());
}

#[test]
fn a_module_that_does_not_load_is_tried_a_few_times_and_then_each_hour() {
    let mut bench = Bench::serving(shop());
    bench.group.go_on(std::rc::Rc::new(shop()), bench.now);
    bench.did();
    bench.says(1, Message::Looked("/module.py".to_owned()));
    let (mut tries, mut id) = (0, 2);
    for _ in 0..3 * 3_600 {
        if bench.after(1_000).iter().any(|what| what.starts_with("start ")) {
            broken(&mut bench, id);
            (tries, id) = (tries + 1, id + 1);
        }
    }
    assert!((8..=10).contains(&tries), "{tries}");
    // A graceful restart has it tried at once.
    bench.group.go_on(std::rc::Rc::new(shop()), bench.now);
    assert!(bench.after(1_000).iter().any(|what| what.starts_with("start ")));
}

#[test]
fn another_version_is_tried_within_a_second_however_many_have_failed() {
    let mut bench = Bench::serving(shop());
    for version in 2..=9 {
        bench.files.write(b"/a", version);
        bench.now += LOOK;
        let did = bench.after(1);
        assert!(did.iter().any(|what| what.starts_with("start ")), "version {version}: {did:?}");
        broken(&mut bench, version.into());
        bench.did();
    }
}
