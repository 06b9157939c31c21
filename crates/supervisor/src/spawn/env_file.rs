/*! The variables of `env-file=`, read between fork and exec: by root where nobody but root can change the file, else by the group's user.

Each line is `NAME=VALUE`; empty lines and those that begin with `#` are ignored, `export ` before a name and quotes around a value are taken away. All memory is allocated
before the fork. *Runs in: daemon (before it is Python).* */

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use protocol::settings::is_variable_name;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;

use crate::spawn::chroot;

/// Most bytes of all files of a group together.
const MOST_BYTES: usize = 256 * 1024;
/// Most variables of all files of a group together.
pub const MOST_VARIABLES: usize = 2_048;

/// Why the variables can't be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Which file, from 0.
    pub file: usize,
    /// Which line, from 1; 0 if the file could not be read.
    pub line: usize,
    /// What the kernel says; `INVAL` for a line, and for what is no regular file.
    pub error: Errno,
}

/// The files' text, and the variables in it.
#[derive(Debug, Default)]
pub struct EnvFiles {
    bytes: Vec<u8>,
    used: usize,
    /// For each file: where its text is, once it is read.
    texts: Vec<Option<(usize, usize)>>,
    /// For each variable: where it is in `bytes`, with the NUL byte behind it.
    variables: Vec<(usize, usize)>,
}

impl EnvFiles {
    /// Allocates what so many files need.
    pub fn new(files: usize) -> Self {
        if files == 0 {
            return Self::default();
        }
        Self {
            bytes: vec![0; MOST_BYTES + files],
            used: 0,
            texts: vec![None; files],
            variables: Vec::with_capacity(MOST_VARIABLES),
        }
    }

    /// Reads, as root, a file that nobody but root can change. Any other file is left to the group's user.
    pub fn read_as_root(&mut self, file: usize, path: &CStr) {
        if let Some(open) = open_trusted(path.to_bytes()) {
            // A file that is too long is reported when the user's turn comes.
            self.read(file, &open).unwrap_or_default();
        }
    }

    /// Reads a file as the group's user, if root has not.
    ///
    /// # Errors
    /// See [`Unusable`].
    pub fn read_as_user(&mut self, file: usize, path: &CStr) -> Result<(), Unusable> {
        if self.texts.get(file).is_some_and(Option::is_some) {
            return Ok(());
        }
        let unusable = |error| Unusable { file, line: 0, error };
        let open = openat(CWD, path, FLAGS, Mode::empty()).map_err(unusable)?;
        if !is_regular(&fstat(&open).map_err(unusable)?) {
            return Err(unusable(Errno::INVAL));
        }
        self.read(file, &open).map_err(unusable)
    }

    fn read(&mut self, file: usize, open: &OwnedFd) -> Result<(), Errno> {
        let begin = self.used;
        let mut at = begin;
        loop {
            // The last byte is for the NUL byte behind the last variable.
            let room = self.bytes.len().saturating_sub(1);
            let rest = self.bytes.get_mut(at..room).filter(|rest| !rest.is_empty()).ok_or(Errno::FBIG)?;
            match rustix::io::read(open, rest) {
                Ok(0) => break,
                Ok(count) => at += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        // A line's NUL byte takes the place of its newline; the last line may have none.
        self.used = at + 1;
        if let Some(text) = self.texts.get_mut(file) {
            *text = Some((begin, at));
        }
        Ok(())
    }

    /// Finds the variables, in the order of the files and of their lines.
    ///
    /// # Errors
    /// The first line that is none.
    pub fn parse(&mut self) -> Result<(), Unusable> {
        for file in 0..self.texts.len() {
            let Some((begin, end)) = self.texts.get(file).copied().flatten() else { continue };
            let (mut at, mut line) = (begin, 0);
            while at < end {
                line += 1;
                let text = self.bytes.get(at..end).unwrap_or_default();
                let length = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
                let found = assignment(text.get(..length).unwrap_or_default());
                if let Some(found) = found.map_err(|()| Unusable { file, line, error: Errno::INVAL })? {
                    self.note(at, found).map_err(|error| Unusable { file, line, error })?;
                }
                at += length + 1;
            }
        }
        Ok(())
    }

    /// Makes a variable of a line that begins at `at`: `NAME=` is moved to its value, where quotes stood between them.
    fn note(&mut self, at: usize, found: Assignment) -> Result<(), Errno> {
        if self.variables.len() >= MOST_VARIABLES {
            return Err(Errno::TOOBIG);
        }
        let (value, end) = (at + found.value, at + found.end);
        let name = at + found.name;
        let length = found.equals + 1 - found.name;
        let begin = value - length;
        self.bytes.copy_within(name..name + length, begin);
        if let Some(byte) = self.bytes.get_mut(end) {
            *byte = 0;
        }
        self.variables.push((begin, end + 1));
        Ok(())
    }

    /// The variables, `NAME=VALUE` each. Of two with the same name the later one counts.
    pub fn variables(&self) -> impl DoubleEndedIterator<Item = &CStr> {
        self.variables.iter().filter_map(|(begin, end)| CStr::from_bytes_with_nul(self.bytes.get(*begin..*end)?).ok())
    }
}

/// Where the parts of a line are.
#[derive(Clone, Copy, Debug)]
struct Assignment {
    name: usize,
    equals: usize,
    value: usize,
    end: usize,
}

/// Reads a line; `None` for one without a variable.
fn assignment(line: &[u8]) -> Result<Option<Assignment>, ()> {
    let blank = |byte: &u8| byte.is_ascii_whitespace();
    let Some(mut name) = line.iter().position(|byte| !blank(byte)) else { return Ok(None) };
    if line.get(name) == Some(&b'#') {
        return Ok(None);
    }
    if line.contains(&0) {
        return Err(());
    }
    if let Some(rest) = line.get(name..).and_then(|rest| rest.strip_prefix(b"export ")) {
        name = line.len() - rest.len() + rest.iter().position(|byte| !blank(byte)).unwrap_or(0);
    }
    let equals = line.iter().position(|byte| *byte == b'=').filter(|equals| *equals > name).ok_or(())?;
    if !is_variable_name(line.get(name..equals).unwrap_or_default()) {
        return Err(());
    }
    let mut end = line.iter().rposition(|byte| !blank(byte)).map_or(line.len(), |last| last + 1);
    let mut value = equals + 1;
    while value < end && line.get(value).is_some_and(blank) {
        value += 1;
    }
    let quoted = end > value + 1 && line.get(value) == line.get(end - 1) && matches!(line.get(value), Some(b'"' | b'\''));
    if quoted {
        (value, end) = (value + 1, end - 1);
    }
    Ok(Some(Assignment { name, equals, value, end }))
}

const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

const fn is_regular(found: &Stat) -> bool {
    matches!(FileType::from_raw_mode(found.st_mode), FileType::RegularFile)
}

const fn is_roots(found: &Stat) -> bool {
    is_regular(found) && chroot::owned(found).is_ok() && chroot::closed(found, false).is_ok()
}

/// Opens a file, if nobody but root can change it or a directory above it.
fn open_trusted(path: &[u8]) -> Option<OwnedFd> {
    let (directory, name) = split(path)?;
    let directory = chroot::find(directory).ok()?;
    let mut buffer = [0; 256];
    buffer.get_mut(..name.len()).filter(|room| room.len() < 256)?.copy_from_slice(name);
    let name = CStr::from_bytes_until_nul(&buffer).ok()?;
    // Looked at before it is opened: to open a device or a FIFO can do something.
    if !is_roots(&statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?) {
        return None;
    }
    let open = openat(&directory, name, FLAGS.union(OFlags::NOFOLLOW), Mode::empty()).ok()?;
    is_roots(&fstat(&open).ok()?).then_some(open)
}

fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    let (directory, name) = path.split_at_checked(slash + 1)?;
    (!name.is_empty()).then_some((directory, name))
}

/// The version of a file: its time, number and size.
pub type FileVersion = [i64; 4];

/// How long the supervisor waits for a file system.
const PATIENCE: Duration = Duration::from_millis(200);
/// So many threads may wait for file systems that do not answer. With more the supervisor looks at no such file.
const MOST_STUCK: usize = 8;

/// Returns the version of a file that root reads; `None` for any other file, and for one whose file system does not answer in time. A directory above it may be another user's mount, so a
/// thread looks: the supervisor has other groups to serve.
pub fn trusted_version(path: &[u8]) -> Option<FileVersion> {
    static LOOKING: AtomicUsize = AtomicUsize::new(0);
    if LOOKING.load(Ordering::Relaxed) >= MOST_STUCK {
        return None;
    }
    let (sender, receiver) = sync_channel(1);
    let path = path.to_vec();
    LOOKING.fetch_add(1, Ordering::Relaxed);
    let look = move || {
        // If the supervisor has not waited for it, there is no receiver.
        sender.send(version(&path)).unwrap_or_default();
        LOOKING.fetch_sub(1, Ordering::Relaxed);
    };
    if std::thread::Builder::new().name("wsgi-env-file".to_owned()).spawn(look).is_err() {
        LOOKING.fetch_sub(1, Ordering::Relaxed);
        return None;
    }
    receiver.recv_timeout(PATIENCE).ok().flatten()
}

fn version(path: &[u8]) -> Option<FileVersion> {
    let found = fstat(open_trusted(path)?).ok()?;
    let number = i64::from_ne_bytes(found.st_ino.to_ne_bytes());
    Some([found.st_mtime, i64::try_from(found.st_mtime_nsec).unwrap_or_default(), number, found.st_size])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;

    use rustix::io::Errno;

    use super::{EnvFiles, MOST_VARIABLES, Unusable};

    fn read(texts: &[&[u8]]) -> Result<Vec<String>, Unusable> {
        let directory =
            std::env::temp_dir().join(format!("wsgi-env-files-{}-{:?}", std::process::id(), std::thread::current().id()));
        std::fs::create_dir_all(&directory).unwrap();
        let mut files = EnvFiles::new(texts.len());
        let path = |number: usize| directory.join(number.to_string());
        let name = |path: &Path| CString::new(path.as_os_str().as_bytes()).unwrap();
        for (number, text) in texts.iter().enumerate() {
            std::fs::write(path(number), text).unwrap();
        }
        let mut outcome = Ok(());
        // In another order than they are parsed in, as where root reads some of them.
        for number in (0..texts.len()).rev() {
            outcome = outcome.and(files.read_as_user(number, &name(&path(number))));
        }
        let outcome = outcome.and_then(|()| files.parse());
        std::fs::remove_dir_all(&directory).unwrap();
        outcome.map(|()| files.variables().map(|variable| variable.to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn lines_are_variables() {
        let text = b"# a comment\n\nA=1\n  B = two words \r\nexport C='quoted \"text\"'\nD=\"x\"\nE=\nF=a=b\nG='\nH=\"\"";
        let found = ["A=1", "B=two words", "C=quoted \"text\"", "D=x", "E=", "F=a=b", "G='", "H="];
        // Blanks around `=` belong to neither.
        assert_eq!(read(&[b"B =x"]).unwrap_err().line, 1);
        let text = String::from_utf8_lossy(text).replace("B = two", "B= two");
        assert_eq!(read(&[text.as_bytes()]).unwrap(), found);
        assert_eq!(read(&[b"A=1", b"", b"A=2\n"]).unwrap(), ["A=1", "A=2"]);
    }

    #[test]
    fn what_is_none_is_named_by_its_line() {
        for (text, line) in
            [(&b"A=1\nnonsense\n"[..], 2), (b"1A=x", 1), (b"=x", 1), (b"\n\nA-B=x", 3), (b"A=\0", 1), (b"export =1", 1)]
        {
            assert_eq!(read(&[b"X=1\n", text]), Err(Unusable { file: 1, line, error: Errno::INVAL }), "{text:?}");
        }
    }

    #[test]
    fn there_are_bounds() {
        let many = "A=1\n".repeat(MOST_VARIABLES + 1);
        let line = MOST_VARIABLES + 1;
        assert_eq!(read(&[many.as_bytes()]), Err(Unusable { file: 0, line, error: Errno::TOOBIG }));
        let long = vec![b'#'; super::MOST_BYTES + 2];
        assert_eq!(read(&[&long]), Err(Unusable { file: 0, line: 0, error: Errno::FBIG }));
        let mut files = EnvFiles::new(1);
        assert_eq!(files.read_as_user(0, c"/nowhere/at all").unwrap_err().error, Errno::NOENT);
        assert_eq!(files.read_as_user(0, c"/dev/null").unwrap_err().error, Errno::INVAL);
    }

    #[test]
    fn root_reads_what_only_root_can_change() {
        let mut files = EnvFiles::new(1);
        // Of this file nobody can say whose it is in a test; of a device root never reads.
        files.read_as_root(0, c"/dev/null");
        assert!(files.parse().is_ok() && files.variables().next().is_none());
        assert_eq!((super::trusted_version(b"/tmp"), super::trusted_version(b"relative")), (None, None));
        assert!(super::trusted_version(b"/etc/passwd").is_some());
    }
}
