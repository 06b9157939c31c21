/*! What the supervisor has a helper watch while processes of a group wait for their next try: files whose change may be what they wait for.

The helper (`wsgi-supervisor watch`) becomes the group's user before it looks at anything. It answers by its exit status alone, and its word wakes its own group, which its user could
also have started again by other means. *Runs in: supervisor (asks), helper (looks).* */

use crate::probe::Identity;
use crate::record::record;

/// The longest request that is read.
pub const LONGEST: usize = 4 * 1024 * 1024;
/// So many files are watched, so that the exit status can say which has changed.
pub const MOST: usize = 240;
/// Exit status: time is over, and nothing has changed.
pub const UNCHANGED: u8 = 0;
/// Exit status: the helper could not do what it was asked for.
pub const FAILED: u8 = 1;
/// Exit status: the first file has changed; for the further ones it counts up from here.
pub const CHANGED: u8 = 10;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Who to become; `None` where the supervisor is not root: the helper stays what it is.
    pub identity: Option<Identity>,
    /// The supervisor's process id: when that is not the helper's parent any more, nobody wants to know.
    pub supervisor: u32,
    /// Root directory (`chroot=`); empty for none.
    pub root: Vec<u8>,
    /// What has changed after this moment has changed, nanoseconds since the epoch.
    pub since: u64,
    /// How long the helper looks, milliseconds.
    pub lifetime: u64,
    /// Paths, as they are seen from the root directory; at most [`MOST`].
    pub files: Vec<Vec<u8>>,
}

record!(Request { identity, supervisor, root, since, lifetime, files });

/// The exit status that says that the file at `index` has changed.
pub fn changed(index: usize) -> u8 {
    u8::try_from(index.min(MOST - 1)).unwrap_or_default().saturating_add(CHANGED)
}

/// Which file an exit status says has changed.
pub fn which(status: i32) -> Option<usize> {
    usize::try_from(status).ok()?.checked_sub(CHANGED.into()).filter(|index| *index < MOST)
}

#[cfg(test)]
mod tests {
    use super::{FAILED, MOST, Request, UNCHANGED, changed, which};
    use crate::probe::Identity;

    #[test]
    fn a_request_arrives_and_so_does_the_answer() {
        let request = Request {
            identity: Some(Identity { uid: 7, gid: 8, groups: vec![9] }),
            supervisor: 7,
            root: b"/jail".to_vec(),
            since: 1 << 60,
            lifetime: 5,
            files: vec![b"/a".to_vec(), b"/b".to_vec()],
        };
        assert_eq!(Request::decode(&request.encode()), Ok(request));
        for index in [0, 1, MOST - 1] {
            assert_eq!(which(changed(index).into()), Some(index));
        }
        assert_eq!(changed(MOST), changed(MOST - 1));
        for status in [i32::from(UNCHANGED), FAILED.into(), -1, 9, 250, 255, 256] {
            assert_eq!(which(status), None, "{status}");
        }
    }
}
