/*! Making objects: from Rust values, by import, and by running a module's code. */
#![expect(unsafe_code, reason = "this folder is the engine's border with Python's C API")]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use pyo3::ffi;

use super::error::{PyResult, Raised};
use super::object::{Attached, Object, done, size};
use crate::sync::locks::python_may_run;

impl<'py> Object<'py> {
    /// `None`.
    pub fn none(py: Attached<'py>) -> Self {
        // SAFETY: None is an immortal object of every interpreter.
        unsafe { Self::from_borrowed(py, NonNull::new_unchecked(ffi::Py_None())) }
    }

    /// `True` or `False`.
    pub fn boolean(py: Attached<'py>, value: bool) -> Self {
        // SAFETY: True and False are immortal objects of every interpreter.
        unsafe { Self::from_borrowed(py, NonNull::new_unchecked(if value { ffi::Py_True() } else { ffi::Py_False() })) }
    }

    /// A `str` with one character per byte (PEP 3333's "native string").
    pub fn latin1(py: Attached<'py>, bytes: &[u8]) -> PyResult<Self> {
        // SAFETY: pointer and length describe a live slice; a null `errors` means strict.
        unsafe { Self::from_owned(py, ffi::PyUnicode_DecodeLatin1(bytes.as_ptr().cast(), size(bytes.len()), std::ptr::null())) }
    }

    /// A `str` decoded with the file system's encoding and surrogateescape.
    pub fn file_system(py: Attached<'py>, bytes: &[u8]) -> PyResult<Self> {
        python_may_run();
        // SAFETY: pointer and length describe a live slice.
        unsafe { Self::from_owned(py, ffi::PyUnicode_DecodeFSDefaultAndSize(bytes.as_ptr().cast(), size(bytes.len()))) }
    }

    /// A `str`.
    pub fn text(py: Attached<'py>, text: &str) -> PyResult<Self> {
        // SAFETY: pointer and length describe a live UTF-8 slice.
        unsafe { Self::from_owned(py, ffi::PyUnicode_FromStringAndSize(text.as_ptr().cast(), size(text.len()))) }
    }

    /// An interned `str`, for names that are looked up often.
    pub fn interned(py: Attached<'py>, text: &CStr) -> PyResult<Self> {
        // SAFETY: `text` ends with a NUL.
        unsafe { Self::from_owned(py, ffi::PyUnicode_InternFromString(text.as_ptr())) }
    }

    /// A `bytes`.
    pub fn bytes(py: Attached<'py>, bytes: &[u8]) -> PyResult<Self> {
        // SAFETY: pointer and length describe a live slice, which is copied.
        unsafe { Self::from_owned(py, ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), size(bytes.len()))) }
    }

    /// A `bytes` of at most `capacity` bytes, filled in place by `fill`, which returns how many it wrote.
    /// `fill` may detach meanwhile: nobody else knows the object yet.
    ///
    /// # Errors
    /// `MemoryError`; the inner result is what `fill` says.
    pub fn bytes_filled<E>(
        py: Attached<'py>,
        capacity: usize,
        fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> Result<usize, E>,
    ) -> PyResult<Result<Self, E>> {
        // SAFETY: a null source makes an uninitialised object of that size.
        let made = unsafe { Self::from_owned(py, ffi::PyBytes_FromStringAndSize(std::ptr::null(), size(capacity)))? };
        // SAFETY: a bytes object; its memory is written before anybody else has seen it, as its documentation allows.
        let memory =
            unsafe { std::slice::from_raw_parts_mut(ffi::PyBytes_AsString(made.as_ptr()).cast::<MaybeUninit<u8>>(), capacity) };
        let filled = match fill(memory) {
            Ok(filled) => filled.min(capacity),
            Err(failure) => return Ok(Err(failure)),
        };
        if filled == capacity {
            return Ok(Ok(made));
        }
        // Fewer than were announced, which is rare: the stable ABI has nothing that makes a bytes object shorter, so they are copied.
        // SAFETY: `fill` has written that many bytes, and the object lives until the end of this function.
        unsafe { Self::from_owned(py, ffi::PyBytes_FromStringAndSize(memory.as_ptr().cast(), size(filled))) }.map(Ok)
    }

    /// An `int`.
    pub fn int(py: Attached<'py>, value: i64) -> PyResult<Self> {
        // SAFETY: no precondition but being attached.
        unsafe { Self::from_owned(py, ffi::PyLong_FromLongLong(value)) }
    }

    /// A `float`.
    pub fn float(py: Attached<'py>, value: f64) -> PyResult<Self> {
        // SAFETY: no precondition but being attached.
        unsafe { Self::from_owned(py, ffi::PyFloat_FromDouble(value)) }
    }

    /// A new empty `dict`.
    pub fn dict(py: Attached<'py>) -> PyResult<Self> {
        python_may_run();
        // SAFETY: no precondition but being attached.
        unsafe { Self::from_owned(py, ffi::PyDict_New()) }
    }

    /// A `tuple` of the given objects.
    pub fn tuple(py: Attached<'py>, items: Vec<Self>) -> PyResult<Self> {
        python_may_run();
        // SAFETY: no precondition but being attached.
        let tuple = unsafe { Self::from_owned(py, ffi::PyTuple_New(size(items.len())))? };
        for (i, item) in items.into_iter().enumerate() {
            // SAFETY: the tuple is new and has that many places; PyTuple_SetItem takes the reference over.
            unsafe { ffi::PyTuple_SetItem(tuple.as_ptr(), size(i), item.into_ptr()) };
        }
        Ok(tuple)
    }

    /// A `list` of the given objects.
    pub fn list(py: Attached<'py>, items: Vec<Self>) -> PyResult<Self> {
        python_may_run();
        // SAFETY: no precondition but being attached.
        let list = unsafe { Self::from_owned(py, ffi::PyList_New(size(items.len())))? };
        for (i, item) in items.into_iter().enumerate() {
            // SAFETY: the list is new and has that many places; PyList_SetItem takes the reference over.
            unsafe { ffi::PyList_SetItem(list.as_ptr(), size(i), item.into_ptr()) };
        }
        Ok(list)
    }

    /// Imports a module (`import name`, the leaf).
    pub fn import(py: Attached<'py>, name: &CStr) -> PyResult<Self> {
        python_may_run();
        // SAFETY: `name` ends with a NUL.
        unsafe { Self::from_owned(py, ffi::PyImport_ImportModule(name.as_ptr())) }
    }

    /// `sys.modules`.
    pub fn modules(py: Attached<'py>) -> PyResult<Self> {
        // SAFETY: the returned dictionary is borrowed from the interpreter and lives as long as it.
        match NonNull::new(unsafe { ffi::PyImport_GetModuleDict() }) {
            // SAFETY: as above.
            Some(modules) => Ok(unsafe { Self::from_borrowed(py, modules) }),
            None => Err(Raised::runtime_error(py, "there is no sys.modules")),
        }
    }

    /// A new module object with that name, not yet in `sys.modules`.
    pub fn module(py: Attached<'py>, name: &Self) -> PyResult<Self> {
        python_may_run();
        // SAFETY: `name` is a live object; a wrong type raises.
        unsafe { Self::from_owned(py, ffi::PyModule_NewObject(name.as_ptr())) }
    }
}

/// Whether it is a code object, which the stable ABI has no check for: of the same type as what Python itself compiles.
fn is_code(py: Attached<'_>, object: &Object<'_>) -> PyResult<bool> {
    // SAFETY: both texts end with a NUL.
    let code =
        unsafe { Object::from_owned(py, ffi::Py_CompileString(c"0".as_ptr(), c"<mod_wsgi_rs>".as_ptr(), ffi::Py_file_input))? };
    Ok(std::ptr::eq(object.class().as_ptr(), code.class().as_ptr()))
}

/// Runs compiled code as the body of `module`: no frame of ours stands in its tracebacks. Returns the module's dictionary.
///
/// # Errors
/// Whatever the code raises.
pub fn run_module_code<'py>(module: &Object<'py>, code: &Object<'py>) -> PyResult<Object<'py>> {
    python_may_run();
    let py = module.py();
    // `compile` stands among the builtins, where anybody can put something else.
    if !is_code(py, code)? {
        return Err(Raised::type_error(py, &format!("compile() has to give a code object, not {}", code.type_name())));
    }
    // SAFETY: a module object has a dictionary, borrowed from it; builtins are borrowed from the interpreter. PyEval_EvalCode takes
    // anything for a code object; this is one.
    unsafe {
        let Some(dict) = NonNull::new(ffi::PyModule_GetDict(module.as_ptr())) else { return Err(Raised::assume()) };
        let namespace = Object::from_borrowed(py, dict);
        done(ffi::PyDict_SetItemString(namespace.as_ptr(), c"__builtins__".as_ptr(), ffi::PyEval_GetBuiltins()))?;
        Object::from_owned(py, ffi::PyEval_EvalCode(code.as_ptr(), namespace.as_ptr(), namespace.as_ptr()))?;
        Ok(namespace)
    }
}

/// A time, or a span of it, as Python has it: seconds.
///
/// # Errors
/// `MemoryError`.
pub fn seconds(py: Attached<'_>, microseconds: i64) -> PyResult<Object<'_>> {
    #[expect(clippy::cast_precision_loss, reason = "microseconds since the epoch are exact in a double until the year 2255")]
    let seconds = microseconds as f64 / 1e6;
    Object::float(py, seconds)
}
