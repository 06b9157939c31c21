/*! Which interpreters a group tries, best first. What a directive names is the only one that is tried: an installation that
does not work must be seen, not replaced by another. *Runs in: parent.* */

use protocol::plan::Interpreter;

use crate::daemon::{DaemonProcess, Python};
use crate::settings::{ProcessSettings, Text};

/// Where the system's Python is looked for before `PATH`.
const USUAL: [&[u8]; 2] = [b"/usr/bin/python3", b"/usr/local/bin/python3"];

/// The interpreters of a group. `path` is `PATH`.
pub fn of(process: &DaemonProcess, settings: &ProcessSettings, path: Option<&[u8]>) -> Vec<Interpreter> {
    let one = |path: &[u8], home: bool, because: String| Interpreter { path: path.to_vec(), home, because: because.into_bytes() };
    match (&process.python, &settings.python_home) {
        (Some(Python::Executable(path)), _) => {
            vec![one(path, false, format!("python= of WSGIDaemonProcess at {}", process.defined_at))]
        }
        (Some(Python::Home { prefix, exec_prefix }), _) => {
            let because = format!("python-home= of WSGIDaemonProcess at {}", process.defined_at);
            vec![one(&in_one(prefix, exec_prefix.as_ref()), true, because)]
        }
        (None, Some(home)) => {
            vec![one(&in_one(&home.prefix, home.exec_prefix.as_ref()), true, format!("WSGIPythonHome at {}", home.defined_at))]
        }
        (None, None) => of_system(path.unwrap_or_default()),
    }
}

fn of_system(path: &[u8]) -> Vec<Interpreter> {
    const NOTHING_NAMED: &str = "no python=, no python-home=, no WSGIPythonHome";
    let found =
        |path: &[u8], because: &str| Interpreter { path: path.to_vec(), home: false, because: because.as_bytes().to_vec() };
    let mut all: Vec<Interpreter> = USUAL.iter().map(|usual| found(usual, NOTHING_NAMED)).collect();
    for directory in path.split(|byte| *byte == b':').filter(|directory| directory.starts_with(b"/")) {
        let executable = [directory.strip_suffix(b"/").unwrap_or(directory), b"/python3"].concat();
        if !all.iter().any(|known| known.path == executable) {
            all.push(found(&executable, &format!("{NOTHING_NAMED}, found on PATH")));
        }
    }
    all
}

/// The home as `PYTHONHOME` takes it, if it is an installation in two parts: Python does not find the second by itself.
pub fn home_in_two_parts(process: &DaemonProcess, settings: &ProcessSettings) -> Option<Vec<u8>> {
    let (prefix, exec_prefix) = match (&process.python, &settings.python_home) {
        (Some(Python::Executable(_)), _) | (None, None) => return None,
        (Some(Python::Home { prefix, exec_prefix }), _) => (prefix, exec_prefix),
        (None, Some(home)) => (&home.prefix, &home.exec_prefix),
    };
    exec_prefix.as_ref().map(|exec_prefix| in_one(prefix, Some(exec_prefix)))
}

/// `prefix` or `prefix:exec_prefix`.
fn in_one(prefix: &Text, exec_prefix: Option<&Text>) -> Vec<u8> {
    match exec_prefix {
        Some(exec_prefix) => [prefix, b":".as_slice(), exec_prefix].concat(),
        None => prefix.to_vec(),
    }
}
