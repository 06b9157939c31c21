/*! What the text streams that end in Apache's error log have in common: they are written to, flushed, and nothing else. Rows for their
tables; what they do with the text is their own. */

use std::ffi::CStr;

use crate::capi::{Getter, Method, Object, Raised};

/// A question of the stream protocol that such a stream answers with no.
const fn never<T>(name: &'static CStr, doc: &'static CStr) -> Method<T> {
    Method { name, doc, call: |_, this, _| Ok(Object::boolean(this.py(), false)) }
}

/// `isatty()`
pub const fn isatty<T>() -> Method<T> {
    never(c"isatty", c"isatty(): False.")
}

/// `readable()`
pub const fn readable<T>() -> Method<T> {
    never(c"readable", c"readable(): False.")
}

/// `seekable()`
pub const fn seekable<T>() -> Method<T> {
    never(c"seekable", c"seekable(): False.")
}

/// `writable()`
pub const fn writable<T>() -> Method<T> {
    Method { name: c"writable", doc: c"writable(): True.", call: |_, this, _| Ok(Object::boolean(this.py(), true)) }
}

/// `fileno()`
pub const fn fileno<T>() -> Method<T> {
    Method {
        name: c"fileno",
        doc: c"fileno(): there is none.",
        call: |_, this, _| Err(Raised::os_error(this.py(), "the stream goes to Apache's error log and has no file descriptor")),
    }
}

/// `closed`
pub const fn closed<T>() -> Getter<T> {
    Getter { name: c"closed", get: |_, py| Ok(Object::boolean(py, false)) }
}

/// `encoding`
pub const fn encoding<T>() -> Getter<T> {
    Getter { name: c"encoding", get: |_, py| Object::text(py, "utf-8") }
}

/// `errors`
pub const fn errors<T>() -> Getter<T> {
    Getter { name: c"errors", get: |_, py| Object::text(py, "replace") }
}
