/*! The error for a directive that cannot be accepted: a message with the cause, and what to do.

Both are plain text, so that the parser, httpd's own error message and the tests use the same words.
*Runs in: parent, and in a child for `.htaccess` files.* */

/// Why a directive was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The cause: a lower-case sentence without a full stop (a directive's name keeps its case).
    pub message: String,
    /// What to do, as an imperative sentence: the text after `To fix:`.
    pub fix: String,
}

impl ConfigError {
    /// Creates an error from its cause and what to do about it.
    pub fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { message: message.into(), fix: fix.into() }
    }
}

impl std::fmt::Display for ConfigError {
    /// One line, because Apache escapes line breaks in its own messages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}. To fix: {}", self.message, self.fix)
    }
}

impl std::error::Error for ConfigError {}

/// Returns a value as messages show it: in backquotes, with control characters and invalid UTF-8 escaped.
pub fn quoted(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('`');
    for chunk in value.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                out.extend(character.escape_default());
            } else {
                out.push(character);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('`');
    out
}

#[cfg(test)]
mod tests {
    use super::{ConfigError, quoted};

    #[test]
    fn cause_and_cure_are_on_one_line() {
        let error = ConfigError::new("`x` is not a number", "write 1");
        assert_eq!(error.to_string(), "`x` is not a number. To fix: write 1");
    }

    #[test]
    fn a_value_is_shown_without_control_characters() {
        assert_eq!(quoted(b"caf\xc3\xa9"), "`café`");
        assert_eq!(quoted(b"a\nb\xff"), "`a\\nb\\xff`");
    }
}
