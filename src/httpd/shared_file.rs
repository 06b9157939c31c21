/*! Memory files that processes of different users map together: the tables of the daemon groups.

A file is sealed when it has its size. Whoever maps it may write any nonsense into it, but nobody can make it shorter, which would kill those
who look at it (SIGBUS). *Runs in: parent (made), child (mapped).* */
#![expect(unsafe_code, reason = "maps memory")]

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicU32;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

/// A file of `words` words that begins with `beginning`, the rest zeros.
///
/// # Errors
/// What the system says.
pub fn make(name: &std::ffi::CStr, words: usize, beginning: &[u8]) -> Result<OwnedFd, Errno> {
    let file = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let size = u64::try_from(words.saturating_mul(size_of::<AtomicU32>())).map_err(|_| Errno::FBIG)?;
    rustix::fs::ftruncate(&file, size)?;
    if rustix::io::pwrite(&file, beginning, 0)? != beginning.len() {
        return Err(Errno::IO);
    }
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// Maps a file of [`make`], for as long as this process lives.
///
/// # Errors
/// What the system says; `EINVAL` for a file that could still become shorter.
pub fn map(file: BorrowedFd<'_>) -> Result<&'static [AtomicU32], Errno> {
    if !rustix::fs::fcntl_get_seals(file)?.contains(SealFlags::SHRINK) {
        return Err(Errno::INVAL);
    }
    let size = usize::try_from(rustix::fs::fstat(file)?.st_size).map_err(|_| Errno::INVAL)?;
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice, so it overlaps nothing.
    let memory = unsafe { rustix::mm::mmap(std::ptr::null_mut(), size, protection, MapFlags::SHARED, file, 0) }?;
    // SAFETY: page-aligned, of that size, never unmapped, and sealed against shrinking (looked at above); other processes write to it, which
    // is what atomics are for.
    Ok(unsafe { std::slice::from_raw_parts(memory.cast::<AtomicU32>(), size / size_of::<AtomicU32>()) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::fd::AsFd as _;
    use std::sync::atomic::Ordering;

    use super::{make, map};

    #[test]
    fn two_mappings_are_the_same_memory_and_stay_as_long() {
        let file = make(c"test", 1000, &7_u32.to_ne_bytes()).unwrap();
        let (one, other) = (map(file.as_fd()).unwrap(), map(file.as_fd()).unwrap());
        assert_eq!((one.len(), one.first().unwrap().load(Ordering::Relaxed)), (1000, 7));
        one.last().unwrap().store(5, Ordering::Release);
        assert_eq!(other.last().unwrap().load(Ordering::Acquire), 5);
        assert!(rustix::fs::ftruncate(&file, 0).is_err());
        let open = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        assert!(map(open.as_fd()).is_err());
    }
}
