/*! Status lines and headers. What passes must be harmless on the wire, by rules written down here a second time and in another way. */

use protocol::field;

/// The bytes as a status line, as a name and as a value.
pub fn header_fields(bytes: &[u8]) {
    let harmless = |text: &[u8]| text.iter().all(|c| *c == b'\t' || (*c >= 0x20 && *c != 0x7f));
    match field::status(bytes) {
        Ok((number, reason)) => {
            assert!((100..=999).contains(&number));
            assert!(harmless(reason) && !reason.contains(&b'\t'));
            let digits = number.to_string();
            assert_eq!(&bytes[..3], digits.as_bytes());
            assert!(bytes.len() == 3 || (bytes[3] == b' ' && bytes[4..] == *reason));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match field::name(bytes) {
        Ok(()) => {
            assert!(!bytes.is_empty());
            assert!(!bytes.iter().any(|c| *c <= 0x20 || *c >= 0x7f || b"\"(),/:;<=>?@[\\]{}".contains(c)));
            let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
            assert!(!["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"].contains(&&*text));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match field::value(bytes) {
        Ok(()) => assert!(harmless(bytes)),
        Err(error) => {
            assert!(!harmless(bytes), "{error}");
            assert!(!error.to_string().is_empty());
        }
    }
}
