/*! What a daemon process is at, in a memory file that outlives it: the supervisor makes it, the process writes, and the supervisor reads it when the
process has died.

At its front, one slot of [`SLOT`] bytes per worker thread: when the request began (microseconds since the epoch; 0: none), then its method, its
id and its path without the query, each padded with NUL bytes. A writer fills the texts first and the time last; who reads the slot of a process that
died in between finds no request there. From [`text_at`] on, room for [`TEXT`] bytes that Python's faulthandler writes when a signal ends the process.
*Runs in: daemon (written), supervisor (read).* */

/// Bytes of a slot.
pub const SLOT: usize = 256;
/// The same in words, as it is written.
pub const WORDS: usize = SLOT / 8;
/// Bytes for the text behind the slots.
pub const TEXT: usize = 64 * 1024;

/// Where the text begins in the file of a process with so many threads: on a page of its own.
pub const fn text_at(threads: usize) -> usize {
    threads.saturating_mul(SLOT).next_multiple_of(4096)
}

const METHOD: std::ops::Range<usize> = 8..24;
const ID: std::ops::Range<usize> = 24..64;
const PATH: std::ops::Range<usize> = 64..SLOT;
/// Stands at the end of a text that was too long.
const CUT: &[u8] = b"...";

/// A request that is running, or was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// When it began, microseconds since the epoch.
    pub since: u64,
    /// Its method.
    pub method: Vec<u8>,
    /// Its path, without the query.
    pub path: Vec<u8>,
    /// Its id in Apache's log; empty if it has none.
    pub id: Vec<u8>,
}

/// A slot's words. The first one, the time, is to be stored after the others.
pub fn words(since: u64, method: &[u8], uri: &[u8], id: &[u8]) -> [u64; WORDS] {
    let mut bytes = [0; SLOT];
    let path = uri.split(|b| *b == b'?').next().unwrap_or_default();
    for (place, text) in [(METHOD, method), (ID, id), (PATH, path)] {
        if let Some(room) = bytes.get_mut(place) {
            put(room, text);
        }
    }
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    words[0] = since;
    words
}

fn put(room: &mut [u8], text: &[u8]) {
    let whole = text.len() <= room.len();
    let kept = if whole { text.len() } else { room.len() - CUT.len() };
    for (place, byte) in room.iter_mut().zip(text.iter().take(kept).chain(if whole { b"" } else { CUT })) {
        *place = *byte;
    }
}

impl Running {
    /// What a slot's bytes say; `None` while no request runs there.
    pub fn read(slot: &[u8]) -> Option<Self> {
        let since = u64::from_ne_bytes(*slot.first_chunk()?);
        let text = |place: std::ops::Range<usize>| {
            let room = slot.get(place).unwrap_or_default();
            room.split(|b| *b == 0).next().unwrap_or_default().to_vec()
        };
        (since > 0).then(|| Self { since, method: text(METHOD), path: text(PATH), id: text(ID) })
    }

    /// The same from the words of [`words`].
    pub fn read_words(words: &[u64; WORDS]) -> Option<Self> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        Self::read(&bytes)
    }

    /// For a log line: `GET /path (request id X)`, with how long it had run by `now` if that is given (microseconds since the epoch).
    /// What is no plain character was chosen by a client, and is shown escaped.
    pub fn describe(&self, now: Option<u64>) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string();
        let id = (!self.id.is_empty()).then(|| format!("request id {}", text(&self.id)));
        let tenths = now.map(|now| now.saturating_sub(self.since) / 100_000);
        let age = tenths.map(|tenths| format!("{}.{} s", tenths / 10, tenths % 10));
        let known: Vec<_> = id.into_iter().chain(age).collect();
        let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
        format!("{} {}{known}", text(&self.method), text(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::{Running, SLOT, words};

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let written = words(7, b"GET", b"/shop/cart?item=1", b"aB3+x");
        let read = Running::read_words(&written).unwrap_or_default();
        assert_eq!((read.since, read.describe(None)), (7, "GET /shop/cart (request id aB3+x)".to_owned()));
        assert_eq!(read.describe(Some(1_260_007)), "GET /shop/cart (request id aB3+x, 1.2 s)");
        assert_eq!(Running::read_words(&words(0, b"GET", b"/", b"")), None);
        assert_eq!(Running::read(&[]), None);
    }

    #[test]
    fn what_is_too_long_is_cut_and_what_is_strange_is_escaped() {
        let long = vec![b'x'; 10 * SLOT];
        let read = Running::read_words(&words(1, &long, &[b"/\n\x1b", long.as_slice()].concat(), &long)).unwrap_or_default();
        assert_eq!((read.method.len(), read.id.len(), read.path.len()), (16, 40, 192));
        assert!(read.method.ends_with(b"x...") && read.path.ends_with(b"x..."));
        assert!(read.describe(None).contains("/\\n\\u{1b}x"), "{}", read.describe(None));
    }
}
