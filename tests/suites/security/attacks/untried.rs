/*! Which attacks are not tried on mod_wsgi 6.1.1, and why; and what some of the others came to there, where a trial's own words do not say it.
*Runs in: tests.* */

use super::table::{How, Row, control, frames, words};

const OWN_PROTOCOL: &str = "not tried: mod_wsgi's daemon processes speak a protocol of their own";
const NO_SUPERVISOR: &str = "does not apply: httpd's parent forks the processes itself and takes no messages from them";
const SAME_IN_AN_APPLICATION: &str = "not tried so: every process is mod_wsgi's own; see what an application in it can do";
const NO_TABLE: &str = "does not apply: there is no table that processes write";
const NO_INTERPRETER: &str = "does not apply: no interpreter of a virtual environment is executed";

/// Why an attack is not tried; `None` where it is.
pub fn why(row: &Row) -> Option<&'static str> {
    let among = |rows: &[Row]| rows.iter().any(|other| other.name == row.name);
    if among(frames::ROWS) {
        return Some(OWN_PROTOCOL);
    }
    if among(words::ROWS) {
        return Some(NO_TABLE);
    }
    if among(control::ROWS) {
        return Some(if row.comes_to == "refused" { SAME_IN_AN_APPLICATION } else { NO_SUPERVISOR });
    }
    if row.name.starts_with("python-") && matches!(row.how, How::Own(_)) {
        return Some(NO_INTERPRETER);
    }
    match row.name {
        "files-that-run-with-python" => Some("not tried: the trial needs a group's `python=`"),
        "an-identity-that-fails" => Some("not tried: the trial needs failures that it brings about in the supervisor"),
        "an-application-in-the-engines-connection"
        | "an-application-in-the-middle-of-a-response"
        | "lines-by-the-megabyte"
        | "nonsense-at-a-socket"
        | "slow-peers-at-a-socket"
        | "server-speaks-without-the-secret"
        | "listener-of-another-user" => Some(OWN_PROTOCOL),
        "child-reaches-the-log-writer" | "server-reaches-the-log-writer" => {
            Some("does not apply: there is no log writer; daemon processes have httpd's logs open themselves")
        }
        "all-workers-of-httpd" | "share-of-the-dead" => Some("does not apply: there is no `maximum-in-flight=`"),
        _ => None,
    }
}

/// What a failure comes to, where the trial's own message says too little, or too much.
pub fn in_words(row: &Row) -> Option<&'static str> {
    let known = [
        ("tenant-writes-shared-memory", "**not so**: every daemon process has httpd's scoreboard mapped, and can write it"),
        (
            "tenant-writes-logs",
            "**not so**: standard error is httpd's log: a line looks as the application wants, control characters included",
        ),
        ("exc-infos-that-are-none", "**not so**: the process dies"),
        ("objects-of-an-ended-request", "the same, except that `flush()` of `wsgi.errors` is accepted; it does nothing"),
        (
            "sources-that-forge-lines",
            "**not so**: the file name of a record begins a line of the log, control characters included",
        ),
        ("time-of-a-process-that-stands-still", "**not so**: with `request-timeout=1` there was no answer after 30 s"),
        ("script-that-is-swapped", "**not so**: refused where a URL leads to the script, but run for `WSGIHandlerScript`"),
        ("interpreters-by-host", "**not so**: each port is an interpreter"),
    ];
    known.into_iter().find(|(name, _)| *name == row.name).map(|(_, words)| words)
}

/// What has to be said of a success: it was not without help.
pub fn with_help(row: &Row) -> &'static str {
    match row.how {
        // The trial sets one, so that the machine lives on.
        How::Own(_) => "the same, with a `virtual-memory-limit=`",
        _ => "the same",
    }
}
