/*! The options of `WSGIDaemonProcess`: the table as a whole, each value, and what goes together. *Runs in: tests.* */
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod groups;
mod table;
mod values;

use std::sync::Arc;

use super::DaemonProcess;
use crate::test_support::Sample;

/// The group `shop` with these options.
fn group(options: &str) -> Arc<DaemonProcess> {
    Sample::of(&[&format!("WSGIDaemonProcess shop {options}")]).server.daemons[0].clone()
}

/// The refusal of the group `shop` with these options: cause and cure.
fn refusal(options: &str) -> String {
    let line = format!("WSGIDaemonProcess shop {options}");
    Sample::default().read(&line).expect_err(&line).to_string()
}
