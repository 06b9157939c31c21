/*! Attached threads and object references. */
#![expect(unsafe_code, reason = "this folder is the engine's border with Python's C API")]

use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::ptr::NonNull;

use pyo3::ffi;

use super::dynamic;
use super::error::{PyResult, Raised};
use crate::logging::shown;
use crate::sync::locks::python_may_run;

/// Proof that this thread is attached to an interpreter (holds its GIL, where it has one).
#[derive(Clone, Copy)]
pub struct Attached<'py> {
    // Not Send: another thread is not attached because this one is.
    marker: PhantomData<(&'py (), *const ())>,
}

impl Attached<'_> {
    /// # Safety
    /// The calling thread must be attached for the whole of the lifetime that the caller chooses.
    pub const unsafe fn assume<'a>() -> Attached<'a> {
        Attached { marker: PhantomData }
    }
}

/// An owned reference to a Python object, usable while its thread is attached.
#[repr(transparent)]
pub struct Object<'py> {
    pointer: NonNull<ffi::PyObject>,
    marker: PhantomData<Attached<'py>>,
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        last_reference_may_go(self.pointer);
        // SAFETY: an Object owns one reference, and its lifetime ends before its thread detaches.
        unsafe { ffi::Py_DECREF(self.pointer.as_ptr()) }
    }
}

impl Clone for Object<'_> {
    fn clone(&self) -> Self {
        // SAFETY: the pointer is alive (self owns a reference) and the thread is attached (lifetime).
        unsafe { ffi::Py_INCREF(self.pointer.as_ptr()) };
        Self { pointer: self.pointer, marker: PhantomData }
    }
}

/// A destructor runs with the last reference. Checked in the build for tests alone.
fn last_reference_may_go(pointer: NonNull<ffi::PyObject>) {
    // SAFETY: a live object, of which the caller owns a reference.
    if cfg!(feature = "test-faults") && unsafe { ffi::Py_REFCNT(pointer.as_ptr()) } == 1 {
        python_may_run();
    }
}

/// A reference kept in an interpreter's own data, beyond one attachment. It is never released by being dropped: who lets go
/// of it calls [`Kept::release`] while attached to its interpreter.
#[repr(transparent)]
pub struct Kept {
    pointer: NonNull<ffi::PyObject>,
}

// SAFETY: a Kept is only a number until `get` turns it into a reference, which takes an Attached; the reference count is
// touched only under that interpreter's GIL.
unsafe impl Send for Kept {}
// SAFETY: as above; a shared Kept offers nothing but `get`.
unsafe impl Sync for Kept {}

impl Kept {
    /// The object, for as long as the thread is attached. The caller must be attached to the interpreter it was kept in, which the
    /// engine ensures by keeping references only in [`crate::interpreter::Interpreter`] and reaching them through it.
    pub const fn get<'a, 'py>(&'a self, _py: Attached<'py>) -> &'a Object<'py> {
        // SAFETY: both are transparent over the same pointer; a Kept owns a reference for as long as it is borrowed.
        unsafe { &*std::ptr::from_ref(self).cast::<Object<'py>>() }
    }

    /// Gives the reference up.
    pub fn release(self, _py: Attached<'_>) {
        last_reference_may_go(self.pointer);
        // SAFETY: a Kept owns one reference; `self` is consumed, so it is given back once.
        unsafe { ffi::Py_DECREF(self.pointer.as_ptr()) }
    }
}

/// The most arguments that [`Object::call`] passes.
const MAX_ARGUMENTS: usize = 5;

impl<'py> Object<'py> {
    /// Takes over a new reference that a C function returned; null means that it raised.
    ///
    /// # Safety
    /// `pointer` must be null with an exception set, or a reference that the caller owns.
    pub unsafe fn from_owned(_py: Attached<'py>, pointer: *mut ffi::PyObject) -> PyResult<Self> {
        NonNull::new(pointer).map(|pointer| Self { pointer, marker: PhantomData }).ok_or_else(Raised::assume)
    }

    /// Adds a reference to a borrowed pointer.
    ///
    /// # Safety
    /// `pointer` must point to a live object.
    pub unsafe fn from_borrowed(_py: Attached<'py>, pointer: NonNull<ffi::PyObject>) -> Self {
        // SAFETY: the caller says that the object is alive.
        unsafe { ffi::Py_INCREF(pointer.as_ptr()) };
        Self { pointer, marker: PhantomData }
    }

    /// Looks at a borrowed pointer as an object, without counting it.
    ///
    /// # Safety
    /// `pointer` must be non-null and point to an object that lives for `'a`.
    pub unsafe fn lend<'a>(_py: Attached<'py>, pointer: &'a *mut ffi::PyObject) -> &'a Self {
        // SAFETY: transparent over a non-null pointer; the reference handed out never drops the object.
        unsafe { &*std::ptr::from_ref(pointer).cast::<Self>() }
    }

    /// How many references there are to it.
    pub fn references(&self) -> isize {
        // SAFETY: a live object.
        unsafe { ffi::Py_REFCNT(self.as_ptr()) }
    }

    /// The raw pointer, still owned by `self`.
    pub const fn as_ptr(&self) -> *mut ffi::PyObject {
        self.pointer.as_ptr()
    }

    /// The raw pointer with its reference, now the caller's.
    pub const fn into_ptr(self) -> *mut ffi::PyObject {
        let pointer = self.pointer.as_ptr();
        std::mem::forget(self);
        pointer
    }

    /// Stores the reference beyond this attachment.
    pub const fn keep(self) -> Kept {
        let kept = Kept { pointer: self.pointer };
        std::mem::forget(self);
        kept
    }

    /// The token of the thread that holds this object.
    pub const fn py(&self) -> Attached<'py> {
        // SAFETY: an Object exists only while its thread is attached for 'py.
        unsafe { Attached::assume() }
    }

    // --- attributes and calls -------------------------------------------------------------------------------------------

    /// `getattr(self, name)`
    pub fn attribute(&self, name: &Self) -> PyResult<Self> {
        python_may_run();
        // SAFETY: both are live objects of this interpreter.
        unsafe { Self::from_owned(self.py(), ffi::PyObject_GetAttr(self.as_ptr(), name.as_ptr())) }
    }

    /// `getattr(self, name)` by a literal name.
    pub fn attribute_named(&self, name: &CStr) -> PyResult<Self> {
        python_may_run();
        // SAFETY: self is live; `name` ends with a NUL.
        unsafe { Self::from_owned(self.py(), ffi::PyObject_GetAttrString(self.as_ptr(), name.as_ptr())) }
    }

    /// `getattr(self, name, None)`, with `None` in Rust where there is no such attribute.
    pub fn attribute_if_any(&self, name: &Self) -> PyResult<Option<Self>> {
        match self.attribute(name) {
            Ok(found) => Ok(Some(found)),
            Err(raised) if raised.is_attribute_error(self.py()) => {
                raised.clear(self.py());
                Ok(None)
            }
            Err(raised) => Err(raised),
        }
    }

    /// `setattr(self, name, value)`
    pub fn set_attribute(&self, name: &CStr, value: &Self) -> PyResult<()> {
        python_may_run();
        // SAFETY: both are live objects; `name` ends with a NUL.
        done(unsafe { ffi::PyObject_SetAttrString(self.as_ptr(), name.as_ptr(), value.as_ptr()) })
    }

    /// `self(*arguments)`; at most five.
    pub fn call(&self, arguments: &[&Self]) -> PyResult<Self> {
        python_may_run();
        let mut a = [std::ptr::null_mut(); MAX_ARGUMENTS];
        for (place, argument) in a.iter_mut().zip(arguments) {
            *place = argument.as_ptr();
        }
        let [a0, a1, a2, a3, a4] = a;
        let end = std::ptr::null_mut::<ffi::PyObject>();
        // SAFETY: live objects, and the variable list ends with the first null.
        unsafe { Self::from_owned(self.py(), ffi::PyObject_CallFunctionObjArgs(self.as_ptr(), a0, a1, a2, a3, a4, end)) }
    }

    /// `self.name(*arguments)`; at most five.
    pub fn call_method(&self, name: &Self, arguments: &[&Self]) -> PyResult<Self> {
        self.attribute(name)?.call(arguments)
    }

    // --- what an object is ----------------------------------------------------------------------------------------------

    /// Is it `None`?
    pub fn is_none(&self) -> bool {
        // SAFETY: comparing addresses only.
        std::ptr::eq(self.as_ptr(), unsafe { ffi::Py_None() })
    }

    /// `bool(self)`
    pub fn truth(&self) -> PyResult<bool> {
        python_may_run();
        // SAFETY: a live object.
        match unsafe { ffi::PyObject_IsTrue(self.as_ptr()) } {
            -1 => Err(Raised::assume()),
            n => Ok(n != 0),
        }
    }

    /// A `str` or a subclass?
    pub fn is_text(&self) -> bool {
        // SAFETY: a live object; the check reads its type's flags.
        unsafe { ffi::PyUnicode_Check(self.as_ptr()) != 0 }
    }

    /// A `list` or a subclass?
    pub fn is_list(&self) -> bool {
        // SAFETY: a live object; the check reads its type's flags.
        unsafe { ffi::PyList_Check(self.as_ptr()) != 0 }
    }

    /// A `list` or `tuple` itself, whose iteration nobody can have overridden?
    pub fn is_plain_sequence(&self) -> bool {
        // SAFETY: a live object; comparing its type.
        unsafe { ffi::PyList_CheckExact(self.as_ptr()) != 0 || ffi::PyTuple_CheckExact(self.as_ptr()) != 0 }
    }

    /// A `tuple` or a subclass?
    pub fn is_tuple(&self) -> bool {
        // SAFETY: a live object; the check reads its type's flags.
        unsafe { ffi::PyTuple_Check(self.as_ptr()) != 0 }
    }

    /// `callable(self)`
    pub fn is_callable(&self) -> bool {
        // SAFETY: a live object.
        unsafe { ffi::PyCallable_Check(self.as_ptr()) != 0 }
    }

    /// Its type, whatever `__class__` says.
    pub fn class(&self) -> Self {
        // SAFETY: a live object has a type, which it keeps alive.
        unsafe { Self::from_borrowed(self.py(), NonNull::new_unchecked(ffi::Py_TYPE(self.as_ptr()).cast())) }
    }

    /// The name of its type, for messages.
    pub fn type_name(&self) -> String {
        let name = self.class().attribute_named(c"__name__").and_then(|name| name.to_text());
        // A class may have any text for a name.
        name.map(|name| shown(name.get(..100).unwrap_or(&name).as_bytes())).unwrap_or_else(|raised| {
            raised.clear(self.py());
            "object".to_owned()
        })
    }

    // --- reading values -------------------------------------------------------------------------------------------------

    /// The contents of a `bytes` (or subclass), in place.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        // SAFETY: a live object; the check reads its type's flags.
        if unsafe { ffi::PyBytes_Check(self.as_ptr()) } == 0 {
            return None;
        }
        // SAFETY: it is a bytes object: immutable, and alive as long as self.
        unsafe {
            let data = ffi::PyBytes_AsString(self.as_ptr()).cast::<u8>();
            let length = usize::try_from(ffi::PyBytes_Size(self.as_ptr())).unwrap_or(0);
            Some(std::slice::from_raw_parts(data, length))
        }
    }

    /// Gives the latin-1 bytes of a `str` to `take`.
    ///
    /// # Errors
    /// `UnicodeEncodeError` when a character is beyond latin-1; `TypeError` when it is not a `str`.
    pub fn with_latin1<R>(&self, take: impl FnOnce(&[u8]) -> R) -> PyResult<R> {
        if let Some(ascii) = self.as_ascii() {
            return Ok(take(ascii));
        }
        // SAFETY: a live object; anything but a str raises.
        let bytes = unsafe { Self::from_owned(self.py(), ffi::PyUnicode_AsLatin1String(self.as_ptr()))? };
        Ok(take(bytes.as_bytes().unwrap_or_default()))
    }

    /// The characters of a `str` that is all ASCII, in place.
    fn as_ascii(&self) -> Option<&[u8]> {
        if !self.is_text() {
            return None;
        }
        let mut length = 0;
        // SAFETY: a str; the UTF-8 form is cached in it (for ASCII it is the str's own memory) and lives as long as it.
        let data = unsafe { dynamic::utf8(self.as_ptr(), &raw mut length) };
        if data.is_null() {
            Raised::assume().clear(self.py());
            return None;
        }
        // SAFETY: Python gave pointer and length together.
        let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), usize::try_from(length).unwrap_or(0)) };
        bytes.is_ascii().then_some(bytes)
    }

    /// A `str` as Rust text; lone surrogates become `?`.
    pub fn to_text(&self) -> PyResult<String> {
        if let Some(ascii) = self.as_ascii() {
            return Ok(String::from_utf8_lossy(ascii).into_owned());
        }
        // SAFETY: a live object; anything but a str raises. The strings end with a NUL.
        let bytes = unsafe {
            let replaced = ffi::PyUnicode_AsEncodedString(self.as_ptr(), c"utf-8".as_ptr(), c"replace".as_ptr());
            Self::from_owned(self.py(), replaced)?
        };
        Ok(String::from_utf8_lossy(bytes.as_bytes().unwrap_or_default()).into_owned())
    }

    /// An `int` that fits 64 bits. A float is none, though Python 3.9 would still cut it to one.
    pub fn to_int(&self) -> PyResult<i64> {
        python_may_run();
        // SAFETY: a live object; the call gives a new reference, or raises.
        let number = unsafe { Self::from_owned(self.py(), ffi::PyNumber_Index(self.as_ptr()))? };
        // SAFETY: a live object; -1 with an exception set tells a failure.
        let value = unsafe { ffi::PyLong_AsLongLong(number.as_ptr()) };
        if value == -1 && Raised::pending(self.py()) { Err(Raised::assume()) } else { Ok(value) }
    }

    /// An object's `fileno()` (or an `int`), as `PyObject_AsFileDescriptor` reads it.
    pub fn to_descriptor(&self) -> PyResult<i32> {
        python_may_run();
        // SAFETY: a live object; -1 means that it raised.
        match unsafe { ffi::PyObject_AsFileDescriptor(self.as_ptr()) } {
            -1 => Err(Raised::assume()),
            n => Ok(n),
        }
    }
}

/// A C function's 0 or -1.
pub(super) const fn done(status: c_int) -> PyResult<()> {
    if status == 0 { Ok(()) } else { Err(Raised::assume()) }
}

/// A length as Python counts it. No slice is longer than `isize::MAX`.
#[expect(clippy::cast_possible_wrap, reason = "no slice is longer than isize::MAX")]
pub(super) const fn size(length: usize) -> ffi::Py_ssize_t {
    length as ffi::Py_ssize_t
}
