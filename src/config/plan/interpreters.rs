/*! Which interpreters a group tries, best first (decision 2). What a directive names is the only one that is tried: an installation that
does not work must be seen, not replaced by another. *Runs in: parent.* */

use protocol::plan::Interpreter;

use crate::config::daemon::{DaemonProcess, Python};
use crate::config::settings::ProcessSettings;

/// Where the system's Python is looked for before `PATH`.
const USUAL: [&[u8]; 2] = [b"/usr/bin/python3", b"/usr/local/bin/python3"];

/// The interpreters of a group. `path` is `PATH`.
pub fn of(process: &DaemonProcess, settings: &ProcessSettings, path: Option<&[u8]>) -> Vec<Interpreter> {
    let one =
        |path: &[u8], home: bool, because: String| vec![Interpreter { path: path.to_vec(), home, because: because.into_bytes() }];
    match (&process.python, &settings.python_home) {
        (Some(Python::Executable(path)), _) => one(path, false, format!("python= of WSGIDaemonProcess at {}", process.place)),
        (Some(Python::Home { prefix, .. }), _) => {
            one(prefix, true, format!("python-home= of WSGIDaemonProcess at {}", process.place))
        }
        (None, Some(home)) => one(&home.prefix, true, format!("WSGIPythonHome at {}", home.place)),
        (None, None) => of_system(path),
    }
}

fn of_system(path: Option<&[u8]>) -> Vec<Interpreter> {
    let found =
        |path: &[u8], because: &str| Interpreter { path: path.to_vec(), home: false, because: because.as_bytes().to_vec() };
    let nothing_named = "neither python=, python-home= nor WSGIPythonHome is set";
    let mut all: Vec<Interpreter> = USUAL.iter().map(|usual| found(usual, nothing_named)).collect();
    for directory in path.unwrap_or_default().split(|byte| *byte == b':').filter(|directory| directory.starts_with(b"/")) {
        let executable = [directory.strip_suffix(b"/").unwrap_or(directory), b"/python3"].concat();
        if !all.iter().any(|known| known.path == executable) {
            all.push(found(&executable, &format!("{nothing_named}, found on PATH")));
        }
    }
    all
}
