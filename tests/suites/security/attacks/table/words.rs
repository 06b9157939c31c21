/*! What a hostile daemon process writes into its group's table. *Runs in: tests.* */

use super::{Row, shared};
use crate::suites::security::attacks::daemons::scribbled;

/// See the module.
pub const ROWS: &[Row] = &[
    shared!(Daemon "table-version", "another version of the layout", "its own group alone suffers", scribbled),
    shared!(Daemon "table-version-of-zeros", "no version of the layout", "its own group alone suffers", scribbled),
    shared!(Daemon "table-used-beyond-its-end", "more slots and tickets in use than there are", "reading stays within the table", scribbled),
    shared!(Daemon "table-trouble", "that no process can be started", "its own group alone suffers", scribbled),
    shared!(Daemon "table-closed", "that httpd stops", "its own group alone suffers", scribbled),
    shared!(Daemon "table-waiting-beyond-measure", "four thousand million requests that wait", "503 for its own clients", scribbled),
    shared!(Daemon "table-counters-at-their-end", "counters that are about to overflow", "they wrap", scribbled),
    shared!(Daemon "table-zeros", "zeros everywhere", "its own group alone suffers", scribbled),
    shared!(Daemon "table-ones", "ones everywhere", "its own group alone suffers", scribbled),
    shared!(Daemon "table-noise", "noise everywhere", "its own group alone suffers", scribbled),
    shared!(Daemon "table-every-slot-serves", "processes in every slot that are not there", "503 after a bounded number of attempts", scribbled),
    shared!(Daemon "table-full", "65,535 requests in its process", "503 for its own clients", scribbled),
    shared!(Daemon "table-no-threads", "no threads", "its own group alone suffers", scribbled),
    shared!(Daemon "table-threads-beyond-measure", "four thousand million threads", "the bound of `maximum-in-flight=` holds", scribbled),
    shared!(Daemon "table-empty-while-it-serves", "an empty slot where it serves", "503 for its own clients", scribbled),
    shared!(Daemon "table-another-epoch", "another epoch of its slot", "503 for its own clients", scribbled),
    shared!(Daemon "table-states-that-are-none", "a state that does not exist", "its own group alone suffers", scribbled),
    shared!(Daemon "table-processes-of-others", "init's, the supervisor's and others' numbers as its own", "nobody is signalled", scribbled),
    shared!(Daemon "table-tickets-of-others", "tickets that belong to processes of others", "nothing is taken back in their names", scribbled),
    shared!(Daemon "table-requests-that-were-withdrawn", "requests that it answers, as withdrawn", "502 or 503 for its own clients", scribbled),
    shared!(Daemon "table-limits-that-nobody-reached", "limits that were reached, stacks that were asked for", "its own group alone suffers", scribbled),
    shared!(Daemon "table-bells-without-end", "all that wait are woken all the time", "their processor time is bounded", scribbled),
    shared!(Daemon "table-scribbled-while-it-is-read", "every word changes at any time", "reading ends, and stays within the table", scribbled),
];
