/*! What a child says between fork and exec, over a pipe that closes when it has become Python: six bytes per report. *Runs in: supervisor,
daemon (before it is Python).* */

/// A step between fork and exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// A session of its own.
    Session = 1,
    /// Its descriptors in place, and all others closed.
    Descriptors,
    /// `umask`; never fails.
    Umask,
    /// Nice value. Only a warning.
    Priority,
    /// A resource limit. Only a warning.
    Limit,
    /// `chroot`
    Chroot,
    /// Supplementary groups.
    Groups,
    /// Group.
    Gid,
    /// User.
    Uid,
    /// User and groups are not what was asked for, or root can be had back.
    Verify,
    /// It would run as root.
    Root,
    /// `no-new-privileges`
    NoNewPrivileges,
    /// The signal for the supervisor's death, or the supervisor is dead already.
    Parent,
    /// The working directory.
    Directory,
    /// About to try the executable of the number given instead of an error.
    Trying,
    /// It could not be executed.
    Exec,
    /// The directory of that number on the way (see [`ways`]) may not be searched by the user. Only a hint.
    Closed,
    /// That directory's mode. Only a hint.
    Mode,
    /// That directory's owner, the bits of the number. Only a hint.
    Owner,
    /// That directory's group, the bits of the number. Only a hint.
    Group,
    /// What could not be used is there: 1 for a symbolic link, 0 for anything else. Only a hint.
    There,
    /// The user who owns something on the way to the directory of `chroot=`. Only a hint.
    RootOwner,
    /// The mode of a directory on that way, to which others may write. Only a hint.
    RootMode,
    /// A file of `env-file=`.
    EnvFile,
    /// Which of them, from 0. Only a hint.
    EnvFileNumber,
    /// Which of its lines, from 1; 0 if it could not be read. Only a hint.
    EnvFileLine,
}

impl Step {
    /// Whether it says more about another report, and nothing by itself.
    pub const fn is_hint(self) -> bool {
        matches!(
            self,
            Self::Trying
                | Self::Closed
                | Self::Mode
                | Self::Owner
                | Self::Group
                | Self::There
                | Self::RootOwner
                | Self::RootMode
                | Self::EnvFileNumber
                | Self::EnvFileLine
        )
    }
}

/// The directories on the way to an absolute path, from the root on, without the path itself.
pub fn ways(path: &[u8]) -> Vec<&[u8]> {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at.max(1));
    ends.filter_map(|end| path.get(..end)).collect()
}

const ALL: [Step; 26] = [
    Step::Session,
    Step::Descriptors,
    Step::Umask,
    Step::Priority,
    Step::Limit,
    Step::Chroot,
    Step::Groups,
    Step::Gid,
    Step::Uid,
    Step::Verify,
    Step::Root,
    Step::NoNewPrivileges,
    Step::Parent,
    Step::Directory,
    Step::Trying,
    Step::Exec,
    Step::Closed,
    Step::Mode,
    Step::Owner,
    Step::Group,
    Step::There,
    Step::RootOwner,
    Step::RootMode,
    Step::EnvFile,
    Step::EnvFileNumber,
    Step::EnvFileLine,
];

/// Length of a report.
pub const LENGTH: usize = 6;

/// One report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpawnReport {
    /// Which step.
    pub step: Step,
    /// Whether the child gave up over it.
    pub fatal: bool,
    /// `errno`, or the executable's number.
    pub number: i32,
}

impl SpawnReport {
    /// Its bytes.
    pub const fn encode(self) -> [u8; LENGTH] {
        let [a, b, c, d] = self.number.to_le_bytes();
        [self.step as u8, self.fatal as u8, a, b, c, d]
    }

    /// All reports in `bytes`; what is none is left out.
    pub fn decode(bytes: &[u8]) -> Vec<Self> {
        let read = |[step, fatal, a, b, c, d]: [u8; LENGTH]| {
            let step = ALL.into_iter().find(|s| *s as u8 == step)?;
            Some(Self { step, fatal: fatal != 0, number: i32::from_le_bytes([a, b, c, d]) })
        };
        bytes.as_chunks::<LENGTH>().0.iter().filter_map(|chunk| read(*chunk)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, SpawnReport, ways};

    #[test]
    fn the_way_to_a_file_begins_at_the_root() {
        assert_eq!(ways(b"/srv/venv/bin/python"), [b"/".as_slice(), b"/srv", b"/srv/venv", b"/srv/venv/bin"]);
        assert!(ways(b"python").is_empty());
    }

    #[test]
    fn reports_arrive() {
        let sent: Vec<_> = ALL.into_iter().map(|step| SpawnReport { step, fatal: true, number: -7 }).collect();
        let mut bytes: Vec<u8> = sent.iter().flat_map(|r| r.encode()).collect();
        bytes.extend([200, 0, 0, 0, 0, 0, 1]);
        assert_eq!(SpawnReport::decode(&bytes), sent);
    }
}
