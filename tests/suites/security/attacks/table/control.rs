/*! What a hostile daemon process says to the supervisor, and tries on its host. *Runs in: tests.* */

use super::{Row, shared};
use crate::suites::security::attacks::daemons::{begun, recovered, refused, replaced, starting};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(4);

/// See the module.
pub const ROWS: &[Row] = &[
    shared!(Daemon "messages-of-a-megabyte", "1,000 messages of 1 MB about scripts that were loaded", "the connection to the supervisor ends", begun, LONG),
    shared!(Daemon "paths-by-the-thousand", "30,000 messages about scripts that were loaded", "what the supervisor keeps is bounded", begun, LONG),
    shared!(Daemon "applications-by-the-thousand", "30,000 application groups of one script", "what the supervisor keeps is bounded", begun, LONG),
    shared!(Daemon "versions-by-the-thousand", "30,000 versions of one script", "one successor after the other, ever more slowly", begun, LONG),
    shared!(Daemon "descriptors-to-the-supervisor", "descriptors over the control connection", "the kernel refuses them", begun, SHORT),
    shared!(Daemon "paths-that-answer-nobody", "scripts that are FIFOs, devices, files of `/proc`, or have no name", "root opens none, looks at none", begun, LONG),
    shared!(Daemon "messages-that-are-none", "a message of an unknown kind", "the process is replaced", replaced, SHORT),
    shared!(Daemon "messages-of-no-end", "a message that is announced with 4 GiB", "the process is replaced", replaced, SHORT),
    shared!(Daemon "half-a-message", "half a message, and silence", "nobody waits for the rest", begun, SHORT),
    shared!(Daemon "messages-of-a-supervisor", "messages that only a supervisor may send", "they are ignored, or the process is replaced", begun, SHORT),
    shared!(Daemon "ready-by-the-thousand", "20,000 times that it is ready", "bounded work, bounded lines in the log", begun, LONG),
    shared!(Daemon "replacements-by-the-thousand", "20,000 demands for a successor", "one successor after the other, ever more slowly", begun, LONG),
    shared!(Daemon "loads-of-nonsense", "counts of requests beyond all measure, and half of one", "the process is replaced", replaced, SHORT),
    shared!(Daemon "words-that-are-forged", "line breaks and escapes in its version and its excuse", "one line each, control characters replaced", begun, SHORT),
    shared!(Daemon "output-that-is-forged", "line breaks, NULs and escapes on standard output", "each line marked as the group's, control characters replaced", begun, SHORT),
    shared!(Daemon "output-without-end", "a line of output that never ends", "split into pieces; the supervisor's memory is bounded", begun, LONG),
    shared!(Daemon "lines-of-output-without-end", "800,000 lines of output", "others are heard as well", begun, LONG),
    shared!(Daemon "deaf-to-its-supervisor", "no message is read, all signals are ignored", "it is killed at a stop", begun, SHORT),
    shared!(Daemon "closes-everything", "all its descriptors are closed", "the process is replaced", replaced, SHORT),
    shared!(Daemon "shuts-the-control-socket", "its control connection is shut down, and it lives on", "the process is killed and replaced", replaced, SHORT),
    shared!(Daemon "dies", "it ends with status 3", "the process is replaced", replaced, SHORT),
    shared!(Daemon "kills-itself-with-a-story", "a memory file of nonsense, and death by a signal", "lines about the death without control characters", replaced, SHORT),
    shared!(Daemon "stops-listening", "the group's listening socket is shut down", "the socket is made again", recovered, LONG),
    shared!(Daemon "stands-still", "it stops itself by SIGSTOP", "504 for its own clients", begun, SHORT),
    shared!(Daemon "cuts-its-files", "`ftruncate` of memory, table and scoreboard", "refused", refused),
    shared!(Daemon "writes-the-scoreboard", "httpd's scoreboard is written to", "refused", refused),
    shared!(Daemon "signals-its-betters", "signals to the supervisor, to httpd's parent and children", "refused", refused),
    shared!(Daemon "looks-into-its-betters", "memory, environment, descriptors and limits of supervisor and httpd", "refused", refused),
    shared!(Daemon "traces-its-betters", "`ptrace` of supervisor and httpd", "refused", refused),
    shared!(Daemon "moves-sockets", "sockets are renamed or removed, files made beside them", "refused", refused),
    shared!(Daemon "knocks-at-other-groups", "connections to the sockets of other groups", "refused", refused),
    shared!(Daemon "regains-root", "`setuid(0)`, `setgroups`, `/etc/shadow`, a lower nice value", "refused", refused),
    shared!(Daemon "keys-of-its-betters", "the session keyring of the user who started httpd", "each process has an empty one of its own", refused),
    shared!(Daemon "children-for-the-supervisor", "processes that end as children of the supervisor (`CLONE_PARENT`)", "they are reaped", refused),
    shared!(Daemon "never-ready", "a process that is never ready", "503 for its own clients", starting),
    shared!(Daemon "never-a-word", "a process that never says that it has started", "503 for its own clients", starting),
    shared!(Daemon "ends-at-once", "a process that ends before it is ready, each time", "ever longer pauses between the starts", starting),
    shared!(Daemon "not-ready-for-ever", "a process that reports at length that it cannot serve", "503 for its own clients, a line of bounded length", starting),
    shared!(Daemon "ready-before-it-started", "readiness without a start", "the process serves, or is replaced", starting),
    shared!(Daemon "nonsense-at-once", "nonsense for a first message", "the process is replaced", starting),
];
