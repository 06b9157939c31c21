/*! A program that is run to be asked something, with an empty environment and a limit of time: as what this process is, which is never root. *Runs in: child, helper.* */

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::files;

/// How long a program may take. A Python starts in 20 ms, but more than five seconds were seen on a small machine whose groups all started
/// theirs, and a child that is told nothing in time answers 503 for as long as it lives. One that hangs holds httpd up no longer than this.
pub const LIMIT: Duration = Duration::from_secs(10);

/// How long is waited for a program that was killed. One that hangs in a file system that does not answer cannot even be killed.
const DEATH: Duration = Duration::from_secs(1);

/// Longer output is cut.
const LONGEST: usize = 64 * 1024;

/// Longer lines are cut where a message quotes them.
const LONGEST_LINE: usize = 300;

/// How a program is run.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// How long it may take.
    pub limit: Duration,
    /// It gets a process group of its own, which is killed whole at the end. Else it stays in this process's group, which somebody else kills.
    pub own_group: bool,
    /// Its standard input is this process's. Else it is `/dev/null`, which is opened for it.
    pub own_input: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { limit: LIMIT, own_group: true, own_input: false }
    }
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
pub fn run(program: &Path, arguments: &[&OsStr], manner: Manner) -> std::io::Result<Answer> {
    check_format(program)?;
    let (mut reader, writer) = std::io::pipe()?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir("/");
    command.stdin(if manner.own_input { Stdio::inherit() } else { Stdio::null() });
    command.stdout(writer.try_clone()?).stderr(writer);
    if manner.own_group {
        command.process_group(0);
    }
    let mut child = command.spawn()?;
    // The command holds the pipe's other end: without it the end of the output is seen.
    drop(command);
    let answer = read(&mut reader, manner.limit);
    end(&mut child, manner.own_group);
    answer
}

fn read(reader: &mut std::io::PipeReader, limit: Duration) -> std::io::Result<Answer> {
    let deadline = Instant::now() + limit;
    let mut output = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(std::io::Error::other)?;
        match poll(&mut [PollFd::new(reader, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return Ok(Answer::Late),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let count = reader.read(&mut buffer)?;
        output.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if count == 0 || output.len() > LONGEST {
            return Ok(Answer::Said(output));
        }
    }
}

/// What is no program for this machine is told as such: the C library would give it to a shell, whose words explain nothing. A file that
/// can be executed and not read is tried as it is.
fn check_format(program: &Path) -> std::io::Result<()> {
    let mut head = Vec::new();
    let read = files::open_regular(program).and_then(|file| file.take(20).read_to_end(&mut head));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::Other => return Err(error),
        Err(_) => return Ok(()),
        Ok(_) if head.starts_with(b"#!") => return Ok(()),
        Ok(_) => {}
    }
    if !head.starts_with(b"\x7fELF") {
        return Err(std::io::Error::other("it is not a program"));
    }
    if !is_for_this_machine(&head) {
        return Err(std::io::Error::other("it is a program for another processor architecture"));
    }
    Ok(())
}

/// Word size, byte order, and the kind of processor, as an ELF program's head has them.
fn is_for_this_machine(head: &[u8]) -> bool {
    let word = if cfg!(target_pointer_width = "64") { 2 } else { 1 };
    let order = if cfg!(target_endian = "little") { 1 } else { 2 };
    let processor: u16 = match std::env::consts::ARCH {
        "x86_64" => 62,
        "x86" => 3,
        "aarch64" => 183,
        "arm" => 40,
        "riscv64" => 243,
        "powerpc64" => 21,
        "s390x" => 22,
        "loongarch64" => 258,
        // Then only running it shows.
        _ => return true,
    };
    head.get(4..6) == Some(&[word, order]) && head.get(18..20) == Some(&processor.to_ne_bytes())
}

/// Ends the program, which has said what it had to say or never will, and takes its place in the process table back.
fn end(child: &mut Child, group: bool) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // Until the program has been waited for, nobody else's group can have its number. It may be gone already: that is what these errors say.
    if group && let Some(pid) = pid {
        kill_process_group(pid, Signal::KILL).unwrap_or_default();
    }
    child.kill().unwrap_or_default();
    reap(child);
}

/// Waits for the end of a process that was killed, though not for ever.
pub fn reap(child: &mut Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ended = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    if let (Some(ended), Ok(limit)) = (&ended, Timespec::try_from(DEATH)) {
        // Interrupted, it may have ended or not; so the next call does not wait.
        poll(&mut [PollFd::new(ended, PollFlags::IN)], Some(&limit)).map(drop).unwrap_or_default();
    }
    child.try_wait().map(drop).unwrap_or_default();
}

/// What somebody who looks for the cause wants to see of a failed run: a traceback's last line, without control characters. Of a Python that could not start it
/// is the one before it lists its threads, none of which runs anything yet.
pub fn last_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().take_while(|line| !line.starts_with("Current thread ")).map(str::trim).collect();
    let telling = |line: &&&str| !line.is_empty() && !line.starts_with("Python runtime state: ");
    let Some(line) = lines.iter().rev().find(telling) else { return "it said nothing".to_owned() };
    let shown: String = line.chars().take(LONGEST_LINE).map(|c| if c.is_control() { '?' } else { c }).collect();
    if shown.len() < line.len() { format!("{shown}…") } else { shown }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Answer, Manner, last_line, run};
    use std::ffi::OsStr;
    use std::path::Path;
    use std::time::{Duration, Instant};

    fn shell(text: &str, limit: Duration) -> Answer {
        run(Path::new("/bin/sh"), &["-c", text].map(OsStr::new), Manner { limit, ..Manner::default() }).unwrap()
    }

    #[test]
    fn all_of_a_group_ends_with_the_program() {
        let begun = Instant::now();
        let text = "trap '' TERM HUP; (trap '' TERM HUP; exec sleep 317) & echo $!; exec sleep 317";
        assert!(matches!(shell(text, Duration::from_millis(300)), Answer::Late));
        assert!(begun.elapsed() < Duration::from_secs(5));
        let Answer::Said(said) = shell("sleep 318 >/dev/null 2>&1 & echo $!", Duration::from_secs(5)) else {
            unreachable!("it ends at once")
        };
        let pid: i32 = String::from_utf8(said).unwrap().trim().parse().unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        let runs = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        while runs() {
            assert!(Instant::now() < deadline, "a program in the background goes on");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_flood_is_cut() {
        let Answer::Said(said) = shell("exec cat /dev/zero", Duration::from_secs(5)) else { unreachable!("it floods") };
        assert!(said.len() < 100_000);
    }

    #[test]
    fn a_last_line_has_no_control_characters() {
        assert_eq!(last_line(b"a\nb \x1b]0;owned\x07c\n\n"), "b ?]0;owned?c");
        assert!(last_line(&[b'x'; 10_000]).chars().count() < 400);
        assert_eq!(last_line(b""), "it said nothing");
    }
}
