/*! Where an interpreter's shared library is, and which packages bring it. *Runs in: child, helper.* */

use std::path::{Path, PathBuf};

use protocol::log_code;

use super::interpreter_info::{self, InterpreterInfo};
use super::selected::Selected;
use super::start_error::StartError;
use super::{path_access, permissions, virtualenv};

/// The oldest Python that the engine runs on.
pub const OLDEST: (u32, u32) = (3, 9);

/// The newest Python that the suites have run on.
pub const NEWEST_TESTED: (u32, u32) = (3, 13);

/// Whether the engine runs on that Python, in whichever mode.
///
/// # Errors
/// [`log_code::PYTHON_UNSUPPORTED`]
pub fn check_version(chosen: &Selected, facts: &InterpreterInfo) -> Result<(), StartError> {
    let (major, minor, micro) = facts.version;
    let executable = chosen.executable.display();
    if (major, minor) < OLDEST {
        let text = format!(
            "`{executable}` is Python {major}.{minor}.{micro}, which is too old. To fix: use Python {}.{} or later",
            OLDEST.0, OLDEST.1
        );
        return Err(StartError::new(&log_code::PYTHON_UNSUPPORTED, text));
    }
    if facts.free_threaded {
        let text = format!(
            "`{executable}` is a free-threaded Python {major}.{minor}, which is not supported. To fix: create the virtual environment with the \
             ordinary build, `python{major}.{minor}`"
        );
        return Err(StartError::new(&log_code::PYTHON_UNSUPPORTED, text));
    }
    Ok(())
}

/// Finds the library, once the version is one that can be used: the first that this process can get to.
///
/// # Errors
/// [`log_code::PYTHON_UNSUPPORTED`] or [`log_code::LIBPYTHON_MISSING`].
pub fn find(chosen: &Selected, facts: &InterpreterInfo) -> Result<PathBuf, StartError> {
    check_version(chosen, facts)?;
    let (major, minor, micro) = facts.version;
    let executable = chosen.executable.display();
    let names = names(facts);
    let directories = directories(chosen, facts);
    let all = directories.iter().flat_map(|directory| names.iter().map(move |name| directory.join(name)));
    all.into_iter().find(|file| file.is_file() && path_access::walk(file).is_ok()).ok_or_else(|| {
        let wanted = names.first().map_or("libpython", String::as_str);
        let text = format!(
            "{}: `{executable}` (Python {major}.{minor}.{micro}) has no shared library `{wanted}`, which embedded mode needs. To fix: {}; or run the \
             application in a process group (`WSGIDaemonProcess` and `WSGIProcessGroup`), which needs no shared library",
            chosen.reason,
            hint(facts)
        );
        StartError::new(&log_code::LIBPYTHON_MISSING, text)
    })
}

/// Whether the interpreter runs with the library that it was built with: the program loader may have found another one on its way.
///
/// # Errors
/// [`log_code::LIBPYTHON_OF_ANOTHER_PYTHON`]
pub fn check_loaded(chosen: &Selected, facts: &InterpreterInfo) -> Result<(), StartError> {
    if facts.loaded.as_os_str().is_empty() {
        return Ok(());
    }
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let taken = facts.loaded.parent().map(real);
    let own = directories(chosen, facts);
    let elsewhere = !own.iter().any(|directory| Some(real(directory)) == taken);
    let unfit = facts.trouble.contains("undefined symbol");
    if !elsewhere && !unfit {
        return Ok(());
    }
    let (major, minor, micro) = facts.version;
    let executable = real(&chosen.executable);
    let made_for = chosen.home.as_ref().and_then(|home| virtualenv::made_for(home));
    let made_for = made_for.map_or_else(String::new, |version| format!(", and its pyvenv.cfg names {version}"));
    let trouble = if unfit {
        format!("; an extension module of its standard library could not be imported: {}", facts.trouble)
    } else {
        String::new()
    };
    let file = facts.loaded.file_name().unwrap_or_default();
    let there =
        own.iter().map(|directory| directory.join(file)).find(|library| library.is_file() && path_access::walk(library).is_ok());
    let shown = permissions::word(&executable.to_string_lossy());
    let hint = match there.as_ref().and_then(|library| library.parent()) {
        Some(directory) => format!(
            "set its run path with `patchelf --set-rpath {} {shown}`; or create the virtual environment in another directory with `/usr/bin/python3 -m venv`",
            permissions::word(&directory.to_string_lossy())
        ),
        None => interpreter_info::run_path_hint(&shown),
    };
    let text = format!(
        "{}: `{}` was run with the shared library `{}` of another Python, and reports that it is Python {major}.{minor}.{micro}{made_for}{trouble}. \
         To fix: {hint}",
        chosen.reason,
        chosen.executable.display(),
        facts.loaded.display()
    );
    Err(StartError::new(&log_code::LIBPYTHON_OF_ANOTHER_PYTHON, text))
}

fn names(facts: &InterpreterInfo) -> Vec<String> {
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

fn directories(chosen: &Selected, facts: &InterpreterInfo) -> Vec<PathBuf> {
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
fn hint(facts: &InterpreterInfo) -> String {
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
        format!("restore libpython{major}.{minor}.so.1.0 in `{}`, or reinstall that Python", facts.libdir.display())
    } else {
        format!("this Python was built without a shared library, so build it with `--enable-shared`; {pyenv}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{InterpreterInfo, Selected, find, log_code};
    use std::path::PathBuf;

    fn chosen() -> Selected {
        Selected { executable: "/srv/venv/bin/python".into(), home: None, reason: String::new() }
    }

    fn facts(root: &str) -> InterpreterInfo {
        InterpreterInfo {
            version: (3, 11, 7),
            shared: true,
            soname: "libpython3.11.so.1.0".into(),
            libdir: format!("{root}/lib").into(),
            multiarch: "x86_64-linux-gnu".into(),
            base_prefix: root.into(),
            ..InterpreterInfo::default()
        }
    }

    #[test]
    fn the_library_is_found_also_in_the_multiarch_directory() {
        let root = std::env::temp_dir().join(format!("libpython-{}", std::process::id()));
        let file: PathBuf = root.join("lib/x86_64-linux-gnu/libpython3.11.so.1.0");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "").unwrap();
        // A static interpreter, as Debian's, says `.a`: the shared library of its package is as good.
        let static_one = InterpreterInfo { soname: "libpython3.11.a".into(), shared: false, ..facts(root.to_str().unwrap()) };
        assert_eq!(find(&chosen(), &static_one).unwrap(), file);
        assert_eq!(find(&chosen(), &facts(root.to_str().unwrap())).unwrap(), file);
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_missing_one_is_told_with_its_cure() {
        let own = InterpreterInfo { shared: false, soname: "libpython3.11.a".into(), ..facts("/nowhere") };
        let problem = find(&chosen(), &own).unwrap_err();
        assert_eq!(problem.code().number, log_code::LIBPYTHON_MISSING.number);
        assert!(problem.text().contains("--enable-shared"), "{problem}");
        assert!(find(&chosen(), &facts("/nowhere")).unwrap_err().text().contains("restore libpython3.11.so.1.0"));
    }

    #[test]
    fn a_library_of_another_python_is_named() {
        let with = |loaded: &str, trouble: &str| {
            let facts = InterpreterInfo { loaded: loaded.into(), trouble: trouble.into(), ..facts("/opt/python") };
            super::check_loaded(&chosen(), &facts).map_err(|problem| problem.text().to_owned())
        };
        for fine in ["", "/opt/python/lib/libpython3.11.so.1.0", "/opt/python/lib64/x86_64-linux-gnu/libpython3.11.so.1.0"] {
            assert_eq!(with(fine, ""), Ok(()));
        }
        let text = with("/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0", "").unwrap_err();
        assert!(text.contains("`/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0`") && text.contains("--set-rpath"), "{text}");
        let text = with("/opt/python/lib/libpython3.11.so.1.0", "math.so: undefined symbol: _PyModule_Add").unwrap_err();
        assert!(text.contains("_PyModule_Add"), "{text}");
        assert_eq!(with("/opt/python/lib/libpython3.11.so.1.0", "No module named 'math'"), Ok(()), "that is another matter");
    }

    #[test]
    fn what_the_engine_cannot_run_on_is_refused() {
        let old = InterpreterInfo { version: (3, 8, 18), ..facts("/usr") };
        assert!(find(&chosen(), &old).unwrap_err().text().contains("3.9 or later"));
        let free = InterpreterInfo { version: (3, 13, 0), free_threaded: true, ..facts("/usr") };
        assert!(find(&chosen(), &free).unwrap_err().text().contains("free-threaded"));
    }
}
