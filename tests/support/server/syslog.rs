/*! A syslog daemon: a socket that takes what `syslog()` sends, and writes it to a file, a line each. */

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A running daemon; it ends when this is dropped.
#[derive(Debug)]
pub struct Syslog(#[expect(dead_code, reason = "its end is what counts")] Arc<()>);

impl Syslog {
    /// Listens at `socket` and writes to `file`.
    pub fn start(socket: &Path, file: &Path) -> Self {
        let listener = UnixDatagram::bind(socket).unwrap();
        // A line of a process that is not root, too.
        std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o666)).unwrap();
        listener.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut log = File::create(file).unwrap();
        let lives = Arc::new(());
        let watched = Arc::downgrade(&lives);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while watched.strong_count() > 0 {
                if let Ok(count) = listener.recv(&mut buffer) {
                    let line = buffer.get(..count).unwrap_or_default().strip_suffix(b"\0").unwrap_or(&buffer[..count]);
                    log.write_all(&[line, b"\n"].concat()).unwrap();
                }
            }
        });
        Self(lives)
    }
}
