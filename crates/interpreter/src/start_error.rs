/*! Why Python cannot be had: a numbered message with its text, for the log, for configtest and for the 503 of a request. */

use std::sync::Arc;

use protocol::log_code::LogCode;

/// Something that keeps Python from running, said so that it can be mended.
#[derive(Clone, Debug)]
pub struct StartError {
    code: &'static LogCode,
    text: Arc<str>,
}

impl StartError {
    /// `text`: cause first, then the hint in parentheses.
    pub fn new(code: &'static LogCode, text: impl Into<Arc<str>>) -> Self {
        Self { code, text: text.into() }
    }

    /// Its number.
    pub const fn code(&self) -> &'static LogCode {
        self.code
    }

    /// Cause and hint.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
