/*! Who a group's processes are. As root: the users and groups that the options name, found in the system's databases. Otherwise: whoever
runs httpd, and options that need root are refused. *Runs in: parent.* */

use protocol::log_code::{self, LogCode};
use protocol::plan::Identity;

use super::host_info::{HostInfo, User};
use crate::ConfigError;
use crate::daemon::{Account, DaemonProcess};
use crate::diagnostics::Finding;

/// An identity, and the working directory that goes with it when `home=` says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Who.
    pub identity: Identity,
    /// The user's home, if it is another user than httpd's; else empty for the inherited directory.
    pub directory: Vec<u8>,
}

/// Finds out who runs the processes of a group.
///
/// # Errors
/// Why the group cannot run.
pub fn of(process: &DaemonProcess, machine: &dyn HostInfo) -> Result<Found, Box<Finding>> {
    if machine.privileged() { chosen(process, machine) } else { inherited(process, machine) }
}

fn chosen(process: &DaemonProcess, machine: &dyn HostInfo) -> Result<Found, Box<Finding>> {
    let (httpd_uid, httpd_gid) = machine.httpd();
    let user = match &process.user {
        Some(account) => user(process, "user", account, machine)?,
        None => by_id(httpd_uid, machine),
    };
    if user.uid == 0 {
        return Err(Box::new(refusal(
            process,
            log_code::DAEMON_AS_ROOT,
            "WSGI process blocked from running as root. The user ID is 0".to_owned(),
            "set `user=` or httpd's `User` to an unprivileged user",
        )));
    }
    // Whom a name stands for is known here alone: an alias of root's is root.
    let roots = |what: &str, cure: &str| {
        Box::new(refusal(
            process,
            log_code::DAEMON_AS_ROOT,
            format!("WSGI process blocked from running with the group of root. {what} has the ID 0"),
            cure,
        ))
    };
    let gid = match &process.group {
        Some(account) => group(process, "group", account, machine)?,
        None => httpd_gid,
    };
    let groups = match &process.supplementary_groups {
        Some(accounts) => {
            let mut groups = vec![gid];
            for account in accounts {
                groups.push(group(process, "supplementary-groups", account, machine)?);
            }
            groups
        }
        None if user.name.is_empty() => vec![gid],
        None => machine.groups_of(&user.name, gid),
    };
    if gid == 0 {
        return Err(roots("Its group", "set `group=` or httpd's `Group` to an unprivileged group"));
    }
    if groups.contains(&0) {
        let cure = "remove the user from that group, or list the groups that it needs in `supplementary-groups=`";
        return Err(roots("One of its supplementary groups", cure));
    }
    let directory = if user.uid == httpd_uid { Vec::new() } else { user.home.clone() };
    Ok(Found { identity: Identity { uid: user.uid, gid, groups, name: user.name, home: user.home }, directory })
}

fn inherited(process: &DaemonProcess, machine: &dyn HostInfo) -> Result<Found, Box<Finding>> {
    let needs = [
        (process.chroot.is_some(), "chroot="),
        (process.supplementary_groups.is_some(), "supplementary-groups="),
        (process.cpu_priority < 0, "cpu-priority= below 0"),
    ];
    if let Some((_, option)) = needs.iter().find(|(given, _)| *given) {
        return Err(Box::new(refusal(
            process,
            log_code::DAEMON_NEEDS_ROOT,
            format!("`{option}` requires root, and httpd was not started as root"),
            "start httpd as root, or remove the option",
        )));
    }
    let (uid, gid) = machine.myself();
    let user = by_id(uid, machine);
    // httpd's own user is this one, whatever `User` says: it has no effect without root.
    let directory = Vec::new();
    Ok(Found { identity: Identity { uid, gid, groups: vec![gid], name: user.name, home: user.home }, directory })
}

/// The user with that number; a number without an entry in the database is a user without a name.
fn by_id(uid: u32, machine: &dyn HostInfo) -> User {
    machine.user_by_id(uid).unwrap_or(User { uid, ..User::default() })
}

/// The user that `option=` names.
///
/// # Errors
/// There is none.
pub fn user(process: &DaemonProcess, option: &str, account: &Account, machine: &dyn HostInfo) -> Result<User, Box<Finding>> {
    match account {
        Account::Id(uid) => Ok(by_id(*uid, machine)),
        Account::Name(name) => machine.user(name).ok_or_else(|| unknown(process, option, account, "user", "id")),
    }
}

/// The number of the group that `option=` names.
///
/// # Errors
/// There is none.
pub fn group(process: &DaemonProcess, option: &str, account: &Account, machine: &dyn HostInfo) -> Result<u32, Box<Finding>> {
    match account {
        Account::Id(gid) => Ok(*gid),
        Account::Name(name) => machine.group(name).ok_or_else(|| unknown(process, option, account, "group", "getent group")),
    }
}

fn unknown(process: &DaemonProcess, option: &str, account: &Account, kind: &str, command: &str) -> Box<Finding> {
    Box::new(refusal(
        process,
        log_code::DAEMON_ACCOUNT_UNKNOWN,
        format!("`{option}=` names the {kind} {account}, which does not exist on this machine"),
        &format!("create the {kind}, or correct the name (`{command} NAME` shows whether it exists)"),
    ))
}

/// A finding about a group.
pub fn refusal(process: &DaemonProcess, code: LogCode, cause: String, cure: &str) -> Finding {
    let name = crate::error::quoted(&process.name);
    Finding {
        code,
        text: ConfigError::new(format!("WSGIDaemonProcess {name}: {cause}"), cure),
        defined_at: Some(process.defined_at.clone()),
    }
}
