/*! Signals that a daemon process hears: written to a pipe by a handler, read by the watching thread.

Handlers, not a blocked mask: a mask would be inherited by the programs that an application starts. */
#![expect(unsafe_code, reason = "signal handlers are C functions")]

use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use protocol::control::SHOW_STACK;

use super::descriptors::Descriptor;
use crate::capi::thread::Ident;

/// The pipe's writing end, and the process it belongs to: a forked child's signals are its own affair.
static PIPE: AtomicI32 = AtomicI32::new(-1);
static OWNER: AtomicI32 = AtomicI32::new(0);

/// The last two ask for nothing, and are not to kill.
const HEARD: [c_int; 6] = [libc::SIGTERM, libc::SIGINT, libc::SIGUSR1, libc::SIGXCPU, libc::SIGHUP, libc::SIGUSR2];

extern "C" fn note(number: c_int) {
    // SAFETY: getpid, signal, kill and write are async-signal-safe; the byte lives on the stack, errno is put back.
    unsafe {
        let own = libc::getpid();
        if own != OWNER.load(Ordering::Relaxed) {
            // A forked process, before its handlers were taken back: it is to do what it would do without this one.
            libc::signal(number, libc::SIG_DFL);
            libc::kill(own, number);
            return;
        }
        let errno = *libc::__errno_location();
        let byte = u8::try_from(number).unwrap_or(0);
        libc::write(PIPE.load(Ordering::Relaxed), (&raw const byte).cast(), 1);
        *libc::__errno_location() = errno;
    }
}

/// Installs the handlers, which write to this end of a pipe. A service keeps Python's own for SIGTERM, which ends its script (`set_up.py`).
///
/// # Errors
/// What a handler fails with.
pub fn install(writing: Descriptor, service: bool) -> Result<(), std::io::Error> {
    PIPE.store(writing.as_fd().as_raw_fd(), Ordering::Relaxed);
    // The handlers write to it for as long as the process lives.
    std::mem::forget(writing);
    OWNER.store(rustix::process::getpid().as_raw_nonzero().get(), Ordering::Relaxed);
    for number in HEARD.into_iter().filter(|number| !service || *number != libc::SIGTERM) {
        // SAFETY: an all-zero sigaction is valid (no flags, empty mask); the handler is async-signal-safe.
        let failed = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = note as extern "C" fn(c_int) as usize;
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(number, &raw const action, std::ptr::null_mut()) != 0
        };
        if failed {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Leaves the signals that are heard to the process's other threads: the calling thread gets none of them. A thread that does no more than wait would take them from Python's
/// main thread, whose `sleep()` only a signal of its own ends.
pub fn leave_to_others() {
    // SAFETY: a set made by its own functions, for the calling thread alone.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for number in HEARD {
            libc::sigaddset(&raw mut set, number);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
    }
}

/// Has a thread write its Python stack to standard error, from a signal handler of faulthandler's that needs no lock. The thread must be alive. `false` if
/// that handler is not there: the signal would end the process.
pub fn show_stack(thread: Ident) -> bool {
    // SAFETY: sigaction with no new action only reads; the caller says that the thread lives, and the signal has a handler.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let asked = libc::sigaction(SHOW_STACK, std::ptr::null(), &raw mut action);
        asked == 0 && action.sa_sigaction != libc::SIG_DFL && libc::pthread_kill(thread.pthread(), SHOW_STACK) == 0
    }
}

/// Writes to a pipe whose reader may be gone: the thread gets `EPIPE` and no signal, whatever the application does with SIGPIPE. (A socket has a flag for
/// that.)
pub fn without_sigpipe<T>(write: impl FnOnce() -> T) -> T {
    // SAFETY: sets made by their own functions, for the calling thread alone. A SIGPIPE that waited before stays: only one that `write` has caused,
    // which the kernel sends to this thread, is taken away.
    unsafe {
        let (mut pipe, mut before, mut waiting) = (std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed());
        libc::sigemptyset(&raw mut pipe);
        libc::sigaddset(&raw mut pipe, libc::SIGPIPE);
        libc::sigpending(&raw mut waiting);
        let waited = libc::sigismember(&raw const waiting, libc::SIGPIPE) == 1;
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const pipe, &raw mut before);
        let written = write();
        if !waited {
            let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            libc::sigtimedwait(&raw const pipe, std::ptr::null_mut(), &raw const at_once);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        written
    }
}

/// The numbers of the signals that have come since.
pub fn pending(pipe: impl AsFd) -> Vec<u8> {
    let mut numbers = [0; 64];
    rustix::io::read(pipe, &mut numbers[..])
        .map_or_else(|_| Vec::new(), |count| numbers.get(..count).unwrap_or_default().to_vec())
}

/// A process that an application forked hears signals as any other does. Async-signal-safe: it runs in the fork's child.
pub fn give_back() {
    for number in HEARD {
        // SAFETY: sigaction is async-signal-safe, and an all-zero sigaction is valid: the default. What the application has installed stays.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let asked = libc::sigaction(number, std::ptr::null(), &raw mut action);
            if asked == 0 && action.sa_sigaction == note as extern "C" fn(c_int) as usize {
                action = std::mem::zeroed();
                libc::sigaction(number, &raw const action, std::ptr::null_mut());
            }
        }
    }
}
