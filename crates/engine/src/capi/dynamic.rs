/*! Which Python is there: its version, and C API functions that every supported one has but the stable ABI of 3.9 does not name. */
#![expect(unsafe_code, reason = "this folder is the engine's border with Python's C API")]

use std::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;

use pyo3::ffi;

/// Python's version, from the loaded library: major and minor.
pub fn version() -> (u8, u8) {
    let text = version_text();
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse().ok());
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// `Py_GetVersion()`: works before Python is started.
pub fn version_text() -> String {
    // SAFETY: returns a static string, NUL-terminated, also before initialisation.
    unsafe { CStr::from_ptr(ffi::Py_GetVersion()) }.to_string_lossy().into_owned()
}

/// The address of a symbol of libpython (or of the Python executable), if it has it.
pub(super) fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: dlsym reads a NUL-terminated name; the default scope holds libpython, which stays loaded.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

type Utf8 = unsafe extern "C" fn(*mut ffi::PyObject, *mut ffi::Py_ssize_t) -> *const c_char;

/// `PyUnicode_AsUTF8AndSize` (in every CPython from 3.3, in the stable ABI from 3.10).
///
/// # Safety
/// As of that function: `text` must be a `str`. Null with an exception set, or null without one where the symbol is missing.
pub(super) unsafe fn utf8(text: *mut ffi::PyObject, length: *mut ffi::Py_ssize_t) -> *const c_char {
    static FOUND: OnceLock<Option<Utf8>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        symbol(c"PyUnicode_AsUTF8AndSize")
            // SAFETY: this is the signature of that function in every CPython from 3.7 (`const char *` result).
            .map(|address| unsafe { std::mem::transmute::<*mut c_void, Utf8>(address) })
    });
    match found {
        // SAFETY: the caller's contract is that function's.
        Some(function) => unsafe { function(text, length) },
        None => std::ptr::null(),
    }
}
