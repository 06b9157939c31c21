/*! The pause before a process is tried again, and what ends it early: a file that has changed, or a graceful restart. A part of the group's state machine. *Runs in: supervisor.* */

use protocol::log_code;

use crate::group::Group;
use crate::group::action::Note;
use crate::timers::{LOOK, Millis};

impl Group {
    /// Processes that wait for their next try begin at once, if the last try is a second ago.
    pub fn wake_up(&mut self, now: Millis) {
        let may = now.max(self.started.saturating_add(LOOK));
        for slot in &mut self.slots {
            slot.respawn_at = slot.respawn_at.map(|at| at.min(may));
        }
    }

    /// Whether a process waits for its next try, for longer than a moment.
    pub fn pauses(&self, now: Millis) -> bool {
        self.running() && self.slots.iter().any(|slot| slot.respawn_at.is_some_and(|at| at > now.saturating_add(LOOK)))
    }

    /// `file`, which its processes may wait for, has changed.
    pub fn file_changed(&mut self, file: &[u8], now: Millis) {
        if !self.pauses(now) {
            return;
        }
        for slot in self.slots.iter_mut().filter(|slot| slot.respawn_at.is_some()) {
            slot.deaths.ease();
        }
        self.wake_up(now);
        let file = String::from_utf8_lossy(file);
        let text = format!("`{file}` has changed: its processes are started without waiting for the next attempt");
        self.actions.push(Note::group(log_code::WOKEN_BY_A_FILE, text));
    }

    /// Scripts that its processes load, or have loaded, besides those of the plan.
    pub fn known_scripts(&self) -> Vec<Vec<u8>> {
        let ahead = self.must_load.iter().flatten().chain(self.slots.iter().flat_map(|slot| &slot.inherited));
        ahead.chain(&self.last_loaded).map(|script| script.path.clone()).collect()
    }

    /// When a process was started last.
    pub const fn last_start(&self) -> Millis {
        self.started
    }
}
