/*! The suites of mod_wsgi_rs: trials against a real httpd, one name per behaviour.

`make test` builds the module and runs this. By hand: `cargo test -p mod_wsgi_rs-tests -- [filter]`, where the filter is a part
of a trial's name, such as `input::` or `py3.9/event`. What is tested comes from `build/`, or from the file that
`MODULE_UNDER_TEST` names. Suites know no Rust of the product: they use the built files alone. *Runs in: tests.* */

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a trial fails by panicking, and the harness says what was running"
)]

mod suites;
mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    support::run::main(suites::all())
}
