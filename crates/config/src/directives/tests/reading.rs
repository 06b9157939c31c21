/*! What the chapters' tests share. *Runs in: tests.* */

use crate::settings::Text;
use crate::test_support::Sample;

/// Bytes as settings keep them.
pub fn text(bytes: &str) -> Text {
    bytes.as_bytes().into()
}

/// The refusal of a line: cause and cure.
pub fn refusal(line: &str) -> String {
    Sample::default().read(line).expect_err(line).to_string()
}
