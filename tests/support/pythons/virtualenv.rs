/*! Virtualenvs with pinned packages from PyPI, made once and kept: the same Python and the same packages give the same directory. */

use super::cache;
use super::find::Python;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;

/// A virtualenv of `python` that has `packages` (as pip takes them, `flask==3.1.2`). Without packages it has no pip either.
pub fn virtualenv(python: &Python, packages: &[&str]) -> Result<PathBuf, String> {
    let mut hasher = DefaultHasher::new();
    (&python.executable, packages).hash(&mut hasher);
    let name = format!("venv-{}-{:016x}", python.version, hasher.finish());
    cache::entry(&name, |target| {
        let mut make = Command::new(&python.executable);
        make.args(["-m", "venv"]).arg(target);
        if packages.is_empty() {
            make.arg("--without-pip");
        }
        succeed(&mut make)?;
        if packages.is_empty() {
            return Ok(());
        }
        let mut install = Command::new(target.join("bin/python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
        succeed(&mut install)
    })
}

fn succeed(command: &mut Command) -> Result<(), String> {
    for name in ["PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"] {
        command.env_remove(name);
    }
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}
