/*! The system's users and groups. *Runs in: parent; child (names of a script's owner).* */
#![expect(unsafe_code, reason = "calls into the C library")]

use std::ffi::{CStr, CString, c_char};

use config::daemon_plan::User;

/// Room for an entry's strings, at first and at most.
const ROOM: usize = 4 * 1024;
const MOST: usize = 1024 * 1024;

/// Calls a `get...r` function with growing room, until its answer fits.
fn with_room<T>(mut ask: impl FnMut(&mut [c_char]) -> Result<Option<T>, i32>) -> Option<T> {
    let mut size = ROOM;
    while size <= MOST {
        let mut room = vec![0; size];
        match ask(&mut room) {
            Ok(found) => return found,
            Err(libc::ERANGE) => size *= 4,
            Err(libc::EINTR) => {}
            Err(_) => return None,
        }
    }
    None
}

/// # Safety
/// `entry` has just been filled by the C library.
unsafe fn user_of(entry: &libc::passwd) -> User {
    // SAFETY: its strings are NUL-terminated, in the room that the call was given.
    let text =
        |pointer: *const c_char| unsafe { if pointer.is_null() { &[] } else { CStr::from_ptr(pointer).to_bytes() } }.to_vec();
    User { name: text(entry.pw_name), uid: entry.pw_uid, gid: entry.pw_gid, home: text(entry.pw_dir) }
}

/// The user of that name.
pub fn user(name: &[u8]) -> Option<User> {
    let name = CString::new(name).ok()?;
    with_room(|room| {
        // SAFETY: entry, room and result are ours, for the call; the strings of a found entry lie in the room.
        unsafe {
            let mut entry: libc::passwd = std::mem::zeroed();
            let mut found = std::ptr::null_mut();
            match libc::getpwnam_r(name.as_ptr(), &raw mut entry, room.as_mut_ptr(), room.len(), &raw mut found) {
                0 => Ok((!found.is_null()).then(|| user_of(&entry))),
                error => Err(error),
            }
        }
    })
}

/// The user with that number.
pub fn user_by_id(uid: u32) -> Option<User> {
    with_room(|room| {
        // SAFETY: as above.
        unsafe {
            let mut entry: libc::passwd = std::mem::zeroed();
            let mut found = std::ptr::null_mut();
            match libc::getpwuid_r(uid, &raw mut entry, room.as_mut_ptr(), room.len(), &raw mut found) {
                0 => Ok((!found.is_null()).then(|| user_of(&entry))),
                error => Err(error),
            }
        }
    })
}

/// The number of the group of that name.
pub fn group(name: &[u8]) -> Option<u32> {
    let name = CString::new(name).ok()?;
    with_room(|room| {
        // SAFETY: as above.
        unsafe {
            let mut entry: libc::group = std::mem::zeroed();
            let mut found = std::ptr::null_mut();
            match libc::getgrnam_r(name.as_ptr(), &raw mut entry, room.as_mut_ptr(), room.len(), &raw mut found) {
                0 => Ok((!found.is_null()).then_some(entry.gr_gid)),
                error => Err(error),
            }
        }
    })
}

/// The name of the group with that number.
pub fn group_name(gid: u32) -> Option<Vec<u8>> {
    with_room(|room| {
        // SAFETY: as above.
        unsafe {
            let mut entry: libc::group = std::mem::zeroed();
            let mut found = std::ptr::null_mut();
            match libc::getgrgid_r(gid, &raw mut entry, room.as_mut_ptr(), room.len(), &raw mut found) {
                0 => {
                    Ok((!found.is_null() && !entry.gr_name.is_null()).then(|| CStr::from_ptr(entry.gr_name).to_bytes().to_vec()))
                }
                error => Err(error),
            }
        }
    })
}

/// All groups that a login of `user` has, `gid` among them.
pub fn groups_of(user: &[u8], gid: u32) -> Vec<u32> {
    let Ok(name) = CString::new(user) else { return vec![gid] };
    let mut groups = vec![0; 64];
    loop {
        let mut count = libc::c_int::try_from(groups.len()).unwrap_or(libc::c_int::MAX);
        // SAFETY: at most `count` numbers are written, and `count` becomes how many there are.
        let fits = unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &raw mut count) } >= 0;
        let known = usize::try_from(count).unwrap_or(0);
        if fits || groups.len() >= 65_536 {
            groups.truncate(known);
            return groups;
        }
        groups.resize(known.max(groups.len() * 2), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::{group, group_name, groups_of, user, user_by_id};

    #[test]
    fn root_is_found_by_name_and_number() {
        let root = user(b"root");
        assert!(root.as_ref().is_some_and(|root| root.uid == 0 && !root.home.is_empty()));
        assert_eq!(user_by_id(0), root);
        assert_eq!(group_name(0).and_then(|name| group(&name)), Some(0));
        assert!(groups_of(b"root", 0).contains(&0));
        assert_eq!((user(b"no such user"), group(b"no such group"), user(b"a\0b")), (None, None, None));
    }
}
