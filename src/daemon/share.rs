/*! A group's share of httpd's workers: how many requests for it are in them, over all children.

A group's processes can write everything in the group's table, so they could hold as many requests as there are. These counts lie in memory that httpd's parent
and its children share and nobody else maps. Each child notes besides what it has added, so that the counts of one that has died can be taken away again by
any child that finds the share used up. *Runs in: parent (made), child.* */

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use shared_memory::Words;

use super::clock;

/// Words of a line of the cache: what belongs to different groups or children does not share one.
const LINE: usize = 16;
/// Words of a group.
mod word {
    /// Its requests.
    pub const COUNT: usize = 0;
    /// The second in which it was last said that they are too many.
    pub const SAID: usize = 1;
    /// The second in which children that have died were last looked for.
    pub const LOOKED: usize = 2;
}

/// Stands for the process id while the counts of a dead child are taken away.
const BURIED: u32 = u32::MAX;

/// The counts of one configuration. For each group a line (see [`word`]). Then for each child its
/// process id, and its requests of each group.
#[derive(Debug)]
pub struct Shares {
    words: Words,
    groups: usize,
    children: usize,
}

impl Shares {
    /// For so many groups, and children at a time.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(groups: usize, children: usize) -> io::Result<Self> {
        let words = groups.saturating_mul(LINE).saturating_add(children.saturating_mul(stride(groups)));
        Ok(Self { words: Words::new(words)?, groups, children })
    }

    fn group(&self, group: usize, word: usize) -> Option<&AtomicU32> {
        (group < self.groups).then(|| self.words.all().get(group * LINE + word)).flatten()
    }

    fn child(&self, child: usize, word: usize) -> Option<&AtomicU32> {
        let at = self.groups * LINE + child * stride(self.groups) + word;
        (child < self.children).then(|| self.words.all().get(at)).flatten()
    }

    /// A place for the child `pid`; `None` if there is none left, and its requests are counted for the groups alone.
    pub fn join(&self, pid: u32) -> Option<usize> {
        self.bury(pid);
        (0..self.children).find(|child| {
            let cell = self.child(*child, 0);
            cell.is_some_and(|cell| cell.compare_exchange(0, pid, Ordering::AcqRel, Ordering::Relaxed).is_ok())
        })
    }

    /// Takes away what children that have died had. `own`: the caller's process id, which was an earlier child's if it is found.
    fn bury(&self, own: u32) {
        for child in 0..self.children {
            let Some(cell) = self.child(child, 0) else { return };
            let pid = cell.load(Ordering::Acquire);
            if pid == 0 || pid == BURIED || (pid != own && is_alive(pid)) {
                continue;
            }
            if cell.compare_exchange(pid, BURIED, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                continue;
            }
            for group in 0..self.groups {
                if let (Some(total), Some(count)) = (self.group(group, word::COUNT), self.child(child, group + 1)) {
                    total.fetch_sub(count.swap(0, Ordering::AcqRel), Ordering::AcqRel);
                }
            }
            cell.store(0, Ordering::Release);
        }
    }

    fn add(&self, group: usize, child: Option<usize>) -> i32 {
        // The child's first: one that dies in between is taken for one that had it.
        if let Some(count) = child.and_then(|child| self.child(child, group + 1)) {
            count.fetch_add(1, Ordering::AcqRel);
        }
        self.group(group, word::COUNT).map_or(0, |total| total.fetch_add(1, Ordering::AcqRel).wrapping_add(1).cast_signed())
    }

    fn take_away(&self, group: usize, child: Option<usize>) {
        if let Some(total) = self.group(group, word::COUNT) {
            total.fetch_sub(1, Ordering::AcqRel);
        }
        if let Some(count) = child.and_then(|child| self.child(child, group + 1)) {
            count.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Whether what is done once a second for a group, and noted in that word, is to be done now.
    fn is_time(&self, group: usize, word: usize) -> bool {
        // Never 0, with which the word begins.
        let second = u32::try_from(clock::microseconds() / 1_000_000 % u64::from(u32::MAX)).map_or(1, |second| second.max(1));
        self.group(group, word).is_none_or(|last| last.swap(second, Ordering::Relaxed) != second)
    }
}

const fn stride(groups: usize) -> usize {
    (groups + 1).next_multiple_of(LINE)
}

fn is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    test_kill_process(pid) != Err(Errno::SRCH)
}

/// One group's share, as this child sees it.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    shares: Option<&'static Shares>,
    group: usize,
    child: Option<usize>,
}

/// A request for a group is in one of httpd's workers, until this is dropped.
#[derive(Debug)]
pub struct Held(Share);

impl Share {
    /// Of the group of that number, from 0. `child`: what [`Shares::join`] gave.
    pub const fn new(shares: Option<&'static Shares>, group: usize, child: Option<usize>) -> Self {
        Self { shares, group, child }
    }

    /// Counts a request, if there are fewer than `most`.
    pub fn hold(self, most: Option<u32>) -> Option<Held> {
        let Some(shares) = self.shares else { return Some(Held(self)) };
        let most = most.map_or(i32::MAX, |most| i32::try_from(most).unwrap_or(i32::MAX));
        let count = shares.add(self.group, self.child);
        let held = Held(self);
        if count > most {
            if shares.is_time(self.group, word::LOOKED) {
                shares.bury(0);
            }
            let now = shares.group(self.group, word::COUNT).map_or(0, |total| total.load(Ordering::Acquire).cast_signed());
            if now > most {
                return None;
            }
        }
        Some(held)
    }

    /// Whether it may be said now that the share is used up.
    pub fn may_say(self) -> bool {
        self.shares.is_none_or(|shares| shares.is_time(self.group, word::SAID))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(shares) = self.0.shares {
            shares.take_away(self.0.group, self.0.child);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Share, Shares};

    fn shares(groups: usize, children: usize) -> &'static Shares {
        Box::leak(Box::new(Shares::new(groups, children).unwrap()))
    }

    /// The id of a process that has ended.
    fn dead() -> u32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[test]
    fn a_group_holds_so_many_workers_over_all_children() {
        let shares = shares(20, 3);
        let own = std::process::id();
        let child = shares.join(own);
        let (first, other) = (Share::new(Some(shares), 0, child), Share::new(Some(shares), 19, None));
        let held: Vec<_> = (0..5).map(|_| first.hold(Some(5)).unwrap()).collect();
        assert!(first.hold(Some(5)).is_none() && first.hold(Some(5)).is_none());
        let others: Vec<_> = (0..7).map(|_| other.hold(Some(7)).unwrap()).collect();
        assert!(other.hold(Some(7)).is_none() && other.hold(None).is_some());
        drop((held, others));
        assert!(first.hold(Some(1)).is_some() && other.hold(Some(1)).is_some());
        assert!(first.hold(Some(0)).is_none());
    }

    #[test]
    fn what_a_dead_child_held_is_taken_away() {
        let shares = shares(2, 2);
        let gone = Share::new(Some(shares), 1, Some(shares.join(dead()).unwrap()));
        for _ in 0..10 {
            std::mem::forget(gone.hold(Some(10)).unwrap());
        }
        let living = Share::new(Some(shares), 1, shares.join(std::process::id()));
        let held: Vec<_> = (0..10).map(|_| living.hold(Some(10)).unwrap()).collect();
        assert!(living.hold(Some(10)).is_none());
        drop(held);
        // Its place is another's, and a place for everyone is not needed.
        assert!(shares.join(1).is_some());
        let without = Share::new(Some(shares), 1, shares.join(1));
        assert!(without.hold(Some(1)).is_some());
    }

    #[test]
    fn it_is_said_once_in_a_second() {
        let share = Share::new(Some(shares(1, 1)), 0, None);
        assert!((0..1000).filter(|_| share.may_say()).count() <= 2);
        assert!(Share::new(None, 0, None).hold(Some(0)).is_some(), "without memory nothing is counted");
    }
}
