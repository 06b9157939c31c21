/*! Embedded mode: Python inside the Apache child.

In reading order: the crate `interpreter` (which Python, and what stands in the way to it), [`siblings`] (what other children know already), [`dynlib`] (libpython and the engine are opened; the C boundary), [`start`] (all of that, once per child),
[`check`] (the same questions at configtest), [`thread`] (which worker thread this is). Nothing here looks at files of users
as root: [`check`] asks a helper. *Runs in: child; [`check`]: parent.* */

pub mod check;
pub mod companion;
pub mod dynlib;
pub mod questions;
pub mod siblings;
pub mod start;
pub mod thread;
pub mod views;

pub use dynlib::Engine;
pub use interpreter::Problem;
pub use start::{child_init, engine};
