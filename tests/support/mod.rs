/*! What every suite stands on: a real httpd with the module in it, a client that sees the bytes, an error log that is read
to the end, and the Pythons of this machine. *Runs in: tests.* */

mod http;
pub mod keys;
pub mod matrix;
pub mod poll;
pub mod pythons;
pub mod random;
pub mod run;
mod server;

pub use http::{certificate, client, curl, load, response};
pub use server::{error_log, httpd, installation, module_under_test, plan, processes, site, syslog, workdir};
