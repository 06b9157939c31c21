/*! What happens beside the requests, in one thread that never takes the GIL: the supervisor's orders, the parent's death, signals, and time
limits. *Runs in: daemon.* */

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use protocol::Level;
use protocol::control::Message;
use protocol::log_code::{DAEMON_REQUEST_TIMEOUT, SHUTDOWN_OVERDUE, STARTUP_OVERDUE};
use protocol::reason::Reason;
use protocol::table::Limit;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags};

use crate::capi::{leave_process, signals};
use crate::daemon::control::Lost;
use crate::daemon::descriptors::{Descriptor, adopt};
use crate::daemon::limits::deadlock::Heartbeat;
use crate::daemon::limits::interrupt::{Interrupter, Overdue};
use crate::daemon::limits::stacks::{Stacks, show_stack};
use crate::daemon::reload::unchanged;
use crate::daemon::state::Shared;
use crate::daemon::workers::worker_slot::Stage;
use crate::daemon::workers::worker_threads;
use crate::interpreter::registry::Registry;
use crate::logging;

/// How often limits are looked at.
const TICK: Duration = Duration::from_millis(250);
/// How often it is looked whether a child has died with something of ours, and `deadlock-timeout` if there is nothing else.
const SLOW_TICK: Duration = Duration::from_secs(1);
/// How long an application has to answer `RequestTimeout` before its client is told 504 all the same.
const ANSWER: Duration = Duration::from_secs(1);

/// Starts the watching thread.
///
/// # Errors
/// What could not be set up.
pub fn begin(shared: &Arc<Shared>, registry: &'static Registry) -> Result<(), String> {
    let parent = i32::try_from(shared.process.parent)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or("the process ID of httpd's parent process is invalid")?;
    let parent = rustix::process::pidfd_open(parent, PidfdFlags::empty())
        .map_err(|e| format!("could not watch httpd's parent process: {e}"))?;
    let parent = adopt(parent);
    let signals = signal_pipe(shared.process.threads == 0).map_err(|e| format!("could not install signal handlers: {e}"))?;
    let timed = shared.process.request_timeout > 0;
    let limits = Limits {
        interrupt: if timed { Some(Interrupter::begin(shared)?) } else { None },
        heartbeat: Heartbeat::begin(shared, registry)?,
        startup: shared.process.startup_timeout > 0,
        stacks: Stacks::default(),
    };
    let shared = Arc::clone(shared);
    let started =
        std::thread::Builder::new().name("wsgi-watch".to_owned()).spawn(move || watch(&shared, &parent, &signals, &limits));
    started.map(drop).map_err(|error| worker_threads::refused(&error))
}

/// Has the signals that the process hears written to a pipe; its reading end.
fn signal_pipe(service: bool) -> Result<Descriptor, std::io::Error> {
    let (reading, writing) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    signals::install(adopt(writing), service)?;
    Ok(adopt(reading))
}

fn watch(shared: &Arc<Shared>, parent: &Descriptor, signals: &Descriptor, limits: &Limits) {
    signals::leave_to_others();
    let mut stop_at = None;
    let mut supervised = true;
    loop {
        // A lost supervisor's socket would be readable for ever.
        let control = if supervised { shared.control.descriptor() } else { parent.as_fd() };
        let mut descriptors = [
            PollFd::from_borrowed_fd(control, PollFlags::IN),
            PollFd::new(parent, PollFlags::IN),
            PollFd::new(signals, PollFlags::IN),
        ];
        // What children reserved and did not use is looked for while there is something of it.
        let unsettled = shared.table_slot.look(shared.leaving.load(Ordering::Acquire), &shared.gate);
        let tick = Timespec::try_from(limits.tick(stop_at.is_some() || unsettled)).ok();
        // An interrupted wait is looked at like any other.
        let _waited = rustix::event::poll(&mut descriptors, tick.as_ref());
        let [from_supervisor, parent_gone, signalled] = descriptors.map(|d| !d.revents().is_empty());
        if parent_gone {
            leave_process(0);
        }
        if signalled {
            for number in signals::pending(signals) {
                signalled_with(shared, number);
            }
        }
        if supervised && from_supervisor {
            let ordered = orders(shared).unwrap_or_else(|Lost| {
                // Nobody could wait for this process any more: it ends with what it has.
                supervised = false;
                shared.leave();
                Some(Instant::now() + shared.stop_deadline().unwrap_or(Duration::from_secs(5)))
            });
            // The first limit holds: a later word does not move it.
            stop_at = stop_at.or(ordered);
            // It may be deep in an import that never ends, and has nothing to finish. (A service never gets ready: its scripts are what it runs.)
            if shared.process.threads > 0 && shared.leaving.load(Ordering::Acquire) && !shared.ready.load(Ordering::Acquire) {
                logging::text(Level::Info, b"the daemon process exits before it has loaded its scripts");
                leave_process(1);
            }
        }
        if stop_at.is_some_and(|at| Instant::now() >= at) {
            logging::log_code(SHUTDOWN_OVERDUE, "requests were still running when the process had to exit; they were aborted");
            shared.table_slot.cut((!supervised).then_some(Limit::Shutdown));
            leave_process(1);
        }
        limits.look(shared);
    }
}

/// Does what the supervisor says; the time by which the process must have ended, if it said so.
///
/// # Errors
/// [`Lost`]: there is no supervisor any more.
fn orders(shared: &Arc<Shared>) -> Result<Option<Instant>, Lost> {
    let mut stop_at = None;
    while let Some(message) = shared.control.receive(false)? {
        match message {
            Message::Drain(why) => {
                shared.lifecycle.ends(why);
                shared.leave();
            }
            Message::Stop(why) => {
                shared.lifecycle.ends(why);
                shared.leave();
                stop_at = shared.stop_deadline().map(|wait| Instant::now() + wait);
            }
            Message::Ask => shared.control.send(&shared.load()),
            Message::Look => unchanged::begin(shared),
            Message::Patience(limit) => shared.patience.store(limit, Ordering::Release),
            _ => {}
        }
    }
    Ok(stop_at)
}

/// A signal to this process: most ask for a successor, and that what runs is finished.
fn signalled_with(shared: &Shared, number: u8) {
    match i32::from(number) {
        libc::SIGUSR1 => shared.ask(Reason::GracefulSignal),
        // Sent each second once the limit is reached.
        libc::SIGXCPU if !shared.lifecycle.asked() => {
            logging::text(Level::Info, b"this process has reached its cpu-time-limit and is replaced");
            shared.ask(Reason::CpuTimeLimit);
        }
        libc::SIGXCPU => {}
        libc::SIGHUP | libc::SIGUSR2 if shared.process.threads == 0 => {
            let own = "the script can install a handler with `signal.signal()`";
            logging::text(Level::Info, format!("signal {number} was ignored by this service: {own}").as_bytes());
        }
        libc::SIGHUP | libc::SIGUSR2 => shared.subscribers.tell(number),
        _ => shared.ask(Reason::ShutdownSignal),
    }
}

/// What sees to the limits.
struct Limits {
    /// To the thread that interrupts, where requests have a limit.
    interrupt: Option<Interrupter>,
    /// `deadlock-timeout`
    heartbeat: Option<Arc<Heartbeat>>,
    /// There is a `startup-timeout`.
    startup: bool,
    /// Where the busy threads are, when somebody asks.
    stacks: Stacks,
}

impl Limits {
    /// How long to wait at most for something to happen.
    const fn tick(&self, soon: bool) -> Duration {
        if self.interrupt.is_some() || self.startup || soon { TICK } else { SLOW_TICK }
    }

    fn look(&self, shared: &Arc<Shared>) {
        self.look_at_requests(shared);
        self.stacks.look(shared);
        look_at_startup(shared);
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.check(shared);
        }
    }

    fn look_at_requests(&self, shared: &Shared) {
        let Some(interrupt) = &self.interrupt else { return };
        let limit = Duration::from_millis(shared.process.request_timeout);
        let patience = Duration::from_millis(shared.process.interrupt_timeout);
        let mut given_up = false;
        for (index, slot) in shared.slots.iter().enumerate() {
            let mut guard = slot.running();
            let Some(running) = guard.get() else { continue };
            let Some(over) = running.since.elapsed().checked_sub(limit) else { continue };
            if running.stage == Stage::InTime {
                running.stage = Stage::Overdue { told: false };
                let raise = !patience.is_zero();
                interrupt.give(Overdue { slot: index, serial: running.serial, raise });
            }
            let told = running.stage != Stage::Overdue { told: false };
            // The application may answer the exception itself; its client does not wait longer than this for it.
            if !told && over >= patience.min(ANSWER) {
                running.channel.time_out();
                running.stage = Stage::Overdue { told: true };
            }
            if running.stage != Stage::GivenUp && over >= patience {
                running.stage = Stage::GivenUp;
                drop(guard);
                give_up(shared, &slot.name(), limit, patience);
                given_up = true;
            } else {
                given_up |= running.stage == Stage::GivenUp;
            }
        }
        if given_up && interrupt.is_stuck(ANSWER) && !shared.leaving.load(Ordering::Acquire) {
            // No other thread can serve either: what comes now waits for the successor.
            shared.leave();
            for slot in &shared.slots {
                show_stack(slot, |running| running.stage == Stage::GivenUp);
            }
        }
    }
}

/// `startup-timeout`: a process that has loaded no script for so long is replaced.
fn look_at_startup(shared: &Shared) {
    let limit = Duration::from_millis(shared.process.startup_timeout);
    if !shared.lifecycle.is_startup_overdue(limit) {
        return;
    }
    // Nothing that comes now would be served any sooner.
    shared.leave();
    let limit = limit.as_secs();
    logging::log_code(
        STARTUP_OVERDUE,
        &format!(
            "no script could be loaded within {limit} s of the first request (`startup-timeout={limit}`): this process is replaced"
        ),
    );
    shared.ask(Reason::StartupTimeout);
}

/// A request that does not end has the process replaced.
fn give_up(shared: &Shared, name: &str, limit: Duration, patience: Duration) {
    let limit = limit.as_secs();
    let and = if patience.is_zero() {
        String::new()
    } else {
        format!(
            ", and did not end within `interrupt-timeout={}` after mod_wsgi.RequestTimeout was raised in it",
            patience.as_secs()
        )
    };
    logging::log_code(
        DAEMON_REQUEST_TIMEOUT,
        &format!("{name} ran longer than `request-timeout={limit}`{and}: its client got 504, and this process is replaced"),
    );
    shared.ask(Reason::RequestTimeout);
}

/// Ends the process: shutdown callbacks and `atexit` functions first, with a deadline. Python is not finalised.
pub fn exit(shared: &Shared, status: i32) -> ! {
    shared.leaving.store(true, Ordering::Release);
    let deadline = shared.stop_deadline().unwrap_or(Duration::from_secs(5));
    let reason = shared.lifecycle.reason().name();
    logging::text(Level::Info, format!("the daemon process exits ({reason})").as_bytes());
    crate::interpreter::shutdown::within(deadline, reason);
    leave_process(status)
}
