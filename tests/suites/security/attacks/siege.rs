/*! What must hold while somebody attacks: the victim is served, httpd's processes and supervisors live on, and what they cost stays within bounds.
*Runs in: tests.* */

use crate::support::client::{Client, Request};
use crate::support::poll;
use crate::support::processes::{self, Process};
use crate::support::response::Response;
use crate::support::site::Site;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the victim may wait for one answer. (An idle machine gives it within milliseconds; one that builds at the same time does not.)
const PROMPTLY: Duration = Duration::from_secs(8);
/// Processor time that the supervisor and httpd's parent may use for an attack: seconds.
const SECONDS_OF_ROOT: f64 = 4.0;
/// The same for a child of httpd's.
const SECONDS_OF_CHILD: f64 = 8.0;
/// Memory that a process of httpd's or a supervisor may come to use: bytes.
const MEMORY: u64 = 48_000_000;

/// How long an attacker's own client may be kept waiting for the end of its answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
struct Cost {
    seconds: f64,
    memory: u64,
}

impl Cost {
    fn of(pid: i32) -> Self {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        let per_second = rustix::param::clock_ticks_per_second() as f64;
        Self { seconds: (ticks(11) + ticks(12)) / per_second, memory: processes::anonymous_memory(pid) }
    }
}

/// An attack that is under way.
#[derive(Debug)]
pub struct Siege<'s> {
    site: &'s Site<'s>,
    root: BTreeMap<i32, Cost>,
    children: BTreeMap<i32, Cost>,
    alive: Vec<Process>,
    over: Arc<AtomicBool>,
    watch: Option<JoinHandle<Watched>>,
}

/// What became of the victim's requests.
#[derive(Debug, Default)]
struct Watched {
    served: usize,
    slowest: Duration,
    failed: Vec<String>,
}

impl<'s> Siege<'s> {
    /// Begins to watch. The victim is what `victim` names on the server.
    pub fn lay(site: &'s Site<'s>, victim: &str) -> Self {
        site.get(victim).ok();
        let supervisors = site.server.supervisors();
        let all = processes::children(site.server.pid());
        let costs = |pids: &mut dyn Iterator<Item = i32>| pids.map(|pid| (pid, Cost::of(pid))).collect::<BTreeMap<_, _>>();
        let root = costs(&mut supervisors.iter().copied().chain([site.server.pid()]));
        let children = costs(&mut all.iter().map(|child| child.pid).filter(|pid| !supervisors.contains(pid)));
        let over = Arc::new(AtomicBool::new(false));
        let (port, target, seen) = (site.server.files.port, victim.to_owned(), Arc::clone(&over));
        let watch = Some(std::thread::spawn(move || watch(port, &target, &seen)));
        Self { site, root, children, alive: all, over, watch }
    }

    /// The end: asserts what must have held.
    #[track_caller]
    pub fn lift(mut self) {
        // What an attack has begun goes on for a moment: it is still watched then.
        poll::let_pass(Duration::from_millis(200));
        let watched = self.end_watch();
        assert!(watched.failed.is_empty(), "the victim was not served: {:?} of {}", watched.failed, watched.served);
        assert!(watched.served > 0, "the victim was asked");
        assert!(watched.slowest < PROMPTLY, "the victim waited for {:?}", watched.slowest);
        for process in &self.alive {
            assert!(process.runs(), "process {} of httpd's ended", process.pid);
        }
        for (costs, seconds) in [(&self.root, SECONDS_OF_ROOT), (&self.children, SECONDS_OF_CHILD)] {
            for (pid, before) in costs {
                let now = Cost::of(*pid);
                let (used, grown) = (now.seconds - before.seconds, now.memory.saturating_sub(before.memory));
                assert!(used < seconds, "process {pid} has used {used} s of processor time");
                assert!(grown < MEMORY, "process {pid} has grown by {grown} bytes");
            }
        }
        for unwanted in ["panicked", "exit signal", "re:^\\[[^]]*\\] \\[core:error\\] \\[pid 1\\] forged-line"] {
            self.site.log_lacks(unwanted);
        }
        let raw = self.site.log().into_iter().find(|line| line.text.contains('\x1b') || line.text.contains('\r'));
        assert!(raw.is_none(), "the log has a control character that the attacker chose: {raw:?}");
    }

    fn end_watch(&mut self) -> Watched {
        self.over.store(true, Ordering::Relaxed);
        self.watch.take().map(|watch| watch.join().unwrap()).unwrap_or_default()
    }
}

impl Drop for Siege<'_> {
    fn drop(&mut self) {
        self.end_watch();
    }
}

/// Asks for the victim's page again and again.
fn watch(port: u16, target: &str, over: &AtomicBool) -> Watched {
    let mut watched = Watched::default();
    loop {
        let begun = Instant::now();
        let request = Request::get(target).header("Connection", "close");
        match Client::connect(port).and_then(|mut client| client.exchange(&request)) {
            Ok(response) if response.status == 200 => watched.served += 1,
            Ok(response) => watched.failed.push(format!("{} {}", response.status, response.text())),
            Err(error) => watched.failed.push(error.to_string()),
        }
        watched.slowest = watched.slowest.max(begun.elapsed());
        if over.load(Ordering::Relaxed) || watched.failed.len() > 10 {
            return watched;
        }
        poll::let_pass(Duration::from_millis(20));
    }
}

/// A request to the attacker's own group: its status, 0 if the connection just ended; and that nothing was injected.
#[track_caller]
pub fn ask(site: &Site, request: &Request) -> (u16, Option<Response>) {
    let request = request.clone().header("Connection", "close");
    let mut client = site.connect();
    // The client's own patience is for one read: an answer of which a byte comes now and then would be waited for without end.
    let (say, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || say.send(client.exchange(&request)).ok());
    let answer = hear.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the answer has no end after {PATIENCE:?}"));
    let Ok(response) = answer else { return (0, None) };
    let injected = response.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-injected"));
    assert!(!injected, "a header was injected: {response:?}");
    assert!(response.interim.iter().all(|status| *status == 100), "an interim response was sent: {response:?}");
    (response.status, Some(response))
}
