/*! The environ: a new dictionary for each request (PEP 3333, "environ Variables"), with the keys of mod_wsgi. */

use protocol::settings::EngineSettings;

use crate::capi::{Attached, Object, PyResult, seconds};
use crate::gateway::python_module;
use crate::interpreter::Interpreter;
use crate::interpreter::environ_cache::{Entries, EnvironCache};
use crate::request::Request;
use crate::request::call::Call;
use crate::sync::clock::now;
use std::sync::Arc;

use super::{Input, errors};

/// What is the same in every request of an interpreter.
///
/// # Errors
/// `MemoryError`.
pub fn environ_template<'py>(py: Attached<'py>, settings: &EngineSettings, file_wrapper: &Object<'py>) -> PyResult<Object<'py>> {
    let template = Object::dict(py)?;
    let set = |key: &std::ffi::CStr, value: &Object<'py>| template.dict_set(&Object::interned(py, key)?, value);
    let (mod_wsgi, apache) = python_module::versions(py, settings)?;
    set(c"wsgi.version", &Object::tuple(py, vec![Object::int(py, 1)?, Object::int(py, 0)?])?)?;
    set(c"wsgi.multithread", &Object::boolean(py, settings.multithread))?;
    set(c"wsgi.multiprocess", &Object::boolean(py, settings.multiprocess))?;
    set(c"wsgi.run_once", &Object::boolean(py, settings.run_once))?;
    set(c"wsgi.input_terminated", &Object::boolean(py, true))?;
    set(c"wsgi.file_wrapper", file_wrapper)?;
    set(c"mod_wsgi.version", &mod_wsgi)?;
    set(c"apache.version", &apache)?;
    // What each request sets anew has its place already, and the value that most requests have.
    let zero = Object::float(py, 0.0)?;
    for key in [c"mod_wsgi.request_start", c"mod_wsgi.queue_start", c"mod_wsgi.daemon_start", c"mod_wsgi.application_start"] {
        set(key, &zero)?;
    }
    for key in [c"wsgi.input", c"wsgi.errors", c"mod_wsgi.thread_id"] {
        set(key, &Object::none(py))?;
    }
    set(c"wsgi.url_scheme", &Object::interned(py, c"http")?)?;
    Ok(template)
}

/// The environ of one request.
///
/// # Errors
/// `MemoryError`.
pub fn environ<'py>(
    py: Attached<'py>,
    interpreter: &Interpreter,
    request: &Arc<Request>,
    call: &Call<'_>,
) -> PyResult<Object<'py>> {
    let environ = text_entries(py, interpreter, call)?;
    let names = &interpreter.names;
    if call.https {
        environ.dict_set(names.url_scheme.get(py), names.https.get(py))?;
    }
    let input = interpreter.classes.input.instance(py, Input::new(Arc::clone(request)))?;
    environ.dict_set(names.input.get(py), &input)?;
    let stream = errors::error_stream(py, interpreter)?;
    errors::assign(py, interpreter, &stream, Some(Arc::clone(request)));
    let text = stream.text.get(py).clone();
    request.keep_error_stream(stream);
    environ.dict_set(names.errors.get(py), &text)?;
    environ.dict_set(names.thread_id.get(py), &Object::int(py, call.thread_id)?)?;
    let times = [
        (&names.request_start, call.request_start),
        (&names.queue_start, call.queue_start),
        (&names.daemon_start, call.daemon_start),
        (&names.application_start, now()),
    ];
    for (name, time) in times.into_iter().filter(|(_, time)| *time != 0) {
        environ.dict_set(name.get(py), &seconds(py, time)?)?;
    }
    if let Some(request_rec) = call.request_rec {
        environ.dict_set(names.request_rec.get(py), &Object::capsule(py, request_rec)?)?;
    }
    Ok(environ)
}

/// A dictionary with what is the same in every request, and the text entries of this one.
fn text_entries<'py>(py: Attached<'py>, interpreter: &Interpreter, call: &Call<'_>) -> PyResult<Object<'py>> {
    // Making a dictionary may run the garbage collector, and that any code: whoever else comes meanwhile does without the cache.
    let mut cache = interpreter.take_environ_cache();
    let made = made_of(py, interpreter, call.environ, cache.as_deref_mut());
    if let Some(cache) = cache {
        interpreter.give_environ_cache(cache);
    }
    made
}

fn made_of<'py>(
    py: Attached<'py>,
    interpreter: &Interpreter,
    entries: &Entries<'_>,
    mut cache: Option<&mut EnvironCache>,
) -> PyResult<Object<'py>> {
    if let Some(cache) = &mut cache
        && let Some(environ) = cache.environ(py, entries, |name, value| text(py, name, value))?
    {
        return Ok(environ);
    }
    let template = interpreter.environ_template.get(py);
    let environ = template.dict_copy()?;
    let keys = keys_of(py, interpreter, entries)?;
    for (key, (name, value)) in keys.iter().zip(entries) {
        environ.dict_set(key, &text(py, name, *value)?)?;
    }
    if let Some(cache) = &mut cache
        && environ.dict_length() == template.dict_length() + entries.len()
        && cache.wants_another()
    {
        let copy = environ.dict_copy()?;
        cache.remember(py, entries, copy, keys)?;
    }
    Ok(environ)
}

/// The keys of a request's entries. No Python code runs while they are looked up.
fn keys_of<'py>(py: Attached<'py>, interpreter: &Interpreter, entries: &Entries<'_>) -> PyResult<Vec<Object<'py>>> {
    let mut found = Vec::with_capacity(entries.len());
    let mut keys = interpreter.keys();
    for (place, (name, _)) in entries.iter().enumerate() {
        found.push(keys.at(py, place, name)?);
    }
    Ok(found)
}

/// The value of a text entry.
fn text<'py>(py: Attached<'py>, key: &[u8], value: Option<&[u8]>) -> PyResult<Object<'py>> {
    match value {
        // Paths of this machine are decoded as Python decodes file names, so that open() finds them.
        Some(value) if matches!(key, b"DOCUMENT_ROOT" | b"SCRIPT_FILENAME") => Object::file_system(py, value).or_else(|raised| {
            raised.clear(py);
            Object::latin1(py, value)
        }),
        Some(value) => Object::latin1(py, value),
        None => Ok(Object::none(py)),
    }
}
