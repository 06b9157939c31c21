/*! The slots of a group's table, as its supervisor keeps them: each process has one, with a listening socket. The supervisor also reclaims what dead processes and
dead children of httpd have left in the table. *Runs in: supervisor.* */

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use protocol::plan;
use protocol::table::{Claim, Limit, Place, State, Table, socket_path};
use rustix::process::{Pid, test_kill_process};
use rustix::thread::futex;

use crate::group_runner::listener::{self, Listener, Wanted};
use crate::sys::inherited;

/// More connections than this never wait: a child connects only for a request that has a place.
const BACKLOG: u32 = 4096;

/// The slot that a process has, and its socket.
#[derive(Debug)]
pub struct SlotClaim {
    /// Its slot.
    pub place: Place,
    path: Vec<u8>,
    /// The number of its socket's file.
    inode: u64,
    /// What was said of the process when the slot was taken for it.
    claim: Claim,
}

impl SlotClaim {
    /// It is corrected to that definition of the group.
    pub const fn stand_in(&mut self, definition: u32) {
        self.claim.definition = definition;
    }
}

/// The slots of a group.
#[derive(Debug)]
pub struct Slots {
    table: Table<'static>,
    file: OwnedFd,
    /// What the last look found: who waits for a process, and the bell's value.
    waiting: (u32, u32),
    /// Slots that the last look found with processes that are dead.
    dead: Vec<(Place, u32, u32)>,
    /// What this supervisor has said of the group as a whole: that no process can be started, and which generation's children wait in vain.
    trouble: Cell<bool>,
    closed: Cell<Option<u64>>,
}

impl Slots {
    /// Opens the group's table, if the group takes requests.
    ///
    /// # Errors
    /// What is wrong with its table, in words.
    pub fn new(group: &plan::Group) -> Result<Option<Self>, String> {
        let Some(number) = group.table else { return Ok(None) };
        let failed = |error: std::io::Error| format!("its table (descriptor {number}): {error}");
        let file = inherited(number).map_err(failed)?;
        let table =
            Table::open_known(shared_memory::map(&file).map_err(failed)?).ok_or("its table is too short: restart httpd")?;
        Ok(Some(Self { table, file, waiting: (0, 0), dead: Vec::new(), trouble: Cell::new(false), closed: Cell::new(None) }))
    }

    /// The table's file, for a process.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Claims a slot for a process that is about to be started, and makes its socket.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn take(&self, group: &plan::Group) -> Result<(SlotClaim, OwnedFd), String> {
        let claim = Claim { owner: std::process::id(), definition: group.definition, threads: group.threads };
        let place = self.table.claim(&claim).ok_or("the table of the group's processes is full")?;
        let path = socket_path(&group.path, place.slot);
        let wanted = Wanted {
            directory: Some(group.socket_directory.as_slice()).filter(|directory| !directory.is_empty()),
            path: &path,
            owner: group.socket_owner,
            backlog: BACKLOG,
            send_buffer: group.send_buffer,
            receive_buffer: group.receive_buffer,
        };
        match listener::make(&wanted) {
            Ok(Listener { socket, inode }) => Ok((SlotClaim { place, path, inode, claim }, socket)),
            Err(why) => {
                self.table.clear(place);
                Err(why)
            }
        }
    }

    /// Notes the process that has the slot.
    pub fn name(&self, slot: &SlotClaim, pid: Pid) {
        self.table.name(slot.place, number(pid));
    }

    /// The process takes requests from now on; whoever waits for one hears of it.
    pub fn serve(&self, slot: &SlotClaim) {
        self.table.serve(slot.place);
        self.trouble.set(false);
        self.ring();
    }

    /// The process takes no further request.
    pub fn leave(&self, slot: &SlotClaim) {
        self.table.leave(slot.place);
    }

    /// The process is about to be told to end within that limit.
    pub fn bound(&self, slot: &SlotClaim, limit: Limit) {
        self.table.bound(slot.place, limit);
    }

    /// The process is about to be killed, because it did not.
    pub fn cut(&self, slot: &SlotClaim) {
        self.table.cut(slot.place);
    }

    /// The process is gone.
    pub fn vacate(&mut self, slot: &SlotClaim) {
        let stillborn = self.table.state(slot.place) == State::Starting;
        // While the slot is its own: afterwards the name may be another's. What a stranger has put there is his.
        if listener::is_there(&slot.path, slot.inode) {
            remove(&slot.path);
        }
        self.table.clear(slot.place);
        // Nobody shall wait for a process that can't be had.
        if stillborn && !self.anybody_serves() {
            self.trouble();
        }
    }

    /// No process can be started, so nobody shall wait for one.
    pub fn trouble(&self) {
        if !self.anybody_serves() {
            self.trouble.set(true);
            self.table.set_trouble(true);
            self.ring();
        }
    }

    /// A new version of the application serves, or could not be made to.
    pub fn changed(&self, took_over: bool) {
        self.table.changed(took_over);
        self.ring();
    }

    /// Whether the socket of a slot is where children look for it.
    pub fn is_reachable(&self, slot: &SlotClaim) -> bool {
        match self.table.state(slot.place) {
            State::Serving => listener::is_there(&slot.path, slot.inode),
            // Somebody has taken it for dead.
            State::Empty => false,
            State::Starting | State::Leaving => true,
        }
    }

    /// Whether processes of other supervisors may be alive. A table that nobody has used tells nothing of them: the group may have had another one.
    pub fn has_strangers(&self) -> bool {
        let own = std::process::id();
        let stranger = |slot| {
            let (pid, owner) = self.table.who(slot);
            self.table.at(slot).is_some() && owner != own && (alive(owner) || alive(pid))
        };
        self.table.slots().is_empty() || self.table.slots().any(stranger)
    }

    /// httpd stops: whoever of that generation's children waits for a process is not kept.
    pub fn close(&self, generation: u64) {
        self.closed.set(Some(generation));
        self.table.close(generation);
        self.ring();
    }

    fn anybody_serves(&self) -> bool {
        self.table.slots().filter_map(|slot| self.table.at(slot)).any(|place| self.table.state(place) == State::Serving)
    }

    fn ring(&self) {
        self.table.ring();
        // That nobody waits is no failure.
        let _woken: rustix::io::Result<usize> = futex::wake(self.table.bell(), futex::Flags::empty(), u32::MAX >> 1);
    }

    /// Puts back what the table says of the process `pid` at a slot, which does what `state` says: its owner can write there.
    pub fn correct(&self, slot: &SlotClaim, state: State, pid: Pid) {
        if self.table.correct(slot.place, state, number(pid), &slot.claim) {
            self.ring();
        }
    }

    /// The process serves requests of another definition of its group, too: that one's own processes can't be had.
    pub fn serves_for(&self, slot: &mut SlotClaim, definition: u32, pid: Pid) {
        slot.claim.definition = definition;
        self.correct(slot, State::Serving, pid);
        self.ring();
    }

    /// The same for what the table says of the group as a whole.
    fn correct_all(&self) {
        self.table.correct_version();
        if let Some(generation) = self.closed.get()
            && !self.table.is_closed(generation)
        {
            self.close(generation);
        }
        let trouble = self.trouble.get() && !self.anybody_serves();
        if trouble != self.table.trouble() && (trouble || self.anybody_serves()) {
            self.table.set_trouble(trouble);
            self.ring();
        }
    }

    /// Puts in order what the dead have left: slots of another supervisor that was killed with its processes, slots of this one that are not among
    /// `taken`, tickets of httpd's children, and the count of those who waited. `base` is what the sockets' paths begin with. Called every second or so.
    pub fn tidy(&mut self, base: &[u8], taken: &[Place]) {
        self.correct_all();
        let own = std::process::id();
        let look = |slot| {
            let place = self.table.at(slot)?;
            let (pid, owner) = self.table.who(slot);
            let forgotten = !alive(owner) || (owner == own && !taken.contains(&place));
            (forgotten && !alive(pid)).then_some((place, pid, owner))
        };
        let dead: Vec<_> = self.table.slots().filter_map(look).collect();
        // Twice the same: a slot that is being claimed may look so for a moment.
        for (place, ..) in dead.iter().filter(|one| self.dead.contains(one)) {
            remove(&socket_path(base, place.slot));
            self.table.clear(*place);
        }
        self.dead = dead;
        for (ticket, owner) in self.table.tickets() {
            if !alive(owner) {
                self.table.bury_ticket(ticket, owner);
            }
        }
        let now = (self.table.waiting(), self.table.bell().load(std::sync::atomic::Ordering::Acquire));
        if now.0 > 0 && now == self.waiting && self.anybody_serves() {
            self.table.forget_waiting(now.0);
        }
        self.waiting = now;
    }
}

/// A process id as the table has it.
fn number(pid: Pid) -> u32 {
    u32::try_from(pid.as_raw_nonzero().get()).unwrap_or(0)
}

/// Removes a socket's file.
fn remove(path: &[u8]) {
    // It may have been removed already.
    let _gone: rustix::io::Result<()> = rustix::fs::unlink(path);
}

/// Whether there is a process of that number; 0 is none.
fn alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}
