/*! The module's configuration as httpd keeps it: made and merged on its call, found again from a server or a request.

A missing one (its making panicked) reads as the defaults. *Runs in: parent, child.* */
#![expect(unsafe_code, reason = "called by httpd, and reads its configuration vectors")]

use std::ffi::{c_char, c_void};
use std::sync::OnceLock;

use crate::httpd::guard::{self, Kept, Kind};
use crate::httpd::log::target::Target;
use crate::httpd::module;
use crate::httpd::pool::Pool;
use crate::httpd::request::Request;
use crate::httpd::server::Server;
use crate::httpd::sys;
use config::settings::merge;
use config::settings::{DirectoryConfig, ServerConfig};

/// What `server` says.
pub fn of_server(server: Server<'_>) -> &ServerConfig {
    static DEFAULT: OnceLock<ServerConfig> = OnceLock::new();
    // SAFETY: a null or what `create_server` or `merge_server` made, which lives as long as the server.
    unsafe { sys::ap_get_module_config(server.module_config(), module::record()).cast::<ServerConfig>().as_ref() }
        .unwrap_or_else(|| DEFAULT.get_or_init(ServerConfig::default))
}

/// What `server` says, to be written by a directive.
///
/// # Safety
/// The configuration is being read, and nothing else refers to it.
pub(in crate::httpd) unsafe fn of_server_mut(server: Server<'_>) -> Option<&mut ServerConfig> {
    // SAFETY: as for `of_server`, and promised by the caller.
    unsafe { sys::ap_get_module_config(server.module_config(), module::record()).cast::<ServerConfig>().as_mut() }
}

/// What stands in `server` outside of directory sections.
pub fn of_sections(server: Server<'_>) -> &DirectoryConfig {
    // SAFETY: as for a request.
    unsafe { directory(server.section_defaults()) }
}

/// What holds for the file or location of `request`.
pub fn of_request(request: Request<'_>) -> &DirectoryConfig {
    // SAFETY: the vector of the request, which outlives it.
    unsafe { directory(request.directory_config()) }
}

/// # Safety
/// `vector` is a live configuration vector for all of `'c`.
unsafe fn directory<'c>(vector: *mut sys::ap_conf_vector_t) -> &'c DirectoryConfig {
    static DEFAULT: OnceLock<DirectoryConfig> = OnceLock::new();
    // SAFETY: null, or what `create_directory` or `merge_directory` made in a pool that lives as long as the vector.
    unsafe { sys::ap_get_module_config(vector, module::record()).cast::<DirectoryConfig>().as_ref() }
        .unwrap_or_else(|| DEFAULT.get_or_init(DirectoryConfig::default))
}

/// `create_server_config`
///
/// # Safety
/// Called by httpd with the configuration's pool.
pub unsafe extern "C" fn create_server(pool: *mut sys::apr_pool_t, _server: *mut sys::server_rec) -> *mut c_void {
    // SAFETY: httpd passes the configuration's pool.
    kept(|| unsafe { Pool::new(pool) }.own(ServerConfig::default()))
}

/// `create_dir_config`
///
/// # Safety
/// Called by httpd with the configuration's pool, or a request's.
pub unsafe extern "C" fn create_directory(pool: *mut sys::apr_pool_t, _directory: *mut c_char) -> *mut c_void {
    // SAFETY: httpd passes the configuration's pool, or the request's for a `.htaccess` file.
    kept(|| unsafe { Pool::new(pool) }.own(DirectoryConfig::default()))
}

/// `merge_server_config`
///
/// # Safety
/// Called by httpd with its pool and two configurations of this module.
pub unsafe extern "C" fn merge_server(pool: *mut sys::apr_pool_t, base: *mut c_void, new: *mut c_void) -> *mut c_void {
    // SAFETY: httpd passes its pool and two configurations that `create_server` or this function made.
    kept(|| unsafe {
        let default = ServerConfig::default();
        let (base, new) = (base.cast::<ServerConfig>().as_ref(), new.cast::<ServerConfig>().as_ref());
        Pool::new(pool).own(merge::server(base.unwrap_or(&default), new.unwrap_or(&default)))
    })
}

/// `merge_dir_config`. At every request, several times: where one side says nothing, the other one is lent.
///
/// # Safety
/// Called by httpd with its pool and two configurations of this module.
pub unsafe extern "C" fn merge_directory(pool: *mut sys::apr_pool_t, base: *mut c_void, new: *mut c_void) -> *mut c_void {
    kept(|| {
        // SAFETY: httpd passes two configurations that `create_directory` or this function made; both live as long as the
        // result, because httpd merges into the pool of the shorter-lived one.
        unsafe {
            let (Some(outer), Some(inner)) = (base.cast::<DirectoryConfig>().as_ref(), new.cast::<DirectoryConfig>().as_ref())
            else {
                return if base.is_null() { new } else { base }.cast::<DirectoryConfig>();
            };
            if *inner == DirectoryConfig::default() {
                base.cast()
            } else if *outer == DirectoryConfig::default() {
                new.cast()
            } else {
                Pool::new(pool).own(merge::directory(outer, inner))
            }
        }
    })
}

fn kept<T>(make: impl FnOnce() -> *mut T) -> *mut c_void {
    let Kept(made) = guard::callback(Kind::Merge, Target::MAIN_SERVER, || Kept(make().cast()));
    made
}
