/*! Configurations of `mod_wsgi-express setup-server`, as it writes them, with another file in the one `LoadModule` line: they load without a
word and serve. Nothing of mod_wsgi's text is kept here: the program writes them in the trial. */

use crate::suite;
use crate::suites::project::differential;
use crate::support::httpd::{Plan, Prepared};
use crate::support::installation::server_user;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::{certificate, poll, processes};
use registration::trial;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// How long a server may take to answer or to end.
const LIMIT: Duration = Duration::from_secs(60);

/// The suite.
pub fn suite() -> Suite {
    suite!("express").reach(Reach::Once)
}

#[trial]
fn the_configurations_with_sizes_and_limits_serve(setup: &Setup) {
    serve(
        setup,
        &[
            "",
            "--processes 3 --threads 4",
            "--processes 1",
            "--maximum-requests 100 --request-timeout 30 --interrupt-timeout 5 --inactivity-timeout 60 --restart-interval 600 \
             --graceful-timeout 5 --eviction-timeout 5",
            "--queue-timeout 30 --startup-timeout 60 --shutdown-timeout 4 --deadlock-timeout 60 --connect-timeout 30 \
             --socket-timeout 60 --cpu-time-limit 100",
            "--send-buffer-size 8192 --receive-buffer-size 8192 --header-buffer-size 16384 --response-buffer-size 100000 \
             --response-socket-timeout 10 --response-flush-delay 10 --daemon-backlog 50",
            "--switch-interval 0.01 --python-warnings ignore --orphan-interpreter",
        ],
    );
}

#[trial]
fn the_configurations_of_embedded_mode_and_of_https_serve(setup: &Setup) {
    serve(
        setup,
        &[
            "--embedded-mode --threads 1",
            "--embedded-mode --server-mpm prefork",
            "--https-port {OTHER_PORT} --ssl-certificate {CERTIFICATE} --server-name localhost",
            "--https-port {OTHER_PORT} --ssl-certificate {CERTIFICATE} --server-name localhost --https-only --hsts-policy max-age=60",
            "--server-name localhost --server-alias www.example.test --allow-localhost --ignore-activity /health",
        ],
    );
}

#[trial]
fn the_configurations_with_directories_and_names_serve(setup: &Setup) {
    serve(
        setup,
        &[
            "--python-path {ROOT}/files --python-path {ROOT}/htdocs",
            "--url-alias /static {ROOT}/htdocs --document-root {ROOT}/htdocs --directory-index index.html",
            "--include-file {ROOT}/files/included.conf",
            "--setenv LETTER A --process-name express --working-directory {ROOT}/files --callable-object application",
            "--log-to-terminal --log-level info",
            "--service-script tick {ROOT}/files/service.py",
            "--access-log --startup-log",
        ],
    );
}

#[trial]
fn the_configurations_with_handling_of_requests_serve(setup: &Setup) {
    serve(
        setup,
        &[
            "--reload-on-changes",
            "--compress-responses --enable-sendfile",
            "--server-status --server-metrics",
            "--mount-point /app --trust-proxy 127.0.0.1 --trust-proxy-header X-Forwarded-For",
            "--disable-reloading --chunked-request --map-head-to-get OFF --error-override",
            "--with-cgi --add-handler .ext {ROOT}/files/handler.py",
            "--limit-request-body 1000 --header-timeout 20 --body-timeout 20",
        ],
    );
}

/// One after another: a server for each line of options.
fn serve(setup: &Setup, sets: &[&str]) {
    let (theirs, ours) = differential::both(setup);
    // The module that is tried, with the Python that mod_wsgi was built for.
    let module = if setup.is_ours() { &ours.module } else { &theirs.module };
    for options in sets {
        let server = Express::written(&ours, &module.file, options);
        let (accepted, said) = server.control("configtest");
        assert!(accepted, "{options}: {said}");
        let doubts = said.lines().find(|line| line.contains("[wsgi:warn]") || line.contains("[wsgi:error]"));
        assert_eq!(doubts, None, "{options}");
        let (started, said) = server.control("start");
        assert!(started, "{options}: {said}");
        server.answers(options);
    }
}

/// A server that express has made; it is stopped when it goes out of scope.
struct Express {
    files: Prepared,
    directory: PathBuf,
}

impl Express {
    /// Lets the program write the configuration, and puts `module` into it.
    fn written(setup: &Setup, module: &Path, options: &str) -> Self {
        let files = Prepared::new(setup, &Plan::new("complaints.conf").define("OWN_HOME", "1"), "express");
        let directory = files.root.join("x");
        let certificate = certificate::localhost(setup.run.workdir.path());
        // It is named without its endings.
        fs::copy(certificate, files.root.join("files/tls.crt")).unwrap();
        fs::copy(certificate.with_extension("pem.key"), files.root.join("files/tls.key")).unwrap();
        write_files(&files.root.join("files"));
        let options = options
            .replace("{ROOT}", &files.root.display().to_string())
            .replace("{OTHER_PORT}", &files.other_port.to_string())
            .replace("{CERTIFICATE}", &files.root.join("files/tls").display().to_string());
        let mut command = Command::new(setup.home.join("bin/mod_wsgi-express"));
        command.current_dir(files.root.join("files")).arg("setup-server").arg(files.root.join("files/hello.wsgi"));
        command.args(["--host", "127.0.0.1", "--port", &files.port.to_string(), "--locale", "C.UTF-8", "--server-root"]);
        command.arg(&directory).args(options.split_whitespace());
        if let Some((user, _, group, _)) = server_user() {
            command.args(["--user", user, "--group", group]);
        }
        let output = clean(&mut command).output().unwrap();
        assert!(output.status.success(), "{options}: {}", said(&output));
        let config = directory.join("httpd.conf");
        let text = fs::read_to_string(&config).unwrap();
        let is_load = |line: &&str| line.starts_with("LoadModule wsgi_module ");
        assert_eq!(text.lines().filter(is_load).count(), 1, "the one line to change");
        let line = text.lines().find(is_load).unwrap();
        fs::write(&config, text.replace(line, &format!("LoadModule wsgi_module \"{}\"", module.display()))).unwrap();
        Self { files, directory }
    }

    /// Runs its `apachectl`.
    fn control(&self, what: &str) -> (bool, String) {
        let mut command = Command::new("bash");
        command.arg(self.directory.join("apachectl")).arg(what).current_dir("/");
        // What the server keeps open must not be a pipe that is read to its end.
        let console = fs::File::create(self.files.root.join("console.txt")).unwrap();
        let status = clean(&mut command).stdout(console.try_clone().unwrap()).stderr(console).status().unwrap();
        (status.success(), fs::read_to_string(self.files.root.join("console.txt")).unwrap_or_default())
    }

    /// The application answers, over each port that the options name.
    fn answers(&self, options: &str) {
        let path = if options.contains("--mount-point") { "/app/x" } else { "/x" };
        let host = if options.contains("--server-name") { "localhost" } else { "127.0.0.1" };
        let mut urls = vec![format!("http://{host}:{}{path}", self.files.port)];
        if options.contains("--https-port") {
            urls.push(format!("https://{host}:{}{path}", self.files.other_port));
        }
        let mode = if options.contains("--embedded-mode") { "embedded" } else { "daemon" };
        let script_name = if options.contains("--mount-point") { "/app" } else { "" };
        let wanted = format!("express {mode} [{script_name}] [/x]");
        for url in urls {
            let mut last = String::new();
            let there = poll::until(LIMIT, || {
                let arguments = ["--silent", "--insecure", "--location", "--ipv4", "--max-time", "20", "--noproxy", "*"];
                let output = Command::new("curl").args(arguments).arg(&url).output().unwrap();
                last = said(&output);
                last.contains(&wanted).then_some(())
            });
            assert!(there.is_some(), "{options}: {url} gives {last}, not {wanted}\n{}", self.log());
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("error_log")).unwrap_or_default()
    }
}

impl Drop for Express {
    fn drop(&mut self) {
        self.control("stop");
        let left = || processes::mentioning(&self.directory);
        if poll::until(LIMIT, || left().is_empty().then_some(())).is_none() {
            left().into_iter().for_each(processes::Process::kill);
        }
    }
}

fn write_files(directory: &Path) {
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    write(
        "hello.wsgi",
        "def application(environ, start_response):\n    \
             start_response('200 OK', [('Content-Type', 'text/plain')])\n    \
             mode = 'daemon' if environ['mod_wsgi.process_group'] else 'embedded'\n    \
             answer = 'express %s [%s] [%s]' % (mode, environ['SCRIPT_NAME'], environ['PATH_INFO'])\n    \
             return [answer.encode()]\n",
    );
    write("included.conf", "SetEnv INCLUDED yes\n");
    write("service.py", "import time\nwhile True:\n    time.sleep(1)\n");
    write(
        "handler.py",
        "def handle_request(environ, start_response):\n    start_response('204 No Content', [])\n    return []\n",
    );
}

/// Without what belongs to the person who runs the suites.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["PYTHON", "APACHE_", "MOD_WSGI_", "WSGI_", "VIRTUAL_ENV", "LC_", "LANG"].iter().any(|start| text.starts_with(start)) {
            command.env_remove(&name);
        }
    }
    command.env("LC_ALL", "C.UTF-8")
}

fn said(output: &Output) -> String {
    [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat()
}
