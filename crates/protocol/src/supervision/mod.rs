/*! What httpd's parent, the supervisor, its helpers and the daemon processes send each other and keep: plans, messages, requests of helpers. */

pub mod control;
pub mod file_watch;
pub mod kept;
pub mod plan;
pub mod probe;
pub mod reason;
pub mod running;
