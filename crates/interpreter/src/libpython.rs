/*! Where an interpreter's shared library is, and which packages bring it. *Runs in: child, helper.* */

use std::path::{Path, PathBuf};

use protocol::log_code;

use super::choose::Chosen;
use super::facts::Facts;
use super::problem::Problem;
use super::reach;

/// The oldest Python that the engine runs on.
pub const OLDEST: (u32, u32) = (3, 9);

/// The newest Python that the suites have run on.
pub const NEWEST_TESTED: (u32, u32) = (3, 13);

/// Whether the engine runs on that Python, in whichever mode.
///
/// # Errors
/// [`log_code::PYTHON_UNSUPPORTED`]
pub fn check_version(chosen: &Chosen, facts: &Facts) -> Result<(), Problem> {
    let (major, minor, micro) = facts.version;
    let executable = chosen.executable.display();
    if (major, minor) < OLDEST {
        let text =
            format!("`{executable}` is Python {major}.{minor}.{micro} (hint: use Python {}.{} or later)", OLDEST.0, OLDEST.1);
        return Err(Problem::new(&log_code::PYTHON_UNSUPPORTED, text));
    }
    if facts.free_threaded {
        let text = format!(
            "`{executable}` is a free-threaded Python {major}.{minor}, for which there is no engine yet (hint: make the \
             virtualenv with the ordinary build, `python{major}.{minor}`)"
        );
        return Err(Problem::new(&log_code::PYTHON_UNSUPPORTED, text));
    }
    Ok(())
}

/// Finds the library, once the version is one that can be used: the first that this process can get to.
///
/// # Errors
/// [`log_code::PYTHON_UNSUPPORTED`] or [`log_code::LIBPYTHON_MISSING`].
pub fn find(chosen: &Chosen, facts: &Facts) -> Result<PathBuf, Problem> {
    check_version(chosen, facts)?;
    let (major, minor, micro) = facts.version;
    let executable = chosen.executable.display();
    let names = names(facts);
    let directories = directories(chosen, facts);
    let all = directories.iter().flat_map(|directory| names.iter().map(move |name| directory.join(name)));
    all.into_iter().find(|file| file.is_file() && reach::walk(file).is_ok()).ok_or_else(|| {
        let wanted = names.first().map_or("libpython", String::as_str);
        let text = format!(
            "{}: `{executable}` (Python {major}.{minor}.{micro}) has no shared library `{wanted}`, which embedded mode needs (hint: {}; or \
             run the application in a daemon group, `WSGIDaemonProcess` and `WSGIProcessGroup`, which needs none)",
            chosen.reason,
            hint(facts)
        );
        Problem::new(&log_code::LIBPYTHON_MISSING, text)
    })
}

fn names(facts: &Facts) -> Vec<String> {
    let (major, minor, _) = facts.version;
    let mut names = Vec::new();
    if facts.soname.contains(".so") {
        names.push(facts.soname.clone());
    }
    for name in [format!("libpython{major}.{minor}{}.so.1.0", facts.abiflags), format!("libpython{major}.{minor}.so.1.0")] {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn directories(chosen: &Chosen, facts: &Facts) -> Vec<PathBuf> {
    let real = std::fs::canonicalize(&chosen.executable).unwrap_or_else(|_| chosen.executable.clone());
    let beside = real.parent().and_then(Path::parent).map(|prefix| prefix.join("lib"));
    let prefix = &facts.base_prefix;
    let plain = [Some(facts.libdir.clone()), Some(prefix.join("lib")), Some(prefix.join("lib64")), beside];
    let plain: Vec<PathBuf> = plain.into_iter().flatten().filter(|directory| directory.is_absolute()).collect();
    let multiarch = plain.iter().filter(|_| !facts.multiarch.is_empty()).map(|directory| directory.join(&facts.multiarch));
    let all: Vec<PathBuf> = plain.iter().cloned().chain(multiarch).collect();
    all
}

/// What brings the library: a package of the system for the system's Python, another build for one's own.
fn hint(facts: &Facts) -> String {
    let (major, minor, micro) = facts.version;
    let system = facts.base_prefix == Path::new("/usr");
    if system && Path::new("/etc/debian_version").exists() {
        return format!("run `apt-get install libpython{major}.{minor}`");
    }
    if system && Path::new("/etc/redhat-release").exists() {
        return format!("run `dnf install python{major}.{minor}-libs` (for the system's own Python: `python3-libs`)");
    }
    let pyenv = format!("with pyenv: `PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force {major}.{minor}.{micro}`");
    if facts.shared {
        format!("put libpython{major}.{minor}.so.1.0 back into `{}`, or install that Python anew", facts.libdir.display())
    } else {
        format!("it was built without one: build that Python with `--enable-shared`; {pyenv}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Chosen, Facts, find, log_code};
    use std::path::PathBuf;

    fn chosen() -> Chosen {
        Chosen { executable: "/srv/venv/bin/python".into(), home: None, reason: String::new() }
    }

    fn facts(root: &str) -> Facts {
        Facts {
            version: (3, 11, 7),
            shared: true,
            soname: "libpython3.11.so.1.0".into(),
            libdir: format!("{root}/lib").into(),
            multiarch: "x86_64-linux-gnu".into(),
            base_prefix: root.into(),
            ..Facts::default()
        }
    }

    #[test]
    fn the_library_is_found_also_in_the_multiarch_directory() {
        let root = std::env::temp_dir().join(format!("libpython-{}", std::process::id()));
        let file: PathBuf = root.join("lib/x86_64-linux-gnu/libpython3.11.so.1.0");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "").unwrap();
        // A static interpreter, as Debian's, says `.a`: the shared library of its package is as good.
        let static_one = Facts { soname: "libpython3.11.a".into(), shared: false, ..facts(root.to_str().unwrap()) };
        assert_eq!(find(&chosen(), &static_one).unwrap(), file);
        assert_eq!(find(&chosen(), &facts(root.to_str().unwrap())).unwrap(), file);
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_missing_one_is_told_with_its_cure() {
        let own = Facts { shared: false, soname: "libpython3.11.a".into(), ..facts("/nowhere") };
        let problem = find(&chosen(), &own).unwrap_err();
        assert_eq!(problem.code().number, log_code::LIBPYTHON_MISSING.number);
        assert!(problem.text().contains("--enable-shared"), "{problem}");
        assert!(find(&chosen(), &facts("/nowhere")).unwrap_err().text().contains("put libpython3.11.so.1.0 back"));
    }

    #[test]
    fn what_the_engine_cannot_run_on_is_refused() {
        let old = Facts { version: (3, 8, 18), ..facts("/usr") };
        assert!(find(&chosen(), &old).unwrap_err().text().contains("3.9 or later"));
        let free = Facts { version: (3, 13, 0), free_threaded: true, ..facts("/usr") };
        assert!(find(&chosen(), &free).unwrap_err().text().contains("free-threaded"));
    }
}
