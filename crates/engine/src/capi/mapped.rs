/*! Memory that is shared with another process: words that are only ever stored and loaded atomically. */
#![expect(unsafe_code, reason = "mapping a file gives a bare address")]

use std::io::{Error, ErrorKind};
use std::os::fd::AsFd;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::mm::{MapFlags, ProtFlags};

/// The first `count` words of a file, for as long as the process lives.
///
/// # Errors
/// When the file is shorter than that, or can't be mapped.
pub fn shared_words(file: impl AsFd, count: usize) -> Result<&'static [AtomicU64], Error> {
    let length = count.saturating_mul(size_of::<AtomicU64>());
    if length == 0 {
        return Ok(&[]);
    }
    let size = rustix::fs::fstat(&file)?.st_size;
    if usize::try_from(size).is_ok_and(|size| size < length) {
        return Err(Error::from(ErrorKind::UnexpectedEof));
    }
    // SAFETY: a new mapping at an address that the kernel chooses, aligned to a page, as long as the slice and never unmapped. The file is sealed
    // against shrinking by who made it. Any bytes are valid words, and both sides access them atomically.
    unsafe {
        let start = rustix::mm::mmap(null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file, 0)?;
        Ok(std::slice::from_raw_parts(start.cast::<AtomicU64>(), count))
    }
}

/// All words of a file, for as long as the process lives.
///
/// # Errors
/// When it can't be mapped, or could become shorter, which would kill whoever looks at it.
pub fn map_whole(file: impl AsFd) -> Result<&'static [AtomicU32], Error> {
    if !rustix::fs::fcntl_get_seals(&file)?.contains(rustix::fs::SealFlags::SHRINK) {
        return Err(Error::from(ErrorKind::InvalidInput));
    }
    let length = usize::try_from(rustix::fs::fstat(&file)?.st_size).map_err(|_| ErrorKind::InvalidInput)?;
    // SAFETY: as above; the seal was looked at, and the slice ends with the file.
    unsafe {
        let start = rustix::mm::mmap(null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file, 0)?;
        Ok(std::slice::from_raw_parts(start.cast::<AtomicU32>(), length / size_of::<AtomicU32>()))
    }
}
