/*! A process that an application forks must have nothing of the engine: its descriptors are put out of use there, and its signal handlers taken back.
In embedded mode there are none of these, and the connection is httpd's: there it is enough that the engine knows that it is in a copy.

What the engine holds open is marked by number in a table that the child's handler can read without a lock or an allocation. The
descriptors are not just closed: the child's copy of the engine still knows their numbers, and would speak into whatever file the application opened
under one of them next. A socket without a peer takes their places, on which every call fails at once. *Runs in: Apache child, daemon, and what they fork.* */
#![expect(unsafe_code, reason = "pthread_atfork takes C functions, and descriptors are numbers there")]

use std::ffi::c_int;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};

use rustix::io::Errno;

use super::signals;

/// As many descriptors as Linux lets a process have by default (`fs.nr_open`).
const MOST: usize = 1 << 20;
const BITS: usize = 64;

/// One bit per descriptor of the engine's. Memory that is never touched costs nothing.
static MARKED: [AtomicU64; MOST / BITS] = [const { AtomicU64::new(0) }; MOST / BITS];
/// The words of [`MARKED`] from here on are empty.
static WORDS: AtomicUsize = AtomicUsize::new(0);
/// A socket without a peer.
static DEAD: AtomicI32 = AtomicI32::new(-1);
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

/// Prepares for forks of a daemon process, with a socket whose peer is closed. Once, before the application's first line.
///
/// # Errors
/// What the registration fails with.
pub fn prepare(dead: OwnedFd) -> Result<(), Errno> {
    DEAD.store(dead.into_raw_fd(), Ordering::Release);
    notice()
}

/// Prepares for forks of a process in which the engine holds nothing open: an Apache child. Once, before the application's first line.
///
/// # Errors
/// What the registration fails with.
pub fn notice() -> Result<(), Errno> {
    // SAFETY: the handler is async-signal-safe and lives as long as the process: the engine is never unloaded.
    match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
        0 => Ok(()),
        number => Err(Errno::from_raw_os_error(number)),
    }
}

/// Is this process a copy that an application made by forking an Apache child or a daemon process?
pub fn is_copy() -> bool {
    COPY.load(Ordering::Acquire)
}

fn place(number: c_int) -> Option<(&'static AtomicU64, usize, u64)> {
    let number = usize::try_from(number).ok()?;
    Some((MARKED.get(number / BITS)?, number / BITS, 1 << (number % BITS)))
}

/// Runs in the child, on its only thread, before fork returns: atomics and async-signal-safe calls alone.
extern "C" fn in_child() {
    COPY.store(true, Ordering::Release);
    let dead = DEAD.load(Ordering::Acquire);
    let words = WORDS.load(Ordering::Acquire);
    for (index, word) in MARKED.iter().enumerate().take(words) {
        let mut bits = word.load(Ordering::Acquire);
        while bits != 0 {
            let number = index * BITS + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            if let Ok(number) = c_int::try_from(number) {
                // SAFETY: async-signal-safe; the number is the engine's. Failing, it leaves the descriptor as it was, so that is closed.
                unsafe {
                    if libc::dup3(dead, number, libc::O_CLOEXEC) == -1 {
                        libc::close(number);
                    }
                }
            }
        }
    }
    signals::give_back();
}
