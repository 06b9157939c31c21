/*! What an interpreter says about itself: it is run, isolated, with an empty environment, for five seconds at most.

Never as root (a `.pth` file or a `sitecustomize` of a tenant must not run with root's rights): a child asks as what it is, and
configtest gives the rights of Apache's user to the helper before it runs. *Runs in: parent (configtest), child.* */

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use protocol::log_code;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::problem::Problem;

/// What is known about an interpreter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
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
}

/// How long an interpreter may think about it.
const LIMIT: Duration = Duration::from_secs(5);

/// What it prints begins with this, because a broken one prints other things.
const MARK: &[u8] = b"mod_wsgi_rs:";

/// Prints the facts, separated by NUL.
const QUESTION: &str = "import os, sys, sysconfig
g = sysconfig.get_config_var
facts = ['.'.join(map(str, sys.version_info[:3])), g('Py_GIL_DISABLED') or 0, g('Py_ENABLE_SHARED') or 0, g('INSTSONAME') or '',
    g('LIBDIR') or '', g('MULTIARCH') or '', sys.base_prefix, sys.abiflags]
sys.stdout.buffer.write(b'mod_wsgi_rs:' + b'\\0'.join(os.fsencode(str(f)) for f in facts))
";

/// Asks `executable`: its facts, and the answer that [`parse`] reads them from. `identity`: user and group that the helper takes on first (only root can).
///
/// # Errors
/// [`log_code::PYTHON_NOT_ASKED`] when it cannot be run, fails, or takes too long.
pub fn ask(executable: &Path, identity: Option<(u32, u32)>) -> Result<(Facts, Vec<u8>), Problem> {
    let problem = |cause: String| {
        let hint = "run it by hand as Apache's user: a broken virtualenv is mended by making it anew";
        Problem::new(&log_code::PYTHON_NOT_ASKED, format!("`{}` {cause} (hint: {hint})", executable.display()))
    };
    let answer = run(executable, identity).map_err(|error| problem(format!("cannot be run: {error}")))?;
    match answer {
        Answer::Late => Err(problem(format!("did not answer within {} s", LIMIT.as_secs()))),
        Answer::Said(output) => match parse(&output) {
            Some(facts) => Ok((facts, output)),
            None => Err(problem(format!("cannot say its version: {}", last_line(&output)))),
        },
    }
}

enum Answer {
    Said(Vec<u8>),
    Late,
}

fn run(executable: &Path, identity: Option<(u32, u32)>) -> std::io::Result<Answer> {
    let (mut reader, writer) = std::io::pipe()?;
    let mut command = Command::new(executable);
    command.args(["-I", "-S", "-c", QUESTION]).env_clear().current_dir("/").stdin(Stdio::null());
    command.stdout(writer.try_clone()?).stderr(writer);
    if let Some((uid, gid)) = identity {
        command.uid(uid).gid(gid);
    }
    let mut child = command.spawn()?;
    // The command holds the pipe's other end: without it the end of the output is seen.
    drop(command);
    let deadline = Instant::now() + LIMIT;
    let mut output = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(std::io::Error::other)?;
        let ready = poll(&mut [PollFd::new(&reader, PollFlags::IN)], Some(&timeout));
        match ready {
            Ok(0) => {
                end(&mut child);
                return Ok(Answer::Late);
            }
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => {
                end(&mut child);
                return Err(error.into());
            }
        }
        let count = reader.read(&mut buffer)?;
        if count == 0 || output.len() > 64 * 1024 {
            break;
        }
        output.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    end(&mut child);
    Ok(Answer::Said(output))
}

/// Ends the helper, which has said what it had to say or never will, and takes its place in the process table back.
fn end(child: &mut Child) {
    // It may be gone already: that is what these errors say.
    let _gone: (std::io::Result<()>, std::io::Result<_>) = (child.kill(), child.wait());
}

/// Reads an answer.
pub fn parse(output: &[u8]) -> Option<Facts> {
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
    Some(Facts { version, free_threaded, shared, soname, libdir, multiarch, base_prefix, abiflags })
}

/// What somebody who is to mend it wants to see of a failed run: a traceback's last line.
fn last_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{ask, parse};
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
        let answer = b"warning: odd\nmod_wsgi_rs:3.11.2\x000\x001\0libpython3.11.so.1.0\0/usr/lib/x\0x\0/usr\0";
        let facts = parse(answer).unwrap();
        assert_eq!(facts.version, (3, 11, 2));
        assert_eq!((facts.free_threaded, facts.shared, facts.soname.as_str()), (false, true, "libpython3.11.so.1.0"));
        assert_eq!((facts.libdir.as_path(), facts.base_prefix.as_path()), (Path::new("/usr/lib/x"), Path::new("/usr")));
        for cut in 0..answer.len() - 1 {
            assert_eq!(parse(answer.get(..cut).unwrap()), None, "cut at {cut}");
        }
    }

    #[test]
    fn one_that_fails_is_told_with_its_last_line() {
        let broken = script(
            "broken",
            "#!/bin/sh\necho 'Fatal Python error: init_fs_encoding' >&2\necho \"No module named 'encodings'\" >&2\nexit 1\n",
        );
        let text = ask(&broken, None).unwrap_err().text().to_owned();
        assert!(text.contains("No module named 'encodings'"), "{text}");
        std::fs::remove_file(broken).unwrap();
        assert!(ask(Path::new("/none/python"), None).unwrap_err().text().contains("cannot be run"));
    }

    #[test]
    fn a_real_one_answers() {
        if Path::new("/usr/bin/python3").exists() {
            let (facts, answer) = ask(Path::new("/usr/bin/python3"), None).unwrap();
            assert_eq!(parse(&answer), Some(facts.clone()));
            assert!(facts.version >= (3, 6, 0), "{facts:?}");
        }
    }
}
