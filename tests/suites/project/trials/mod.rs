/*! Faults, restarts and awkward clients: the trials that a server must survive, each run once against mod_wsgi too.

`make test` runs them for as long as it has time for. `make soak` runs them in full length and against mod_wsgi 6.1.1, and writes
`docs/reliability.md`. *Runs in: tests.* */

mod chaos;
mod clients;
mod deaths;
mod field;
mod hangs;
mod page;
mod restarts;
mod stuck;
mod trust;

use crate::suite;
use crate::support::matrix::{Case, Reach, Setup, Suite};

/// One trial.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its number in the list of trials.
    pub number: &'static str,
    /// In words, from the function's name.
    pub name: &'static str,
    /// What is done to the server.
    pub injected: &'static str,
    /// What must come of it.
    pub demanded: &'static str,
    /// Does it.
    pub trial: fn(&Setup),
}

macro_rules! row {
    ($number:literal, $module:ident::$function:ident, $injected:literal, $demanded:literal) => {
        Row { number: $number, name: stringify!($function), injected: $injected, demanded: $demanded, trial: $module::$function }
    };
}

/// All of them, in the order of the page.
const ROWS: &[Row] = &[
    row!(
        "A1",
        deaths::a_death_before_the_answer_is_502_at_once,
        "SIGKILL to the daemon before it has answered",
        "502 within a second, a line of the log names process, signal and request, a new process serves soon"
    ),
    row!(
        "A2",
        deaths::a_death_in_a_body_with_a_length_shows,
        "SIGKILL in the middle of a body with `Content-Length`",
        "a short body, the connection closed, the bytes in the access log"
    ),
    row!(
        "A3",
        deaths::a_death_in_a_chunked_body_shows,
        "SIGKILL, `os._exit` and a crash in the middle of a chunked body; SIGKILL over HTTP/2",
        "no final chunk, the connection closed; the stream reset"
    ),
    row!(
        "A4",
        deaths::an_exception_in_a_body_shows,
        "an exception in the middle of a body, chunked and with `Content-Length`",
        "the response is aborted as in A2 and A3, `close()` called, one traceback, the process lives"
    ),
    row!(
        "A5",
        deaths::a_segmentation_fault_hurts_its_group_alone,
        "a segmentation fault in C code, three times",
        "502, signal, request and Python stack in the log, no failed request of another group"
    ),
    row!(
        "A6",
        deaths::an_application_that_ends_its_process_is_explained,
        "`os._exit(3)`, `os.abort()` and `sys.exit()` in a request",
        "502, the status or signal and the request in the log; 500 and a process that lives on"
    ),
    row!(
        "A6",
        deaths::a_crash_loop_is_slowed_down_and_named_once,
        "`os._exit(3)` at import",
        "a growing pause between the starts, the loop named once, 503 at once meanwhile, service when it is corrected"
    ),
    row!(
        "A6",
        deaths::an_exit_at_import_is_500_and_tried_again,
        "`sys.exit()` at import",
        "500 for each request, and service when it is corrected"
    ),
    row!(
        "A8",
        hangs::a_hang_in_a_loop_ends_at_its_limit,
        "a request that computes for ever, `request-timeout=2`",
        "504 within a second of the limit, others served"
    ),
    row!(
        "A8",
        hangs::a_hang_in_a_sleep_ends_at_its_limit,
        "a request that sleeps for ever, `request-timeout=2`",
        "504 within a second of the limit, others served"
    ),
    row!(
        "A8",
        hangs::a_hang_with_the_gil_held_ends_at_its_limit,
        "a request that waits in C with the GIL held, `request-timeout=2`",
        "504 within a second of the limit, the other group served"
    ),
    row!(
        "A8",
        stuck::a_hang_that_no_signal_ends_holds_up_nobody_else,
        "a request that waits in the kernel where SIGKILL does not reach it, `request-timeout=2`, then a deployment and a graceful restart",
        "504 within a second of the limit, others served, deployment and restart go their way, the process goes when it can"
    ),
    row!(
        "A9",
        hangs::a_full_queue_is_refused_early_and_recovers,
        "all threads hang, the queue is full, then they are released",
        "503 with `Retry-After` at once; the rest is served by the same process"
    ),
    row!(
        "A10",
        hangs::a_stopped_process_holds_up_its_group_for_the_queue_timeout_alone,
        "SIGSTOP to the daemon, SIGCONT later, `queue-timeout=2`",
        "504 for those that wait for a thread, other groups served, the same process goes on"
    ),
    row!(
        "A11",
        deaths::a_killed_apache_child_frees_its_threads,
        "SIGKILL to httpd's child in the middle of a request",
        "`close()` is called and the thread free about a second later"
    ),
    row!(
        "A12",
        deaths::a_killed_parent_takes_everything_along,
        "SIGKILL to httpd's parent, then a new start on what it left behind",
        "every daemon process gone within 5 s, with a request running; the new server serves"
    ),
    row!(
        "A13",
        deaths::a_killed_supervisor_costs_no_request,
        "SIGKILL to the supervisor under load",
        "another one starts new processes; no failed request"
    ),
    row!(
        "A13",
        deaths::a_process_without_supervisor_keeps_its_limit,
        "SIGKILL to the supervisor while a request hangs, `shutdown-timeout=2`",
        "the old process ends after two seconds; a new one serves at once"
    ),
    row!(
        "A14",
        deaths::children_of_an_application_end_with_it,
        "programs and forks that an application leaves behind",
        "they hold no socket of the server and end with their process"
    ),
    row!(
        "B1",
        restarts::graceful_restarts_lose_no_request,
        "graceful restarts under kept and new connections, long requests and uploads",
        "no failed request, and no longer gap than httpd's own files have"
    ),
    row!(
        "B2",
        restarts::idle_restarts_leave_nothing_behind,
        "graceful restarts of an idle server, one after the other",
        "no growth of the parent: memory, descriptors, mappings"
    ),
    row!(
        "B3",
        restarts::new_code_comes_without_a_failed_request,
        "a new version of the script under load, 4 processes, again and again",
        "no failed request, three processes ready at any moment, never old code after new"
    ),
    row!(
        "B3",
        restarts::new_code_for_one_process_comes_without_a_failed_request,
        "the same with one process",
        "no failed request, one process ready at any moment, never old code after new"
    ),
    row!(
        "B4",
        restarts::broken_code_is_not_deployed,
        "new versions with a syntax error, an import error, a hang at import",
        "the old code serves on, the log says why, the next good version comes into service"
    ),
    row!(
        "B4",
        restarts::recycling_loses_no_request,
        "`maximum-requests=50` under load",
        "no failed request, no connection closed, no gap of more than a second"
    ),
    row!(
        "B6",
        restarts::a_stop_waits_for_requests_and_for_nothing_else,
        "a graceful stop with a request in flight",
        "the request is answered"
    ),
    row!("B6", restarts::fifty_idle_groups_stop_at_once, "a stop of 50 idle groups", "it takes less than a second"),
    row!(
        "C3",
        clients::a_broken_upload_is_an_oserror_and_frees_its_thread,
        "an upload that breaks off at half, with a length and chunked",
        "an `OSError` for the application, its thread free"
    ),
    row!(
        "C4",
        clients::a_client_that_leaves_during_a_computation_is_noticed,
        "a client that leaves while the application computes",
        "`close()` is called within a second of the next write"
    ),
    row!(
        "C4",
        clients::a_client_that_leaves_during_a_stream_is_noticed,
        "a client that leaves while the application streams",
        "`close()` is called about a second later"
    ),
    row!(
        "C5",
        clients::large_bodies_go_through_in_constant_memory,
        "large bodies up and down, files from offsets",
        "each byte right, memory constant"
    ),
    row!(
        "C6",
        clients::expect_100_continue_is_honoured,
        "`Expect: 100-continue` with a body that is read, ignored, refused, or not waited for",
        "100 only when the application reads; the connection goes on in step or is closed"
    ),
    row!(
        "C7",
        clients::an_unread_body_is_no_next_request,
        "bodies that look like requests and that nobody reads, then the next request on the same connection",
        "it gets its own answer, or the connection is closed"
    ),
    row!(
        "C8",
        clients::both_directions_may_be_full,
        "an application that writes while it reads, and a client that reads only when every buffer is full",
        "no deadlock, also with small buffers"
    ),
    row!(
        "C9",
        clients::a_flood_is_refused_and_not_failed,
        "a flood of connections to one thread with a queue of ten",
        "200 or 503, nothing else; service afterwards"
    ),
    row!(
        "D11",
        trust::an_application_that_speaks_for_its_process_is_not_believed,
        "an application that writes garbage, a head and a response into its process's connection to httpd",
        "502 or an aborted response, nothing of it seen by the client, httpd's processes live on"
    ),
    row!(
        "D11",
        trust::nonsense_at_a_socket_is_dropped,
        "more connections with nonsense at a process's socket than it has threads",
        "the process serves beside them, within 3 s, and does not grow"
    ),
    row!(
        "E6",
        trust::who_cannot_become_the_user_runs_nothing,
        "setting a process's supplementary groups, group or user fails",
        "nothing of the application is loaded, a line of the log says what failed, the other group serves"
    ),
    row!(
        "E8",
        trust::another_user_at_the_socket_gets_no_word,
        "another user sends a valid request to a process's socket, also with the socket's mode widened",
        "not let in; closed before anything is run"
    ),
    row!(
        "X",
        chaos::whatever_happens_no_answer_is_wrong,
        "all of it at once, at random: kills, stops, deployments, restarts, clients that leave",
        "no wrong answer, none that only looks whole, nobody waits for ever; all is as before when it is over"
    ),
];

/// The suite.
pub fn suite() -> Suite {
    let mut suite = suite!("trials", hangs, page).in_daemon_mode().reach(Reach::Once);
    suite.cases.extend(ROWS.iter().map(|row| Case::own(row.name, row.trial)));
    suite
}
