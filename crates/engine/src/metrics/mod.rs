/*! What applications may hear of requests ([`events`]), and ask about them ([`requests`]) and about the whole server ([`server`]).

Who does neither pays for one flag per request: only when somebody has asked is a request [observed](crate::request::observed). *Runs in: Apache child, daemon.* */

use std::sync::atomic::{AtomicBool, Ordering};

use crate::capi::{Attached, Object, PyResult, thread};

pub mod events;
mod histogram;
mod interval;
pub mod requests;
pub mod server;

/// Somebody in this process wants to know of requests. That he no longer does is not noticed: it costs little.
static WANTED: AtomicBool = AtomicBool::new(false);

/// From here on requests are observed.
pub fn want() {
    thread::time_waits();
    WANTED.store(true, Ordering::Relaxed);
}

/// Whether a request is to be observed.
pub fn wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

/// A dictionary of these entries.
fn dictionary<'py, const N: usize>(py: Attached<'py>, entries: [(&str, Object<'py>); N]) -> PyResult<Object<'py>> {
    let dict = Object::dict(py)?;
    for (name, value) in &entries {
        dict.dict_set(&Object::text(py, name)?, value)?;
    }
    Ok(dict)
}

/// A number as Python has it.
fn count(py: Attached<'_>, number: u64) -> PyResult<Object<'_>> {
    Object::int(py, i64::try_from(number).unwrap_or(i64::MAX))
}
