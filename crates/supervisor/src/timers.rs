/*! Time as the state machines see it: a number that somebody hands in, so that tests own the clock. *Runs in: supervisor.* */

use protocol::plan;
use protocol::reason::Reason;
use protocol::table::Limit;

/// Milliseconds of the monotonic clock.
pub type Millis = u64;

/// A process that has lived this long is not part of a crash loop.
pub const SOUND: Millis = 10_000;
/// What `startup-timeout=0` means for a successor, whose predecessor goes on serving meanwhile.
pub const SUCCESSOR_STARTUP: Millis = 60_000;
/// How often scripts are looked at and loads are asked for.
pub const LOOK: Millis = 1_000;
/// How long a successor that is being started keeps one of the server's permits to replace processes. One that takes longer goes on without: it may be its
/// owner who wants it to take long.
pub const PERMIT: Millis = 10_000;
/// How long after its SIGKILL a process is waited for. One that is still there waits in the kernel, for a file system perhaps that its owner keeps from answering.
pub const UNKILLABLE: Millis = 5_000;
/// How long the processes of an older generation may drain where no limit is set. Each keeps its supervisor, and one whose owner never lets it end would keep
/// that for ever, and so would the next.
pub const RETIRED: Millis = 86_400_000;
/// How often it is looked whether the processes of an older generation that must not meet those of a newer one have gone.
pub const GLANCE: Millis = 100;
/// When httpd's parent has died, everything is gone within 5 s; the kill comes before that.
pub const ORPHANED: Millis = 4_000;
/// Given to a process that is to end though its group has no shutdown-timeout, where waiting for ever would help nobody.
pub const LAST_RESORT: Millis = 5_000;
/// How long processes still take requests when httpd goes on without the module: those that its old children have accepted just before.
pub const LAST_REQUESTS: Millis = 2_000;
/// How long a process has to say whether its files have changed. One that does not say is replaced, as one whose files have.
pub const LOOKED: Millis = 20_000;
/// On top of `shutdown-timeout`: the engine keeps that limit too, and says what it cuts; the kill is for when it can't.
pub const GRACE: Millis = 500;
/// How long a group whose new code does not load waits for another version of it before it tries, and says so, again: old processes serve meanwhile.
pub const REMIND: Millis = 3_600_000;
/// A generation that can't get all its processes ready takes over from its predecessor all the same after this long.
pub const TAKE_OVER: Millis = 60_000;

/// How long a group that begins keeps others waiting for their turn: a Python that has processor time is ready sooner, and one whose scripts wait
/// for something is in nobody's way.
const TURN: Millis = 1_000;
/// However many groups there are, and whatever they wait for, all have begun after this long: a request waits for a group for `connect-timeout`, 15 s.
const ALL_BEGUN: Millis = 5_000;

/// How long a turn lasts where `groups` have to begin, so many at a time.
pub fn turn(groups: usize, at_a_time: usize) -> Millis {
    let turns = groups.div_ceil(at_a_time.max(1)).max(1);
    TURN.min(ALL_BEGUN / u64::try_from(turns).unwrap_or(u64::MAX))
}

const DELAYS: [Millis; 7] = [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

/// How long to wait before the next try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: usize,
}

impl Backoff {
    /// Counts a death after a life of `lived`: how long to wait, and how many short lives in a row it has been.
    pub fn after(&mut self, lived: Millis) -> (Millis, usize) {
        if lived >= SOUND {
            self.failures = 0;
        }
        let delay = DELAYS.get(self.failures).or(DELAYS.last()).copied().unwrap_or_default();
        self.failures = self.failures.saturating_add(1);
        (delay, self.failures)
    }

    /// What failed has changed: failures are explained again, and the next pauses are short ones.
    pub fn ease(&mut self) {
        self.failures = self.failures.min(1);
    }

    /// Forgets the failures.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// How long a process may drain, and whose limit that is; `None` is without limit.
pub fn drain_limit(group: &plan::Group, why: Reason) -> Option<(Millis, Limit)> {
    let some = |limit: Millis| (limit > 0).then_some(limit);
    // No request lives longer than this, so a process that still has one is stuck.
    let request = some(group.request_timeout).map(|limit| (limit.saturating_add(group.interrupt_timeout), Limit::Request));
    // Written as 0, it leaves no time to drain, but for new code: nobody who writes that wants a reload to cut requests.
    let graceful = if group.graceful_explicit { Some(group.graceful_timeout) } else { some(group.graceful_timeout) };
    let graceful = graceful.map(|limit| (limit, Limit::Graceful));
    let eviction = some(group.eviction_timeout).map(|limit| (limit, Limit::Eviction));
    let own = match why {
        Reason::ScriptReload => graceful.filter(|(limit, _)| group.graceful_explicit && *limit > 0),
        Reason::ShutdownSignal | Reason::GracefulSignal | Reason::EvictionSignal => eviction.or(graceful),
        // What has not loaded anything finishes nothing.
        Reason::StartupTimeout => Some((0, Limit::Startup)),
        _ => graceful,
    };
    own.into_iter().chain(request).min_by_key(|(limit, _)| *limit)
}

#[cfg(test)]
mod tests {
    use super::{Backoff, Limit, Reason, SOUND, drain_limit};
    use protocol::plan::Group;

    #[test]
    fn all_groups_have_begun_after_five_seconds() {
        assert_eq!((super::turn(0, 4), super::turn(20, 4), super::turn(21, 4)), (1_000, 1_000, 833));
        for groups in [50, 500, 5_000] {
            assert!(super::turn(groups, 4) * groups.div_ceil(4) as u64 <= 5_000);
        }
    }

    #[test]
    fn a_first_death_costs_nothing_and_a_loop_slows_down() {
        let mut backoff = Backoff::default();
        let delays: Vec<_> = (0..9).map(|_| backoff.after(5).0).collect();
        assert_eq!(delays, [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(backoff.after(SOUND), (0, 1));
    }

    #[test]
    fn a_reload_waits_for_requests_unless_told_otherwise() {
        let group = Group { graceful_timeout: 15_000, ..Group::default() };
        assert_eq!(drain_limit(&group, Reason::ScriptReload), None);
        assert_eq!(drain_limit(&group, Reason::MaximumRequests), Some((15_000, Limit::Graceful)));
        assert_eq!(drain_limit(&group, Reason::EvictionSignal), Some((15_000, Limit::Graceful)));
        let explicit = Group { graceful_explicit: true, eviction_timeout: 3_000, ..group.clone() };
        assert_eq!(drain_limit(&explicit, Reason::ScriptReload), Some((15_000, Limit::Graceful)));
        assert_eq!(drain_limit(&explicit, Reason::EvictionSignal), Some((3_000, Limit::Eviction)));
        let none = Group { graceful_explicit: true, graceful_timeout: 0, ..group.clone() };
        assert_eq!(drain_limit(&none, Reason::CpuTimeLimit), Some((0, Limit::Graceful)));
        assert_eq!(drain_limit(&none, Reason::ShutdownSignal), Some((0, Limit::Graceful)));
        assert_eq!(drain_limit(&none, Reason::ScriptReload), None);
        assert_eq!(drain_limit(&group, Reason::StartupTimeout), Some((0, Limit::Startup)));
        let bounded = Group { request_timeout: 8_000, interrupt_timeout: 2_000, ..group };
        assert_eq!(drain_limit(&bounded, Reason::ScriptReload), Some((10_000, Limit::Request)));
        assert_eq!(drain_limit(&bounded, Reason::MaximumRequests), Some((10_000, Limit::Request)));
    }
}
