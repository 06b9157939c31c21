/*! One process's life as its group sees it: the states and what each waits for. *Runs in: supervisor.*

```text
Starting ──Ready──► Ready ──► Draining ──► (gone)
    └────────────────┴──► Stopping ──► Killed ──► (gone)
```
*/

use protocol::reason::Reason;
use protocol::table::Limit;

use crate::group::script_files::{ScriptFiles, Versions};
use crate::timers::Millis;

/// Where a process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Forked; loading.
    Starting,
    /// Takes requests.
    Ready,
    /// Finishes what it has.
    Draining,
    /// Was told to end at once.
    Stopping,
    /// Was sent SIGKILL.
    Killed,
}

/// One process of a group.
#[derive(Debug)]
pub struct Process {
    /// The slot that it fills, filled or is to fill.
    pub slot: usize,
    /// Where it stands.
    pub state: State,
    /// When it was started.
    pub born: Millis,
    /// When it became ready.
    pub ready: Option<Millis>,
    /// When its state has lasted too long.
    pub deadline: Option<Millis>,
    /// When it was sent SIGKILL.
    pub killed: Option<Millis>,
    /// Whose time is over when it has to end.
    pub limit: Limit,
    /// The supervisor wants it to end, so its end is nothing to explain.
    pub told: bool,
    /// It was ended for failing to start, so its end counts as a death.
    pub failed: bool,
    /// Why it asked to be replaced.
    pub asked: Option<Reason>,
    /// The versions of scripts that it was started for.
    pub tried: Versions,
    /// What it has loaded, and what has changed since.
    pub watched: ScriptFiles,
    /// It was said that it names more scripts than there is room for.
    pub crowded: bool,
    /// Until when it has to say whether its files have changed.
    pub looks_until: Option<Millis>,
    /// Requests that it ran, as it said last.
    pub busy: u32,
    /// What it said last of its activity.
    activity: u64,
    /// When it last had something to do; `None` before its first request.
    pub active: Option<Millis>,
}

impl Process {
    /// A process that is being started.
    pub fn new(slot: usize, now: Millis, startup: Option<Millis>, tried: Versions) -> Self {
        Self {
            slot,
            state: State::Starting,
            born: now,
            ready: None,
            deadline: startup.map(|limit| now.saturating_add(limit)),
            killed: None,
            limit: Limit::Shutdown,
            told: false,
            failed: false,
            asked: None,
            tried,
            watched: ScriptFiles::default(),
            crowded: false,
            looks_until: None,
            busy: 0,
            activity: 0,
            active: None,
        }
    }

    /// How long it has lived.
    pub fn age(&self, now: Millis) -> Millis {
        now.saturating_sub(self.born)
    }

    /// It takes requests from now on. Whether that is news.
    pub fn becomes_ready(&mut self, now: Millis) -> bool {
        let news = self.state == State::Starting;
        if news {
            self.state = State::Ready;
            self.ready = Some(now);
            self.deadline = None;
        }
        news
    }

    /// It is to drain, for at most `limit`. Whether a message has to say so.
    pub fn drain(&mut self, now: Millis, limit: Option<Millis>) -> bool {
        let news = self.state == State::Ready;
        if news {
            self.state = State::Draining;
            self.told = true;
            self.deadline = limit.map(|limit| now.saturating_add(limit));
        }
        news
    }

    /// It is to end, within `limit`. Whether a message has to say so.
    pub fn stop(&mut self, now: Millis, limit: Option<Millis>) -> bool {
        self.told = true;
        self.end_within(now, limit)
    }

    /// It is to end within `limit`, of its own accord or not.
    pub fn end_within(&mut self, now: Millis, limit: Option<Millis>) -> bool {
        let until = limit.map(|limit| now.saturating_add(limit));
        match self.state {
            State::Killed => false,
            State::Stopping => {
                self.deadline = self.deadline.into_iter().chain(until).min();
                false
            }
            State::Starting | State::Ready | State::Draining => {
                self.state = State::Stopping;
                self.deadline = until;
                true
            }
        }
    }

    /// The load that it tells: whether anything that counts has happened since it told the last one.
    pub fn load(&mut self, now: Millis, busy: u32, activity: u64) {
        if activity != self.activity {
            self.active = Some(now);
        }
        self.busy = busy;
        self.activity = activity;
    }

    /// It has had nothing to do for so long, and has nothing to do now.
    pub fn idle(&self, now: Millis, limit: Millis) -> bool {
        self.busy == 0 && self.active.is_some_and(|at| now >= at.saturating_add(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::{Process, State};
    use crate::group::script_files::Versions;

    fn process(startup: Option<u64>) -> Process {
        Process::new(0, 100, startup, Versions::new())
    }

    #[test]
    fn a_stop_is_never_put_off() {
        let mut p = process(Some(50));
        assert_eq!(p.deadline, Some(150));
        assert!(p.becomes_ready(120) && !p.becomes_ready(121));
        assert_eq!(p.deadline, None);
        assert!(p.drain(200, Some(1_000)) && !p.drain(300, None));
        assert_eq!(p.deadline, Some(1_200));
        assert!(p.stop(400, Some(500)));
        assert_eq!((p.state, p.deadline), (State::Stopping, Some(900)));
        assert!(!p.stop(500, Some(5_000)));
        assert_eq!(p.deadline, Some(900));
        assert!(!p.stop(500, Some(100)) && !p.drain(500, None));
        assert_eq!((p.state, p.deadline), (State::Stopping, Some(600)));
    }

    #[test]
    fn a_starting_process_does_not_drain() {
        let mut p = process(None);
        assert!(!p.drain(200, Some(1)));
        assert_eq!((p.state, p.told, p.deadline), (State::Starting, false, None));
    }

    #[test]
    fn activity_begins_with_the_first_request() {
        let mut p = process(None);
        p.load(200, 0, 0);
        assert_eq!(p.active, None);
        p.load(300, 1, 1);
        p.load(400, 1, 1);
        assert!(!p.idle(9_000, 100), "a request that runs is no idleness, however long");
        p.load(500, 0, 2);
        // Requests that do not count.
        p.load(550, 1, 2);
        p.load(570, 0, 2);
        assert!(p.active == Some(500) && !p.idle(599, 100) && p.idle(600, 100));
    }
}
