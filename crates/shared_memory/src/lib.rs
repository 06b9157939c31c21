/*! Memory files that processes of different users map together: the table of a daemon group, what a daemon process is serving, and bodies
of requests and responses ([`Region`]).

A file is sealed when it has its size. Whoever maps it may write any nonsense into it, but nobody can make it shorter, which would kill those who
look at it (SIGBUS). It is a crate of its own because three parts map such files and `protocol`, which they share, has no unsafe code.
*Runs in: parent and supervisor (made), child, supervisor and daemon (mapped).* */
#![expect(unsafe_code, reason = "mapping a file gives a bare address")]

mod bytes;
mod region;
mod words;

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

pub use region::{CHILDS, HEADER, LEAST, Lent, Part, Region, SIZE};
pub use words::Words;

/// What `fstatfs` says of a memory file of ordinary pages (`TMPFS_MAGIC`, statfs(2)).
const TMPFS: rustix::fs::FsWord = 0x0102_1994;
/// The seals of a file that nobody can change.
const SEALED: SealFlags = SealFlags::WRITE.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::SEAL);

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

/// A file with these bytes that nobody can change any more, not even its maker.
///
/// # Errors
/// What the system says.
pub fn seal(name: &CStr, bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pwrite(&file, rest, u64::try_from(written).map_err(|_| Errno::FBIG)?) {
            Ok(0) => return Err(Errno::IO.into()),
            Ok(count) => written += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    rustix::fs::fcntl_add_seals(&file, SEALED)?;
    Ok(file)
}

/// The bytes of a file of [`seal`].
///
/// # Errors
/// What the system says; `EINVAL` for a file that somebody could still change, that has more than `most` bytes, or is no file in ordinary memory.
pub fn read_sealed(file: impl AsFd, most: usize) -> io::Result<Vec<u8>> {
    let size = sealed_size(&file, SEALED)?;
    if size > most {
        return Err(Errno::INVAL.into());
    }
    let mut bytes = vec![0; size];
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pread(&file, rest, u64::try_from(read).map_err(|_| Errno::FBIG)?) {
            Ok(0) => return Err(Errno::IO.into()),
            Ok(count) => read += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}

/// Maps a file of [`make`], for as long as this process lives.
///
/// # Errors
/// What the system says; `EINVAL` for a file that is empty, or could still become shorter.
pub fn map<W: Word>(file: impl AsFd) -> io::Result<&'static [W]> {
    let size = sealed_size(&file, SealFlags::SHRINK)?;
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice, so it overlaps nothing.
    let memory = unsafe { rustix::mm::mmap(null_mut(), size, protection, MapFlags::SHARED, file, 0) }?;
    // SAFETY: page-aligned, of that size, never unmapped, and sealed against shrinking (looked at above). A word is an atomic integer (the
    // trait is sealed): any bytes are a valid one, and that other processes write to it is what atomics are for.
    Ok(unsafe { std::slice::from_raw_parts(memory.cast::<W>(), size / size_of::<W>()) })
}

/// The size of a file that has these seals, and with them can't become shorter. It must lie in ordinary memory: huge pages can run out behind a
/// file's back, and a process that reads them then is ended by SIGBUS.
fn sealed_size(file: impl AsFd, seals: SealFlags) -> io::Result<usize> {
    if rustix::fs::fstatfs(&file)?.f_type != TMPFS || !rustix::fs::fcntl_get_seals(&file)?.contains(seals) {
        return Err(Errno::INVAL.into());
    }
    Ok(usize::try_from(rustix::fs::fstat(&file)?.st_size).map_err(|_| Errno::INVAL)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    use rustix::fs::{MemfdFlags, SealFlags};

    use super::{make, map, read_sealed, seal};

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
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
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
    fn a_word_that_does_not_fit_whole_is_left_out() {
        let file = make(c"test", 8 * 3 + 7, &[]).unwrap();
        assert_eq!(map::<AtomicU64>(&file).unwrap().len(), 3);
        assert_eq!(map::<AtomicU32>(&file).unwrap().len(), 7);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
    fn a_file_that_may_shrink_or_is_empty_is_not_mapped() {
        let open = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&open, 4096).unwrap();
        assert!(map::<AtomicU32>(&open).is_err());
        assert!(map::<AtomicU32>(&make(c"test", 0, &[]).unwrap()).is_err());
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
    fn what_is_sealed_is_read_and_cannot_be_changed() {
        let bytes = vec![7; 100_000];
        let file = seal(c"test", &bytes).unwrap();
        assert_eq!(read_sealed(&file, bytes.len()).unwrap(), bytes);
        assert!(read_sealed(&file, bytes.len() - 1).is_err(), "longer than the reader wants");
        assert!(rustix::io::pwrite(&file, b"x", 0).is_err());
        assert!(rustix::fs::ftruncate(&file, 0).is_err() && rustix::fs::ftruncate(&file, 200_000).is_err());
        assert!(map::<AtomicU32>(&file).is_err(), "no mapping of it can be written either");
        assert_eq!(read_sealed(seal(c"test", b"").unwrap(), 0).unwrap(), b"");
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
    fn what_somebody_could_still_change_is_not_read() {
        let all = [SealFlags::WRITE, SealFlags::SHRINK, SealFlags::GROW, SealFlags::SEAL];
        for missing in all {
            let file = rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
            rustix::fs::ftruncate(&file, 3).unwrap();
            let seals = all.into_iter().filter(|one| *one != missing).fold(SealFlags::empty(), SealFlags::union);
            rustix::fs::fcntl_add_seals(&file, seals).unwrap();
            assert!(read_sealed(&file, 100).is_err(), "{missing:?}");
        }
        let path = std::env::temp_dir().join(format!("shared-memory-{}", std::process::id()));
        std::fs::write(&path, "a file of a disk").unwrap();
        assert!(read_sealed(std::fs::File::open(&path).unwrap(), 100).is_err());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
    fn memory_in_huge_pages_is_not_mapped() {
        // Made without any page, so a machine that has none reserved makes it as well; a kernel without huge pages has nothing to refuse.
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB;
        let Ok(file) = rustix::fs::memfd_create("test", flags) else { return };
        rustix::fs::ftruncate(&file, 1 << 30).unwrap();
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).unwrap();
        let error = map::<AtomicU32>(&file).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::INVAL.raw_os_error()));
    }
}
