/*! Each message of the log advises something, and the advice works: a fault is made, the message comes, its advice is followed to the letter, and the
application answers without a word in the log. `tests/advice.txt` says for every message which trial that is, of this suite or of another one, or why there is
none. *Runs in: tests.* */

mod configuration;
mod deployments;
mod limits;
mod requests;
mod table;

use crate::suite;
use crate::suites::configuration::complaints;
use crate::support::client::Request;
use crate::support::httpd::Httpd;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::response::Response;
use crate::support::site::Site;
use crate::support::workdir::readable;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use complaints::{WORDS, needs_root, plan};

/// The suite.
pub fn suite() -> Suite {
    suite!("advice", configuration, deployments, limits, requests, table).reach(Reach::Once)
}

/// A group that can serve.
const GROUP: &str = "WSGIDaemonProcess shop threads=2 python-home=\"${PYTHON_HOME}\" python-path=\"${APPS}/lib\"";
/// An application in it.
const IN_GROUP: &str = "WSGIScriptAlias / \"${APPS}/where.wsgi\" process-group=shop";
/// The same in embedded mode, and the Python that it needs.
const EMBEDDED: &str = "WSGIScriptAlias / \"${APPS}/where.wsgi\"";
const HOME: &str = "WSGIPythonHome \"${PYTHON_HOME}\"";

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Configtest has `code` to say about `fault`, and nothing about `cure`, with which the application answers.
#[track_caller]
fn at_configtest(setup: &Setup, code: &str, fault: &[&str], cure: &[&str]) {
    let (_, said) = complaints::configtest(setup, &owned(fault));
    let line = said.lines().find(|line| line.contains(code)).unwrap_or_else(|| panic!("{code} is missing: {said}"));
    assert!(line.contains("hint: ") || line.contains("To fix: "), "no advice: {line}");
    complaints::serves(setup, &owned(cure), "/");
}

/// A server with `fault` refuses the request and logs `codes`; one with `cure` answers it, and logs nothing that a trial would have to announce.
#[track_caller]
fn at_request(setup: &Setup, codes: &[&str], fault: &[&str], cure: &[&str], request: &Request) -> Response {
    {
        let server = Httpd::start(setup, &plan(&owned(fault)), "faulty");
        server.announce("re:.");
        let response = Site::new(&server, setup).send(request);
        assert!(response.status >= 400, "{response:?}");
        let site = Site::new(&server, setup);
        expect_advice(&site, codes);
    }
    let server = Httpd::start(setup, &plan(&owned(cure)), "cured");
    Site::new(&server, setup).send(request).expect(200)
}

/// The server's log has each of `codes`, each with its advice.
#[track_caller]
fn expect_advice(site: &Site, codes: &[&str]) -> Vec<String> {
    let found = |code: &str| site.server.whole_log().into_iter().find(|line| line.text.contains(code)).map(|line| line.text);
    let wait = |code: &&str| {
        crate::support::poll::until(crate::support::poll::SOON, || found(code)).unwrap_or_else(|| panic!("the log lacks {code}"))
    };
    codes.iter().map(wait).collect()
}

/// A directory of the trial's, with a script that everybody may read.
struct Scripts(PathBuf);

impl Scripts {
    fn new(setup: &Setup, text: &str) -> Self {
        let directory = setup.run.workdir.server_root("advice").join("scripts");
        fs::create_dir(&directory).unwrap();
        readable(&directory);
        let scripts = Self(directory);
        scripts.write("app.wsgi", text);
        scripts
    }

    /// Puts a file in its place, as deployments do: it is there at every moment.
    fn write(&self, name: &str, text: &str) {
        let new = self.0.join("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        fs::rename(new, self.0.join(name)).unwrap();
    }

    fn path(&self) -> String {
        self.0.join("app.wsgi").display().to_string()
    }

    /// An alias of it, with options, and the right to be asked for.
    fn alias(&self, options: &str) -> String {
        let directory = self.0.display();
        format!("WSGIScriptAlias / \"{}\" {options}\n<Directory \"{directory}\">\nRequire all granted\n</Directory>", self.path())
    }
}

/// An application whose function does what `body` says before it answers.
fn application(body: &str) -> String {
    format!(
        "import os, sys, time\n\n\ndef application(environ, start_response):\n    {body}\n    \
         start_response('200 OK', [('Content-Type', 'text/plain')])\n    return [b'served']\n"
    )
}

/// Does what a line advises: runs its command that begins with `start`, in a shell, as an administrator would.
#[track_caller]
fn follow(line: &str, start: &str) {
    let command = line.split('`').find(|text| text.starts_with(start)).unwrap_or_else(|| panic!("no `{start}`: {line}"));
    let done = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(done.status.success(), "`{command}`: {}", String::from_utf8_lossy(&done.stderr));
}
