/*! The gate that lets workers in, and the thread that looks after it. */
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that meets what it does not expect is to fail")]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread::spawn;
use models::every_order;
use models::worker_gate::WorkerGate;

#[test]
fn who_waits_outside_comes_in_when_the_limit_grows() {
    every_order(|| {
        let gate = Arc::new(WorkerGate::new(2));
        let other = Arc::clone(&gate);
        let second = spawn(move || other.acquire(true));
        gate.set_limit(2);
        gate.acquire(true);
        second.join().unwrap();
        assert_eq!(gate.counts().0, 2);
    });
}

#[test]
fn everybody_comes_in_at_the_end() {
    every_order(|| {
        let gate = Arc::new(WorkerGate::new(2));
        let workers = [0, 1].map(|_| {
            let gate = Arc::clone(&gate);
            spawn(move || gate.acquire(true))
        });
        gate.open();
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(gate.counts().0, 2);
    });
}

#[test]
fn no_more_than_the_limit_go_on_at_once() {
    every_order(|| {
        let (gate, past) = (Arc::new(WorkerGate::new(2)), Arc::new(AtomicU32::new(0)));
        let workers = [0, 1].map(|_| {
            let (gate, past) = (Arc::clone(&gate), Arc::clone(&past));
            spawn(move || {
                gate.acquire(true);
                past.fetch_add(1, Ordering::SeqCst);
            })
        });
        // The first goes on; the second does so when the limit has grown, and not before.
        loop {
            match past.load(Ordering::SeqCst) {
                0 => loom::thread::yield_now(),
                1 => break,
                _ => unreachable!("two are past a gate for one"),
            }
        }
        gate.set_limit(2);
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

#[test]
fn the_thread_that_looks_is_woken_when_the_last_worker_begins() {
    every_order(|| {
        let gate = Arc::new(WorkerGate::new(1));
        gate.acquire(true);
        let worker = Arc::clone(&gate);
        let begins = spawn(move || worker.begin(1, 7));
        // Comes back only if it sees the worker, or is woken by it.
        gate.sleep(|| ());
        begins.join().unwrap();
        assert_eq!(gate.running(), 1);
    });
}

#[test]
fn the_thread_that_looks_is_woken_when_the_last_idle_worker_goes_out() {
    every_order(|| {
        let gate = Arc::new(WorkerGate::new(2));
        gate.set_limit(2);
        gate.acquire(true);
        gate.acquire(true);
        gate.set_limit(1);
        gate.begin(1, 7);
        let leaves = Arc::clone(&gate);
        let worker = spawn(move || leaves.acquire(false));
        gate.sleep(|| ());
        gate.open();
        worker.join().unwrap();
    });
}
