/*! The system's users and groups, wherever it has them from (files, LDAP, SSSD). *Runs in: parent; child (names of a script's owner).* */

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt as _;

use config::daemon_plan::User;
use nix::unistd::{self, Gid, Group, Uid};

fn user_of(found: unistd::User) -> User {
    User {
        name: found.name.into_bytes(),
        uid: found.uid.as_raw(),
        gid: found.gid.as_raw(),
        home: found.dir.as_os_str().as_bytes().to_vec(),
    }
}

/// The user of that name.
pub fn user(name: &[u8]) -> Option<User> {
    // No account has a name that is not UTF-8, or holds a NUL.
    unistd::User::from_name(str::from_utf8(name).ok()?).ok().flatten().map(user_of)
}

/// The user with that number.
pub fn user_by_id(uid: u32) -> Option<User> {
    unistd::User::from_uid(Uid::from_raw(uid)).ok().flatten().map(user_of)
}

/// The number of the group of that name.
pub fn group(name: &[u8]) -> Option<u32> {
    Group::from_name(str::from_utf8(name).ok()?).ok().flatten().map(|group| group.gid.as_raw())
}

/// The name of the group with that number.
pub fn group_name(gid: u32) -> Option<Vec<u8>> {
    Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name.into_bytes())
}

/// All groups that a login of `user` has, `gid` among them.
pub fn groups_of(user: &[u8], gid: u32) -> Vec<u32> {
    let all = CString::new(user).ok().and_then(|name| unistd::getgrouplist(&name, Gid::from_raw(gid)).ok());
    all.map_or_else(|| vec![gid], |all| all.into_iter().map(Gid::as_raw).collect())
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
