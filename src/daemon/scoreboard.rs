/*! httpd's scoreboard for daemon processes, which have no part in it: written to a memory file that they can read and not write.

A child writes it before it hands a request to a group that may ask, unless somebody has just done so, and the parent now and then; so what a request
reads was true when it began, or [`FRESH`] before. With thousands of threads it is written less often, so that it costs no more than a small part
of a processor ([`SHARE`]).

Every child writes it, so a hostile one can write what it likes: applications of groups with `server-metrics=On` then hear that. Nothing else comes of it: the file's size is
sealed, root reads nothing of it but the time until which it is good enough, and nobody believes a time further away than [`LATEST`]. Whose turn it is to write is in memory that no
daemon process has: a process that can read a file can also lock it. *Runs in: parent, child.* */

use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use protocol::scoreboard::{HEADER, LONGEST, good_until, seal};
use rustix::fs::Mode;
use shared_memory::Words;

use super::clock::microseconds as now;
use crate::httpd::system::scoreboard;

/// What is no older than this is not written again, in microseconds.
const FRESH: u64 = 100_000;
/// One part of so many of a processor's time may go into writing it.
const SHARE: u64 = 50;
/// What another process has written is good for no longer than this, in microseconds, whatever it says.
const LATEST: u64 = 60_000_000;

/// A process that has not written after so long has ended, or stands still, in milliseconds.
const TURN: u32 = 2_000;

/// The file, and what this process knows of it.
#[derive(Debug)]
pub struct Published {
    file: OwnedFd,
    /// Until when it is good enough, as this process saw last: microseconds of the monotonic clock.
    until: AtomicU64,
    /// Two threads of one process do not ask for the turn at a time.
    writing: Mutex<()>,
    /// Until when a process has its turn to write, in milliseconds of the monotonic clock; 0: none has.
    turn: Words,
}

impl Published {
    /// A new file, which nobody but its owner and root may open again, and whose size stays as it is. What is not written takes no memory.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> std::io::Result<Self> {
        let file = shared_memory::make(c"mod_wsgi_rs-scoreboard", LONGEST, &[])?;
        rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR)?;
        Self::of(file)
    }

    fn of(file: OwnedFd) -> std::io::Result<Self> {
        Ok(Self { file, until: AtomicU64::new(0), writing: Mutex::new(()), turn: Words::new(1)? })
    }

    /// A file that was made for an earlier configuration.
    ///
    /// # Errors
    /// There is no further descriptor.
    pub fn kept(file: BorrowedFd<'_>) -> std::io::Result<Self> {
        Self::of(file.try_clone_to_owned()?)
    }

    /// The file's number, for the supervisor.
    pub fn number(&self) -> i32 {
        self.file.as_raw_fd()
    }

    /// The file.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Writes what httpd says now, unless that was done just before or is being done.
    pub fn refresh(&self) {
        let begun = now();
        if begun < self.until.load(Ordering::Relaxed) {
            return;
        }
        let Ok(_alone) = self.writing.try_lock() else { return };
        let file = self.file.as_fd();
        let others = believed(written(file), begun);
        self.until.store(others, Ordering::Relaxed);
        let Some(turn) = self.turn.all().first() else { return };
        let Some(own) = Some(begun).filter(|begun| *begun >= others).and_then(|begun| take_turn(turn, begun)) else { return };
        if let Some(content) = scoreboard::read().map(|board| board.encode()) {
            let until = good_for(begun, now());
            let bytes = seal(&content, until);
            // A file that could not be written whole says nothing, and is written again soon.
            if rustix::io::pwrite(file, &bytes, 0).is_ok_and(|count| count == bytes.len()) {
                self.until.store(until, Ordering::Relaxed);
            }
        }
        // Unless another process has found that this one took too long. Two that write at a time make a file that says nothing, because its seal is wrong.
        let _given_back: Result<u32, u32> = turn.compare_exchange(own, 0, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// Takes the turn to write, if no other process has it. Returns the word that stands for it. `now` is in microseconds.
fn take_turn(turn: &AtomicU32, now: u64) -> Option<u32> {
    // Milliseconds of 32 bits come round after seven weeks; the difference of two of them is right all the same.
    let now = u32::try_from((now / 1_000) & u64::from(u32::MAX)).unwrap_or_default();
    let old = turn.load(Ordering::Acquire);
    // No process has a turn that ends later: such a word is nonsense, and counts as none.
    if old != 0 && (1..=TURN).contains(&old.wrapping_sub(now)) {
        return None;
    }
    let own = now.wrapping_add(TURN).max(1);
    turn.compare_exchange(old, own, Ordering::AcqRel, Ordering::Relaxed).ok().map(|_| own)
}

/// Until when the file is good enough; 0: nobody has written to it.
fn written(file: BorrowedFd<'_>) -> u64 {
    let mut header = [0; HEADER];
    let read = rustix::io::pread(file, &mut header, 0).unwrap_or(0);
    header.get(..read).and_then(good_until).unwrap_or(0)
}

/// Until when another process's writing is taken to be good enough.
fn believed(until: u64, now: u64) -> u64 {
    until.min(now.saturating_add(LATEST))
}

/// Until when something is good enough that was put together from `begun` to `ended`.
fn good_for(begun: u64, ended: u64) -> u64 {
    let took = ended.saturating_sub(begun);
    begun.saturating_add(took.saturating_mul(SHARE).max(FRESH))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::{FRESH, LATEST, LONGEST, Published, TURN, believed, good_for, take_turn};

    #[test]
    fn nobody_makes_it_longer_or_shorter() -> std::io::Result<()> {
        let file = Published::new()?.file;
        let longest = u64::try_from(LONGEST).unwrap_or(0);
        assert_eq!(u64::try_from(rustix::fs::fstat(&file)?.st_size), Ok(longest));
        for size in [0, longest - 1, longest + 1] {
            assert!(rustix::fs::ftruncate(&file, size).is_err(), "{size}");
        }
        assert!(rustix::io::pwrite(&file, b"x", longest).is_err());
        assert!(
            rustix::fs::fcntl_add_seals(&file, rustix::fs::SealFlags::WRITE).is_err(),
            "nobody keeps the others from writing"
        );
        Ok(())
    }

    #[test]
    fn one_process_has_its_turn_at_a_time() {
        let turn = AtomicU32::new(0);
        let at = |milliseconds: u64| take_turn(&turn, milliseconds * 1_000);
        let own = at(10);
        assert_eq!((own, at(11), at(2_009)), (Some(10 + TURN), None, None));
        assert_eq!(at(2_010), Some(2_010 + TURN), "the first has ended, or stands still");
        turn.store(0, std::sync::atomic::Ordering::Relaxed);
        assert!(at(2_011).is_some(), "it was given back");
        turn.store(u32::MAX, std::sync::atomic::Ordering::Relaxed);
        assert!(at(20).is_some(), "what a hostile child has written bounds nobody for long");
        // The clock's last milliseconds of 32 bits.
        let last = u64::from(u32::MAX);
        assert!(at(last - 5).is_some() && at(last + 5).is_none() && at(last + 2_000).is_some());
    }

    #[test]
    fn what_a_hostile_child_calls_good_for_ever_is_written_again() {
        assert_eq!([believed(u64::MAX, 5), believed(7, 5)], [5 + LATEST, 7]);
    }

    #[test]
    fn what_took_long_is_good_for_long() {
        assert_eq!(good_for(1_000, 1_100), 1_000 + FRESH);
        assert_eq!(good_for(1_000, 101_000), 1_000 + 50 * 100_000);
        assert_eq!(good_for(u64::MAX, 0), u64::MAX);
    }
}
