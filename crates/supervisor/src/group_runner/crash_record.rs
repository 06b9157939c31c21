/*! The memory file of one process (`protocol::running`): what it was serving when it died, and the Python stack that its faulthandler has written.

It belongs to an application that may have written anything there, so it is never mapped here (a page of it could go away), read within bounds, and its
text is shown like any other output. Its size is sealed. *Runs in: supervisor.* */

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use protocol::running::{Running, SLOT, TEXT, text_at};
use rustix::fs::SeekFrom;
use rustix::time::{ClockId, clock_gettime};

/// Most requests that a line names.
const NAMED: usize = 4;
/// Most frames of a stack that are shown.
const FRAMES: usize = 60;

/// A process's memory file.
#[derive(Debug)]
pub struct CrashRecord {
    file: OwnedFd,
    threads: usize,
}

impl CrashRecord {
    /// An empty one for a process with so many threads.
    ///
    /// # Errors
    /// When there are no more descriptors, or there is no memory.
    pub fn new(threads: usize) -> io::Result<Self> {
        let start = text_at(threads);
        let file = shared_memory::make(c"wsgi-memory", start.saturating_add(TEXT), &[])?;
        // faulthandler writes where the file's position is.
        rustix::fs::seek(&file, SeekFrom::Start(u64::try_from(start).unwrap_or(u64::MAX)))?;
        Ok(Self { file, threads })
    }

    /// For the child.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    fn read(&self, from: usize, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let at = u64::try_from(from).unwrap_or(u64::MAX);
        let count = rustix::io::pread(&self.file, &mut bytes[..], at).unwrap_or(0);
        bytes.truncate(count);
        bytes
    }

    /// The requests that it serves, or served last, for the end of a sentence: ` while it served GET / (request id X, 0.2 s)`. Empty for none.
    pub fn serving(&self) -> String {
        let time = clock_gettime(ClockId::Realtime);
        let now = u64::try_from(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000).ok();
        let slots = self.read(0, self.threads.saturating_mul(SLOT));
        let mut all: Vec<Running> = slots.chunks(SLOT).filter_map(Running::read).collect();
        all.sort_by_key(|request| request.since);
        let more = all.len().saturating_sub(NAMED);
        let mut named: Vec<_> = all.iter().take(NAMED).map(|request| request.describe(now)).collect();
        if more > 0 {
            named.push(format!("{more} more"));
        }
        if named.is_empty() { String::new() } else { format!(" while it served {}", named.join(", ")) }
    }

    /// The Python stack of the thread that the signal has hit, a line each; empty if there is none.
    pub fn stack(&self) -> Vec<Vec<u8>> {
        stack(&self.read(text_at(self.threads), TEXT))
    }
}

/// The thread that died, from what faulthandler writes about all of them.
fn stack(text: &[u8]) -> Vec<Vec<u8>> {
    let text = text.split(|b| *b == 0).next().unwrap_or_default();
    let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
    // A child process of the application may have written there before: the last report counts.
    let Some(begin) = lines.iter().rposition(|line| line.starts_with(b"Fatal Python error: ")) else { return Vec::new() };
    let report = lines.get(begin..).unwrap_or_default();
    let Some(current) = report.iter().position(|line| line.starts_with(b"Current thread ")) else { return Vec::new() };
    let frames = report.iter().skip(current + 1).take_while(|line| line.starts_with(b"  ")).take(FRAMES);
    let mut shown: Vec<_> = frames.map(|line| line.to_vec()).collect();
    if !shown.is_empty() {
        shown.insert(0, b"Python stack of the thread that died, innermost call first:".to_vec());
    }
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that meets what it does not expect is to fail")]

    use std::fs::File;
    use std::io::Write;
    use std::os::unix::fs::FileExt;

    use super::{CrashRecord, stack};
    use protocol::running::{SLOT, words};

    const REPORT: &str = "Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n  File \"child.py\", line 1 in f\n\n\
        Fatal Python error: Segmentation fault\n\nThread 0x2 (most recent call first):\n  File \"other.py\", line 9 in wait\n\n\
        Current thread 0x00007f [wsgi-1] (most recent call first):\n  File \"a.py\", line 3 in f\n  File \"a.py\", line 7 in application\n\n\
        Extension modules: x (total: 1)\n";

    fn shown(lines: Vec<Vec<u8>>) -> Vec<String> {
        lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn the_last_reports_current_thread_is_shown() {
        let lines = shown(stack(REPORT.as_bytes()));
        assert_eq!(lines[1..], ["  File \"a.py\", line 3 in f", "  File \"a.py\", line 7 in application"]);
        assert!(stack(b"").is_empty() && stack(b"\0\0").is_empty());
        assert!(stack(b"Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n").is_empty());
    }

    #[test]
    fn what_the_process_wrote_is_read_after_it() {
        let memory = CrashRecord::new(20).unwrap();
        assert_eq!(memory.serving(), "");
        let file = File::from(memory.file.try_clone().unwrap());
        for (slot, path) in [(3_u64, "/b?x=1"), (19, "/a")] {
            let bytes: Vec<u8> =
                words(20 - slot, b"GET", path.as_bytes(), b"id").iter().flat_map(|word| word.to_ne_bytes()).collect();
            file.write_all_at(&bytes, slot * SLOT as u64).unwrap();
        }
        // As faulthandler does: at the file's position, which is shared.
        (&file).write_all(REPORT.as_bytes()).unwrap();
        let serving = memory.serving();
        assert!(
            serving.starts_with(" while it served GET /a (request id id, ") && serving.contains(", GET /b (request id id, "),
            "{serving}"
        );
        assert_eq!(memory.stack().len(), 3);
        assert!((&file).write_all(&[b'x'; 100_000]).is_err(), "its size is sealed");
        assert!(file.set_len(0).is_err());
    }
}
