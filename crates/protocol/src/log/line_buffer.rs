/*! Text that arrives in pieces and leaves in lines, for the error log. */

/// Longest line kept back while waiting for its newline; httpd cuts log lines at 8 KiB with their prefix.
pub const LONGEST: usize = 8000;

/// What has come since the last newline.
#[derive(Debug, Default)]
pub struct LineBuffer {
    rest: Vec<u8>,
}

impl LineBuffer {
    /// Adds text and takes out the lines that it completes, without their newlines.
    pub fn push(&mut self, text: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        let mut pieces = text.split(|c| *c == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            self.rest.extend_from_slice(piece);
            if pieces.peek().is_some() {
                lines.push(std::mem::take(&mut self.rest));
            }
        }
        while self.rest.len() > LONGEST {
            let tail = self.rest.split_off(LONGEST);
            lines.push(std::mem::replace(&mut self.rest, tail));
        }
        lines
    }

    /// Takes out what waits for its newline.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        (!self.rest.is_empty()).then(|| std::mem::take(&mut self.rest))
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, LineBuffer};

    #[test]
    fn lines_leave_when_their_newline_comes() {
        let mut buffer = LineBuffer::default();
        assert!(buffer.push(b"one").is_empty());
        assert_eq!(buffer.push(b" line\nsecond\n\nthi"), [b"one line".to_vec(), b"second".to_vec(), Vec::new()]);
        assert_eq!(buffer.take(), Some(b"thi".to_vec()));
        assert_eq!(buffer.take(), None);
    }

    #[test]
    fn a_line_without_end_does_not_grow_for_ever() {
        let mut buffer = LineBuffer::default();
        let lines = buffer.push(&vec![b'x'; 2 * LONGEST + 1]);
        assert_eq!(lines.len(), 2);
        assert_eq!(buffer.take(), Some(b"x".to_vec()));
    }
}
