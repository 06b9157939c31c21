/*! What the chapters' tests share. *Runs in: tests.* */

use crate::config::sample::Sample;
use crate::config::settings::Text;

/// Bytes as settings keep them.
pub fn text(bytes: &str) -> Text {
    bytes.as_bytes().into()
}

/// The refusal of a line: cause and cure.
pub fn refusal(line: &str) -> String {
    Sample::default().read(line).expect_err(line).to_string()
}
