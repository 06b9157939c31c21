/*! A virtualenv leads on to the installation that it was made from: both must be there, and open to whoever runs them.

*Runs in: parent (configtest), child.* */

use std::path::{Path, PathBuf};

use protocol::log_code;

use super::choose::Chosen;
use super::facts::Facts;
use super::problem::Problem;
use super::reach::Walker;

/// Walks on from a virtualenv to the installation that it was made from. What is no virtualenv has nothing to look at.
///
/// # Errors
/// [`log_code::PYTHON_HOME_BROKEN`]
pub fn look_around(chosen: &Chosen, walker: &Walker) -> Result<(), Problem> {
    let Some(home) = &chosen.home else { return Ok(()) };
    let file = home.join("pyvenv.cfg");
    if !file.is_file() {
        return Ok(());
    }
    let broken = |cause: String, hint: &str| {
        Problem::new(&log_code::PYTHON_HOME_BROKEN, format!("virtualenv `{}`: {cause} (hint: {hint})", home.display()))
    };
    walker.walk(&file).map_err(|obstacle| broken(obstacle.to_string(), &obstacle.hint()))?;
    let text = std::fs::read(&file)
        .map_err(|error| broken(format!("`{}` can't be read: {error}", file.display()), "make the virtualenv anew"))?;
    let text = String::from_utf8_lossy(&text);
    let Some(base) = base_of(&text) else {
        return Err(broken("its pyvenv.cfg has no line `home = ...`".to_owned(), "make the virtualenv anew"));
    };
    let hint =
        "the Python that it was made from has moved or is closed; make the virtualenv anew with one that this user can read";
    walker.walk(&base).map(|_| ()).map_err(|obstacle| broken(format!("its Python: {obstacle}"), hint))
}

/// The packages of a virtualenv lie in a directory that has the version in its name: an interpreter of another one does not see them.
///
/// # Errors
/// [`log_code::VIRTUALENV_OF_ANOTHER_PYTHON`]
pub fn check_version(chosen: &Chosen, facts: &Facts) -> Result<(), Problem> {
    let Some(home) = chosen.home.as_ref().filter(|home| home.join("pyvenv.cfg").is_file()) else { return Ok(()) };
    let (major, minor, _) = facts.version;
    let libraries = home.join("lib");
    if libraries.join(format!("python{major}.{minor}")).is_dir() {
        return Ok(());
    }
    let other = std::fs::read_dir(&libraries).into_iter().flatten().filter_map(Result::ok);
    let other = other.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("python").map(str::to_owned)).max();
    let Some(other) = other else { return Ok(()) };
    let text = format!(
        "the virtualenv `{0}` was made for Python {other}, but its interpreter is now Python {major}.{minor}, which does not see the \
         packages in it (hint: make it anew, `python{major}.{minor} -m venv --clear {0}`, and install its packages again)",
        home.display()
    );
    Err(Problem::new(&log_code::VIRTUALENV_OF_ANOTHER_PYTHON, text))
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

    use super::{Chosen, Walker, base_of, look_around};
    use std::os::unix::fs::PermissionsExt as _;
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
        std::fs::write(home.join("pyvenv.cfg"), "home = /nowhere/python/bin\n").unwrap();
        let chosen = Chosen { executable: home.join("bin/python"), home: Some(home.clone()), reason: String::new() };
        let problem = look_around(&chosen, &Walker::Myself).unwrap_err();
        assert!(problem.text().contains("`/nowhere` does not exist"), "{problem}");
        // Someone else's file: neither group nor others may read it.
        std::fs::set_permissions(home.join("pyvenv.cfg"), std::fs::Permissions::from_mode(0o000)).unwrap();
        let stranger = Walker::User { uid: 65_533, groups: vec![65_533] };
        let problem = look_around(&chosen, &stranger).unwrap_err();
        assert!(problem.text().contains("is not readable"), "{problem}");
        std::fs::remove_dir_all(home).unwrap();
    }
}
