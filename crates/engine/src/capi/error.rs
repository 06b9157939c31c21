/*! Exceptions: the error indicator as a value that the compiler makes us handle. */
#![expect(unsafe_code, reason = "this folder is the engine's border with Python's C API")]

use std::ffi::CString;

use pyo3::ffi;

use super::object::{Attached, Object};
use crate::sync::locks::python_may_run;

/// Python's error indicator is set on this thread.
#[must_use = "an exception is pending: pass it on, log it, or clear it"]
#[derive(Debug)]
pub struct Raised(());

/// The result of what may raise.
pub type PyResult<T> = Result<T, Raised>;

/// A fetched exception: its type, its value and its traceback (or `None`).
pub struct Exception<'py> {
    /// The class.
    pub class: Object<'py>,
    /// The instance.
    pub value: Object<'py>,
    /// The traceback object, or `None`.
    pub traceback: Object<'py>,
}

impl<'py> Exception<'py> {
    /// The parts of a tuple as `sys.exc_info()` returns it, if they are that: a class of exceptions, an instance of it or `None`, and a traceback
    /// or `None`. Only the objects' true types count, not what a class says of itself.
    pub fn checked(class: Object<'py>, value: Object<'py>, traceback: Object<'py>) -> Option<Self> {
        // SAFETY: live objects; the checks read their types' flags and bases. The class is a type when it is looked at as one.
        let fits = unsafe {
            ffi::PyExceptionClass_Check(class.as_ptr()) != 0
                && (value.is_none() || ffi::PyType_IsSubtype(ffi::Py_TYPE(value.as_ptr()), class.as_ptr().cast()) != 0)
                && (traceback.is_none() || ffi::PyTraceBack_Check(traceback.as_ptr()) != 0)
        };
        if !fits {
            return None;
        }
        // Python would wrap an instance of a subclass into a new instance of the class.
        let class = if value.is_none() { class } else { value.class() };
        Some(Self { class, value, traceback })
    }
}

impl Raised {
    /// Says that a C function has just raised.
    pub const fn assume() -> Self {
        Self(())
    }

    /// Is an exception pending on this thread?
    pub fn pending(_py: Attached<'_>) -> bool {
        // SAFETY: attached; the result is borrowed and only compared.
        !unsafe { ffi::PyErr_Occurred() }.is_null()
    }

    fn raise(class: *mut ffi::PyObject, message: &str) -> Self {
        python_may_run();
        let text = CString::new(message.replace('\0', "\\0")).unwrap_or_default();
        // SAFETY: the class is one of Python's static exceptions (immortal); the text ends with a NUL.
        unsafe { ffi::PyErr_SetString(class, text.as_ptr()) };
        Self(())
    }

    /// Raises `TypeError`.
    pub fn type_error(_py: Attached<'_>, message: &str) -> Self {
        // SAFETY: reading a static of libpython that is set once Python runs.
        Self::raise(unsafe { ffi::PyExc_TypeError }, message)
    }

    /// Raises `ValueError`.
    pub fn value_error(_py: Attached<'_>, message: &str) -> Self {
        // SAFETY: as above.
        Self::raise(unsafe { ffi::PyExc_ValueError }, message)
    }

    /// Raises `RuntimeError`.
    pub fn runtime_error(_py: Attached<'_>, message: &str) -> Self {
        // SAFETY: as above.
        Self::raise(unsafe { ffi::PyExc_RuntimeError }, message)
    }

    /// Raises `OSError`.
    pub fn os_error(_py: Attached<'_>, message: &str) -> Self {
        // SAFETY: as above.
        Self::raise(unsafe { ffi::PyExc_OSError }, message)
    }

    /// Raises an exception again, with its traceback. Where there is no instance yet, Python makes one of the class.
    pub fn again(exception: Exception<'_>) -> Self {
        python_may_run();
        let Exception { class, value, traceback } = exception;
        let or_null = |object: Object<'_>| if object.is_none() { std::ptr::null_mut() } else { object.into_ptr() };
        // SAFETY: PyErr_Restore takes over three references, of which the last two may be null. Each is of its type: the fields come from the
        // error indicator (`take`) or were checked (`Exception::checked`).
        unsafe { ffi::PyErr_Restore(class.into_ptr(), or_null(value), or_null(traceback)) };
        Self(())
    }

    fn matches(class: *mut ffi::PyObject) -> bool {
        // SAFETY: an exception is pending and the class is a live object.
        unsafe { ffi::PyErr_ExceptionMatches(class) != 0 }
    }

    /// Is the pending exception an `AttributeError`?
    pub fn is_attribute_error(&self, _py: Attached<'_>) -> bool {
        // SAFETY: reading a static of libpython that is set once Python runs.
        Self::matches(unsafe { ffi::PyExc_AttributeError })
    }

    /// Is the pending exception a `TypeError`?
    pub fn is_type_error(&self, _py: Attached<'_>) -> bool {
        // SAFETY: as above.
        Self::matches(unsafe { ffi::PyExc_TypeError })
    }

    /// Is the pending exception a `SystemExit`?
    pub fn is_system_exit(&self, _py: Attached<'_>) -> bool {
        // SAFETY: as above.
        Self::matches(unsafe { ffi::PyExc_SystemExit })
    }

    /// Is the pending exception an instance of `class`?
    pub fn is_a(&self, class: &Object<'_>) -> bool {
        Self::matches(class.as_ptr())
    }

    /// Forgets the exception.
    pub fn clear(self, _py: Attached<'_>) {
        python_may_run();
        // SAFETY: attached.
        unsafe { ffi::PyErr_Clear() }
    }

    /// Takes the exception out of the indicator, normalised.
    pub fn take(self, py: Attached<'_>) -> Option<Exception<'_>> {
        python_may_run();
        let (mut class, mut value, mut traceback) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the three places receive owned references (or null), which are taken over below.
        unsafe {
            ffi::PyErr_Fetch(&raw mut class, &raw mut value, &raw mut traceback);
            ffi::PyErr_NormalizeException(&raw mut class, &raw mut value, &raw mut traceback);
            // An extension can set anything, and Python leaves what is no exception as it is.
            let is_exception = !value.is_null() && ffi::PyExceptionInstance_Check(value) != 0;
            if !traceback.is_null() && is_exception && ffi::PyException_SetTraceback(value, traceback) != 0 {
                ffi::PyErr_Clear();
            }
            let class = Object::from_owned(py, class).ok()?;
            let value = Object::from_owned(py, value).ok()?;
            let traceback = Object::from_owned(py, traceback).unwrap_or_else(|_| Object::none(py));
            Some(Exception { class, value, traceback })
        }
    }
}
