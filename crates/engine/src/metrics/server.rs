/*! `mod_wsgi.server_metrics()`: what httpd's processes and threads do. An Apache child asks the module; a daemon process reads what the Apache children
wrote last (see [`protocol::scoreboard`]). *Runs in: Apache child, daemon.* */

use std::sync::OnceLock;

use protocol::scoreboard::{Process, Scoreboard, Worker};

use super::{count, dictionary};
use crate::capi::{Attached, Object, PyResult, seconds};
use crate::sync::clock::now;

/// Gives an encoded [`Scoreboard`], or nothing if there is none.
pub type Source = Box<dyn Fn() -> Option<Vec<u8>> + Send + Sync>;

static SOURCE: OnceLock<Source> = OnceLock::new();

/// Says where scoreboards come from. Once per process; without it there are none.
pub fn set_source(source: Source) {
    // A second source would be the first one again.
    let _first: Result<(), Source> = SOURCE.set(source);
}

/// The scoreboard as dictionaries and lists, None if there is none.
///
/// # Errors
/// `MemoryError`.
pub fn server_metrics<'py>(py: Attached<'py>) -> PyResult<Object<'py>> {
    let board = SOURCE.get().and_then(|source| Scoreboard::decode(&source()?).ok());
    let Some(board) = board else { return Ok(Object::none(py)) };
    let now = now();
    let processes = board.processes.iter().map(|one| process(py, one)).collect::<PyResult<Vec<_>>>()?;
    dictionary(
        py,
        [
            ("server_limit", Object::int(py, board.server_limit.into())?),
            ("thread_limit", Object::int(py, board.thread_limit.into())?),
            ("running_generation", Object::int(py, board.running_generation.into())?),
            ("restart_time", seconds(py, board.restart_time)?),
            ("current_time", seconds(py, now)?),
            // As mod_wsgi has it: whole seconds.
            ("running_time", Object::int(py, now.saturating_sub(board.restart_time) / 1_000_000)?),
            ("processes", Object::list(py, processes)?),
        ],
    )
}

fn process<'py>(py: Attached<'py>, process: &Process) -> PyResult<Object<'py>> {
    let workers = process.workers.iter().map(|one| worker(py, one)).collect::<PyResult<Vec<_>>>()?;
    dictionary(
        py,
        [
            ("process_num", Object::int(py, process.number.into())?),
            ("pid", Object::int(py, process.pid.into())?),
            ("generation", Object::int(py, process.generation.into())?),
            ("quiescing", Object::boolean(py, process.quiescing)),
            ("workers", Object::list(py, workers)?),
        ],
    )
}

fn worker<'py>(py: Attached<'py>, worker: &Worker) -> PyResult<Object<'py>> {
    dictionary(
        py,
        [
            ("thread_num", Object::int(py, worker.thread_num.into())?),
            ("generation", Object::int(py, worker.generation.into())?),
            ("status", Object::latin1(py, &[u8::try_from(worker.status).unwrap_or(b'?')])?),
            ("access_count", count(py, worker.access_count)?),
            ("bytes_served", count(py, worker.bytes_served)?),
            ("start_time", seconds(py, worker.start_time)?),
            ("stop_time", seconds(py, worker.stop_time)?),
            ("last_used", seconds(py, worker.last_used)?),
            ("client", Object::latin1(py, &worker.client)?),
            ("request", Object::latin1(py, &worker.request)?),
            ("vhost", Object::latin1(py, &worker.vhost)?),
        ],
    )
}
