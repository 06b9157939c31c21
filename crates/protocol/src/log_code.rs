/*! Every numbered message of the error log: one row each, from which the code, `docs/messages.md` and the tests take it.

As with httpd's `APLOGNO`: a number is never used again, a new context gets a new number, trace lines have none.
Ours begin at WSGI1001 (mod_wsgi's own end below that). Ranges: 1001 configuration, 1050 starting Python, 1100 routing and
admission, 1150 request body and response, 1200 applications, 1250 interpreters and streams, 1300 daemon mode. */

use crate::Level;

/// One numbered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogCode {
    /// The number, shown as `WSGI1001`.
    pub number: u16,
    /// The level at which it is logged.
    pub level: Level,
    /// What a reader of the log sees first, in a few words.
    pub title: &'static str,
    /// Why it happens.
    pub cause: &'static str,
    /// What the server did.
    pub did: &'static str,
    /// What to do about it.
    pub cure: &'static str,
}

impl std::fmt::Display for LogCode {
    /// The code as it stands at the head of a line: `WSGI1001`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WSGI{:04}", self.number)
    }
}

macro_rules! log_codes {
    ($($number:literal $name:ident $level:ident $title:literal cause $cause:literal did $did:literal cure $cure:literal;)+) => {
        $(
            #[doc = $title]
            pub const $name: LogCode = LogCode {
                number: $number, level: Level::$level, title: $title, cause: $cause, did: $did, cure: $cure,
            };
        )+

        /// All messages, in the order of their numbers.
        pub const ALL: &[LogCode] = &[$($name),+];
    };
}

log_codes! {
    1001 PANIC Error "internal error in mod_wsgi_rs"
        cause "A defect of mod_wsgi_rs itself: a part of it panicked. The line names the place."
        did "The request concerned was answered with 500 (or the callback's own way to say no); the server goes on."
        cure "Report the line, with the request that led to it.";
    1200 APPLICATION_EXCEPTION Error "the application raised an exception"
        cause "The application, or the body that it returned, raised the exception whose traceback follows."
        did "500 if nothing had been sent; otherwise the response was cut so that it looks cut."
        cure "Read the traceback: it names the application's file and line.";
}

/// The page `docs/messages.md`, generated from [`ALL`].
pub fn page() -> String {
    let mut out = String::from(
        "# Messages\n\nEvery message of mod_wsgi_rs in Apache's error log that needs somebody's attention carries a code. \
         This page is generated from the table that the code itself uses (`crates/protocol/src/log_code.rs`).\n",
    );
    for code in ALL {
        out.push_str(&format!(
            "\n## {code}: {}\n\n* Level: `{}`\n* Cause: {}\n* What the server did: {}\n* What to do: {}\n",
            code.title,
            format!("{:?}", code.level).to_lowercase(),
            code.cause,
            code.did,
            code.cure
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{ALL, page};

    #[test]
    fn numbers_are_unique_ascending_and_ours() {
        for pair in ALL.windows(2) {
            if let [a, b] = pair {
                assert!(a.number < b.number, "{a} stands before {b}");
            }
        }
        assert!(ALL.iter().all(|c| c.number >= 1001));
    }

    #[test]
    fn every_message_says_cause_and_cure() {
        for code in ALL {
            assert!(!code.cause.is_empty() && !code.did.is_empty() && !code.cure.is_empty(), "{code}");
            assert!(page().contains(&format!("## {code}: ")));
        }
    }
}
