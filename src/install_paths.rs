/*! Where engine and supervisor are: beside the module, or where `make install` puts what belongs to it. *Runs in: parent (configtest), child.* */

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use protocol::log_code::{self, LogCode};

use super::httpd::module;
use interpreter::StartError;

/// The engine's file name.
const ENGINE: &str = "mod_wsgi_rs_engine.so";

/// The supervisor's file name.
const SUPERVISOR: &str = "wsgi-supervisor";

/// The directory of our own below Apache's modules.
const DIRECTORY: &str = "mod_wsgi_rs";

/// Apache's directory of modules, as apxs knew it when this was built.
const MODULES: &str = env!("MOD_WSGI_RS_MODULES");

/// Finds the engine.
///
/// # Errors
/// [`log_code::ENGINE_NOT_LOADED`] with the places that were looked at.
pub fn engine() -> Result<PathBuf, StartError> {
    find(ENGINE, &log_code::ENGINE_NOT_LOADED)
}

/// Finds the supervisor.
///
/// # Errors
/// [`log_code::SUPERVISOR_NOT_STARTED`] with the places that were looked at.
pub fn supervisor() -> Result<PathBuf, StartError> {
    find(SUPERVISOR, &log_code::SUPERVISOR_NOT_STARTED)
}

fn find(name: &str, code: &'static LogCode) -> Result<PathBuf, StartError> {
    let file = module::file();
    let own = file.as_deref().and_then(Path::parent).map(Path::to_path_buf);
    let beside = own.iter().flat_map(|own| [own.clone(), own.join(DIRECTORY)]);
    let places: Vec<PathBuf> = beside.chain([Path::new(MODULES).join(DIRECTORY)]).collect();
    look(name, code, &places, is_selinux_enforcing())
}

fn look(name: &str, code: &'static LogCode, places: &[PathBuf], enforcing: bool) -> Result<PathBuf, StartError> {
    let mut denied = None;
    for file in places.iter().map(|place| place.join(name)) {
        match std::fs::File::open(&file) {
            Ok(_) => return Ok(file),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => denied = denied.or(Some(file)),
            // Not there, or not to be read at all: the next place.
            Err(_) => {}
        }
    }
    let text = match denied {
        Some(file) if enforcing => {
            format!(
                "`{}` is not readable, and SELinux is enforcing. To fix: run `restorecon -v {}`",
                file.display(),
                as_word(&file)
            )
        }
        Some(file) => format!(
            "`{}` is not readable. To fix: run `chmod a+r {}`, and let Apache's user search the directories above it",
            file.display(),
            as_word(&file)
        ),
        None => {
            let places: Vec<String> = places.iter().map(|place| format!("`{}`", place.display())).collect();
            format!(
                "`{name}` was not found in {}. To fix: run `make install`, or copy the file to the directory of the module",
                places.join(", ")
            )
        }
    };
    Err(StartError::new(code, text))
}

fn as_word(file: &Path) -> String {
    interpreter::permissions::word(&file.to_string_lossy())
}

fn is_selinux_enforcing() -> bool {
    std::fs::read("/sys/fs/selinux/enforce").is_ok_and(|text| text.starts_with(b"1"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use protocol::log_code;

    use super::{ENGINE, look};

    #[test]
    fn the_first_place_that_has_it_wins_and_none_is_told() {
        let root = std::env::temp_dir().join(format!("install-paths-{}", std::process::id()));
        let places = [root.join("a"), root.join("b")];
        std::fs::create_dir_all(&places[1]).unwrap();
        let text = look(ENGINE, &log_code::ENGINE_NOT_LOADED, &places, false).unwrap_err().text().to_owned();
        assert!(text.contains("was not found in") && text.contains("/a`") && text.contains("make install"), "{text}");
        std::fs::write(places[1].join(ENGINE), "").unwrap();
        assert_eq!(look(ENGINE, &log_code::ENGINE_NOT_LOADED, &places, false).unwrap(), places[1].join(ENGINE));
        std::fs::remove_dir_all(root).unwrap();
    }
}
