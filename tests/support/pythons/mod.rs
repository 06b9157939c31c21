/*! The Pythons of this machine, and virtualenvs of them that httpd's user can enter.

[`find`] looks for interpreters and makes readable copies of those that lie in closed homes; [`virtualenv`] makes virtualenvs, once
per set of packages. Both keep what they make in one cache directory of the user who runs the suites. */

mod cache;
mod find;
mod relocate;
mod virtualenv;

pub use find::{Python, find};
pub use relocate::copy;
pub use virtualenv::virtualenv;
