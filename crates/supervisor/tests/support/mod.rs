/*! A supervisor in a directory of its own, and what its processes note there. Everything is waited for with a deadline. *Runs in: tests.* */
#![allow(clippy::unwrap_used, clippy::panic, dead_code, reason = "a test that meets what it does not expect is to fail")]

pub mod fleet;

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use protocol::plan::{Group, Identity, Interpreter, Plan, Script};
use protocol::table::Table;
use rustix::fs::SealFlags;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process};

/// A user without rights.
pub const NOBODY: u32 = 65_534;

pub fn root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Waits for `look` to find something, up to 20 s.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process exists and is no zombie.
pub fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}

pub fn parent_of(pid: i32) -> i32 {
    stat(pid).unwrap().1
}

/// The state and the parent of a process, if there is one.
pub fn stat(pid: i32) -> Option<(String, i32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit(')').next()?.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}

/// The children of a process, zombies aside.
pub fn children_of(parent: i32) -> Vec<i32> {
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    all.filter(|pid| alive(*pid) && stat(*pid).is_some_and(|(_, of)| of == parent)).collect()
}

/// How much memory a process holds, in kilobytes.
pub fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A table as httpd's parent makes it.
fn table(slots: u32) -> OwnedFd {
    shared_memory::make(c"table", 4 * protocol::table::words(slots), &protocol::table::BEGINNING).unwrap()
}

/// A running supervisor (or the shell above one); killed when dropped.
pub struct Running(Child);

impl Running {
    pub fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }

    pub fn signal(&mut self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap(), signal).unwrap();
    }

    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> Option<()> {
        self.0.try_wait().unwrap().map(drop)
    }

    /// Waits for its end: whether it succeeded.
    pub fn wait(&mut self) -> bool {
        until("the supervisor ends", || self.0.try_wait().unwrap()).success()
    }

    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        assert!(self.wait());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
}

/// A directory with a fake Python, a script, a log and a table.
pub struct Bench {
    pub place: PathBuf,
    pub plan: Plan,
    pub group: Group,
    table: OwnedFd,
    log: File,
}

impl Bench {
    pub fn new(name: &str) -> Self {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let place = std::env::temp_dir().join(format!("wsgi-supervisor-{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        std::fs::set_permissions(&place, Permissions::from_mode(0o777)).unwrap();
        let python = place.join("python");
        std::fs::write(&python, include_str!("../fake_python.py")).unwrap();
        std::fs::set_permissions(&python, Permissions::from_mode(0o755)).unwrap();
        let table = table(8);
        let log = File::options().append(true).create(true).open(place.join("log")).unwrap();
        let path = place.join("app.wsgi");
        let bytes = |path: &Path| path.to_str().unwrap().as_bytes().to_vec();
        let group = Group {
            name: b"shop".to_vec(),
            place: b"httpd.conf:12".to_vec(),
            processes: 1,
            threads: 15,
            table: Some(u32::try_from(table.as_raw_fd()).unwrap()),
            path: bytes(&place.join("socket")),
            definition: 1,
            log: u32::try_from(log.as_raw_fd()).unwrap(),
            log_level: 4,
            identity: Identity {
                uid: NOBODY,
                gid: NOBODY,
                groups: vec![NOBODY],
                name: b"nobody".to_vec(),
                home: b"/nonexistent".to_vec(),
            },
            environment: vec![[b"FAKE_PLACE=", bytes(&place).as_slice()].concat()],
            scripts: vec![Script { path: bytes(&path), application_group: Vec::new(), import: false }],
            preload: true,
            overlap: true,
            reload: true,
            shutdown_timeout: 5_000,
            graceful_timeout: 15_000,
            ..Group::default()
        };
        let plan = Plan {
            generation: 1,
            parent: std::process::id(),
            privileged: root(),
            engine: b"/lib/engine.so".to_vec(),
            main_log: group.log,
            replacements: 2,
            ..Plan::default()
        };
        let mut bench = Self { place, plan, group, table, log };
        bench.interpreter(&python, false);
        bench.script("serve");
        bench
    }

    pub fn interpreter(&mut self, path: &Path, home: bool) {
        let path = path.to_str().unwrap().as_bytes().to_vec();
        self.group.interpreters = vec![Interpreter { path, home, because: b"python=".to_vec() }];
    }

    /// Whether the table says that for children of that generation no process comes any more.
    pub fn is_closed(&self, generation: u64) -> bool {
        Table::open(shared_memory::map(&self.table).unwrap()).unwrap().is_closed(generation)
    }

    /// Gives the application a new version.
    pub fn script(&self, word: &str) {
        let new = self.place.join("app.new");
        std::fs::write(&new, word).unwrap();
        std::fs::rename(new, self.place.join("app.wsgi")).unwrap();
    }

    fn plan_file(&self, bytes: &[u8]) -> OwnedFd {
        let file = shared_memory::seal(c"plan", bytes).unwrap();
        fcntl_setfd(&file, FdFlags::empty()).unwrap();
        file
    }

    fn encoded(&self, parent: u32) -> Vec<u8> {
        Plan { parent, groups: vec![self.group.clone()], ..self.plan.clone() }.encode()
    }

    fn command(&self, program: &str, passed: &[&dyn AsFd]) -> Command {
        for fd in passed.iter().map(AsFd::as_fd).chain([self.table.as_fd(), self.log.as_fd()]) {
            fcntl_setfd(fd, FdFlags::empty()).unwrap();
        }
        let mut command = Command::new(program);
        command
            .env("NOTIFY_SOCKET", "/nowhere")
            .stdin(Stdio::null())
            .stdout(self.log.try_clone().unwrap())
            .stderr(self.log.try_clone().unwrap());
        command
    }

    pub fn start_with_bytes(&mut self, bytes: &[u8]) -> Running {
        let plan = self.plan_file(bytes);
        let mut command = self.command(env!("CARGO_BIN_EXE_wsgi-supervisor"), &[&plan]);
        Running(command.arg(plan.as_raw_fd().to_string()).spawn().unwrap())
    }

    pub fn start(&mut self) -> Running {
        let bytes = self.encoded(std::process::id());
        self.start_with_bytes(&bytes)
    }

    /// A supervisor whose plan stands in a file that can still be written.
    pub fn start_unsealed(&mut self) -> Running {
        let plan = rustix::fs::memfd_create("plan", rustix::fs::MemfdFlags::ALLOW_SEALING).unwrap();
        let bytes = self.encoded(std::process::id());
        assert_eq!(rustix::io::pwrite(&plan, &bytes, 0).unwrap(), bytes.len());
        let mut command = self.command(env!("CARGO_BIN_EXE_wsgi-supervisor"), &[&plan]);
        Running(command.arg(plan.as_raw_fd().to_string()).spawn().unwrap())
    }

    /// One supervisor for this group and that of `other`, which has a directory, a table and a log of its own.
    pub fn start_beside(&mut self, other: &Self) -> Running {
        let groups = vec![self.group.clone(), other.group.clone()];
        let plan = self.plan_file(&Plan { parent: std::process::id(), groups, ..self.plan.clone() }.encode());
        let mut command = self.command(env!("CARGO_BIN_EXE_wsgi-supervisor"), &[&plan, &other.table, &other.log]);
        Running(command.arg(plan.as_raw_fd().to_string()).spawn().unwrap())
    }

    /// A generation for both groups after `predecessor`, if there is one, and the end of its command socket that the next one gets.
    pub fn start_generation_beside(&mut self, other: &Self, predecessor: Option<OwnedFd>) -> (Running, OwnedFd) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let groups = vec![self.group.clone(), other.group.clone()];
        self.plan.generation += 1;
        self.plan.predecessor = predecessor.as_ref().map(|fd| u32::try_from(fd.as_raw_fd()).unwrap());
        let plan = self.plan_file(&Plan { parent: std::process::id(), groups, ..self.plan.clone() }.encode());
        let mut passed: Vec<&dyn AsFd> = vec![&plan, &ours, &other.table, &other.log];
        passed.extend(predecessor.iter().map(|fd| fd as &dyn AsFd));
        let mut command = self.command(env!("CARGO_BIN_EXE_wsgi-supervisor"), &passed);
        let arguments = [plan.as_raw_fd().to_string(), ours.as_raw_fd().to_string()];
        (Running(command.args(arguments).spawn().unwrap()), theirs.into())
    }

    /// A supervisor with that soft limit of descriptors, and so many further groups, which are services.
    pub fn start_with_few_descriptors(&mut self, limit: u32, services: u32) -> Running {
        let service = Group { threads: 0, table: None, ..self.group.clone() };
        let more = (0..services).map(|number| Group { name: format!("service-{number}").into_bytes(), ..service.clone() });
        let groups = std::iter::once(self.group.clone()).chain(more).collect();
        let plan = self.plan_file(&Plan { parent: std::process::id(), groups, ..self.plan.clone() }.encode());
        let mut command = self.command("/bin/sh", &[&plan]);
        let line = format!("ulimit -S -n {limit}; exec {} {}", env!("CARGO_BIN_EXE_wsgi-supervisor"), plan.as_raw_fd());
        Running(command.args(["-c", &line]).spawn().unwrap())
    }

    /// Lends `/dev/userfaultfd` to processes that connect to the socket `faults`: it makes pages that never come, as a FUSE file system of a user's own does.
    /// `false` where there is none, or it can't be opened.
    pub fn lend_faults(&self) -> bool {
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC;
        let Ok(faults) = rustix::fs::open("/dev/userfaultfd", flags, rustix::fs::Mode::empty()) else { return false };
        let path = self.place.join("faults");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
        std::thread::spawn(move || {
            for peer in listener.incoming() {
                let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
                let mut beside = rustix::net::SendAncillaryBuffer::new(&mut space);
                let files = [faults.as_fd()];
                assert!(beside.push(rustix::net::SendAncillaryMessage::ScmRights(&files)));
                let flags = rustix::net::SendFlags::empty();
                rustix::net::sendmsg(peer.unwrap(), &[std::io::IoSlice::new(b"x")], &mut beside, flags).unwrap();
            }
        });
        true
    }

    /// A supervisor that is started by somebody who has a key in his session keyring, which every user could read there.
    pub fn start_with_a_key(&mut self) -> Running {
        const PROGRAM: &str = "import ctypes, os, sys\n\
            libc = ctypes.CDLL(None, use_errno=True)\n\
            libc.syscall(int(sys.argv[1]), 1, None)\n\
            libc.syscall(int(sys.argv[2]), b'user', b'wsgi-key', b'secret', 6, ctypes.c_int(-3))\n\
            os.execv(sys.argv[3], sys.argv[3:])\n";
        let plan = self.plan_file(&self.encoded(std::process::id()));
        let mut command = self.command("/usr/bin/python3", &[&plan]);
        let (keyctl, add_key) = (libc::SYS_keyctl.to_string(), libc::SYS_add_key.to_string());
        let (program, number) = (env!("CARGO_BIN_EXE_wsgi-supervisor"), plan.as_raw_fd().to_string());
        Running(command.args(["-c", PROGRAM, &keyctl, &add_key, program, &number]).spawn().unwrap())
    }

    /// A supervisor that runs as root without one of its rights.
    pub fn start_without(&mut self, right: &str) -> Running {
        let plan = self.plan_file(&self.encoded(std::process::id()));
        let mut command = self.command("setpriv", &[&plan]);
        let number = plan.as_raw_fd().to_string();
        Running(command.args(["--bounding-set", right, env!("CARGO_BIN_EXE_wsgi-supervisor"), &number]).spawn().unwrap())
    }

    /// A supervisor whose group logs to a pipe.
    pub fn start_with_log(&mut self, log: &std::io::PipeWriter) -> Running {
        self.group.log = u32::try_from(log.as_raw_fd()).unwrap();
        let plan = self.plan_file(&self.encoded(std::process::id()));
        let mut command = self.command(env!("CARGO_BIN_EXE_wsgi-supervisor"), &[&plan, log]);
        Running(command.arg(plan.as_raw_fd().to_string()).spawn().unwrap())
    }

    /// A shell is httpd's parent here, so that it can be killed.
    pub fn start_below_a_shell(&mut self) -> Running {
        // Sealed when the shell's number is known.
        let plan = rustix::fs::memfd_create("plan", rustix::fs::MemfdFlags::ALLOW_SEALING).unwrap();
        let mut command = self.command("/bin/sh", &[&plan]);
        let line = format!("read go; {} {} & wait", env!("CARGO_BIN_EXE_wsgi-supervisor"), plan.as_raw_fd());
        let mut shell = command.args(["-c", &line]).stdin(Stdio::piped()).spawn().unwrap();
        let bytes = self.encoded(shell.id());
        assert_eq!(rustix::io::pwrite(&plan, &bytes, 0).unwrap(), bytes.len());
        let all = [SealFlags::WRITE, SealFlags::SHRINK, SealFlags::GROW, SealFlags::SEAL];
        rustix::fs::fcntl_add_seals(&plan, all.into_iter().collect()).unwrap();
        shell.stdin.take().unwrap().write_all(b"go\n").unwrap();
        Running(shell)
    }

    /// A generation, and the end of its command socket that the next one gets.
    pub fn start_with_command(&mut self) -> (Running, OwnedFd) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let plan = self.plan_file(&self.encoded(std::process::id()));
        let mut command = self.command(env!("CARGO_BIN_EXE_wsgi-supervisor"), &[&plan, &ours]);
        let arguments = [plan.as_raw_fd().to_string(), ours.as_raw_fd().to_string()];
        (Running(command.args(arguments).spawn().unwrap()), theirs.into())
    }

    pub fn start_after(&mut self, predecessor: OwnedFd) -> Running {
        self.plan.generation += 1;
        self.plan.predecessor = Some(u32::try_from(predecessor.as_raw_fd()).unwrap());
        let plan = self.plan_file(&self.encoded(std::process::id()));
        let mut command = self.command(env!("CARGO_BIN_EXE_wsgi-supervisor"), &[&plan, &predecessor]);
        Running(command.arg(plan.as_raw_fd().to_string()).spawn().unwrap())
    }

    /// A supervisor that was handed the lifeline of a killed one, with a second group, `beside`, that may overlap.
    pub fn start_beside_orphans(&mut self, lifeline: &std::io::PipeWriter) -> Running {
        let place = self.place.join("beside");
        std::fs::create_dir_all(&place).unwrap();
        std::fs::set_permissions(&place, Permissions::from_mode(0o777)).unwrap();
        let bytes = |path: &Path| path.to_str().unwrap().as_bytes().to_vec();
        let beside = Group {
            name: b"beside".to_vec(),
            path: bytes(&place.join("socket")),
            environment: vec![[b"FAKE_PLACE=", bytes(&place).as_slice()].concat()],
            overlap: true,
            ..self.group.clone()
        };
        let orphans = vec![u32::try_from(lifeline.as_raw_fd()).unwrap()];
        let groups = vec![self.group.clone(), beside];
        let plan = Plan { parent: std::process::id(), groups, orphans, ..self.plan.clone() }.encode();
        let plan = self.plan_file(&plan);
        let mut command = self.command(env!("CARGO_BIN_EXE_wsgi-supervisor"), &[&plan, lifeline]);
        Running(command.arg(plan.as_raw_fd().to_string()).spawn().unwrap())
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.place.join("log")).unwrap()
    }

    pub fn wait_for_log(&self, text: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        while !self.log().contains(text) {
            assert!(Instant::now() < end, "not in the log within 20 s: {text}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Notes whose name begins with `what`.
    pub fn files(&self, what: &str) -> Vec<PathBuf> {
        let all = std::fs::read_dir(&self.place).unwrap().map(|entry| entry.unwrap().path());
        let named = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(what);
        all.filter(|path| named(path) && path.extension().is_some_and(|e| e != "new")).collect()
    }

    /// Processes that have left the note `what`.
    pub fn pids(&self, what: &str) -> Vec<i32> {
        self.files(&format!("{what}.")).iter().map(|path| path.extension().unwrap().to_str().unwrap().parse().unwrap()).collect()
    }

    pub fn read(&self, what: &str, pid: i32) -> String {
        std::fs::read_to_string(self.place.join(format!("{what}.{pid}"))).unwrap()
    }

    pub fn modified(&self, what: &str, pid: i32) -> SystemTime {
        std::fs::metadata(self.place.join(format!("{what}.{pid}"))).unwrap().modified().unwrap()
    }

    /// The first note of a name.
    pub fn file(&self, what: &str) -> String {
        let pid = until(what, || self.pids(what).first().copied());
        self.read(what, pid)
    }

    /// The process that has become ready and is none of `others`.
    pub fn served_by(&self, others: &[i32]) -> i32 {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(pid) = self.pids("ready").into_iter().find(|pid| !others.contains(pid)) {
                return pid;
            }
            assert!(Instant::now() < end, "no process became ready within 20 s:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::fs::remove_dir_all(&self.place).unwrap();
        }
    }
}
