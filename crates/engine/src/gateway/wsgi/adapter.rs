/*! `start_response` and `write` (PEP 3333, "The start_response() Callable").

Everything is checked here, in the application's own frame, over the whole string: what is refused raises an error that names
the header, and nothing of it reaches the server. */

use std::sync::Arc;

use protocol::{field, rules};

use crate::capi::{Arguments, Attached, Exception, Method, NativeClass, Object, PyResult, Raised};
use crate::metrics::events;
use crate::request::Request;
use crate::request::exchange::{Send, SendError};
use crate::request::response_head::ResponseHead;

/// The two callables of one request.
pub struct Adapter {
    request: Arc<Request>,
}

impl NativeClass for Adapter {
    const NAME: &'static std::ffi::CStr = c"mod_wsgi.Adapter";
    const DOC: &'static std::ffi::CStr = c"What start_response and write of one request belong to.";
    const METHODS: &'static [Method<Self>] = &[
        Method {
            name: c"start_response",
            doc: c"start_response(status, response_headers, exc_info=None): PEP 3333.",
            call: Self::start_response,
        },
        Method {
            name: c"write",
            doc: c"write(data): sends data at once; for applications that can't yield it.",
            call: Self::write,
        },
    ];
}

impl Adapter {
    /// The adapter of `request`.
    pub const fn new(request: Arc<Request>) -> Self {
        Self { request }
    }

    fn start_response<'py>(&self, this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let py = this.py();
        let [status, headers, exc_info] = arguments.bind(["status", "response_headers", "exc_info"], 2)?;
        let (Some(status), Some(headers)) = (status, headers) else {
            return Err(Raised::type_error(py, "start_response() requires a status and a list of headers"));
        };
        self.request.check_open(py)?;
        let exc_info = exc_info.filter(|e| !e.is_none());
        let (begun, flushed) = {
            let output = self.request.output();
            (output.head.is_some(), output.started)
        };
        if let Some(exc_info) = &exc_info {
            let exception = exception_parts(exc_info)?;
            if flushed {
                // PEP 3333: once headers went out, the exception is raised again and ends the response.
                return Err(exception.map_or_else(
                    || {
                        Raised::runtime_error(
                            py,
                            "start_response() was called when the headers had been sent, and exc_info holds no exception",
                        )
                    },
                    Raised::again,
                ));
            }
        } else if begun {
            return Err(Raised::runtime_error(
                py,
                "start_response() was called a second time without exc_info (PEP 3333 requires exc_info then)",
            ));
        }
        if status.is_text() && headers.is_list() {
            events::response_started(py, &self.request, &status, &headers, exc_info.as_ref());
        }
        let head = read_head(py, &status, &headers)?;
        if !self.request.replace_head(head) {
            // A callback, or another thread, has sent the first one meanwhile.
            return Err(Raised::runtime_error(py, "start_response() was called while the headers were being sent"));
        }
        this.attribute(self.request.interpreter.names.write.get(py))
    }

    fn write<'py>(&self, this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let py = this.py();
        let [data] = arguments.bind(["data"], 1)?;
        let Some(data) = data else { return Err(Raised::type_error(py, "write() requires data")) };
        let Some(bytes) = data.as_bytes() else {
            return Err(Raised::type_error(py, &format!("write() requires bytes, not {}", data.type_name())));
        };
        self.request.check_open(py)?;
        if self.request.output().client_gone {
            return Err(Raised::os_error(py, "the client closed the connection, or did not receive the response in time"));
        }
        match super::body::flush(py, &self.request, bytes)? {
            Ok(()) => Ok(Object::none(py)),
            Err(SendError::ClientGone) => Err(Raised::os_error(
                py,
                "the client closed the connection, or received no data of the response within `response-socket-timeout`",
            )),
            Err(SendError::Overdue) => Err(Raised::os_error(
                py,
                "the client is connected, but received no data of the response within `Timeout` (in a daemon process: `socket-timeout`)",
            )),
            Err(SendError::OutOfTime) => Err(Raised::os_error(py, "the request exceeded its `request-timeout`")),
            Err(SendError::Failed) => Err(Raised::os_error(py, "the server could not send the data: see the error log")),
        }
    }
}

/// The parts of what `sys.exc_info()` returns; three times None where no exception is handled, as when an error page is made after the `except` block.
fn exception_parts<'py>(exc_info: &Object<'py>) -> PyResult<Option<Exception<'py>>> {
    let py = exc_info.py();
    let refuse = || Raised::type_error(py, "exc_info must be the tuple that sys.exc_info() returns, or None");
    if !exc_info.is_tuple() || exc_info.length() != 3 {
        return Err(refuse());
    }
    match (exc_info.item(0), exc_info.item(1), exc_info.item(2)) {
        (Some(class), Some(value), Some(traceback)) if class.is_none() && value.is_none() && traceback.is_none() => Ok(None),
        (Some(class), Some(value), Some(traceback)) => Exception::checked(class, value, traceback).map(Some).ok_or_else(refuse),
        _ => Err(refuse()),
    }
}

fn read_head(py: Attached<'_>, status: &Object<'_>, headers: &Object<'_>) -> PyResult<ResponseHead> {
    if !status.is_text() {
        return Err(Raised::type_error(py, &format!("status must be str, not {}", status.type_name())));
    }
    let mut head = latin1(
        status,
        || "invalid status".to_owned(),
        |line| match field::status(line) {
            Ok((number, _)) if rules::status(number).is_err() => Err(Raised::value_error(
                py,
                &format!("status {number} is interim: an application must respond with 200 or above"),
            )),
            Ok((number, reason)) => Ok(ResponseHead::new(number, reason)),
            Err(why) => Err(Raised::value_error(py, &format!("invalid status `{}`: {why}", line.escape_ascii()))),
        },
    )?;
    if !headers.is_list() {
        return Err(Raised::type_error(py, &format!("response headers must be a list, not {}", headers.type_name())));
    }
    for index in 0..headers.length() {
        let Some(pair) = headers.item(index) else { break };
        add_header(py, &mut head, &pair)?;
        if let Some(excess) = head.excess() {
            return Err(Raised::value_error(py, &format!("too many response headers: {excess}")));
        }
    }
    Ok(head)
}

fn add_header(py: Attached<'_>, head: &mut ResponseHead, pair: &Object<'_>) -> PyResult<()> {
    if !pair.is_tuple() || pair.length() != 2 {
        let given = if pair.is_tuple() { format!("a tuple of {}", pair.length()) } else { pair.type_name() };
        return Err(Raised::type_error(py, &format!("each response header must be a tuple (name, value), not {given}")));
    }
    let (Some(name), Some(value)) = (pair.item(0), pair.item(1)) else {
        return Err(Raised::type_error(py, "each response header must be a tuple (name, value)"));
    };
    if !name.is_text() {
        return Err(Raised::type_error(py, &format!("a header name must be str, not {}", name.type_name())));
    }
    latin1(
        &name,
        || "invalid header name".to_owned(),
        |name| {
            if let Err(why) = field::name(name) {
                return Err(Raised::value_error(py, &format!("invalid header name `{}`: {why}", shortened(name))));
            }
            let invalid = || format!("invalid value of header `{}`", shortened(name));
            if !value.is_text() {
                return Err(Raised::type_error(py, &format!("{}: it must be str, not {}", invalid(), value.type_name())));
            }
            latin1(&value, invalid, |value| match field::value(value) {
                Ok(()) => take_header(py, head, name, value),
                Err(why) => Err(Raised::value_error(py, &format!("{}: {why}", invalid()))),
            })
        },
    )
}

/// Gives the latin-1 bytes of a `str` to `take`; a character that latin-1 lacks is a `ValueError` that says what is `invalid`.
fn latin1<R>(text: &Object<'_>, invalid: impl Fn() -> String, take: impl FnOnce(&[u8]) -> PyResult<R>) -> PyResult<R> {
    text.with_latin1(take).unwrap_or_else(|raised| {
        raised.clear(text.py());
        let shown = text.to_text().unwrap_or_else(|raised| {
            raised.clear(text.py());
            String::new()
        });
        let shown: String = shown.chars().take(100).flat_map(char::escape_default).collect();
        Err(Raised::value_error(
            text.py(),
            &format!("{}: `{shown}` contains a character that is not in latin-1 (PEP 3333 native strings)", invalid()),
        ))
    })
}

fn shortened(name: &[u8]) -> String {
    name.get(..100.min(name.len())).unwrap_or_default().escape_ascii().to_string()
}

fn take_header(py: Attached<'_>, head: &mut ResponseHead, name: &[u8], value: &[u8]) -> PyResult<()> {
    if name.eq_ignore_ascii_case(b"content-length") {
        let digits = value.trim_ascii();
        let Some(length) = rules::length(digits) else {
            return Err(Raised::value_error(
                py,
                &format!("invalid value of header `Content-Length`: `{}` is not a length", shortened(value)),
            ));
        };
        if head.content_length.is_some_and(|known| known != length) {
            return Err(Raised::value_error(py, "header `Content-Length` is given twice, with different values"));
        }
        if head.content_length.replace(length).is_none() {
            // Without the blanks around it, which the other side of the channel would not take for a length.
            head.add(name, digits);
        }
        return Ok(());
    }
    head.add(name, value);
    Ok(())
}

/// Hands the head on if that was not done yet, adding a Content-Length that is known now.
///
/// # Errors
/// `RuntimeError` if `start_response` was not called; the inner result is the server's.
pub(super) fn start(py: Attached<'_>, request: &Request, known_length: Option<u64>) -> PyResult<Result<(), SendError>> {
    let has_head = {
        let mut output = request.output();
        let known_length = known_length.filter(|_| !output.started);
        match (&mut output.head, known_length) {
            (Some(head), Some(length)) if head.content_length.is_none() && !head.forbids_body() => {
                head.add(b"Content-Length", length.to_string().as_bytes());
                head.content_length = Some(length);
            }
            _ => {}
        }
        output.head.is_some()
    };
    if !has_head {
        return Err(Raised::runtime_error(py, "the application did not call start_response() before its response body began"));
    }
    request.start(py)
}

/// How body bytes go out unless said otherwise.
pub(super) const AT_ONCE: Send = Send::Flushed;
