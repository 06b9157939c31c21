/*! While processes of a group wait for their next try, a helper looks whether what they may wait for has come: a saved script, a repaired virtual environment.

Root looks at no file of a user's, so a process of its own does (`helper`): this program once more, which becomes the group's user. It has some minutes; the supervisor
hears its exit status and nothing else, kills it when the pause is over, and waits for it never.

| file | what |
|---|---|
| `files` | which files |
| `helper` | the process that looks |

*Runs in: supervisor, and helper.* */

mod files;
pub mod helper;

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::file_watch::{Request, which};
use protocol::plan;
use protocol::probe::Identity;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use rustix::time::{ClockId, clock_gettime};

use crate::spawn::exec_spec::ExecSpec;
use crate::timers::Millis;

/// How long a helper looks. One that has not ended some seconds later stands still in a file system, and is killed.
const LIFETIME: Millis = 120_000;
const OVERDUE: Millis = 5_000;
/// A group's helpers are started no more often: its user can kill them.
const SPACING: Millis = 2_000;
/// When one could not do its work, the next is not tried before.
const FAILED: Millis = 60_000;
/// So many are there at a time, for all groups. A group without one waits for the end of its pause.
const MOST: usize = 64;

static THERE: AtomicUsize = AtomicUsize::new(0);

/// A helper at work.
#[derive(Debug)]
struct Helper {
    pid: Pid,
    files: Vec<Vec<u8>>,
    until: Millis,
}

impl Drop for Helper {
    fn drop(&mut self) {
        THERE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A group's watch over its files.
#[derive(Debug, Default)]
pub struct FileWatch {
    helper: Option<Helper>,
    /// No other is started before.
    not_before: Millis,
}

/// What is watched.
#[derive(Debug)]
pub struct Watched<'a> {
    /// The group.
    pub group: &'a plan::Group,
    /// How its processes are started.
    pub spec: &'a ExecSpec,
    /// Further scripts that its processes are known to load.
    pub scripts: Vec<Vec<u8>>,
    /// When a process was started last.
    pub since: Millis,
}

impl FileWatch {
    /// Starts a helper where one is wanted (`watched`), and ends one that is not wanted any more or is overdue.
    pub fn tick<'a>(&mut self, watched: Option<impl FnOnce() -> Watched<'a>>, now: Millis) {
        match (&self.helper, watched) {
            (None, Some(watched)) if now >= self.not_before => {
                self.helper = start(&watched(), now);
                self.not_before = now.saturating_add(if self.helper.is_some() { SPACING } else { FAILED });
            }
            (Some(helper), watched) if watched.is_none() || now >= helper.until => self.kill(now),
            _ => {}
        }
    }

    fn kill(&mut self, now: Millis) {
        if let Some(helper) = &mut self.helper {
            // It has not been waited for, so that the number is its own; it may have ended.
            kill_process(helper.pid, Signal::KILL).unwrap_or_default();
            // One that stands still in the kernel ends when its file system answers.
            helper.until = now.saturating_add(OVERDUE);
        }
    }

    /// When `tick` has something to do next, while a helper is wanted.
    pub fn wake(&self) -> Millis {
        self.helper.as_ref().map_or(self.not_before, |helper| helper.until)
    }

    /// Whether that process is its helper.
    pub fn is(&self, pid: Pid) -> bool {
        self.helper.as_ref().is_some_and(|helper| helper.pid == pid)
    }

    /// The file that has changed, if the helper has ended and says so.
    pub fn reap(&mut self, now: Millis) -> Option<Vec<u8>> {
        let pid = self.helper.as_ref()?.pid;
        let status = match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
            Ok(None) => return None,
            Ok(Some(status)) => status.exit_status(),
            Err(_) => None,
        };
        let helper = self.helper.take()?;
        if status == Some(protocol::file_watch::FAILED.into()) {
            self.not_before = now.saturating_add(FAILED);
        }
        which(status?).and_then(|index| helper.files.get(index).cloned())
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        self.kill(0);
    }
}

/// Starts a helper; `None` where there can't be one.
fn start(watched: &Watched<'_>, now: Millis) -> Option<Helper> {
    let Watched { group, spec, scripts, since } = watched;
    let files = files::of(group, spec, scripts);
    let time = clock_gettime(ClockId::Realtime);
    let nanoseconds = u64::try_from(time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)).unwrap_or_default();
    let request = Request {
        identity: spec.identity.as_ref().map(|who| Identity { uid: who.uid, gid: who.gid, groups: who.groups.clone() }),
        supervisor: std::process::id(),
        root: group.chroot.clone(),
        since: nanoseconds.saturating_sub(now.saturating_sub(*since).saturating_mul(1_000_000)),
        lifetime: LIFETIME,
        files: files.clone(),
    };
    let request = shared_memory::seal(c"wsgi-watch", &request.encode()).ok()?;
    THERE.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |there| (there < MOST).then_some(there + 1)).ok()?;
    // The file that this process runs, also where another one has its name by now.
    let started = Command::new("/proc/self/exe")
        .arg("watch")
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(request))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let pid = started.ok().and_then(|child| Pid::from_raw(i32::try_from(child.id()).ok()?));
    if pid.is_none() {
        THERE.fetch_sub(1, Ordering::Relaxed);
    }
    Some(Helper { pid: pid?, files, until: now.saturating_add(LIFETIME + OVERDUE) })
}
