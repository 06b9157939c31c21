/*! Memory in which large parts of response bodies reach the child without the kernel's copying them twice (`docs/protocol.md`, Memory and Lent).

What a socket carries in pieces wakes the child for each of them; what lies in memory is announced by a few bytes, together with all else that there is to
say. A connection gets such memory after its first large response, while the process has some left to give. *Runs in: daemon.* */

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shared_memory::{HEADER, Region};

use crate::capi::fork::is_copy;

/// Bytes of one connection's memory, with its head: more than most pages have. What is larger goes through the socket.
const SIZE: usize = 256 * 1024;
/// Parts from here on are lent; shorter ones are copied faster than they are spoken of.
pub const LEAST: usize = 8 * 1024;
/// Each part begins at a line of the cache.
const LINE: usize = 64;

/// How much a process may still give.
#[derive(Debug)]
pub struct Lending(AtomicUsize);

impl Lending {
    /// For a process of so many threads: as many connections can have a request at a time, and others keep what they got when they had one.
    pub fn new(threads: usize) -> Self {
        Self(AtomicUsize::new(threads.saturating_mul(2)))
    }
}

/// One connection's memory.
#[derive(Debug)]
pub struct Memory {
    region: Region,
    /// Where the next part goes.
    position: usize,
    /// How many bytes were lent in all.
    lent: u64,
    all: Arc<Lending>,
}

impl Memory {
    /// Memory, and its file for the child; `None` if the process has given all, or the system has none.
    pub fn new(all: &Arc<Lending>) -> Option<(Self, OwnedFd)> {
        all.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).ok()?;
        let made = shared_memory::make(c"wsgi-bodies", SIZE, &[]).and_then(|file| Ok((Region::map(&file)?, file)));
        let Ok((region, file)) = made else {
            all.0.fetch_add(1, Ordering::AcqRel);
            return None;
        };
        Some((Self { region, position: 0, lent: 0, all: Arc::clone(all) }, file))
    }

    /// How many bytes fit in now.
    pub fn room(&mut self) -> usize {
        // A process that the application forked shares the memory, and has no response of its own.
        if is_copy() {
            return 0;
        }
        if self.region.done() == self.lent {
            self.position = 0;
        }
        self.region.capacity().saturating_sub(self.position)
    }

    /// Gives the memory back to the system until it is needed again, if the child is done with all that was lent.
    pub fn rest(&self) {
        if !is_copy() && self.region.done() == self.lent {
            self.region.forget();
        }
    }

    /// Puts `part` where the child finds it: where that is, or `None` if there is no room until the child is done with more.
    pub fn lend(&mut self, part: &[u8]) -> Option<(u32, u32)> {
        if part.len() > self.room() || !self.region.put(self.position, part) {
            return None;
        }
        let at = (u32::try_from(self.position).ok()?, u32::try_from(part.len()).ok()?);
        self.position = self.position.saturating_add(part.len()).next_multiple_of(LINE);
        self.lent = self.lent.wrapping_add(part.len() as u64);
        Some(at)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.all.0.fetch_add(1, Ordering::AcqRel);
    }
}

const _: () = assert!(SIZE > HEADER + LEAST);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use shared_memory::Region;

    use super::{Lending, Memory, SIZE};

    #[test]
    fn parts_lie_side_by_side_until_the_child_is_done_with_all() {
        let all = Arc::new(Lending::new(1));
        let (mut memory, file) = Memory::new(&all).unwrap();
        let child = Region::map(&file).unwrap();
        let capacity = memory.room();
        assert_eq!(memory.lend(b"one"), Some((0, 3)));
        assert_eq!(memory.lend(b"two"), Some((64, 3)));
        assert_eq!(child.lend(64, 3), Some(&b"two"[..]));
        assert!(memory.lend(&vec![1; capacity]).is_none());
        child.add_done(3);
        assert_eq!(memory.room(), capacity - 128);
        child.add_done(3);
        assert_eq!(memory.lend(&vec![1; capacity]), Some((0, u32::try_from(capacity).unwrap())));
        // A child that says nonsense is sent no more this way.
        child.add_done(u64::MAX / 2);
        assert_eq!((memory.room(), memory.lend(b"x")), (0, None));
    }

    #[test]
    fn a_process_gives_so_much_and_gets_it_back() {
        let all = Arc::new(Lending::new(1));
        let (one, two) = (Memory::new(&all).unwrap(), Memory::new(&all).unwrap());
        assert!(Memory::new(&all).is_none());
        drop(one);
        assert!(Memory::new(&all).is_some_and(|(memory, _)| memory.region.capacity() < SIZE));
        drop(two);
    }
}
