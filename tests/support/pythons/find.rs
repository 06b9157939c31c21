/*! Which Pythons from 3.9 there are: the distribution's, those on the `PATH`, pyenv's. One for each minor version.

An interpreter must run as httpd's user. One whose home is closed to that user is copied to where it can be read. */

use super::relocate;
use crate::support::installation::server_user;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest Python that is supported.
const OLDEST: u32 = 9;

/// An interpreter that httpd's user can run.
#[derive(Clone, Debug)]
pub struct Python {
    /// `3.11`
    pub version: String,
    /// The executable.
    pub executable: PathBuf,
    /// `sys.base_prefix`.
    pub prefix: PathBuf,
    /// Where it was found, if this is a copy.
    pub copied_from: Option<PathBuf>,
}

impl Python {
    /// The `11` of `3.11`.
    pub fn minor(&self) -> u32 {
        self.version.strip_prefix("3.").and_then(|minor| minor.parse().ok()).unwrap_or(0)
    }

    /// Where it is, for the run's first lines.
    pub fn describe(&self) -> String {
        match &self.copied_from {
            Some(origin) => format!("{} (a readable copy of {})", self.executable.display(), origin.display()),
            None => self.executable.display().to_string(),
        }
    }
}

/// What an interpreter says about itself.
#[derive(Clone, Debug)]
struct Candidate {
    minor: u32,
    executable: PathBuf,
    prefix: PathBuf,
}

/// The Pythons that the suites can use, the oldest first.
pub fn find() -> Vec<Python> {
    let mut by_minor: BTreeMap<u32, Candidate> = BTreeMap::new();
    for path in paths() {
        if let Some(candidate) = ask(&path)
            && candidate.minor >= OLDEST
        {
            by_minor.entry(candidate.minor).or_insert(candidate);
        }
    }
    let usable =
        |candidate: &Candidate| usable(candidate).map_err(|why| println!("Python 3.{} is left out: {why}", candidate.minor)).ok();
    by_minor.values().filter_map(usable).collect()
}

fn usable(candidate: &Candidate) -> Result<Python, String> {
    let version = format!("3.{}", candidate.minor);
    if runs_as_server_user(&candidate.executable) {
        let (executable, prefix) = (candidate.executable.clone(), candidate.prefix.clone());
        return Ok(Python { version, executable, prefix, copied_from: None });
    }
    let copy = relocate::copy(&candidate.prefix, &version)?;
    let executable = copy.join(format!("bin/python{version}"));
    if runs_as_server_user(&executable) {
        return Ok(Python { version, executable, prefix: copy, copied_from: Some(candidate.prefix.clone()) });
    }
    Err(format!("{} does not run as httpd's user, nor does its copy in {}", candidate.executable.display(), copy.display()))
}

/// Candidates, the preferred ones first: what a distribution installed comes before what a person did.
fn paths() -> Vec<PathBuf> {
    let mut directories = vec![PathBuf::from("/usr/bin"), PathBuf::from("/usr/local/bin")];
    directories.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).filter(|p| !p.ends_with("shims")));
    let home = std::env::var_os("HOME").map(PathBuf::from);
    if let Some(root) = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| Some(home?.join(".pyenv"))) {
        let mut versions: Vec<PathBuf> = entries(&root.join("versions"));
        versions.sort();
        directories.extend(versions.into_iter().map(|version| version.join("bin")));
    }
    let mut found = Vec::new();
    for directory in directories {
        let mut names: Vec<PathBuf> = entries(&directory).into_iter().filter(|path| is_python(path)).collect();
        names.sort();
        found.extend(names);
    }
    found
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).map(|all| all.filter_map(|entry| Some(entry.ok()?.path())).collect()).unwrap_or_default()
}

fn is_python(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let minor = name.strip_prefix("python3.").is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|c| c.is_ascii_digit()));
    minor || name == "python3"
}

fn ask(path: &Path) -> Option<Candidate> {
    let question = "import sys; print(sys.implementation.name, sys.version_info[1], sys.version_info[3], sys.prefix == sys.base_prefix)\n\
                    print(sys.base_prefix)";
    let output = Command::new(path).args(["-I", "-S", "-c", question]).env_remove("PYTHONHOME").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines();
    let words: Vec<&str> = lines.next()?.split(' ').collect();
    let [name, minor, level, own_prefix] = words[..] else { return None };
    let release = name == "cpython" && level == "final" && own_prefix == "True";
    release.then_some(Candidate { minor: minor.parse().ok()?, executable: path.to_owned(), prefix: lines.next()?.into() })
}

/// Runs `python -c pass` as the user that httpd's children become.
fn runs_as_server_user(executable: &Path) -> bool {
    let mut command = Command::new(executable);
    command.args(["-c", "import venv, ssl"]).env_clear().current_dir("/");
    if let Some((_, uid, _, gid)) = server_user() {
        command.uid(uid).gid(gid);
    }
    command.output().is_ok_and(|output| output.status.success())
}
