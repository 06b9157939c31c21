/*! Which Python an application runs on: which interpreter a configuration means, what stands in the way to it, and what it says about itself.

Everything here acts with the rights of the process that it is in. An Apache child and the helper of configtest (`wsgi-supervisor probe`) use it, after they
have become the user in question; root never does.

In reading order: [`mod@select`] (which interpreter; [`selected`] is the result), [`virtualenv`] (what it was made from), [`interpreter_info`] (what it says about itself, when it
is [`mod@run`]), [`libpython`] (where its library is), [`path_access`] (whether this process can get there), [`permissions`] (with which command that may be changed),
[`files`] (small files are read with bounds), [`start_error`] (why Python cannot be had).

*Runs in: child, helper, daemon.* */
#![forbid(unsafe_code)]

pub mod files;
pub mod interpreter_info;
pub mod libpython;
pub mod path_access;
pub mod permissions;
pub mod run;
pub mod select;
pub mod selected;
pub mod start_error;
pub mod virtualenv;

pub use start_error::StartError;
