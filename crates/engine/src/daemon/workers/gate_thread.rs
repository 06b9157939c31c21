/*! The thread that decides how many workers are let in ([`super::worker_gate`]): it looks at them every [`TICK`], and sleeps when there is nothing to see. It also
sends what responses hold ([`crate::daemon::channel::deferred_flush`]). *Runs in: daemon.* */

use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::daemon::state::Shared;
use crate::daemon::workers::concurrency::{Controller, Decision, Sample};
use crate::daemon::workers::worker_slot::WorkerSlot;

/// How often the workers are looked at while there is something to see.
const TICK: Duration = Duration::from_millis(2);

/// Looks after the workers until the process ends.
pub fn look_after(shared: &Shared) {
    let gate = &shared.gate;
    let mut controller = Controller::default();
    shared.deferred.attend(true);
    while !gate.is_open() {
        let (inside, limit, workers) = gate.counts();
        let seen = Sample { running: gate.running(), inside, limit, workers, taken: gate.taken() };
        match controller.look(seen, |long| waits(shared, long), || gate.threads().any(runs)) {
            Decision::Sleep => {
                sleep(shared);
                continue;
            }
            Decision::Limit(limit) => gate.set_limit(limit),
            Decision::Stay => {}
        }
        tick(shared);
    }
    // The workers end with what they have; the last word on what is held is still to come.
    while !shared.deferred.attend(false) {
        tick(shared);
    }
}

/// Sleeps until all workers that are in run a request. What a process that has nothing to do need not keep is given back meanwhile.
fn sleep(shared: &Shared) {
    if !shared.deferred.attend(false) {
        return;
    }
    shared.gate.sleep(|| shared.connections.rest());
    shared.deferred.attend(true);
}

/// Whether something waits for a worker; with `long` this itself waits for something to come.
fn waits(shared: &Shared, long: bool) -> bool {
    let mut set = [PollFd::from_borrowed_fd(shared.connections.set(), PollFlags::IN)];
    // Nothing may be held while nobody looks.
    let long = long && shared.deferred.attend(false);
    let wait = Timespec { tv_sec: i64::from(long), tv_nsec: 0 };
    // Interrupted: at the next look.
    let waits = rustix::event::poll(&mut set, Some(&wait)).is_ok_and(|found| found > 0);
    if long {
        shared.deferred.attend(true);
    }
    waits
}

/// Waits for the next look, and sends what is held.
fn tick(shared: &Shared) {
    std::thread::sleep(TICK);
    if shared.deferred.is_any_held() {
        send_held(&shared.slots);
    }
}

/// Sends what responses have held for long enough.
fn send_held(slots: &[WorkerSlot]) {
    for slot in slots {
        let channel = slot.running().get().map(|running| Arc::clone(&running.channel));
        if let Some(channel) = channel {
            channel.send_held();
        }
    }
}

/// Whether a thread of this process is running, or could if there were a processor for it (`R` in proc(5), the third field).
fn runs(thread: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")) else { return false };
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('R'))
}
