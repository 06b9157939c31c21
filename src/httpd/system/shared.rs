/*! A page of memory that the parent and all children of one configuration share: what one child found out need not be asked
again, and what killed one child need not kill the next.

Made in `post_config`, anonymous, gone with the configuration. Everything in it is an atomic or guarded by one; a child may die
at any moment in between, so a value that was not finished is never read. *Runs in: parent (made), child.* */
#![expect(unsafe_code, reason = "shared memory from APR")]

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use crate::httpd::pool::{Key, Pool};
use crate::httpd::status::Status;
use crate::httpd::sys;

/// Room for one note.
const ROOM: usize = 3_072;

const EMPTY: u32 = 0;
const WRITING: u32 = 1;
const READY: u32 = 2;

/// The shared page. All zeros is its beginning.
#[repr(C)]
pub struct Shared {
    state: AtomicU32,
    length: AtomicU32,
    /// The process that is doing something dangerous now, or did when it died.
    pub busy: AtomicU32,
    /// How many died over it.
    pub deaths: AtomicU32,
    note: [AtomicU8; ROOM],
}

/// Where the page is kept: in the configuration's pool.
const KEY: Key<SharedPage> = Key::new(c"mod_wsgi_rs:shared");

/// A pointer to the page, owned by the pool that the page belongs to.
struct SharedPage(*const Shared);

impl Shared {
    /// Makes the page in the configuration's pool, to be found by [`Shared::of`].
    ///
    /// # Errors
    /// What APR says: without the page every child asks for itself.
    pub fn make(configuration: Pool<'_>) -> Result<(), Status> {
        let mut memory = std::ptr::null_mut();
        // SAFETY: no file name means anonymous memory, which the system fills with zeros; it is unmapped with the pool.
        let base = unsafe {
            Status::check(sys::apr_shm_create(&raw mut memory, size_of::<Self>(), std::ptr::null(), configuration.raw()))?;
            sys::apr_shm_baseaddr_get(memory)
        };
        configuration.remember(&KEY, SharedPage(base.cast()));
        Ok(())
    }

    /// The page of a configuration.
    pub fn of(configuration: Pool<'_>) -> Option<&Self> {
        let page = configuration.remembered(&KEY)?;
        // SAFETY: made by `make` with room for a `Shared` (page-aligned, or behind APR's header of eight-byte words), zeros being
        // a valid one; it lives as long as the pool that is borrowed here.
        unsafe { page.0.as_ref() }
    }

    /// The note, once one has been left.
    pub fn note(&self) -> Option<Vec<u8>> {
        if self.state.load(Ordering::Acquire) != READY {
            return None;
        }
        let length = usize::try_from(self.length.load(Ordering::Relaxed)).ok()?;
        // READY is set after the last write, and no child that keeps to the rules leaves it again.
        Some(self.note.get(..length)?.iter().map(|byte| byte.load(Ordering::Relaxed)).collect())
    }

    /// Leaves a note, if nobody has and it fits.
    pub fn leave(&self, note: &[u8]) {
        let Ok(length) = u32::try_from(note.len()) else { return };
        if note.len() > ROOM || self.state.compare_exchange(EMPTY, WRITING, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return;
        }
        // This process alone moved the state to WRITING, and nobody reads before READY.
        for (place, byte) in self.note.iter().zip(note) {
            place.store(*byte, Ordering::Relaxed);
        }
        self.length.store(length, Ordering::Relaxed);
        self.state.store(READY, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{ROOM, Shared};
    use crate::httpd::pool::testing::with_pool;

    #[test]
    fn the_first_note_stays() {
        with_pool(|pool| {
            assert!(Shared::of(pool).is_none());
            Shared::make(pool).unwrap();
            let shared = Shared::of(pool).unwrap();
            assert_eq!(shared.note(), None);
            shared.leave(&[b'x'; ROOM + 1]);
            assert_eq!(shared.note(), None, "what does not fit is not kept");
            shared.leave(b"one");
            shared.leave(b"two");
            assert_eq!(Shared::of(pool).unwrap().note().as_deref(), Some(&b"one"[..]));
        });
    }
}
