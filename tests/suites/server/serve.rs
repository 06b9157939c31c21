/*! `make serve`, from its script on: it serves, says what is wrong in a sentence, and leaves nothing behind. */

use crate::suite;
use crate::support::client::{Client, Request};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::processes::{self, Process, send};
use crate::support::workdir::{readable, unique_number};
use registration::trial;
use rustix::process::Signal;
use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const WHY: &str = "it is served by its own means";

/// The suite.
pub fn suite() -> Suite {
    suite!("serve").reach(Reach::Once)
}

/// One run of `apxs/serve.sh`.
struct Serve {
    child: Child,
    directory: PathBuf,
    port: u16,
}

impl Serve {
    fn start(setup: &Setup, port: u16, settings: &[(&str, &str)]) -> Self {
        let directory = setup.run.workdir.path().join(format!("serve-{}", unique_number()));
        fs::create_dir_all(directory.join("tmp")).unwrap();
        readable(&directory);
        readable(&directory.join("tmp"));
        let output = fs::File::create(directory.join("output")).unwrap();
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../apxs/serve.sh"));
        for name in ["APP", "PYTHON", "HOST"] {
            command.env_remove(name);
        }
        command.env("TMPDIR", directory.join("tmp")).env("PORT", port.to_string());
        command.env("BUILD", setup.module.file.parent().unwrap()).envs(settings.iter().copied());
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output).process_group(0);
        Self { child: command.spawn().unwrap(), directory, port }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.directory.join("output")).unwrap()
    }

    /// Waits for the line that says how to stop it.
    #[track_caller]
    fn runs(mut self) -> Self {
        let found = poll::until(Duration::from_secs(20), || match self.child.try_wait().unwrap() {
            Some(status) => Some(Err(status)),
            None => self.said().contains("Ctrl-C stops it").then_some(Ok(())),
        });
        assert!(matches!(found, Some(Ok(()))), "it did not start ({found:?}): {}", self.said());
        self
    }

    #[track_caller]
    fn get(&self, target: &str) -> String {
        Client::connect(self.port).unwrap().exchange(&Request::get(target).header("Connection", "close")).unwrap().ok()
    }

    /// Stops it as `kill` does; everything of it must be gone.
    #[track_caller]
    fn stop(mut self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let family = processes::descendants(pid);
        send(pid, Signal::TERM);
        let status = poll::until(Duration::from_secs(20), || self.child.try_wait().unwrap());
        assert!(status.is_some_and(|status| status.success()), "it ended with {status:?}: {}", self.said());
        let left: Vec<&Process> = family.iter().filter(|process| process.runs()).collect();
        assert!(left.is_empty(), "still running: {left:?}");
        assert_eq!(fs::read_dir(self.directory.join("tmp")).unwrap().count(), 0, "the temporary directory was left");
    }

    /// It must refuse to start, saying this.
    #[track_caller]
    fn refuses(mut self, words: &[&str]) {
        let status = poll::until(Duration::from_secs(20), || self.child.try_wait().unwrap());
        assert!(status.is_some_and(|status| status.code() == Some(1)), "it ended with {status:?}: {}", self.said());
        for word in words {
            assert!(self.said().contains(word), "{word:?} is missing in {}", self.said());
        }
        assert_eq!(fs::read_dir(self.directory.join("tmp")).unwrap().count(), 0, "the temporary directory was left");
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // A failing trial must not leave a server behind; one that has ended is left alone.
        if matches!(self.child.try_wait(), Ok(None)) {
            for process in processes::descendants(i32::try_from(self.child.id()).unwrap()) {
                process.kill();
            }
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[trial(differs(WHY))]
fn the_example_is_served_until_it_is_stopped(setup: &Setup) {
    let serve = Serve::start(setup, free_port(), &[]).runs();
    assert!(serve.get("/where.json").contains("embedded in an Apache child"));
    assert!(serve.get("/").contains("<h1>mod"));
    poll::wait_for("the access log", || serve.said().contains("\"GET / HTTP/1.1\" 200"));
    serve.stop();
}

#[trial(differs(WHY))]
fn an_application_in_a_package_finds_its_modules(setup: &Setup) {
    let directory = setup.run.workdir.path().join(format!("site {}", unique_number()));
    fs::create_dir_all(directory.join("shop")).unwrap();
    readable(&directory);
    readable(&directory.join("shop"));
    fs::write(directory.join("shop/__init__.py"), "name = 'the shop'\n").unwrap();
    let script = "import shop, sys\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    \
                  return [('%s in %s' % (shop.name, sys.prefix)).encode()]\n";
    fs::write(directory.join("shop/wsgi.py"), script).unwrap();
    let app = directory.join("shop/wsgi.py");
    let settings = [("APP", app.to_str().unwrap()), ("PYTHON", setup.home.to_str().unwrap())];
    let serve = Serve::start(setup, free_port(), &settings).runs();
    assert_eq!(serve.get("/"), format!("the shop in {}", setup.home.display()));
    serve.stop();
}

#[trial(differs(WHY))]
fn a_port_in_use_is_said(setup: &Setup) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (said, cure) = (format!("port {port} of 127.0.0.1 is in use"), format!("make serve PORT={}", u32::from(port) + 1));
    Serve::start(setup, port, &[]).refuses(&[&said, &cure]);
}

#[trial(differs(WHY))]
fn a_missing_application_is_said(setup: &Setup) {
    let app = [("APP", "/nowhere/app.wsgi")];
    Serve::start(setup, free_port(), &app).refuses(&["APP does not exist: /nowhere/app.wsgi", "make serve APP="]);
}

#[trial(differs(WHY))]
fn a_python_that_is_none_is_said(setup: &Setup) {
    let python = [("PYTHON", "/nowhere/venv")];
    Serve::start(setup, free_port(), &python).refuses(&["PYTHON does not exist: /nowhere/venv", "-m venv /nowhere/venv"]);
    let python = [("PYTHON", "/proc")];
    Serve::start(setup, free_port(), &python).refuses(&["there is no interpreter in /proc/bin"]);
}

#[trial(differs(WHY))]
fn an_unreadable_application_is_said(setup: &Setup) {
    use std::os::unix::fs::PermissionsExt;
    if !rustix::process::geteuid().is_root() {
        return; // the server has this user's own rights then, and nothing is closed to it
    }
    let directory = setup.run.workdir.path().join(format!("closed-{}", unique_number()));
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("app.wsgi"), "").unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
    let app = directory.join("app.wsgi");
    let said = format!("ends at {}", directory.display());
    Serve::start(setup, free_port(), &[("APP", app.to_str().unwrap())]).refuses(&["APP cannot be read by the user", &said]);
}
