/*! Lists, tuples, dictionaries and iterators: what an object holds. */
#![expect(unsafe_code, reason = "this folder is the engine's border with Python's C API")]

use std::ptr::NonNull;

use pyo3::ffi;

use super::error::{PyResult, Raised};
use super::object::{Object, done, size};
use crate::sync::locks::python_may_run;

impl Object<'_> {
    /// The number of items of a `list` or `tuple`.
    pub fn length(&self) -> usize {
        // SAFETY: live; each function is called for its own type only.
        let n = unsafe { if self.is_list() { ffi::PyList_Size(self.as_ptr()) } else { ffi::PyTuple_Size(self.as_ptr()) } };
        usize::try_from(n).unwrap_or_else(|_| {
            Raised::assume().clear(self.py());
            0
        })
    }

    /// Item `index` of a `list` or `tuple`; `None` beyond its end.
    pub fn item(&self, index: usize) -> Option<Self> {
        // SAFETY: live; each function is called for its own type only and checks the index. The reference is borrowed.
        let item = unsafe {
            if self.is_list() {
                ffi::PyList_GetItem(self.as_ptr(), size(index))
            } else {
                ffi::PyTuple_GetItem(self.as_ptr(), size(index))
            }
        };
        let Some(item) = NonNull::new(item) else {
            Raised::assume().clear(self.py());
            return None;
        };
        // SAFETY: the container holds it.
        Some(unsafe { Self::from_borrowed(self.py(), item) })
    }

    /// `self[key] = value` of a `dict`.
    pub fn dict_set(&self, key: &Self, value: &Self) -> PyResult<()> {
        python_may_run();
        // SAFETY: live objects; anything but a dict raises SystemError.
        done(unsafe { ffi::PyDict_SetItem(self.as_ptr(), key.as_ptr(), value.as_ptr()) })
    }

    /// `self.get(key)` of a `dict`.
    pub fn dict_get(&self, key: &Self) -> PyResult<Option<Self>> {
        python_may_run();
        // SAFETY: live objects; the result is borrowed from the dictionary.
        match NonNull::new(unsafe { ffi::PyDict_GetItemWithError(self.as_ptr(), key.as_ptr()) }) {
            // SAFETY: the dictionary holds it.
            Some(found) => Ok(Some(unsafe { Self::from_borrowed(self.py(), found) })),
            None if Raised::pending(self.py()) => Err(Raised::assume()),
            None => Ok(None),
        }
    }

    /// `del self[key]` of a `dict`; a missing key is no error.
    pub fn dict_remove(&self, key: &Self) {
        python_may_run();
        // SAFETY: live objects.
        if unsafe { ffi::PyDict_DelItem(self.as_ptr(), key.as_ptr()) } != 0 {
            Raised::assume().clear(self.py());
        }
    }

    /// The number of entries of a `dict`.
    pub fn dict_length(&self) -> usize {
        // SAFETY: a live object; anything but a dict gives -1 and raises.
        usize::try_from(unsafe { ffi::PyDict_Size(self.as_ptr()) }).unwrap_or_else(|_| {
            Raised::assume().clear(self.py());
            0
        })
    }

    /// A shallow copy of a `dict`.
    pub fn dict_copy(&self) -> PyResult<Self> {
        python_may_run();
        // SAFETY: a live object; anything but a dict raises.
        unsafe { Self::from_owned(self.py(), ffi::PyDict_Copy(self.as_ptr())) }
    }

    /// `iter(self)`
    pub fn iterate(&self) -> PyResult<Self> {
        python_may_run();
        // SAFETY: a live object.
        unsafe { Self::from_owned(self.py(), ffi::PyObject_GetIter(self.as_ptr())) }
    }

    /// The next item of an iterator; `None` at its end.
    pub fn next_item(&self) -> PyResult<Option<Self>> {
        python_may_run();
        // SAFETY: `self` is an iterator (from `iterate`); null without an exception is its end.
        match NonNull::new(unsafe { ffi::PyIter_Next(self.as_ptr()) }) {
            // SAFETY: a new reference, this caller's.
            Some(next) => unsafe { Self::from_owned(self.py(), next.as_ptr()) }.map(Some),
            None if Raised::pending(self.py()) => Err(Raised::assume()),
            None => Ok(None),
        }
    }
}
