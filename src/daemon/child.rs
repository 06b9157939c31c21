/*! What an Apache child has of daemon mode: the groups that its parent has left it, and its own connections to their processes. *Runs in: child.* */

use std::sync::OnceLock;

use super::connections::Connections;
use super::group::{DAEMONS, Daemons, Group};
use super::parent::launch;
use super::share::Share;
use crate::httpd::Server;
use crate::httpd::system::{descriptor, process};
use config::global_checks::NoAccess;

/// What a child has of daemon mode.
#[derive(Debug)]
pub struct Child {
    daemons: Option<&'static Daemons>,
    /// One for each group, in the same order.
    connections: Vec<Connections>,
    /// Its place in [`Daemons::shares`].
    place: Option<usize>,
    process_id: String,
}

/// A group, and this child's connections to its processes.
#[derive(Clone, Copy, Debug)]
pub struct GroupHandle {
    /// The group.
    pub group: &'static Group,
    /// The connections.
    pub connections: &'static Connections,
    /// The group's share of httpd's workers.
    pub share: Share,
}

static CHILD: OnceLock<Child> = OnceLock::new();

/// A child begins.
pub fn child_init(main: Server<'static>) {
    let daemons: Option<&'static Daemons> = main.remembered(&DAEMONS);
    // As many requests as it has threads can be under way, and a connection may lead to a process that is about to go.
    let most_idle = process::settings().apache_threads_per_process.max(1).saturating_mul(2);
    CHILD.get_or_init(|| {
        let groups = daemons.map(|daemons| daemons.groups.as_slice()).unwrap_or_default();
        Child {
            daemons,
            connections: groups.iter().map(|group| Connections::new(group.table.and_then(descriptor::lend), most_idle)).collect(),
            place: daemons.and_then(|daemons| daemons.shares.as_ref()?.join(std::process::id())),
            process_id: std::process::id().to_string(),
        }
    });
    // There is something to read before the first request.
    if let Some(scoreboard) = daemons.and_then(|daemons| daemons.scoreboard.as_ref()) {
        scoreboard.refresh();
    }
    // What is mapped stays.
    launch::child_init(main);
}

/// What this child has of daemon mode.
pub fn child() -> Option<&'static Child> {
    CHILD.get()
}

impl Child {
    /// The group of that name, for a request to a server named `host`.
    ///
    /// # Errors
    /// Why there is none for it.
    pub fn usable(&'static self, name: &[u8], host: &[u8]) -> Result<GroupHandle, NoAccess> {
        let daemons = self.daemons.ok_or(NoAccess::Unknown)?;
        let (index, group) = daemons.usable(name, host)?;
        let connections = self.connections.get(index).ok_or(NoAccess::Unknown)?;
        Ok(GroupHandle { group, connections, share: Share::new(daemons.shares.as_ref(), index, self.place) })
    }

    /// This process's id, as text.
    pub fn process_id(&self) -> &[u8] {
        self.process_id.as_bytes()
    }

    /// A request goes to a group: what its application may ask of httpd is made known.
    pub fn about_to_hand_over(&self, group: &Group) {
        if let Some(scoreboard) = self.daemons.and_then(|daemons| daemons.scoreboard.as_ref()).filter(|_| group.server_metrics) {
            scoreboard.refresh();
        }
    }
}
