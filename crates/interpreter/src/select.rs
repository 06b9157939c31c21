/*! Which interpreter embedded mode uses: the one of `WSGIPythonHome`, else the system's, else the first on PATH.

Looking alone: nothing is run here. *Runs in: child, helper.* */

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use protocol::log_code;

use super::path_access::{self, AccessError, Kind};
use super::selected::Selected;
use super::start_error::StartError;
use super::virtualenv;

/// `prefix`, or `prefix:exec-prefix`.
pub type Parts<'a> = (&'a [u8], Option<&'a [u8]>);

/// Where the system's Python is looked for before PATH.
pub const USUAL: [&str; 2] = ["/usr/bin/python3", "/usr/local/bin/python3"];

/// Chooses for embedded mode. `home` is what `WSGIPythonHome` names, with its place; `path` is `PATH`.
///
/// # Errors
/// [`log_code::PYTHON_HOME_BROKEN`] or [`log_code::PYTHON_NOT_FOUND`].
pub fn select(home: Option<(Parts<'_>, &str)>, path: Option<&OsStr>) -> Result<Selected, StartError> {
    if let Some((parts, place)) = home {
        return in_parts(parts, &format!("WSGIPythonHome at {place}"));
    }
    for usual in USUAL {
        if Path::new(usual).exists() {
            return Ok(Selected { executable: usual.into(), home: None, reason: "no WSGIPythonHome".to_owned() });
        }
    }
    let directories = path.into_iter().flat_map(std::env::split_paths).filter(|directory| directory.is_absolute());
    let found = directories.map(|directory| directory.join("python3")).find(|file| file.is_file());
    let reason = || "no WSGIPythonHome, found on PATH".to_owned();
    found.map(|executable| Selected { executable, home: None, reason: reason() }).ok_or_else(|| {
        StartError::new(
            &log_code::PYTHON_NOT_FOUND,
            "there is no python3 in /usr/bin, in /usr/local/bin or on PATH. To fix: install Python, or set `WSGIPythonHome`",
        )
    })
}

/// The interpreter of a home in one part, or in two: it belongs to the second then, which holds what depends on the machine.
///
/// # Errors
/// [`log_code::PYTHON_HOME_BROKEN`]
pub fn in_parts((prefix, exec_prefix): Parts<'_>, said_by: &str) -> Result<Selected, StartError> {
    let Some(exec_prefix) = exec_prefix else { return in_home(prefix, said_by) };
    let virtualenv = [prefix, exec_prefix]
        .into_iter()
        .map(|part| Path::new(OsStr::from_bytes(part)))
        .find(|part| part.join("pyvenv.cfg").exists());
    match virtualenv {
        None => in_home(exec_prefix, said_by),
        Some(part) => {
            let text = format!(
                "{said_by}: `{0}` is a virtual environment, which cannot be combined with a second directory. To fix: name only `{0}`",
                part.display()
            );
            Err(StartError::new(&log_code::PYTHON_HOME_BROKEN, text))
        }
    }
}

/// The interpreter of a home. `said_by`: the directive with its place, as `WSGIPythonHome at site.conf:3`.
///
/// # Errors
/// [`log_code::PYTHON_HOME_BROKEN`]
pub fn in_home(home: &[u8], said_by: &str) -> Result<Selected, StartError> {
    let home = PathBuf::from(OsStr::from_bytes(home));
    let broken = |cause: String, hint: &str| {
        let text = format!("{said_by}: {cause}. To fix: {hint}");
        StartError::new(&log_code::PYTHON_HOME_BROKEN, text)
    };
    let blocked = |obstacle: &AccessError| broken(obstacle.to_string(), &obstacle.hint());
    path_access::walk(&home).map_err(|obstacle| blocked(&obstacle))?;
    if home.is_file() {
        let hint = "name the directory that `python3 -c 'import sys; print(sys.prefix)'` prints; to name an executable for a process group, use `python=`";
        return Err(broken(format!("`{}` is a file, not a virtual environment or a prefix", home.display()), hint));
    }
    let mut obstacle = None;
    for executable in candidates(&home) {
        match path_access::walk(&executable) {
            Ok(_) => return Ok(Selected { executable, home: Some(home), reason: said_by.to_owned() }),
            Err(AccessError { kind: Kind::Missing, path, .. }) if path == executable || executable.parent() == Some(&path) => {}
            Err(other) => obstacle = obstacle.or(Some((executable, other))),
        }
    }
    Err(match obstacle {
        // The link of a virtualenv leads to the Python that it was made from; another Python would not find its packages.
        Some((executable, obstacle)) if obstacle.link.is_some() && home.join("pyvenv.cfg").exists() => broken(
            format!("`{}` cannot be used: {obstacle}", executable.display()),
            &format!(
                "the Python that it was created from was removed, or is not accessible to this user; {}",
                virtualenv::again(&home, None)
            ),
        ),
        Some((executable, obstacle)) => {
            broken(format!("`{}` cannot be used: {obstacle}", executable.display()), &obstacle.hint())
        }
        None => broken(
            format!("`{}` contains no bin/python, no bin/python3, and no bin/python3.X with libraries", home.display()),
            "name a virtual environment (`python3 -m venv DIR`) or the prefix of an installation",
        ),
    })
}

/// So many entries of a home's `bin` are looked at.
const MOST_ENTRIES: usize = 10_000;

/// Executables of a home, best first.
fn candidates(home: &Path) -> Vec<PathBuf> {
    let bin = home.join("bin");
    let mut minors: Vec<u32> = std::fs::read_dir(&bin)
        .into_iter()
        .flatten()
        .take(MOST_ENTRIES)
        .filter_map(|entry| minor(&entry.ok()?.file_name()))
        .collect();
    minors.sort_unstable_by(|a, b| b.cmp(a));
    let has_libraries = |minor: &u32| ["lib", "lib64"].iter().any(|lib| home.join(lib).join(format!("python3.{minor}")).is_dir());
    let newest = minors.iter().filter(|minor| has_libraries(minor)).map(|minor| bin.join(format!("python3.{minor}")));
    [bin.join("python"), bin.join("python3")].into_iter().chain(newest).collect()
}

/// `X` of a file name `python3.X`.
fn minor(name: &OsStr) -> Option<u32> {
    name.to_str()?.strip_prefix("python3.")?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{log_code, select};
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::{Path, PathBuf};

    struct Home(PathBuf);

    impl Home {
        fn new(name: &str, files: &[&str]) -> Self {
            let root = std::env::temp_dir().join(format!("choose-{name}-{}", std::process::id()));
            for file in files {
                let file = root.join(file);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, "").unwrap();
            }
            std::fs::create_dir_all(&root).unwrap();
            Self(root)
        }
        fn chosen(&self, suffix: &str) -> Result<String, String> {
            let text = [self.0.as_os_str().as_bytes(), suffix.as_bytes()].concat();
            match select(Some(((&text, None), "httpd.conf:3")), None) {
                Ok(chosen) => Ok(chosen.executable.strip_prefix(&self.0).unwrap().display().to_string()),
                Err(problem) => {
                    assert_eq!(problem.code().number, log_code::PYTHON_HOME_BROKEN.number);
                    Err(problem.text().to_owned())
                }
            }
        }
    }

    impl Drop for Home {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_home_gives_its_python() {
        assert_eq!(Home::new("venv", &["bin/python", "bin/python3", "pyvenv.cfg"]).chosen("").unwrap(), "bin/python");
        assert_eq!(Home::new("usr", &["bin/python3", "bin/python3.11"]).chosen("").unwrap(), "bin/python3");
        let several = ["bin/python3.9", "lib/python3.9/os.py", "bin/python3.11", "lib/python3.11/os.py", "bin/python3.12"];
        assert_eq!(Home::new("newest", &several).chosen("").unwrap(), "bin/python3.11");
    }

    #[test]
    fn what_is_no_home_is_said() {
        let empty = Home::new("empty", &[]);
        assert!(empty.chosen("").unwrap_err().contains("no bin/python"));
        assert!(empty.chosen("/none").unwrap_err().contains("none` does not exist"));
        let file = Home::new("file", &["python"]);
        let text = file.chosen("/python").unwrap_err();
        assert!(text.contains("is a file") && text.contains("httpd.conf:3"), "{text}");
    }

    #[test]
    fn a_home_in_two_parts_has_its_python_in_the_second() {
        let homes =
            [Home::new("first", &["bin/python"]), Home::new("second", &["bin/python"]), Home::new("third", &["pyvenv.cfg"])];
        let [first, second, third] = homes.each_ref().map(|home| home.0.as_os_str().as_bytes());
        let of = |parts| select(Some((parts, "httpd.conf:3")), None);
        assert!(of((first, Some(second))).unwrap().executable.starts_with(&homes[1].0));
        for parts in [(first, Some(third)), (third, Some(second))] {
            let problem = of(parts).unwrap_err();
            assert!(problem.text().contains("is a virtual environment, which cannot be combined"), "{problem}");
        }
    }

    #[test]
    fn a_link_to_nowhere_is_named() {
        let home = Home::new("dangling", &[]);
        std::fs::create_dir_all(home.0.join("bin")).unwrap();
        std::os::unix::fs::symlink("/nowhere/python3.11", home.0.join("bin/python")).unwrap();
        assert!(home.chosen("").unwrap_err().contains("`/nowhere` does not exist"));
    }

    #[test]
    fn without_a_home_the_system_has_one() {
        let chosen = select(None, std::env::var_os("PATH").as_deref());
        if Path::new("/usr/bin/python3").exists() {
            assert_eq!(chosen.unwrap().executable, Path::new("/usr/bin/python3"));
        }
    }
}
