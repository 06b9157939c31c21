/*! A process that the parent forks and that executes no other program: it knows httpd's configuration as a child does, serves nobody, and runs as Apache's
user. *Runs in: parent (forks), log writer.* */
#![expect(unsafe_code, reason = "forks; calls into httpd")]

use std::ffi::CStr;
use std::os::fd::RawFd;
use std::panic::AssertUnwindSafe;

use rustix::process::{DumpableBehavior, geteuid, set_dumpable_behavior};
use rustix::thread::set_no_new_privs;

use crate::httpd::pool::Pool;
use crate::httpd::server::Server;
use crate::httpd::sys;

/// Signals that an administrator or a service manager sends to all of httpd's processes. Such a process ends when its work is done.
const IGNORED: [libc::c_int; 8] =
    [libc::SIGTERM, libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2, libc::SIGWINCH, libc::SIGPIPE];

/// Forks a process called `name` that runs `work` and ends. It has what the parent has open, but no socket that listens.
///
/// # Errors
/// It could not be forked.
pub fn start(name: &CStr, configuration: Pool<'_>, main: Server<'_>, work: impl FnOnce()) -> std::io::Result<i32> {
    // SAFETY: the parent has one thread, so the child may use all of its memory.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error()),
        0 => {
            // A panic must not return to httpd's main loop, in a process that is none of its own.
            let done = std::panic::catch_unwind(AssertUnwindSafe(|| {
                prepare(name);
                let privileged = geteuid().is_root();
                // SAFETY: both are live. What it says is why it refuses; it has logged that.
                let dropped = unsafe { sys::ap_run_drop_privileges(configuration.raw(), main.raw()) } == 0;
                if dropped && (!privileged || is_confined()) {
                    work();
                }
            }));
            // SAFETY: ends the process without the cleanups of the parent, which are the parent's to run.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        pid => Ok(pid),
    }
}

/// Keeps code in other processes of Apache's user, such as an application in a child of httpd, out of this one's memory and descriptors. Whether that has
/// worked, and the process is not root's any more. (Where httpd was not started by root, those processes are its equals, and so is its parent.)
fn is_confined() -> bool {
    // With `CoreDumpDirectory` httpd has just allowed others of its user to trace it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok() && set_no_new_privs(true).is_ok() && !geteuid().is_root()
}

fn prepare(name: &CStr) {
    // SAFETY: system calls on this process alone, which has one thread; the set is filled by its own function.
    unsafe {
        for signal in IGNORED {
            libc::signal(signal, libc::SIG_IGN);
        }
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::setsid();
        libc::prctl(libc::PR_SET_NAME, name.as_ptr());
    }
    close_listeners();
}

/// Closes every socket that listens: clients connect to httpd's children alone.
fn close_listeners() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers: Vec<RawFd> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for number in numbers {
        let mut listens: libc::c_int = 0;
        let mut length = libc::socklen_t::try_from(size_of_val(&listens)).unwrap_or_default();
        // SAFETY: asks a number that may be closed, or no socket, which it says; what listens is httpd's, and this process never serves.
        unsafe {
            let asked =
                libc::getsockopt(number, libc::SOL_SOCKET, libc::SO_ACCEPTCONN, (&raw mut listens).cast(), &raw mut length);
            if asked == 0 && listens != 0 {
                libc::close(number);
            }
        }
    }
}
