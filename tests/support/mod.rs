/*! What every suite stands on: a real httpd with the module in it, a client that sees the bytes, an error log that is read
to the end, and the Pythons of this machine. *Runs in: tests.* */

pub mod certificate;
pub mod client;
pub mod curl;
pub mod error_log;
pub mod httpd;
pub mod installation;
pub mod keys;
pub mod load;
pub mod matrix;
pub mod module_under_test;
pub mod plan;
pub mod poll;
pub mod processes;
pub mod pythons;
pub mod random;
pub mod response;
pub mod run;
pub mod site;
pub mod syslog;
pub mod workdir;
