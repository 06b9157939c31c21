/*! Where a run writes: one directory below the system's temporary one, readable by httpd's user, gone at the end.

A checkout may lie in a home that httpd's user cannot enter, so what httpd reads (module, applications, configuration) is copied here. */

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The run's directory; removed on drop unless `KEEP_TEST_FILES` is set.
#[derive(Debug)]
pub struct Workdir {
    root: PathBuf,
}

impl Workdir {
    /// Makes the directory and copies `tests/apps` and `tests/conf` into it.
    pub fn new() -> Self {
        let base = std::env::temp_dir();
        let root = (0..100)
            .map(|n| base.join(format!("mod_wsgi_rs-run-{}-{n}", std::process::id())))
            .find(|path| fs::DirBuilder::new().mode(0o755).create(path).is_ok())
            .unwrap_or_else(|| panic!("no directory could be made in {}", base.display()));
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["apps", "conf"] {
            copy_tree(&sources.join(part), &root.join(part));
        }
        Self { root }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// A fresh directory for one server, with a readable name and the subdirectories that it needs.
    pub fn server_root(&self, name: &str) -> PathBuf {
        let number = unique_number();
        // A socket's path below it has little more than a hundred bytes.
        let plain = name.chars().take(28).map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' });
        let plain: String = plain.collect();
        let path = self.root.join(format!("{number}-{plain}"));
        for part in ["", "logs", "run", "htdocs", "files"] {
            fs::create_dir_all(path.join(part)).unwrap();
        }
        readable(&path);
        path
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        if std::env::var_os("KEEP_TEST_FILES").is_some() {
            eprintln!("kept: {}", self.root.display());
        } else if let Err(error) = fs::remove_dir_all(&self.root) {
            eprintln!("could not remove {}: {error}", self.root.display());
        }
    }
}

/// A number that this run has not used yet, for names.
pub fn unique_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Copies a directory, so that everybody may read the copy.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    readable(to);
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "__pycache__" {
                copy_tree(&entry.path(), &target);
            }
        } else {
            fs::copy(entry.path(), &target).unwrap();
            let program = entry.metadata().unwrap().permissions().mode() & 0o100 != 0;
            fs::set_permissions(&target, fs::Permissions::from_mode(if program { 0o755 } else { 0o644 })).unwrap();
        }
    }
}

/// Lets everybody enter and read a directory, whatever the umask.
pub fn readable(directory: &Path) {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Lets everybody write a file: httpd's user is not the one who runs the suites.
pub fn writable(file: &Path) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
}

/// Lets everybody write into a directory.
pub fn writable_directory(directory: &Path) {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o777)).unwrap();
}
