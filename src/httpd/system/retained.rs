/*! What the parent process keeps while its configuration is read again and the module is loaded again: one record, in memory that is the
parent's own.

httpd retains a few bytes under a name for as long as the process lives; ours say where the record lies, in memory of `malloc`. A child has a copy
of it as of its fork, so nothing that a child writes is seen by the parent, which acts on the record as root: processes that it signals, descriptors that
it closes, sockets that it removes, users that it starts processes for. A version of the module that reads another form of the record finds the entries
that it knows. *Runs in: parent; a child reads its copy.* */
#![expect(unsafe_code, reason = "calls into httpd; memory that outlives the module")]

use std::ffi::CStr;
use std::ptr::null_mut;

use protocol::kept::Kept;
use protocol::log_code;
use rustix::io::Errno;

use crate::httpd::log::Log;
use crate::httpd::sys;

/// Another name than that of versions which kept the record in a file that children could write: what those left there is not read.
const KEY: &CStr = c"mod_wsgi_rs:state";

/// Says that a [`RetainedRecord`] has the form below.
const FORM: u64 = u64::from_ne_bytes(*b"wsgirs01");

/// What httpd retains. All zeros is its beginning. Other versions of the module read it, so its form never changes under one [`KEY`].
#[repr(C)]
struct RetainedRecord {
    /// [`FORM`] once there is a record.
    form: u64,
    /// The record, in memory of `malloc`.
    bytes: *mut u8,
    /// How long the record is.
    length: usize,
    /// How much memory there is for it.
    capacity: usize,
}

impl RetainedRecord {
    /// The record's bytes; none before the first `put`.
    fn get(&self) -> Option<&[u8]> {
        if self.form != FORM || self.bytes.is_null() {
            return None;
        }
        // SAFETY: `put` has filled so many bytes there, and only `put` changes them, which borrows `self` alone.
        Some(unsafe { std::slice::from_raw_parts(self.bytes, self.length) })
    }

    /// Replaces the record. Its memory grows only if it has to.
    ///
    /// # Errors
    /// There is no memory: the old record stays.
    fn put(&mut self, record: &[u8]) -> Result<(), Errno> {
        if self.form != FORM {
            *self = Self { form: FORM, bytes: null_mut(), length: 0, capacity: 0 };
        }
        if self.bytes.is_null() || self.capacity < record.len() {
            let capacity = record.len().max(1).next_power_of_two();
            // SAFETY: null, or what this function got from `realloc` before; of libc, whose heap all versions of the module share.
            let bytes = unsafe { libc::realloc(self.bytes.cast(), capacity) };
            if bytes.is_null() {
                return Err(Errno::NOMEM);
            }
            self.bytes = bytes.cast();
            self.capacity = capacity;
        }
        // SAFETY: there is room for `capacity` bytes, which are no fewer; and `record` is not in that memory, since that is lent to nobody now.
        unsafe { std::ptr::copy_nonoverlapping(record.as_ptr(), self.bytes, record.len()) };
        self.length = record.len();
        Ok(())
    }
}

/// What was kept; the defaults at the first start. In a child: what was kept when it was forked.
pub fn load() -> Kept {
    // SAFETY: null, or what `save` created under this name, filled with zeros at first.
    let record = unsafe { sys::ap_retained_data_get(KEY.as_ptr()).cast::<RetainedRecord>().as_ref() };
    record.and_then(RetainedRecord::get).and_then(|bytes| Kept::decode(bytes).ok()).unwrap_or_default()
}

/// Keeps `kept`. In the parent, whose one thread reads configurations and looks after processes.
///
/// # Errors
/// There is no memory for it.
pub fn save(kept: &Kept) -> rustix::io::Result<()> {
    // SAFETY: as in `load`; a new one is filled with zeros (apr_pcalloc) and lives as long as the process. One thread uses it.
    let record = unsafe {
        let mut record = sys::ap_retained_data_get(KEY.as_ptr()).cast::<RetainedRecord>();
        if record.is_null() {
            record = sys::ap_retained_data_create(KEY.as_ptr(), size_of::<RetainedRecord>()).cast();
        }
        record.as_mut().ok_or(Errno::NOMEM)?
    };
    record.put(&kept.encode())
}

/// As [`save`]. Whether that could be done: without it the next restart would start from nothing, so it is logged.
pub fn keep(log: Log<'_>, kept: &Kept) -> bool {
    let saved = save(kept).inspect_err(|error| {
        log.log_code(&log_code::SUPERVISOR_NOT_STARTED, format_args!("could not save the list of running supervisors: {error}"));
    });
    saved.is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{FORM, RetainedRecord};

    #[test]
    fn a_record_is_replaced_in_memory_that_grows_only_if_it_has_to() {
        // SAFETY: all zeros is a place without a record, as httpd makes it.
        let mut record: RetainedRecord = unsafe { std::mem::zeroed() };
        assert_eq!(record.get(), None);
        record.put(b"").unwrap();
        assert_eq!(record.get(), Some(&b""[..]));
        record.put(&[7; 1000]).unwrap();
        let (bytes, capacity) = (record.bytes, record.capacity);
        for length in [1000, 3, 1024, 0, 500] {
            record.put(&vec![8; length]).unwrap();
            assert_eq!(record.get().unwrap(), vec![8; length]);
        }
        assert_eq!((record.bytes, record.capacity, record.form), (bytes, capacity, FORM));
        // SAFETY: what `put` got from libc, and nothing uses it any more.
        unsafe { libc::free(record.bytes.cast()) };
    }

    #[test]
    fn what_another_version_has_left_in_another_form_is_not_followed() {
        let mut record = RetainedRecord { form: 1, bytes: std::ptr::without_provenance_mut(8), length: 100, capacity: 100 };
        assert_eq!(record.get(), None);
        record.put(b"ours").unwrap();
        assert_eq!(record.get(), Some(&b"ours"[..]));
        // SAFETY: as above.
        unsafe { libc::free(record.bytes.cast()) };
    }
}
