/*! What is said when a directive cannot be accepted: a message that names the cause, and a hint that names the cure.

Both are plain text, so that the parser that finds the mistake, Apache's own error line and a test see the same words.
*Runs in: parent, and in a child for `.htaccess` files.* */

/// Why a directive was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The cause: a lower-case sentence without a full stop (a directive's name keeps its case).
    pub message: String,
    /// The cure: what to write instead.
    pub hint: String,
}

impl ConfigError {
    /// A refusal with its cause and its cure.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl std::fmt::Display for ConfigError {
    /// One line, because Apache escapes line breaks in its own messages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (hint: {})", self.message, self.hint)
    }
}

impl std::error::Error for ConfigError {}

/// A value as it stands in a message: between backticks, what is not UTF-8 or is a control character escaped.
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
    fn cause_and_cure_stand_on_one_line() {
        let error = ConfigError::new("`x` is not a number", "write 1");
        assert_eq!(error.to_string(), "`x` is not a number (hint: write 1)");
    }

    #[test]
    fn a_value_is_shown_without_control_characters() {
        assert_eq!(quoted(b"caf\xc3\xa9"), "`café`");
        assert_eq!(quoted(b"a\nb\xff"), "`a\\nb\\xff`");
    }
}
