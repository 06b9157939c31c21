/*! What supervisor and daemon process say to each other. */

use protocol::control::{HEAD, KINDS, Message, Sender};

use crate::allocation;
use crate::record::proportional;

/// Messages at the front of whatever arrives, from either side.
pub fn control_messages(bytes: &[u8]) {
    for sender in [Sender::Supervisor, Sender::Daemon] {
        messages_of(bytes, sender);
    }
}

fn messages_of(bytes: &[u8], sender: Sender) {
    let longest = KINDS.iter().filter(|kind| kind.sender == sender).map(|kind| kind.longest).max().unwrap_or_default();
    let mut taken = 0;
    loop {
        let rest = &bytes[taken..];
        match allocation::within(proportional(rest.len()), || Message::decode(rest, sender)) {
            Ok(Some((message, length))) => {
                assert!((HEAD..=rest.len()).contains(&length) && length <= longest + HEAD);
                again(&message, sender);
                assert!(matches!(Message::decode(&rest[..length - 1], sender), Ok(None)), "not whole without its last byte");
                taken += length;
            }
            Ok(None) => {
                // A receiver that waits for the rest of a message never waits for more than the longest.
                let announced = rest.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
                assert!(rest.len() < HEAD || announced <= longest);
                return;
            }
            Err(_) => return,
        }
    }
}

/// What was read is read again as the same, once text is text and unknown entries are gone.
fn again(message: &Message, sender: Sender) {
    let written = message.encode();
    let Ok(Some((read, length))) = Message::decode(&written, sender) else { panic!("{message:?} can't be read again") };
    assert_eq!((read.encode(), length), (written.clone(), written.len()));
}
