/*! What an interpreter says about itself: it is run, isolated, with an empty environment, for ten seconds at most.

Never as root: a `.pth` file or a `sitecustomize` of a tenant must not run with root's rights. *Runs in: child, helper.* */

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use protocol::log_code;

use super::permissions;
use super::run::{self, Answer, Manner};
use super::start_error::StartError;

/// What is known about an interpreter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterpreterInfo {
    /// `sys.version_info`: major, minor, micro.
    pub version: (u32, u32, u32),
    /// A build without the GIL.
    pub free_threaded: bool,
    /// Built with a shared library.
    pub shared: bool,
    /// File name of the library that programs are linked to (`libpython3.11.so.1.0`), if any.
    pub soname: String,
    /// `LIBDIR`
    pub libdir: PathBuf,
    /// `MULTIARCH` (`x86_64-linux-gnu`), or empty.
    pub multiarch: String,
    /// `sys.base_prefix`
    pub base_prefix: PathBuf,
    /// `sys.abiflags`
    pub abiflags: String,
    /// The libpython that the program loader took, by the kernel's list of mapped files; empty for an interpreter that needs none.
    pub loaded: PathBuf,
    /// Why an extension module of its standard library could not be imported; empty if all could.
    pub trouble: String,
}

/// What it prints begins with this, because a broken one prints other things.
const MARK: &[u8] = b"mod_wsgi_rs:";

/// Prints the facts, separated by NUL.
const QUESTION: &str = "import os, sys, sysconfig
g = sysconfig.get_config_var
loaded = trouble = ''
try:
    with open('/proc/self/maps') as maps:
        loaded = next((line.split(None, 5)[5].strip() for line in maps if 'libpython' in line), '')
except (OSError, IndexError, ValueError):
    pass
try:
    import _struct, math, select, _socket
except ImportError as error:
    trouble = str(error)
facts = ['.'.join(map(str, sys.version_info[:3])), g('Py_GIL_DISABLED') or 0, g('Py_ENABLE_SHARED') or 0, g('INSTSONAME') or '',
    g('LIBDIR') or '', g('MULTIARCH') or '', sys.base_prefix, sys.abiflags, loaded, trouble]
sys.stdout.buffer.write(b'mod_wsgi_rs:' + b'\\0'.join(os.fsencode(str(f)) for f in facts))
";

/// Loads the engine as a daemon process does (the file is the argument), and what the engine's own Python code imports.
const LOAD_ENGINE: &str = "import io, os, sys, site, threading, traceback, warnings
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
name, path = 'mod_wsgi_rs_engine', sys.argv[1]
spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))
spec.loader.exec_module(module_from_spec(spec))
print('mod_wsgi_rs: loaded')
";

/// Asks `executable`: its facts, and the answer that [`parse`] reads them from.
///
/// # Errors
/// [`log_code::PYTHON_NOT_ASKED`] when it cannot be run, fails, or takes too long.
pub fn ask(executable: &Path, manner: Manner) -> Result<(InterpreterInfo, Vec<u8>), StartError> {
    let output = answer(executable, &[OsStr::new(QUESTION)], manner)?;
    match parse(&output) {
        Some(facts) => Ok((facts, output)),
        None => Err(not_asked(executable, &format!("did not report its version: {}", run::last_line(&output)))),
    }
}

/// Has `executable` load the engine.
///
/// # Errors
/// As [`ask`], with Python's own last words.
pub fn load_engine(executable: &Path, engine: &Path, manner: Manner) -> Result<(), StartError> {
    let output = answer(executable, &[OsStr::new(LOAD_ENGINE), engine.as_os_str()], manner)?;
    if output.ends_with(b"mod_wsgi_rs: loaded\n") {
        return Ok(());
    }
    Err(not_asked(executable, &format!("could not load the engine `{}`: {}", engine.display(), run::last_line(&output))))
}

fn answer(executable: &Path, code: &[&OsStr], manner: Manner) -> Result<Vec<u8>, StartError> {
    let arguments: Vec<&OsStr> = ["-I", "-S", "-c"].map(OsStr::new).into_iter().chain(code.iter().copied()).collect();
    match run::run(executable, &arguments, manner) {
        Ok(Answer::Said(output)) => Ok(output),
        Ok(Answer::Late) => Err(not_asked(executable, &format!("did not answer within {} s", manner.limit.as_secs()))),
        Err(error) => Err(not_asked(executable, &format!("could not be run: {error}"))),
    }
}

fn not_asked(executable: &Path, cause: &str) -> StartError {
    // The words of glibc's loader, and of musl's.
    let no_library =
        ["error while loading shared libraries", "Error loading shared library"].iter().any(|words| cause.contains(words));
    let shown = permissions::word(&executable.to_string_lossy());
    let hint = if no_library {
        run_path_hint(&shown)
    } else {
        format!(
            "run `{shown} -I -S -c 'import sys'` as that user to see the error; if a virtual environment is broken, create it again in another directory"
        )
    };
    StartError::new(&log_code::PYTHON_NOT_ASKED, format!("`{}` {cause}. To fix: {hint}", executable.display()))
}

/// What to do where the program loader does not find an interpreter's own library. `executable`: as one word of a command.
pub fn run_path_hint(executable: &str) -> String {
    format!(
        "the dynamic loader does not find the shared library of that Python as this user; `readelf -d {executable}` lists the directories that it \
         searches (RUNPATH). Copy the library to a directory that this user may search, and run `patchelf --set-rpath DIRECTORY {executable}`; or \
         build that Python with `LDFLAGS=-Wl,-rpath=PREFIX/lib`; or create the virtual environment in another directory with `/usr/bin/python3 -m venv`"
    )
}

/// Reads an answer.
pub fn parse(output: &[u8]) -> Option<InterpreterInfo> {
    let start = output.windows(MARK.len()).position(|window| window == MARK)?;
    let mut fields = output.get(start + MARK.len()..)?.split(|byte| *byte == 0);
    let mut text = || Some(String::from_utf8_lossy(fields.next()?).into_owned());
    let version = text()?;
    let mut numbers = version.split('.').map(str::parse::<u32>);
    let version = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    let (free_threaded, shared, soname) = (text()? == "1", text()? == "1", text()?);
    let mut path = || Some(PathBuf::from(OsStr::from_bytes(fields.next()?)));
    let libdir = path()?;
    let multiarch = path()?.display().to_string();
    let base_prefix = path()?;
    let abiflags = path()?.display().to_string();
    let loaded = path()?;
    let trouble = path()?.display().to_string();
    Some(InterpreterInfo { version, free_threaded, shared, soname, libdir, multiarch, base_prefix, abiflags, loaded, trouble })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Manner, ask, parse};
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};

    fn script(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("facts-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn an_answer_is_read_after_whatever_was_printed_before() {
        let answer = b"warning: odd\nmod_wsgi_rs:3.11.2\x000\x001\0libpython3.11.so.1.0\0/usr/lib/x\0x\0/usr\0\0/lib/p.so\0";
        let facts = parse(answer).unwrap();
        assert_eq!(facts.version, (3, 11, 2));
        assert_eq!((facts.free_threaded, facts.shared, facts.soname.as_str()), (false, true, "libpython3.11.so.1.0"));
        assert_eq!((facts.libdir.as_path(), facts.base_prefix.as_path()), (Path::new("/usr/lib/x"), Path::new("/usr")));
        assert_eq!((facts.loaded.as_path(), facts.trouble.as_str()), (Path::new("/lib/p.so"), ""));
        for cut in 0..answer.len() - 1 {
            assert_eq!(parse(answer.get(..cut).unwrap()), None, "cut at {cut}");
        }
    }

    #[test]
    fn one_that_fails_is_told_with_its_last_line() {
        let broken = script(
            "broken",
            "#!/bin/sh\ncat >&2 <<END\nFatal Python error: init_fs_encoding: failed\nPython runtime state: core initialized\n\
             ModuleNotFoundError: No module named 'encodings'\n\nCurrent thread 0x1 (most recent call first):\n  <no Python frame>\nEND\nexit 1\n",
        );
        let text = ask(&broken, Manner::default()).unwrap_err().text().to_owned();
        assert!(text.contains("did not report its version: ModuleNotFoundError: No module named 'encodings'"), "{text}");
        std::fs::remove_file(broken).unwrap();
        assert!(ask(Path::new("/none/python"), Manner::default()).unwrap_err().text().contains("could not be run"));
    }

    #[test]
    fn a_real_one_answers() {
        if Path::new("/usr/bin/python3").exists() {
            let (facts, answer) = ask(Path::new("/usr/bin/python3"), Manner::default()).unwrap();
            assert_eq!(parse(&answer), Some(facts.clone()));
            assert!(facts.version >= (3, 6, 0), "{facts:?}");
        }
    }
}
