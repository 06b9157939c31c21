/*! What the parent process keeps while its configuration is read anew and the module is loaded anew: one record, in memory of the kernel's.

httpd retains a few bytes under a name for as long as the process lives; ours are the number of a memory file that holds the record. A
version of the module that reads another form of it than the one before would find entries that it knows. *Runs in: parent.* */
#![expect(unsafe_code, reason = "calls into httpd")]

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, IntoRawFd as _};

use protocol::kept::Kept;
use rustix::fs::MemfdFlags;

use super::sys;

const KEY: &CStr = c"mod_wsgi_rs:kept";

/// What httpd retains. All zeros is its beginning.
#[repr(C)]
struct Place {
    made: i32,
    file: i32,
}

/// What was kept; the defaults at the first start.
pub fn load() -> Kept {
    // SAFETY: null, or what `save` created under this name.
    let place = unsafe { sys::ap_retained_data_get(KEY.as_ptr()).cast::<Place>().as_ref() };
    let Some(place) = place.filter(|place| place.made == 1) else { return Kept::default() };
    // SAFETY: made by `save`, and never closed in the parent.
    let file = unsafe { BorrowedFd::borrow_raw(place.file) };
    super::descriptor::read_whole(file).ok().and_then(|bytes| Kept::decode(&bytes).ok()).unwrap_or_default()
}

/// Keeps `kept`.
///
/// # Errors
/// The memory file could not be made or written.
pub fn save(kept: &Kept) -> rustix::io::Result<()> {
    // SAFETY: as in `load`; a new one is filled with zeros (apr_pcalloc) and lives as long as the process.
    let place = unsafe {
        let mut place = sys::ap_retained_data_get(KEY.as_ptr()).cast::<Place>();
        if place.is_null() {
            place = sys::ap_retained_data_create(KEY.as_ptr(), size_of::<Place>()).cast();
        }
        place.as_mut().ok_or(rustix::io::Errno::NOMEM)?
    };
    if place.made != 1 {
        place.file = rustix::fs::memfd_create(KEY, MemfdFlags::CLOEXEC)?.into_raw_fd();
        place.made = 1;
    }
    // SAFETY: as in `load`.
    let file = unsafe { BorrowedFd::borrow_raw(place.file) };
    super::descriptor::replace_whole(file, &kept.encode())
}
