/*! One bucket of a brigade, as the request body comes in.

The ring of a brigade is APR's (`apr_ring.h`): its macros are not functions, so the two that are needed stand here. *Runs in: child.* */
#![expect(unsafe_code, reason = "calls into APR")]

use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::httpd::status::Status;
use crate::httpd::sys;

/// An `apr_bucket` of a brigade that is not touched otherwise for `'b`.
pub struct Bucket<'b> {
    raw: NonNull<sys::apr_bucket>,
    life: PhantomData<&'b mut sys::apr_bucket>,
}

impl Bucket<'_> {
    /// Borrows a bucket.
    ///
    /// # Safety
    /// `raw` is a live bucket of a brigade that nothing else changes for the life of the result.
    pub(in crate::httpd) const unsafe fn new(raw: NonNull<sys::apr_bucket>) -> Self {
        Self { raw, life: PhantomData }
    }

    fn kind(&self) -> *const sys::apr_bucket_type_t {
        // SAFETY: live (new).
        unsafe { self.raw.as_ref() }.type_
    }

    /// The end of the stream.
    pub fn is_end(&self) -> bool {
        std::ptr::eq(self.kind(), &raw const sys::apr_bucket_type_eos)
    }

    /// It carries no data (flush, end of request, error).
    pub fn is_metadata(&self) -> bool {
        // SAFETY: every bucket has a type, which is static.
        unsafe { (*self.kind()).is_metadata == sys::APR_BUCKET_METADATA }
    }

    /// Its bytes. A bucket of unknown length is read in part; the rest is then a bucket after it.
    ///
    /// # Errors
    /// What the bucket's read function says.
    pub fn read(&mut self, wait: bool) -> Result<&[u8], Status> {
        let mut data = std::ptr::null();
        let mut length = 0;
        let block = if wait { sys::APR_BLOCK_READ } else { sys::APR_NONBLOCK_READ };
        // SAFETY: every type has a read function; it gives a pointer valid until the bucket is destroyed or read again.
        let status = unsafe {
            let Some(read) = (*self.kind()).read else { return Ok(&[]) };
            read(self.raw.as_ptr(), &raw mut data, &raw mut length, block)
        };
        Status::check(status)?;
        if data.is_null() || length == 0 {
            return Ok(&[]);
        }
        // SAFETY: as above; the borrow of `self` keeps the bucket from being destroyed meanwhile.
        Ok(unsafe { std::slice::from_raw_parts(data.cast(), length) })
    }

    /// Cuts it in two: what follows `at` becomes a bucket after it.
    ///
    /// # Errors
    /// What the bucket's split function says.
    pub fn split(&mut self, at: usize) -> Result<(), Status> {
        // SAFETY: `at` lies inside the data that was read before (callers split what they could not take whole).
        let status = unsafe {
            let Some(split) = (*self.kind()).split else { return Err(Status(sys::APR_ENOTIMPL.cast_signed())) };
            split(self.raw.as_ptr(), at)
        };
        Status::check(status)
    }

    /// Takes it out of its brigade and destroys it.
    pub fn remove(self) {
        // SAFETY: the ring's links are live buckets or the sentinel (apr_ring.h); after that nobody refers to this one.
        unsafe {
            let bucket = self.raw.as_ptr();
            let (next, previous) = ((*bucket).link.next, (*bucket).link.prev);
            (*previous).link.next = next;
            (*next).link.prev = previous;
            if let Some(destroy) = (*(*bucket).type_).destroy {
                destroy((*bucket).data);
            }
            if let Some(free) = (*bucket).free {
                free(bucket.cast());
            }
        }
    }
}

/// The ring's sentinel: the address of the list, because a bucket's link is its first field (`APR_RING_SENTINEL`).
///
/// # Safety
/// `brigade` is live.
pub(in crate::httpd) unsafe fn sentinel(brigade: *mut sys::apr_bucket_brigade) -> *mut sys::apr_bucket {
    const { assert!(std::mem::offset_of!(sys::apr_bucket, link) == 0) };
    // SAFETY: promised by the caller; only an address is taken.
    unsafe { (&raw mut (*brigade).list).cast() }
}

/// Looks at each bucket of a brigade.
///
/// # Safety
/// `brigade` is live, this thread alone works on it, and `look` leaves the ring as it is.
pub(in crate::httpd) unsafe fn each(brigade: *mut sys::apr_bucket_brigade, mut look: impl FnMut(*mut sys::apr_bucket)) {
    // SAFETY: promised by the caller: the links lead through live buckets to the sentinel.
    unsafe {
        let end = sentinel(brigade);
        let mut bucket = (*brigade).list.next;
        while bucket != end {
            look(bucket);
            bucket = (*bucket).link.next;
        }
    }
}
