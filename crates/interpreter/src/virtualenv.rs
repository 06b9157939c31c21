/*! A virtualenv leads on to the installation that it was made from: both must be there, and open to whoever runs them.

*Runs in: child, helper.* */

use std::path::{Path, PathBuf};

use protocol::log_code;

use super::interpreter_info::InterpreterInfo;
use super::selected::Selected;
use super::start_error::StartError;
use super::{files, path_access, permissions};

/// Longer files than this are no pyvenv.cfg.
const LONGEST: u64 = 64 * 1024;

/// So many entries of a virtualenv's `lib` are looked at.
const MOST_ENTRIES: usize = 10_000;

/// Walks on from a virtualenv to the installation that it was made from. What is no virtualenv has nothing to look at.
///
/// # Errors
/// [`log_code::PYTHON_HOME_BROKEN`]
pub fn look_around(chosen: &Selected) -> Result<(), StartError> {
    let Some(home) = &chosen.home else { return Ok(()) };
    let file = home.join("pyvenv.cfg");
    let Ok(found) = std::fs::metadata(&file) else { return Ok(()) };
    let broken = |cause: String, hint: &str| {
        StartError::new(
            &log_code::PYTHON_HOME_BROKEN,
            format!("virtual environment `{}`: {cause}. To fix: {hint}", home.display()),
        )
    };
    if !found.is_file() {
        return Err(broken("its pyvenv.cfg is not a regular file".to_owned(), &again(home, None)));
    }
    path_access::walk(&file).map_err(|obstacle| broken(obstacle.to_string(), &obstacle.hint()))?;
    let text = files::read_regular(&file, LONGEST)
        .map_err(|error| broken(format!("`{}` could not be read: {error}", file.display()), &again(home, None)))?;
    let text = String::from_utf8_lossy(&text);
    let Some(base) = base_of(&text) else {
        return Err(broken("its pyvenv.cfg has no line `home = ...`".to_owned(), &again(home, None)));
    };
    path_access::walk(&base).map(|_| ()).map_err(|obstacle| {
        let hint =
            format!("the Python that it was created from was moved, or is not accessible to this user; {}", again(home, None));
        broken(format!("its Python: {obstacle}"), &hint)
    })
}

/// How a virtualenv is made again: the old one is kept, because there may be more in that directory than packages. `version`: that of the Python, `3.11`;
/// without one it is the system's, which every user may run.
pub fn again(home: &Path, version: Option<&str>) -> String {
    let (new, old) = (home.to_string_lossy(), format!("{}.old", home.display()));
    let python = version.map_or_else(|| "/usr/bin/python3".to_owned(), |version| format!("python{version}"));
    format!(
        "create it again with `mv {0} {1} && {python} -m venv {0}`, and reinstall its packages",
        permissions::word(&new),
        permissions::word(&old)
    )
}

/// The packages of a virtualenv lie in a directory that has the version in its name: an interpreter of another one does not see them.
///
/// # Errors
/// [`log_code::VIRTUALENV_OF_ANOTHER_PYTHON`]
pub fn check_version(chosen: &Selected, facts: &InterpreterInfo) -> Result<(), StartError> {
    let Some(home) = chosen.home.as_ref().filter(|home| home.join("pyvenv.cfg").is_file()) else { return Ok(()) };
    let (major, minor, _) = facts.version;
    let libraries = home.join("lib");
    if libraries.join(format!("python{major}.{minor}")).is_dir() {
        return Ok(());
    }
    let other = std::fs::read_dir(&libraries).into_iter().flatten().take(MOST_ENTRIES).filter_map(Result::ok);
    let other = other.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("python").map(str::to_owned)).max();
    let Some(other) = other else { return Ok(()) };
    let text = format!(
        "the virtual environment `{}` was created for Python {other}, but its interpreter is now Python {major}.{minor}, which does not find the \
         packages in it. To fix: {}",
        home.display(),
        again(home, Some(&format!("{major}.{minor}")))
    );
    Err(StartError::new(&log_code::VIRTUALENV_OF_ANOTHER_PYTHON, text))
}

/// The version of the Python that a virtualenv was made with, as its pyvenv.cfg has it.
pub fn made_for(home: &Path) -> Option<String> {
    let text = files::read_regular(&home.join("pyvenv.cfg"), LONGEST).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let value = |name: &str| text.lines().find_map(|line| line.split_once('=').filter(|(key, _)| key.trim() == name));
    Some(value("version").or_else(|| value("version_info"))?.1.trim().chars().take(40).collect())
}

/// The value of `home` in a pyvenv.cfg.
fn base_of(text: &str) -> Option<PathBuf> {
    let value =
        text.lines().find_map(|line| line.split_once('=').filter(|(key, _)| key.trim().eq_ignore_ascii_case("home")))?.1.trim();
    (!value.is_empty()).then(|| Path::new(value).to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Selected, base_of, look_around};
    use std::path::Path;

    #[test]
    fn the_base_of_a_virtualenv_is_read() {
        assert_eq!(base_of("home = /usr/bin\nversion = 3.11.2\n").as_deref(), Some(Path::new("/usr/bin")));
        assert_eq!(base_of("version_info = 3.11.2\nHome=/opt/py/bin").as_deref(), Some(Path::new("/opt/py/bin")));
        assert_eq!(base_of("homepage = x\nhome =\n"), None);
    }

    #[test]
    fn a_virtualenv_that_is_of_no_use_is_told() {
        let home = std::env::temp_dir().join(format!("check-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let file = home.join("pyvenv.cfg");
        let chosen = Selected { executable: home.join("bin/python"), home: Some(home.clone()), reason: String::new() };
        assert!(look_around(&chosen).is_ok(), "it is no virtualenv");
        std::fs::write(&file, "home = /nowhere/python/bin\n").unwrap();
        let problem = look_around(&chosen).unwrap_err();
        assert!(problem.text().contains("`/nowhere` does not exist"), "{problem}");
        std::fs::File::create(&file).unwrap().set_len(3 << 30).unwrap();
        let problem = look_around(&chosen).unwrap_err();
        assert!(problem.text().contains("larger than 65536 bytes"), "{problem}");
        std::fs::remove_file(&file).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        let problem = look_around(&chosen).unwrap_err();
        assert!(problem.text().contains("not a regular file"), "{problem}");
        std::fs::remove_dir_all(home).unwrap();
    }
}
