/*! httpd's scoreboard in a daemon process: a file that is written in Apache children and that this process can only read. *Runs in: daemon.* */

use std::io;
use std::time::Duration;

use protocol::scoreboard::{HEADER, good_until, length, unseal};
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::daemon::descriptors::Descriptor;
use crate::metrics::server;

/// So often it is tried to read what nobody writes meanwhile.
const TRIES: u32 = 20;
/// A writer needs less than this.
const PAUSE: Duration = Duration::from_millis(1);

/// Lets `mod_wsgi.server_metrics()` read `file`; `/dev/null` stands for none.
pub fn read_from(file: Descriptor) {
    let is_file = rustix::fs::fstat(&file).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile);
    if is_file {
        server::set_source(Box::new(move || read(&file)));
    }
}

/// The scoreboard in the file; `None` if nobody has written one, or nobody finishes writing it.
fn read(file: &Descriptor) -> Option<Vec<u8>> {
    for _ in 0..TRIES {
        let bytes = whole(file).ok().filter(|bytes| good_until(bytes).is_some())?;
        if let Some(content) = unseal(&bytes) {
            return Some(content.to_vec());
        }
        std::thread::sleep(PAUSE);
    }
    None
}

/// What was last written; the rest of the file is of earlier writings, or nothing.
fn whole(file: &Descriptor) -> io::Result<Vec<u8>> {
    let mut header = [0; HEADER];
    let read = rustix::io::pread(file, &mut header, 0)?;
    let mut bytes = vec![0; length(header.get(..read).unwrap_or_default())];
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pread(file, rest, u64::try_from(read).unwrap_or(u64::MAX)) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}
