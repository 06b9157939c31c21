/*! The table of attacks. *Runs in: tests.* */

pub mod control;
pub mod frames;
mod held;
mod local;
mod owner;
pub mod words;

use crate::support::matrix::Setup;
use crate::support::site::Site;

/// Who attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A daemon process of a tenant's, which has another user than httpd and does what it likes.
    Daemon,
    /// The same, of httpd's own user.
    Kin,
    /// An application in a daemon process that has another user than httpd, with the engine in it.
    Tenant,
    /// Code in a child of httpd's.
    Child,
    /// The owner of scripts, virtual environments and working directories.
    Owner,
    /// A process of httpd's user that is no child of it, or a local user without any right.
    Stranger,
    /// An HTTP client.
    Client,
}

/// How an attack is tried.
#[derive(Clone, Copy)]
pub enum How {
    /// Here, on a server that attacks of its kind share.
    Shared(fn(&Site)),
    /// Here, with servers of its own.
    Own(fn(&Setup)),
    /// By a trial of another suite, `suite::name`.
    Held(&'static str),
    /// By a test beside the code that is attacked: its file, and its name.
    Beside(&'static str, &'static str),
}

/// One attack.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its name, which is also the trial's, and that of the attacking group where there is one.
    pub name: &'static str,
    /// Who attacks.
    pub by: By,
    /// What is done.
    pub done: &'static str,
    /// What it must come to, besides that the victim is served.
    pub comes_to: &'static str,
    /// How it is tried.
    pub how: How,
}

/// A row that is tried here.
macro_rules! shared {
    ($by:ident $name:literal, $done:literal, $comes_to:literal, $function:path $(, $argument:expr)*) => {
        $crate::suites::security::attacks::table::Row {
            name: $name,
            by: $crate::suites::security::attacks::table::By::$by,
            done: $done,
            comes_to: $comes_to,
            how: $crate::suites::security::attacks::table::How::Shared(|site| $function(site, $name $(, $argument)*)),
        }
    };
}
use shared;

/// The rows of each server that attacks share.
pub fn servers() -> impl Iterator<Item = &'static [Row]> {
    [frames::ROWS, control::ROWS, words::ROWS, local::ROWS].into_iter()
}

/// All rows.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    servers().flatten().chain(alone()).chain(held::ROWS)
}

/// The rows that start their own servers.
pub fn alone() -> &'static [Row] {
    owner::ROWS
}
