/*! APR's tables: request and response headers, the environment, notes. Names are compared without regard to case. */
#![expect(unsafe_code, reason = "calls into APR")]

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::c_text::text;
use super::pool::Pool;
use super::sys::{self, Lifetime};

/// An `apr_table_t` of a pool that lives at least as long as `'p`, which is exact: a table that lives longer does not pass for one that takes shorter strings.
#[derive(Clone, Copy)]
pub struct Table<'p> {
    raw: NonNull<sys::apr_table_t>,
    life: Lifetime<'p>,
}

impl<'p> Table<'p> {
    /// Borrows a table that C lends; `None` for null.
    ///
    /// # Safety
    /// `raw` is null or a live table for all of `'p`, used by one thread at a time.
    pub unsafe fn new(raw: *mut sys::apr_table_t) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw, life: PhantomData })
    }

    /// A new table in `pool`.
    pub fn make(pool: Pool<'p>, size: i32) -> Option<Self> {
        // SAFETY: the pool is live for `'p`, and so is what it allocates.
        unsafe { Self::new(sys::apr_table_make(pool.raw(), size)) }
    }

    /// The first value of `name`.
    pub fn get(self, name: &CStr) -> Option<&'p [u8]> {
        // SAFETY: `name` is NUL-terminated; a value is a NUL-terminated string of the table's pool, or null.
        unsafe { text(sys::apr_table_get(self.raw.as_ptr(), name.as_ptr())) }
    }

    /// Replaces all values of `name`. Both are copied into the table's pool.
    pub fn set(self, name: &CStr, value: &CStr) {
        // SAFETY: both are NUL-terminated; APR copies them.
        unsafe { sys::apr_table_set(self.raw.as_ptr(), name.as_ptr(), value.as_ptr()) };
    }

    /// Adds a value beside those that `name` has. Nothing is copied: both live as long as the table.
    pub fn add_lent(self, name: &'p CStr, value: &'p CStr) {
        // SAFETY: both are NUL-terminated and live for `'p`, as the table does.
        unsafe { sys::apr_table_addn(self.raw.as_ptr(), name.as_ptr(), value.as_ptr()) };
    }

    /// Replaces all values of `name`. Nothing is copied: both live as long as the table.
    pub fn set_lent(self, name: &'p CStr, value: &'p CStr) {
        // SAFETY: both are NUL-terminated and live for `'p`, as the table does.
        unsafe { sys::apr_table_setn(self.raw.as_ptr(), name.as_ptr(), value.as_ptr()) };
    }

    /// Removes all values of `name`.
    pub fn unset(self, name: &CStr) {
        // SAFETY: `name` is NUL-terminated.
        unsafe { sys::apr_table_unset(self.raw.as_ptr(), name.as_ptr()) };
    }

    /// Removes everything.
    pub fn clear(self) {
        // SAFETY: the table is live.
        unsafe { sys::apr_table_clear(self.raw.as_ptr()) };
    }

    /// Its entries, in order. If the table changes meanwhile, an entry may be left out or come twice.
    pub fn entries(self) -> Entries<'p> {
        Entries { table: self, next: 0 }
    }

    /// The entry at `index`, and how many there are; `None` beyond the last.
    fn entry(self, index: usize) -> Option<(sys::apr_table_entry_t, usize)> {
        // SAFETY: the array is the table's own: `nelts` entries of type `apr_table_entry_t` at `elts` (apr_tables.h). One is copied, as the table is now.
        unsafe {
            let array = sys::apr_table_elts(self.raw.as_ptr());
            let length = usize::try_from((*array).nelts).unwrap_or(0);
            let start = (*array).elts.cast::<sys::apr_table_entry_t>();
            (index < length && !start.is_null()).then(|| (start.add(index).read(), length))
        }
    }
}

/// The entries of a table: names with their values. An entry without a name is skipped.
pub struct Entries<'p> {
    table: Table<'p>,
    next: usize,
}

impl<'p> Iterator for Entries<'p> {
    type Item = (&'p CStr, Option<&'p [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (entry, _) = self.table.entry(self.next)?;
            self.next += 1;
            if !entry.key.is_null() {
                // SAFETY: a table's names and values are NUL-terminated strings of its pool, or null.
                return Some(unsafe { (CStr::from_ptr(entry.key), text(entry.val)) });
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.table.entry(self.next).map_or(Some(0), |(_, length)| Some(length - self.next)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::Table;
    use crate::httpd::pool::testing::with_pool;

    #[test]
    fn names_are_compared_without_case_and_repeats_are_kept() {
        with_pool(|pool| {
            let table = Table::make(pool, 2).unwrap();
            table.add_lent(c"Set-Cookie", pool.string(b"a=1"));
            table.add_lent(c"Set-Cookie", pool.string(b"b=2"));
            table.set(c"X-One", c"1");
            assert_eq!(table.get(c"set-cookie"), Some(&b"a=1"[..]));
            let entries: Vec<_> = table.entries().map(|(name, value)| (name.to_bytes(), value.unwrap())).collect();
            assert_eq!(entries, [(&b"Set-Cookie"[..], &b"a=1"[..]), (b"Set-Cookie", b"b=2"), (b"X-One", b"1")]);
            let mut changing = table.entries();
            assert_eq!(changing.next().map(|(name, _)| name.to_bytes()), Some(&b"Set-Cookie"[..]));
            table.unset(c"SET-COOKIE");
            assert_eq!(changing.next(), None, "one entry is left, and is passed already");
            assert_eq!(table.get(c"Set-Cookie"), None);
            table.clear();
            assert_eq!(table.entries().count(), 0);
        });
    }
}
