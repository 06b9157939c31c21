/*! Configtest's questions about users' files, each asked by a probe that has become the user (`wsgi-supervisor probe`).

The parent itself touches no file of a user's, and waits for none: a probe has ten seconds, then its whole process group is killed. What it says is read up to a bound, and taken
for the word of that user. *Runs in: parent (configtest).* */

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use interpreter::StartError;
use interpreter::run::reap;
use protocol::log_code::{self, LogCode};
use protocol::probe::{Answer, LIMIT_MS, LONGEST_ANSWER, Request};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::install_paths;

/// So many probes run side by side: one that hangs holds up the others no longer than itself.
const AT_ONCE: usize = 8;

/// Characters of a message that are shown.
const LONGEST_TEXT: usize = 1_500;

/// Messages of one probe that are shown.
const MOST_FINDINGS: usize = 20;

/// What a probe may say; it chooses no other message.
const CODES: [&LogCode; 17] = [
    &log_code::PYTHON_NOT_FOUND,
    &log_code::PYTHON_HOME_BROKEN,
    &log_code::PYTHON_NOT_ASKED,
    &log_code::PYTHON_UNSUPPORTED,
    &log_code::LIBPYTHON_MISSING,
    &log_code::LIBPYTHON_NOT_LOADED,
    &log_code::ENGINE_NOT_LOADED,
    &log_code::PYTHON_NOT_CHECKED,
    &log_code::FILES_NOT_CHECKED,
    &log_code::PYTHON_AS_ROOT,
    &log_code::VIRTUALENV_OF_ANOTHER_PYTHON,
    &log_code::PROCESS_NOT_PREPARED,
    &log_code::DIRECTORY_NOT_USABLE,
    &log_code::JAIL_INCOMPLETE,
    &log_code::SOCKET_OUT_OF_REACH,
    &log_code::SCRIPT_OUT_OF_REACH,
    &log_code::LIBPYTHON_OF_ANOTHER_PYTHON,
];

/// What was found about one request.
#[derive(Debug, Default)]
pub struct Found {
    /// What is wrong.
    pub problems: Vec<StartError>,
    /// The interpreter's shared library, where it was asked for and found: its real path.
    pub library: Option<PathBuf>,
}

/// Asks a probe for each request; the answers in the same order. An empty request needs none.
pub fn ask(requests: &[Request]) -> Vec<Found> {
    let nothing = Request::default();
    let program = match install_paths::supervisor() {
        Ok(program) => program,
        // That has been said.
        Err(_) => return requests.iter().map(|_| Found::default()).collect(),
    };
    let mut all = Vec::new();
    for some in requests.chunks(AT_ONCE) {
        let begun: Vec<_> = some.iter().map(|request| (*request != nothing).then(|| begin(&program, request))).collect();
        let answered = |probe: Result<Probe, String>| probe.and_then(Probe::answer).map_or_else(|why| unanswered(&why), found);
        all.extend(begun.into_iter().map(|probe| probe.map_or_else(Found::default, answered)));
    }
    all
}

/// A probe at work.
struct Probe {
    child: Child,
    output: ChildStdout,
    deadline: Instant,
}

fn begin(program: &Path, request: &Request) -> Result<Probe, String> {
    let failed = |error: std::io::Error| format!("could not run `{}`: {error}", program.display());
    // A file in memory is written at once, whether it is read or not.
    let mut questions =
        rustix::fs::memfd_create("mod_wsgi_rs-questions", MemfdFlags::CLOEXEC).map(File::from).map_err(|e| failed(e.into()))?;
    questions.write_all(&request.encode()).and_then(|()| questions.rewind()).map_err(failed)?;
    let mut command = Command::new(program);
    command.arg("probe").env_clear().current_dir("/").stdin(questions).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let deadline = Instant::now() + Duration::from_millis(LIMIT_MS);
    match child.stdout.take() {
        Some(output) => Ok(Probe { child, output, deadline }),
        None => Err("it has no output".to_owned()),
    }
}

impl Probe {
    fn answer(mut self) -> Result<Answer, String> {
        let read = self.read();
        self.end();
        let answer = Answer::decode(&read?).ok().filter(|answer| answer.complete);
        answer.ok_or_else(|| "it exited before it answered".to_owned())
    }

    fn read(&mut self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 8192];
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(|error| error.to_string())?;
            match poll(&mut [PollFd::new(&self.output, PollFlags::IN)], Some(&timeout)) {
                Ok(0) => return Err(format!("it did not answer within {} s", LIMIT_MS / 1000)),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.to_string()),
            }
            let count = self.output.read(&mut buffer).map_err(|error| error.to_string())?;
            if count == 0 {
                return Ok(bytes);
            }
            bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
            if bytes.len() > LONGEST_ANSWER {
                return Err(format!("its answer exceeded {LONGEST_ANSWER} bytes"));
            }
        }
    }

    /// Ends it, and all that it has run. Until it has been waited for, no other group can have its number.
    fn end(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may be gone, or not have got so far as to lead a group.
            kill_process_group(pid, Signal::KILL).unwrap_or_default();
        }
        self.child.kill().unwrap_or_default();
        reap(&mut self.child);
    }
}

fn unanswered(why: &str) -> Found {
    let text = format!(
        "nothing was checked, because the probe that checks the user's files did not answer: {why}. To fix: run `ls` as that user on the paths in \
         this message; a file system that does not respond is a possible reason"
    );
    Found { problems: vec![StartError::new(&log_code::FILES_NOT_CHECKED, text)], library: None }
}

/// An answer as it may be shown.
fn found(answer: Answer) -> Found {
    let problem = |number: u32, text: &[u8]| {
        let code = CODES.into_iter().find(|code| u32::from(code.number) == number)?;
        Some(StartError::new(code, shown(text)))
    };
    let problems = answer.findings.iter().take(MOST_FINDINGS).filter_map(|one| problem(one.number, &one.text)).collect();
    Found { problems, library: (!answer.library.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(&answer.library))) }
}

/// A text without control characters, and of bounded length.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut shown: String = text.chars().take(LONGEST_TEXT).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.chars().nth(LONGEST_TEXT).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{found, shown};
    use protocol::probe::{Answer, Finding};

    #[test]
    fn an_answer_chooses_neither_message_nor_control_characters() {
        let finding = |number, text: &str| Finding { number, text: text.as_bytes().to_vec() };
        let findings = vec![finding(1051, "a\nb\x1b[2J"), finding(1001, "another message"), finding(0, "none")];
        let found = found(Answer { findings, ..Answer::default() });
        assert_eq!(found.problems.iter().map(|problem| problem.text()).collect::<Vec<_>>(), ["a?b?[2J"]);
        assert!(shown(&[0xff; 5_000]).chars().count() <= 1_501);
    }
}
