/*! A message to the log writer, and what a process has written, as it stands in a log: nothing in it ends a line, commands a terminal or leaves a string of JSON. */

use protocol::log_line::{Escapes, LONGEST_TEXT, Message, decode, escape};

/// See the module. The first byte says how much room there is.
pub fn log_lines(bytes: &[u8]) {
    if let Some(Message::Line(line)) = decode(bytes)
        && line.text.len() <= LONGEST_TEXT
    {
        assert_eq!(decode(&line.encode()), Some(Message::Line(line)));
    }
    let Some((&room, text)) = bytes.split_first() else { return };
    let room = usize::from(room) * 4;
    for (escapes, holds) in [(Escapes::Plain, is_plain as fn(&[u8]) -> bool), (Escapes::Quoted, is_within_json)] {
        let escaped = |room| {
            let mut out = b"before".to_vec();
            escape(text, escapes, room, &mut out);
            out.split_off(b"before".len())
        };
        let (part, whole) = (escaped(room), escaped(usize::MAX));
        assert!(part.len() <= room && whole.starts_with(&part), "{escapes:?}, {room}: {}", part.escape_ascii());
        assert!(whole.len() <= 6 * text.len(), "{escapes:?}: {}", whole.escape_ascii());
        for shown in [part, whole] {
            assert!(holds(&shown), "{escapes:?}: {}", shown.escape_ascii());
        }
    }
}

/// Whether there is no control character, of whichever encoding.
fn is_plain(text: &[u8]) -> bool {
    text.utf8_chunks().all(|piece| {
        piece.valid().chars().all(|one| one == '\t' || !one.is_control()) && piece.invalid().iter().all(|byte| *byte >= 0xa0)
    })
}

/// Whether it can stand between the quotes of a string of JSON.
fn is_within_json(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let mut rest = text.chars();
    while let Some(one) = rest.next() {
        let fine = match one {
            '"' => false,
            '\\' => match rest.next() {
                Some('u') => rest.by_ref().take(4).filter(char::is_ascii_hexdigit).count() == 4,
                Some(escaped) => "\"\\/bfnrt".contains(escaped),
                None => false,
            },
            _ => !one.is_control(),
        };
        if !fine {
            return false;
        }
    }
    true
}
