/*! Bytes of a response that wait for its end, and the thread that sends them if that does not come. */
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that meets what it does not expect is to fail")]

use loom::sync::Arc;
use loom::thread::spawn;
use models::deferred_flush::{DeferredFlush, Held};
use models::every_order;

#[test]
fn nothing_is_held_that_nobody_looks_at() {
    every_order(|| {
        let (all, one) = (Arc::new(DeferredFlush::default()), Arc::new(Held::default()));
        assert!(all.attend(true));
        let (looks, response) = (Arc::clone(&all), Arc::clone(&one));
        let held = spawn(move || response.hold(&looks));
        let left = all.attend(false);
        let held = held.join().unwrap();
        assert!(!(held && left), "held, and the thread that would send it has left");
        assert_eq!(all.is_any_held(), held);
    });
}

#[test]
fn a_response_that_ends_while_it_is_sent_is_counted_once() {
    every_order(|| {
        let (all, one) = (Arc::new(DeferredFlush::default()), Arc::new(Held::default()));
        assert!(all.attend(true) && one.hold(&all));
        let (looks, response) = (Arc::clone(&all), Arc::clone(&one));
        let ends = spawn(move || response.release(&looks));
        if one.is_overdue(&all) || one.is_overdue(&all) {
            one.release(&all);
        }
        ends.join().unwrap();
        assert!(!all.is_any_held() && all.attend(false));
    });
}

#[test]
fn two_responses_at_once_are_both_counted() {
    every_order(|| {
        let all = Arc::new(DeferredFlush::default());
        all.attend(true);
        let responses = [0, 1].map(|_| {
            let all = Arc::clone(&all);
            spawn(move || {
                let one = Held::default();
                let held = one.hold(&all);
                one.release(&all);
                held
            })
        });
        for response in responses {
            assert!(response.join().unwrap(), "somebody looks");
        }
        assert!(!all.is_any_held() && all.attend(false));
    });
}
