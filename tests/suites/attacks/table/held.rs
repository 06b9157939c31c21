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
    held!(Kin "exc-infos-that-are-none", "`start_response` with an `exc_info` of other types", "TypeError", "hostile_applications::what_is_no_exc_info_is_a_type_error"),
    held!(Kin "classes-that-lie", "subclasses whose methods lie about themselves", "their true type counts", "hostile_applications::what_subclasses_say_of_themselves_does_not_count"),
    held!(Kin "causes-without-end", "an exception that is its own cause, at import", "500, one traceback", "hostile_applications::a_script_whose_exception_is_its_own_cause_is_500"),
    held!(Kin "destructors-that-call-back", "`close()` and destructors that call back", "no deadlock, no crash", "hostile_applications::close_and_destructors_may_call_back"),
    held!(Kin "objects-of-an-ended-request", "objects that are used after the request's end, and by several threads", "an exception", "hostile_applications::objects_of_an_ended_request_are_refused"),
    held!(Kin "names-that-forge-lines", "names with line breaks in objects that are logged", "one line each", "hostile_applications::names_forge_no_log_lines"),
    held!(Kin "sources-that-forge-lines", "a `logging` record whose file name has line breaks", "one line", "logging::the_source_of_a_record_cannot_forge_a_line"),
    held!(Kin "keys-that-wait", "names of a script's module that compare slowly", "nobody else waits", "hostile_applications::slow_names_of_a_script_hold_up_nobody_else"),
    held!(Client "interpreters-by-host", "`Host` with 60 different ports", "one interpreter", "interpreters::a_host_in_all_its_spellings_is_one_interpreter"),
    held!(Daemon "all-workers-of-httpd", "more requests than a group may hold of httpd's workers", "503 beyond `maximum-in-flight=`", "distrust::a_group_has_its_share_of_httpds_workers"),
    held!(Daemon "share-of-the-dead", "a child dies with a share of a group's requests", "the share is free again", "distrust::the_share_of_a_child_that_died_is_free_again"),
    held!(Daemon "time-of-a-process-that-stands-still", "a process is stopped in the middle of a request", "504 after `request-timeout` and a grace", "distrust::a_process_that_stands_still_does_not_keep_a_request_beyond_its_time"),
    held!(Stranger "listener-of-another-user", "somebody else listens where a group's socket should be", "a child sends him nothing", "strangers::a_listener_of_another_user_is_sent_nothing"),
    held!(Owner "script-that-is-swapped", "scripts and directories of others below `script-user=`", "403; nothing is run", "script_owner::only_the_owners_scripts_are_run_at_start_and_by_requests"),
];
