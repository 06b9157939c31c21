/*! What supervisor and daemon process say to each other. */

use protocol::control::{LONGEST, Message};

use crate::allocation;
use crate::record::proportional;

/// Messages at the front of whatever arrives.
pub fn control_messages(bytes: &[u8]) {
    let mut taken = 0;
    loop {
        let rest = &bytes[taken..];
        match allocation::within(proportional(rest.len()), || Message::decode(rest)) {
            Ok(Some((message, length))) => {
                assert!((5..=rest.len()).contains(&length) && length <= LONGEST + 5);
                again(&message);
                assert!(matches!(Message::decode(&rest[..length - 1]), Ok(None)), "not whole without its last byte");
                taken += length;
            }
            Ok(None) | Err(_) => return,
        }
    }
}

/// What was read is read again as the same, once text is text and unknown entries are gone.
fn again(message: &Message) {
    let written = message.encode();
    // Text that was none has grown, and so may have passed the limit.
    if written.len() <= LONGEST + 5 {
        let Ok(Some((read, length))) = Message::decode(&written) else { panic!("{message:?} can't be read again") };
        assert_eq!((read.encode(), length), (written.clone(), written.len()));
    }
}
