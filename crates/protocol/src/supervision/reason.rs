/*! Why a daemon process is replaced or ended: what its supervisor goes by, and what an application's shutdown callbacks are told, under the names that
mod_wsgi gave them. *Runs in: supervisor, daemon.* */

macro_rules! reasons {
    ($($kind:ident $name:literal $doc:literal,)+) => {
        /// See the names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason { $(#[doc = $doc] $kind,)+ }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// `shutdown_reason`
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }
        }
    };
}

reasons! {
    ShutdownSignal "shutdown_signal" "httpd stops or reloads its configuration, or the process got SIGTERM or SIGINT.",
    GracefulSignal "graceful_signal" "The process got SIGUSR1.",
    EvictionSignal "eviction_signal" "The process got SIGUSR1, and `eviction-timeout` is set.",
    MaximumRequests "maximum_requests" "`maximum-requests`",
    RestartInterval "restart_interval" "`restart-interval`",
    InactivityTimeout "inactivity_timeout" "`inactivity-timeout`",
    RequestTimeout "request_timeout" "`request-timeout`, and `interrupt-timeout` if there is one.",
    StartupTimeout "startup_timeout" "`startup-timeout`",
    DeadlockTimeout "deadlock_timeout" "`deadlock-timeout`",
    CpuTimeLimit "cpu_time_limit" "`cpu-time-limit`",
    ScriptReload "script_reload" "A script has changed.",
}

impl Reason {
    /// The reason of that name.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().find(|reason| reason.name().as_bytes() == name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn each_is_found_by_its_name() {
        assert!(Reason::ALL.iter().all(|reason| Reason::from_name(reason.name().as_bytes()) == Some(*reason)));
        assert_eq!(Reason::from_name(b"shutdown"), None);
    }
}
