/*! `wsgi-supervisor watch`: looks at files of a group's user, as that user, until one has changed. It reads one request (`protocol::file_watch`) from descriptor 0, which is a sealed file,
and answers by its exit status.

What it prepares, it prepares as configtest's helper does: without looking at anything of the user's before it is that user. It opens no file, and executes none. *Runs in: helper.* */

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::file_watch::{FAILED, LONGEST, MOST, Request, UNCHANGED, changed};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, getppid};

use crate::{probe, sys};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(500);
/// A file system's clock ticks coarsely: what was changed just after a moment can bear an earlier time than that.
const TICK: u64 = 20_000_000;
/// Its address space, bytes.
const MEMORY: u64 = 1 << 30;
/// Seconds of a processor.
const PROCESSOR: u64 = 20;

/// Watches.
pub fn main() -> ExitCode {
    let Some(request) = prepare() else { return ExitCode::from(FAILED) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|now| u64::try_from(now.as_nanos()).ok());
    let mut seen = Seen::new(&request.files);
    let since = request.since.saturating_sub(TICK);
    let mut found = seen.changed_between(since, now.unwrap_or_default());
    let end = Instant::now() + Duration::from_millis(request.lifetime);
    // The signal for its death was asked for when it may have been dead already.
    let wanted = || getppid().is_some_and(|parent| u32::try_from(parent.as_raw_nonzero().get()) == Ok(request.supervisor));
    while found.is_none() && Instant::now() < end && wanted() {
        std::thread::sleep(LOOK);
        found = seen.look(&request.files);
    }
    ExitCode::from(found.map_or(UNCHANGED, changed))
}

/// Reads the request, and becomes who it says.
fn prepare() -> Option<Request> {
    // One that leads a session already has no other's terminal.
    rustix::process::setsid().map(drop).unwrap_or_default();
    sys::leave_keyring();
    sys::only_standard_descriptors();
    sys::signals_to_default();
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let request = Request::decode(&shared_memory::read_sealed(rustix::stdio::stdin(), LONGEST).ok()?).ok()?;
    rustix::stdio::dup2_stdin(&null).ok()?;
    drop(null);
    if !request.root.is_empty() {
        probe::chroot::enter(Path::new(OsStr::from_bytes(&request.root))).ok()?;
    }
    rustix::process::chdir("/").ok()?;
    if let Some(identity) = &request.identity {
        probe::become_user(identity).ok()?;
    }
    if rustix::process::geteuid().is_root() || rustix::process::getuid().is_root() {
        return None;
    }
    probe::confine(&[
        (Resource::As, MEMORY),
        (Resource::Cpu, PROCESSOR),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        (Resource::Nofile, 3),
    ])
    .ok()?;
    Some(request)
}

/// What tells one version of a file from another: device, number, size, and the times of the last changes of content and inode, nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    device: u64,
    number: u64,
    size: u64,
    modified: i128,
    changed: i128,
}

fn version(path: &[u8]) -> Option<Version> {
    let found = std::fs::metadata(Path::new(OsStr::from_bytes(path))).ok()?;
    let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    Some(Version {
        device: found.dev(),
        number: found.ino(),
        size: found.size(),
        modified: nanoseconds(found.mtime(), found.mtime_nsec()),
        changed: nanoseconds(found.ctime(), found.ctime_nsec()),
    })
}

/// The files as they were seen last.
struct Seen(Vec<Option<Version>>);

impl Seen {
    fn new(files: &[Vec<u8>]) -> Self {
        Self(files.iter().take(MOST).map(|path| version(path)).collect())
    }

    /// The first file that changed after `since`, nanoseconds since the epoch. What bears a later time than `now` was changed by another clock, and nobody knows when.
    fn changed_between(&self, since: u64, now: u64) -> Option<usize> {
        let time = i128::from(since)..=i128::from(now);
        self.0.iter().position(|version| version.is_some_and(|version| time.contains(&version.changed)))
    }

    /// Looks again: the first file that is another one now. One that is gone is no change: in the middle of a deployment it comes back.
    fn look(&mut self, files: &[Vec<u8>]) -> Option<usize> {
        let other = |(seen, path): (&mut Option<Version>, &Vec<u8>)| {
            let now = version(path)?;
            (seen.replace(now) != Some(now)).then_some(())
        };
        self.0.iter_mut().zip(files).position(|one| other(one).is_some())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::ffi::OsStrExt as _;

    use super::{Seen, version};

    #[test]
    fn what_has_changed_is_seen_once_and_what_is_gone_is_not() {
        let place = std::env::temp_dir().join(format!("wsgi-watch-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        let file = |name: &str| place.join(name);
        let files: Vec<Vec<u8>> = ["a", "b", "c"].map(|name| file(name).as_os_str().as_bytes().to_vec()).to_vec();
        std::fs::write(file("a"), "1").unwrap();
        std::fs::write(file("b"), "1").unwrap();
        let mut seen = Seen::new(&files);
        assert_eq!(seen.look(&files), None);
        let times = [0, 1].map(|index: usize| u64::try_from(version(files.get(index).unwrap()).unwrap().changed).unwrap());
        let (first, last) = (*times.first().unwrap(), *times.last().unwrap());
        assert_eq!(seen.changed_between(first, last), Some(0));
        assert_eq!(seen.changed_between(last + 1, u64::MAX), None, "nothing since");
        assert_eq!(seen.changed_between(0, first - 1), None, "later than now");
        std::fs::remove_file(file("a")).unwrap();
        assert_eq!(seen.look(&files), None, "gone");
        std::fs::write(file("new"), "2").unwrap();
        std::fs::rename(file("new"), file("a")).unwrap();
        assert_eq!((seen.look(&files), seen.look(&files)), (Some(0), None));
        std::fs::write(file("c"), "").unwrap();
        assert_eq!((seen.look(&files), seen.look(&files)), (Some(2), None), "one that was not there");
        std::fs::remove_dir_all(place).unwrap();
    }
}
