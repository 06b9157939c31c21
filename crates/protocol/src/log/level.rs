/*! Log levels, as Apache numbers them (`APLOG_EMERG` to `APLOG_TRACE1`). */

/// A level of Apache's error log. The numbers are those of `http_log.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// `APLOG_CRIT`
    Critical = 2,
    /// `APLOG_ERR`
    Error = 3,
    /// `APLOG_WARNING`
    Warning = 4,
    /// `APLOG_NOTICE`
    Notice = 5,
    /// `APLOG_INFO`
    Info = 6,
    /// `APLOG_DEBUG`
    Debug = 7,
    /// `APLOG_TRACE1`
    Trace = 8,
}

impl Level {
    /// The level for a number from the other side of the boundary; what is not known becomes `Error`, so that it is seen.
    pub const fn from_number(number: i32) -> Self {
        match number {
            2 => Self::Critical,
            4 => Self::Warning,
            5 => Self::Notice,
            6 => Self::Info,
            7 => Self::Debug,
            8 => Self::Trace,
            _ => Self::Error,
        }
    }

    /// The level for a number of Python's `logging` module (50 critical, 40 error, 30 warning, 20 info).
    pub const fn from_python(number: i64) -> Self {
        match number {
            n if n >= 50 => Self::Critical,
            n if n >= 40 => Self::Error,
            n if n >= 30 => Self::Warning,
            n if n >= 20 => Self::Info,
            _ => Self::Debug,
        }
    }

    /// How httpd calls it in a line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "crit",
            Self::Error => "error",
            Self::Warning => "warn",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace1",
        }
    }
}
