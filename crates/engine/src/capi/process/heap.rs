/*! How the C library's malloc shares its memory between the threads of a process. *Runs in: Apache child, daemon.* */
#![cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "a call of the C library"))]

/// Blocks of less than this come from the heap, whose memory is used again; larger ones are mapped and unmapped each time.
#[cfg(target_env = "gnu")]
const MAPPED_FROM: libc::c_int = 4 * 1024 * 1024;
/// So much free memory an arena may keep at its end.
#[cfg(target_env = "gnu")]
const KEPT_FREE: libc::c_int = 16 * 1024 * 1024;

/// Has all threads share a few heaps: as many as can be at work at once, instead of glibc's eight per processor. A block that one
/// request has freed, and that is still in the processor's caches, is then the next request's, whichever thread that has. Measured with
/// uploads of 1 MB, for which it saves a tenth. What the environment says of malloc comes first.
#[cfg(target_env = "gnu")]
pub fn share_heaps() {
    let set = |name| std::env::var_os(name).is_some();
    let tuned = std::env::var_os("GLIBC_TUNABLES").is_some_and(|tunables| tunables.to_string_lossy().contains("glibc.malloc."));
    if tuned || set("MALLOC_ARENA_MAX") || set("MALLOC_MMAP_THRESHOLD_") || set("MALLOC_TRIM_THRESHOLD_") {
        return;
    }
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).max(2);
    // SAFETY: mallopt takes numbers, and the lock that malloc takes; a value it does not like it leaves unset.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, libc::c_int::try_from(processors).unwrap_or(libc::c_int::MAX));
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_FREE);
    }
}

/// Nothing to do: this C library has one heap.
#[cfg(not(target_env = "gnu"))]
pub const fn share_heaps() {}
