/*! loom's atomics, with the one order that all `SeqCst` accesses have.

loom takes a `SeqCst` access for an acquiring or releasing one, so that two threads which each write one word and read the other's could both miss
the other's write. It does know fences; so each such access has one here, where a processor's instructions for it have theirs. */

use std::ops::Deref;

pub use loom::sync::atomic::{Ordering, fence};

/// A fence if `order` is the one that needs it.
fn fenced(order: Ordering) {
    if order == Ordering::SeqCst {
        fence(Ordering::SeqCst);
    }
}

macro_rules! atomic {
    ($name:ident, $value:ty $(, $changes:ident)*) => {
        #[derive(Debug, Default)]
        pub struct $name(loom::sync::atomic::$name);

        impl Deref for $name {
            type Target = loom::sync::atomic::$name;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl $name {
            pub fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            pub fn load(&self, order: Ordering) -> $value {
                fenced(order);
                self.0.load(order)
            }

            pub fn store(&self, value: $value, order: Ordering) {
                self.0.store(value, order);
                fenced(order);
            }

            $(pub fn $changes(&self, value: $value, order: Ordering) -> $value {
                fenced(order);
                let before = self.0.$changes(value, order);
                fenced(order);
                before
            })*
        }
    };
}

atomic!(AtomicBool, bool, swap);
atomic!(AtomicU8, u8, swap);
atomic!(AtomicU32, u32, swap, fetch_add, fetch_sub);
atomic!(AtomicU64, u64, swap, fetch_add, fetch_sub);
