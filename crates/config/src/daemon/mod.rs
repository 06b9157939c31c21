/*! `WSGIDaemonProcess`: one row per option ([`OPTIONS`]), read into [`Typed`] as it stands there, made a valid [`DaemonProcess`] once.

In reading order: [`option`] (a row and its forms of value), [`options`] (the table, by chapter), [`typed`] (as typed), [`validate`]
(defaults, and options that exclude each other), [`sizes`] (the least memory that a Python runs with), [`process`] (what comes out), [`jail`] (paths below a `chroot=`), [`page`] (its part of `docs/directives.md`).
*Runs in: parent.* */

pub mod account;
pub mod define;
pub mod jail;
pub mod option;
pub mod options;
pub mod page;
pub mod process;
mod sizes;
mod suggestion;
#[cfg(test)]
mod tests;
pub mod typed;
mod validate;

pub use account::Account;
pub use define::define;
pub use option::DaemonOption;
pub use options::OPTIONS;
pub use process::{DaemonProcess, Life, Preload, Python, ScriptOwner};
pub use typed::Typed;
