/*! httpd's scoreboard for daemon processes, which have no part in it: written to a memory file that they can read and not write.

A child writes it before it hands a request to a group that may ask, unless somebody has just done so, and the parent now and then; so what a request
reads was true when it began, or [`FRESH`] before. *Runs in: parent, child.* */

use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::scoreboard::{HEADER, seal, written};
use rustix::fs::{FlockOperation, MemfdFlags, Mode};
use rustix::time::{ClockId, clock_gettime};

use crate::httpd::scoreboard;

/// What is no older than this is not written again.
const FRESH: Duration = Duration::from_millis(100);

/// The file, and when this process last saw to it.
#[derive(Debug)]
pub struct Published {
    file: OwnedFd,
    /// Microseconds of the monotonic clock.
    seen: AtomicU64,
    /// Two threads of one process do not exclude each other by the file's lock.
    writing: Mutex<()>,
}

impl Published {
    /// A new file, which nobody but its owner and root may open again.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> std::io::Result<Self> {
        let file = rustix::fs::memfd_create("mod_wsgi_rs-scoreboard", MemfdFlags::CLOEXEC)?;
        rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR)?;
        Ok(Self { file, seen: AtomicU64::new(0), writing: Mutex::new(()) })
    }

    /// The file's number, for the supervisor.
    pub fn number(&self) -> i32 {
        self.file.as_raw_fd()
    }

    /// Writes what httpd says now, unless that was done just before or is being done.
    pub fn refresh(&self) {
        let now = now();
        if is_fresh(self.seen.load(Ordering::Relaxed), now) {
            return;
        }
        let Ok(_alone) = self.writing.try_lock() else { return };
        let file = self.file.as_fd();
        let others = last_written(file);
        self.seen.store(others, Ordering::Relaxed);
        // Given back by the kernel should this process die.
        if is_fresh(others, now) || rustix::fs::fcntl_lock(file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return;
        }
        if let Some(board) = scoreboard::read() {
            let bytes = seal(&board.encode(), now);
            // A file that could not be written whole says nothing, and is written again soon.
            if rustix::io::pwrite(file, &bytes, 0).is_ok_and(|count| count == bytes.len()) {
                self.seen.store(now, Ordering::Relaxed);
            }
        }
        // The lock goes with the process at the latest.
        let _unlocked: rustix::io::Result<()> = rustix::fs::fcntl_lock(file, FlockOperation::NonBlockingUnlock);
    }
}

/// When somebody last wrote; 0: never.
fn last_written(file: BorrowedFd<'_>) -> u64 {
    let mut header = [0; HEADER];
    let read = rustix::io::pread(file, &mut header, 0).unwrap_or(0);
    header.get(..read).and_then(written).unwrap_or(0)
}

fn is_fresh(written: u64, now: u64) -> bool {
    written > 0 && now.saturating_sub(written) < u64::try_from(FRESH.as_micros()).unwrap_or(u64::MAX)
}

/// Microseconds of the monotonic clock, which all processes have in common.
fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{is_fresh, now};

    #[test]
    fn what_was_never_written_is_not_fresh() {
        assert!(!is_fresh(0, 1));
        assert!(is_fresh(5, 5));
        assert!(is_fresh(5, 100_004));
        assert!(!is_fresh(5, 100_005));
        // Another process's clock reading may be a little later than ours.
        assert!(is_fresh(now() + 50, now()));
    }
}
