/*! The reasons why a request is refused before it reaches an application: one table of statuses and log messages. The statuses are
those of mod_wsgi, except where `docs/compatibility.md` lists a difference. The rows about process groups are in [`super::group_failure`].

A failure is a plain value. The handler converts it to the status of httpd and one log message. *Runs in: child.* */

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
    /// The script was mapped by its handler, and `Options ExecCGI` is off in its directory.
    ExecCgiOff(&'a [u8]),
    /// The URL continues after the script, and `AcceptPathInfo` is off.
    PathInfoRefused(&'a [u8]),
    /// `Transfer-Encoding` is not `chunked`.
    TransferEncoding(&'a [u8]),
    /// The body is chunked, and `WSGIChunkedRequest` is off.
    ChunkedRefused,
    /// `Content-Length` is not a number.
    ContentLengthMalformed(&'a [u8]),
    /// The `Content-Length` is larger than `LimitRequestBody`.
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
        /// The file and line of its `WSGIDaemonProcess`, if known.
        declared: Option<&'a str>,
        /// Why.
        failure: GroupFailure<'a>,
    },
    /// Python does not run in this child process. The reason includes its own `To fix:`.
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

    /// Returns the status that the client gets.
    pub const fn status(&self) -> u16 {
        self.row().0
    }

    /// Returns the numbered message.
    pub const fn code(&self) -> LogCode {
        self.row().1
    }

    /// Returns the log message: code, cause, the configuration lines of the group and of the alias (if there are any), and what to do.
    pub fn message(&self, alias: Option<&Alias>) -> String {
        let (code, cause) = (self.code(), self.cause());
        let declared = match self {
            Self::Group { declared: Some(place), .. } => format!(", WSGIDaemonProcess at {place}"),
            _ => String::new(),
        };
        let mapped = alias.map(|alias| format!(", mapped at {}", alias.defined_at)).unwrap_or_default();
        match self.cure() {
            Some(cure) => format!("{code}: {cause}{declared}{mapped}. To fix: {cure}"),
            None => format!("{code}: {cause}"),
        }
    }

    fn cause(&self) -> String {
        match self {
            Self::ScriptMissing(script) => format!("the WSGI script does not exist: {}", quoted(script)),
            Self::ScriptIsDirectory(script) => {
                format!("the URL is mapped to a directory, not to a WSGI script: {}", quoted(script))
            }
            Self::ExecCgiOff(script) => {
                format!("the script was not run, because Options ExecCGI is off in its directory: {}", quoted(script))
            }
            Self::PathInfoRefused(script) => {
                format!("the URL continues after the script, and AcceptPathInfo is off: {}", quoted(script))
            }
            Self::TransferEncoding(value) => {
                format!("the Transfer-Encoding of the request is not supported: {}", quoted(value))
            }
            Self::ChunkedRefused => "the request has a chunked body, and WSGIChunkedRequest is off".to_owned(),
            Self::ContentLengthMalformed(value) => {
                format!("the Content-Length of the request is not a number: {}", quoted(value))
            }
            Self::BodyTooLarge { length, limit } => {
                format!("the request body is longer than LimitRequestBody allows: {length} bytes, the limit is {limit}")
            }
            Self::EmbeddedRestricted => {
                "the application is configured for embedded mode, which `WSGIRestrictEmbedded On` forbids".to_owned()
            }
            Self::Group { name, failure, .. } => failure.cause(name),
            Self::PythonUnavailable(reason) => format!("Python does not run in this httpd child process: {reason}"),
        }
    }

    const fn cure(&self) -> Option<&'static str> {
        Some(match self {
            Self::ScriptMissing(_) => {
                "create the file, or correct the path; Apache's user must be able to search the directories above it"
            }
            Self::ScriptIsDirectory(_) => "request a script in the directory, or map the URL to a script",
            Self::ExecCgiOff(_) => "set `Options +ExecCGI` for the directory, or map the script with `WSGIScriptAlias`",
            Self::PathInfoRefused(_) => "remove `AcceptPathInfo Off` for this script; most applications need that path",
            Self::TransferEncoding(_) => "correct the client, or the proxy in front of httpd: only `chunked` is supported",
            Self::ChunkedRefused => "set `WSGIChunkedRequest On` if the application can read a body without Content-Length",
            Self::ContentLengthMalformed(_) => "correct the client that sent the request",
            Self::BodyTooLarge { .. } => "raise `LimitRequestBody` for this location if the application expects such requests",
            Self::EmbeddedRestricted => {
                "remove `WSGIRestrictEmbedded On`, or assign the application to a process group of `WSGIDaemonProcess`"
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
        (Failure::PythonUnavailable("no such directory. To fix: create it"), 503),
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
            assert_eq!(message.matches(". To fix: ").count(), 1, "{message}");
            assert!((1100..1150).contains(&code.number) || (1320..1380).contains(&code.number), "{code}");
            assert!(!numbers.contains(&code.number), "{code} is used for two failures");
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
        assert!(message.contains("`/srv/a.wsgi`, mapped at site.conf:3. To fix: "), "{message}");
        let failure = super::GroupFailure::QueueFull(1);
        let message = Failure::Group { name: b"shop", declared: Some("site.conf:1"), failure }.message(Some(&alias));
        assert!(message.contains("are waiting, WSGIDaemonProcess at site.conf:1, mapped at site.conf:3. To fix: "), "{message}");
    }

    #[test]
    fn what_a_client_sent_cannot_break_the_line() {
        let message = Failure::TransferEncoding(b"a\r\nWSGI9999: b").message(None);
        assert!(!message.contains(['\r', '\n']), "{message}");
    }
}
