/*! The numbered messages of the error log: one row each, used by the code, by `docs/messages.md` and by the tests.

As with httpd's `APLOGNO`, a number is never reused, a new context gets a new number, and trace lines have none.
The numbers begin at WSGI1001, above those of mod_wsgi. Each area has its own file and its own range of numbers. */

use crate::Level;

/// One numbered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogCode {
    /// The number, shown as `WSGI1001`.
    pub number: u16,
    /// The level at which it is logged.
    pub level: Level,
    /// What happened, in a few words: the heading in `docs/messages.md`.
    pub title: &'static str,
    /// Why it happened.
    pub cause: &'static str,
    /// What the server did.
    pub did: &'static str,
    /// What the administrator can do: an imperative sentence.
    pub cure: &'static str,
}

impl std::fmt::Display for LogCode {
    /// Writes the code as at the beginning of a log line: `WSGI1001`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WSGI{:04}", self.number)
    }
}

/// Defines the rows of one area. They are re-exported below, so that callers use the name of the message alone.
macro_rules! log_codes {
    ($($number:literal $name:ident $level:ident $title:literal cause $cause:literal did $did:literal cure $cure:literal;)+) => {
        use super::LogCode;
        use crate::Level;

        $(
            #[doc = $title]
            pub const $name: LogCode = LogCode {
                number: $number, level: Level::$level, title: $title, cause: $cause, did: $did, cure: $cure,
            };
        )+

        /// The messages of this area, in the order of their numbers.
        pub(super) const ROWS: &[LogCode] = &[$($name),+];
    };
}

mod applications;
mod configuration;
mod daemon;
mod python;
mod requests;

pub use applications::{
    APPLICATION_EXCEPTION, APPLICATION_EXIT, APPLICATION_IS_ASGI, CALLABLE_MISSING, CLOSE_FAILED, DAEMON_REQUEST_TIMEOUT,
    INTERPRETER_FAILED, PEER_REFUSED, PROCESS_NOT_STARTED, PYTHON_NOT_STARTED, PYTHON_PATH_MISSING, RELOAD_CHECK_FAILED,
    SCRIPT_NOT_LOADED, SCRIPT_UNREADABLE, SHUTDOWN_FAILED, SHUTDOWN_OVERDUE, TOO_MANY_INTERPRETERS,
};
pub use configuration::{
    ALIAS_NEVER_MATCHES, ALIAS_SHADOWED, DAEMON_ACCOUNT_UNKNOWN, DAEMON_AS_ROOT, DAEMON_IDENTITY_IGNORED, DAEMON_NEEDS_ROOT,
    DAEMON_OPTION_WITHOUT_EFFECT, DIRECTIVE_WITHOUT_EFFECT, EMBEDDED_FORBIDDEN_BUT_MAPPED, GROUP_NOT_ACCESSIBLE,
    GROUP_NOT_DEFINED, GROUP_UNUSED, PANIC, PROXY_HEADERS_FROM_ANYONE, SECTION_GROUP_NOT_DEFINED, SERVICE_GROUP_MISUSED,
    SOCKET_PATH_TOO_LONG, UNKNOWN_NAME_FORM,
};
pub use daemon::{
    AUTHORIZATION_NOT_PASSED, CONTROL_BROKEN, CRASH_LOOP, DAEMON_BROKE_PROTOCOL, DAEMON_CANNOT_START, DAEMON_DIED,
    DAEMON_DIED_LATE, DAEMON_ENDED, DAEMON_KEPT_LEAVING, DAEMON_NOT_READY, DAEMON_OVERTIME, DAEMON_QUEUE_FULL,
    DAEMON_QUEUE_TIMEOUT, DAEMON_SILENT, DAEMON_SOCKET_FAILED, DAEMON_STARTING_FULL, DAEMON_STRANGER, DAEMON_UNREACHABLE,
    DEADLOCK, DIRECTORY_NOT_USABLE, DRAIN_OVERDUE, EVENT_CALLBACK_FAILED, FORK_FAILED, FORK_RETURNED, GROUP_REQUEST_TIMEOUT,
    GROUP_SHARE_USED, GROUP_UNUSABLE, JAIL_INCOMPLETE, LIMIT_NOT_SET, LOCALE_REFUSED, LOCALE_UNKNOWN, LOG_LINES_LOST,
    LOG_WRITER_FAILED, MODULE_GONE, NEW_CODE_NOT_LOADED, NEW_CODE_SERVES, NOT_READY, OLD_CODE_SERVES, OLD_CONFIGURATION_SERVES,
    OUTSIDE_CHROOT, PIPES_LOCKED, PROCESS_DIED, PROCESS_GROUP_FOREIGN, PROCESS_GROUP_RESTRICTED, PROCESS_GROUP_UNAVAILABLE,
    PROCESS_KILLED, PROCESS_NOT_PREPARED, PROGRAMS_KILLED, PYTHON_NOT_EXECUTED, REQUEST_HEAD_TOO_LONG, REQUEST_OVERDUE,
    RESPONSE_HEADER_TOO_LONG, SCOREBOARD_NOT_SHARED, SCRIPT_OUT_OF_REACH, SCRIPT_OWNER_WRONG, SERVICE_GROUP_ASKED,
    SIGNALS_NOT_TOLD, SOCKET_NOT_MADE, SOCKET_OUT_OF_REACH, SOCKET_PLACE_UNSAFE, SOCKET_REMOVED, STARTS_SLOWED, STARTUP_OVERDUE,
    STARTUP_TIMEOUT, STOPPED_WAITING, SUPERVISOR_DIED, SUPERVISOR_NOT_STARTED, THREADS_BUSY, THREADS_MISSING, TOO_MANY_SCRIPTS,
    VIRTUALENV_OF_ANOTHER_PYTHON, WOKEN_BY_A_FILE,
};
pub use python::{
    BUILT_FOR_NEWER_APACHE, EMBEDDED_NOT_STARTED, ENGINE_NOT_LOADED, FILES_NOT_CHECKED, LIBPYTHON_MISSING, LIBPYTHON_NOT_LOADED,
    LIBPYTHON_OF_ANOTHER_PYTHON, PYTHON_AS_ROOT, PYTHON_DIED_AT_START, PYTHON_HOME_BROKEN, PYTHON_NOT_ASKED, PYTHON_NOT_CHECKED,
    PYTHON_NOT_FOUND, PYTHON_UNSUPPORTED,
};
pub use requests::{
    BODY_TOO_LONG, BODY_TOO_SHORT, CHUNKED_REFUSED, CONTENT_LENGTH_MALFORMED, EMBEDDED_RESTRICTED, EXEC_CGI_OFF,
    FILE_ENDED_EARLY, PATH_INFO_REFUSED, PROCESS_GROUP_UNDEFINED, PYTHON_UNAVAILABLE, REQUEST_BODY_TOO_LARGE, RESPONSE_NOT_SENT,
    SCRIPT_IS_DIRECTORY, SCRIPT_MISSING, TRANSFER_ENCODING_UNKNOWN,
};

/// Returns all messages, in the order of their numbers.
pub fn all() -> impl Iterator<Item = &'static LogCode> {
    [configuration::ROWS, python::ROWS, requests::ROWS, applications::ROWS, daemon::ROWS].into_iter().flatten()
}

/// Returns the page `docs/messages.md`, generated from [`all`].
pub fn page() -> String {
    let mut out = String::from(
        "# Messages\n\nEach message of mod_wsgi_rs that may need your attention begins with a code, such as `WSGI1001`. \
         This page lists every code, with its cause and what to do. \
         It is generated from the table that the program uses (`crates/protocol/src/log/log_code/`).\n",
    );
    for code in all() {
        out.push_str(&format!(
            "\n## {code}: {}\n\n* Level: `{}`\n* Cause: {}\n* What the server did: {}\n* What to do: {}\n",
            code.title,
            format!("{:?}", code.level).to_lowercase(),
            code.cause,
            code.did,
            code.cure
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{LogCode, all, page};

    #[test]
    fn numbers_are_unique_ascending_and_ours() {
        let codes: Vec<&LogCode> = all().collect();
        for pair in codes.windows(2) {
            if let [a, b] = pair {
                assert!(a.number < b.number, "{a} precedes {b}");
            }
        }
        assert!(codes.iter().all(|c| c.number >= 1001));
    }

    #[test]
    fn every_message_says_cause_and_cure() {
        for code in all() {
            assert!(!code.cause.is_empty() && !code.did.is_empty() && !code.cure.is_empty(), "{code}");
            assert!(page().contains(&format!("## {code}: ")));
        }
    }

    #[test]
    fn the_committed_page_is_the_generated_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/messages.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            assert!(std::fs::write(&path, page()).is_ok(), "{} cannot be written", path.display());
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == page(),
            "docs/messages.md is not what the table says: run `UPDATE_DOCS=1 cargo test -p mod_wsgi_rs-protocol`"
        );
    }
}
