/*! Words that a process shares with those that it forks later, and with nobody else: no file, so nobody can be given it. *Runs in: parent (made), child.* */
#![expect(unsafe_code, reason = "mapping memory gives a bare address")]

use std::io;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::AtomicU32;

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

/// See the module. Mapped until this value is dropped in the process that made it.
#[derive(Debug)]
pub struct Words {
    start: NonNull<AtomicU32>,
    count: usize,
    maker: u32,
}

// SAFETY: the mapping is the process's and no thread's, and all that `&self` gives access to are atomic words.
unsafe impl Send for Words {}
// SAFETY: as above.
unsafe impl Sync for Words {}

impl Words {
    /// `count` zeros.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(count: usize) -> io::Result<Self> {
        let size = count.max(1).checked_mul(size_of::<AtomicU32>()).ok_or(Errno::NOMEM)?;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice, so it overlaps nothing.
        let memory = unsafe { rustix::mm::mmap_anonymous(null_mut(), size, protection, MapFlags::SHARED) }?;
        let start = NonNull::new(memory.cast()).ok_or(Errno::NOMEM)?;
        Ok(Self { start, count, maker: std::process::id() })
    }

    /// The words.
    pub const fn all(&self) -> &[AtomicU32] {
        // SAFETY: page-aligned, of that size, and mapped as long as `self` lives. Any bytes are a valid atomic integer, and that other processes write to it is
        // what atomics are for.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // A child that ends drops its copy of this value while its threads may still count here; its mapping ends with it.
        if self.maker == std::process::id() {
            let size = self.count.max(1) * size_of::<AtomicU32>();
            // SAFETY: mapped by `new` with this size, and nothing borrowed from it outlives it. The call can't fail for such a range.
            let _unmapped = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), size) };
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::atomic::Ordering;

    use super::Words;

    #[test]
    fn words_begin_as_zeros() {
        let words = Words::new(3000).unwrap();
        assert_eq!(words.all().len(), 3000);
        assert!(words.all().iter().all(|word| word.load(Ordering::Relaxed) == 0));
        words.all().last().unwrap().store(7, Ordering::Relaxed);
        assert!(Words::new(0).unwrap().all().is_empty());
    }
}
