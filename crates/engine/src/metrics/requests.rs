/*! `mod_wsgi.start_recording_metrics()`, `process_metrics()` and `request_metrics()`, with the keys that `docs/guides/python-api.md` lists.

The metrics are those of the process, in each of its interpreters. */

use std::sync::{Mutex, OnceLock};

use super::histogram::Spans;
use super::interval::{Interval, Recorder, Worker};
use super::{count, dictionary, want};
use crate::capi::{Attached, Object, PyResult, Usage, seconds};
use crate::interpreter::registry;
use crate::request::observed::{Observed, Outcome};
use crate::sync::clock::now;
use crate::sync::locks::lock;

/// A recording that somebody has asked for.
struct Recording {
    recorder: Mutex<Recorder>,
    /// What the process had used when the interval began.
    used: Mutex<Usage>,
}

static RECORDING: OnceLock<Recording> = OnceLock::new();

/// Begins to record, if that has not begun.
pub fn start() {
    let workers = registry::registry().map_or(0, |registry| registry.settings.threads_per_process);
    RECORDING.get_or_init(|| Recording {
        recorder: Mutex::new(Recorder::new(usize::try_from(workers).unwrap_or(0), now())),
        used: Mutex::new(Usage::of_process()),
    });
    want();
}

/// A request is about to be run.
pub fn begun(observed: &Observed) {
    if let Some(recording) = RECORDING.get() {
        lock(&recording.recorder).begin(worker(observed), observed.times.application);
    }
}

/// It has been run.
pub fn ended(observed: &Observed, outcome: &Outcome) {
    if let Some(recording) = RECORDING.get() {
        lock(&recording.recorder).end(worker(observed), observed.times, outcome);
    }
}

fn worker(observed: &Observed) -> usize {
    usize::try_from(observed.thread_id).unwrap_or(0)
}

/// What the process has done since recording began; None if it has not.
///
/// # Errors
/// `MemoryError`.
pub fn process_metrics(py: Attached<'_>) -> PyResult<Object<'_>> {
    let Some(recording) = RECORDING.get() else { return Ok(Object::none(py)) };
    let now = now();
    let restart = registry::registry().map_or(now, |registry| registry.started);
    let totals = lock(&recording.recorder).totals(now);
    let used = Usage::of_process();
    let threads = totals.workers.iter().map(|(number, completed)| {
        dictionary(py, [("thread_id", number_of(py, *number)?), ("request_count", count(py, *completed)?)])
    });
    dictionary(
        py,
        [
            ("pid", Object::int(py, std::process::id().into())?),
            ("request_busy_time", seconds(py, totals.busy)?),
            ("request_count", count(py, totals.completed)?),
            ("memory_max_rss", Object::int(py, used.most_memory)?),
            ("memory_rss", Object::int(py, resident_memory())?),
            ("cpu_user_time", seconds(py, used.user)?),
            ("cpu_system_time", seconds(py, used.system)?),
            ("cpu_time", seconds(py, used.user.saturating_add(used.system))?),
            ("restart_time", seconds(py, restart)?),
            ("current_time", seconds(py, now)?),
            // As mod_wsgi has it: whole seconds.
            ("running_time", Object::int(py, now.saturating_sub(restart) / 1_000_000)?),
            ("request_threads", number_of(py, totals.workers.len())?),
            ("active_requests", number_of(py, totals.active)?),
            ("threads", Object::list(py, threads.collect::<PyResult<Vec<_>>>()?)?),
        ],
    )
}

/// What the requests have come to since this was last asked; None unless recording has begun.
///
/// # Errors
/// `MemoryError`.
pub fn request_metrics(py: Attached<'_>) -> PyResult<Object<'_>> {
    let Some(recording) = RECORDING.get() else { return Ok(Object::none(py)) };
    let (interval, started, used, before) = {
        let mut recorder = lock(&recording.recorder);
        let now = now();
        let used = Usage::of_process();
        let started = recorder.totals(now).workers.len();
        (recorder.drain(now), started, used, std::mem::replace(&mut *lock(&recording.used), used))
    };
    let metrics = dictionary(
        py,
        [
            ("pid", Object::int(py, std::process::id().into())?),
            ("start_time", seconds(py, interval.from)?),
            ("stop_time", seconds(py, interval.to)?),
            ("sample_period", seconds(py, interval.to.saturating_sub(interval.from))?),
            ("memory_max_rss", Object::int(py, used.most_memory)?),
            ("memory_rss", Object::int(py, resident_memory())?),
            ("request_count", count(py, interval.phases.request.count)?),
            ("request_throughput", per_second(py, interval.phases.request.count, &interval)?),
            ("request_threads_started", number_of(py, started)?),
            ("gil_wait_count", count(py, interval.waits)?),
            ("input_bytes", count(py, interval.input.0)?),
            ("input_reads", count(py, interval.input.1)?),
            ("output_bytes", count(py, interval.output.0)?),
            ("output_writes", count(py, interval.output.1)?),
        ],
    )?;
    add_processor(py, &metrics, &interval, (used.user.saturating_sub(before.user), used.system.saturating_sub(before.system)))?;
    add_workers(py, &metrics, &interval)?;
    add_phases(py, &metrics, &interval)?;
    for (class, number) in interval.statuses.iter().enumerate() {
        set(py, &metrics, &format!("status_{}xx", class + 1), &count(py, *number)?)?;
    }
    Ok(metrics)
}

/// The part of one processor that was used; mod_wsgi's older names for it are kept.
fn add_processor(py: Attached<'_>, metrics: &Object<'_>, interval: &Interval, (user, system): (i64, i64)) -> PyResult<()> {
    for (name, used) in [("cpu_user", user), ("cpu_system", system), ("cpu", user.saturating_add(system))] {
        let part = Object::float(py, in_seconds(u64::try_from(used).unwrap_or(0)) / length(interval))?;
        set(py, metrics, &format!("{name}_utilization"), &part)?;
        set(py, metrics, &format!("{name}_time"), &part)?;
    }
    Ok(())
}

fn add_workers(py: Attached<'_>, metrics: &Object<'_>, interval: &Interval) -> PyResult<()> {
    let workers = &interval.workers;
    let active = workers.iter().filter(|worker| worker.completed > 0 || worker.elapsed > 0).count();
    let completed = list(py, workers, |worker| count(py, worker.completed))?;
    for (name, value) in [
        ("request_threads_maximum", number_of(py, workers.len())?),
        ("request_threads_active", number_of(py, active)?),
        ("capacity_utilization", Object::float(py, interval.utilization())?),
        ("request_threads_buckets", completed.clone()),
        ("request_threads_completed", completed),
        ("request_threads_busy_time", list(py, workers, |worker| seconds(py, worker.busy))?),
        ("request_threads_cpu_time", list(py, workers, |worker| seconds(py, worker.processor))?),
        ("request_threads_current_elapsed", list(py, workers, |worker| seconds(py, worker.elapsed))?),
        ("request_threads_max_duration", list(py, workers, |worker| Object::float(py, in_seconds(worker.longest)))?),
    ] {
        set(py, metrics, name, &value)?;
    }
    Ok(())
}

fn add_phases(py: Attached<'_>, metrics: &Object<'_>, interval: &Interval) -> PyResult<()> {
    let phases = &interval.phases;
    // An Apache child has no way to a process of its own.
    let daemon = registry::registry().is_some_and(|registry| !registry.settings.process_group.is_empty());
    for (name, spans, there) in [
        ("server_time", &phases.server, true),
        ("queue_time", &phases.queue, daemon),
        ("daemon_time", &phases.daemon, daemon),
        ("application_time", &phases.application, true),
        ("request_time", &phases.request, true),
        ("input_read_time", &phases.input, true),
        ("output_write_time", &phases.output, true),
        ("gil_wait_time", &phases.wait, true),
    ] {
        let mean = if there { Object::float(py, spans.mean() / 1e6)? } else { Object::none(py) };
        set(py, metrics, name, &mean)?;
        set(py, metrics, &format!("{name}_min_us"), &end_of(py, spans.range.map(|range| range.0))?)?;
        set(py, metrics, &format!("{name}_max_us"), &end_of(py, spans.range.map(|range| range.1))?)?;
        set(py, metrics, &format!("{name}_buckets"), &buckets(py, spans)?)?;
    }
    Ok(())
}

fn buckets<'py>(py: Attached<'py>, spans: &Spans) -> PyResult<Object<'py>> {
    Object::list(py, spans.buckets.iter().map(|number| count(py, *number)).collect::<PyResult<Vec<_>>>()?)
}

fn end_of(py: Attached<'_>, microseconds: Option<u64>) -> PyResult<Object<'_>> {
    microseconds.map_or_else(|| Ok(Object::none(py)), |microseconds| count(py, microseconds))
}

fn list<'py>(
    py: Attached<'py>,
    workers: &[Worker],
    value: impl FnMut(&Worker) -> PyResult<Object<'py>>,
) -> PyResult<Object<'py>> {
    Object::list(py, workers.iter().map(value).collect::<PyResult<Vec<_>>>()?)
}

fn set<'py>(py: Attached<'py>, metrics: &Object<'py>, name: &str, value: &Object<'py>) -> PyResult<()> {
    metrics.dict_set(&Object::text(py, name)?, value)
}

fn number_of(py: Attached<'_>, number: usize) -> PyResult<Object<'_>> {
    count(py, number as u64)
}

#[expect(clippy::cast_precision_loss, reason = "spans and rates need not be exact to the last of 53 bits")]
const fn float(number: u64) -> f64 {
    number as f64
}

fn in_seconds(microseconds: u64) -> f64 {
    float(microseconds) / 1e6
}

/// How long an interval was, in seconds, and never nothing.
fn length(interval: &Interval) -> f64 {
    in_seconds(u64::try_from(interval.to.saturating_sub(interval.from)).unwrap_or(0).max(1))
}

fn per_second<'py>(py: Attached<'py>, number: u64, interval: &Interval) -> PyResult<Object<'py>> {
    Object::float(py, float(number) / length(interval))
}

/// Bytes of memory that the process has now; 0 where the system does not tell.
fn resident_memory() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: i64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages.saturating_mul(i64::try_from(rustix::param::page_size()).unwrap_or(0))
}
