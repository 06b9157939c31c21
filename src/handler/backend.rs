/*! Which backend runs a request's application: this child (embedded mode), or a process of a daemon group. The rest of the handler does not know
which. *Runs in: child.* */

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::script_owner::{self, FileFacts};
use crate::daemon::child::{self, Child, GroupHandle};
use crate::daemon::group::Group;
use crate::daemon::relay;
use crate::embedded::start::{self, Engine};
use crate::httpd::Request;
use crate::httpd::system::accounts;
use crate::request::conversation::{Call, Conversation};
use crate::request::failure::Failure;
use crate::request::group_failure::GroupFailure;
use crate::request::response_body::{Ending, Limits};
use config::daemon::{ScriptOwner, chroot};

/// What runs an application.
#[derive(Clone, Copy)]
pub enum Backend {
    /// In this child.
    Embedded(&'static Engine),
    /// In a process of the group.
    Daemon(GroupHandle, &'static Child),
}

impl Backend {
    /// The backend of the process group that a request's settings name; the empty name is this child.
    ///
    /// # Errors
    /// Why the request cannot run there.
    pub fn of<'r>(group: &'r [u8], restrict_embedded: bool, request: Request<'r>) -> Result<Self, Failure<'r>> {
        if group.is_empty() {
            if restrict_embedded {
                return Err(Failure::EmbeddedRestricted);
            }
            return start::engine().map(Self::Embedded).map_err(Failure::PythonUnavailable);
        }
        let failed = |failure| Failure::Group { name: group, declared: None, failure };
        let child = child::child().ok_or_else(|| failed(GroupFailure::Undefined))?;
        let found = child.usable(group, request.server().host()).map_err(|why| failed(GroupFailure::from(why)))?;
        let declared = Some(&*found.group.defined_at);
        check(found.group, request).map_err(|failure| Failure::Group { name: group, declared, failure })?;
        Ok(Self::Daemon(found, child))
    }

    /// The application group that its main interpreter hosts besides `%{GLOBAL}`.
    pub fn main_group(self) -> Option<&'static [u8]> {
        match self {
            Self::Embedded(engine) => engine.main_group(),
            Self::Daemon(handle, _) => handle.group.main_group.as_deref(),
        }
    }

    /// The root directory of its processes, if it is not that of everybody.
    pub fn chroot(self) -> Option<&'static [u8]> {
        match self {
            Self::Embedded(_) => None,
            Self::Daemon(handle, _) => handle.group.chroot.as_deref(),
        }
    }

    /// The process group, as the application is told.
    pub fn process_group(self) -> &'static [u8] {
        match self {
            Self::Embedded(_) => b"",
            Self::Daemon(handle, _) => &handle.group.name,
        }
    }

    /// `WSGIErrorOverride` concerns the processes of groups alone, as its users know it.
    pub const fn may_override_errors(self) -> bool {
        matches!(self, Self::Daemon(..))
    }

    /// The id of this child, as text.
    pub fn server_pid(self) -> &'static [u8] {
        match self {
            Self::Embedded(engine) => engine.process_id(),
            Self::Daemon(_, child) => child.process_id(),
        }
    }

    /// Has the application answer.
    pub fn run<'r>(self, conversation: &mut Conversation<'r>, call: &Call<'_>) -> Ending {
        match self {
            Self::Embedded(engine) => engine.run(conversation, call),
            Self::Daemon(handle, child) => {
                child.about_to_hand_over(handle.group);
                let limits = Limits { write: handle.group.response_socket_timeout, unflushed: handle.group.response_buffer_size };
                conversation.output.limit(limits);
                relay::run(conversation, handle, call)
            }
        }
    }
}

fn check<'r>(group: &'static Group, request: Request<'r>) -> Result<(), GroupFailure<'r>> {
    if let Some(reason) = &group.refused {
        return Err(GroupFailure::Unavailable(reason));
    }
    if group.service {
        return Err(GroupFailure::Service);
    }
    if let Some(wanted) = &group.script_owner {
        owner(wanted, request).map_err(|what| GroupFailure::ScriptOwner(lasting(request, &what)))?;
    }
    let script = request.filename();
    match group.chroot.as_deref() {
        Some(chroot) if chroot::inside(chroot, script).is_none() => Err(GroupFailure::OutsideChroot { script, chroot }),
        _ => Ok(()),
    }
}

/// A sentence that lives as long as the request.
fn lasting<'r>(request: Request<'r>, text: &str) -> &'r str {
    request.pool().string(text.as_bytes()).to_str().unwrap_or_default()
}

/// Looks at the script and its directory, for `script-user=` and `script-group=`.
fn owner(wanted: &ScriptOwner, request: Request<'_>) -> Result<(), String> {
    let script = Path::new(OsStr::from_bytes(request.filename()));
    let directory = script.parent().unwrap_or(script);
    script_owner::check(wanted, &Owned::find(script)?.facts(), &Owned::find(directory)?.facts())
}

/// Whose a file is.
struct Owned<'p> {
    path: &'p Path,
    found: Metadata,
    user: Option<Vec<u8>>,
    group: Option<Vec<u8>>,
}

impl<'p> Owned<'p> {
    fn find(path: &'p Path) -> Result<Self, String> {
        let found = std::fs::metadata(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        let user = accounts::user_by_id(found.uid()).map(|user| user.name);
        Ok(Self { path, user, group: accounts::group_name(found.gid()), found })
    }

    fn facts(&self) -> FileFacts<'_> {
        FileFacts {
            path: self.path.as_os_str().as_bytes(),
            uid: self.found.uid(),
            gid: self.found.gid(),
            user: self.user.as_deref(),
            group: self.group.as_deref(),
            mode: self.found.mode(),
        }
    }
}
