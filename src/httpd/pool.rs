/*! APR's memory pools: `Pool` is always APR memory, lent for the life of a request, a connection or a configuration.

A value given to a pool is dropped by the pool: allocate, register the cleanup, write, and lend it back with the pool's lifetime.
Nothing is boxed that C would have to remember to free. */
#![expect(unsafe_code, reason = "calls into APR")]

use std::any::TypeId;
use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd as _, IntoRawFd as _, OwnedFd, RawFd};
use std::ptr::NonNull;

use super::guard::{self, CleanupStatus, Kind};
use super::log::target::Target;
use super::status::Status;
use super::sys::{self, Lifetime};

/// An `apr_pool_t` that lives at least as long as `'p`.
#[derive(Clone, Copy)]
pub struct Pool<'p> {
    raw: NonNull<sys::apr_pool_t>,
    life: Lifetime<'p>,
}

impl<'p> Pool<'p> {
    /// Borrows a pool that C lends.
    ///
    /// # Safety
    /// `raw` is a live pool for all of `'p`, used by one thread at a time.
    ///
    /// # Panics
    /// If `raw` is null, which httpd never passes; the guard turns it into an answer.
    pub unsafe fn new(raw: *mut sys::apr_pool_t) -> Self {
        match NonNull::new(raw) {
            Some(raw) => Self { raw, life: PhantomData },
            None => unreachable!("httpd passed no pool"),
        }
    }

    /// For the calls of this folder.
    pub(in crate::httpd) fn raw(self) -> *mut sys::apr_pool_t {
        self.raw.as_ptr()
    }

    /// Moves `value` into the pool, which drops it when it is cleared or destroyed.
    pub fn own<T: 'static>(self, value: T) -> &'p mut T {
        const { assert!(align_of::<T>() <= 8, "APR aligns to 8 bytes") };
        let place = self.allocate(size_of::<T>().max(1)).cast::<T>();
        // SAFETY: `allocate` gave at least `size_of::<T>()` bytes, aligned to 8 (checked above), that nobody else has.
        unsafe { place.write(value) };
        if std::mem::needs_drop::<T>() {
            // SAFETY: the cleanup gets exactly the pointer that was just written; a forked child must not drop it
            // (`apr_pool_cleanup_null`), because the parent still does.
            unsafe {
                sys::apr_pool_cleanup_register(
                    self.raw(),
                    place.as_ptr().cast(),
                    Some(drop_in_pool::<T>),
                    Some(sys::apr_pool_cleanup_null),
                );
            }
        }
        // SAFETY: written above, and not moved or freed before the pool ends, which is not before `'p` does.
        unsafe { &mut *place.as_ptr() }
    }

    /// Runs `function` when the pool is cleared or destroyed, in this process only.
    pub fn at_end<F: FnOnce() + 'static>(self, function: F) {
        self.own(AtEnd(Some(function)));
    }

    /// A copy of `bytes` with a NUL after it, as C wants its strings. What follows a NUL inside is not seen by C.
    pub fn string(self, bytes: &[u8]) -> &'p CStr {
        // SAFETY: `bytes` is readable for its length, and the pool is live; the result ends with a NUL (apr_pstrmemdup's contract).
        unsafe {
            let copy = sys::apr_pstrmemdup(self.raw(), bytes.as_ptr().cast(), bytes.len());
            CStr::from_ptr(non_null(copy, bytes.len()).as_ptr())
        }
    }

    /// The value that is kept in the pool under a key.
    pub fn remembered<T: 'static>(self, key: &Key<T>) -> Option<&'p T> {
        let mut data: *mut c_void = std::ptr::null_mut();
        // SAFETY: the name is NUL-terminated; `data` is written by APR, with null if there is none.
        unsafe { sys::apr_pool_userdata_get(&raw mut data, key.name.as_ptr(), self.raw()) };
        // SAFETY: only `remember` stores under names with our prefix, which every key has: always a `Kept`, whose first field is its value's type.
        let kind = unsafe { data.cast::<TypeId>().as_ref() }?;
        // SAFETY: it is a `Kept<T>`, as it says, and the pool owns it.
        (*kind == TypeId::of::<T>()).then(|| unsafe { &(*data.cast::<Kept<T>>()).value })
    }

    /// Keeps `value` in the pool under a key.
    pub fn remember<T: 'static>(self, key: &Key<T>, value: T) -> &'p T {
        let kept: &'p Kept<T> = self.own(Kept { kind: TypeId::of::<T>(), value });
        // SAFETY: the name lives for ever ('static), `kept` as long as the pool.
        unsafe { sys::apr_pool_userdata_setn(std::ptr::from_ref(kept).cast(), key.name.as_ptr(), None, self.raw()) };
        &kept.value
    }

    /// Adds a word to the server's banner. `self` is the configuration's pool, in `post_config`.
    pub fn add_version_component(self, component: &'static CStr) {
        // SAFETY: the pool is live, the text static.
        unsafe { sys::ap_add_version_component(self.raw(), component.as_ptr()) };
    }

    /// Hands a descriptor to the pool: APR closes it when the pool is cleared or destroyed, by code of its own, so also when this module is not loaded any
    /// more. Its number stays valid until then.
    ///
    /// # Errors
    /// What APR says.
    pub fn close_at_end(self, descriptor: OwnedFd) -> Result<RawFd, Status> {
        let mut number = descriptor.as_raw_fd();
        let mut file = std::ptr::null_mut();
        // SAFETY: an open descriptor; the record is made in the pool, which is live, with a cleanup of APR's own (1) that closes it.
        Status::check(unsafe { sys::apr_os_pipe_put_ex(&raw mut file, &raw mut number, 1, self.raw()) })?;
        // APR has it from here on.
        Ok(descriptor.into_raw_fd())
    }

    fn allocate(self, size: usize) -> NonNull<c_void> {
        // SAFETY: the pool is live.
        non_null(unsafe { sys::apr_palloc(self.raw(), size) }, size)
    }
}

/// What a pool is asked for a value by: a name, and the value's type.
pub struct Key<T> {
    name: &'static CStr,
    value: PhantomData<fn() -> T>,
}

impl<T: 'static> Key<T> {
    /// A key. Two of one name and different types do not find each other's values.
    ///
    /// # Panics
    /// While a constant is made of it: if the name lacks the prefix that keeps other modules' values apart, `mod_wsgi_rs:`.
    pub const fn new(name: &'static CStr) -> Self {
        let (prefix, bytes) = (b"mod_wsgi_rs:".as_slice(), name.to_bytes());
        let mut at = 0;
        while at < prefix.len() {
            #[expect(clippy::indexing_slicing, reason = "a constant; below both lengths")]
            let same = bytes.len() > at && bytes[at] == prefix[at];
            assert!(same, "a key's name begins with `mod_wsgi_rs:`");
            at += 1;
        }
        Self { name, value: PhantomData }
    }
}

/// What stands in a pool under a [`Key`].
#[repr(C)]
struct Kept<T> {
    kind: TypeId,
    value: T,
}

/// APR's pools of httpd end the process when memory runs out; one without such a function answers null.
fn non_null<T>(pointer: *mut T, size: usize) -> NonNull<T> {
    NonNull::new(pointer).unwrap_or_else(|| {
        std::alloc::handle_alloc_error(std::alloc::Layout::array::<u8>(size).unwrap_or(std::alloc::Layout::new::<c_char>()))
    })
}

struct AtEnd<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        if let Some(function) = self.0.take() {
            function();
        }
    }
}

/// The pool of httpd's open logs.
pub struct Logs(*mut sys::apr_pool_t);

impl Logs {
    const KEY: Key<Self> = Key::new(c"mod_wsgi_rs:logs");

    /// Keeps it for [`Logs::of`], for as long as the configuration lives.
    pub(in crate::httpd) fn keep(configuration: Pool<'_>, logs: Pool<'_>) {
        configuration.remember(&Self::KEY, Self(logs.raw()));
    }

    /// That of a configuration, from `post_config` on; the configuration's own before.
    pub fn of(configuration: Pool<'_>) -> Pool<'_> {
        let logs = configuration.remembered(&Self::KEY);
        // SAFETY: httpd makes this pool once and clears it after the configuration's end alone, so it lives as long as what `keep` has left there.
        logs.map_or(configuration, |logs| unsafe { Pool::new(logs.0) })
    }
}

/// The pool's cleanup for a `T`.
unsafe extern "C" fn drop_in_pool<T>(value: *mut c_void) -> sys::apr_status_t {
    let CleanupStatus(status) = guard::callback(Kind::Cleanup, Target::MAIN_SERVER, || {
        // SAFETY: registered by `own` with a `T` that it wrote there; APR runs a cleanup once.
        unsafe { std::ptr::drop_in_place(value.cast::<T>()) };
        CleanupStatus(0)
    });
    status
}

#[cfg(test)]
pub mod testing {
    //! A pool of its own for a unit test.

    use super::{Pool, sys};

    /// Runs `test` with a fresh pool, and destroys it.
    pub fn with_pool<R>(test: impl FnOnce(Pool<'_>) -> R) -> R {
        // APR counts its initialisations without a lock: a second thread would be told that it is done while the first is still at it.
        static BEGUN: std::sync::Once = std::sync::Once::new();
        // SAFETY: called once, before anything else of APR's.
        BEGUN.call_once(|| assert_eq!(unsafe { sys::apr_initialize() }, 0));
        let mut raw = std::ptr::null_mut();
        // SAFETY: APR is initialised; the pool has no parent and is destroyed below.
        let pool = unsafe {
            assert_eq!(sys::apr_pool_create_ex(&raw mut raw, std::ptr::null_mut(), None, std::ptr::null_mut()), 0);
            Pool::new(raw)
        };
        let result = test(pool);
        // SAFETY: made above; nothing borrowed from it is left, because `test` took it by a lifetime of its own.
        unsafe { sys::apr_pool_destroy(raw) };
        result
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::Key;
    use super::testing::with_pool;

    #[test]
    fn a_value_is_dropped_with_its_pool_and_not_before() {
        let count = Rc::new(Cell::new(0));
        let seen = count.clone();
        with_pool(|pool| {
            let inside = count.clone();
            pool.at_end(move || inside.set(inside.get() + 1));
            assert_eq!(pool.own(vec![1, 2, 3]).as_slice(), [1, 2, 3]);
            assert_eq!(count.get(), 0);
        });
        assert_eq!(seen.get(), 1);
    }

    #[test]
    fn cleanups_run_in_reverse_order() {
        let order = Rc::new(std::cell::RefCell::new(Vec::new()));
        with_pool(|pool| {
            for n in 0..3 {
                let order = order.clone();
                pool.at_end(move || order.borrow_mut().push(n));
            }
        });
        assert_eq!(*order.borrow(), [2, 1, 0]);
    }

    #[test]
    fn strings_end_with_a_nul() {
        with_pool(|pool| {
            assert_eq!(pool.string(b"caf\xe9").to_bytes(), b"caf\xe9");
            assert_eq!(pool.string(b"").to_bytes(), b"");
        });
    }

    #[test]
    fn what_is_remembered_is_found_again() {
        with_pool(|pool| {
            let key: Key<String> = Key::new(c"mod_wsgi_rs:test");
            assert!(pool.remembered(&key).is_none());
            pool.remember(&key, String::from("kept"));
            assert_eq!(pool.remembered(&key).map(String::as_str), Some("kept"));
            let other: Key<[usize; 3]> = Key::new(c"mod_wsgi_rs:test");
            assert_eq!(pool.remembered(&other), None, "a value of another type");
        });
    }
}
