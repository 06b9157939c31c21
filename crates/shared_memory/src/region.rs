/*! Memory through which one process hands bytes to another: a count of what the reader is done with, then the bytes.

What lies where is said by other means (`docs/protocol.md`, Memory and Lent). *Runs in: daemon (made, written), child (read).* */
#![expect(unsafe_code, reason = "mapping a file gives a bare address")]

use std::io;
use std::os::fd::AsFd;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

use super::sealed_size;

/// Bytes before the first that is handed over: the count has a line of the cache to itself.
pub const HEADER: usize = 64;
/// No region is larger.
const MOST: usize = 16 * 1024 * 1024;

/// A file of [`super::make`], mapped for as long as this value lives.
#[derive(Debug)]
pub struct Region {
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: the mapping is the process's and no thread's, and what `&self` gives access to is an atomic word, bytes that are copied in from elsewhere, and
// bytes that are lent as `lend` says.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// Maps a file.
    ///
    /// # Errors
    /// What the system says; `EINVAL` for a file that could still become shorter, or of an unlikely size.
    pub fn map(file: impl AsFd) -> io::Result<Self> {
        let size = sealed_size(&file)?;
        if size <= HEADER || size > MOST {
            return Err(Errno::INVAL.into());
        }
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice, so it overlaps nothing.
        let memory = unsafe { rustix::mm::mmap(null_mut(), size, protection, MapFlags::SHARED, file, 0) }?;
        let start = NonNull::new(memory.cast()).ok_or(Errno::NOMEM)?;
        Ok(Self { start, size })
    }

    /// How many bytes there is room for.
    pub const fn capacity(&self) -> usize {
        self.size - HEADER
    }

    fn count(&self) -> &AtomicU64 {
        // SAFETY: the mapping is page-aligned, longer than a word, and lives as long as `self`; any bytes are a valid atomic integer, and that another
        // process writes it is what atomics are for.
        unsafe { self.start.cast::<AtomicU64>().as_ref() }
    }

    /// How many bytes the reader is done with, since the region was made. Any number, if the reader is somebody's enemy.
    pub fn done(&self) -> u64 {
        self.count().load(Ordering::Acquire)
    }

    /// The reader is done with so many bytes more.
    pub fn add_done(&self, bytes: u64) {
        self.count().fetch_add(bytes, Ordering::Release);
    }

    fn at(&self, offset: usize, length: usize) -> Option<NonNull<u8>> {
        let inside = offset.checked_add(length).is_some_and(|end| end <= self.capacity());
        // SAFETY: the header and `offset` lie within the mapping, as just looked at.
        inside.then(|| unsafe { self.start.add(HEADER + offset) })
    }

    /// Copies `bytes` to `offset`; `false` if they do not fit there.
    pub fn put(&self, offset: usize, bytes: &[u8]) -> bool {
        let Some(place) = self.at(offset, bytes.len()) else { return false };
        // SAFETY: `place` is good for that many bytes (`at`). `bytes` is ordinary memory of this process: nothing lends a part of a region that this process
        // also writes, because a region has one writer.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place.as_ptr(), bytes.len()) };
        true
    }

    /// Gives the memory of the bytes back to the system: they are zeros from here on. For a region of which nothing is on its way.
    pub fn forget(&self) {
        let page = rustix::param::page_size();
        let Some(length) = self.size.checked_sub(page) else { return };
        // SAFETY: whole pages of the mapping behind the one with the count. `MADV_REMOVE` frees what the file holds there (madvise(2)); the mapping stays as it is, and
        // any bytes are as good as any others. Where it is not supported, nothing happens.
        let _kept = unsafe { rustix::mm::madvise(self.start.as_ptr().add(page).cast(), length, Advice::LinuxRemove) };
    }

    /// The `length` bytes at `offset`, if they are inside. The writer may change them at any time, whatever it has promised: they are for calls
    /// that copy or send them and do not mind what they are, not for code that looks at them twice.
    pub fn lend(&self, offset: usize, length: usize) -> Option<&[u8]> {
        let place = self.at(offset, length)?;
        // SAFETY: mapped for as long as `self` is borrowed, and sealed against shrinking (`map`), so every byte can be read. No Rust code reads them: the one
        // user hands address and length to APR, whose C code and kernel calls copy from there.
        Some(unsafe { std::slice::from_raw_parts(place.as_ptr(), length) })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this size, and nothing borrowed from it outlives it. The call can't fail for such a range.
        let _unmapped = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.size) };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{HEADER, MOST, Region};
    use crate::make;

    #[test]
    fn what_one_puts_the_other_is_lent() {
        let file = make(c"test", HEADER + 100, &[]).unwrap();
        let (writer, reader) = (Region::map(&file).unwrap(), Region::map(&file).unwrap());
        assert_eq!(reader.capacity(), 100);
        assert!(writer.put(0, b"hello") && writer.put(95, b"world"));
        assert_eq!(reader.lend(0, 5), Some(&b"hello"[..]));
        assert_eq!(reader.lend(95, 5), Some(&b"world"[..]));
        reader.add_done(7);
        reader.add_done(3);
        assert_eq!(writer.done(), 10);
    }

    #[test]
    fn what_is_forgotten_costs_nothing_and_can_be_used_again() {
        let file = make(c"test", 64 * 1024, &[]).unwrap();
        let region = Region::map(&file).unwrap();
        let blocks = || rustix::fs::fstat(&file).unwrap().st_blocks;
        assert!(region.put(0, &[7; 60_000]));
        region.add_done(60_000);
        let before = blocks();
        region.forget();
        assert!(blocks() < before && region.done() == 60_000);
        assert!(region.put(50_000, b"again") && region.lend(50_000, 5) == Some(&b"again"[..]));
    }

    #[test]
    fn nothing_reaches_beyond_the_end() {
        let region = Region::map(make(c"test", HEADER + 100, &[]).unwrap()).unwrap();
        assert!(!region.put(96, b"world") && !region.put(usize::MAX, b"x") && region.put(100, b""));
        assert!(region.lend(0, 101).is_none() && region.lend(usize::MAX, 2).is_none() && region.lend(1, usize::MAX).is_none());
    }

    #[test]
    fn a_file_that_may_shrink_or_has_an_unlikely_size_is_not_mapped() {
        let open = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&open, 4096).unwrap();
        assert!(Region::map(&open).is_err());
        assert!(Region::map(std::fs::File::open("/dev/null").unwrap()).is_err());
        for size in [0, HEADER, MOST + 1] {
            assert!(Region::map(make(c"test", size, &[]).unwrap()).is_err(), "{size}");
        }
    }
}
