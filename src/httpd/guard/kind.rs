/*! Which callbacks there are. *Runs in: parent, child.* */

/// The kinds of callbacks, for the log line and for tests that ask one of them to panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Configuration of a directory or a server is made or merged.
    Merge,
    /// A directive.
    Directive,
    /// `pre_config`, `check_config`, `test_config`, `post_config`.
    Configuration,
    /// `child_init`
    ChildInit,
    /// `translate_name`
    Translate,
    /// The handler.
    Handler,
    /// A pool's cleanup.
    Cleanup,
    /// The engine asks for request body.
    Read,
    /// The engine gives status and headers.
    Start,
    /// The engine gives response body.
    Write,
    /// The engine gives a file to send.
    SendFile,
    /// A filter reads a file that is sent.
    FileRead,
    /// The filter for files.
    FileFilter,
    /// The engine logs.
    Log,
    /// The engine asks for the scoreboard.
    Scoreboard,
}

impl Kind {
    /// Its name in log lines and for tests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Directive => "directive",
            Self::Configuration => "configuration",
            Self::ChildInit => "child_init",
            Self::Translate => "translate",
            Self::Handler => "handler",
            Self::Cleanup => "cleanup",
            Self::Read => "read",
            Self::Start => "start",
            Self::Write => "write",
            Self::SendFile => "send_file",
            Self::FileRead => "file_read",
            Self::FileFilter => "file_filter",
            Self::Log => "log",
            Self::Scoreboard => "scoreboard",
        }
    }
}
