/*! What the engine holds of a request: a handle that stays valid for as long as the engine keeps it, and leads to the request only until that ends.

The engine may call back twice, too late, from two threads at once or out of another callback; the handle lets one call at a time through and
none after the end. A log line never waits: it belongs to the request if no callback is under way, else to the request's virtual host.
*Runs in: child.* */
#![expect(unsafe_code, reason = "gives back what was lent to the engine as a pointer")]

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use crate::httpd::{Log, Server};
use crate::request::conversation::Conversation;

/// The door to something that is lent until [`Door::close`].
struct Door {
    /// Held for every use.
    lent: Mutex<Option<NonNull<c_void>>>,
    /// The thread that is using it, as [`this_thread`] names it; 0 for none.
    inside: AtomicUsize,
}

// SAFETY: the pointer is used by one thread at a time, under the lock, and its owner waits for that in `close`.
unsafe impl Send for Door {}
// SAFETY: as above.
unsafe impl Sync for Door {}

/// A number that no other living thread has; never 0.
fn this_thread() -> usize {
    thread_local!(static PLACE: u8 = const { 0 });
    PLACE.with(|place| std::ptr::from_ref(place).addr())
}

impl Door {
    const fn open(lent: NonNull<c_void>) -> Self {
        Self { lent: Mutex::new(Some(lent)), inside: AtomicUsize::new(0) }
    }

    /// Nothing leads to what was lent any more when this returns.
    fn close(&self) {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Runs `body` alone with what was lent. `None` after the end, and out of another `body` of the same thread.
    fn with<R>(&self, body: impl FnOnce(NonNull<c_void>) -> R) -> Option<R> {
        let this = this_thread();
        if self.inside.load(Ordering::Relaxed) == this {
            return None;
        }
        let lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        let pointer = (*lent)?;
        self.inside.store(this, Ordering::Relaxed);
        let _leave = Leave(&self.inside);
        Some(body(pointer))
    }

    /// Runs `body` with what was lent if that needs no waiting, else with `None`.
    fn glance<R>(&self, body: impl FnOnce(Option<NonNull<c_void>>) -> R) -> R {
        match self.lent.try_lock() {
            Ok(lent) => body(*lent),
            Err(TryLockError::Poisoned(lent)) => body(*lent.into_inner()),
            Err(TryLockError::WouldBlock) => body(None),
        }
    }
}

/// Says that no thread is inside when it is dropped, which is before the lock is.
struct Leave<'d>(&'d AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Something that is counted (`Arc`) and knows how many of the counts belong to a holder of its address, who may miscount.
trait Kept {
    fn kept(&self) -> &AtomicUsize;
}

/// One count more for the holder.
///
/// # Safety
/// `pointer` came from an `Arc` that lives.
unsafe fn keep<K: Kept>(pointer: *const K) {
    // SAFETY: promised by the caller.
    unsafe {
        (*pointer).kept().fetch_add(1, Ordering::Relaxed);
        Arc::increment_strong_count(pointer);
    }
}

/// One count of the holder's less, if it has one: what is given back too often never takes the count of somebody else.
///
/// # Safety
/// `pointer` came from an `Arc` that lives.
unsafe fn release<K: Kept>(pointer: *const K) -> bool {
    // SAFETY: promised by the caller.
    let held =
        unsafe { (*pointer).kept() }.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1)).is_ok();
    if held {
        // SAFETY: as above, and this count was one of the holder's.
        unsafe { Arc::decrement_strong_count(pointer) };
    }
    held
}

/// A request as the engine holds it. What the engine gets is a pointer to one that is counted (`Arc`).
pub struct Handle {
    /// How often the engine keeps it.
    kept: AtomicUsize,
    door: Door,
    server: Server<'static>,
}

// SAFETY: the server's record lives and does not change until the process ends (`Server<'static>`).
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Kept for Handle {
    fn kept(&self) -> &AtomicUsize {
        &self.kept
    }
}

impl Handle {
    /// Runs `body` alone with the conversation. `None` after the request's end, and out of another callback of the same thread.
    pub fn with<R>(&self, body: impl FnOnce(&mut Conversation<'_>) -> R) -> Option<R> {
        // SAFETY: the pointer is the one of `Lending::new`, whose conversation is borrowed until the door closes; nobody else is inside.
        self.door.with(|pointer| body(unsafe { pointer.cast::<Conversation<'_>>().as_mut() }))
    }

    /// Runs `body` with the log that a line of now belongs to.
    pub fn log<R>(&self, body: impl FnOnce(Log<'_>) -> R) -> R {
        self.door.glance(|pointer| match pointer {
            // SAFETY: as above; the lock is held while the request is used.
            Some(pointer) => body(Log::Request(unsafe { pointer.cast::<Conversation<'_>>().as_ref() }.request)),
            None => body(Log::Server(self.server)),
        })
    }

    /// For the engine: one count more.
    ///
    /// # Safety
    /// `handle` is null or a handle that is lent to the engine or kept by it.
    pub unsafe fn keep(handle: *const c_void) {
        if !handle.is_null() {
            // SAFETY: promised by the caller: it came from an `Arc` that lives.
            unsafe { keep(handle.cast::<Self>()) };
        }
    }

    /// For the engine: one count less. `false` if the engine had none: then nothing is done.
    ///
    /// # Safety
    /// `handle` is null, or a handle that is lent to the engine or kept by it.
    pub unsafe fn release(handle: *const c_void) -> bool {
        // SAFETY: promised by the caller.
        handle.is_null() || unsafe { release(handle.cast::<Self>()) }
    }

    /// What the engine gave back.
    ///
    /// # Safety
    /// `handle` is null or a handle that is lent to the engine or kept by it, for all of `'h`.
    pub unsafe fn of<'h>(handle: *const c_void) -> Option<&'h Self> {
        // SAFETY: promised by the caller.
        unsafe { handle.cast::<Self>().as_ref() }
    }
}

/// A conversation that is lent to the engine until this is dropped.
pub struct Lending<'c> {
    handle: Arc<Handle>,
    life: PhantomData<&'c mut c_void>,
}

impl<'c> Lending<'c> {
    /// Lends a conversation, which nobody else touches meanwhile.
    pub fn new(conversation: &'c mut Conversation<'_>) -> Self {
        let server = conversation.request.server();
        let door = Door::open(NonNull::from(conversation).cast());
        Self { handle: Arc::new(Handle { kept: AtomicUsize::new(0), door, server }), life: PhantomData }
    }

    /// For the engine.
    pub fn pointer(&self) -> *mut c_void {
        Arc::as_ptr(&self.handle).cast_mut().cast()
    }
}

impl Drop for Lending<'_> {
    fn drop(&mut self) {
        self.handle.door.close();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::ptr::NonNull;
    use std::sync::mpsc::channel;

    use super::{Door, Kept, keep, release};
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn what_is_given_back_too_often_stays_with_its_owner() {
        struct Thing(AtomicUsize);
        impl Kept for Thing {
            fn kept(&self) -> &AtomicUsize {
                &self.0
            }
        }
        let owner = Arc::new(Thing(AtomicUsize::new(0)));
        let pointer = Arc::as_ptr(&owner);
        // SAFETY: the owner lives.
        unsafe {
            assert!(!release(pointer), "it was never kept");
            keep(pointer);
            keep(pointer);
            assert_eq!(Arc::strong_count(&owner), 3);
            assert!(release(pointer) && release(pointer));
            assert!(!release(pointer), "a third time");
        }
        assert_eq!(Arc::strong_count(&owner), 1);
    }

    #[test]
    fn nothing_gets_through_after_the_end() {
        let mut value = 7u32;
        let door = Door::open(NonNull::from(&mut value).cast());
        // SAFETY: `value` is only used through the door.
        let used = door.with(|pointer| unsafe { *pointer.cast::<u32>().as_ref() });
        assert_eq!(used, Some(7));
        assert!(door.glance(|pointer| pointer.is_some()));
        door.close();
        assert_eq!(door.with(|_| ()), None);
        assert!(door.glance(|pointer| pointer.is_none()));
        door.close();
    }

    #[test]
    fn a_call_out_of_a_call_is_refused_and_a_glance_does_not_wait() {
        let mut value = 7u32;
        let door = Door::open(NonNull::from(&mut value).cast());
        let seen = door.with(|_| (door.with(|_| ()), door.glance(|pointer| pointer.is_none())));
        assert_eq!(seen, Some((None, true)));
        assert!(door.with(|_| ()).is_some(), "the refused call leaves nothing behind");
        let caught =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| door.with(|_| std::panic::resume_unwind(Box::new(())))));
        assert!(caught.is_err());
        assert!(door.with(|_| ()).is_some(), "nor does a panic");
    }

    #[test]
    fn threads_take_turns_and_the_end_waits_for_the_last() {
        let mut value = 0u64;
        let door = Door::open(NonNull::from(&mut value).cast());
        let (entered, wait) = channel();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let (door, entered) = (&door, entered.clone());
                scope.spawn(move || {
                    entered.send(()).unwrap();
                    // SAFETY: one thread at a time has the pointer.
                    while door.with(|pointer| unsafe { *pointer.cast::<u64>().as_mut() += 1 }).is_some() {}
                });
            }
            for _ in 0..4 {
                wait.recv().unwrap();
            }
            assert!(door.with(|_| ()).is_some());
            door.close();
            // SAFETY: the door is closed, so nobody else has the pointer.
            let before = unsafe { std::ptr::read_volatile(&raw const value) };
            std::thread::yield_now();
            // SAFETY: as above.
            assert_eq!(unsafe { std::ptr::read_volatile(&raw const value) }, before);
        });
    }
}
