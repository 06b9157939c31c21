/*! What the loop waits for, and what it does when that is ready. *Runs in: supervisor.* */

use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Phase, Supervisor};
use crate::group::action::Id;
use crate::group_runner::GroupRunner;
use crate::group_runner::pipe::{self, Pipe};
use crate::timers::{GLANCE, LOOK, Millis, TAKE_OVER};

/// What a descriptor of the loop belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Signals,
    Parent,
    Command,
    Predecessor,
    NextConfiguration,
    Orphans,
    Pipes,
    MainLog,
    Log(usize),
    Control(usize, Id),
    Inbox(usize, Id),
    Output(usize, Id),
    Trouble(usize, Id),
}

/// What is ready, in order: what concerns the supervisor itself, the logs of groups, what processes say. All logs share the socket of the log writer, so another
/// one comes first at each turn, and none of them after new output: a group that writes without end would leave the others no room.
pub fn in_turn(mut ready: Vec<Source>, turn: usize) -> Vec<Source> {
    let rank = |source: &Source| match source {
        Source::Log(_) => 1,
        Source::Control(..) | Source::Inbox(..) | Source::Output(..) | Source::Trouble(..) => 2,
        _ => 0,
    };
    ready.sort_by_key(rank);
    let (first, end) = (ready.partition_point(|one| rank(one) < 1), ready.partition_point(|one| rank(one) < 2));
    if let Some(logs) = ready.get_mut(first..end).filter(|logs| !logs.is_empty()) {
        logs.rotate_left(turn % logs.len());
    }
    ready
}

impl Supervisor {
    /// Waits until something can be done.
    pub(super) fn wait(&self, at: Millis) -> Vec<Source> {
        let back = self.calls_back(at);
        let (mut fds, sources) = self.sources(at);
        let asks = self.parent.watch.is_none().then(|| at.saturating_add(LOOK));
        let takes_over = (!self.took_over && self.predecessor.there()).then(|| self.born.saturating_add(TAKE_OVER));
        let orphans = (!self.orphans.is_empty()).then_some(self.orphaned_until);
        // Where the table alone tells that a group may begin.
        let waits = self.groups.iter().any(|group| group.machine.waits() && group.machine.exclusive());
        let looks = (waits && self.predecessor.there() && self.way.ends).then(|| at.saturating_add(GLANCE));
        let others =
            asks.into_iter().chain(self.retires_at).chain(takes_over).chain(orphans).chain(self.next_turn(at)).chain(looks);
        let at_once = (!back.is_empty()).then_some(at);
        let wake = self.groups.iter().filter_map(|group| group.wake(at)).chain(others).chain(at_once).min();
        let timeout = wake.map(|wake| {
            // Rounded up by a millisecond, so that time has come when it wakes.
            let wait = i64::try_from(wake.saturating_sub(at).saturating_add(u64::from(wake > at))).unwrap_or(i64::MAX);
            Timespec { tv_sec: wait / 1_000, tv_nsec: wait % 1_000 * 1_000_000 }
        });
        if poll(&mut fds, timeout.as_ref()).is_err() {
            return back;
        }
        let ready = fds.iter().zip(sources).filter(|(fd, _)| !fd.revents().is_empty()).map(|(_, source)| source);
        ready.chain(back).collect()
    }

    /// Pipes from which a thread has read meanwhile.
    pub(super) fn calls_back(&self, at: Millis) -> Vec<Source> {
        let mut all = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            let reads = group.output_waits(at).is_none();
            for (id, child) in &group.children {
                let is_back = |pipe: Option<&Pipe>| pipe.is_some_and(Pipe::is_back);
                all.extend(is_back(child.inbox.as_ref()).then_some(Source::Inbox(index, *id)));
                all.extend((reads && is_back(child.output.as_ref())).then_some(Source::Output(index, *id)));
            }
        }
        all
    }

    pub(super) fn sources(&self, at: Millis) -> (Vec<PollFd<'_>>, Vec<Source>) {
        let mut all: Vec<(BorrowedFd<'_>, PollFlags, Source)> = vec![(self.signals.as_fd(), PollFlags::IN, Source::Signals)];
        if self.phase < Phase::Orphaned {
            all.extend(self.parent.watch.iter().map(|fd| (fd.as_fd(), PollFlags::IN, Source::Parent)));
        }
        all.extend(self.command.wants().map(|fd| (fd, PollFlags::IN, Source::Command)));
        all.extend(self.predecessor.wants().map(|fd| (fd, PollFlags::IN, Source::Predecessor)));
        // `poll` reports a pipe whose other end is closed (POLLHUP) also where no event is asked for.
        all.extend(self.next_configuration.iter().map(|fd| (fd.as_fd(), PollFlags::empty(), Source::NextConfiguration)));
        all.extend(self.orphans.iter().map(|fd| (fd.as_fd(), PollFlags::empty(), Source::Orphans)));
        all.extend(pipe::bell().map(|fd| (fd, PollFlags::IN, Source::Pipes)));
        all.extend(self.log.wants().map(|fd| (fd, PollFlags::OUT, Source::MainLog)));
        for (index, group) in self.groups.iter().enumerate() {
            all.extend(group.log.wants().map(|fd| (fd, PollFlags::OUT, Source::Log(index))));
            let reads = group.output_waits(at).is_none();
            for (id, child) in &group.children {
                let control = child.control.iter().filter(|_| child.wants_to_send());
                all.extend(control.map(|fd| (fd.as_fd(), PollFlags::OUT, Source::Control(index, *id))));
                all.extend(child.inbox.as_ref().and_then(Pipe::wants).map(|fd| (fd, PollFlags::IN, Source::Inbox(index, *id))));
                all.extend(
                    child
                        .output
                        .as_ref()
                        .and_then(Pipe::wants)
                        .filter(|_| reads)
                        .map(|fd| (fd, PollFlags::IN, Source::Output(index, *id))),
                );
                all.extend(child.trouble.iter().map(|fd| (fd.as_fd(), PollFlags::IN, Source::Trouble(index, *id))));
            }
        }
        all.into_iter().map(|(fd, flags, source)| (PollFd::from_borrowed_fd(fd, flags), source)).unzip()
    }

    pub(super) fn handle(&mut self, source: Source, at: Millis) {
        match source {
            Source::Signals => self.signal(at),
            Source::Parent => self.stop(Phase::Orphaned, at),
            Source::Command => self.commanded(at),
            Source::Predecessor => self.predecessor_said(at),
            Source::NextConfiguration => self.configuration_read(at),
            Source::Orphans => {
                self.waits_for_orphans(at);
            }
            // What has come back is found by looking at each.
            Source::Pipes => pipe::heard(),
            Source::MainLog => self.log.flush(),
            Source::Log(index) => self.with(index, |group| group.log.flush()),
            Source::Control(index, id) => self.with(index, |group| {
                if let Some(child) = group.children.get_mut(&id) {
                    child.flush();
                }
            }),
            Source::Inbox(index, id) => self.with(index, |group| group.receive(id, at)),
            Source::Output(index, id) => self.with(index, |group| {
                group.output(id, at);
            }),
            Source::Trouble(index, id) => self.with(index, |group| group.trouble(id)),
        }
    }

    pub(super) fn with(&mut self, index: usize, act: impl FnOnce(&mut GroupRunner)) {
        if let Some(group) = self.groups.get_mut(index) {
            act(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, in_turn};

    #[test]
    fn each_log_has_its_turn_before_others_write_more() {
        let ready = vec![Source::Signals, Source::Log(0), Source::Output(0, 1), Source::Log(3), Source::Log(7), Source::MainLog];
        for (turn, logs) in [(0, [0, 3, 7]), (1, [3, 7, 0]), (usize::MAX, [0, 3, 7])] {
            let expected = [Source::Signals, Source::MainLog]
                .into_iter()
                .chain(logs.map(Source::Log))
                .chain([Source::Output(0, 1)])
                .collect::<Vec<_>>();
            assert_eq!(in_turn(ready.clone(), turn), expected, "{turn}");
        }
        assert_eq!(in_turn(vec![Source::Pipes], 5), [Source::Pipes]);
    }
}
