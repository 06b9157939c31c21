/*! The descriptors that the engine holds open, marked by number in a table that the handler of a forked child can read without a lock or an
allocation; and whether this process is such a child. *Runs in: Apache child, daemon, and what they fork.* */
#![expect(unsafe_code, reason = "a descriptor is taken out of the value that owns it")]

use std::ffi::c_int;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// As many descriptors as Linux lets a process have by default (`fs.nr_open`).
const MOST: usize = 1 << 20;
const BITS: usize = 64;

/// One bit per descriptor of the engine's. Memory that is never touched costs nothing.
static MARKED: [AtomicU64; MOST / BITS] = [const { AtomicU64::new(0) }; MOST / BITS];
/// The words of [`MARKED`] from here on are empty.
static WORDS: AtomicUsize = AtomicUsize::new(0);
static COPY: AtomicBool = AtomicBool::new(false);

/// A descriptor of the engine's own: marked until it is closed.
#[derive(Debug)]
pub struct Descriptor(ManuallyDrop<OwnedFd>);

impl Descriptor {
    /// Marks it.
    pub fn new(descriptor: OwnedFd) -> Self {
        if let Some((word, index, bit)) = place(descriptor.as_raw_fd()) {
            word.fetch_or(bit, Ordering::AcqRel);
            WORDS.fetch_max(index + 1, Ordering::AcqRel);
        }
        Self(ManuallyDrop::new(descriptor))
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: taken once, here; the field is not used again.
        let descriptor = unsafe { ManuallyDrop::take(&mut self.0) };
        if is_copy() {
            // Its number is nobody's in a copy, or the application's.
            std::mem::forget(descriptor);
            return;
        }
        if let Some((word, _, bit)) = place(descriptor.as_raw_fd()) {
            word.fetch_and(!bit, Ordering::AcqRel);
        }
    }
}

/// Is this process a copy that an application made by forking an Apache child or a daemon process?
pub fn is_copy() -> bool {
    COPY.load(Ordering::Acquire)
}

/// From here on [`is_copy`]. Called in the child of a fork.
pub(super) fn is_a_copy() {
    COPY.store(true, Ordering::Release);
}

fn place(number: c_int) -> Option<(&'static AtomicU64, usize, u64)> {
    let number = usize::try_from(number).ok()?;
    Some((MARKED.get(number / BITS)?, number / BITS, 1 << (number % BITS)))
}

/// Calls `each` with the number of each marked descriptor. Async-signal-safe as far as `each` is.
pub(super) fn for_each_marked(mut each: impl FnMut(c_int)) {
    let words = WORDS.load(Ordering::Acquire);
    for (index, word) in MARKED.iter().enumerate().take(words) {
        let mut bits = word.load(Ordering::Acquire);
        while bits != 0 {
            let number = index * BITS + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            if let Ok(number) = c_int::try_from(number) {
                each(number);
            }
        }
    }
}
