/*! httpd's hooks: one function of a trait each, called through the guard. *Runs in: parent, child.* */
#![expect(unsafe_code, reason = "called by httpd, and registers with it")]

use std::ffi::{c_char, c_int};

use crate::httpd::guard::{self, AfterPanic as _, Configured, Kind};
use crate::httpd::log::Log;
use crate::httpd::pool::{Logs, Pool};
use crate::httpd::request::Request;
use crate::httpd::server::Server;
use crate::httpd::status::Answer;
use crate::httpd::stream::file_bucket;
use crate::httpd::sys;

/// A module's hooks, in the order in which httpd calls them.
pub trait Hooks {
    /// Before the directives are read.
    fn pre_config(configuration: Pool<'_>) -> Answer;
    /// When all directives have been read, also in configtest.
    fn check_config(configuration: Pool<'_>, main: Server<'_>) -> Answer;
    /// In configtest alone, after `check_config`.
    fn test_config(configuration: Pool<'_>, main: Server<'_>);
    /// When the configuration is complete, in the parent.
    fn post_config(configuration: Pool<'_>, main: Server<'_>) -> Answer;
    /// Every ten seconds or so, in the parent.
    fn monitor(main: Server<'_>);
    /// When a child begins.
    fn child_init(child: Pool<'_>, main: Server<'static>);
    /// To map a URL to a file.
    fn translate_name(request: Request<'_>) -> Answer;
    /// To answer a request.
    fn handler(request: Request<'_>) -> Answer;
}

/// `translate_name` runs after these, so that an `Alias` wins,
static AFTER: Names<2> = Names([c"mod_alias.c".as_ptr(), std::ptr::null()]);
/// and before these, which would map everything that is left.
static BEFORE: Names<3> = Names([c"mod_userdir.c".as_ptr(), c"mod_vhost_alias.c".as_ptr(), std::ptr::null()]);

/// Names of modules, ended by a null.
struct Names<const N: usize>([*const c_char; N]);

// SAFETY: pointers to static strings, never written.
unsafe impl<const N: usize> Sync for Names<N> {}

/// Registers them, and the filter for files.
pub fn register<H: Hooks>() {
    let middle = sys::APR_HOOK_MIDDLE.cast_signed();
    let none = std::ptr::null();
    // SAFETY: httpd keeps functions and lists for as long as the module is loaded; both are static.
    unsafe {
        sys::ap_hook_pre_config(Some(pre_config::<H>), none, none, middle);
        sys::ap_hook_check_config(Some(check_config::<H>), none, none, middle);
        sys::ap_hook_test_config(Some(test_config::<H>), none, none, middle);
        sys::ap_hook_post_config(Some(post_config::<H>), none, none, middle);
        sys::ap_hook_monitor(Some(monitor::<H>), none, none, middle);
        sys::ap_hook_child_init(Some(child_init::<H>), none, none, middle);
        sys::ap_hook_translate_name(Some(translate_name::<H>), AFTER.0.as_ptr(), BEFORE.0.as_ptr(), middle);
        sys::ap_hook_handler(Some(handler::<H>), none, none, middle);
    }
    file_bucket::register();
}

unsafe extern "C" fn pre_config<H: Hooks>(
    configuration: *mut sys::apr_pool_t,
    _log: *mut sys::apr_pool_t,
    _temporary: *mut sys::apr_pool_t,
) -> c_int {
    // SAFETY: httpd passes the configuration's pool.
    configured(|| unsafe { H::pre_config(Pool::new(configuration)) })
}

unsafe extern "C" fn check_config<H: Hooks>(
    configuration: *mut sys::apr_pool_t,
    _log: *mut sys::apr_pool_t,
    _temporary: *mut sys::apr_pool_t,
    main: *mut sys::server_rec,
) -> c_int {
    // SAFETY: httpd passes the configuration's pool and the main server.
    configured(|| unsafe { Server::new(main).map_or(Answer::Ok, |main| H::check_config(Pool::new(configuration), main)) })
}

unsafe extern "C" fn test_config<H: Hooks>(configuration: *mut sys::apr_pool_t, main: *mut sys::server_rec) {
    guard::callback(Kind::Configuration, Log::MainServer, || {
        // SAFETY: httpd passes the configuration's pool and the main server.
        unsafe {
            if let Some(main) = Server::new(main) {
                H::test_config(Pool::new(configuration), main);
            }
        }
    });
}

unsafe extern "C" fn post_config<H: Hooks>(
    configuration: *mut sys::apr_pool_t,
    logs: *mut sys::apr_pool_t,
    _temporary: *mut sys::apr_pool_t,
    main: *mut sys::server_rec,
) -> c_int {
    // SAFETY: httpd passes the configuration's pool, that of the logs, and the main server.
    configured(|| unsafe {
        Logs::keep(Pool::new(configuration), Pool::new(logs));
        Server::new(main).map_or(Answer::Ok, |main| H::post_config(Pool::new(configuration), main))
    })
}

unsafe extern "C" fn monitor<H: Hooks>(_configuration: *mut sys::apr_pool_t, main: *mut sys::server_rec) -> c_int {
    configured(|| {
        // SAFETY: httpd passes the main server.
        if let Some(main) = unsafe { Server::new(main) } {
            H::monitor(main);
        }
        Answer::Declined
    })
}

unsafe extern "C" fn child_init<H: Hooks>(child: *mut sys::apr_pool_t, main: *mut sys::server_rec) {
    guard::callback(Kind::ChildInit, Log::MainServer, || {
        // SAFETY: httpd passes the child's pool and the main server, which in a child nobody destroys before the process ends.
        unsafe {
            if let Some(main) = Server::new(main) {
                H::child_init(Pool::new(child), main);
            }
        }
    });
}

unsafe extern "C" fn translate_name<H: Hooks>(request: *mut sys::request_rec) -> c_int {
    // SAFETY: httpd lends the request for this call.
    unsafe { in_request(Kind::Translate, request, H::translate_name) }
}

unsafe extern "C" fn handler<H: Hooks>(request: *mut sys::request_rec) -> c_int {
    // SAFETY: httpd lends the request for this call.
    let answer = unsafe { in_request(Kind::Handler, request, H::handler) };
    // SAFETY: as above.
    let ended = unsafe { Request::new(request) }.is_some_and(Request::has_ended);
    // A panic after the response's beginning has truncated it (see `ResponseBody`): an error page behind that would be sent as it is.
    if ended && answer == Answer::after_panic().number() { Answer::Ok.number() } else { answer }
}

fn configured(hook: impl FnOnce() -> Answer) -> c_int {
    let Configured(answer) = guard::callback(Kind::Configuration, Log::MainServer, || Configured(hook()));
    answer.number()
}

/// # Safety
/// `request` is null or lent for this call.
unsafe fn in_request(kind: Kind, request: *mut sys::request_rec, hook: fn(Request<'_>) -> Answer) -> c_int {
    // SAFETY: promised by the caller.
    let Some(request) = (unsafe { Request::new(request) }) else { return Answer::Declined.number() };
    guard::callback(kind, Log::Request(request), || hook(request)).number()
}
