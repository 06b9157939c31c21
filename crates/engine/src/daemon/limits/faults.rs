/*! What is left of a process that a fault ends: Python's own faulthandler writes the stacks to the memory file, from where the supervisor takes them.
It also lets a thread say where it is when the interpreter's lock can't be had. An application that uses faulthandler itself takes the first away
from here, which is its right. *Runs in: daemon.* */

use std::os::fd::{AsFd, AsRawFd};

use protocol::Level;
use protocol::control::SHOW_STACK;

use crate::capi::{Attached, Object, PyResult, thread};
use crate::daemon::descriptors::Descriptor;
use crate::interpreter::registry::Registry;
use crate::interpreter::setup_failure;
use crate::logging;

/// Where a thread says where it is: standard error, which goes to the group's log.
const STANDARD_ERROR: i64 = 2;

/// Has faults written to `memory`, for as long as the process lives.
pub fn watch(registry: &'static Registry, memory: Descriptor) {
    let number = i64::from(memory.as_fd().as_raw_fd());
    // faulthandler keeps the number.
    std::mem::forget(memory);
    let Some(main) = registry.find(b"", false) else { return };
    thread::attached(main.handle, |py| {
        if let Err(raised) = enable(py, number) {
            let why = setup_failure(py, raised);
            logging::text(Level::Info, format!("no Python stack will be logged after a crash: {why}").as_bytes());
        }
    });
}

fn enable(py: Attached<'_>, memory: i64) -> PyResult<()> {
    let faulthandler = Object::import(py, c"faulthandler")?;
    faulthandler.attribute_named(c"enable")?.call(&[&Object::int(py, memory)?])?;
    let (signal, all_threads) = (Object::int(py, i64::from(SHOW_STACK))?, Object::boolean(py, false));
    faulthandler.attribute_named(c"register")?.call(&[&signal, &Object::int(py, STANDARD_ERROR)?, &all_threads])?;
    Ok(())
}
