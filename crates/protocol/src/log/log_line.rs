/*! A line for httpd's error log, as the supervisor sends it to the log writer: one message of a `SOCK_SEQPACKET` socket for each line.

| bytes | what |
|---|---|
| 1 | kind: 1 a line, 2 the end: no line follows |
| 1 | level, as httpd numbers it |
| 4 | index of the server in httpd's list, unsigned, little endian |
| 4 | process that wrote the line, likewise |
| rest | the text, as the process wrote it |

The log writer escapes the text. *Runs in: supervisor (sends), log writer (receives).* */

use crate::Level;

/// Longest text of a line, bytes. httpd's own lines have at most 8 KiB with all that stands before the text.
pub const LONGEST_TEXT: usize = 8_000;
/// Longest message, bytes.
pub const LONGEST: usize = LONGEST_TEXT + HEAD;
/// Bytes before the text.
const HEAD: usize = 10;

const LINE: u8 = 1;
const END: u8 = 2;

/// A message to the log writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A line.
    Line(Line<'a>),
    /// No line follows.
    End,
}

/// A line for the log of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The server's index in httpd's list of servers; the main server is 0.
    pub server: u32,
    /// How urgent it is.
    pub level: Level,
    /// The process that wrote it.
    pub pid: u32,
    /// The text, without a newline at its end.
    pub text: &'a [u8],
}

impl Line<'_> {
    /// The line as a message. What is longer than [`LONGEST_TEXT`] is left out.
    pub fn encode(&self) -> Vec<u8> {
        let text = self.text.get(..LONGEST_TEXT).unwrap_or(self.text);
        let mut bytes = Vec::with_capacity(HEAD + text.len());
        bytes.push(LINE);
        bytes.push(u8::try_from(self.level as i32).unwrap_or_default());
        bytes.extend_from_slice(&self.server.to_le_bytes());
        bytes.extend_from_slice(&self.pid.to_le_bytes());
        bytes.extend_from_slice(text);
        bytes
    }
}

/// The message that says that no line follows.
pub const fn end() -> [u8; 1] {
    [END]
}

/// Reads a message; `None` for one that this version does not know.
pub fn decode(bytes: &[u8]) -> Option<Message<'_>> {
    match bytes.split_first()? {
        (&LINE, rest) => {
            let (&level, rest) = rest.split_first()?;
            let (server, rest) = rest.split_first_chunk()?;
            let (pid, text) = rest.split_first_chunk()?;
            Some(Message::Line(Line {
                server: u32::from_le_bytes(*server),
                level: Level::from_number(i32::from(level)),
                pid: u32::from_le_bytes(*pid),
                text,
            }))
        }
        (&END, []) => Some(Message::End),
        _ => None,
    }
}

/// How control characters, and what else cannot stand in a line, are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// `\xHH` for each byte: for people. Tabs stay, and bytes from 0xa0 on that are not UTF-8, as text of another encoding.
    Plain,
    /// As within a string of JSON: `\"`, `\\`, `\t`, `\u00HH`. For formats of `ErrorLogFormat` that make objects of JSON.
    Quoted,
}

/// Appends `text` to `out` so that it holds no control characters, in at most `room` bytes. No escape and no character is divided.
pub fn escape(text: &[u8], escapes: Escapes, room: usize, out: &mut Vec<u8>) {
    let end = out.len().saturating_add(room);
    for piece in text.utf8_chunks() {
        for character in piece.valid().chars() {
            let mut utf8 = [0; 4];
            let plain = character.encode_utf8(&mut utf8).as_bytes();
            let code = u32::from(character);
            let fits = match (escapes, character) {
                (Escapes::Plain, '\t') => append(out, end, plain),
                (Escapes::Quoted, '\t') => append(out, end, b"\\t"),
                (Escapes::Quoted, '"') => append(out, end, b"\\\""),
                (Escapes::Quoted, '\\') => append(out, end, b"\\\\"),
                (Escapes::Plain, _) if character.is_control() => append(out, end, format!("\\x{code:02x}").as_bytes()),
                (Escapes::Quoted, _) if character.is_control() => append(out, end, format!("\\u{code:04x}").as_bytes()),
                _ => append(out, end, plain),
            };
            if !fits {
                return;
            }
        }
        for byte in piece.invalid() {
            let fits = match (escapes, byte) {
                // Some terminals take those below for control characters.
                (Escapes::Plain, 0xa0..) => append(out, end, &[*byte]),
                (Escapes::Plain, _) => append(out, end, format!("\\x{byte:02x}").as_bytes()),
                (Escapes::Quoted, _) => append(out, end, format!("\\u00{byte:02x}").as_bytes()),
            };
            if !fits {
                return;
            }
        }
    }
}

fn append(out: &mut Vec<u8>, end: usize, bytes: &[u8]) -> bool {
    let fits = out.len().saturating_add(bytes.len()) <= end;
    if fits {
        out.extend_from_slice(bytes);
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::{Escapes, LONGEST, LONGEST_TEXT, Line, Message, decode, end, escape};
    use crate::Level;

    #[test]
    fn a_line_arrives_as_it_was_sent() {
        let line = Line { server: 300, level: Level::Warning, pid: 4_000_000, text: b"two\nlines\xff" };
        assert_eq!(decode(&line.encode()), Some(Message::Line(line)));
        assert_eq!(decode(&end()), Some(Message::End));
        let long = vec![b'x'; LONGEST_TEXT + 1];
        assert_eq!(Line { text: &long, ..line }.encode().len(), LONGEST);
    }

    #[test]
    fn what_is_no_message_is_none() {
        for bytes in [&b""[..], b"\x01", b"\x01\x03\0\0\0\0\0\0\0", b"\x02x", b"\x03", b"\0\x03\0\0\0\0\0\0\0\0"] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }

    fn escaped(text: &[u8], escapes: Escapes, room: usize) -> String {
        let mut out = b"> ".to_vec();
        escape(text, escapes, room, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn nothing_forges_a_line_or_commands_a_terminal() {
        let text = b"a\tb\r\n\x1b[0m \"\\ \xc3\xa4\xc2\x9b\x9d\x7f";
        assert_eq!(escaped(text, Escapes::Plain, 100), "> a\tb\\x0d\\x0a\\x1b[0m \"\\ \u{e4}\\x9b\\x9d\\x7f");
        assert_eq!(escaped(text, Escapes::Quoted, 100), "> a\\tb\\u000d\\u000a\\u001b[0m \\\"\\\\ \u{e4}\\u009b\\u009d\\u007f");
    }

    #[test]
    fn a_text_that_does_not_fit_ends_between_characters() {
        for (room, expected) in [(0, "> "), (1, "> a"), (6, "> a"), (7, "> a\\u0000"), (8, "> a\\u0000"), (9, "> a\\u0000\u{e4}")]
        {
            assert_eq!(escaped("a\0\u{e4}".as_bytes(), Escapes::Quoted, room), expected);
        }
    }
}
