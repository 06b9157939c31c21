/*! Memory through which a daemon and a child hand each other bytes: a head, a part that the daemon writes, and a part that the child writes.

What lies where is said by other means (`docs/protocol.md`, Memory). The head holds a count of what the child is done with in the daemon's part, and a word that
says whose the child's part is. *Runs in: child (made), daemon and child (written, read).* */
#![expect(unsafe_code, reason = "mapping a file gives a bare address")]

use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::fs::SealFlags;
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

use super::{bytes, sealed_size};

/// Bodies, or parts of them, from here on go over in memory; shorter ones are copied faster than they are spoken of.
pub const LEAST: usize = 8 * 1024;
/// Bytes before the first that is handed over: what is counted has a line of the cache to itself.
pub const HEADER: usize = 64;
/// Bytes of the child's part, the last of the file: as much of a request's body as may be sent unasked.
pub const CHILDS: usize = 64 * 1024;
/// Bytes of the memory of a connection: room for more than most pages have. What is larger goes through the socket.
pub const SIZE: usize = 256 * 1024 + CHILDS;
/// No region is larger.
const MOST: usize = 16 * 1024 * 1024;

/// The child may write on its part.
const FREE: u32 = 0;
/// What the child has written there is not read yet.
const TAKEN: u32 = 1;
/// The daemon gives its pages back to the system.
const RESTING: u32 = 2;

/// A part of a region: who writes it. The other side reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The daemon, bodies of responses.
    Daemons,
    /// The child, bodies of requests.
    Childs,
}

/// A file of [`super::make`], mapped for as long as this value lives.
#[derive(Debug)]
pub struct Region {
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: the mapping is the process's and no thread's, and what `&self` gives access to are atomic words, bytes that are copied atomically, and
// addresses that are lent as `Lent` says.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// Makes a file of [`SIZE`], for the other side, and maps it.
    ///
    /// # Errors
    /// What the system says.
    pub fn make() -> io::Result<(Self, OwnedFd)> {
        let file = super::make(c"wsgi-bodies", SIZE, &[])?;
        Ok((Self::map(&file)?, file))
    }

    /// Maps a file.
    ///
    /// # Errors
    /// What the system says; `EINVAL` for a file that could still become shorter, or of an unlikely size.
    pub fn map(file: impl AsFd) -> io::Result<Self> {
        let size = sealed_size(&file, SealFlags::SHRINK)?;
        if size <= HEADER + CHILDS || size > MOST {
            return Err(Errno::INVAL.into());
        }
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice, so it overlaps nothing.
        let memory = unsafe { rustix::mm::mmap(null_mut(), size, protection, MapFlags::SHARED, file, 0) }?;
        let start = NonNull::new(memory.cast()).ok_or(Errno::NOMEM)?;
        Ok(Self { start, size })
    }

    /// How many bytes the daemon's part has room for.
    pub const fn capacity(&self) -> usize {
        self.size - HEADER - CHILDS
    }

    fn count(&self) -> &AtomicU64 {
        // SAFETY: the mapping is page-aligned, longer than a word, and lives as long as `self`; any bytes are a valid atomic integer, and that another
        // process writes it is what atomics are for.
        unsafe { self.start.cast::<AtomicU64>().as_ref() }
    }

    /// Whose the child's part is.
    fn state(&self) -> &AtomicU32 {
        // SAFETY: as in `count`; it lies behind the count, and is aligned as that is.
        unsafe { self.start.add(size_of::<u64>()).cast::<AtomicU32>().as_ref() }
    }

    /// How many bytes of the daemon's part the child is done with, since the region was made. Any number, if the child is somebody's enemy.
    pub fn done(&self) -> u64 {
        self.count().load(Ordering::Acquire)
    }

    /// The child is done with so many bytes more.
    pub fn add_done(&self, bytes: u64) {
        self.count().fetch_add(bytes, Ordering::Release);
    }

    /// The child begins to write on its part; `false` if it may not now.
    pub fn take(&self) -> bool {
        self.state().compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// What the child has written on its part is not needed any more.
    pub fn give_back(&self) {
        self.state().store(FREE, Ordering::Release);
    }

    /// Where a part begins, and its length.
    const fn bounds(&self, part: Part) -> (usize, usize) {
        match part {
            Part::Daemons => (HEADER, self.capacity()),
            Part::Childs => (HEADER + self.capacity(), CHILDS),
        }
    }

    /// Whether so many bytes at `offset` lie in a part.
    pub const fn holds(&self, part: Part, offset: usize, length: usize) -> bool {
        let (_, size) = self.bounds(part);
        offset <= size && length <= size - offset
    }

    fn at(&self, part: Part, offset: usize, length: usize) -> Option<NonNull<u8>> {
        let (start, _) = self.bounds(part);
        // SAFETY: part and `offset` lie within the mapping, as just looked at.
        self.holds(part, offset, length).then(|| unsafe { self.start.add(start + offset) })
    }

    /// Copies `bytes` to `offset` of the part that is this side's; `false` if they do not fit there.
    pub fn put(&self, part: Part, offset: usize, bytes: &[u8]) -> bool {
        let Some(place) = self.at(part, offset, bytes.len()) else { return false };
        // SAFETY: `place` is good for that many bytes (`at`), and nothing but `bytes::read` and `bytes::write` accesses them here.
        unsafe { bytes::write(place, bytes) };
        true
    }

    /// Fills `out` with the bytes at `offset` of the child's part, and gives it back; `None` if that has not so many. They are whatever the child makes them, also
    /// meanwhile.
    pub fn copy<'o>(&self, offset: usize, out: &'o mut [MaybeUninit<u8>]) -> Option<&'o [u8]> {
        let place = self.at(Part::Childs, offset, out.len())?;
        // SAFETY: as in `put`; mapped and sealed against shrinking.
        Some(unsafe { bytes::read(place, out) })
    }

    /// Gives the memory of the daemon's part back to the system: its bytes are zeros from here on. For when nothing of it is on its way.
    pub fn forget(&self) {
        self.remove(Part::Daemons);
    }

    /// Gives the memory of the child's part back to the system, unless the child has written there.
    pub fn forget_childs(&self) {
        if self.state().compare_exchange(FREE, RESTING, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            self.remove(Part::Childs);
            self.give_back();
        }
    }

    /// The whole pages of a part, which shares the first one with the head.
    fn remove(&self, part: Part) {
        let page = rustix::param::page_size();
        let (start, size) = self.bounds(part);
        let first = start.next_multiple_of(page);
        let Some(length) = (start + size).checked_sub(first).map(|length| length - length % page).filter(|length| *length > 0)
        else {
            return;
        };
        // SAFETY: whole pages of the mapping, none of them the one with the head. `MADV_REMOVE` frees what the file holds there (madvise(2)); the mapping stays as it
        // is, and any bytes are as good as any others. Where it is not supported, nothing happens.
        let _kept = unsafe { rustix::mm::madvise(self.start.as_ptr().add(first).cast(), length, Advice::LinuxRemove) };
    }

    /// The `length` bytes at `offset` of the daemon's part, if they are inside.
    pub fn lend(&self, offset: usize, length: usize) -> Option<Lent<'_>> {
        self.at(Part::Daemons, offset, length).map(|start| Lent { start, length, region: PhantomData })
    }
}

/// Bytes of the daemon's part, mapped for as long as the region is borrowed. The daemon may change them at any time, whatever it has promised: they are for calls
/// that copy or send them and do not mind what they are, and no Rust code has a reference to them.
#[derive(Clone, Copy, Debug)]
pub struct Lent<'r> {
    start: NonNull<u8>,
    length: usize,
    region: PhantomData<&'r Region>,
}

impl Lent<'_> {
    /// Where they begin, for the kernel and for C.
    pub const fn as_ptr(self) -> *const u8 {
        self.start.as_ptr()
    }

    /// How many they are.
    pub const fn len(self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.length == 0
    }

    /// A copy of them as they are now.
    pub fn to_vec(self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(self.length);
        let room = copy.spare_capacity_mut().get_mut(..self.length).unwrap_or_default();
        // SAFETY: mapped for as long as the region is borrowed, and accessed atomically alone.
        let read = unsafe { bytes::read(self.start, room) }.len();
        // SAFETY: so many have been written.
        unsafe { copy.set_len(read) };
        copy
    }

    /// The same in pieces of at most `size` bytes.
    pub fn pieces(self, size: usize) -> impl Iterator<Item = Self> {
        (0..self.length).step_by(size.max(1)).map(move |at| {
            // SAFETY: `at` is below the length.
            let start = unsafe { self.start.add(at) };
            Self { start, length: size.max(1).min(self.length - at), region: PhantomData }
        })
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

    use std::mem::{ManuallyDrop, MaybeUninit};

    use super::{CHILDS, HEADER, MOST, Part, Region};
    use crate::make;

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
    fn what_the_daemon_puts_the_child_is_lent() {
        let file = make(c"test", HEADER + 100 + CHILDS, &[]).unwrap();
        let (daemon, child) = (Region::map(&file).unwrap(), Region::map(&file).unwrap());
        assert_eq!(child.capacity(), 100);
        assert!(daemon.put(Part::Daemons, 0, b"hello") && daemon.put(Part::Daemons, 95, b"world"));
        assert_eq!(lent(&child, 0), Some(*b"hello"));
        assert_eq!(lent(&child, 95), Some(*b"world"));
        child.add_done(7);
        child.add_done(3);
        assert_eq!(daemon.done(), 10);
    }

    /// A region in memory of this process, which is not unmapped.
    fn over(memory: &mut [u64]) -> ManuallyDrop<Region> {
        let size = size_of_val(memory);
        ManuallyDrop::new(Region { start: std::ptr::NonNull::from(memory).cast(), size })
    }

    #[test]
    fn both_sides_of_a_region_access_it_as_they_may() {
        let mut memory = vec![0; (HEADER + 104 + CHILDS) / 8];
        let region = over(&mut memory);
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(region.put(Part::Daemons, 3, b"hello world")));
            scope.spawn(|| {
                assert!(region.take() && region.put(Part::Childs, CHILDS - 11, b"hello world"));
                region.add_done(7);
            });
            // Whatever it finds: bytes that are written meanwhile are no undefined behaviour.
            assert_eq!(lent::<11>(&region, 3).map(|found| found.len()), Some(11));
            assert_eq!(copied::<11>(&region, CHILDS - 11).map(|found| found.len()), Some(11));
        });
        assert_eq!((lent(&region, 3), copied(&region, CHILDS - 11)), (Some(*b"hello world"), Some(*b"hello world")));
        assert_eq!((region.done(), region.take()), (7, false));
        region.give_back();
        assert!(region.take());
    }

    /// What the child finds in the daemon's part.
    fn lent<const N: usize>(region: &Region, offset: usize) -> Option<[u8; N]> {
        region.lend(offset, N).and_then(|lent| lent.to_vec().try_into().ok())
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
    fn what_is_lent_comes_in_pieces() {
        let region = Region::map(make(c"test", HEADER + 100 + CHILDS, &[]).unwrap()).unwrap();
        let whole = region.lend(3, 90).unwrap();
        let lengths: Vec<_> =
            whole.pieces(40).map(|piece| (piece.as_ptr().addr() - whole.as_ptr().addr(), piece.len())).collect();
        assert_eq!(lengths, [(0, 40), (40, 40), (80, 10)]);
        assert_eq!(region.lend(0, 0).unwrap().pieces(0).count(), 0);
    }

    /// What the daemon finds in the child's part.
    fn copied<const N: usize>(region: &Region, offset: usize) -> Option<[u8; N]> {
        let mut out = [MaybeUninit::uninit(); N];
        region.copy(offset, &mut out).and_then(|copied| copied.try_into().ok())
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
    fn what_the_child_puts_the_daemon_copies() {
        let file = make(c"test", HEADER + 100 + CHILDS, &[]).unwrap();
        let (daemon, child) = (Region::map(&file).unwrap(), Region::map(&file).unwrap());
        assert!(child.take());
        assert!(!child.take(), "it has not been read yet");
        assert!(child.put(Part::Childs, 0, b"hello") && child.put(Part::Childs, CHILDS - 5, b"world"));
        assert_eq!((copied(&daemon, 0), copied(&daemon, CHILDS - 5)), (Some(*b"hello"), Some(*b"world")));
        // Neither part reaches into the other one.
        assert_eq!(lent(&child, 95), Some([0; 5]));
        daemon.give_back();
        assert!(child.take());
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
    fn what_is_forgotten_costs_nothing_and_can_be_used_again() {
        let file = make(c"test", 64 * 1024 + CHILDS, &[]).unwrap();
        let region = Region::map(&file).unwrap();
        let blocks = || rustix::fs::fstat(&file).unwrap().st_blocks;
        assert!(region.put(Part::Daemons, 0, &[7; 60_000]));
        region.add_done(60_000);
        let before = blocks();
        region.forget();
        assert!(blocks() < before && region.done() == 60_000);
        assert!(region.put(Part::Daemons, 50_000, b"again") && lent(&region, 50_000) == Some(*b"again"));

        assert!(region.take() && region.put(Part::Childs, 0, &[8; CHILDS]));
        let before = blocks();
        region.forget_childs();
        assert_eq!((blocks(), copied(&region, 100)), (before, Some([8; 3])), "it is to be read yet");
        region.give_back();
        region.forget_childs();
        assert!(blocks() < before && lent(&region, 50_000) == Some(*b"again"));
        assert!(region.take() && region.put(Part::Childs, 7, b"again"));
        assert_eq!(copied(&region, 6), Some(*b"\0again"));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
    fn nothing_reaches_beyond_the_end_of_a_part() {
        let region = Region::map(make(c"test", HEADER + 100 + CHILDS, &[]).unwrap()).unwrap();
        for (part, size) in [(Part::Daemons, 100), (Part::Childs, CHILDS)] {
            assert!(!region.put(part, size - 4, b"world") && !region.put(part, usize::MAX, b"x") && region.put(part, size, b""));
        }
        assert!(region.lend(0, 101).is_none() && region.lend(usize::MAX, 2).is_none() && region.lend(1, usize::MAX).is_none());
        assert!(copied::<1>(&region, CHILDS).is_none() && copied::<2>(&region, usize::MAX).is_none());
        assert!(copied::<{ CHILDS + 1 }>(&region, 0).is_none());
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
    fn a_file_that_may_shrink_or_has_an_unlikely_size_is_not_mapped() {
        let open = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&open, 4096 + CHILDS as u64).unwrap();
        assert!(Region::map(&open).is_err());
        assert!(Region::map(std::fs::File::open("/dev/null").unwrap()).is_err());
        for size in [0, HEADER, HEADER + CHILDS, MOST + 1] {
            assert!(Region::map(make(c"test", size, &[]).unwrap()).is_err(), "{size}");
        }
    }
}
