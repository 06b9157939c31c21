/*! A program that is run to be asked something: as another user if need be, with an empty environment, for ten seconds at most.

Never with root's rights, since the configuration chooses the program: the helper gives them up before it runs. *Runs in: parent (configtest), child.* */

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::httpd::confine;

/// How long a helper may take. A Python starts in 20 ms, but more than five seconds were seen on a small machine whose groups all started
/// theirs, and a child that is told nothing in time answers 503 for as long as it lives. One that hangs holds httpd up no longer than this.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Longer output is cut.
const LONGEST: usize = 64 * 1024;

/// Who a helper is before it runs (only root can make it somebody else).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// All groups.
    pub groups: Vec<u32>,
}

/// What a helper is run as, and where.
#[derive(Clone, Copy, Debug, Default)]
pub struct Confinement<'a> {
    /// `None`: as what this process is.
    pub identity: Option<&'a Identity>,
    /// The root directory of all its paths; needs an identity.
    pub root: Option<&'a Path>,
}

/// What came of it.
pub enum Answer {
    /// It ended, or closed its output, and said this.
    Said(Vec<u8>),
    /// It had not ended in time.
    Late,
}

/// Runs `program` with `arguments`: standard output and standard error together.
///
/// # Errors
/// It could not be run.
pub fn run(program: &Path, arguments: &[&OsStr], confinement: Confinement<'_>) -> std::io::Result<Answer> {
    check_format(
        &confinement.root.map_or_else(|| program.to_owned(), |root| root.join(program.strip_prefix("/").unwrap_or(program))),
    )?;
    let (mut reader, writer) = std::io::pipe()?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir("/").stdin(Stdio::null());
    command.stdout(writer.try_clone()?).stderr(writer);
    if let Some(identity) = confinement.identity {
        confine::confine(&mut command, confinement.root, identity.uid, identity.gid, &identity.groups)?;
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
        if count == 0 || output.len() > LONGEST {
            break;
        }
        output.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    end(&mut child);
    Ok(Answer::Said(output))
}

/// What is no program for this machine is told as such: the C library would give it to a shell, whose words explain nothing. A file that
/// can be executed and not read is tried as it is.
fn check_format(program: &Path) -> std::io::Result<()> {
    let (Ok(own), Ok(head)) = (head_of(Path::new("/proc/self/exe")), head_of(program)) else { return Ok(()) };
    if head.starts_with(b"#!") {
        return Ok(());
    }
    // ELF: word size and byte order, and further on the kind of machine.
    let kind = |head: &[u8]| Some((head.get(4..6)?.to_owned(), head.get(18..20)?.to_owned()));
    if !head.starts_with(b"\x7fELF") {
        return Err(std::io::Error::other("it is no program"));
    }
    if kind(&head) != kind(&own) {
        return Err(std::io::Error::other("it is a program for another kind of machine"));
    }
    Ok(())
}

/// The first bytes of a file. A pipe in its place is not waited for.
fn head_of(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(file)?.take(20).read_to_end(&mut head)?;
    Ok(head)
}

/// Ends the helper, which has said what it had to say or never will, and takes its place in the process table back.
fn end(child: &mut Child) {
    // It may be gone already: that is what these errors say.
    let _gone: (std::io::Result<()>, std::io::Result<_>) = (child.kill(), child.wait());
}

/// What somebody who is to mend it wants to see of a failed run: a traceback's last line. Of a Python that could not start it is the one before it lists its
/// threads, none of which runs anything yet.
pub fn last_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().take_while(|line| !line.starts_with("Current thread ")).map(str::trim).collect();
    let telling = |line: &&&str| !line.is_empty() && !line.starts_with("Python runtime state: ");
    lines.iter().rev().find(telling).map_or_else(|| "it said nothing".to_owned(), |line| (*line).to_owned())
}
