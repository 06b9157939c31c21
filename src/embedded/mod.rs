/*! Embedded mode: Python inside the Apache child.

In reading order: the crate `interpreter` (which Python, and what stands in the way to it), [`shared_start_state`] (what other children know already), [`dynlib`]
(libpython and the engine are opened; the C boundary), [`start`] (all of that, once per child), [`thread`] (which worker thread this is). *Runs in: child.* */

pub mod dynlib;
pub mod shared_start_state;
pub mod start;
pub mod thread;
