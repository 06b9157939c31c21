/*! Files that somebody else has made: only regular ones are read, with a bound, and opening one never waits. *Runs in: child, helper.* */

use std::fs::{File, OpenOptions};
use std::io::{Error, Read as _, Result};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Opens a regular file for reading. A pipe, a device or a directory is refused, and opening it has no effect on it.
///
/// # Errors
/// What the system says, or that it is no regular file.
pub fn open_regular(path: &Path) -> Result<File> {
    let irregular = || Error::other("it is not a regular file");
    // The first look keeps a device from being opened at all; the second is about what is open.
    if !std::fs::metadata(path)?.is_file() {
        return Err(irregular());
    }
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(irregular()) }
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// As [`open_regular`], or that it is longer.
pub fn read_regular(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        Ok(bytes)
    } else {
        Err(Error::other(format!("it is larger than {most} bytes")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::read_regular;
    use std::path::Path;

    #[test]
    fn pipes_devices_and_long_files_are_refused_at_once() {
        let root = std::env::temp_dir().join(format!("files-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        let fifo = root.join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        for irregular in [fifo.as_path(), Path::new("/dev/zero"), Path::new("/")] {
            assert!(read_regular(irregular, 10).unwrap_err().to_string().contains("not a regular file"), "{irregular:?}");
        }
        let sparse = root.join("sparse");
        std::fs::File::create(&sparse).unwrap().set_len(3 << 30).unwrap();
        assert!(read_regular(&sparse, 65_536).unwrap_err().to_string().contains("larger than 65536 bytes"));
        std::fs::write(root.join("short"), "x = y").unwrap();
        assert_eq!(read_regular(&root.join("short"), 5).unwrap(), b"x = y");
        assert!(read_regular(&root.join("short"), 4).is_err());
        std::fs::remove_dir_all(root).unwrap();
    }
}
