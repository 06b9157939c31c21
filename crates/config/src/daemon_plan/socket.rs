/*! Where the sockets of a group's processes are: a path, to which each process adds a dot and the number of its slot.

By default it lies in a directory of our own below httpd's runtime directory, which only root writes and everybody passes through (0711).
`WSGISocketPrefix` puts it elsewhere; then the place is the administrator's. The name tells httpd's parent, generation and group, as
mod_wsgi's does, so that nothing left behind is mistaken for a live socket. *Runs in: parent.* */

use crate::ConfigError;
use crate::error::quoted;
use crate::settings::ProcessSettings;

/// The longest path that a Unix socket can have: `sun_path` with its NUL, less the ending that names a process (`.4095`, and a letter
/// more while it is being made).
const LONGEST: usize = 101;

/// The directory of ours below the runtime directory.
const DIRECTORY: &[u8] = b"mod_wsgi_rs";

/// Where a group's sockets go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The directory to make first (0711, root's) if it is ours to make.
    pub directory: Option<Vec<u8>>,
    /// What their paths begin with.
    pub path: Vec<u8>,
}

/// The sockets of group `number` (from 1), whose processes run as `uid`, at the given generation of the httpd whose parent is `parent`.
/// With `WSGISocketRotation Off` its name stays the same over generations.
///
/// # Errors
/// A path that is too long for a socket.
pub fn socket(
    settings: &ProcessSettings,
    runtime_directory: &[u8],
    parent: u32,
    generation: u64,
    uid: u32,
    number: u32,
) -> Result<Socket, ConfigError> {
    let (directory, prefix) = match &settings.socket_prefix {
        Some(prefix) => (None, prefix.to_vec()),
        None => {
            let directory = [runtime_directory.strip_suffix(b"/").unwrap_or(runtime_directory), b"/", DIRECTORY].concat();
            let prefix = [&directory, b"/wsgi".as_slice()].concat();
            (Some(directory), prefix)
        }
    };
    let when = if settings.socket_rotation { generation.to_string() } else { format!("u{uid}") };
    let path = [&prefix, format!(".{parent}.{when}.{number}").as_bytes()].concat();
    if path.len() > LONGEST {
        return Err(ConfigError::new(
            format!("the socket path {} has {} bytes, but at most {LONGEST} are possible", quoted(&path), path.len()),
            "set `WSGISocketPrefix` to a short path, for example `WSGISocketPrefix /run/wsgi`",
        ));
    }
    Ok(Socket { directory, path })
}
