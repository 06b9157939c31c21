/*! What the machine says to the groups: users that do not exist, rights that are missing. Configtest warns of its state; what httpd's user
can never do is an error there, and a path that no socket can have is a mistake of the text. *Runs in: parent
(configtest and start).* */

use protocol::log_code;

use super::host_info::HostInfo;
use super::identity::{self, refusal};
use super::socket;
use crate::daemon::{DaemonProcess, ScriptOwner};
use crate::diagnostics::Finding;
use crate::global_checks::{Groups, ServerView};
use crate::settings::ProcessSettings;

/// The longest process id and a generation to come, for the length of socket paths.
const LONG_PID: u32 = 4_194_304;
const LATE_GENERATION: u64 = 9_999;

/// What there is to say.
pub fn check(servers: &[ServerView<'_>], machine: &dyn HostInfo) -> Vec<Finding> {
    let default = ProcessSettings::default();
    let settings = servers.first().map_or(&default, |main| &main.config.process);
    let mut findings = Vec::new();
    for group in Groups::new(servers).iter() {
        let process = &*group.process;
        let uid = match identity::of(process, machine) {
            Ok(found) => found.identity.uid,
            Err(finding) => {
                findings.push(*finding);
                machine.httpd().0
            }
        };
        if !machine.privileged() {
            findings.extend(ignored(process, machine));
        }
        findings.extend(other_accounts(process, machine));
        let path = socket::socket(settings, &machine.runtime_directory(), LONG_PID, LATE_GENERATION, uid, group.number);
        if let Err(text) = path {
            findings.push(Finding { code: log_code::SOCKET_PATH_TOO_LONG, text, defined_at: Some(process.defined_at.clone()) });
        }
    }
    findings
}

/// `user=` and `group=` that name somebody else, when nobody else can be become.
fn ignored(process: &DaemonProcess, machine: &dyn HostInfo) -> Vec<Finding> {
    let (uid, gid) = machine.myself();
    let mut findings = Vec::new();
    let mut say = |option: &str, account: &dyn std::fmt::Display| {
        findings.push(refusal(
            process,
            log_code::DAEMON_IDENTITY_IGNORED,
            format!("`{option}=` names {account}, but httpd was not started as root: the processes run as httpd's own user"),
            "start httpd as root, or remove the option",
        ));
    };
    if let Some(account) = &process.user
        && identity::user(process, "user", account, machine).is_ok_and(|user| user.uid != uid)
    {
        say("user", account);
    }
    if let Some(account) = &process.group
        && identity::group(process, "group", account, machine).is_ok_and(|group| group != gid)
    {
        say("group", account);
    }
    findings
}

/// Accounts that are looked up only later, and those that an httpd without root never looks up.
fn other_accounts(process: &DaemonProcess, machine: &dyn HostInfo) -> Vec<Finding> {
    let mut users = vec![("socket-user", process.socket_user.as_ref())];
    let mut groups = Vec::new();
    match &process.script_owner {
        Some(ScriptOwner::User(account)) => users.push(("script-user", Some(account))),
        Some(ScriptOwner::Group(account)) => groups.push(("script-group", Some(account))),
        None => {}
    }
    if !machine.privileged() {
        users.push(("user", process.user.as_ref()));
        groups.push(("group", process.group.as_ref()));
    }
    let users = users.iter().filter_map(|(option, account)| identity::user(process, option, (*account)?, machine).err());
    let groups = groups.iter().filter_map(|(option, account)| identity::group(process, option, (*account)?, machine).err());
    users.chain(groups).map(|finding| *finding).collect()
}
