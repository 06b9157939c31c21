/*! What the children of one configuration tell each other about Python: its facts, so that one of them asks for all, and deaths, so
that a Python that kills the process that starts it is not tried by every next child for ever. *Runs in: child.* */

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;

use interpreter::StartError;
use interpreter::interpreter_info::{self, InterpreterInfo};
use interpreter::run::Manner;
use protocol::log_code;
use rustix::process::{Pid, test_kill_process};

use crate::httpd::system::shared::Shared;

/// So many children may die while they start Python. One death may be an accident: a child that was told to end just then.
const DEATHS: u32 = 2;

/// The facts of an interpreter: from another child that asked about the same file, or asked now.
///
/// # Errors
/// As [`interpreter_info::ask`].
pub fn facts(shared: Option<&Shared>, executable: &Path) -> Result<InterpreterInfo, StartError> {
    let key = key(executable);
    let known = shared.zip(key.as_deref()).and_then(|(shared, key)| interpreter_info::parse(shared.note()?.strip_prefix(key)?));
    if let Some(facts) = known {
        return Ok(facts);
    }
    let (facts, answer) = interpreter_info::ask(executable, Manner::default())?;
    if let (Some(shared), Some(key)) = (shared, key) {
        shared.leave(&[key, answer].concat());
    }
    Ok(facts)
}

/// What tells that it is still the same file: path, device, inode and time of change.
fn key(executable: &Path) -> Option<Vec<u8>> {
    let file = std::fs::metadata(executable).ok()?;
    let numbers = format!("\0{}\0{}\0{}.{}\0", file.dev(), file.ino(), file.mtime(), file.mtime_nsec());
    Some([executable.as_os_str().as_bytes(), numbers.as_bytes()].concat())
}

/// Says to the other children that this process does something that may kill it, until it is dropped.
pub struct Dangerous<'s> {
    shared: Option<&'s Shared>,
    me: u32,
}

impl<'s> Dangerous<'s> {
    /// Begins.
    ///
    /// # Errors
    /// [`log_code::PYTHON_DIED_AT_START`] when too many died over it.
    pub fn begin(shared: Option<&'s Shared>) -> Result<Self, StartError> {
        let me = std::process::id();
        if let Some(shared) = shared {
            let before = shared.busy.swap(me, Ordering::AcqRel);
            let deaths = if before != 0 && before != me && !lives(before) {
                shared.deaths.fetch_add(1, Ordering::AcqRel) + 1
            } else {
                shared.deaths.load(Ordering::Acquire)
            };
            if deaths >= DEATHS {
                shared.busy.store(0, Ordering::Release);
                let text = format!(
                    "{deaths} child processes of httpd died while they started Python, so this one did not try. To fix: read Python's last output in \
                     the log before this message, repair that Python, then restart httpd"
                );
                return Err(StartError::new(&log_code::PYTHON_DIED_AT_START, text));
            }
        }
        Ok(Self { shared, me })
    }
}

impl Drop for Dangerous<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared {
            // Another child that began meanwhile has put itself here.
            if shared.busy.compare_exchange(self.me, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                shared.deaths.store(0, Ordering::Release);
            }
        }
    }
}

fn lives(process: u32) -> bool {
    let id = i32::try_from(process).ok().and_then(Pid::from_raw);
    id.is_some_and(|id| !matches!(test_kill_process(id), Err(rustix::io::Errno::SRCH)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Dangerous, Ordering, Shared, log_code};
    use crate::httpd::pool::testing::with_pool;

    /// A process that has been and gone.
    fn dead() -> u32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let id = child.id();
        child.wait().unwrap();
        id
    }

    #[test]
    fn two_deaths_end_the_attempts_and_a_success_forgives_one() {
        with_pool(|pool| {
            Shared::make(pool).unwrap();
            let shared = Shared::of(pool).unwrap();
            shared.busy.store(dead(), Ordering::Release);
            drop(Dangerous::begin(Some(shared)).unwrap_or_else(|problem| unreachable!("{problem}")));
            assert_eq!(shared.deaths.load(Ordering::Acquire), 0);
            for _ in 0..2 {
                shared.busy.store(dead(), Ordering::Release);
                std::mem::forget(Dangerous::begin(Some(shared)));
            }
            let refused = Dangerous::begin(Some(shared)).err().unwrap();
            assert_eq!(refused.code().number, log_code::PYTHON_DIED_AT_START.number);
        });
    }

    #[test]
    fn a_living_sibling_is_no_death() {
        with_pool(|pool| {
            Shared::make(pool).unwrap();
            let shared = Shared::of(pool).unwrap();
            shared.busy.store(std::os::unix::process::parent_id(), Ordering::Release);
            assert!(Dangerous::begin(Some(shared)).is_ok());
            assert_eq!(shared.deaths.load(Ordering::Acquire), 0);
        });
    }
}
