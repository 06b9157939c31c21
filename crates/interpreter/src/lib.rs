/*! Which Python an application runs on: which interpreter a configuration means, what stands in the way to it, and what it says about itself.

Everything here acts with the rights of the process that it is in. An Apache child and the helper of configtest (`wsgi-supervisor probe`) use it, after they
have become the user in question; root never does.

In reading order: [`choose`] (which interpreter), [`virtualenv`] (what it was made from), [`facts`] (what it says about itself, when it is [`run`]),
[`libpython`] (where its library is), [`reach`] (whether this process can get there), [`opening`] (with which command that may be changed),
[`files`] (small files are read with bounds).

*Runs in: child, helper, daemon.* */
#![forbid(unsafe_code)]

pub mod choose;
pub mod facts;
pub mod files;
pub mod libpython;
pub mod opening;
pub mod problem;
pub mod reach;
pub mod run;
pub mod virtualenv;

pub use problem::Problem;
