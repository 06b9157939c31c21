/*! The machine and httpd on it, as the plan asks about them. *Runs in: parent.* */

use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use rustix::process::{getegid, geteuid};

use super::{accounts, process};
use crate::httpd::pool::Pool;
use crate::httpd::server::Server;
use config::daemon_plan::{HostInfo, User};

/// This machine, as httpd's parent sees it.
pub struct ThisHost {
    timeout: Duration,
    runtime_directory: Vec<u8>,
}

impl ThisHost {
    /// Of a configuration.
    pub fn new(configuration: Pool<'_>, main: Server<'_>) -> Self {
        Self { timeout: main.timeout(), runtime_directory: process::runtime_directory(configuration) }
    }
}

impl HostInfo for ThisHost {
    fn privileged(&self) -> bool {
        geteuid().is_root()
    }

    fn myself(&self) -> (u32, u32) {
        (geteuid().as_raw(), getegid().as_raw())
    }

    fn httpd(&self) -> (u32, u32) {
        process::unix_user()
    }

    fn user(&self, name: &[u8]) -> Option<User> {
        accounts::user(name)
    }

    fn user_by_id(&self, uid: u32) -> Option<User> {
        accounts::user_by_id(uid)
    }

    fn group(&self, name: &[u8]) -> Option<u32> {
        accounts::group(name)
    }

    fn groups_of(&self, user: &[u8], gid: u32) -> Vec<u32> {
        accounts::groups_of(user, gid)
    }

    fn cores(&self) -> u32 {
        std::thread::available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok()).unwrap_or(1)
    }

    fn path(&self) -> Option<Vec<u8>> {
        std::env::var_os("PATH").map(OsStringExt::into_vec)
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn runtime_directory(&self) -> Vec<u8> {
        self.runtime_directory.clone()
    }
}
