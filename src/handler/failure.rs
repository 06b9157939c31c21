/*! Who gets which status, and what the log says: section 5.8 of the behaviour reference and decision 34, as one table.

*Runs in: child.* */

use mod_wsgi_rs_protocol::log_code::LogCode;

/// Why a request is not answered by the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure<'a> { 
    ScriptMissing(&'a [u8]),
    ScriptIsDirectory(&'a [u8]),
    ExecCgiOff(&'a [u8]),
    PathInfoRefused(&'a [u8]),
    ScriptUnreadable(&'a [u8]),
    TransferEncoding(&'a [u8]),
    ChunkedRefused,
    ContentLengthMalformed(&'a [u8]),
    BodyTooLarge { length: u64, limit: u64 },
    EmbeddedRestricted,
    ProcessGroupUndefined(&'a [u8]),
    PythonUnavailable(&'a str),
    ApplicationFailed, TooManyInterpreters...
}

impl Failure<'_> {
    pub fn status(&self) -> u16;
    pub fn code(&self) -> LogCode;
    pub fn message(&self) -> String;   // whole line, with code
}
