/*! The change of identity, which is asked for, and then verified. *Runs in: daemon (before it is Python), helper.* */
#![expect(unsafe_code, reason = "the change of identity has no safe form")]

use std::ffi::c_int;

use crate::spawn::exec_spec::Drop;
use crate::spawn::spawn_report::Step;
use crate::sys::check;

/// The step that failed, and its `errno`.
type Failed = (Step, i32);

/// Becomes `identity` for good, and believes nothing of it: the kernel is asked. This process has one thread.
///
/// # Errors
/// Which step failed, and its `errno`.
pub fn become_identity(identity: &Drop) -> Result<(), (Step, i32)> {
    drop_root(identity)?;
    verify(identity, &mut vec![0; identity.groups.len() + 64])
}

pub fn drop_root(identity: &Drop) -> Result<(), Failed> {
    if identity.uid == 0 || identity.gid == 0 || identity.groups.contains(&0) {
        return Err((Step::Root, libc::EPERM));
    }
    // SAFETY: a list of that many groups; the ids are plain numbers. This process has one thread, so libc has no other to tell.
    unsafe {
        check(libc::setgroups(identity.groups.len(), identity.groups.as_ptr())).map_err(|e| (Step::Groups, e))?;
        check(libc::setresgid(identity.gid, identity.gid, identity.gid)).map_err(|e| (Step::Gid, e))?;
        check(libc::setresuid(identity.uid, identity.uid, identity.uid)).map_err(|e| (Step::Uid, e))?;
    }
    Ok(())
}

/// Believes nothing: asks the kernel who this is, and tries to become root again.
pub fn verify(identity: &Drop, found: &mut [libc::gid_t]) -> Result<(), Failed> {
    let wrong = Err((Step::Verify, libc::EPERM));
    let (mut real, mut effective, mut saved) = (0, 0, 0);
    // SAFETY: three valid places each; a buffer of the length given.
    unsafe {
        check(libc::getresuid(&raw mut real, &raw mut effective, &raw mut saved)).map_err(|e| (Step::Verify, e))?;
        if [real, effective, saved] != [identity.uid; 3] {
            return wrong;
        }
        check(libc::getresgid(&raw mut real, &raw mut effective, &raw mut saved)).map_err(|e| (Step::Verify, e))?;
        if [real, effective, saved] != [identity.gid; 3] {
            return wrong;
        }
        let room = c_int::try_from(found.len()).map_err(|_| (Step::Verify, libc::EINVAL))?;
        let count = check(libc::getgroups(room, found.as_mut_ptr())).map_err(|e| (Step::Verify, e))?;
        let found = usize::try_from(count).ok().and_then(|count| found.get_mut(..count)).unwrap_or_default();
        found.sort_unstable();
        if found != identity.groups.as_slice() {
            return wrong;
        }
        if libc::setuid(0) != -1 || libc::seteuid(0) != -1 || libc::setresuid(0, 0, 0) != -1 {
            return wrong;
        }
    }
    Ok(())
}
