/*! Daemon processes that belong to an attacker from their first byte on, beside a group that has done nothing: what they do to the supervisor of both.
*Runs in: tests.* */

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect is to fail")]

mod support;

use support::Bench;

#[test]
fn no_descriptor_can_be_passed_to_the_supervisor() {
    let mut bench = Bench::new("passes");
    bench.script("passes");
    let mut supervisor = bench.start();
    assert_eq!(bench.file("refused"), "BrokenPipeError");
    supervisor.stop();
}
