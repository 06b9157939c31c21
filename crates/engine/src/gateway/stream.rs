/*! Where the text streams of `set_up.py` end: a sink takes their bytes, and whole lines become records of Apache's error log. */

use std::sync::Mutex;

use protocol::Level;
use protocol::line_buffer::LineBuffer;

use crate::capi::{Arguments, Constructor, Method, NativeClass, Object, PyResult};
use crate::logging;
use crate::request;
use crate::sync::locks::lock;

/// The sink below `sys.stdout` or `sys.stderr`: lines go to the log of the request that the thread runs, or to the server's.
#[derive(Default)]
pub struct LogSink {
    outside: Mutex<LineBuffer>,
}

impl NativeClass for LogSink {
    const NAME: &'static std::ffi::CStr = c"_mod_wsgi_rs.LogSink";
    const DOC: &'static std::ffi::CStr = c"LogSink(): a stream that writes lines to Apache's error log.";
    const METHODS: &'static [Method<Self>] = &[
        Method { name: c"write", doc: c"write(data): writes a bytes-like object to the error log.", call: Self::write },
        Method { name: c"flush", doc: c"flush(): writes an incomplete line.", call: Self::flush },
    ];
    const CONSTRUCTOR: Option<Constructor<Self>> = Some(|_, _, _| Ok(Self::default()));
}

impl LogSink {
    fn write<'py>(&self, this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let data = data(this, arguments)?;
        let bytes = data.as_bytes().unwrap_or_default();
        match request::current() {
            Some(request) => request.errors_write(bytes),
            None => {
                let lines = lock(&self.outside).push(bytes);
                for line in lines {
                    logging::text(Level::Error, &line);
                }
            }
        }
        length(this, bytes)
    }

    fn flush<'py>(&self, this: &Object<'py>, _arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        match request::current() {
            Some(request) => request.errors_flush(),
            None => {
                let rest = lock(&self.outside).take();
                if let Some(rest) = rest {
                    logging::text(Level::Error, &rest);
                }
            }
        }
        Ok(Object::none(this.py()))
    }
}

/// The `bytes` of the argument of a sink's `write()`.
///
/// # Errors
/// `TypeError` for what is not bytes-like.
pub fn data<'py>(this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
    let [data] = arguments.bind(["data"], 1)?;
    data.map_or_else(|| Object::bytes(this.py(), b""), |data| to_bytes(&data))
}

/// What `write()` returns.
///
/// # Errors
/// `MemoryError`
pub fn length<'py>(this: &Object<'py>, bytes: &[u8]) -> PyResult<Object<'py>> {
    Object::int(this.py(), i64::try_from(bytes.len()).unwrap_or(i64::MAX))
}

/// `bytes` of any bytes-like object; a `str` is taken as UTF-8, as mod_wsgi's streams do.
fn to_bytes<'py>(data: &Object<'py>) -> PyResult<Object<'py>> {
    let py = data.py();
    if data.as_bytes().is_some() {
        return Ok(data.clone());
    }
    if data.is_text() {
        return Object::bytes(py, data.to_text()?.as_bytes());
    }
    let view = Object::import(py, c"builtins")?.attribute_named(c"memoryview")?.call(&[data])?;
    view.attribute_named(c"tobytes")?.call(&[])
}
