/*! What the requests of a process have come to, since somebody last asked and since the beginning. *Pure.*

A request that runs on while it is asked for belongs to both intervals, with the part of its time that lies in each. */

use std::mem::take;

use super::histogram::Spans;
use crate::request::observed::{Outcome, Times};

/// The parts that a request's time has.
#[derive(Clone, Debug, Default)]
pub struct Phases {
    /// In httpd, before it was handed over or run.
    pub server: Spans,
    /// On the way to a daemon process. Nothing in embedded mode.
    pub queue: Spans,
    /// In a daemon process before the application. Nothing in embedded mode.
    pub daemon: Spans,
    /// In the application.
    pub application: Spans,
    /// All of that.
    pub request: Spans,
    /// Reading the body.
    pub input: Spans,
    /// Handing the response on.
    pub output: Spans,
    /// Waiting for Python's lock.
    pub wait: Spans,
}

/// One worker's, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worker {
    /// Requests that have ended.
    pub completed: u64,
    /// Time in requests.
    pub busy: i64,
    /// Processor's time in those that have ended.
    pub processor: i64,
    /// The longest that has ended.
    pub longest: u64,
    /// How long the one has run that runs now; 0 if none does.
    pub elapsed: i64,
}

/// What has come together in an interval.
#[derive(Clone, Debug, Default)]
pub struct Interval {
    /// When it began, and when it ended: microseconds since the epoch.
    pub from: i64,
    /// See `from`.
    pub to: i64,
    /// See [`Phases`].
    pub phases: Phases,
    /// Statuses by their first digit, 1 to 5.
    pub statuses: [u64; 5],
    /// Bytes and pieces of bodies.
    pub input: (u64, u64),
    /// Bytes and pieces of responses.
    pub output: (u64, u64),
    /// How often Python's lock was taken.
    pub waits: u64,
    /// By worker, from the first.
    pub workers: Vec<Worker>,
}

/// A worker, since the beginning.
#[derive(Clone, Copy, Debug, Default)]
struct Seat {
    /// When the request that it runs now began.
    running: Option<i64>,
    /// It has had a request.
    used: bool,
    completed: u64,
    now: Worker,
}

/// What is kept.
#[derive(Debug)]
pub struct Recorder {
    seats: Vec<Seat>,
    interval: Interval,
    busy: i64,
}

/// How long a request that began then has run until `now`, as far as that lies in the interval that began at `from`.
fn within(from: i64, began: i64, now: i64) -> i64 {
    now.saturating_sub(began.max(from)).max(0)
}

/// What is known of the process since the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Requests that have ended.
    pub completed: u64,
    /// Microseconds in requests, those that run now included.
    pub busy: i64,
    /// Requests that run now.
    pub active: usize,
    /// Number of each worker that has had a request, and how many have ended there.
    pub workers: Vec<(usize, u64)>,
}

impl Recorder {
    /// Begins at `now`, for so many workers.
    pub fn new(workers: usize, now: i64) -> Self {
        Self { seats: vec![Seat::default(); workers], interval: Interval { from: now, ..Interval::default() }, busy: 0 }
    }

    /// Workers are numbered from 1; a prefork child's only one may be called 0.
    fn seat(&mut self, worker: usize) -> Option<&mut Seat> {
        /// More than this are no threads but a mistake.
        const MOST: usize = 100_000;
        let place = worker.saturating_sub(1);
        if place >= self.seats.len() && place < MOST {
            self.seats.resize(place + 1, Seat::default());
        }
        self.seats.get_mut(place)
    }

    /// A worker begins a request.
    pub fn begin(&mut self, worker: usize, now: i64) {
        if let Some(seat) = self.seat(worker) {
            seat.running = Some(now);
            seat.used = true;
        }
    }

    /// It has ended the request, if that began while this was kept.
    pub fn end(&mut self, worker: usize, times: Times, outcome: &Outcome) {
        let from = self.interval.from;
        let Some(seat) = self.seat(worker) else { return };
        let Some(began) = seat.running.take() else { return };
        let busy = within(from, began, outcome.finish);
        seat.completed += 1;
        seat.now.completed += 1;
        seat.now.busy += busy;
        seat.now.processor += outcome.user.saturating_add(outcome.system);
        seat.now.longest = seat.now.longest.max(outcome.application);
        self.busy += busy;
        self.interval.count(times, outcome);
    }

    /// What has come together since the last time, and a new beginning.
    pub fn drain(&mut self, now: i64) -> Interval {
        let from = self.interval.from;
        let mut interval = take(&mut self.interval);
        self.interval.from = now;
        interval.to = now;
        for seat in &mut self.seats {
            let mut worker = take(&mut seat.now);
            if let Some(began) = seat.running {
                let busy = within(from, began, now);
                worker.busy += busy;
                worker.elapsed = now.saturating_sub(began).max(0);
                self.busy += busy;
            }
            interval.workers.push(worker);
        }
        interval
    }

    /// What is known since the beginning.
    pub fn totals(&self, now: i64) -> Totals {
        let from = self.interval.from;
        let running = self.seats.iter().filter_map(|seat| seat.running);
        let used = self.seats.iter().enumerate().filter(|(_, seat)| seat.used);
        Totals {
            completed: self.seats.iter().map(|seat| seat.completed).sum(),
            busy: self.busy + running.clone().map(|began| within(from, began, now)).sum::<i64>(),
            active: running.count(),
            workers: used.map(|(place, seat)| (place + 1, seat.completed)).collect(),
        }
    }
}

impl Interval {
    fn count(&mut self, times: Times, outcome: &Outcome) {
        let between = |from: i64, to: i64| u64::try_from(to.saturating_sub(from)).unwrap_or(0);
        let phases = &mut self.phases;
        if times.daemon == 0 {
            phases.server.add(between(times.request, times.application));
        } else {
            phases.server.add(between(times.request, times.queue));
            phases.queue.add(between(times.queue, times.daemon));
            phases.daemon.add(between(times.daemon, times.application));
        }
        phases.application.add(outcome.application);
        phases.request.add(between(times.request, outcome.finish));
        phases.input.add(outcome.input.microseconds);
        phases.output.add(outcome.output.microseconds);
        phases.wait.add(outcome.wait);
        if let Some(class) = self.statuses.get_mut(usize::from(outcome.status / 100).wrapping_sub(1)) {
            *class += 1;
        }
        self.input = (self.input.0.saturating_add(outcome.input.bytes), self.input.1.saturating_add(outcome.input.calls));
        self.output = (self.output.0.saturating_add(outcome.output.bytes), self.output.1.saturating_add(outcome.output.calls));
        self.waits = self.waits.saturating_add(outcome.waits);
    }

    /// Which part of the workers' time went into requests.
    pub fn utilization(&self) -> f64 {
        let busy: i64 = self.workers.iter().map(|worker| worker.busy).sum();
        let workers = i64::try_from(self.workers.len()).unwrap_or(i64::MAX).max(1);
        #[expect(clippy::cast_precision_loss, reason = "a ratio of times need not be exact to the last of 53 bits")]
        let part = busy as f64 / self.to.saturating_sub(self.from).max(1).saturating_mul(workers) as f64;
        part
    }
}

#[cfg(test)]
mod tests {
    use super::{Recorder, Worker};
    use crate::request::observed::{Moved, Outcome, Times};

    fn outcome(finish: i64, application: u64, status: u16) -> Outcome {
        let moved = |bytes, calls| Moved { bytes, calls, microseconds: 7 };
        let (input, output) = (moved(10, 2), moved(100, 3));
        Outcome { finish, application, status, input, output, user: 5, system: 1, wait: 4, waits: 6 }
    }

    #[test]
    fn a_request_is_counted_in_the_interval_that_it_ends_in() {
        let mut recorder = Recorder::new(3, 1000);
        recorder.begin(2, 1100);
        let times = Times { request: 1040, queue: 1050, daemon: 1070, application: 1100 };
        recorder.end(2, times, &outcome(1400, 300, 404));
        let interval = recorder.drain(2000);
        assert_eq!((interval.from, interval.to, interval.statuses), (1000, 2000, [0, 0, 0, 1, 0]));
        let phases = &interval.phases;
        let spans = [&phases.server, &phases.queue, &phases.daemon, &phases.application, &phases.request, &phases.wait];
        assert_eq!(spans.map(|spans| (spans.count, spans.sum)), [(1, 10), (1, 20), (1, 30), (1, 300), (1, 360), (1, 4)]);
        assert_eq!((interval.input, interval.output, interval.waits), ((10, 2), (100, 3), 6));
        let worker = Worker { completed: 1, busy: 300, processor: 6, longest: 300, elapsed: 0 };
        assert_eq!(interval.workers, [Worker::default(), worker, Worker::default()]);
        assert!((interval.utilization() - 0.1).abs() < 1e-9);
        let next = recorder.drain(3000);
        assert_eq!((next.from, next.phases.request.count, next.statuses), (2000, 0, [0; 5]));
        assert_eq!(recorder.totals(3000).workers, [(2, 1)]);
    }

    #[test]
    fn in_embedded_mode_there_is_no_way_to_a_process() {
        let mut recorder = Recorder::new(1, 0);
        recorder.begin(1, 100);
        let times = Times { request: 40, queue: 0, daemon: 0, application: 100 };
        recorder.end(1, times, &outcome(150, 50, 200));
        let phases = recorder.drain(200).phases;
        assert_eq!([&phases.server, &phases.queue, &phases.daemon].map(|spans| spans.sum), [60, 0, 0]);
        assert_eq!((phases.queue.count, phases.daemon.range), (0, None));
    }

    #[test]
    fn a_request_that_runs_on_is_in_both_intervals() {
        let mut recorder = Recorder::new(1, 0);
        recorder.begin(1, 400);
        let first = recorder.drain(1000);
        assert_eq!(first.workers, [Worker { busy: 600, elapsed: 600, ..Worker::default() }]);
        let totals = recorder.totals(1100);
        assert_eq!((totals.completed, totals.active, totals.busy), (0, 1, 700));
        recorder.end(1, Times { application: 400, ..Times::default() }, &outcome(1500, 1100, 200));
        let second = recorder.drain(2000);
        assert_eq!(second.workers, [Worker { completed: 1, busy: 500, processor: 6, longest: 1100, elapsed: 0 }]);
        let totals = recorder.totals(2000);
        assert_eq!((totals.completed, totals.active, totals.busy), (1, 0, 1100));
    }

    #[test]
    fn a_request_that_began_before_is_not_counted() {
        let mut recorder = Recorder::new(1, 0);
        recorder.end(1, Times::default(), &outcome(100, 50, 200));
        assert_eq!(recorder.drain(200).phases.request.count, 0);
        assert_eq!(recorder.totals(200).workers, []);
    }

    #[test]
    fn threads_beyond_those_expected_have_their_place() {
        let mut recorder = Recorder::new(1, 0);
        recorder.begin(0, 10);
        recorder.begin(4, 20);
        assert_eq!(recorder.totals(20).workers, [(1, 0), (4, 0)]);
        assert_eq!(recorder.drain(30).workers.len(), 4);
    }
}
