/*! What a plan needs to know of the machine and of httpd, asked by name so that the rules can be tried without either. *Runs in: parent.* */

use std::time::Duration;

/// An entry of the system's user database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: Vec<u8>,
    /// Its number.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// Its home directory.
    pub home: Vec<u8>,
}

/// The machine, and httpd on it.
pub trait HostInfo {
    /// Whether httpd's parent runs as root, so that identities can be changed.
    fn privileged(&self) -> bool;
    /// User and group of this very process (`geteuid`, `getegid`).
    fn myself(&self) -> (u32, u32);
    /// httpd's `User` and `Group`.
    fn httpd(&self) -> (u32, u32);
    /// A user by name.
    fn user(&self, name: &[u8]) -> Option<User>;
    /// A user by number.
    fn user_by_id(&self, uid: u32) -> Option<User>;
    /// A group's number by its name.
    fn group(&self, name: &[u8]) -> Option<u32>;
    /// All groups that a login of the user has (`getgrouplist`), `gid` among them.
    fn groups_of(&self, user: &[u8], gid: u32) -> Vec<u32>;
    /// How many processors there are.
    fn cores(&self) -> u32;
    /// `PATH` of httpd's parent.
    fn path(&self) -> Option<Vec<u8>>;
    /// httpd's `Timeout` of the main server.
    fn timeout(&self) -> Duration;
    /// httpd's runtime directory (`DefaultRuntimeDir`), absolute.
    fn runtime_directory(&self) -> Vec<u8>;
}
