/*! Memory files that processes of different users map together: the table of a daemon group, what a daemon process is serving, and bodies
of requests and responses ([`Region`]).

A file is sealed when it has its size. Whoever maps it may write any nonsense into it, but nobody can make it shorter, which would kill those who
look at it (SIGBUS). It is a crate of its own because three parts map such files and `protocol`, which they share, has no unsafe code.
*Runs in: parent and supervisor (made), child, supervisor and daemon (mapped).* */
#![expect(unsafe_code, reason = "mapping a file gives a bare address")]

mod region;

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

pub use region::{CHILDS, HEADER, LEAST, Part, Region};

/// What shared memory may be looked at as: any bytes are a valid one, and every access to it is atomic.
pub trait Word: sealed::Sealed {}

impl Word for AtomicU32 {}
impl Word for AtomicU64 {}

/// Nobody else can say that a type is a [`Word`]: [`map`] relies on it.
mod sealed {
    pub trait Sealed {}
    impl Sealed for super::AtomicU32 {}
    impl Sealed for super::AtomicU64 {}
}

/// A file of `size` bytes that begins with `beginning`, the rest zeros.
///
/// # Errors
/// What the system says.
pub fn make(name: &CStr, size: usize, beginning: &[u8]) -> io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    rustix::fs::ftruncate(&file, u64::try_from(size).map_err(|_| Errno::FBIG)?)?;
    if rustix::io::pwrite(&file, beginning, 0)? != beginning.len() {
        return Err(Errno::IO.into());
    }
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// Maps a file of [`make`], for as long as this process lives.
///
/// # Errors
/// What the system says; `EINVAL` for a file that is empty, or could still become shorter.
pub fn map<W: Word>(file: impl AsFd) -> io::Result<&'static [W]> {
    let size = sealed_size(&file)?;
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice, so it overlaps nothing.
    let memory = unsafe { rustix::mm::mmap(null_mut(), size, protection, MapFlags::SHARED, file, 0) }?;
    // SAFETY: page-aligned, of that size, never unmapped, and sealed against shrinking (looked at above). A word is an atomic integer (the
    // trait is sealed): any bytes are a valid one, and that other processes write to it is what atomics are for.
    Ok(unsafe { std::slice::from_raw_parts(memory.cast::<W>(), size / size_of::<W>()) })
}

/// The size of a file that can't become shorter.
fn sealed_size(file: impl AsFd) -> io::Result<usize> {
    if !rustix::fs::fcntl_get_seals(&file)?.contains(SealFlags::SHRINK) {
        return Err(Errno::INVAL.into());
    }
    Ok(usize::try_from(rustix::fs::fstat(&file)?.st_size).map_err(|_| Errno::INVAL)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    use super::{make, map};

    #[test]
    fn two_mappings_are_the_same_memory_and_stay_as_long() {
        let file = make(c"test", 4000, &7_u32.to_ne_bytes()).unwrap();
        let (one, other) = (map::<AtomicU32>(&file).unwrap(), map::<AtomicU32>(&file).unwrap());
        assert_eq!((one.len(), one.first().unwrap().load(Ordering::Relaxed)), (1000, 7));
        one.last().unwrap().store(5, Ordering::Release);
        assert_eq!(other.last().unwrap().load(Ordering::Acquire), 5);
        assert!(rustix::fs::ftruncate(&file, 0).is_err());
        assert!(rustix::fs::ftruncate(&file, 8000).is_err());
    }

    #[test]
    fn a_word_that_does_not_fit_whole_is_left_out() {
        let file = make(c"test", 8 * 3 + 7, &[]).unwrap();
        assert_eq!(map::<AtomicU64>(&file).unwrap().len(), 3);
        assert_eq!(map::<AtomicU32>(&file).unwrap().len(), 7);
    }

    #[test]
    fn a_file_that_may_shrink_or_is_empty_is_not_mapped() {
        let open = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&open, 4096).unwrap();
        assert!(map::<AtomicU32>(&open).is_err());
        assert!(map::<AtomicU32>(&make(c"test", 0, &[]).unwrap()).is_err());
    }
}
