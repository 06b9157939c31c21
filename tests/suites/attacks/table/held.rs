/*! Attacks that other suites try. *Runs in: tests.* */

use super::{By, How, Row};

macro_rules! held {
    ($by:ident $name:literal, $done:literal, $comes_to:literal, $trial:literal) => {
        Row { name: $name, by: By::$by, done: $done, comes_to: $comes_to, how: How::Held($trial) }
    };
}

/// See the module.
pub const ROWS: &[Row] = &[
    held!(Owner "files-that-run-with-python", "a `.pth` file, `sitecustomize`, a wrapped interpreter", "they run as the group's user alone, also at configtest", "privileges::a_tenants_files_never_run_as_root"),
    held!(Kin "an-identity-that-fails", "each call of the change of identity fails", "no Python runs", "privileges::a_call_that_fails_is_the_end_before_python"),
    held!(Kin "an-application-in-the-engines-connection", "24 kinds of nonsense before the head", "502, one line of the log", "peers::whatever_a_daemon_says_before_its_head_is_502"),
    held!(Kin "an-application-in-the-middle-of-a-response", "44 kinds of nonsense after the head", "the response is cut", "peers::whatever_a_daemon_says_after_its_head_cuts_the_response"),
    held!(Kin "lines-by-the-megabyte", "60 MB of log lines in one request", "no memory is kept", "peers::a_daemon_that_talks_without_end_costs_no_memory"),
    held!(Stranger "nonsense-at-a-socket", "garbage, half frames, greetings with another secret at a group's socket", "closed unread; the process serves on", "strangers::whatever_comes_the_process_serves_on"),
    held!(Stranger "slow-peers-at-a-socket", "connections that say nothing", "they cost no thread", "strangers::slow_peers_cost_no_thread"),
];
