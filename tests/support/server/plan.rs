/*! What a server is to be, and its files: the configuration of a suite is a file of `tests/conf`; what differs from run to run
(directories, ports, Python, MPM, mode) reaches it as `Define`s. */

use crate::support::installation::server_user;
use crate::support::matrix::Setup;
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

/// Modules that every server has besides the MPM and the one under test.
const MODULES: [&str; 6] = ["authz_core", "mime", "env", "alias", "dir", "headers"];

/// What a server is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    conf: String,
    modules: Vec<&'static str>,
    defines: Vec<(String, String)>,
    extra: String,
    /// Patterns of what the server will log outside of any trial.
    pub announced: Vec<&'static str>,
    environment: Vec<(&'static str, &'static str)>,
    /// What httpd is started with.
    pub flags: Vec<&'static str>,
    bare: bool,
    user: Option<(u32, u32)>,
    certificate: bool,
    /// httpd's `/dev/log` is a socket of the trial's, whose lines go to `logs/syslog.log`.
    pub syslog: bool,
}

impl Plan {
    /// A server with the configuration `tests/conf/<conf>`.
    pub fn new(conf: &str) -> Self {
        Self {
            conf: conf.to_owned(),
            modules: Vec::new(),
            defines: Vec::new(),
            extra: String::new(),
            announced: Vec::new(),
            environment: Vec::new(),
            flags: vec!["-DFOREGROUND"],
            bare: false,
            user: None,
            certificate: false,
            syslog: false,
        }
    }

    /// Gives httpd a `/dev/log` of its own, in a mount namespace of its own. Only root can.
    #[must_use]
    pub const fn with_syslog(mut self) -> Self {
        self.syslog = true;
        self
    }

    /// Loads further modules of Apache.
    #[must_use]
    pub fn modules(mut self, names: &[&'static str]) -> Self {
        self.modules.extend(names);
        self
    }

    /// Sets `${name}` for the configuration; it may be tested with `<IfDefine name>`.
    #[must_use]
    pub fn define(mut self, name: &str, value: impl Into<String>) -> Self {
        self.defines.push((name.to_owned(), value.into()));
        self
    }

    /// Starts httpd with another flag than `-DFOREGROUND`.
    #[must_use]
    pub fn flag(mut self, flag: &'static str) -> Self {
        self.flags = vec![flag];
        self
    }

    /// Makes a certificate and names it by `${CERTIFICATE}`.
    #[must_use]
    pub const fn certificate(mut self) -> Self {
        self.certificate = true;
        self
    }

    /// Starts httpd without the module under test, as a floor to compare with.
    #[must_use]
    pub const fn without_the_module(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Starts httpd as an ordinary user, who then owns the server's directory.
    #[must_use]
    pub const fn run_by(mut self, uid: u32, gid: u32) -> Self {
        self.user = Some((uid, gid));
        self
    }

    /// Sets a variable in httpd's environment.
    #[must_use]
    pub fn environment(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Announces what the server will log outside of any trial: at its start or its end.
    #[must_use]
    pub fn announce(mut self, pattern: &'static str) -> Self {
        self.announced.push(pattern);
        self
    }

    /// Adds lines behind the file: what a trial varies.
    #[must_use]
    pub fn line(mut self, text: &str) -> Self {
        writeln!(self.extra, "{text}").expect("a string takes it");
        self
    }
}

/// The files of one server: everything but the process.
#[derive(Debug)]
pub struct Prepared {
    /// The server's directory.
    pub root: PathBuf,
    /// The port that its configuration names.
    pub port: u16,
    /// A second one, for TLS or another virtual host.
    pub other_port: u16,
    /// Its configuration file.
    pub config: PathBuf,
    /// httpd's executable.
    pub program: PathBuf,
    /// What its environment has besides the caller's.
    pub environment: Vec<(&'static str, &'static str)>,
    /// Who runs it, if it is not whoever runs the suites.
    pub user: Option<(u32, u32)>,
    /// It gets a `/dev` of its own, with a `/dev/log` that is the socket `dev-log` of its directory.
    pub syslog: bool,
}

/// Executes the arguments with a `/dev` of their own, whose `log` is the socket that `LOG` names.
const WITH_SYSLOG: &str = "set -e; mkdir \"$LOG-dev\"; mount -t tmpfs tmpfs \"$LOG-dev\"; cd \"$LOG-dev\"
for name in null zero full random urandom; do touch $name; mount --bind /dev/$name $name; done
touch log; mount --bind \"$LOG\" log; ln -s /proc/self/fd fd; cd /; mount --rbind \"$LOG-dev\" /dev
unset LOG; exec \"$@\"";

impl Prepared {
    /// Writes the configuration of `plan`.
    pub fn new(setup: &Setup, plan: &Plan, name: &str) -> Self {
        let run = &setup.run;
        let root = run.workdir.server_root(name);
        let (port, other_port) = (free_port(), free_port());
        let mut text = String::new();
        let mut define = |name: &str, value: &str| writeln!(text, "Define {name} \"{value}\"").expect("a string takes it");
        define("ROOT", &root.display().to_string());
        define("PORT", &port.to_string());
        define("OTHER_PORT", &other_port.to_string());
        define("APPS", &run.workdir.path().join("apps").display().to_string());
        define("CONF", &run.workdir.path().join("conf").display().to_string());
        define("PYTHON_HOME", &setup.home.display().to_string());
        define("PYTHON_VERSION", &setup.python.version);
        define(setup.mpm.define(), "1");
        define(setup.mode.define(), "1");
        if !setup.is_ours() {
            define("MOD_WSGI", "1");
        }
        if let Some((user, _, group, _)) = server_user().filter(|_| plan.user.is_none()) {
            define("USER", user);
            define("GROUP", group);
        }
        if plan.certificate {
            define("CERTIFICATE", &crate::support::certificate::localhost(run.workdir.path()).display().to_string());
        }
        for (name, value) in &plan.defines {
            define(name, value);
        }
        let mut names = vec![setup.mpm.module()];
        names.extend(MODULES);
        names.extend(&plan.modules);
        text.push_str(&run.installation.load_lines(&names));
        if !plan.bare {
            writeln!(text, "LoadModule wsgi_module \"{}\"", setup.module.file.display()).expect("a string takes it");
        }
        text.push_str("Include \"${CONF}/base.conf\"\n");
        writeln!(text, "Include \"${{CONF}}/{}\"", plan.conf).expect("a string takes it");
        text.push_str(&plan.extra);
        let config = root.join("httpd.conf");
        fs::write(&config, text).unwrap();
        if let Some((uid, gid)) = plan.user {
            for part in ["", "logs", "run", "htdocs", "files"] {
                std::os::unix::fs::chown(root.join(part), Some(uid), Some(gid)).unwrap();
            }
        }
        let program = run.installation.program.clone();
        let (environment, user, syslog) = (plan.environment.clone(), plan.user, plan.syslog);
        Self { root, port, other_port, config, program, environment, user, syslog }
    }

    /// The command that runs httpd on this configuration.
    pub fn command(&self) -> Command {
        let mut command = if self.syslog {
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", WITH_SYSLOG, "sh"]).arg(&self.program).env("LOG", self.root.join("dev-log"));
            command
        } else {
            Command::new(&self.program)
        };
        command.arg("-d").arg(&self.root).arg("-f").arg(&self.config).stdin(Stdio::null());
        // As service managers start it: where the suites run from may be closed to Apache's user.
        command.current_dir("/");
        for (name, _) in std::env::vars_os() {
            // Whoever runs the suites may live in a virtualenv or have Apache's variables set: none of that is part of a trial.
            if name.to_string_lossy().starts_with("PYTHON")
                || name.to_string_lossy().starts_with("APACHE_")
                || name == "VIRTUAL_ENV"
            {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.iter().copied());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Runs `httpd -t`: did it accept the configuration, and what did it say?
    pub fn configtest(&self) -> (bool, String) {
        let output = self.command().arg("-t").output().unwrap();
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        (output.status.success(), said)
    }
}

/// A port on which nobody listens, below the range from which the kernel takes those of outgoing connections.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (0..2000)
        .map(|_| 20_000 + (start - 20_000 + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}
