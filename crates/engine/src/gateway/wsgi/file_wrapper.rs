/*! `wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling"): an iterator over a file-like object, whose real files
the server sends itself. */

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::capi::{Arguments, Attached, Constructor, Getter, Kept, Method, NativeClass, Object, PyResult, Raised};

/// A wrapped file-like object.
pub struct FileWrapper {
    filelike: Option<Kept>,
    block_size: i64,
    closed: AtomicBool,
}

const DEFAULT_BLOCK: i64 = 8192;

impl FileWrapper {
    /// The wrapped object.
    pub fn filelike<'py>(&self, py: Attached<'py>) -> Object<'py> {
        self.filelike.as_ref().map_or_else(|| Object::none(py), |kept| kept.get(py).clone())
    }

    fn close<'py>(&self, this: &Object<'py>, _arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let py = this.py();
        if !self.closed.swap(true, Ordering::AcqRel) {
            let name = Object::interned(py, c"close")?;
            // What close() raises is of no use to anybody: the file has been sent.
            if let Err(raised) = self
                .filelike(py)
                .attribute_if_any(&name)
                .and_then(|close| close.map_or_else(|| Ok(Object::none(py)), |c| c.call(&[])))
            {
                raised.clear(py);
            }
        }
        Ok(Object::none(py))
    }
}

/// So deep may wrappers of wrappers end within each other: each takes part of the thread's stack.
const DEEPEST: u32 = 50;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// What ends after the outermost wrapper.
    static LATER: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// Gives up what a wrapper has wrapped, at once or, deep within others, a little later.
fn let_go(py: Attached<'_>, filelike: Kept) {
    let depth = DEPTH.get();
    if depth >= DEEPEST {
        LATER.with_borrow_mut(|later| later.push(filelike));
        return;
    }
    DEPTH.set(depth + 1);
    filelike.release(py);
    if depth == 0 {
        while let Some(next) = LATER.with_borrow_mut(Vec::pop) {
            next.release(py);
        }
    }
    DEPTH.set(depth);
}

impl NativeClass for FileWrapper {
    const NAME: &'static std::ffi::CStr = c"mod_wsgi.FileWrapper";
    const DOC: &'static std::ffi::CStr =
        c"FileWrapper(filelike, blksize=8192): an iterator over a file's blocks, which the server sends faster where it can.";
    const METHODS: &'static [Method<Self>] =
        &[Method { name: c"close", doc: c"close(): closes the wrapped object, once.", call: Self::close }];
    const GETTERS: &'static [Getter<Self>] = &[
        Getter { name: c"filelike", get: |wrapper, py| Ok(wrapper.filelike(py)) },
        Getter { name: c"blksize", get: |wrapper, py| Object::int(py, wrapper.block_size) },
    ];
    const CONSTRUCTOR: Option<Constructor<Self>> = Some(|py, _, arguments| {
        let [filelike, block] = arguments.bind(["filelike", "blksize"], 1)?;
        let block_size = block.map_or(Ok(DEFAULT_BLOCK), |b| b.to_int())?;
        if block_size < 0 {
            return Err(Raised::value_error(py, "blksize must not be negative"));
        }
        Ok(Self { filelike: filelike.map(Object::keep), block_size, closed: AtomicBool::new(false) })
    });
    const ITERATOR: bool = true;

    fn next_item<'py>(&self, this: &Object<'py>) -> PyResult<Option<Object<'py>>> {
        let py = this.py();
        let block = self.filelike(py).call_method(&Object::interned(py, c"read")?, &[&Object::int(py, self.block_size)?])?;
        Ok(block.truth()?.then_some(block))
    }

    fn release(self, py: Attached<'_>) {
        if let Some(filelike) = self.filelike {
            let_go(py, filelike);
        }
    }
}
