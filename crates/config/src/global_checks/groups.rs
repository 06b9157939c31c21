/*! The daemon process groups of a configuration, and who may use them.

A group that the main server declares is everybody's. One that a virtual host declares is for requests to servers of the same
`ServerName` alone, so that the twins on ports 80 and 443 share it and a neighbour's site does not. Declared alike in several places (as
certbot copies it) it is one group, for all of them. *Runs in: parent (made), child (asked, at every request).* */

use std::sync::Arc;

use super::view::ServerView;
use crate::daemon::DaemonProcess;
use crate::settings::Text;

/// One group.
#[derive(Clone, Debug)]
pub struct DaemonGroup {
    /// What its directive says.
    pub process: Arc<DaemonProcess>,
    /// The how-manieth it is, from 1, as sockets are numbered.
    pub number: u32,
    /// Index of the server that declares it first: its log is the group's.
    pub server: usize,
    /// `ServerName`s of the virtual hosts that declare it; `None`: everybody may use it.
    owners: Option<Vec<Text>>,
}

/// Why a request or a directive may not use a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAccess {
    /// There is no such group.
    Unknown,
    /// It belongs to virtual hosts of another name.
    Foreign,
    /// One of the two has no `ServerName` to compare.
    Nameless,
}

impl NoAccess {
    /// mod_wsgi's own words for it.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Unknown => "WSGI process group not yet configured.",
            Self::Foreign => "WSGI process group not accessible.",
            Self::Nameless => "WSGI process group not matchable.",
        }
    }
}

impl DaemonGroup {
    /// Whether requests to a server named `host` may use it.
    ///
    /// # Errors
    /// Why not.
    pub fn allows(&self, host: &[u8]) -> Result<(), NoAccess> {
        let Some(owners) = &self.owners else { return Ok(()) };
        if host.is_empty() || owners.iter().all(|owner| owner.is_empty()) {
            return Err(NoAccess::Nameless);
        }
        if owners.iter().any(|owner| **owner == *host) { Ok(()) } else { Err(NoAccess::Foreign) }
    }
}

/// All groups of a configuration, in the order in which they stand there.
#[derive(Clone, Debug, Default)]
pub struct Groups(Vec<DaemonGroup>);

impl Groups {
    /// Collects them. `servers` begins with the main server.
    pub fn new(servers: &[ServerView<'_>]) -> Self {
        let mut declared: Vec<(usize, &Arc<DaemonProcess>)> = servers
            .iter()
            .enumerate()
            .flat_map(|(index, server)| server.config.daemons.iter().map(move |one| (index, one)))
            .collect();
        declared.sort_by_key(|(_, process)| process.order);
        let mut groups: Vec<DaemonGroup> = Vec::new();
        for (server, process) in declared {
            let owner = server.checked_sub(1).and_then(|_| servers.get(server)).map(|server| Text::from(server.host));
            match groups.iter_mut().find(|group| group.process.name == process.name) {
                Some(known) => match (&mut known.owners, owner) {
                    (Some(owners), Some(owner)) => owners.push(owner),
                    (owners, None) => *owners = None,
                    (None, Some(_)) => {}
                },
                None => {
                    let number = u32::try_from(groups.len()).unwrap_or(u32::MAX).saturating_add(1);
                    groups.push(DaemonGroup { process: process.clone(), number, server, owners: owner.map(|owner| vec![owner]) });
                }
            }
        }
        Self(groups)
    }

    /// The group of that name, letter by letter.
    pub fn get(&self, name: &[u8]) -> Option<&DaemonGroup> {
        self.0.iter().find(|group| *group.process.name == *name)
    }

    /// The group of that name, for a request to a server named `host` (`ServerName`).
    ///
    /// # Errors
    /// Why there is none for it.
    pub fn usable(&self, name: &[u8], host: &[u8]) -> Result<&DaemonGroup, NoAccess> {
        let group = self.get(name).ok_or(NoAccess::Unknown)?;
        group.allows(host).map(|()| group)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &DaemonGroup> {
        self.0.iter()
    }
}
