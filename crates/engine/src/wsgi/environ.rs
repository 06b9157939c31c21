/*! The environ: a fresh dictionary per request (PEP 3333, "environ Variables"; section 4 of the behaviour reference). */

use protocol::settings::EngineSettings;

use crate::capi::{Attached, Object, PyResult, new_instance};
use crate::interpreter::Interpreter;
use crate::python_module;
use crate::request::Request;
use crate::script::Wanted;
use std::sync::Arc;

use super::{ErrorStream, Input};

/// One request, as it comes from the server.
pub struct Call<'a> {
    /// Text entries: key, and value if there is one.
    pub environ: &'a [(&'a [u8], Option<&'a [u8]>)],
    /// Path of the script.
    pub script: &'a [u8],
    /// See [`Wanted`].
    pub wanted: Wanted<'a>,
    /// Name of the callable.
    pub callable: &'a [u8],
    /// `wsgi.url_scheme` is `https`.
    pub https: bool,
    /// Index of the thread in its process.
    pub thread_id: i64,
    /// Microseconds since the epoch; 0 where it does not apply.
    pub request_start: i64,
    /// As above.
    pub queue_start: i64,
    /// As above.
    pub daemon_start: i64,
    /// The `request_rec` for `apache.request_rec`.
    pub request_rec: Option<std::ptr::NonNull<std::ffi::c_void>>,
}

impl Call<'_> {
    /// A text entry.
    pub fn entry(&self, key: &[u8]) -> Option<&[u8]> {
        self.environ.iter().find(|(k, _)| *k == key).and_then(|(_, value)| *value)
    }
}

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
    set(c"wsgi.run_once", &Object::boolean(py, false))?;
    set(c"wsgi.input_terminated", &Object::boolean(py, true))?;
    set(c"wsgi.file_wrapper", file_wrapper)?;
    set(c"mod_wsgi.version", &mod_wsgi)?;
    set(c"apache.version", &apache)?;
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
    let environ = interpreter.environ_template.get(py).dict_copy()?;
    let mut keys = interpreter.keys();
    for (place, (key, value)) in call.environ.iter().enumerate() {
        let text = match value {
            // Paths of this machine are decoded as Python decodes file names, so that open() finds them.
            Some(value) if matches!(*key, b"DOCUMENT_ROOT" | b"SCRIPT_FILENAME") => {
                Object::file_system(py, value).or_else(|raised| {
                    raised.clear(py);
                    Object::latin1(py, value)
                })?
            }
            Some(value) => Object::latin1(py, value)?,
            None => Object::none(py),
        };
        environ.dict_set(&keys.at(py, place, key)?, &text)?;
    }
    drop(keys);
    let names = &interpreter.names;
    let scheme = if call.https { &names.https } else { &names.http };
    environ.dict_set(names.url_scheme.get(py), scheme.get(py))?;
    let input = new_instance(interpreter.classes.input.get(py), Input::new(Arc::clone(request)))?;
    environ.dict_set(names.input.get(py), &input)?;
    let errors = new_instance(interpreter.classes.errors.get(py), ErrorStream::new(Arc::clone(request)))?;
    environ.dict_set(names.errors.get(py), &errors)?;
    environ.dict_set(names.thread_id.get(py), &Object::int(py, call.thread_id)?)?;
    environ.dict_set(names.request_start.get(py), &seconds(py, call.request_start)?)?;
    environ.dict_set(names.queue_start.get(py), &seconds(py, call.queue_start)?)?;
    environ.dict_set(names.daemon_start.get(py), &seconds(py, call.daemon_start)?)?;
    environ.dict_set(names.application_start.get(py), &seconds(py, now())?)?;
    if let Some(request_rec) = call.request_rec {
        environ.dict_set(names.request_rec.get(py), &Object::capsule(py, request_rec)?)?;
    }
    Ok(environ)
}

#[expect(clippy::cast_precision_loss, reason = "microseconds since the epoch are exact in a double until the year 2255")]
fn seconds(py: Attached<'_>, microseconds: i64) -> PyResult<Object<'_>> {
    Object::float(py, microseconds as f64 / 1e6)
}

fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_micros()).ok())
        .unwrap_or(0)
}
