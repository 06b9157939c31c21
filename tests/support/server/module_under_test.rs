/*! The built module that the suites load: `build/mod_wsgi_rs.so`, or what `MODULE_UNDER_TEST` names.

mod_wsgi itself can stand there too: that is how a suite is checked against the behaviour that users rely on. A mod_wsgi is bound
to one Python by its link, which decides which Pythons take part. */

use crate::support::workdir::readable;
use regex::bytes::Regex;
use std::fs;
use std::path::{Path, PathBuf};

/// A module file, copied with its companions to where httpd's user can read it.
#[derive(Clone, Debug)]
pub struct Module {
    /// The copy that httpd loads.
    pub file: PathBuf,
    /// `Some("3.11")` for a mod_wsgi, which is linked to that Python; `None` for ours.
    pub linked_to: Option<String>,
}

impl Module {
    /// Is it mod_wsgi_rs?
    pub const fn is_ours(&self) -> bool {
        self.linked_to.is_none()
    }

    /// The built file that is to be tested, copied into `target`.
    pub fn find(target: &Path) -> Result<Self, String> {
        Self::copied(&named(), target)
    }

    /// The engine beside the module.
    pub fn engine(&self) -> PathBuf {
        self.file.with_file_name("mod_wsgi_rs_engine.so")
    }

    /// The build with faults on demand, if it was made: it lies in `test/` beside the shipped one.
    pub fn with_faults(target: &Path) -> Option<Self> {
        let directory = named().parent()?.join("test");
        Self::copied(&directory.join("mod_wsgi_rs.so"), target).ok()
    }

    /// Copies a module and the engine beside it.
    pub fn copied(source: &Path, target: &Path) -> Result<Self, String> {
        let image = fs::read(source).map_err(|_| format!("{} is missing: run `make build` first", source.display()))?;
        fs::create_dir_all(target).map_err(|e| e.to_string())?;
        readable(target);
        let directory = source.parent().unwrap_or(Path::new("."));
        let name = source.file_name().ok_or("MODULE_UNDER_TEST must name a file")?;
        for companion in [name, "mod_wsgi_rs_engine.so".as_ref(), "wsgi-supervisor".as_ref()] {
            let from = directory.join(companion);
            if from.exists() {
                fs::copy(&from, target.join(companion)).map_err(|e| format!("{}: {e}", from.display()))?;
            }
        }
        let linked = Regex::new(r"libpython(3\.\d+)\.so").map_err(|e| e.to_string())?;
        let mod_wsgi = !name.to_string_lossy().starts_with("mod_wsgi_rs");
        let linked_to =
            mod_wsgi.then(|| linked.captures(&image).map(|found| String::from_utf8_lossy(&found[1]).into_owned())).flatten();
        Ok(Self { file: target.join(name), linked_to })
    }
}

/// Where `make build` puts what it builds.
pub fn build_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../build")
}

/// The module file to test.
fn named() -> PathBuf {
    let built = || build_directory().join("mod_wsgi_rs.so");
    std::env::var_os("MODULE_UNDER_TEST").map_or_else(built, PathBuf::from)
}
