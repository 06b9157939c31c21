/*! How many workers wait for requests at a time: as few as keep the process busy.

Threads that all want Python's lock cost more than they bring: each hand-over is a switch to a thread whose caches are cold. So no more workers are let in
than have something to do, mostly one or two; what comes while they run waits in its sockets and costs nothing. More are let in as soon as
requests wait though the workers that are in do not run (they sleep, or wait for a database), or though nothing has been taken up for a while (one of
them computes); whether they are still needed is tried again and again (`concurrency`). That is seen by a thread of its own (`gate_thread`).

`tests/models` tries this file in every order of its threads' steps. *Runs in: daemon.* */

use std::time::Duration;

use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::sync::locks::lock;
use crate::sync::{Condvar, Mutex};

/// Who is let in.
pub struct WorkerGate {
    workers: AtomicU32,
    /// How many may be in.
    limit: AtomicU32,
    /// How many are in: they wait for a request, or run one.
    inside: AtomicU32,
    /// How many of those run one.
    running: AtomicU32,
    /// Requests that were taken up.
    taken: AtomicU64,
    /// Threads of the workers that run a request; 0: none.
    threads: Vec<AtomicU32>,
    outside: Mutex<u32>,
    door: Condvar,
    /// The thread that looks sleeps.
    asleep: AtomicBool,
    sleeper: Mutex<()>,
    bell: Condvar,
    open: AtomicBool,
}

impl WorkerGate {
    /// For so many workers.
    pub fn new(workers: usize) -> Self {
        Self {
            workers: AtomicU32::new(u32::try_from(workers).unwrap_or(u32::MAX)),
            limit: AtomicU32::new(1),
            inside: AtomicU32::new(0),
            running: AtomicU32::new(0),
            taken: AtomicU64::new(0),
            threads: (0..workers).map(|_| AtomicU32::new(0)).collect(),
            outside: Mutex::new(0),
            door: Condvar::new(),
            asleep: AtomicBool::new(false),
            sleeper: Mutex::new(()),
            bell: Condvar::new(),
            open: AtomicBool::new(false),
        }
    }

    /// There are fewer workers than there were to be.
    pub fn has_workers(&self, workers: u32) {
        self.workers.store(workers, Ordering::Relaxed);
    }

    /// A worker comes in for the first time, or goes on; it waits outside while there are enough.
    pub fn acquire(&self, first: bool) {
        if first {
            self.inside.fetch_add(1, Ordering::AcqRel);
        }
        if self.inside.load(Ordering::Acquire) <= self.limit.load(Ordering::Acquire) {
            return;
        }
        let mut outside = lock(&self.outside);
        // Counted under the lock, so that two do not leave for the same reason.
        while !self.open.load(Ordering::Acquire) && self.inside.load(Ordering::Acquire) > self.limit.load(Ordering::Acquire) {
            let inside = self.inside.fetch_sub(1, Ordering::SeqCst) - 1;
            *outside += 1;
            if self.running.load(Ordering::SeqCst) >= inside {
                // All that are left inside run a request.
                self.wake();
            }
            outside = outside.wait(&self.door);
            *outside -= 1;
            self.inside.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Worker `number`, counted from 1, takes up a request on its thread `own`.
    pub fn begin(&self, number: usize, own: u32) {
        if let Some(thread) = self.threads.get(number.saturating_sub(1)) {
            thread.store(own, Ordering::Relaxed);
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        if running >= self.inside.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Requests that workers are at.
    pub fn running(&self) -> u32 {
        self.running.load(Ordering::Acquire)
    }

    /// How many have been taken up so far.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Acquire)
    }

    /// Wakes the thread that looks, if it sleeps.
    fn wake(&self) {
        if self.asleep.load(Ordering::SeqCst) {
            let _held = lock(&self.sleeper);
            self.asleep.store(false, Ordering::Release);
            self.bell.notify_one();
        }
    }

    /// Worker `number` has ended its request.
    pub fn end(&self, number: usize) {
        if let Some(thread) = self.threads.get(number.saturating_sub(1)) {
            thread.store(0, Ordering::Relaxed);
        }
        self.running.fetch_sub(1, Ordering::AcqRel);
    }

    /// Everybody is let in: the workers are to end.
    pub fn open(&self) {
        self.open.store(true, Ordering::Release);
        self.limit.store(self.workers.load(Ordering::Relaxed), Ordering::Release);
        let _held = lock(&self.outside);
        self.door.notify_all();
    }

    /// Sleeps until all workers that are in run a request, or everybody is let in. `idle` is called once for each second in which nothing was taken up, after
    /// something was.
    pub fn sleep(&self, mut idle: impl FnMut()) {
        let (mut before, mut rested) = (self.taken(), false);
        let mut held = lock(&self.sleeper);
        self.asleep.store(true, Ordering::SeqCst);
        // One order for all: whoever does not see that we sleep has been counted before we look. An idle process is looked at once a second.
        while self.asleep.load(Ordering::SeqCst)
            && self.running.load(Ordering::SeqCst) < self.inside.load(Ordering::SeqCst)
            && !self.open.load(Ordering::Acquire)
        {
            held = held.wait_for(&self.bell, Duration::from_secs(1));
            let taken = self.taken();
            if taken != before {
                (before, rested) = (taken, false);
            } else if !rested {
                // Whoever wakes us meanwhile is not held up, and is seen by what he leaves.
                drop(held);
                idle();
                rested = true;
                held = lock(&self.sleeper);
            }
        }
        self.asleep.store(false, Ordering::Release);
        drop(held);
    }

    /// So many may be in from now on. Who is over goes out after the next request.
    pub fn set_limit(&self, limit: u32) {
        let outside = lock(&self.outside);
        let before = self.limit.swap(limit, Ordering::AcqRel);
        for _ in 0..limit.saturating_sub(before).min(*outside) {
            self.door.notify_one();
        }
    }

    /// Whether everybody is let in.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// How many workers are in, how many may be, and how many there are.
    pub fn counts(&self) -> (u32, u32, u32) {
        (self.inside.load(Ordering::Acquire), self.limit.load(Ordering::Acquire), self.workers.load(Ordering::Relaxed))
    }

    /// The threads of workers that run a request.
    pub fn threads(&self) -> impl Iterator<Item = u32> {
        self.threads.iter().map(|thread| thread.load(Ordering::Relaxed)).filter(|thread| *thread != 0)
    }
}
