/*! What httpd says about itself: run mode, MPM, version, its user. *Runs in: parent, child.* */
#![expect(unsafe_code, reason = "calls into httpd")]

use std::ffi::{CStr, c_int};

use protocol::log_code;
use protocol::settings::EngineSettings;

use crate::httpd::c_text::text;
use crate::httpd::log::Log;
use crate::httpd::pool::Pool;
use crate::httpd::server::Server;
use crate::httpd::sys;

/// Is this `httpd -t`?
pub fn is_configtest() -> bool {
    // SAFETY: a query without side effects.
    unsafe { sys::ap_state_query(sys::AP_SQ_RUN_MODE.cast_signed()) == sys::AP_SQ_RM_CONFIG_TEST.cast_signed() }
}

/// Is the configuration read only to see whether it can be, before httpd becomes what it will be?
pub fn is_rehearsal() -> bool {
    // SAFETY: a query without side effects.
    unsafe { sys::ap_state_query(sys::AP_SQ_MAIN_STATE.cast_signed()) == sys::AP_SQ_MS_CREATE_PRE_CONFIG.cast_signed() }
}

/// What the end of a configuration is the beginning of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// A graceful restart: children finish what they have.
    Graceful,
    /// A restart: the children are gone.
    Restart,
    /// Nothing: httpd ends.
    Stop,
}

/// Why the configuration ends now. Asked in a cleanup of its pool.
pub fn after_configuration() -> After {
    let mut state: c_int = 0;
    // SAFETY: queries; `state` is written by the MPM.
    unsafe {
        if sys::ap_state_query(sys::AP_SQ_MAIN_STATE.cast_signed()) == sys::AP_SQ_MS_EXITING.cast_signed() {
            return After::Stop;
        }
        let asked = sys::ap_mpm_query(sys::AP_MPMQ_MPM_STATE.cast_signed(), &raw mut state);
        if asked == 0 && state == sys::AP_MPMQ_STOPPING.cast_signed() { After::Restart } else { After::Graceful }
    }
}

/// How often httpd has read its configuration, counting also those without this module.
pub fn configuration_number() -> i32 {
    // SAFETY: a query without side effects.
    unsafe { sys::ap_state_query(sys::AP_SQ_CONFIG_GEN.cast_signed()) }
}

/// Sets or removes a variable of this process's environment. Only in `child_init`: httpd makes the child's threads after that, and a thread that
/// reads the environment while it is changed may read freed memory.
pub fn set_variable(name: &CStr, value: Option<&[u8]>) {
    let value = value.map(std::ffi::CString::new);
    // SAFETY: the texts end with NUL and are copied; no other thread of httpd's reads the environment yet.
    unsafe {
        match value {
            Some(Ok(value)) => libc::setenv(name.as_ptr(), value.as_ptr(), 1),
            // A value with a NUL inside is none that a variable can have.
            Some(Err(_)) => 0,
            None => libc::unsetenv(name.as_ptr()),
        };
    }
}

/// `DefaultRuntimeDir`, absolute.
pub fn runtime_directory(configuration: Pool<'_>) -> Vec<u8> {
    // SAFETY: the pool is live; the result is a string in it, or null.
    unsafe { text(sys::ap_runtime_dir_relative(configuration.raw(), c"".as_ptr())) }.unwrap_or(b"/tmp").to_vec()
}

/// Does httpd run as a single process in the foreground (`-X`)?
pub fn is_single() -> bool {
    // SAFETY: lookups by NUL-terminated names.
    [c"ONE_PROCESS", c"DEBUG"].iter().any(|name| unsafe { sys::ap_exists_config_define(name.as_ptr()) } != 0)
}

/// Numbers of the MPM, as the configuration gives them.
#[derive(Clone, Copy, Debug)]
pub struct Mpm {
    /// The largest number of child processes.
    pub processes: u32,
    /// Threads per child.
    pub threads: u32,
}

/// Asks the MPM. After its directives have been read; an unanswered question counts as 1.
pub fn mpm() -> Mpm {
    let query = |what: u32| {
        let mut result: c_int = 1;
        // SAFETY: `result` is written by the MPM.
        let status = unsafe { sys::ap_mpm_query(what.cast_signed(), &raw mut result) };
        if status == 0 { u32::try_from(result).unwrap_or(1).max(1) } else { 1 }
    };
    Mpm { processes: query(sys::AP_MPMQ_MAX_DAEMONS), threads: query(sys::AP_MPMQ_MAX_THREADS) }
}

/// What every engine is told of httpd, in either mode; the rest of its settings are the defaults.
pub fn settings() -> EngineSettings {
    let mpm = mpm();
    EngineSettings {
        single_process: is_single(),
        apache_version: apache_version(),
        apache_description: description(),
        apache_build_date: build_date(),
        mpm_name: mpm_name(),
        apache_maximum_processes: mpm.processes,
        apache_threads_per_process: mpm.threads,
        ..EngineSettings::default()
    }
}

/// The MPM's name (`event`).
pub fn mpm_name() -> Vec<u8> {
    // SAFETY: a string that lives as long as the MPM, or null.
    unsafe { text(sys::ap_show_mpm()) }.unwrap_or_default().to_vec()
}

/// The httpd that this module was built for: major, minor, patch.
pub const fn apache_version() -> [u32; 3] {
    [sys::AP_SERVER_MAJORVERSION_NUMBER, sys::AP_SERVER_MINORVERSION_NUMBER, sys::AP_SERVER_PATCHLEVEL_NUMBER]
}

/// Says so if the running httpd is older than the one that this module was built for.
pub fn warn_if_older(main: Server<'_>) {
    // SAFETY: plain numbers, filled by the call.
    let running = unsafe {
        let mut version: sys::ap_version_t = std::mem::zeroed();
        sys::ap_get_server_revision(&raw mut version);
        [version.major, version.minor, version.patch]
    };
    let [major, minor, patch] = running;
    let built = apache_version();
    let number = |number: std::ffi::c_int| u32::try_from(number).unwrap_or(0);
    if running.map(number) < built {
        let [built_major, built_minor, built_patch] = built;
        Log::Server(main).log_code(
            &log_code::BUILT_FOR_NEWER_APACHE,
            format_args!(
                "the module was built for httpd {built_major}.{built_minor}.{built_patch}, but runs in {major}.{minor}.{patch}. To fix: build the \
                 module for the installed httpd"
            ),
        );
    }
}

/// The running httpd's description of itself, with its modules.
pub fn description() -> Vec<u8> {
    // SAFETY: a string that lives as long as the configuration, or null.
    unsafe { text(sys::ap_get_server_description()) }.unwrap_or_default().to_vec()
}

/// When the running httpd was built.
pub fn build_date() -> Vec<u8> {
    // SAFETY: a static string of httpd, or null.
    unsafe { text(sys::ap_get_server_built()) }.unwrap_or_default().to_vec()
}

/// `ServerRoot`
pub fn server_root() -> &'static [u8] {
    // SAFETY: httpd sets it before any module sees the configuration, and keeps it.
    unsafe { text(sys::ap_server_root) }.unwrap_or(b"/")
}

/// User and group that the children run as (`User`, `Group`), as numbers.
pub fn unix_user() -> (u32, u32) {
    // SAFETY: plain data of httpd, filled when the configuration has been read.
    unsafe { (sys::ap_unixd_config.user_id, sys::ap_unixd_config.group_id) }
}
