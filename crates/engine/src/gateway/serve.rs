/*! One request inside Python, from the script to the last byte. */

use std::sync::Arc;

use protocol::embedded::outcome;
use protocol::log_code::{APPLICATION_EXCEPTION, APPLICATION_EXIT, APPLICATION_IS_ASGI, CLOSE_FAILED, FORK_RETURNED, LogCode};

use crate::capi::{Attached, Object, Raised, fork, leave_process, thread};
use crate::gateway::wsgi::{self, Adapter, Failure};
use crate::interpreter::Interpreter;
use crate::interpreter::failure::{self, Context};
use crate::interpreter::registry::Registry;
use crate::interpreter::script::Reload;
use crate::logging;
use crate::metrics::events;
use crate::request::call::Call;
use crate::request::exchange::Exchange;
use crate::request::{self, Facts, Request};

/// Besides the protocol's outcomes, with [`Reload::Elsewhere`]: nothing of the request was run, because its script asks to be loaded again.
pub const STALE: i32 = -1;

/// Where a request is to run.
pub struct Target<'a> {
    /// Resolved application group.
    pub group: &'a [u8],
    /// A name that the client may have chosen.
    pub dynamic: bool,
}

/// Who is told while a request's thread is inside Python: the time limits of daemon mode.
pub trait RequestObserver {
    /// The thread is attached to `interpreter` and about to run the application.
    fn entered(&self, interpreter: &'static Interpreter);
    /// The request has ended, and nothing that is meant for it may reach the thread's next one. Still attached.
    fn left(&self, py: Attached<'_>);
}

/// Nobody: embedded mode has no time limits of ours.
pub struct Unobserved;

impl RequestObserver for Unobserved {
    fn entered(&self, _interpreter: &'static Interpreter) {}
    fn left(&self, _py: Attached<'_>) {}
}

/// Runs one request: an [`outcome`], or [`STALE`].
pub fn run(
    registry: &'static Registry,
    target: &Target<'_>,
    exchange: Box<dyn Exchange>,
    facts: Facts,
    call: &Call<'_>,
    observer: &dyn RequestObserver,
) -> i32 {
    let Some(interpreter) = registry.find(target.group, target.dynamic) else { return outcome::UNAVAILABLE };
    thread::attached(interpreter.handle, |py| {
        // What the script may say in its answer is no part of the request, which may yet be another process's.
        if call.wanted.reload == Reload::Elsewhere
            && interpreter.script(call.script, registry.settings.case_sensitive).asks_for_reload(
                py,
                interpreter,
                call.wanted.resource,
            )
        {
            return STALE;
        }
        let request = Request::new(interpreter, exchange, facts);
        let entered = request::enter(&request);
        observer.entered(interpreter);
        let answered = respond(py, registry, interpreter, &request, call);
        if fork::is_copy() {
            leave_copy(&format!(" from the request{}", of_request(call)), answered == outcome::FAILED);
        }
        events::finished(py, interpreter, &request, seen_status(&request, answered));
        request.end(py);
        if let Some(stream) = request.take_error_stream() {
            wsgi::end_error_stream(py, interpreter, stream);
        }
        observer.left(py);
        drop(entered);
        answered
    })
}

/// A process that the application forked has come back from it: it has no connection, no workers and nothing to do.
pub fn leave_copy(whence: &str, failed: bool) -> ! {
    logging::log_code(FORK_RETURNED, &format!("a process that the application forked returned{whence}, and was ended"));
    leave_process(i32::from(failed))
}

fn respond(py: Attached<'_>, registry: &Registry, interpreter: &Interpreter, request: &Arc<Request>, call: &Call<'_>) -> i32 {
    let script = interpreter.script(call.script, registry.settings.case_sensitive);
    let Ok(callable) = script.callable(py, interpreter, call.wanted, call.callable) else { return outcome::FAILED };
    events::observe(py, interpreter, request, call);
    let response = match begin(py, interpreter, request, call, &callable) {
        Ok(response) => response,
        Err(raised) => {
            let raised = explained(py, interpreter, &callable, None, raised, call);
            return raised
                .map_or_else(|| broken(request, outcome::FAILED), |raised| failed(py, interpreter, request, call, raised));
        }
    };
    let sent = wsgi::send(py, request, &response);
    // The exception of the body comes before whatever close() may raise.
    let answered = match sent {
        Ok(()) => outcome::DONE,
        Err(Failure::Raised(raised)) => explained(py, interpreter, &callable, Some(&response), raised, call)
            .map_or_else(|| broken(request, outcome::FAILED), |raised| failed(py, interpreter, request, call, raised)),
        Err(Failure::ClientGone) => outcome::CLIENT_GONE,
        Err(Failure::Server | Failure::Short) => broken(request, outcome::TRUNCATED),
    };
    if !response.is_plain_sequence() {
        close(py, interpreter, request, call, &response);
    }
    answered
}

/// Calls the application.
fn begin<'py>(
    py: Attached<'py>,
    interpreter: &Interpreter,
    request: &Arc<Request>,
    call: &Call<'_>,
    callable: &Object<'py>,
) -> Result<Object<'py>, Raised> {
    let environ = wsgi::environ(py, interpreter, request, call)?;
    let adapter = interpreter.classes.adapter.instance(py, Adapter::new(Arc::clone(request)))?;
    let start_response = adapter.attribute(interpreter.names.start_response.get(py))?;
    let instead = events::started(py, interpreter, request, call, &environ, callable);
    instead.as_ref().unwrap_or(callable).call(&[&environ, &start_response])
}

/// Says in one line that the application is no WSGI application, if that is why it raised; else gives the exception back.
fn explained(
    py: Attached<'_>,
    interpreter: &Interpreter,
    application: &Object<'_>,
    answer: Option<&Object<'_>>,
    raised: Raised,
    call: &Call<'_>,
) -> Option<Raised> {
    if !raised.is_type_error(py) {
        return Some(raised);
    }
    let exception = raised.take(py)?;
    let none = Object::none(py);
    let asked = interpreter.helpers.is_asynchronous.get(py).call(&[application, answer.unwrap_or(&none)]);
    let asynchronous = asked.and_then(|answer| answer.truth()).unwrap_or_else(|raised| {
        raised.clear(py);
        false
    });
    if !asynchronous {
        return Some(Raised::again(exception));
    }
    logging::log_code(
        APPLICATION_IS_ASGI,
        &format!(
            "`{}` is an ASGI application (it is asynchronous), but WSGI calls it with `environ` and `start_response`{}. To fix: use the WSGI application of \
             the framework (Django: `get_wsgi_application()`), or wrap it (`from a2wsgi import ASGIMiddleware`, then `application = ASGIMiddleware(app)`)",
            logging::shown(call.callable),
            of_request(call)
        ),
    );
    None
}

/// The response's `close()`, called once whatever happened (PEP 3333).
fn close(py: Attached<'_>, interpreter: &Interpreter, request: &Request, call: &Call<'_>, response: &Object<'_>) {
    let closed =
        response.attribute_if_any(interpreter.names.close.get(py)).and_then(|close| close.map(|c| c.call(&[])).transpose());
    if let Err(raised) = closed {
        let what = format!("close() of the response raised an exception{}", of_request(call));
        let exception = raised.take(py);
        failure::log_taken(py, interpreter, exception.as_ref(), &Context { code: CLOSE_FAILED, what: &what });
        events::raised(py, interpreter, request, exception.as_ref());
    }
}

/// An exception of the application: logged, and turned into what the client is to see.
fn failed(py: Attached<'_>, interpreter: &Interpreter, request: &Request, call: &Call<'_>, raised: Raised) -> i32 {
    if request.output().client_gone {
        // The application was told that its client is gone, and let that end it: nobody is left to tell.
        raised.clear(py);
        return outcome::CLIENT_GONE;
    }
    let late = raised.is_a(interpreter.classes.request_timeout.get(py)) && !request.output().flushed;
    let (code, what): (LogCode, &str) = if raised.is_system_exit(py) {
        (APPLICATION_EXIT, "the application raised SystemExit (ignored: the process serves other requests)")
    } else {
        (APPLICATION_EXCEPTION, "the application raised an exception")
    };
    let exception = raised.take(py);
    if !late {
        let what = format!("{what}{}", of_request(call));
        failure::log_taken(py, interpreter, exception.as_ref(), &Context { code, what: &what });
    }
    events::raised(py, interpreter, request, exception.as_ref());
    if late {
        return outcome::TIMEOUT;
    }
    broken(request, outcome::FAILED)
}

/// A response that can't be completed: `unsent` if nothing of it has gone out, else it must look cut.
fn broken(request: &Request, unsent: i32) -> i32 {
    if request.output().flushed { outcome::TRUNCATED } else { unsent }
}

/// The status that the client sees.
fn seen_status(request: &Request, answered: i32) -> u16 {
    let given = request.output().head.as_ref().map(|head| head.status);
    match answered {
        outcome::FAILED => 500,
        outcome::TIMEOUT => 504,
        _ => given.unwrap_or(500),
    }
}

/// Which request it was, for a log line: `in GET /path (script …, request id …)`.
fn of_request(call: &Call<'_>) -> String {
    let text = |key: &[u8]| logging::shown(call.entry(key).unwrap_or_default());
    let id = text(b"mod_wsgi.request_id");
    let id = if id.is_empty() { id } else { format!(", request id {id}") };
    format!(
        " in {} {} (script {}{id})",
        text(b"REQUEST_METHOD"),
        text(b"REQUEST_URI").split('?').next().unwrap_or_default(),
        logging::shown(call.script)
    )
}
