/*! A real httpd with the module in it: its installation, configuration, processes and logs. */

pub mod error_log;
pub mod httpd;
pub mod installation;
pub mod module_under_test;
pub mod plan;
pub mod processes;
pub mod site;
pub mod syslog;
pub mod workdir;
