/*! `wsgi.errors`: a text stream whose lines become records of the request's error log (PEP 3333, "Input and Error Streams").

It is a real `io.TextIOWrapper`, as it is under mod_wsgi, because packages ask for that and for its `buffer`. Making one takes longer than all the rest of a small
request, so an interpreter uses those that no application has kept for further requests. */

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::capi::{Arguments, Attached, Method, NativeClass, Object, PyResult, Raised};
use crate::gateway::stream::{data, length};
use crate::interpreter::Interpreter;
use crate::interpreter::error_stream::ErrorStream;
use crate::request::Request;
use crate::sync::locks::lock;

/// The sink of one request's `wsgi.errors`.
#[derive(Default)]
pub struct ErrorSink {
    request: Mutex<Option<Arc<Request>>>,
    /// The application has changed the stream.
    changed: AtomicBool,
}

impl ErrorSink {
    fn request(&self, py: Attached<'_>) -> PyResult<Arc<Request>> {
        let request = lock(&self.request).clone();
        request.ok_or_else(|| Raised::runtime_error(py, "the request has ended: its objects cannot be used any more"))
    }

    fn write<'py>(&self, this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let data = data(this, arguments)?;
        let bytes = data.as_bytes().unwrap_or_default();
        let request = self.request(this.py())?;
        request.check_open(this.py())?;
        request.errors_write(bytes);
        length(this, bytes)
    }

    /// Of a request that has ended nothing waits: a handler of `logging` that has kept the stream is flushed when the process ends.
    fn flush<'py>(&self, this: &Object<'py>, _arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let request = lock(&self.request).clone();
        if let Some(request) = request {
            request.errors_flush();
        }
        Ok(Object::none(this.py()))
    }

    fn changed<'py>(&self, this: &Object<'py>, _arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        self.changed.store(true, Ordering::Relaxed);
        Ok(Object::none(this.py()))
    }
}

impl NativeClass for ErrorSink {
    const NAME: &'static std::ffi::CStr = c"_mod_wsgi_rs.ErrorSink";
    const DOC: &'static std::ffi::CStr = c"Writes lines to the error log of one request.";
    const METHODS: &'static [Method<Self>] = &[
        Method { name: c"write", doc: c"write(data): writes a bytes-like object to the error log.", call: Self::write },
        Method { name: c"flush", doc: c"flush(): writes an incomplete line.", call: Self::flush },
        Method { name: c"changed", doc: c"changed(): the stream is not used for another request.", call: Self::changed },
    ];
}

/// References to each of the three if nobody else has any: ours, and that of the one above.
const OWN: [isize; 3] = [1, 2, 2];

/// Makes a stream that belongs to no request yet, or takes one that earlier requests have left.
///
/// # Errors
/// What Python raises while it makes the objects.
pub fn error_stream(py: Attached<'_>, interpreter: &Interpreter) -> PyResult<ErrorStream> {
    if let Some(stream) = interpreter.take_error_stream() {
        return Ok(stream);
    }
    let sink = interpreter.classes.error_sink.instance(py, ErrorSink::default())?;
    let streams = interpreter.helpers.error_stream.get(py).call(&[&sink])?;
    let (Some(text), Some(buffer)) = (streams.item(0), streams.item(1)) else {
        return Err(Raised::type_error(py, "error_stream() returns two streams"));
    };
    Ok(ErrorStream { text: text.keep(), buffer: buffer.keep(), sink: sink.keep() })
}

/// Has the lines of `stream` go to the log of `request`.
pub fn assign(py: Attached<'_>, interpreter: &Interpreter, stream: &ErrorStream, request: Option<Arc<Request>>) {
    if let Some(sink) = interpreter.classes.error_sink.value::<ErrorSink>(stream.sink.get(py)) {
        let before = std::mem::replace(&mut *lock(&sink.request), request);
        drop(before);
    }
}

/// Whether the application has kept nothing of it, and left it as it was.
fn is_as_new(py: Attached<'_>, interpreter: &Interpreter, stream: &ErrorStream) -> bool {
    let references = [&stream.text, &stream.buffer, &stream.sink].map(|kept| kept.get(py).references());
    let class = interpreter.helpers.error_stream_class.get(py);
    let sink = interpreter.classes.error_sink.value::<ErrorSink>(stream.sink.get(py));
    references == OWN
        && stream.text.get(py).class().as_ptr() == class.as_ptr()
        && sink.is_some_and(|sink| !sink.changed.load(Ordering::Relaxed))
}

/// Ends the stream of a request that has ended. What the application has kept goes on referring to it.
pub fn end(py: Attached<'_>, interpreter: &Interpreter, stream: ErrorStream) {
    if is_as_new(py, interpreter, &stream) {
        assign(py, interpreter, &stream, None);
        interpreter.give_error_stream(py, stream);
    } else {
        stream.release(py);
    }
}
