/*! The few places besides Python itself that need unsafe code: half-filled memory, and a look at a descriptor. */
#![expect(unsafe_code, reason = "this folder is the engine's border with everything that is not safe Rust")]

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
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

/// A descriptor of the application's, for the duration of a call. `None` for a number that can't be one.
pub fn borrowed_descriptor<'a>(descriptor: i32) -> Option<BorrowedFd<'a>> {
    // SAFETY: not -1; whether it is open is the kernel's to say, and the one use of it is to pass it to the kernel.
    (descriptor >= 0).then(|| unsafe { BorrowedFd::borrow_raw(descriptor) })
}

/// Writes `title` over this process's argument memory, as `ps` and `pkill -f` see it, filled up with NUL bytes.
/// `start` and `end` are `arg_start` and `arg_end` of /proc/self/stat.
pub fn overwrite_arguments(start: usize, end: usize, title: &[u8]) {
    let Some(room) = end.checked_sub(start).filter(|room| *room > 1) else { return };
    let title = title.get(..title.len().min(room - 1)).unwrap_or_default();
    // SAFETY: the kernel says that the argument strings occupy exactly this range of the stack, which is writable and lives as long as the
    // process; Python has copied its arguments long before.
    unsafe {
        let memory = std::slice::from_raw_parts_mut(std::ptr::with_exposed_provenance_mut::<u8>(start), room);
        memory.fill(0);
        for (place, byte) in memory.iter_mut().zip(title) {
            *place = *byte;
        }
    }
}

/// Ends the process at once: no destructors, no `atexit` of C, no finalisation of Python.
pub fn leave_process(status: i32) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(status) }
}
