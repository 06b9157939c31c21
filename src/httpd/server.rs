/*! A server: the main one, or a virtual host. *Runs in: parent, child.* */
#![expect(unsafe_code, reason = "reads httpd's structures")]

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::time::Duration;

use super::c_text::text;
use super::pool::{Key, Logs, Pool};
use super::sys;
use super::system::shared::Shared;

/// A `server_rec` that lives at least as long as `'s`, which is as long as its configuration.
#[derive(Clone, Copy)]
pub struct Server<'s> {
    raw: NonNull<sys::server_rec>,
    life: PhantomData<&'s sys::server_rec>,
}

impl<'s> Server<'s> {
    /// Borrows a server that C lends; `None` for null.
    ///
    /// # Safety
    /// `raw` is null or a live server for all of `'s`.
    pub unsafe fn new(raw: *mut sys::server_rec) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw, life: PhantomData })
    }

    /// The main server, once there is one.
    ///
    /// # Safety
    /// The present configuration lives for all of `'s`.
    pub(in crate::httpd) unsafe fn main() -> Option<Self> {
        // SAFETY: httpd's own variable: null, or the main server of the present configuration, which lives as the caller promises.
        unsafe { Self::new(sys::ap_server_conf) }
    }

    /// For the calls of this folder.
    pub(in crate::httpd) fn raw(self) -> *mut sys::server_rec {
        self.raw.as_ptr()
    }

    /// For the calls of this folder.
    pub(in crate::httpd) const fn record(self) -> NonNull<sys::server_rec> {
        self.raw
    }

    fn get(self) -> &'s sys::server_rec {
        // SAFETY: live for `'s` (new); what is read here is not written after the configuration has been read.
        unsafe { self.raw.as_ref() }
    }

    /// All servers: the main one and its virtual hosts.
    pub fn all(self) -> impl Iterator<Item = Server<'s>> {
        // SAFETY: `next` is null or another server of the same configuration.
        std::iter::successors(Some(self), |server| unsafe { Server::new(server.get().next) })
    }

    /// Is it a virtual host?
    pub fn is_virtual(self) -> bool {
        self.get().is_virtual != 0
    }

    /// `ServerName`, without the port.
    pub fn host(self) -> &'s [u8] {
        // SAFETY: null, or a string of the configuration.
        unsafe { text(self.get().server_hostname) }.unwrap_or_default()
    }

    /// Whether `ServerName` or a `ServerAlias` without wildcards is `host`, in any case.
    pub fn is_named(self, host: &[u8]) -> bool {
        if self.host().eq_ignore_ascii_case(host) {
            return true;
        }
        // SAFETY: null (no `ServerAlias`), or an array of the configuration whose elements are pointers to strings of it
        // (`server_alias` in httpd's core pushes `char *`); it does not change after the configuration was read.
        unsafe {
            let Some(names) = self.get().names.as_ref() else { return false };
            let count = usize::try_from(names.nelts).unwrap_or(0);
            let first = names.elts.cast::<*const std::ffi::c_char>();
            (0..count).any(|at| text(*first.add(at)).is_some_and(|name| name.eq_ignore_ascii_case(host)))
        }
    }

    /// The port of `ServerName`, else the one of the `<VirtualHost>`, else the first that httpd listens on; 0 if none is known.
    pub fn configured_port(self) -> u16 {
        let server = self.get();
        if server.port != 0 {
            return server.port;
        }
        // SAFETY: null, or the first address of the virtual host.
        let address = unsafe { server.addrs.as_ref() }.map_or(0, |address| address.host_port);
        if address != 0 {
            return address;
        }
        listeners().next().unwrap_or(0)
    }

    /// Can a request get here? Not to a main server when virtual hosts for any address (`*`) cover every port that httpd
    /// listens on: then one of them gets it, whatever the Host header says.
    pub fn is_reachable(self) -> bool {
        if self.is_virtual() {
            return true;
        }
        let hosts: Vec<Server<'_>> = self.all().filter(|server| server.is_virtual()).collect();
        let covered = |port: u16| hosts.iter().any(|host| host.takes_any_address(port));
        let mut listeners = listeners().peekable();
        listeners.peek().is_none() || !listeners.all(covered)
    }

    /// Has this virtual host an address `*:port` or `*`?
    fn takes_any_address(self, port: u16) -> bool {
        // SAFETY: `addrs` and `next` are null or an address of this virtual host; its name is a string of the configuration.
        let addresses = std::iter::successors(unsafe { self.get().addrs.as_ref() }, |address| unsafe { address.next.as_ref() });
        addresses.into_iter().any(|address| {
            // SAFETY: as above.
            let name = unsafe { text(address.virthost) }.unwrap_or_default();
            let any = name == b"*" || name.starts_with(b"*:") || name.starts_with(b"_default_");
            any && (address.host_port == 0 || address.host_port == port)
        })
    }

    /// `Timeout`
    pub fn timeout(self) -> Duration {
        Duration::from_micros(u64::try_from(self.get().timeout).unwrap_or(0))
    }

    /// The pool of the configuration that this server belongs to.
    pub fn configuration_pool(self) -> Pool<'s> {
        // SAFETY: the process's record and its pool outlive the servers made from it.
        unsafe { Pool::new((*self.get().process).pconf) }
    }

    /// The pool of the open logs: httpd clears it when it has read its next configuration, before the hooks of that which see it complete.
    pub fn logs_pool(self) -> Pool<'s> {
        Logs::of(self.configuration_pool())
    }

    /// The page that the children of this configuration share.
    pub fn shared(self) -> Option<&'s Shared> {
        Shared::of(self.configuration_pool())
    }

    /// The descriptor of its error log, if that is a file or a pipe.
    pub fn log_descriptor(self) -> Option<i32> {
        let mut descriptor = -1;
        // SAFETY: null (syslog), or the open log of this server; the number is written on success.
        let status = unsafe {
            let log = self.get().error_log;
            if log.is_null() { -1 } else { sys::apr_os_file_get(&raw mut descriptor, log) }
        };
        (status == 0 && descriptor >= 0).then_some(descriptor)
    }

    /// The least urgent level that its log takes from this module.
    pub fn log_level(self) -> i32 {
        // SAFETY: the server is live; the index is this module's.
        unsafe { sys::ap_get_server_module_loglevel(self.raw(), super::module::index()) }
    }

    /// What was remembered in the configuration's pool. In a child, any thread may look at it.
    pub fn remembered<T: Sync + 'static>(self, key: &Key<T>) -> Option<&'s T> {
        self.configuration_pool().remembered(key)
    }

    /// The configuration vector of the modules.
    pub(in crate::httpd) fn module_config(self) -> *mut sys::ap_conf_vector_t {
        self.get().module_config
    }

    /// The configuration vector of what stands outside of directory sections.
    pub(in crate::httpd) fn section_defaults(self) -> *mut sys::ap_conf_vector_t {
        self.get().lookup_defaults
    }
}

/// The ports that httpd listens on.
fn listeners() -> impl Iterator<Item = u16> {
    // SAFETY: httpd's list of listeners, null before it was made; it does not change after the configuration was read.
    let all = std::iter::successors(unsafe { sys::ap_listeners.as_ref() }, |listener| unsafe { listener.next.as_ref() });
    // SAFETY: null, or the address of the listener.
    all.filter_map(|listener| unsafe { listener.bind_addr.as_ref() }.map(|address| address.port))
}
