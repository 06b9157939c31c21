/*! Trial A8 where not even SIGKILL helps: a thread waits in the kernel for a file system that does not answer, as for a lost NFS server. Its process
stays until the file system goes; nobody else may wait for that. *Runs in: tests.* */

use super::field::{Field, at_most, fact};
use crate::support::client::{Client, Request};
use crate::support::installation::server_user;
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::processes;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A file system that never answers; it goes when this is dropped.
struct StuckFiles {
    place: PathBuf,
    server: Child,
}

impl StuckFiles {
    fn mount(setup: &Setup) -> Self {
        let place = setup.run.workdir.server_root("stuck");
        let script = setup.run.workdir.path().join("apps/stuck_files.py");
        let mut command = Command::new(&setup.python.executable);
        command.arg(script).arg(&place).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said.trim() != "mounted" {
            server.wait().unwrap();
            setup.skip(&format!("no file system can be mounted here: {}", said.trim()));
        }
        Self { place, server }
    }
}

impl Drop for StuckFiles {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        self.server.wait().ok();
    }
}

/// A8
pub fn a_hang_that_no_signal_ends_holds_up_nobody_else(setup: &Setup) {
    if server_user().is_none() || !Path::new("/dev/fuse").exists() {
        setup.skip("a file system of one's own needs root and /dev/fuse");
    }
    let field = Field::start(setup, "stuck", "processes=2 threads=4 request-timeout=2 shutdown-timeout=2");
    field.server.announce("re:WSGI(1262|1332|1300|1306|1313|1253|1302|1303|14[0-9][0-9])");
    field.server.announce_tracebacks();
    field.who();
    let files = StuckFiles::mount(setup);
    let mut client = Client::connect(field.server.files.port).unwrap();
    let begun = Instant::now();
    client.send(&Request::get(&format!("/app/look?place={}", files.place.display())).head_bytes()).unwrap();
    field.wait_for_note("looks");
    let pid: i32 = field.notes("looks")[0].parse().unwrap();
    let response = client.receive(false).unwrap();
    let took = begun.elapsed();
    fact(format!("status {} after {:.1} s", response.status, took.as_secs_f64()));
    assert_eq!(response.status, 504, "the client got {} after {took:?}", response.status);
    assert!(took < at_most(Duration::from_secs(3)), "the limit of 2 s took {took:?}");
    field.others_serve();
    poll::wait_for("the process was killed, and is still there", || processes::is_uninterruptible(pid));
    // Another one is in its place, and whatever happens to the group goes its way beside it.
    field.recovers_within(at_most(Duration::from_secs(5)));
    let deployed = Instant::now();
    field.deploy(1);
    poll::wait_for("the new version serves", || field.who().version == 1);
    fact(format!("a new version served {:.1} s later", deployed.elapsed().as_secs_f64()));
    field.others_serve();
    let restarted = Instant::now();
    field.server.graceful();
    field.others_serve();
    field.recovers_within(at_most(Duration::from_secs(5)));
    fact(format!("a graceful restart took {:.1} s", restarted.elapsed().as_secs_f64()));
    assert!(processes::is_uninterruptible(pid), "the process went though its file system did not answer");
    drop(files);
    // Until then its first thread was a zombie that nobody could wait for.
    poll::wait_for("the process goes with its file system", || processes::threads(pid) == 0);
    poll::wait_for("its supervisor goes with it", || field.supervisors().len() == 1);
}
