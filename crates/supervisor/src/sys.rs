/*! System calls that rustix lacks, behind safe functions. *Runs in: supervisor, helper, and in a daemon before it is Python.* */
#![expect(
    unsafe_code,
    reason = "rustix has no signalfd, waitid for any child, keyctl, unshare of process numbers and local time"
)]

use std::ffi::{CStr, c_char, c_int};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr::{null, null_mut};

use rustix::process::Pid;

/// `errno` if a call has failed.
pub fn check(result: c_int) -> Result<c_int, i32> {
    // SAFETY: the address of this thread's errno is always valid.
    if result == -1 { Err(unsafe { *libc::__errno_location() }) } else { Ok(result) }
}

/// Every signal as a new program expects it, and none blocked.
pub fn signals_to_default() {
    // SAFETY: SIG_DFL for numbers of which some are refused, which is no harm; an empty set made by its own function.
    unsafe {
        for signal in 1..=libc::SIGRTMAX() {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, null_mut());
    }
}

/// Closes every descriptor above 2.
pub fn only_standard_descriptors() {
    // SAFETY: at the start of a program nothing in it has opened any of these, so nobody uses what is closed. A kernel older than 5.9 does not know the first call.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3, c_int::MAX, 0) == -1 {
            let highest = c_int::try_from(libc::sysconf(libc::_SC_OPEN_MAX)).unwrap_or(65_536).max(1_024);
            for fd in 3..highest {
                libc::close(fd);
            }
        }
    }
}

/// Has what this process starts next be the first of a PID namespace of its own: when that has ended, the kernel ends all others in it. `false` where this process may not do that.
pub fn own_process_numbers() -> bool {
    // SAFETY: a constant flag; nothing of this process itself changes.
    unsafe { libc::unshare(libc::CLONE_NEWPID) == 0 }
}

/// Closes the descriptors that were passed at start, when [`inherited`] has made copies of all that are needed.
pub fn close_passed(numbers: &[u32]) {
    for number in numbers {
        if let Ok(number) = RawFd::try_from(*number) {
            // SAFETY: httpd passed the number when it executed this program, before it opened anything, and only copies are in use.
            unsafe { libc::close(number) };
        }
    }
}

/// Takes possession of a descriptor that was passed at start, and keeps it out of what is executed later. Each number once.
///
/// # Errors
/// When the number is no open descriptor.
pub fn inherited(number: u32) -> io::Result<OwnedFd> {
    let number = RawFd::try_from(number).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    // SAFETY: fcntl on a number that may be closed, which it says. A copy is made, so that two names of one number do no harm.
    let copy = check(unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 10) }).map_err(io::Error::from_raw_os_error)?;
    // SAFETY: the copy was made just now, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Blocks the signals that the supervisor listens for and returns the descriptor that tells of them (128 bytes each, the number in the first four).
///
/// # Errors
/// What the kernel says.
pub fn signals() -> io::Result<OwnedFd> {
    let wanted = [libc::SIGTERM, libc::SIGINT, libc::SIGUSR1, libc::SIGUSR2, libc::SIGHUP, libc::SIGCHLD];
    // SAFETY: a set made by its own functions, and the descriptor is new.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in wanted {
            // One that was ignored by whoever started us would be thrown away instead of being told of.
            libc::signal(signal, libc::SIG_DFL);
            libc::sigaddset(&raw mut set, signal);
        }
        // A process can be stopped and continued without end by others of its user: nobody wants to hear of it.
        let mut deaths: libc::sigaction = std::mem::zeroed();
        (deaths.sa_sigaction, deaths.sa_flags) = (libc::SIG_DFL, libc::SA_NOCLDSTOP);
        check(libc::sigaction(libc::SIGCHLD, &raw const deaths, null_mut())).map_err(io::Error::from_raw_os_error)?;
        check(libc::sigprocmask(libc::SIG_SETMASK, &raw const set, null_mut())).map_err(io::Error::from_raw_os_error)?;
        let fd = check(libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))
            .map_err(io::Error::from_raw_os_error)?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Returns a child of this process that has ended and was not waited for, also one that the supervisor has not started. It is not reaped.
pub fn ended_child() -> Option<Pid> {
    // SAFETY: an all-zero siginfo is valid, and is filled by the kernel; its process id is read where the call has succeeded, and is 0 where there is no child.
    unsafe {
        let mut found: libc::siginfo_t = std::mem::zeroed();
        let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        if libc::waitid(libc::P_ALL, 0, &raw mut found, how) == 0 { Pid::from_raw(found.si_pid()) } else { None }
    }
}

/// The process group of a process; `None` for one that has ended, and for those without a group that can be seen from here: threads of the kernel have the group 0,
/// which rustix takes for impossible.
pub fn process_group(pid: Pid) -> Option<Pid> {
    // SAFETY: a number alone; it changes nothing.
    Pid::from_raw(check(unsafe { libc::getpgid(pid.as_raw_nonzero().get()) }).ok()?)
}

/// Joins a new, empty session keyring. The inherited one may hold keys of the user who started httpd, and every process in a keyring can read its keys, whatever its
/// user. Where the system has no keyrings, or a filter forbids the call, no process can read one either.
pub fn leave_keyring() {
    const JOIN_SESSION_KEYRING: libc::c_long = 1;
    // SAFETY: keyctl(2); the name of the keyring is null, for one without a name.
    unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, null::<c_char>()) };
}

/// A moment as httpd's error log shows it: `Sat Nov 21 12:00:00.123456 2026`, in local time.
pub fn local_time(seconds: i64, micros: i64) -> String {
    let mut text = [0_u8; 64];
    // SAFETY: localtime_r fills the structure; strftime writes at most the buffer's length, terminated. Both are called by one thread.
    unsafe {
        let mut when = std::mem::zeroed();
        if libc::localtime_r(&raw const seconds, &raw mut when).is_null() {
            return "-".to_owned();
        }
        libc::strftime(text.as_mut_ptr().cast(), text.len(), c"%a %b %d %H:%M:%S.@ %Y".as_ptr(), &raw const when);
    }
    CStr::from_bytes_until_nul(&text).unwrap_or_default().to_string_lossy().replace('@', &format!("{micros:06}"))
}

#[cfg(test)]
mod tests {
    use super::local_time;

    #[test]
    fn time_reads_as_httpd_writes_it() {
        // Whatever the zone: the fraction stands between seconds and year.
        let text = local_time(1_795_262_400, 1_234);
        assert!(text.contains(".001234 2026"), "{text}");
        assert_eq!(text.len(), "Sat Nov 21 12:00:00.123456 2026".len());
    }
}
