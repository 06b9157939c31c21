/*! Bucket brigades: what goes through Apache's filters. *Runs in: child.* */
#![expect(unsafe_code, reason = "calls into APR")]

use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use shared_memory::Lent;

use super::bucket::{Bucket, each, sentinel};
use super::file_bucket;
use crate::httpd::pool::Pool;
use crate::httpd::status::Status;
use crate::httpd::sys::{self, Lifetime};

/// Bytes that are read for as long as `'d` by C alone, and may lie in memory that another process writes meanwhile.
#[derive(Clone, Copy)]
pub struct Piece<'d> {
    start: *const u8,
    length: usize,
    life: PhantomData<&'d [u8]>,
}

impl<'d> From<&'d [u8]> for Piece<'d> {
    fn from(bytes: &'d [u8]) -> Self {
        Self { start: bytes.as_ptr(), length: bytes.len(), life: PhantomData }
    }
}

impl<'d> From<Lent<'d>> for Piece<'d> {
    fn from(lent: Lent<'d>) -> Self {
        Self { start: lent.as_ptr(), length: lent.len(), life: PhantomData }
    }
}

impl Piece<'_> {
    /// How many bytes it has.
    pub const fn len(self) -> usize {
        self.length
    }

    /// Whether it has none.
    pub const fn is_empty(self) -> bool {
        self.length == 0
    }

    /// Its first bytes, at most so many.
    pub fn first(self, most: usize) -> Self {
        Self { length: self.length.min(most), ..self }
    }
}

/// A brigade in a pool that lives at least as long as `'p`. Buckets still in it are destroyed with the pool.
pub struct Brigade<'p> {
    raw: NonNull<sys::apr_bucket_brigade>,
    life: Lifetime<'p>,
}

impl<'p> Brigade<'p> {
    /// A new, empty brigade.
    ///
    /// # Safety
    /// `allocator` is the bucket allocator of the connection that the brigade is for, and outlives `'p`.
    pub(in crate::httpd) unsafe fn new(pool: Pool<'p>, allocator: *mut sys::apr_bucket_alloc_t) -> Self {
        // SAFETY: both are live. The brigade itself is pool memory: APR ends the process when there is none.
        let raw = unsafe { sys::apr_brigade_create(pool.raw(), allocator) };
        let layout = std::alloc::Layout::new::<sys::apr_bucket_brigade>();
        Self { raw: NonNull::new(raw).unwrap_or_else(|| std::alloc::handle_alloc_error(layout)), life: PhantomData }
    }

    /// For the calls of this folder.
    pub(in crate::httpd) fn raw(&self) -> *mut sys::apr_bucket_brigade {
        self.raw.as_ptr()
    }

    fn allocator(&self) -> *mut sys::apr_bucket_alloc_t {
        // SAFETY: the brigade is live.
        unsafe { self.raw.as_ref() }.bucket_alloc
    }

    fn sentinel(&self) -> *mut sys::apr_bucket {
        // SAFETY: the brigade is live.
        unsafe { sentinel(self.raw()) }
    }

    /// `APR_BRIGADE_INSERT_TAIL`
    fn insert_tail(&mut self, bucket: *mut sys::apr_bucket) {
        let sentinel = self.sentinel();
        // SAFETY: `bucket` is fresh and in no ring; the sentinel's `prev` is the last bucket, or the sentinel itself.
        unsafe {
            let list = &raw mut (*self.raw()).list;
            let last = (*list).prev;
            (*bucket).link.next = sentinel;
            (*bucket).link.prev = last;
            if last == sentinel {
                (*list).next = bucket;
            } else {
                (*last).link.next = bucket;
            }
            (*list).prev = bucket;
        }
    }

    /// The first bucket.
    pub fn first(&mut self) -> Option<Bucket<'_>> {
        // SAFETY: `next` is the sentinel or the first bucket of the live brigade, which is borrowed for the result's life.
        unsafe {
            let first = (*self.raw()).list.next;
            if first == self.sentinel() { None } else { NonNull::new(first).map(|bucket| Bucket::new(bucket)) }
        }
    }

    /// Is nothing in it?
    pub fn is_empty(&mut self) -> bool {
        self.first().is_none()
    }

    /// Destroys every bucket in it.
    pub fn clear(&mut self) {
        // SAFETY: the brigade is live. The call cannot fail (it answers APR_SUCCESS only).
        unsafe { sys::apr_brigade_cleanup(self.raw().cast()) };
    }

    /// Appends a copy of `data`. Small pieces share a buffer.
    ///
    /// # Errors
    /// What APR says; without a flush function it has nothing to fail with but memory.
    pub fn append_copy<'d>(&mut self, data: impl Into<Piece<'d>>) -> Result<(), Status> {
        let Piece { start, length, .. } = data.into();
        // SAFETY: a piece is readable for its length, and copied.
        let status = unsafe { sys::apr_brigade_write(self.raw(), None, std::ptr::null_mut(), start.cast(), length) };
        Status::check(status)
    }

    /// Appends `data` without copying it.
    ///
    /// # Safety
    /// `data` stays as it is until the brigade has been passed on (a filter that keeps it copies it) or cleared.
    pub(in crate::httpd) unsafe fn append_lent(&mut self, data: Piece<'_>) {
        // SAFETY: promised by the caller; a transient bucket says just that to the filters.
        let bucket = unsafe { sys::apr_bucket_transient_create(data.start.cast(), data.length, self.allocator()) };
        self.insert_tail(bucket);
    }

    /// Appends a flush: what is before it goes to the client when the brigade is passed on.
    pub fn append_flush(&mut self) {
        // SAFETY: the allocator is the connection's.
        let bucket = unsafe { sys::apr_bucket_flush_create(self.allocator()) };
        self.insert_tail(bucket);
    }

    /// Appends the end of the stream.
    pub fn append_end(&mut self) {
        // SAFETY: the allocator is the connection's.
        let bucket = unsafe { sys::apr_bucket_eos_create(self.allocator()) };
        self.insert_tail(bucket);
    }

    /// Appends an error: with status 502 httpd's filters leave the last chunk out, and HTTP/2 resets the stream.
    pub fn append_error(&mut self, status: u16, pool: Pool<'p>) {
        // SAFETY: pool and allocator are live; a null text means httpd's own.
        let bucket = unsafe { sys::ap_bucket_error_create(i32::from(status), std::ptr::null(), pool.raw(), self.allocator()) };
        self.insert_tail(bucket);
    }

    /// Appends `length` bytes of a file from `offset`. The descriptor is duplicated. With `sendfile` the kernel copies where it can. The file
    /// is never mapped into memory, whatever `EnableMMAP` says: if it is shortened meanwhile, the next access would end this process by SIGBUS.
    /// See [`file_bucket`] for what becomes of one that is shorter than that.
    ///
    /// # Errors
    /// What `dup` says.
    pub fn append_file(
        &mut self,
        file: BorrowedFd<'_>,
        offset: i64,
        length: i64,
        sendfile: bool,
        pool: Pool<'p>,
    ) -> Result<(), Status> {
        let owned = duplicate(file, sendfile, pool)?;
        // SAFETY: the file is the pool's; APR splits what one bucket cannot hold into several of one file, which share these settings.
        unsafe {
            let bucket = sys::apr_brigade_insert_file(self.raw(), owned, offset, length, pool.raw());
            sys::apr_bucket_file_enable_mmap(bucket, 0);
            #[cfg(file_buffer)]
            sys::apr_bucket_file_set_buf_size(bucket, READ_SIZE);
            each(self.raw(), |bucket| {
                if file_bucket::is_file(bucket) {
                    file_bucket::watch(bucket);
                }
            });
        }
        Ok(())
    }
}

/// How much of a file is read at once where the kernel does not send it.
#[cfg(file_buffer)]
const READ_SIZE: usize = 64 * 1024;

/// A duplicate of `file` that belongs to the pool, or to the pool that a filter moves it to.
///
/// `apr_os_file_put` makes a file that nobody closes: a filter that sets it aside for longer than the request would then read
/// from a number that is another file by now. `apr_file_dup` makes one that closes itself wherever it goes, if the flag that
/// says otherwise does not come along.
fn duplicate<'p>(file: BorrowedFd<'_>, sendfile: bool, pool: Pool<'p>) -> Result<*mut sys::apr_file_t, Status> {
    let mut descriptor = file.as_raw_fd();
    let sendfile = if sendfile { sys::APR_FOPEN_SENDFILE_ENABLED } else { 0 };
    let flags = (sys::APR_FOPEN_READ | sendfile).cast_signed();
    let (mut lent, mut owned) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: both out-parameters are written on success; the pool is live; the descriptor is open (BorrowedFd).
    unsafe {
        Status::check(sys::apr_os_file_put(&raw mut lent, &raw mut descriptor, flags, pool.raw()))?;
        Status::check(sys::apr_file_dup(&raw mut owned, lent, pool.raw()))?;
    }
    Ok(owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::{Read as _, Seek as _, Write as _};
    use std::os::fd::AsFd as _;

    use super::{Brigade, duplicate};
    use crate::httpd::pool::testing::with_pool;
    use crate::httpd::{Pool, sys};

    fn with_brigade(test: impl for<'p> FnOnce(&mut Brigade<'p>, Pool<'p>)) {
        with_pool(|pool| {
            // SAFETY: the allocator belongs to the pool.
            let mut brigade = unsafe { Brigade::new(pool, sys::apr_bucket_alloc_create(pool.raw())) };
            test(&mut brigade, pool);
            brigade.clear();
        });
    }

    fn text(brigade: &mut Brigade<'_>) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(mut bucket) = brigade.first() {
            all.extend_from_slice(bucket.read(true).unwrap());
            bucket.remove();
        }
        all
    }

    #[test]
    fn what_is_appended_comes_out_in_order() {
        with_brigade(|brigade, _| {
            assert!(brigade.is_empty());
            brigade.append_copy(b"one ".as_slice()).unwrap();
            // SAFETY: a static text.
            unsafe { brigade.append_lent(b"two ".as_slice().into()) };
            brigade.append_flush();
            brigade.append_copy([b'x'; 20_000].as_slice()).unwrap();
            brigade.append_end();
            assert!(!brigade.is_empty());
            let all = text(brigade);
            assert_eq!(all.get(..8), Some(&b"one two "[..]));
            assert_eq!(all.len(), 20_008);
            assert!(brigade.is_empty());
        });
    }

    #[test]
    fn a_bucket_is_cut_where_it_is_asked_to() {
        with_brigade(|brigade, _| {
            brigade.append_copy(b"abcdef".as_slice()).unwrap();
            let mut bucket = brigade.first().unwrap();
            assert_eq!(bucket.read(true).unwrap(), b"abcdef");
            bucket.split(2).unwrap();
            assert_eq!(bucket.read(true).unwrap(), b"ab");
            bucket.remove();
            assert_eq!(text(brigade), b"cdef");
        });
    }

    #[test]
    fn a_file_is_sent_from_its_offset_whatever_its_position() {
        with_brigade(|brigade, pool| {
            let mut file = scratch(b"0123456789");
            for sendfile in [false, true] {
                file.rewind().unwrap();
                brigade.append_file(file.as_fd(), 3, 4, sendfile, pool).unwrap();
                let mut first = [0];
                file.read_exact(&mut first).unwrap();
                assert_eq!(text(brigade), b"3456");
            }
        });
    }

    #[test]
    fn a_file_is_never_mapped() {
        with_brigade(|brigade, pool| {
            let file = scratch(&[b'x'; 1_000_000]);
            brigade.append_file(file.as_fd(), 0, 1_000_000, false, pool).unwrap();
            let mut bucket = brigade.first().unwrap();
            assert!(bucket.read(true).unwrap().len() < 1_000_000, "a mapped file is read as a whole");
            bucket.remove();
            file.set_len(0).unwrap();
            // Of a mapped file this would be SIGBUS.
            let _rest = brigade.first().map(|mut bucket| bucket.read(true).map(<[u8]>::len));
        });
    }

    #[test]
    fn a_duplicate_closes_itself_and_may_move() {
        let file = scratch(b"x");
        with_pool(|pool| {
            let owned = duplicate(file.as_fd(), true, pool).unwrap();
            // SAFETY: made above.
            let flags = unsafe { sys::apr_file_flags_get(owned) }.cast_unsigned();
            assert_eq!(flags & sys::APR_FOPEN_NOCLEANUP, 0, "nobody would close it after it was set aside");
            assert_ne!(flags & sys::APR_FOPEN_SENDFILE_ENABLED, 0);
        });
    }

    fn scratch(content: &[u8]) -> std::fs::File {
        let path = std::env::temp_dir().join(format!("brigade-{}-{:?}", std::process::id(), std::thread::current().id()));
        let mut file = std::fs::File::options().create(true).truncate(true).read(true).write(true).open(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        file.write_all(content).unwrap();
        file
    }
}
