/*! curl, for what the plain client does not speak: TLS and HTTP/2. */

use crate::support::client::PATIENCE;
use std::path::Path;
use std::process::Command;

/// What curl reported.
#[derive(Debug)]
pub struct Fetched {
    /// curl's own exit status: 0, or what went wrong (18: cut, 92: stream reset).
    pub exit: i32,
    /// `1.1`, `2`
    pub version: String,
    /// The status of the final response.
    pub status: u16,
    /// Status lines and headers of all responses.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Fetched {
    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body should be UTF-8")
    }

    /// Asserts success and gives the text.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!((self.exit, self.status), (0, 200), "{self:?}");
        self.text()
    }
}

/// Runs curl with `arguments` on `url`; scratch files go into `directory`.
#[track_caller]
pub fn fetch(directory: &Path, arguments: &[&str], url: &str) -> Fetched {
    let number = crate::support::workdir::unique_number();
    let (head, body) = (directory.join(format!("curl-{number}.head")), directory.join(format!("curl-{number}.body")));
    let output = Command::new("curl")
        .args(["--silent", "--insecure", "--noproxy", "*", "--max-time", &PATIENCE.as_secs().to_string()])
        .arg("--dump-header")
        .arg(&head)
        .arg("--output")
        .arg(&body)
        .args(["--write-out", "%{http_version} %{http_code}"])
        .args(arguments)
        .arg(url)
        .output()
        .expect("curl should be installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (version, status) = said.split_once(' ').unwrap_or_default();
    Fetched {
        exit: output.status.code().unwrap_or(-1),
        version: version.to_owned(),
        status: status.parse().unwrap_or(0),
        head: String::from_utf8_lossy(&std::fs::read(head).unwrap_or_default()).into_owned(),
        body: std::fs::read(body).unwrap_or_default(),
    }
}
