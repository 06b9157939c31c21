/*! Copies to and from memory that another process may write at the same time: word by word with atomic accesses, since a plain copy of such bytes is undefined. */
#![expect(unsafe_code, reason = "copies by bare addresses")]

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// Writes `bytes` to `place`.
///
/// # Safety
/// So many bytes at `place` are mapped and may be written, and every part of this process accesses them atomically.
pub unsafe fn write(place: NonNull<u8>, bytes: &[u8]) {
    let (lead, rest) = bytes.split_at_checked(place.as_ptr().align_offset(WORD)).unwrap_or((bytes, &[]));
    let (words, tail) = rest.as_chunks::<WORD>();
    // SAFETY: the three parts lie one behind the other within the bytes that the caller vouches for; words are aligned, since the first part ends where one begins.
    unsafe {
        let middle = place.add(lead.len());
        for (at, word) in words.iter().enumerate() {
            AtomicU64::from_ptr(middle.add(at * WORD).cast().as_ptr()).store(u64::from_ne_bytes(*word), Ordering::Relaxed);
        }
        for (place, part) in [(place, lead), (middle.add(words.len() * WORD), tail)] {
            for (at, byte) in part.iter().enumerate() {
                AtomicU8::from_ptr(place.add(at).as_ptr()).store(*byte, Ordering::Relaxed);
            }
        }
    }
}

/// Fills `out` from `place`.
///
/// # Safety
/// As for [`write`], but that they are read.
pub unsafe fn read(place: NonNull<u8>, out: &mut [MaybeUninit<u8>]) -> &mut [u8] {
    let lead = place.as_ptr().align_offset(WORD).min(out.len());
    let (first, rest) = out.split_at_mut(lead);
    let (words, tail) = rest.as_chunks_mut::<WORD>();
    // SAFETY: as in `write`.
    unsafe {
        let middle = place.add(lead);
        let behind = middle.add(words.len() * WORD);
        for (at, word) in words.iter_mut().enumerate() {
            let read = AtomicU64::from_ptr(middle.add(at * WORD).cast().as_ptr()).load(Ordering::Relaxed);
            *word = read.to_ne_bytes().map(MaybeUninit::new);
        }
        for (place, part) in [(place, first), (behind, tail)] {
            for (at, byte) in part.iter_mut().enumerate() {
                byte.write(AtomicU8::from_ptr(place.add(at).as_ptr()).load(Ordering::Relaxed));
            }
        }
    }
    // SAFETY: all three parts of it, which are all of it, have been written.
    unsafe { std::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), out.len()) }
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;
    use std::ptr::NonNull;

    use super::{read, write};

    #[test]
    fn what_is_written_anywhere_is_read_there_and_nothing_beside_it() {
        let bytes: Vec<u8> = (1..=40).collect();
        for start in 0..9 {
            // Miri takes a thousand times as long.
            for length in (0..=bytes.len()).step_by(if cfg!(miri) { 13 } else { 1 }) {
                let mut memory = vec![0_u64; 8];
                let base: NonNull<u8> = NonNull::from(memory.as_mut_slice()).cast();
                let mut out = [MaybeUninit::uninit(); 64];
                // SAFETY: 64 bytes, of which at most 9 + 40 are accessed, and by nobody else.
                let all = unsafe {
                    write(base.add(start), bytes.get(..length).unwrap_or_default());
                    assert_eq!(Some(&*read(base.add(start), out.get_mut(..length).unwrap_or_default())), bytes.get(..length));
                    read(base, &mut out)
                };
                let expected: Vec<u8> = (0..64)
                    .map(|at| if (start..start + length).contains(&at) { u8::try_from(at - start + 1).unwrap_or(0) } else { 0 })
                    .collect();
                assert_eq!(all, expected);
            }
        }
    }
}
