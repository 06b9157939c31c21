/*! Embedded mode: Python inside the Apache child.

In reading order: [`choose`] (which interpreter), [`virtualenv`] (what it was made from), [`facts`] (what it says about itself, asked by a [`helper`]), [`libpython`] (where its library is), [`reach`]
(who may get there), [`siblings`] (what other children know already), [`dynlib`] (libpython and the engine are opened; the C boundary), [`start`] (all of that, once per child),
[`check`] (the same questions at configtest), [`thread`] (which worker thread this is). Nothing here runs as root but the
questions of [`check`] and [`reach`] about the file system. *Runs in: child; [`check`]: parent.* */

pub mod check;
pub mod choose;
pub mod companion;
pub mod dynlib;
pub mod facts;
pub mod helper;
pub mod libpython;
pub mod problem;
pub mod reach;
pub mod siblings;
pub mod start;
pub mod thread;
pub mod virtualenv;

pub use dynlib::Engine;
pub use problem::Problem;
pub use start::{child_init, engine};
