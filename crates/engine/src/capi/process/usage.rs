/*! What the system has counted of the processor's time and of memory. */
#![expect(unsafe_code, reason = "this folder is the engine's border with everything that is not safe Rust")]

/// What a thread or the process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Microseconds of processor in the application and its libraries.
    pub user: i64,
    /// Microseconds of processor in the kernel.
    pub system: i64,
    /// The most memory that the process has had at a time, in bytes.
    pub most_memory: i64,
}

impl Usage {
    /// Of the calling thread.
    pub fn of_thread() -> Self {
        Self::of(libc::RUSAGE_THREAD)
    }

    /// Of the process, its threads that have ended included.
    pub fn of_process() -> Self {
        Self::of(libc::RUSAGE_SELF)
    }

    fn of(whom: libc::c_int) -> Self {
        // SAFETY: an all-zero rusage is valid, and is filled by the call; a failure leaves the zeros.
        let used = unsafe {
            let mut used: libc::rusage = std::mem::zeroed();
            libc::getrusage(whom, &raw mut used);
            used
        };
        let microseconds = |time: libc::timeval| time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_usec);
        // Linux tells kilobytes.
        Self {
            user: microseconds(used.ru_utime),
            system: microseconds(used.ru_stime),
            most_memory: used.ru_maxrss.saturating_mul(1024),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Usage;

    #[test]
    fn work_is_counted() {
        let before = Usage::of_thread();
        let mut after = before;
        while after.user + after.system < before.user + before.system + 2000 {
            after = Usage::of_thread();
        }
        let process = Usage::of_process();
        assert!(process.user + process.system >= after.user + after.system - before.user - before.system);
        assert!(process.most_memory > 100_000);
    }
}
