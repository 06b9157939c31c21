/*! `wsgi-supervisor`: the exec'd parent of daemon processes. It goes on over graceful restarts, until another build of it takes over.

`wsgi-supervisor <descriptor of the plan> [<descriptor of the command socket> [<descriptor of the log writer>]] [-d <ServerRoot>]`. The plan is a `protocol::plan::Plan` in a memory file that is sealed against
every change; the descriptors that it names are inherited. SIGTERM or the death of httpd's parent ends everything, SIGUSR1 retires the generation.

| file | what |
|---|---|
| `supervisor/`, `handover` | the loop; a further configuration; supervisors that take over from one another |
| `group/` | a group as a state machine, without clock or system call: its processes, new code, replacement, stop, pauses after failures |
| `group_runner/` | a group at work: its live processes, what they write and send, the slots of its table and its sockets, why a process died |
| `spawn/` | from the plan to Python: what is executed, fork to exec, what went wrong, the directory of `chroot=` |
| `file_watch/` | the files that a group waits for which cannot start, looked at by a helper: `wsgi-supervisor watch` |
| `probe/` | configtest's helper, `wsgi-supervisor probe` |
| `rights` | the capabilities and limits of the supervisor itself |
| `budget`, `timers` | how much of root's time and memory a process may use; times and limits |
| `log` | lines for the error log |
| `sys` | system calls that rustix lacks |

*Runs in: supervisor.* */

mod budget;
mod file_watch;
mod group;
mod group_runner;
mod handover;
mod log;
mod probe;
mod rights;
mod spawn;
mod supervisor;
mod sys;
mod timers;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use protocol::Level;
use protocol::log_code;
use protocol::plan::Plan;

use crate::log::{Log, Target};
use crate::supervisor::{LAST_LINES, Supervisor};

/// No plan has so many bytes: some 2,000 for each of 30,000 groups.
const LONGEST_PLAN: usize = 64 * 1024 * 1024;

fn main() -> ExitCode {
    let word = std::env::args_os().nth(1).unwrap_or_default();
    match word.to_str() {
        Some("probe") => return probe::main(),
        Some("watch") => return file_watch::helper::main(),
        Some("--version" | "-V") => return print(&format!("wsgi-supervisor {}\n", env!("CARGO_PKG_VERSION"))),
        Some("--help" | "-h") => return print(HELP),
        _ => {}
    }
    let number = std::env::args_os().nth(3).and_then(|argument| argument.to_str()?.parse().ok());
    let writer = number.and_then(|number| sys::inherited(number).ok()).map(Rc::new);
    match start() {
        Ok(mut supervisor) => {
            // The log writer ends with the last copy.
            drop(writer);
            supervisor.run();
            ExitCode::SUCCESS
        }
        Err(why) => {
            // Descriptor 2 is httpd's main error log, if that is a file or a pipe.
            if let Ok(file) = sys::inherited(2) {
                let mut log = Log::new(Target { writer, server: 0, file: Some(file), least: Level::Notice });
                log.coded(log_code::SUPERVISOR_NOT_STARTED, &format!("wsgi-supervisor could not start: {why}"));
                log.finish(Instant::now() + LAST_LINES);
            }
            ExitCode::FAILURE
        }
    }
}

/// What `--help` prints.
const HELP: &str = "\
wsgi-supervisor: the parent of the daemon processes of mod_wsgi_rs, a module of Apache httpd

httpd starts this program; there is no need to run it by hand. There is one supervisor for each configuration that has a WSGIDaemonProcess.

  wsgi-supervisor PLAN [COMMANDS [LOGWRITER]] [-d SERVERROOT]
      used by httpd: the arguments are numbers of inherited descriptors; the ServerRoot distinguishes the supervisors of several servers in `ps`
  wsgi-supervisor probe
      used by `apachectl configtest` to check the files of a group: reads questions from descriptor 0, writes answers to descriptor 1
  wsgi-supervisor watch
      used by the supervisor to detect, as the user of a group, that a file has changed: reads a sealed request from descriptor 0
  wsgi-supervisor --help
  wsgi-supervisor --version
      prints the version, which must be that of the module

Signals: SIGTERM stops the supervisor and all of its processes; SIGUSR1 stops them gracefully, as `apachectl graceful` does. Messages go to httpd's error log.
";

/// Prints a text for somebody who looks at the program.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads it.
        Err(_) => ExitCode::FAILURE,
    }
}

fn start() -> Result<Supervisor, String> {
    let signals = sys::signals().map_err(|e| format!("signals: {e}"))?;
    // Out of reach of the terminal's signals, and of those that httpd sends to its process group. One that leads a session already stays so.
    rustix::process::setsid().map(drop).unwrap_or_default();
    // Each process leaves this one's, too; where the system has no more keyrings to give, this one holds nothing.
    sys::leave_keyring();
    let number = |argument: OsString| argument.to_str()?.parse::<u32>().ok();
    let numbers: Vec<u32> = std::env::args_os()
        .skip(1)
        .take_while(|argument| argument != "-d")
        .map(|argument| number(argument.clone()).ok_or_else(|| format!("`{}` is not a descriptor", argument.display())))
        .collect::<Result<_, _>>()?;
    let mut own = numbers.iter().map(|number| sys::inherited(*number).map_err(|e| format!("descriptor {number}: {e}")));
    let plan = own.next().ok_or(
        "usage: wsgi-supervisor <descriptor of the plan> [<descriptor of the command socket> [<descriptor of the log writer>]]",
    )??;
    let command = own.next().transpose()?;
    // Read only where nobody can change it: what stands in it is done as root.
    let bytes = shared_memory::read_sealed(&plan, LONGEST_PLAN).map_err(|e| format!("could not read the plan: {e}"))?;
    drop(plan);
    let plan = Plan::decode(&bytes).map_err(|e| e.to_string())?;
    rights::limit(&plan);
    let supervisor = Supervisor::new(&plan, signals, command)?;
    // Each part has its own copy.
    sys::close_passed(&plan.passed());
    // The third is one of those that the plan names.
    sys::close_passed(numbers.get(..2).unwrap_or(&numbers));
    // While every right is there: the directory above may be another user's. Who needs one that could not be made says so.
    let directories: BTreeSet<&[u8]> = plan.groups.iter().map(|group| group.socket_directory.as_slice()).collect();
    for directory in directories.into_iter().filter(|directory| !directory.is_empty()) {
        group_runner::listener::make_directory(directory).unwrap_or_default();
    }
    rights::give_up(&plan)?;
    Ok(supervisor)
}
