/*! What both modes ask a probe in the same words. *Runs in: parent (configtest).* */

use std::os::unix::ffi::OsStringExt;

use interpreter::StartError;
use protocol::log_code;
use protocol::probe::{Identity, Request};

use config::daemon_plan::HostInfo;
use config::settings::ProcessSettings;

/// Who Apache's children are, for a probe; `None` where configtest does not run as root.
///
/// # Errors
/// That they would be root, or that nothing says who they are.
pub fn identity(machine: &dyn HostInfo) -> Result<Option<Identity>, StartError> {
    if !machine.privileged() {
        return Ok(None);
    }
    let (uid, gid) = machine.httpd();
    if uid == 0 {
        return Err(StartError::new(
            &log_code::PYTHON_AS_ROOT,
            "Python was not run, because httpd's child processes would run as root. To fix: set `User` and `Group` to an unprivileged user and group",
        ));
    }
    if uid == u32::MAX {
        return Err(StartError::new(
            &log_code::PYTHON_NOT_CHECKED,
            "the interpreter was not checked, because `User` is not set. To fix: set `User` and `Group`",
        ));
    }
    let groups = machine.user_by_id(uid).map_or_else(|| vec![gid], |user| machine.groups_of(&user.name, gid));
    Ok(Some(Identity { uid, gid, groups }))
}

/// Enters what `WSGIPythonHome` names, or `PATH`.
pub fn name_home(request: &mut Request, settings: &ProcessSettings) {
    match &settings.python_home {
        Some(home) => {
            request.home = home.prefix.to_vec();
            request.exec_prefix = home.exec_prefix.as_deref().map(<[u8]>::to_vec);
            request.said_by = format!("WSGIPythonHome at {}", home.defined_at).into_bytes();
        }
        None => request.path = std::env::var_os("PATH").map(OsStringExt::into_vec).unwrap_or_default(),
    }
}

/// The name of who a probe becomes, for messages: empty where it stays what it is.
pub fn user_name(identity: Option<&Identity>, machine: &dyn HostInfo) -> Vec<u8> {
    identity.map_or_else(Vec::new, |who| {
        machine.user_by_id(who.uid).map_or_else(|| format!("#{}", who.uid).into_bytes(), |user| user.name)
    })
}
