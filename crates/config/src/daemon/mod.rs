/*! `WSGIDaemonProcess`: one row per option ([`OPTIONS`]), read into [`RawOptions`] as it stands there, made a valid [`DaemonProcess`] once.

In reading order: [`option`] (a row and its forms of value), [`options`] (the table, by chapter), [`raw_options`] (as typed), [`validate`]
(defaults, and options that exclude each other), [`sizes`] (the least memory that a Python runs with), [`process`] (what comes out), [`chroot`] (paths below a `chroot=`), [`docs_page`] (its part of `docs/directives.md`).
*Runs in: parent.* */

pub mod account;
pub mod chroot;
pub mod define;
pub mod docs_page;
pub mod option;
pub mod options;
pub mod process;
pub mod raw_options;
mod sizes;
mod suggestion;
#[cfg(test)]
mod tests;
mod validate;

pub use account::Account;
pub use define::define;
pub use option::DaemonOption;
pub use options::OPTIONS;
pub use process::{DaemonProcess, Life, Preload, Python, ScriptOwner};
pub use raw_options::RawOptions;
