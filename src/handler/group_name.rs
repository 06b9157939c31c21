/*! What a configured group or callable name means for one request: section 3.3 of the behaviour reference.

A name is resolved twice over: to what the application sees (`mod_wsgi.application_group`), and to the interpreter that runs it,
which is the main one for the group that decision 10 promotes. *Runs in: child, once per request.* */

use std::borrow::Cow;

use crate::config::settings::{CallableName, GroupName};

/// What the names of a request are made of.
pub trait RequestFacts {
    /// The server's `ServerName` (`r->server->server_hostname`).
    fn server_host(&self) -> &[u8];
    /// `ap_get_server_port(r)`: by default the client's choice, because it comes from the Host header.
    fn server_port(&self) -> u16;
    /// The server's port as configured: the same value as [`crate::config::whole::ServerView::port`] of that server.
    fn configured_port(&self) -> u16;
    /// The host of the Host header, without the port (`r->hostname`), if there was one.
    fn host_header(&self) -> Option<&[u8]>;
    /// `SCRIPT_NAME`, before any trusted proxy rewrote it.
    fn script_name(&self) -> &[u8];
    /// `WSGICaseSensitivity`
    fn case_sensitive(&self) -> bool;
    /// A variable of the request's notes, then of `subprocess_env`, then of the process's environment.
    fn lookup_env(&self, name: &[u8]) -> Option<Cow<'_, [u8]>>;
}

/// A resolved group name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// The name that the application is told; empty for `%{GLOBAL}`.
    pub name: Cow<'a, [u8]>,
    /// The name to hand to the engine: as `name`, but for the promoted group the very bytes of
    /// [`crate::config::whole::main_group`], also if the client named another port.
    pub interpreter: Cow<'a, [u8]>,
    /// The client may have a hand in the name, so the limit on dynamically named interpreters applies.
    pub dynamic: bool,
}

/// Resolves an application group. `main_group` is what [`crate::config::whole::main_group`] found.
pub fn application_group<'a>(configured: &'a GroupName, facts: &'a dyn RequestFacts, main_group: Option<&'a [u8]>) -> Resolved<'a>;

/// Resolves a process group; the empty name is embedded mode.
pub fn process_group<'a>(configured: &'a GroupName, facts: &'a dyn RequestFacts) -> Cow<'a, [u8]>;

/// Resolves the name of the callable; `application` when nothing names one.
pub fn callable<'a>(configured: Option<&'a CallableName>, facts: &'a dyn RequestFacts) -> Cow<'a, [u8]>;
