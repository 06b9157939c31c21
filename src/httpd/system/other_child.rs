/*! A process of ours beside httpd's own children: started by the parent, reaped by httpd's main loop, which says when it has died, and when
everybody is to end. *Runs in: parent.* */
#![expect(unsafe_code, reason = "calls into APR; prepares a forked child")]

use std::ffi::{OsString, c_int, c_void};
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::httpd::guard::{self, Kind};
use crate::httpd::log::Log;
use crate::httpd::pool::Pool;
use crate::httpd::server::Server;
use crate::httpd::sys;

/// What is called after a death: the main server, the process, and what `waitpid` said.
pub type Died = fn(main: Server<'_>, pid: i32, status: c_int);

/// What is told when httpd begins to end its children, for a stop or a restart that is not graceful: the process. It is not watched any more.
pub type Ends = fn(pid: i32);

struct Watched {
    process: sys::apr_proc_t,
    died: Died,
    ends: Ends,
}

/// Has httpd's main loop tell of the end of the process `pid`, and of that of all children, for as long as the configuration lives.
pub fn watch(configuration: Pool<'_>, pid: i32, died: Died, ends: Ends) {
    // SAFETY: an all-zero apr_proc_t is valid: no pipes.
    let mut process: sys::apr_proc_t = unsafe { std::mem::zeroed() };
    process.pid = pid;
    let watched = std::ptr::from_mut(configuration.own(Watched { process, died, ends }));
    // SAFETY: the record lives as long as the pool, at whose end APR unregisters it, before the module is unloaded (cleanups run in
    // reverse order).
    unsafe {
        sys::apr_proc_other_child_register(
            &raw mut (*watched).process,
            Some(maintain),
            watched.cast(),
            std::ptr::null_mut(),
            configuration.raw(),
        );
    }
}

unsafe extern "C" fn maintain(reason: c_int, data: *mut c_void, status: c_int) {
    let dead = [sys::APR_OC_REASON_DEATH, sys::APR_OC_REASON_LOST].iter().any(|one| one.cast_signed() == reason);
    // httpd says this each time it looks for those of its children that have not ended yet; the first is before it has waited for any.
    let ends = reason == sys::APR_OC_REASON_RESTART.cast_signed();
    if !dead && !ends {
        return;
    }
    guard::callback(Kind::Configuration, Log::MainServer, || {
        // SAFETY: registered by `watch` with a record that lives until it is unregistered.
        let (pid, tell_death, tell_end) = unsafe {
            let watched = &*data.cast::<Watched>();
            (watched.process.pid, watched.died, watched.ends)
        };
        // SAFETY: as above; calls back once with a reason that is ignored.
        unsafe { sys::apr_proc_other_child_unregister(data) };
        if !dead {
            tell_end(pid);
        // SAFETY: httpd's main loop calls this while its configuration is in use.
        } else if let Some(main) = unsafe { Server::main() } {
            tell_death(main, pid, status);
        }
    });
}

/// Starts `program` in a session of its own. Of the descriptors above 2 it gets those in `passed`, under the same numbers.
///
/// # Errors
/// It could not be forked or executed.
pub fn start(program: &Path, arguments: &[OsString], passed: Vec<RawFd>) -> std::io::Result<i32> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    // SAFETY: between fork and exec; system calls only, nothing is allocated, and the parent has one thread.
    unsafe {
        command.pre_exec(move || {
            libc::setsid();
            close_on_exec_from(3);
            for number in &passed {
                if libc::fcntl(*number, libc::F_SETFD, 0) != 0 {
                    return Err(std::io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
    let child = command.spawn()?;
    i32::try_from(child.id()).map_err(std::io::Error::other)
}

/// No descriptor from `first` on survives the exec, whoever opened it.
fn close_on_exec_from(first: RawFd) {
    // SAFETY: a system call on this process's own descriptors.
    let done =
        unsafe { libc::syscall(libc::SYS_close_range, first.cast_unsigned(), libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) == 0 };
    if done {
        return;
    }
    // Before Linux 5.11: one by one, as far as descriptors are likely to go.
    // SAFETY: as above; a number that is not open is an error without effect.
    unsafe {
        let limit = libc::sysconf(libc::_SC_OPEN_MAX).clamp(1024, 65_536);
        for number in first..libc::c_int::try_from(limit).unwrap_or(1024) {
            libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

/// Takes an ended process back: whether it has ended, or somebody else in this process has taken it back already.
pub fn reap(pid: i32) -> bool {
    let mut status = 0;
    // SAFETY: a system call; `status` is written.
    let found = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
    found == pid || (found < 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD))
}
