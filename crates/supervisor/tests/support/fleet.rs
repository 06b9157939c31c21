//! Many groups below one supervisor, to which configurations are handed over as httpd's parent does it. *Runs in: tests.*

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::{IoSlice, PipeWriter};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use protocol::plan::{Group, Interpreter, Plan};
use protocol::table::{State, Table};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::{Bench, Running, children_of, table, until};

/// Set for processes that stand in for Python.
pub const MEMBER: &str = "FLEET_MEMBER";
/// Most descriptors of a message.
const MOST: usize = 200;

/// A supervisor with its groups.
pub struct Fleet {
    bench: Bench,
    plan: Plan,
    tables: Vec<OwnedFd>,
    command: UnixStream,
    /// httpd closes it when it has read its next configuration.
    closes: PipeWriter,
    pub supervisor: Running,
}

impl Fleet {
    /// So many groups with a process each, which is this program again: it runs the test `member` with [`MEMBER`] in its environment, the control connection as
    /// standard input and the pipe for messages as standard error.
    pub fn start(groups: u32, member: &str) -> Self {
        let mut bench = Bench::new("fleet");
        let (program, python) = (bench.place.join("member"), bench.place.join("python"));
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let line = format!("#!/bin/sh\nexec {} --exact {member} --nocapture --test-threads=1 <&4 2>&9\n", program.display());
        std::fs::write(&python, line).unwrap();
        for path in [&program, &python] {
            std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        let tables: Vec<OwnedFd> = (0..groups).map(|_| table(8)).collect();
        let (next, closes) = std::io::pipe().unwrap();
        let (command, theirs) = UnixStream::pair().unwrap();
        let all = tables.iter().enumerate().map(|(number, table)| group(&bench, &python, number, table));
        let next_configuration = Some(u32::try_from(next.as_raw_fd()).unwrap());
        let plan = Plan { parent: std::process::id(), next_configuration, groups: all.collect(), ..bench.plan.clone() };
        let file = bench.plan_file(&plan.encode());
        let mut passed: Vec<&dyn AsFd> = vec![&file, &theirs, &next];
        passed.extend(tables.iter().map(|table| table as &dyn AsFd));
        let mut command_line = bench.command(env!("CARGO_BIN_EXE_wsgi-supervisor"), &passed);
        let arguments = [file.as_raw_fd().to_string(), theirs.as_raw_fd().to_string()];
        let supervisor = Running(command_line.args(arguments).spawn().unwrap());
        bench.plan = plan.clone();
        let fleet = Self { bench, plan, tables, command, closes, supervisor };
        until("all groups serve", || fleet.tables.iter().all(serves).then_some(()));
        fleet
    }

    /// Hands the same configuration over once more, and waits until it is taken up.
    pub fn hand_over(&mut self) {
        let (next, closes) = std::io::pipe().unwrap();
        self.plan.generation += 1;
        self.plan.next_configuration = Some(u32::try_from(next.as_raw_fd()).unwrap());
        let file = shared_memory::seal(c"plan", &self.plan.encode()).unwrap();
        self.send(b"H", &[]);
        self.send(b"P", &[file.as_fd()]);
        let (log, next) = (self.bench.log.as_fd(), next);
        let known = self.tables.iter().map(AsFd::as_fd).chain([log, next.as_fd()]);
        let mut files: Vec<BorrowedFd<'_>> = known.collect();
        files.sort_by_key(AsRawFd::as_raw_fd);
        assert_eq!(files.len(), self.plan.named().len());
        for files in files.chunks(MOST) {
            self.send(b"F", files);
        }
        drop(next);
        let before = std::mem::replace(&mut self.closes, closes);
        until("the plan is taken up", || is_closed(&before).then_some(()));
    }

    fn send(&self, byte: &[u8], files: &[BorrowedFd<'_>]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        assert!(files.is_empty() || beside.push(SendAncillaryMessage::ScmRights(files)));
        // A supervisor that is busy takes it later.
        let sent = sendmsg(&self.command, &[IoSlice::new(byte)], &mut beside, SendFlags::NOSIGNAL);
        assert_eq!(sent, Ok(byte.len()));
    }

    /// The processes of the groups.
    pub fn members(&self) -> BTreeSet<i32> {
        children_of(self.supervisor.pid()).into_iter().collect()
    }

    /// Processes that have been started since the beginning.
    pub fn born(&self) -> usize {
        self.bench.pids("born").len()
    }

    /// How many times each process has been asked to look, the fewest.
    pub fn looked(&self) -> usize {
        let count = |pid| std::fs::metadata(self.bench.place.join(format!("looked.{pid}"))).map_or(0, |found| found.len());
        let least = self.members().into_iter().map(count).min().unwrap_or_default();
        usize::try_from(least).unwrap()
    }

    /// Descriptors and threads of the supervisor.
    pub fn held(&self) -> (usize, usize) {
        let count = |what: &str| std::fs::read_dir(format!("/proc/{}/{what}", self.supervisor.pid())).unwrap().count();
        (count("fd"), count("task"))
    }

    /// Processor time of the supervisor, milliseconds.
    pub fn processor_time(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.supervisor.pid())).unwrap();
        let words = stat.rsplit(')').next().unwrap().split_whitespace();
        let ticks: u64 = words.skip(11).take(2).map(|word| word.parse::<u64>().unwrap()).sum();
        ticks * 1_000 / rustix::param::clock_ticks_per_second()
    }

    pub fn log(&self) -> String {
        self.bench.log()
    }
}

fn group(bench: &Bench, python: &Path, number: usize, table: &OwnedFd) -> Group {
    let bytes = |path: PathBuf| path.to_str().unwrap().as_bytes().to_vec();
    Group {
        name: format!("g{number}").into_bytes(),
        table: Some(u32::try_from(table.as_raw_fd()).unwrap()),
        path: bytes(bench.place.join(format!("s{number}"))),
        interpreters: vec![Interpreter { path: bytes(python.to_owned()), home: false, because: b"python=".to_vec() }],
        environment: [bench.group.environment.clone(), vec![format!("{MEMBER}=1").into_bytes()]].concat(),
        ..bench.group.clone()
    }
}

/// Whether a process of the group takes requests.
fn serves(table: &OwnedFd) -> bool {
    let table = Table::open(shared_memory::map(table).unwrap()).unwrap();
    table.slots().filter_map(|slot| table.at(slot)).any(|place| table.state(place) == State::Serving)
}

/// Whether nobody has the reading end any more.
fn is_closed(pipe: &PipeWriter) -> bool {
    let mut set = [PollFd::new(pipe, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut set, Some(&at_once)).is_ok_and(|found| found > 0)
}

/// Appends a byte to a note of this process, in the directory that its environment names.
pub fn note(what: &str) {
    use std::io::Write;
    let place = std::env::var("FAKE_PLACE").unwrap();
    let path = format!("{place}/{what}.{}", std::process::id());
    File::options().append(true).create(true).open(path).unwrap().write_all(b"x").unwrap();
}
