/*! A head as a child takes it from a daemon process: what the rules let through is what may go to a client. */

use protocol::frame::{Frame, Parsed, Sender, parse};
use protocol::rules;

/// The longest field of the trial's group.
const LONGEST: usize = 200;

/// See the module.
pub fn heads(bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes();
    let frame = [&length[..], &[7, 1, 0, 0, 0], bytes].concat();
    let Ok(Parsed::Frame(Frame::Head { status, reason, fields }, _)) = parse(&frame, Sender::Daemon) else { return };
    if rules::head(status, reason, fields.iter(), LONGEST).is_ok() {
        assert!((200..1000).contains(&status), "{status}");
        assert!(!reason.iter().any(|byte| byte.is_ascii_control()));
        let mut lengths = Vec::new();
        for (name, value) in fields.iter() {
            let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
            assert!(!name.is_empty() && name.iter().all(token), "{}", name.escape_ascii());
            assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{}", value.escape_ascii());
            assert!(name.len() + value.len() + 2 <= LONGEST);
            for hop in ["Connection", "Transfer-Encoding", "Upgrade", "Keep-Alive", "TE", "Trailer"] {
                assert!(!name.eq_ignore_ascii_case(hop.as_bytes()), "{hop}");
            }
            if name.eq_ignore_ascii_case(b"Content-Length") {
                lengths.push(rules::length(value).expect("a length that is a number"));
            }
        }
        assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "{lengths:?}");
        assert!(fields.len() <= rules::MOST_FIELDS);
    }
}
