/*! One server as the rules for the whole configuration see it. *Runs in: parent.* */

use crate::settings::{Alias, DirectoryConfig, GroupName, ServerConfig};

/// One server as it stands after merging.
#[derive(Clone, Copy, Debug)]
pub struct ServerView<'a> {
    /// Its settings; those of a virtual host are already merged with the main server's.
    pub config: &'a ServerConfig,
    /// Its settings outside of directory sections, merged likewise.
    pub directory: &'a DirectoryConfig,
    /// `ServerName` (`server_hostname`).
    pub host: &'a [u8],
    /// Its port: `ServerName`'s, else that of the virtual host's address, else the first `Listen`'s.
    pub port: u16,
    /// Whether a request can reach it. Not so for a main server when wildcard virtual hosts cover every `Listen`.
    pub reachable: bool,
}

/// The port as group names show it: not at all if it is a scheme's own.
pub fn shown_port(port: u16) -> Option<u16> {
    (port != 80 && port != 443).then_some(port)
}

/// The host and the port as group names begin.
pub fn host_and_port(host: &[u8], port: u16) -> Vec<u8> {
    match shown_port(port) {
        None => host.to_vec(),
        Some(port) => [host, b":", port.to_string().as_bytes()].concat(),
    }
}

impl<'a> ServerView<'a> {
    /// Whether the applications that `alias` maps in this server run in embedded mode, whatever a request says.
    pub fn runs_embedded(&self, alias: &'a Alias) -> bool {
        let placed = self.process_group(alias);
        placed.certain && *placed.name == GroupName::Global
    }
}
