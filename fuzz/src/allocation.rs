/*! How much a thread allocates, so that "in proportion to what arrived" is a property like the others. */

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(size: usize) {
    // A thread that is ending has no place for its count any more, and nobody asks for it.
    ALLOCATED.try_with(|allocated| allocated.set(allocated.get().saturating_add(size))).unwrap_or_default();
}

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is the system allocator's condition.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// What `work` gives; it may allocate `most` bytes in all, freed ones included.
///
/// # Panics
/// When it allocates more.
pub fn within<R>(most: usize, work: impl FnOnce() -> R) -> R {
    let before = ALLOCATED.with(Cell::get);
    let result = work();
    let allocated = ALLOCATED.with(Cell::get).saturating_sub(before);
    assert!(allocated <= most, "{allocated} bytes were allocated where {most} were enough");
    result
}
