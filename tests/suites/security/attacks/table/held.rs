/*! Attacks that other suites try. *Runs in: tests.* */

use super::{By, How, Row};

macro_rules! held {
    ($by:ident $name:literal, $done:literal, $comes_to:literal, $trial:literal) => {
        Row { name: $name, by: By::$by, done: $done, comes_to: $comes_to, how: How::Held($trial) }
    };
}

macro_rules! beside {
    ($by:ident $name:literal, $done:literal, $comes_to:literal, $file:literal, $test:literal) => {
        Row { name: $name, by: By::$by, done: $done, comes_to: $comes_to, how: How::Beside($file, $test) }
    };
}

/// See the module.
pub const ROWS: &[Row] = &[
    held!(Owner "files-that-run-with-python", "a `.pth` file, `sitecustomize`, a wrapped interpreter", "they run as the group's user alone, also at configtest", "privileges::a_tenants_files_never_run_as_root"),
    held!(Kin "an-identity-that-fails", "each call of the change of identity fails", "no Python runs", "privileges::a_call_that_fails_is_the_end_before_python"),
    held!(Kin "an-application-in-the-engines-connection", "24 kinds of nonsense before the head", "502, one line of the log", "peers::whatever_a_daemon_says_before_its_head_is_502"),
    held!(Kin "an-application-in-the-middle-of-a-response", "44 kinds of nonsense after the head", "the response is aborted", "peers::whatever_a_daemon_says_after_its_head_cuts_the_response"),
    held!(Kin "lines-by-the-megabyte", "60 MB of log lines in one request", "no memory is kept", "peers::a_daemon_that_talks_without_end_costs_no_memory"),
    held!(Stranger "nonsense-at-a-socket", "garbage, half frames, greetings with another secret at a group's socket", "closed unread; the process serves on", "strangers::whatever_comes_the_process_serves_on"),
    held!(Stranger "slow-peers-at-a-socket", "connections that say nothing", "they cost no thread", "strangers::slow_peers_cost_no_thread"),
    held!(Kin "exc-infos-that-are-none", "`start_response` with an `exc_info` of other types", "TypeError", "hostile_applications::what_is_no_exc_info_is_a_type_error"),
    held!(Kin "classes-that-lie", "subclasses whose methods return false types", "their true type counts", "hostile_applications::what_subclasses_say_of_themselves_does_not_count"),
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
    held!(Daemon "table-of-a-group-that-has-another-user", "`user=` of a group changes, and who ran it before has its table mapped", "another table and another secret", "boundaries::a_group_that_changes_its_user_gets_another_table_and_secret"),
    beside!(Daemon "table-that-is-overwritten", "all words of a group's table are overwritten without pause", "its group alone is disturbed; the supervisor writes again what it knows", "crates/supervisor/tests/hostile.rs", "a_table_that_is_overwritten_all_the_time_disturbs_its_group_alone"),
    beside!(Daemon "children-of-the-supervisor", "processes that end so that the supervisor becomes their children's parent", "they are reaped", "crates/supervisor/tests/hostile.rs", "children_that_a_process_has_made_the_supervisors_are_reaped"),
    beside!(Daemon "successor-that-never-gets-ready", "a successor that never gets ready", "others are replaced meanwhile", "crates/supervisor/tests/hostile.rs", "a_successor_that_never_gets_ready_keeps_its_permit_for_so_long"),
    beside!(Daemon "many-groups-few-descriptors", "26 groups where httpd has a limit of 72 descriptors", "all run", "crates/supervisor/tests/rights.rs", "many_groups_run_where_few_descriptors_are_allowed"),
    beside!(Daemon "memory-of-huge-pages", "sealed memory of huge pages, which can run out", "refused: no process is ended by SIGBUS", "crates/shared_memory/src/lib.rs", "memory_in_huge_pages_is_not_mapped"),
    held!(Kin "filter-that-sleeps", "a response through a filter that waits, in embedded mode", "other requests are served meanwhile", "waiting_clients::a_filter_that_sleeps_holds_up_nobody"),
    held!(Client "pipelined-and-not-read", "pipelined requests whose responses are not read, in embedded mode", "other requests are served meanwhile", "waiting_clients::a_client_that_pipelines_and_does_not_read_holds_up_nobody"),
    held!(Client "head-that-is-not-taken", "a long head that is not taken, in embedded mode", "other requests are served meanwhile", "waiting_clients::a_client_that_does_not_take_a_long_head_holds_up_nobody"),
    held!(Client "continue-that-is-not-taken", "`Expect: 100-continue`, and nothing is read, in embedded mode", "other requests are served meanwhile", "waiting_clients::a_client_that_does_not_take_100_continue_holds_up_nobody"),
    held!(Kin "included-pages", "a page that includes one of another application group", "`PyGILState` leads to the outer page's interpreter again", "hostile_applications::an_included_page_leaves_the_other_its_interpreter"),
    held!(Kin "included-pages-that-write", "an included page that keeps `write()` of the outer one's response", "it can't write there", "hostile_applications::an_included_page_cannot_write_to_the_other"),
    held!(Kin "printed-lines", "line breaks and escapes in printed text", "one line, its control characters replaced", "logging::a_printed_line_cannot_forge_another"),
    held!(Stranger "prefix-of-another-user", "`WSGISocketPrefix` in a directory of somebody else", "refused: nothing listens there", "boundaries::sockets_in_a_directory_of_somebody_else_are_refused"),
    held!(Kin "shortened-file", "a file is made shorter while it is sent", "the response is aborted; no process ends", "file_wrapper::a_file_that_is_shortened_is_a_cut_response"),
    held!(Owner "tree-under-strace", "configtest, start, restart and stop with trees of two tenants, under `strace`", "root opens, looks at and executes nothing below a directory of theirs", "tenants::root_touches_nothing"),
    held!(Owner "terminal-of-root", "an interpreter that types into the terminal on which configtest runs", "it has no terminal", "tenants::nothing_is_typed_into_roots_terminal"),
    held!(Owner "files-without-end", "a virtual environment of FIFOs, devices and files of 3 GiB", "configtest ends in time", "tenants::irregular_files_hold_configtest_up_no_longer"),
    held!(Owner "links-to-files-of-root", "an interpreter that is a link to a file of root's", "no hint opens that file to others", "tenants::no_hint_opens_what_a_link_leads_to"),
    held!(Owner "programs-left-by-an-interpreter", "an interpreter that leaves programs in the background at configtest", "they end with it", "tenants::all_that_an_interpreter_started_ends"),
    held!(Owner "floods-at-configtest", "an interpreter that prints without end, and control characters", "one bounded line without them", "tenants::floods_and_control_characters_stay_out"),
    held!(Owner "chroot-of-a-tenant", "`chroot=` leads through a directory of a tenant's, or one to which others may write", "it is not entered, at configtest or by a process", "tenants::a_chroot_of_a_tenants_is_not_entered"),
];
