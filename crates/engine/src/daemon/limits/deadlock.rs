/*! `deadlock-timeout`: a thread of its own takes and drops the main interpreter's lock each second. When it can't for too long, no request can run
either, and the watching thread, which never waits for that lock, ends the process. *Runs in: daemon.* */

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use protocol::log_code::DEADLOCK;
use protocol::reason::Reason;
use protocol::table::Limit;

use crate::capi::{leave_process, thread};
use crate::daemon::limits::stacks::show_stack;
use crate::daemon::state::Shared;
use crate::daemon::workers::worker_threads;
use crate::interpreter::registry::Registry;
use crate::logging;

/// How often the lock is taken.
const EACH: Duration = Duration::from_secs(1);

/// What the threads get to write where they are.
const WRITING: Duration = Duration::from_millis(200);
/// The watching thread looks more often than this, milliseconds.
const STANDSTILL: u64 = 5_000;

/// When the interpreter's lock could be had last.
pub struct Heartbeat {
    born: Instant,
    /// Milliseconds after that.
    last: AtomicU64,
    /// When it was last looked at, alike.
    looked: AtomicU64,
    limit: Duration,
}

impl Heartbeat {
    /// Starts the thread, if the group has that limit.
    ///
    /// # Errors
    /// When there can't be a further thread.
    pub fn begin(shared: &Shared, registry: &'static Registry) -> Result<Option<Arc<Self>>, String> {
        let limit = Duration::from_millis(shared.process.deadlock_timeout);
        if limit.is_zero() {
            return Ok(None);
        }
        let heartbeat = Arc::new(Self { born: Instant::now(), last: AtomicU64::new(0), looked: AtomicU64::new(0), limit });
        let own = Arc::clone(&heartbeat);
        let started = std::thread::Builder::new().name("wsgi-heartbeat".to_owned()).spawn(move || own.beat(registry));
        started.map(|_| Some(heartbeat)).map_err(|error| worker_threads::refused(&error))
    }

    fn beat(&self, registry: &'static Registry) {
        let Some(main) = registry.find(b"", false) else { return };
        loop {
            thread::attached(main.handle, |_| ());
            self.last.store(self.now(), Ordering::Release);
            std::thread::sleep(EACH);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Ends the process if the lock could not be had for too long. Called by the watching thread.
    pub fn check(&self, shared: &Shared) {
        let now = self.now();
        let looked = self.looked.swap(now, Ordering::Relaxed);
        if now.saturating_sub(looked) > STANDSTILL {
            // The whole process stood still (SIGSTOP, a frozen machine): that is nobody's deadlock.
            self.last.store(now, Ordering::Release);
        }
        let silent = Duration::from_millis(now.saturating_sub(self.last.load(Ordering::Acquire)));
        // The pause between two beats is not part of it.
        if silent >= self.limit.saturating_add(EACH) {
            self.end(shared);
        }
    }

    fn end(&self, shared: &Shared) -> ! {
        // What comes from here on waits for the next process.
        shared.leave();
        let limit = self.limit.as_secs();
        let at = shared.slots.iter().filter(|slot| slot.running().get().is_some()).map(|slot| slot.name()).collect::<Vec<_>>();
        let at = if at.is_empty() { String::new() } else { format!("; it was serving {}", at.join(", ")) };
        logging::log_code(
            DEADLOCK,
            &format!("no thread could acquire the GIL for {limit} s (`deadlock-timeout={limit}`): this process exits{at}"),
        );
        shared.ask(Reason::DeadlockTimeout);
        for slot in &shared.slots {
            show_stack(slot, |_| true);
        }
        // Each thread writes its own, as soon as it is its turn.
        std::thread::sleep(WRITING);
        shared.table_slot.cut(Some(Limit::Deadlock));
        leave_process(1)
    }
}
