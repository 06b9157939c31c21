/*! Changed code: which scripts have changed since this process loaded them, and whether it is still as it was when httpd's configuration is read again. */

pub mod script_versions;
pub mod script_watch;
pub mod scripts;
pub mod unchanged;
