/*! Memory in which large parts of bodies reach the other side without the kernel's copying them twice (`docs/protocol.md`, Memory, Lent and LentBody).

What a socket carries in pieces wakes its reader for each of them; what lies in memory is announced by a few bytes, together with all else that there is to
say. A connection asks its child for such memory after its first large request or response, while the process may have more of it. The child makes it, so that no
process that a child talks to ever sends it a descriptor of memory. *Runs in: daemon.* */

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shared_memory::{CHILDS, HEADER, LEAST, Part, Region, SIZE};

use crate::capi::fork::is_copy;

/// Each part begins at a line of the cache.
const LINE: usize = 64;

/// How many connections may still ask for memory.
#[derive(Debug)]
pub struct SharedBodies(AtomicUsize);

/// The right of one connection to have memory.
#[derive(Debug)]
pub struct Share(Arc<SharedBodies>);

impl Share {
    /// `None` if as many connections as may have it.
    pub fn of(all: &Arc<SharedBodies>) -> Option<Self> {
        all.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).ok()?;
        Some(Self(Arc::clone(all)))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::AcqRel);
    }
}

impl SharedBodies {
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
    /// Where the rest of the request's body lies that nobody has read, and how much of it.
    body: Option<(usize, usize)>,
    _share: Share,
}

impl Memory {
    /// Memory in the file that a child has sent.
    ///
    /// # Errors
    /// It can't be mapped, or is not of the size that it should be.
    pub fn new(share: Share, file: OwnedFd) -> io::Result<Self> {
        let region = Region::map(&file)?;
        if region.capacity() != SIZE - HEADER - CHILDS {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Self { region, position: 0, lent: 0, body: None, _share: share })
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

    /// Gives the memory back to the system until it is needed again, as far as nothing in it is on its way.
    pub fn rest(&self) {
        if is_copy() {
            return;
        }
        if self.region.done() == self.lent {
            self.region.forget();
        }
        self.region.forget_childs();
    }

    /// Puts `part` where the child finds it: where that is, or `None` if there is no room until the child is done with more.
    pub fn lend(&mut self, part: &[u8]) -> Option<(u32, u32)> {
        if part.len() > self.room() || !self.region.put(Part::Daemons, self.position, part) {
            return None;
        }
        let at = (u32::try_from(self.position).ok()?, u32::try_from(part.len()).ok()?);
        self.position = self.position.saturating_add(part.len()).next_multiple_of(LINE);
        self.lent = self.lent.wrapping_add(part.len() as u64);
        Some(at)
    }

    /// The child says where the next part of the request's body lies; `false` if that is not in the child's part.
    pub fn begin_body(&mut self, offset: u32, length: u32) -> bool {
        let (Ok(at), Ok(size)) = (usize::try_from(offset), usize::try_from(length)) else { return false };
        let inside = self.region.holds(Part::Childs, at, size);
        if inside {
            self.body = Some((at, size));
        }
        inside
    }

    /// Whether there is request body that nobody has read.
    pub fn has_body(&self) -> bool {
        self.body.is_some_and(|(_, left)| left > 0)
    }

    /// Reads of it what `buffer` has room for: how much. `None` in a process that the application forked, for which it does not lie here until it is read.
    pub fn read_body(&mut self, buffer: &mut [MaybeUninit<u8>]) -> Option<usize> {
        let (at, left) = self.body?;
        let count = left.min(buffer.len());
        if is_copy() {
            return None;
        }
        self.region.copy(at, buffer.get_mut(..count)?)?;
        self.body = Some((at.saturating_add(count), left.saturating_sub(count)));
        Some(count)
    }

    /// The request has ended: if it had body here, the child may use its part for the next one's.
    pub fn end_body(&mut self) {
        if self.body.take().is_some() && !is_copy() {
            self.region.give_back();
        }
    }
}

const _: () = assert!(SIZE > HEADER + CHILDS + LEAST);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::mem::MaybeUninit;
    use std::sync::Arc;

    use shared_memory::{CHILDS, Part, Region};

    use super::{Memory, Share, SharedBodies};

    /// The daemon's side and the child's.
    fn both(all: &Arc<SharedBodies>) -> (Memory, Region) {
        let (child, file) = Region::make().unwrap();
        (Memory::new(Share::of(all).unwrap(), file).unwrap(), child)
    }

    #[test]
    fn parts_lie_side_by_side_until_the_child_is_done_with_all() {
        let all = Arc::new(SharedBodies::new(1));
        let (mut memory, child) = both(&all);
        let capacity = memory.room();
        assert_eq!(memory.lend(b"one"), Some((0, 3)));
        assert_eq!(memory.lend(b"two"), Some((64, 3)));
        assert_eq!(child.lend(64, 3).map(shared_memory::Lent::to_vec).as_deref(), Some(&b"two"[..]));
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
    fn a_requests_body_is_read_in_any_pieces_until_the_request_ends() {
        let (mut memory, child) = both(&Arc::new(SharedBodies::new(1)));
        assert!(child.take() && child.put(Part::Childs, 10, b"hello"));
        assert!(!memory.has_body());
        assert!(memory.begin_body(10, 5));
        let mut buffer = [MaybeUninit::uninit(); 3];
        assert_eq!((memory.read_body(&mut buffer), crate::capi::initialised(&buffer, 3)), (Some(3), &b"hel"[..]));
        // What the child changes meanwhile is what is read: it is the child's to say what the body is.
        assert!(child.put(Part::Childs, 10, b"HELP!"));
        assert_eq!((memory.read_body(&mut buffer), crate::capi::initialised(&buffer, 2)), (Some(2), &b"P!"[..]));
        assert!(!memory.has_body() && !child.take());
        memory.end_body();
        assert!(child.take());
        // What nobody has read ends with its request as well.
        assert!(memory.begin_body(0, 5));
        memory.end_body();
        assert!(!memory.has_body() && child.take());
        // A request without body here says nothing about the part.
        memory.end_body();
        assert!(!child.take());
    }

    #[test]
    fn a_body_outside_of_the_childs_part_is_refused() {
        let (mut memory, _child) = both(&Arc::new(SharedBodies::new(1)));
        let size = u32::try_from(CHILDS).unwrap();
        assert!(memory.begin_body(0, size) && memory.begin_body(size, 0));
        for (offset, length) in [(0, size + 1), (1, size), (size, 1), (u32::MAX, u32::MAX), (0, u32::MAX), (u32::MAX, 0)] {
            assert!(!memory.begin_body(offset, length), "{length} at {offset}");
        }
    }

    #[test]
    fn so_many_connections_have_memory_at_a_time() {
        let all = Arc::new(SharedBodies::new(1));
        let (one, two) = (both(&all), both(&all));
        assert!(Share::of(&all).is_none());
        drop(one);
        assert!(Share::of(&all).is_some() && Share::of(&all).is_some());
        drop(two);
    }

    #[test]
    fn memory_of_another_size_is_refused() {
        let all = Arc::new(SharedBodies::new(10));
        for size in [0, 64 + CHILDS, super::SIZE - 64, super::SIZE + 4096, 1 << 30] {
            let file = shared_memory::make(c"test", size, &[]).unwrap();
            assert!(Memory::new(Share::of(&all).unwrap(), file).is_err(), "{size}");
        }
    }
}
