/*! The directory for what is expensive to make: copies of Pythons, virtualenvs, the built mod_wsgi.

It lies below `/var/tmp`, because httpd's user must be able to read it (a checkout in a home may be closed to it). It belongs to the
user who runs the suites, and a directory that belongs to anybody else is refused. Runs at the same time wait for each other. */

use crate::support::workdir::readable;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The cache directory, made if it is missing.
pub fn directory() -> Result<PathBuf, String> {
    let uid = rustix::process::geteuid().as_raw();
    let path = PathBuf::from(format!("/var/tmp/mod_wsgi_rs-tests-{uid}"));
    if let Err(error) = fs::create_dir(&path)
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        return Err(format!("{}: {error}", path.display()));
    }
    let found = fs::symlink_metadata(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    if !found.is_dir() || found.uid() != uid {
        return Err(format!("{} belongs to somebody else: remove it", path.display()));
    }
    readable(&path);
    Ok(path)
}

/// Makes the entry `name` of the cache with `make`, unless it is there. A half-made one is never seen: it gets its name last.
pub fn entry(name: &str, make: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let directory = directory()?;
    let path = directory.join(name);
    let marker = directory.join(format!("{name}.complete"));
    let lock = File::create(directory.join(format!("{name}.lock"))).map_err(|e| e.to_string())?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(|e| e.to_string())?;
    if marker.exists() && path.exists() {
        return Ok(path);
    }
    if path.exists() {
        fs::remove_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    make(&path)?;
    fs::write(&marker, "").map_err(|e| e.to_string())?;
    Ok(path)
}
