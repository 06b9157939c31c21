/*! The few places besides Python itself that need unsafe code: half-filled memory, and a look at a descriptor. */
#![expect(unsafe_code, reason = "this folder is the engine's border with everything that is not safe Rust")]

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use pyo3::ffi;

use super::error::PyResult;
use super::object::{Attached, Object};

/// Says that the first `length` bytes of `data`'s memory have been written.
pub fn filled(data: &mut Vec<u8>, length: usize) {
    let length = length.min(data.capacity());
    // SAFETY: not beyond the capacity; callers pass the old length plus what an exchange has just written behind it.
    unsafe { data.set_len(length) }
}

/// The first `length` bytes of memory that an exchange has just written.
pub fn initialised(memory: &[MaybeUninit<u8>], length: usize) -> &[u8] {
    let written = memory.get(..length).unwrap_or_default();
    // SAFETY: the exchange has written that many bytes from the start.
    unsafe { std::slice::from_raw_parts(written.as_ptr().cast(), written.len()) }
}

/// The size of the regular file behind a descriptor; `None` for anything else.
pub fn regular_file_size(descriptor: i32) -> Option<u64> {
    // SAFETY: an all-zero stat is valid, and is filled by the call; a bad descriptor only makes it fail.
    let data = unsafe {
        let mut data: libc::stat = std::mem::zeroed();
        (libc::fstat(descriptor, &raw mut data) == 0).then_some(data)?
    };
    if data.st_mode & libc::S_IFMT != libc::S_IFREG {
        return None;
    }
    u64::try_from(data.st_size).ok()
}

impl<'py> Object<'py> {
    /// A capsule without a name around a C pointer.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn capsule(py: Attached<'py>, pointer: NonNull<c_void>) -> PyResult<Self> {
        // SAFETY: a non-null pointer, which the capsule only carries; no name, no destructor.
        unsafe { Self::from_owned(py, ffi::PyCapsule_New(pointer.as_ptr(), std::ptr::null(), None)) }
    }
}
