/*! Strings of C, read where they are. */
#![expect(unsafe_code, reason = "reads C's memory")]

use std::ffi::{CStr, c_char};

/// The bytes of a C string, or `None` for null.
///
/// # Safety
/// `pointer` is null or NUL-terminated, and lives for `'p`.
pub(in crate::httpd) unsafe fn text<'p>(pointer: *const c_char) -> Option<&'p [u8]> {
    // SAFETY: promised by the caller.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_bytes())
}
