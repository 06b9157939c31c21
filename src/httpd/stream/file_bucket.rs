/*! A file on its way through the filters: a bucket that says so when the file ends before what was announced of it.

APR's file bucket answers such a read with `APR_EOF` and drops the rest. mod_ssl, HTTP/2 and several filters of content (mod_include, mod_substitute, …) take
that for the end of the data: the response would go on with fewer bytes than its head, its chunk or its frame says, and the client would read the next
response as the rest. So a file travels as a bucket of a type of this module's, which works as APR's and differs in that one answer: an error bucket
follows where the bytes are missing, and the read fails. The core knows how to end such a connection itself, and only it sends files with `sendfile` or
after the worker has gone on to other requests: the filter [`NAME`] stands at the end of a request's own filters and makes an APR file of what is still a
file there, if nobody but the core will read it. *Runs in: child.* */
#![expect(unsafe_code, reason = "calls into httpd and APR, and is called by them")]

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};

use super::bucket;
use super::filters;
use crate::httpd::guard::{self, Kind, ReadStatus};
use crate::httpd::log::Log;
use crate::httpd::request::Request;
use crate::httpd::status::Status;
use crate::httpd::sys;

/// The filter's name.
const NAME: &CStr = c"WSGI_FILE";

/// An answer that no filter takes for the regular end of the data.
const INCOMPLETE: sys::apr_status_t = sys::APR_INCOMPLETE.cast_signed();

thread_local! {
    // Buckets have no room for a word to the handler, and it runs in the thread that reads them, or has gone by then. No destructor, as in `guard`.
    static ENDED_EARLY: Cell<u64> = const { Cell::new(0) };
}

/// How many reads of files this thread has seen fail, or end before what was announced. Who passes a brigade compares before and after.
pub fn ended_early() -> u64 {
    ENDED_EARLY.get()
}

fn note_early_end() {
    ENDED_EARLY.set(ENDED_EARLY.get().wrapping_add(1));
}

/// The type of the buckets. Their data are those of APR's file buckets.
static TYPE: Type = Type(sys::apr_bucket_type_t {
    name: c"WSGI_FILE".as_ptr(),
    num_func: 5,
    is_metadata: sys::APR_BUCKET_DATA,
    destroy: Some(destroy),
    read: Some(read),
    setaside: Some(set_aside),
    split: Some(sys::apr_bucket_shared_split),
    copy: Some(sys::apr_bucket_shared_copy),
});

struct Type(sys::apr_bucket_type_t);

// SAFETY: a static text and functions, never written.
unsafe impl Sync for Type {}

/// Makes a bucket of this type out of one of APR's for a file.
///
/// # Safety
/// `bucket` is live, a file bucket of APR's, and not allowed to map the file.
pub(in crate::httpd) unsafe fn watch(bucket: *mut sys::apr_bucket) {
    // SAFETY: promised by the caller; both types have the same data.
    unsafe { (*bucket).type_ = &raw const TYPE.0 };
}

/// # Safety
/// As httpd calls it: the data of a bucket of [`TYPE`].
unsafe extern "C" fn destroy(data: *mut c_void) {
    // SAFETY: they are those of a file bucket of APR's, whose type is static and complete.
    unsafe {
        if let Some(destroy) = sys::apr_bucket_type_file.destroy {
            destroy(data);
        }
    }
}

/// # Safety
/// As httpd calls it: a live bucket of [`TYPE`], and a live pool.
unsafe extern "C" fn set_aside(bucket: *mut sys::apr_bucket, pool: *mut sys::apr_pool_t) -> sys::apr_status_t {
    // SAFETY: APR's function works on the data, which are those of its type, and leaves the type as it is.
    unsafe { sys::apr_bucket_type_file.setaside.map_or(sys::APR_ENOTIMPL.cast_signed(), |set_aside| set_aside(bucket, pool)) }
}

/// # Safety
/// As httpd calls it: a live bucket of [`TYPE`] in a brigade that this thread works on, and places for the results.
unsafe extern "C" fn read(
    bucket: *mut sys::apr_bucket,
    data: *mut *const c_char,
    length: *mut sys::apr_size_t,
    block: sys::apr_read_type_e,
) -> sys::apr_status_t {
    // SAFETY: as httpd calls it.
    let read = || ReadStatus(unsafe { read_announced(bucket, data, length, block) });
    let ReadStatus(status) = guard::callback(Kind::FileRead, Log::MainServer, read);
    if status != 0 {
        note_early_end();
    }
    status
}

/// # Safety
/// As [`read`].
unsafe fn read_announced(
    bucket: *mut sys::apr_bucket,
    data: *mut *const c_char,
    length: *mut sys::apr_size_t,
    block: sys::apr_read_type_e,
) -> sys::apr_status_t {
    // SAFETY: the bucket is live, and its data are those of a file bucket. APR's function makes a bucket of bytes of this one, and puts the
    // rest of the file into a bucket behind it; the file's own data may be gone after that.
    unsafe {
        let (announced, pool) = ((*bucket).length, (*(*bucket).data.cast::<sys::apr_bucket_file>()).readpool);
        let Some(read) = sys::apr_bucket_type_file.read else { return sys::APR_ENOTIMPL.cast_signed() };
        let status = read(bucket, data, length, block);
        if status == 0 && *length == announced {
            return 0;
        }
        let rest = (*bucket).link.next;
        if status == 0 && *length > 0 && is_file(rest) {
            watch(rest);
            return 0;
        }
        if is_file(bucket) {
            watch(bucket);
        }
        insert_after(bucket, error_bucket(pool, (*bucket).list));
        if status == 0 || Status(status).is_end_of_file() { INCOMPLETE } else { status }
    }
}

/// With status 502 httpd's filters leave the last chunk out and close the connection, and HTTP/2 resets the stream.
///
/// # Safety
/// Pool and allocator are live.
#[cfg(not(test))]
unsafe fn error_bucket(pool: *mut sys::apr_pool_t, list: *mut sys::apr_bucket_alloc_t) -> *mut sys::apr_bucket {
    // SAFETY: promised by the caller; a null text means httpd's own.
    unsafe { sys::ap_bucket_error_create(sys::HTTP_BAD_GATEWAY.cast_signed(), std::ptr::null(), pool, list) }
}

/// Unit tests have no httpd, which makes such buckets: another one without data takes its place.
///
/// # Safety
/// The allocator is live.
#[cfg(test)]
unsafe fn error_bucket(_pool: *mut sys::apr_pool_t, list: *mut sys::apr_bucket_alloc_t) -> *mut sys::apr_bucket {
    // SAFETY: promised by the caller.
    unsafe { sys::apr_bucket_flush_create(list) }
}

/// Is it a file bucket of APR's?
///
/// # Safety
/// `bucket` is live, or the sentinel of a live brigade: that one stands for the brigade's own fields, which are larger than what is read here.
pub(in crate::httpd) unsafe fn is_file(bucket: *mut sys::apr_bucket) -> bool {
    // SAFETY: promised by the caller.
    unsafe { std::ptr::eq((*bucket).type_, &raw const sys::apr_bucket_type_file) }
}

/// `APR_BUCKET_INSERT_AFTER`
///
/// # Safety
/// `bucket` is in a brigade that this thread works on, and `new` is fresh and in none.
unsafe fn insert_after(bucket: *mut sys::apr_bucket, new: *mut sys::apr_bucket) {
    // SAFETY: promised by the caller; the ring's links are live buckets or the sentinel, whose link is its only field.
    unsafe {
        let next = (*bucket).link.next;
        (*new).link.next = next;
        (*new).link.prev = bucket;
        (*next).link.prev = new;
        (*bucket).link.next = new;
    }
}

/// Registers the filter, each time that httpd reads its configuration.
pub(in crate::httpd) fn register() {
    // Behind all that works on a request's content or frames it, before what belongs to the connection.
    let place = sys::AP_FTYPE_CONNECTION - 1;
    // SAFETY: httpd copies the name, and keeps the function for as long as the module is loaded.
    unsafe { sys::ap_register_output_filter(NAME.as_ptr(), Some(to_core), None, place) };
}

impl Request<'_> {
    /// Lets httpd's core send the files of this request that reach it as files. Called once at most.
    pub fn send_files_by_core(self) {
        // SAFETY: request and connection are live. A name that is not registered adds nothing.
        unsafe { sys::ap_add_output_filter(NAME.as_ptr(), std::ptr::null_mut(), self.raw(), (*self.raw()).connection) };
    }
}

/// The filter.
///
/// # Safety
/// As httpd calls it: a live filter, and a brigade that this thread works on.
unsafe extern "C" fn to_core(filter: *mut sys::ap_filter_t, brigade: *mut sys::apr_bucket_brigade) -> sys::apr_status_t {
    // SAFETY: as httpd calls it; a filter of a request knows that.
    let log = unsafe { Request::new((*filter).r) }.map_or(Log::MainServer, Log::Request);
    guard::callback(Kind::FileFilter, log, || {
        // SAFETY: as httpd calls it.
        unsafe {
            if filters::lead_to_core((*filter).next) && unwatch(brigade) {
                // Anything but null: files have gone this way.
                (*filter).ctx = filter.cast();
            }
        }
    });
    // SAFETY: as httpd calls it.
    let status = unsafe { sys::ap_pass_brigade((*filter).next, brigade) };
    // SAFETY: the filter lives as long as the request.
    if Status(status).is_end_of_file() && unsafe { !(*filter).ctx.is_null() } {
        note_early_end();
    }
    status
}

/// Makes file buckets of APR's of those of [`TYPE`]; whether there were any.
///
/// # Safety
/// `brigade` is live, and this thread alone works on it.
unsafe fn unwatch(brigade: *mut sys::apr_bucket_brigade) -> bool {
    let mut any = false;
    // SAFETY: promised by the caller; both types have the same data.
    unsafe {
        bucket::each(brigade, |bucket| {
            if std::ptr::eq((*bucket).type_, &raw const TYPE.0) {
                (*bucket).type_ = &raw const sys::apr_bucket_type_file;
                any = true;
            }
        });
    }
    any
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;
    use std::os::fd::AsFd as _;

    use super::{TYPE, bucket, ended_early, unwatch};
    use crate::httpd::pool::testing::with_pool;
    use crate::httpd::stream::brigade::Brigade;
    use crate::httpd::{Pool, Status, sys};

    fn with_file(test: impl for<'p> FnOnce(&mut Brigade<'p>, Pool<'p>, &std::fs::File)) {
        with_pool(|pool| {
            // SAFETY: the allocator belongs to the pool.
            let mut brigade = unsafe { Brigade::new(pool, sys::apr_bucket_alloc_create(pool.raw())) };
            let path = std::env::temp_dir().join(format!("file-{}-{:?}", std::process::id(), std::thread::current().id()));
            let mut file = std::fs::File::options().create(true).truncate(true).read(true).write(true).open(&path).unwrap();
            std::fs::remove_file(path).unwrap();
            file.write_all(&[b'x'; 200_000]).unwrap();
            brigade.append_file(file.as_fd(), 0, 200_000, false, pool).unwrap();
            test(&mut brigade, pool, &file);
            brigade.clear();
        });
    }

    /// The lengths of the buckets, and whether they are watched.
    fn kinds(brigade: &Brigade<'_>) -> Vec<(usize, bool)> {
        let mut found = Vec::new();
        // SAFETY: the brigade is live, and nothing is changed.
        unsafe {
            bucket::each(brigade.raw(), |bucket| found.push(((*bucket).length, std::ptr::eq((*bucket).type_, &raw const TYPE.0))))
        };
        found
    }

    /// Reads and removes buckets until one fails or there are none: the bytes, and the failure.
    fn read(brigade: &mut Brigade<'_>) -> (usize, Option<Status>) {
        let mut count = 0;
        while let Some(mut bucket) = brigade.first() {
            match bucket.read(true) {
                Ok(bytes) => count += bytes.len(),
                Err(status) => return (count, Some(status)),
            }
            bucket.remove();
        }
        (count, None)
    }

    #[test]
    fn a_file_is_watched_to_its_end() {
        with_file(|brigade, _, _| {
            let before = ended_early();
            brigade.first().unwrap().split(150_000).unwrap();
            assert_eq!(kinds(brigade), [(150_000, true), (50_000, true)]);
            brigade.first().unwrap().read(true).unwrap();
            assert!(kinds(brigade).iter().skip(1).all(|(_, watched)| *watched), "{:?}", kinds(brigade));
            assert_eq!(read(brigade), (200_000, None));
            assert_eq!(ended_early(), before);
        });
    }

    #[test]
    fn an_early_end_fails_and_leaves_a_mark_behind_it() {
        with_file(|brigade, _, file| {
            file.set_len(100_000).unwrap();
            let before = ended_early();
            let (count, failure) = read(brigade);
            assert_eq!((count, ended_early()), (100_000, before + 1));
            assert!(failure.is_some_and(|status| !status.is_end_of_file() && !status.is_again()), "{failure:?}");
            brigade.first().unwrap().remove();
            assert!(brigade.first().unwrap().is_metadata(), "who ignores the failure comes upon what stands for the error");
        });
    }

    #[test]
    fn a_watched_file_may_be_set_aside_and_given_to_the_core() {
        with_file(|brigade, _, _| {
            with_pool(|longer| {
                // SAFETY: bucket and pool are live, and the type has the function.
                let status = unsafe { TYPE.0.setaside.unwrap()((*brigade.raw()).list.next, longer.raw()) };
                assert_eq!(status, 0);
                assert_eq!(kinds(brigade), [(200_000, true)]);
                // SAFETY: the brigade is live.
                assert!(unsafe { unwatch(brigade.raw()) && !unwatch(brigade.raw()) });
                assert_eq!(kinds(brigade), [(200_000, false)]);
                assert_eq!(read(brigade), (200_000, None));
            });
        });
    }
}
