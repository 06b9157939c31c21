/*! A running server as a trial sees it: requests, and the part of the error log that belongs to the trial. */

use crate::support::client::{Client, Request};
use crate::support::error_log::{Announced, Line, Position, pattern};
use crate::support::httpd::Httpd;
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::response::Response;
use std::path::PathBuf;
use std::sync::Mutex;

/// One trial's view of a server.
#[derive(Debug)]
pub struct Site<'s> {
    /// The server.
    pub server: &'s Httpd,
    /// The combination that it stands for.
    pub setup: &'s Setup,
    from: Position,
    announced: Mutex<Vec<Announced>>,
}

impl<'s> Site<'s> {
    /// A view that begins now.
    pub fn new(server: &'s Httpd, setup: &'s Setup) -> Self {
        Self { server, setup, from: server.logs().end(), announced: Mutex::default() }
    }

    /// A new connection.
    #[track_caller]
    pub fn connect(&self) -> Client {
        Client::connect(self.server.files.port).expect("httpd should accept a connection")
    }

    /// Sends a request on a connection of its own, and reads the response.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Response {
        let request = request.clone().header("Connection", "close");
        self.connect().exchange(&request).unwrap_or_else(|error| panic!("no response to {request:?}: {error}"))
    }

    /// A GET.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.send(&Request::get(target))
    }

    /// A POST.
    #[track_caller]
    pub fn post(&self, target: &str, body: impl Into<Vec<u8>>) -> Response {
        self.send(&Request::post(target, body))
    }

    /// A path inside the server's directory.
    pub fn path(&self, part: &str) -> PathBuf {
        self.server.files.root.join(part)
    }

    /// What was logged since the trial began.
    pub fn log(&self) -> Vec<Line> {
        self.server.logs().since(&self.from)
    }

    /// Waits until a line that matches stands in the log, announces all such lines, and gives the first.
    /// `text` is taken literally unless it begins with `re:`.
    #[track_caller]
    pub fn expect_log(&self, text: &str) -> Line {
        let wanted = pattern(text);
        let found = poll::until(poll::SOON, || self.log().into_iter().find(|line| wanted.is_match(&line.text)));
        self.announced.lock().unwrap().push(Announced::Line(wanted));
        found.unwrap_or_else(|| panic!("the error log lacks `{text}`"))
    }

    /// Waits for a traceback that ends with `last_line`, and announces all of its lines.
    #[track_caller]
    pub fn expect_traceback(&self, last_line: &str) -> Line {
        self.announced.lock().unwrap().push(Announced::Traceback);
        self.expect_log("Traceback (most recent call last):");
        self.expect_log(last_line)
    }

    /// Announces lines that may come, and need not.
    pub fn allow_log(&self, text: &str) {
        self.announced.lock().unwrap().push(Announced::Line(pattern(text)));
    }

    /// Allows tracebacks.
    pub fn allow_tracebacks(&self) {
        self.announced.lock().unwrap().push(Announced::Traceback);
    }

    /// Asserts that no line of this trial matches.
    #[track_caller]
    pub fn log_lacks(&self, text: &str) {
        let unwanted = pattern(text);
        if let Some(line) = self.log().into_iter().find(|line| unwanted.is_match(&line.text)) {
            panic!("the error log should not have `{text}`, but has: {}", line.text);
        }
    }

    /// What somebody who looks at a failure of this trial wants to see.
    pub fn report(&self) -> String {
        self.server.report(&self.from)
    }

    /// Ends the trial: is there trouble in the log that nobody announced?
    pub fn settle(&self) -> Result<(), String> {
        self.server.judge(&self.announced.lock().unwrap())
    }
}
