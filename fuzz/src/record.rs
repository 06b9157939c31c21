/*! Records: lists of named values. The first byte says which one. */

use protocol::control::Process;
use protocol::kept::Kept;
use protocol::plan::Plan;
use protocol::scoreboard::{Scoreboard, seal, unseal};
use protocol::settings::EngineSettings;

use crate::allocation;

/// The most that reading so many bytes may allocate: every entry becomes a value of its own, the shortest entry has five bytes, and the largest
/// value that one entry can stand for is a whole group with its defaults.
pub const fn proportional(length: usize) -> usize {
    16 * 1024 + length.saturating_mul(1024)
}

/// A record of one of the kinds.
pub fn records(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    macro_rules! again {
        ($kind:ty) => {
            if let Ok(record) = allocation::within(proportional(bytes.len()), || <$kind>::decode(bytes)) {
                let written = record.encode();
                // Bytes are compared, because a number that is none is not equal to itself.
                assert_eq!(<$kind>::decode(&written).map(|read| read.encode()), Ok(written));
            }
        };
    }
    match kind % 5 {
        0 => again!(Plan),
        1 => again!(Kept),
        2 => again!(Process),
        3 => again!(EngineSettings),
        _ => {
            again!(Scoreboard);
            // A file of it is read whole or not at all, whatever stands in it.
            let whole = seal(bytes, 1);
            assert_eq!(unseal(&whole), (!bytes.is_empty()).then_some(bytes));
            if let Some(content) = unseal(bytes) {
                assert!(seal(content, 0).len() <= bytes.len());
            }
        }
    }
}
