/*! `mod_wsgi.subscribe_events`: calls callbacks for the events of each request, on the thread of the request (`docs/guides/python-api.md`).

This file also maintains `mod_wsgi.active_requests`, the requests that are being observed in an interpreter. An exception in a callback is
logged; an exception in this file is dropped. Neither ends a request. */

use std::sync::Arc;

use super::{count, dictionary, requests, wanted};
use crate::capi::{Attached, Exception, Object, PyResult, seconds};
use crate::interpreter::Interpreter;
use crate::request::Request;
use crate::request::call::Call;
use crate::request::observed::{Observed, Outcome};

/// The request's script is loaded: it is observed from here on, if anybody wants to know of it.
pub fn observe(py: Attached<'_>, interpreter: &Interpreter, request: &Arc<Request>, call: &Call<'_>) {
    if !wanted() {
        return;
    }
    let observed = request.observe(Observed::new(call));
    requests::begun(observed);
    let entered = Object::text(py, &observed.id)
        .and_then(|id| interpreter.helpers.active_requests.get(py).dict_set(&id, &request.data(py)?));
    ignored(py, entered);
}

/// It is about to be called: the callable that a callback wants to be called instead, if one does.
pub fn started<'py>(
    py: Attached<'py>,
    interpreter: &Interpreter,
    request: &Request,
    call: &Call<'_>,
    environ: &Object<'py>,
    callable: &Object<'py>,
) -> Option<Object<'py>> {
    let observed = subscribed(py, interpreter, request)?;
    let told = (|| {
        let times = observed.times;
        let payload = dictionary(
            py,
            [
                ("request_id", Object::text(py, &observed.id)?),
                ("thread_id", Object::int(py, observed.thread_id)?),
                ("daemon_connects", Object::int(py, observed.connects)?),
                ("daemon_restarts", Object::int(py, observed.restarts)?),
                ("server_pid", Object::int(py, observed.server_pid)?),
                ("request_start", seconds(py, times.request)?),
                ("queue_start", seconds(py, times.queue)?),
                ("daemon_start", seconds(py, times.daemon)?),
                ("application_object", callable.clone()),
                ("callable_object", Object::latin1(py, call.callable)?),
                ("request_environ", environ.clone()),
                ("application_start", seconds(py, times.application)?),
                ("request_data", request.data(py)?),
            ],
        )?;
        publish(py, interpreter, "request_started", &payload)?;
        payload.dict_get(&Object::text(py, "application_object")?)
    })();
    ignored(py, told).flatten()
}

/// `start_response` was called, with these arguments.
pub fn response_started<'py>(
    py: Attached<'py>,
    request: &Request,
    status: &Object<'py>,
    headers: &Object<'py>,
    exc_info: Option<&Object<'py>>,
) {
    let Some(observed) = subscribed(py, request.interpreter, request) else { return };
    let told = (|| {
        let payload = dictionary(
            py,
            [
                ("request_id", Object::text(py, &observed.id)?),
                ("response_status", status.clone()),
                ("response_headers", headers.clone()),
                ("exception_info", exc_info.map_or_else(|| Object::none(py), Object::clone)),
                ("request_data", request.data(py)?),
            ],
        )?;
        publish(py, request.interpreter, "response_started", &payload)
    })();
    ignored(py, told);
}

/// The application has raised an exception.
pub fn raised(py: Attached<'_>, interpreter: &Interpreter, request: &Request, exception: Option<&Exception<'_>>) {
    let (Some(observed), Some(exception)) = (subscribed(py, interpreter, request), exception) else { return };
    let told = (|| {
        let parts = vec![exception.class.clone(), exception.value.clone(), exception.traceback.clone()];
        let payload = dictionary(
            py,
            [
                ("request_id", Object::text(py, &observed.id)?),
                ("exception_info", Object::tuple(py, parts)?),
                ("request_data", request.data(py)?),
            ],
        )?;
        publish(py, interpreter, "request_exception", &payload)
    })();
    ignored(py, told);
}

/// The application has done what it could, and the client sees `status`.
pub fn finished(py: Attached<'_>, interpreter: &Interpreter, request: &Request, status: u16) {
    let Some(observed) = request.observed() else { return };
    let outcome = observed.outcome(status);
    requests::ended(observed, &outcome);
    if subscribed(py, interpreter, request).is_some() {
        let told = tell_end(py, interpreter, request, observed, &outcome);
        ignored(py, told);
    }
    if let Some(id) = ignored(py, Object::text(py, &observed.id)) {
        interpreter.helpers.active_requests.get(py).dict_remove(&id);
    }
}

fn tell_end(
    py: Attached<'_>,
    interpreter: &Interpreter,
    request: &Request,
    observed: &Observed,
    outcome: &Outcome,
) -> PyResult<()> {
    let span = |microseconds: u64| seconds(py, i64::try_from(microseconds).unwrap_or(i64::MAX));
    let payload = dictionary(
        py,
        [
            ("request_id", Object::text(py, &observed.id)?),
            ("thread_id", Object::int(py, observed.thread_id)?),
            ("server_pid", Object::int(py, observed.server_pid)?),
            ("request_start", seconds(py, observed.times.request)?),
            ("queue_start", seconds(py, observed.times.queue)?),
            ("daemon_start", seconds(py, observed.times.daemon)?),
            ("input_reads", count(py, outcome.input.calls)?),
            ("input_length", count(py, outcome.input.bytes)?),
            ("input_time", span(outcome.input.microseconds)?),
            ("output_length", count(py, outcome.output.bytes)?),
            ("output_writes", count(py, outcome.output.calls)?),
            ("output_time", span(outcome.output.microseconds)?),
            ("cpu_user_time", seconds(py, outcome.user)?),
            ("cpu_system_time", seconds(py, outcome.system)?),
            ("cpu_time", seconds(py, outcome.user.saturating_add(outcome.system))?),
            ("application_finish", seconds(py, outcome.finish)?),
            ("application_time", span(outcome.application)?),
            ("status", Object::int(py, outcome.status.into())?),
            ("gil_wait_time", span(outcome.wait)?),
            ("gil_wait_count", count(py, outcome.waits)?),
            ("request_data", request.data(py)?),
        ],
    )?;
    publish(py, interpreter, "request_finished", &payload)
}

/// The request, if it is observed and its interpreter has callbacks now.
fn subscribed<'r>(py: Attached<'_>, interpreter: &Interpreter, request: &'r Request) -> Option<&'r Observed> {
    request.observed().filter(|_| interpreter.helpers.event_callbacks.get(py).length() > 0)
}

fn publish<'py>(py: Attached<'py>, interpreter: &Interpreter, name: &str, payload: &Object<'py>) -> PyResult<()> {
    interpreter.helpers.publish_event.get(py).call(&[&Object::text(py, name)?, payload]).map(drop)
}

/// What could not be told (there was no memory for it) is left out.
fn ignored<T>(py: Attached<'_>, result: PyResult<T>) -> Option<T> {
    result.map_err(|raised| raised.clear(py)).ok()
}
