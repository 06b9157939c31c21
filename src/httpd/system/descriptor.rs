/*! Descriptors of the parent that are known by their numbers, because they outlive the code that opened them. *Runs in: parent, child.* */
#![expect(unsafe_code, reason = "makes owners of numbers")]

use std::os::fd::{BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

/// Takes a descriptor back from its number: it is closed when the result is dropped.
///
/// `number` is one that was let go with `into_raw_fd`, in this process or in the parent that forked it, and is not used otherwise.
pub fn take(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: promised by the caller, and it is none of the standard ones.
    (number > 2).then(|| unsafe { OwnedFd::from_raw_fd(number) })
}

/// Lends a descriptor that stays open, known by its number.
pub fn lend<'a>(number: RawFd) -> Option<BorrowedFd<'a>> {
    // SAFETY: not negative; the number is one that was let go and is kept open for as long as the process lives or it is taken back.
    (number >= 0).then(|| unsafe { BorrowedFd::borrow_raw(number) })
}
