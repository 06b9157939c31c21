/*! What `make install` leaves: files in the right places, a module that serves from there, a configuration that is accepted line by
line, and nobody's own file overwritten. */

use crate::suite;
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::module_under_test::{Module, build_directory};
use crate::support::site::Site;
use crate::support::workdir::unique_number;
use regex::Regex;
use registration::trial;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const WHY: &str = "it is installed by its own means";

/// The suite.
pub fn suite() -> Suite {
    suite!("install").reach(Reach::Once)
}

/// A directory into which `apxs/install.sh` installs.
struct Stage(PathBuf);

impl Stage {
    fn new(setup: &Setup) -> Self {
        let path = setup.run.workdir.path().join(format!("stage-{}", unique_number()));
        fs::create_dir(&path).unwrap();
        let stage = Self(path);
        stage.run("install");
        stage
    }

    /// Runs the script, and gives what it said.
    fn run(&self, what: &str) -> String {
        self.run_with_umask(what, "022")
    }

    fn run_with_umask(&self, what: &str, umask: &str) -> String {
        let mut command = Command::new("sh");
        command.args(["-c", "umask $1 && exec \"$2\" \"$3\"", "sh", umask]).arg(checkout().join("apxs/install.sh"));
        command.arg(what).env("DESTDIR", &self.0).env("BUILD", build_directory());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        said
    }

    /// All files, without the stage's own path.
    fn files(&self) -> Vec<String> {
        fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        walk(&self.0, &mut found);
        let mut names: Vec<String> =
            found.iter().map(|path| format!("/{}", path.strip_prefix(&self.0).unwrap().display())).collect();
        names.sort();
        names
    }

    /// The file whose name matches.
    #[track_caller]
    fn file(&self, pattern: &str) -> PathBuf {
        let wanted = Regex::new(pattern).unwrap();
        let files = self.files();
        let found = files.iter().find(|name| wanted.is_match(name)).unwrap_or_else(|| panic!("no {pattern} in {files:?}"));
        self.0.join(&found[1..])
    }

    fn load_file(&self) -> PathBuf {
        self.file(r"/(mod_wsgi_rs\.load|10-mod_wsgi_rs\.conf|mod_wsgi_rs-load\.conf)$")
    }
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[trial(differs(WHY))]
fn the_installed_module_finds_its_engine(setup: &Setup) {
    let stage = Stage::new(setup);
    let file = stage.file("/mod_wsgi_rs.so$");
    assert!(!file.with_file_name("mod_wsgi_rs_engine.so").exists(), "the engine lies in a directory of its own");
    let installed = Setup { module: Arc::new(Module { file, linked_to: None }), ..setup.clone() };
    let server = Httpd::start(&installed, &Plan::new("install.conf"), "installed");
    let site = Site::new(&server, setup);
    assert!(site.get("/where.json").ok().contains("embedded in an Apache child"));
    let mapped = fs::read_to_string(format!("/proc/{}/maps", server.children()[0].pid)).unwrap();
    let engine = stage.file("/mod_wsgi_rs/mod_wsgi_rs_engine.so$").canonicalize().unwrap();
    assert!(mapped.contains(&engine.display().to_string()), "another engine was loaded: {mapped}");
}

#[trial(differs(WHY))]
fn the_load_line_names_the_installed_module(setup: &Setup) {
    let stage = Stage::new(setup);
    let text = fs::read_to_string(stage.load_file()).unwrap();
    let line = text.lines().find(|line| line.starts_with("LoadModule")).unwrap_or_else(|| panic!("no LoadModule in {text}"));
    let path = line.strip_prefix("LoadModule wsgi_module ").unwrap_or_else(|| panic!("{line}"));
    assert_eq!(Path::new(path), setup.run.installation.modules.join("mod_wsgi_rs.so"));
    assert!(stage.files().iter().any(|name| name == path), "{path} is not among {:?}", stage.files());
}

#[trial(differs(WHY))]
fn every_directive_of_wsgi_conf_is_accepted(setup: &Setup) {
    let stage = Stage::new(setup);
    let commented = Regex::new(r"(?m)^( *)#(\s*(?:WSGI|Alias|Require|<)[^\n]*)$").unwrap();
    let text = fs::read_to_string(stage.file(r"/mod_wsgi_rs\.conf$")).unwrap();
    let active = commented.replace_all(&text, "$1$2").into_owned();
    let count = active.lines().filter(|line| line.trim_start().starts_with("WSGI")).count();
    assert!(count > 10 && !active.contains("#WSGI"), "{count} directives were found in {active}");
    let path = stage.0.join("active.conf");
    fs::write(&path, active).unwrap();
    for (name, file) in [("as installed", stage.file(r"/mod_wsgi_rs\.conf$")), ("with every line active", path)] {
        let plan = Plan::new("nothing.conf").line(&format!("Include \"{}\"", file.display()));
        let (accepted, said) = Prepared::new(setup, &plan, "wsgi-conf").configtest();
        assert!(accepted, "wsgi.conf {name}: {said}");
    }
}

#[trial(differs(WHY))]
fn a_changed_file_is_kept(setup: &Setup) {
    let stage = Stage::new(setup);
    let load = stage.load_file();
    fs::write(&load, "# the administrator's own\n").unwrap();
    let said = stage.run("install");
    assert!(said.contains("left as found") && said.contains("must say: LoadModule wsgi_module"), "{said}");
    assert_eq!(fs::read_to_string(&load).unwrap(), "# the administrator's own\n");
    assert!(fs::read_to_string(stage.file(r"\.new$")).unwrap().contains("LoadModule wsgi_module"));
    // Who has said so already is not told again.
    let line = format!("LoadModule wsgi_module {}\n", setup.run.installation.modules.join("mod_wsgi_rs.so").display());
    fs::write(&load, line).unwrap();
    let said = stage.run("install");
    assert!(said.contains("left as found") && !said.contains("must say"), "{said}");
    stage.run("uninstall");
    assert_eq!(stage.files(), [format!("/{}", load.strip_prefix(&stage.0).unwrap().display())]);
}

#[trial(differs(WHY))]
fn uninstalling_takes_everything_back(setup: &Setup) {
    let stage = Stage::new(setup);
    // Twice the same is no change to keep.
    assert!(!stage.run("install").contains("left as found"));
    let files = stage.files();
    for name in ["/mod_wsgi_rs.so", "/mod_wsgi_rs/mod_wsgi_rs_engine.so", "/mod_wsgi_rs/wsgi-supervisor", "/mod_wsgi_rs.conf"] {
        assert!(files.iter().any(|file| file.ends_with(name)), "{files:?} lacks {name}");
    }
    assert_eq!(files.len(), 5, "{files:?}");
    stage.run("uninstall");
    assert_eq!(stage.files(), Vec::<String>::new());
}

#[trial(differs(WHY))]
fn a_strict_umask_closes_nothing(setup: &Setup) {
    let path = setup.run.workdir.path().join(format!("stage-{}", unique_number()));
    fs::create_dir(&path).unwrap();
    let stage = Stage(path);
    stage.run_with_umask("install", "077");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    for name in stage.files() {
        let file = stage.0.join(&name[1..]);
        assert_eq!(mode(&file), if name.ends_with("/wsgi-supervisor") { 0o755 } else { 0o644 }, "{name}");
        for directory in file.ancestors().skip(1).take_while(|directory| *directory != stage.0) {
            assert_eq!(mode(directory), 0o755, "{}", directory.display());
        }
    }
}

/// `apt purge libapache2-mod-wsgi-py3` deletes its own files, which carry these names.
#[trial(differs(WHY))]
fn nothing_of_mod_wsgis_package_is_touched(setup: &Setup) {
    let stage = Stage::new(setup);
    let load = stage.load_file();
    for name in ["wsgi.load", "wsgi.conf", "10-wsgi-python3.conf"] {
        fs::write(load.with_file_name(name), "# of the package\n").unwrap();
    }
    stage.run("install");
    for name in ["wsgi.load", "wsgi.conf", "10-wsgi-python3.conf"] {
        let theirs = load.with_file_name(name);
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "# of the package\n");
        fs::remove_file(theirs).unwrap();
    }
    assert!(fs::read_to_string(&load).unwrap().contains("LoadModule wsgi_module"), "ours stays when theirs go");
    stage.run("uninstall");
    assert_eq!(stage.files(), Vec::<String>::new());
}
