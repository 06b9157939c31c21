/*! What the threads of a daemon process share. Thread bodies take this; it knows none of them. *Runs in: daemon.* */

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use protocol::control::{Message, Process};
use protocol::reason::Reason;

use crate::daemon::channel::Channel;
use crate::daemon::channel::connections::Connections;
use crate::daemon::channel::deferred_flush::DeferredFlush;
use crate::daemon::channel::shared_bodies::SharedBodies;
use crate::daemon::control::Control;
use crate::daemon::descriptors::Descriptor;
use crate::daemon::limits::lifecycle::Lifecycle;
use crate::daemon::reload::script_versions::ScriptVersions;
use crate::daemon::reload::scripts::Scripts;
use crate::daemon::subscribers::Subscribers;
use crate::daemon::workers::table_slot::TableSlot;
use crate::daemon::workers::worker_gate::WorkerGate;
use crate::daemon::workers::worker_slot::WorkerSlot;
use crate::gateway::serve::{RequestObserver, Unobserved};
use crate::request::call::Call;

/// What all threads of the process share.
pub struct Shared {
    /// What the supervisor said.
    pub process: Process,
    /// The way to the supervisor.
    pub control: Control,
    /// The process's listening socket.
    pub listener: Descriptor,
    /// What has been accepted from it.
    pub connections: Connections,
    /// How many workers wait for requests.
    pub gate: WorkerGate,
    /// Which responses wait for their end.
    pub deferred: Arc<DeferredFlush>,
    /// Memory for bodies.
    pub shared_bodies: Arc<SharedBodies>,
    /// The process in its group's table.
    pub table_slot: TableSlot,
    /// Which scripts have changed.
    pub script_versions: ScriptVersions,
    /// Which scripts are loaded, and in which version.
    pub scripts: Scripts,
    /// Its scripts have been loaded, well or badly: there may be requests.
    pub ready: AtomicBool,
    /// No further request is begun.
    pub leaving: AtomicBool,
    served: AtomicU64,
    /// How long one read or write of the channel may take, milliseconds: of connections that are accepted from now on.
    pub patience: AtomicU64,
    /// The callbacks that subscribe to signals.
    pub subscribers: Subscribers,
    /// When there was something to do, and why it ends.
    pub lifecycle: Lifecycle,
    /// One per worker.
    pub slots: Vec<WorkerSlot>,
}

/// What has to be opened before there is a [`Shared`].
pub struct Parts {
    /// The way to the supervisor.
    pub control: Control,
    /// The listening socket.
    pub listener: Descriptor,
    /// What is accepted from it.
    pub connections: Connections,
    /// The process in its group's table.
    pub table_slot: TableSlot,
    /// One per worker.
    pub slots: Vec<WorkerSlot>,
}

impl Shared {
    /// The state of a process that is about to load its scripts.
    pub fn new(process: Process, parts: Parts) -> Self {
        let Parts { control, listener, connections, table_slot, slots } = parts;
        let workers = slots.len();
        let patience = process.socket_timeout;
        Self {
            slots,
            process,
            control,
            listener,
            connections,
            gate: WorkerGate::new(workers),
            deferred: Arc::default(),
            shared_bodies: Arc::new(SharedBodies::new(workers)),
            table_slot,
            script_versions: ScriptVersions::default(),
            scripts: Scripts::default(),
            ready: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            served: AtomicU64::new(0),
            patience: AtomicU64::new(patience),
            subscribers: Subscribers::default(),
            lifecycle: Lifecycle::default(),
        }
    }

    /// Runs a request of worker `number` where the watching thread sees it.
    pub fn watched(
        &self,
        number: usize,
        channel: &Arc<Channel>,
        call: &Call<'_>,
        request: impl FnOnce(&dyn RequestObserver) -> i32,
    ) -> i32 {
        match self.slots.get(number.saturating_sub(1)) {
            Some(slot) => slot.taken(channel, call, || request(slot)),
            None => request(&Unobserved),
        }
    }

    /// Counts a request, and asks for a successor when there have been enough.
    pub fn served(&self) {
        let served = self.served.fetch_add(1, Ordering::AcqRel) + 1;
        if served == self.process.maximum_requests {
            self.ask(Reason::MaximumRequests);
        }
    }

    /// Asks to be replaced.
    pub fn ask(&self, reason: Reason) {
        self.lifecycle.asks(reason);
        self.control.send(&Message::ReplaceMe(reason));
    }

    /// What the supervisor may ask.
    pub fn load(&self) -> Message {
        Message::Load {
            busy: self.gate.running(),
            served: self.served.load(Ordering::Acquire),
            activity: self.lifecycle.activity(),
        }
    }

    /// Asks the supervisor for a process with the new version of the script at `path`.
    pub fn ask_for_new_code(&self, path: &[u8]) {
        // Sent first, so that the supervisor knows the version if it cannot be loaded.
        if let Some(message) = self.scripts.look(path) {
            self.control.send(&message);
        }
        // Not why this process ends: the new version may turn out to be of no use.
        self.control.send(&Message::ReplaceMe(Reason::ScriptReload));
    }

    /// From here on no request is begun; the workers end with what they have.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
        self.table_slot.leave();
    }

    /// How long requests may still run when the process was told to stop. `None`: without a limit.
    pub fn stop_deadline(&self) -> Option<Duration> {
        (self.process.shutdown_timeout > 0).then(|| Duration::from_millis(self.process.shutdown_timeout))
    }
}
