/*! Descriptors of the parent that are known by their numbers, because they outlive the code that opened them. *Runs in: parent, child.* */
#![expect(unsafe_code, reason = "makes owners of numbers")]

use std::os::fd::{BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

use rustix::io::Errno;

/// Takes a descriptor back from its number: it is closed when the result is dropped.
///
/// `number` is one that was let go with `into_raw_fd`, in this process or in the parent that forked it, and is not used otherwise.
pub fn take(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: promised by the caller, and it is none of the standard ones.
    (number > 2).then(|| unsafe { OwnedFd::from_raw_fd(number) })
}

/// Lends a descriptor that stays open, known by its number.
pub fn lend<'a>(number: RawFd) -> Option<BorrowedFd<'a>> {
    // SAFETY: not negative; the number is one that was let go and is kept open for as long as the process lives or it is taken back.
    (number >= 0).then(|| unsafe { BorrowedFd::borrow_raw(number) })
}

/// All bytes of a file in memory.
///
/// # Errors
/// What the system says.
pub fn read_whole(file: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    let mut bytes = Vec::new();
    let mut block = [0; 8192];
    loop {
        let at = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match rustix::io::pread(file, &mut block, at) {
            Ok(0) => return Ok(bytes),
            Ok(count) => bytes.extend_from_slice(block.get(..count).unwrap_or_default()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Replaces the bytes of a file in memory.
///
/// # Errors
/// What the system says.
pub fn replace_whole(file: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno> {
    rustix::fs::ftruncate(file, 0)?;
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pwrite(file, rest, u64::try_from(written).unwrap_or(u64::MAX)) {
            Ok(count) => written += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::fd::AsFd as _;

    use super::{read_whole, replace_whole};

    #[test]
    fn a_file_in_memory_is_replaced_as_a_whole() {
        let file = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        for size in [20_000, 3, 0] {
            let bytes: Vec<u8> = (0..size).map(|n: u32| n.to_le_bytes().into_iter().next().unwrap()).collect();
            replace_whole(file.as_fd(), &bytes).unwrap();
            assert_eq!(read_whole(file.as_fd()).unwrap(), bytes);
        }
    }
}
