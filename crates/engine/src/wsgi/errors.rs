/*! `wsgi.errors`: a text stream whose lines become records of the request's error log (PEP 3333, "Input and Error Streams"). */

use std::sync::Arc;

use crate::capi::{Arguments, Getter, Method, NativeClass, Object, PyResult, Raised};
use crate::request::Request;
use crate::stream;

/// The stream of one request.
pub struct ErrorStream {
    request: Arc<Request>,
}

impl ErrorStream {
    /// The stream of `request`.
    pub const fn new(request: Arc<Request>) -> Self {
        Self { request }
    }

    fn put(&self, text: &Object<'_>) -> PyResult<usize> {
        let py = text.py();
        if !text.is_text() {
            return Err(Raised::type_error(py, &format!("wsgi.errors takes str, not {}", text.type_name())));
        }
        self.request.check_open(py)?;
        let text = text.to_text()?;
        self.request.errors_write(text.as_bytes());
        Ok(text.chars().count())
    }

    fn write<'py>(&self, this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let [text] = arguments.bind(["text"], 1)?;
        let written = text.map_or(Ok(0), |text| self.put(&text))?;
        Object::int(this.py(), i64::try_from(written).unwrap_or(i64::MAX))
    }

    fn writelines<'py>(&self, this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let [lines] = arguments.bind(["lines"], 1)?;
        if let Some(lines) = lines {
            let lines = lines.iterate()?;
            while let Some(line) = lines.next_item()? {
                self.put(&line)?;
            }
        }
        Ok(Object::none(this.py()))
    }

    fn flush<'py>(&self, this: &Object<'py>, _arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        self.request.check_open(this.py())?;
        self.request.errors_flush();
        Ok(Object::none(this.py()))
    }
}

impl NativeClass for ErrorStream {
    const NAME: &'static std::ffi::CStr = c"mod_wsgi.ErrorStream";
    const DOC: &'static std::ffi::CStr = c"The text stream wsgi.errors of one request.";
    const METHODS: &'static [Method<Self>] = &[
        Method { name: c"write", doc: c"write(text): whole lines go to the error log at once.", call: Self::write },
        Method { name: c"writelines", doc: c"writelines(lines): write() of each.", call: Self::writelines },
        Method { name: c"flush", doc: c"flush(): writes out what waits for its newline.", call: Self::flush },
        Method { name: c"close", doc: c"close(): as flush(); the stream is the server's to close.", call: Self::flush },
        stream::isatty(),
        stream::readable(),
        stream::seekable(),
        stream::writable(),
        stream::fileno(),
    ];
    const GETTERS: &'static [Getter<Self>] = &[
        Getter { name: c"name", get: |_, py| Object::text(py, "<wsgi.errors>") },
        stream::closed(),
        stream::encoding(),
        stream::errors(),
        Getter { name: c"line_buffering", get: |_, py| Ok(Object::boolean(py, true)) },
        Getter { name: c"newlines", get: |_, py| Ok(Object::none(py)) },
    ];
}
