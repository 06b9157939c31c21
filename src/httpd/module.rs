/*! This module as httpd and the dynamic loader know it: its record, its index, its file; and functions that other modules have registered. The record itself
stands in `lib.rs`, with everything that it leads to. *Runs in: parent, child.* */
#![expect(unsafe_code, reason = "reads the module's record, and asks the dynamic loader")]

use std::ffi::{CStr, OsStr, c_int};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::sys;

mod record {
    unsafe extern "C" {
        /// The module's record, which httpd looks up by this name.
        pub static mut wsgi_module: super::sys::module;
    }
}

/// The module's record.
pub(in crate::httpd) fn record() -> *const sys::module {
    &raw const record::wsgi_module
}

/// The index that httpd gave to the module when it was loaded.
pub(in crate::httpd) fn index() -> c_int {
    // SAFETY: httpd writes it when it loads the module, before it calls into it.
    unsafe { (*record()).module_index }
}

/// The file that this module was loaded from.
pub fn file() -> Option<PathBuf> {
    file_of(record().addr())
}

/// The file of the library that an address lies in.
pub fn file_of(address: usize) -> Option<PathBuf> {
    // SAFETY: `info` is plain data; any address may be asked for. The name lives as long as the library.
    let name = unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(std::ptr::without_provenance(address), &raw mut info) == 0 || info.dli_fname.is_null() {
            return None;
        }
        CStr::from_ptr(info.dli_fname)
    };
    std::fs::canonicalize(OsStr::from_bytes(name.to_bytes())).ok()
}

/// An optional function that another module registered (`APR_REGISTER_OPTIONAL_FN`).
pub(in crate::httpd) fn optional_function(name: &CStr) -> sys::apr_opt_fn_t {
    // SAFETY: a lookup by name in APR's table; after the configuration has been read.
    unsafe { sys::apr_dynamic_fn_retrieve(name.as_ptr()) }
}
