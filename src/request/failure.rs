/*! Why a request is refused before an application sees it: who gets which status, and what the log says, as one table. The statuses
are mod_wsgi's but where `docs/compatibility.md` says otherwise; the rows that concern a process group are in [`super::group_failure`].

A failure is data here; the handler turns it into Apache's status and one log line. *Runs in: child.* */

use protocol::log_code::{self, LogCode};

use super::group_failure::GroupFailure;
use config::error::quoted;
use config::settings::Alias;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<'a> {
    /// The script does not exist.
    ScriptMissing(&'a [u8]),
    /// The script is a directory.
    ScriptIsDirectory(&'a [u8]),
    /// A script reached by its handler stands where `Options ExecCGI` is off.
    ExecCgiOff(&'a [u8]),
    /// The URL goes on after the script, and `AcceptPathInfo` is off.
    PathInfoRefused(&'a [u8]),
    /// `Transfer-Encoding` is something else than `chunked`.
    TransferEncoding(&'a [u8]),
    /// The body is chunked, and `WSGIChunkedRequest` is off.
    ChunkedRefused,
    /// `Content-Length` is not a number.
    ContentLengthMalformed(&'a [u8]),
    /// The body is announced as longer than `LimitRequestBody`.
    BodyTooLarge {
        /// `Content-Length`
        length: u64,
        /// `LimitRequestBody`
        limit: u64,
    },
    /// `WSGIRestrictEmbedded On`
    EmbeddedRestricted,
    /// The process group does not serve the request.
    Group {
        /// Its name; empty for embedded mode.
        name: &'a [u8],
        /// Where its `WSGIDaemonProcess` stands, if that is known.
        declared: Option<&'a str>,
        /// Why.
        failure: GroupFailure<'a>,
    },
    /// Python does not run in this Apache child, for the reason given, which ends with its own hint.
    PythonUnavailable(&'a str),
}

impl Failure<'_> {
    const fn row(&self) -> (u16, LogCode) {
        match self {
            Self::ScriptMissing(_) => (404, log_code::SCRIPT_MISSING),
            Self::ScriptIsDirectory(_) => (403, log_code::SCRIPT_IS_DIRECTORY),
            Self::ExecCgiOff(_) => (403, log_code::EXEC_CGI_OFF),
            Self::PathInfoRefused(_) => (404, log_code::PATH_INFO_REFUSED),
            Self::TransferEncoding(_) => (501, log_code::TRANSFER_ENCODING_UNKNOWN),
            Self::ChunkedRefused => (411, log_code::CHUNKED_REFUSED),
            Self::ContentLengthMalformed(_) => (400, log_code::CONTENT_LENGTH_MALFORMED),
            Self::BodyTooLarge { .. } => (413, log_code::REQUEST_BODY_TOO_LARGE),
            Self::EmbeddedRestricted => (500, log_code::EMBEDDED_RESTRICTED),
            Self::Group { failure, .. } => failure.row(),
            Self::PythonUnavailable(_) => (503, log_code::PYTHON_UNAVAILABLE),
        }
    }

    /// The status that the client gets.
    pub const fn status(&self) -> u16 {
        self.row().0
    }

    /// The numbered message.
    pub const fn code(&self) -> LogCode {
        self.row().1
    }

    /// The line for the log: code, cause, the places of the group and of the alias that mapped the request (if there are any), cure.
    pub fn message(&self, alias: Option<&Alias>) -> String {
        let (code, cause) = (self.code(), self.cause());
        let declared = match self {
            Self::Group { declared: Some(place), .. } => format!(", WSGIDaemonProcess at {place}"),
            _ => String::new(),
        };
        let mapped = alias.map(|alias| format!(", mapped at {}", alias.defined_at)).unwrap_or_default();
        match self.cure() {
            Some(cure) => format!("{code}: {cause}{declared}{mapped} (hint: {cure})"),
            None => format!("{code}: {cause}"),
        }
    }

    fn cause(&self) -> String {
        match self {
            Self::ScriptMissing(script) => format!("target WSGI script not found: {}", quoted(script)),
            Self::ScriptIsDirectory(script) => format!("attempt to invoke a directory as WSGI application: {}", quoted(script)),
            Self::ExecCgiOff(script) => {
                format!("Options ExecCGI is off in this directory, so the script is not run: {}", quoted(script))
            }
            Self::PathInfoRefused(script) => {
                format!("AcceptPathInfo is off, so no path may follow the script: {}", quoted(script))
            }
            Self::TransferEncoding(value) => {
                format!("the request has a Transfer-Encoding that is not understood: {}", quoted(value))
            }
            Self::ChunkedRefused => "the request has a chunked body, which is not accepted here".to_owned(),
            Self::ContentLengthMalformed(value) => {
                format!("the request has a Content-Length that is not a number: {}", quoted(value))
            }
            Self::BodyTooLarge { length, limit } => {
                format!("the request body is longer than LimitRequestBody allows: {length} bytes, the limit is {limit}")
            }
            Self::EmbeddedRestricted => {
                "the application runs in embedded mode, which `WSGIRestrictEmbedded On` forbids".to_owned()
            }
            Self::Group { name, failure, .. } => failure.cause(name),
            Self::PythonUnavailable(reason) => format!("Python does not run in this Apache process: {reason}"),
        }
    }

    const fn cure(&self) -> Option<&'static str> {
        Some(match self {
            Self::ScriptMissing(_) => {
                "create the file or correct the path; Apache's user must be able to search the directories above it"
            }
            Self::ScriptIsDirectory(_) => "ask for a script in it, or map the URL to a script",
            Self::ExecCgiOff(_) => "write `Options +ExecCGI` for the directory, or map the script by `WSGIScriptAlias`",
            Self::PathInfoRefused(_) => "remove `AcceptPathInfo Off` for this script: most applications route by that path",
            Self::TransferEncoding(_) => "only `chunked` is possible; correct the client, or the proxy before Apache",
            Self::ChunkedRefused => "write `WSGIChunkedRequest On` if the application can read a body without Content-Length",
            Self::ContentLengthMalformed(_) => "correct the client that sent it",
            Self::BodyTooLarge { .. } => "raise `LimitRequestBody` for this location, or send less",
            Self::EmbeddedRestricted => {
                "remove `WSGIRestrictEmbedded On`, or give the application a process group of `WSGIDaemonProcess`"
            }
            Self::Group { failure, .. } => return failure.cure(),
            Self::PythonUnavailable(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::group_failure::samples;
    use super::Failure;
    use config::settings::Alias;

    const ALL: &[(Failure<'_>, u16)] = &[
        (Failure::ScriptMissing(b"/srv/a.wsgi"), 404),
        (Failure::ScriptIsDirectory(b"/srv"), 403),
        (Failure::ExecCgiOff(b"/srv/a.wsgi"), 403),
        (Failure::PathInfoRefused(b"/srv/a.wsgi"), 404),
        (Failure::TransferEncoding(b"gzip"), 501),
        (Failure::ChunkedRefused, 411),
        (Failure::ContentLengthMalformed(b"abc"), 400),
        (Failure::BodyTooLarge { length: 2, limit: 1 }, 413),
        (Failure::EmbeddedRestricted, 500),
        (Failure::PythonUnavailable("no such directory (hint: make it)"), 503),
    ];

    fn all() -> Vec<(Failure<'static>, u16)> {
        let groups =
            samples().map(|(failure, status)| (Failure::Group { name: b"shop", declared: Some("site.conf:1"), failure }, status));
        ALL.iter().copied().chain(groups).collect()
    }

    #[test]
    fn every_failure_has_its_documented_status() {
        for (failure, status) in all() {
            assert_eq!(failure.status(), status, "{failure:?}");
        }
    }

    #[test]
    fn every_message_has_a_code_of_its_own_a_cause_and_a_cure() {
        let mut numbers = Vec::new();
        for (failure, _) in all() {
            let (code, message) = (failure.code(), failure.message(None));
            assert!(message.starts_with(&format!("{code}: ")), "{message}");
            assert_eq!(message.matches(" (hint: ").count(), 1, "{message}");
            assert!((1100..1150).contains(&code.number) || (1320..1380).contains(&code.number), "{code}");
            assert!(!numbers.contains(&code.number), "{code} stands for two failures");
            numbers.push(code.number);
        }
    }

    #[test]
    fn the_lines_of_the_configuration_that_led_there_are_named() {
        let alias = Alias {
            location: b"/".as_slice().into(),
            pattern: None,
            target: b"/srv/a.wsgi".as_slice().into(),
            process_group: None,
            application_group: None,
            callable_object: None,
            pass_authorization: None,
            defined_at: "site.conf:3".into(),
            order: 0,
        };
        let message = Failure::ScriptMissing(b"/srv/a.wsgi").message(Some(&alias));
        assert!(message.contains("`/srv/a.wsgi`, mapped at site.conf:3 (hint: "), "{message}");
        let failure = super::GroupFailure::QueueFull(1);
        let message = Failure::Group { name: b"shop", declared: Some("site.conf:1"), failure }.message(Some(&alias));
        assert!(message.contains("wait already, WSGIDaemonProcess at site.conf:1, mapped at site.conf:3 (hint: "), "{message}");
    }

    #[test]
    fn what_a_client_sent_cannot_break_the_line() {
        let message = Failure::TransferEncoding(b"a\r\nWSGI9999: b").message(None);
        assert!(!message.contains(['\r', '\n']), "{message}");
    }
}
