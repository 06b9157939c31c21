/*! What a process has noted of its requests, as its supervisor reads it when the process has died: an application may have written anything there. */

use protocol::running::{Running, SLOT, words};

use crate::allocation;

/// A slot, or half of one, and a clock; and what a writer makes of the same bytes as method, path and id.
pub fn running(bytes: &[u8]) {
    let Some((now, slot)) = bytes.split_first_chunk() else { return };
    let now = u64::from_le_bytes(*now);
    // Three texts, none longer than the slot.
    if let Some(running) = allocation::within(4 * SLOT, || Running::read(slot)) {
        assert!(running.since > 0);
        for now in [None, Some(now)] {
            let line = allocation::within(64 * SLOT, || running.describe(now));
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }
    let mut parts = slot.splitn(3, |byte| *byte == 0xff).chain(std::iter::repeat(&[][..]));
    let mut part = || parts.next().unwrap_or_default();
    let (method, uri, id) = (part(), part(), part());
    let written = words(now, method, uri, id);
    let read = Running::read_words(&written);
    assert_eq!(read.is_some(), now > 0);
    let Some(read) = read else { return };
    assert_eq!(read.since, now);
    let path = uri.split(|byte| *byte == b'?').next().unwrap_or_default();
    for (kept, whole) in [(&read.method, method), (&read.path, path), (&read.id, id)] {
        let whole = whole.split(|byte| *byte == 0).next().unwrap_or_default();
        let cut = kept.strip_suffix(b"...").is_some_and(|kept| whole.starts_with(kept));
        assert!(kept == whole || cut, "{kept:?} of {whole:?}");
    }
}
