/*! The connections of a daemon process, and the one set that its workers wait on.

A connection is kept from request to request. Its events are told once, to one worker (edge-triggered); a worker that finds another one at the connection
leaves a mark, so that what has come meanwhile is looked at. Nobody hands a connection to anybody. *Runs in: daemon.* */

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::daemon::channel::Channel;
use crate::daemon::descriptors::{Descriptor, adopt};
use crate::sync::locks::lock;

const LISTENER: u64 = u64::MAX;
const END: u64 = u64::MAX - 1;

/// Nobody is at it.
const IDLE: u8 = 0;
/// A worker is.
const BUSY: u8 = 1;
/// A worker is, and something has come that it may not have seen.
const CALLED: u8 = 2;

/// What a worker is to turn to.
pub enum Call {
    /// Somebody connects.
    Connect,
    /// The workers are to end.
    End,
    /// Something has come on a connection.
    Connection(Arc<Connection>),
    /// Nothing after all.
    Nothing,
}

/// One connection.
pub struct Connection {
    /// What is said over it.
    pub channel: Arc<Channel>,
    key: u64,
    state: AtomicU8,
    /// When it was last left, in milliseconds of this process.
    left: AtomicU64,
    /// It was told to go.
    sent_away: std::sync::atomic::AtomicBool,
}

impl Connection {
    /// Begins to be at it; `false` if another worker is, which then looks again before it leaves.
    pub fn enter(&self) -> bool {
        let next = |state| Some(if state == IDLE { BUSY } else { CALLED });
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) == Ok(IDLE)
    }

    /// Leaves it; `false` if something has come meanwhile: then the worker still is at it.
    pub fn leave(&self) -> bool {
        if self.state.compare_exchange(BUSY, IDLE, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            return true;
        }
        self.state.store(BUSY, Ordering::Release);
        false
    }
}

/// One place for a connection; its number and its use make the key.
#[derive(Default)]
struct Entry {
    uses: u32,
    connection: Option<Arc<Connection>>,
}

#[derive(Default)]
struct Entries {
    all: Vec<Entry>,
    free: Vec<u32>,
    count: usize,
}

/// All connections.
pub struct Connections {
    set: Descriptor,
    entries: Mutex<Entries>,
    /// More than this are not kept.
    most: usize,
    born: Instant,
}

impl Connections {
    /// None yet, and a set that tells of the listener and of the end.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new(listener: Option<&Descriptor>, end: &Descriptor, most: usize) -> Result<Self, Errno> {
        let set = adopt(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        if let Some(listener) = listener {
            epoll::add(&set, listener, EventData::new_u64(LISTENER), EventFlags::IN | EventFlags::ET)?;
        }
        epoll::add(&set, end, EventData::new_u64(END), EventFlags::IN)?;
        Ok(Self { set, entries: Mutex::default(), most, born: Instant::now() })
    }

    /// Tells of the listener again, where those who connect could not be accepted.
    pub fn listen_again(&self, listener: &Descriptor) {
        // It is in the set as long as the process lives.
        let _changed = epoll::modify(&self.set, listener, EventData::new_u64(LISTENER), EventFlags::IN | EventFlags::ET);
    }

    /// The set, readable while something waits for a worker.
    pub fn set(&self) -> BorrowedFd<'_> {
        self.set.as_fd()
    }

    /// Waits for something to do.
    ///
    /// # Errors
    /// The set can't be waited on.
    pub fn wait(&self) -> Result<Call, Errno> {
        // One at a time: a second event would wait for this worker, though another one has time.
        let mut events: [std::mem::MaybeUninit<Event>; 1] = [std::mem::MaybeUninit::uninit()];
        let found = match epoll::wait(&self.set, &mut events, None) {
            Ok((found, _)) => found.first().map(|event| event.data.u64()),
            Err(Errno::INTR) => None,
            Err(error) => return Err(error),
        };
        Ok(match found {
            None => Call::Nothing,
            Some(LISTENER) => Call::Connect,
            Some(END) => Call::End,
            Some(key) => self.find(key).map_or(Call::Nothing, Call::Connection),
        })
    }

    fn find(&self, key: u64) -> Option<Arc<Connection>> {
        let (number, uses) = parts(key);
        let entries = lock(&self.entries);
        let entry = entries.all.get(number).filter(|entry| entry.uses == uses)?;
        entry.connection.clone()
    }

    /// Keeps a new connection. What has come on it already is told of as well.
    pub fn add(&self, channel: Channel) {
        let mut entries = lock(&self.entries);
        let number = entries.free.pop().unwrap_or_else(|| {
            entries.all.push(Entry::default());
            u32::try_from(entries.all.len() - 1).unwrap_or(u32::MAX)
        });
        let Some(entry) = usize::try_from(number).ok().and_then(|number| entries.all.get_mut(number)) else { return };
        let key = u64::from(entry.uses) << 32 | u64::from(number);
        let connection = Arc::new(Connection {
            channel: Arc::new(channel),
            key,
            state: AtomicU8::new(IDLE),
            left: AtomicU64::new(self.now()),
            sent_away: std::sync::atomic::AtomicBool::new(false),
        });
        entry.connection = Some(Arc::clone(&connection));
        entries.count += 1;
        let over = entries.count > self.most;
        drop(entries);
        let flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        if epoll::add(&self.set, connection.channel.socket(), EventData::new_u64(key), flags).is_err() {
            // Nobody would ever hear of it.
            self.remove(&connection);
        } else if over {
            self.send_one_away(&connection);
        }
    }

    /// A worker has left a connection.
    pub fn left(&self, connection: &Connection) {
        connection.left.store(self.now(), Ordering::Relaxed);
    }

    /// Gives a connection up.
    pub fn remove(&self, connection: &Connection) {
        let (number, uses) = parts(connection.key);
        let mut entries = lock(&self.entries);
        let Some(entry) = entries.all.get_mut(number).filter(|entry| entry.uses == uses) else { return };
        let held = entry.connection.take();
        entry.uses = entry.uses.wrapping_add(1) & (u32::MAX >> 1);
        entries.count = entries.count.saturating_sub(1);
        entries.free.push(u32::try_from(number).unwrap_or(u32::MAX));
        drop(entries);
        // It may have been given up before it was in the set.
        let _removed = epoll::delete(&self.set, connection.channel.socket());
        // An application that keeps a request's objects keeps the descriptor open, but nobody at its other end shall wait for that.
        connection.channel.close();
        drop(held);
    }

    /// The process has nothing to do.
    pub fn rest(&self) {
        let all: Vec<Arc<Connection>> = lock(&self.entries).all.iter().filter_map(|entry| entry.connection.clone()).collect();
        for connection in all {
            connection.channel.rest();
        }
    }

    /// Stops, or goes on, telling of a connection whose worker reads it itself.
    pub fn set_interest(&self, connection: &Connection, wanted: bool) {
        // A hang-up is told of whatever is asked for: edge-triggered, once.
        let flags = if wanted { EventFlags::IN | EventFlags::RDHUP | EventFlags::ET } else { EventFlags::ET };
        // A connection that was given up is told of no more.
        let _changed = epoll::modify(&self.set, connection.channel.socket(), EventData::new_u64(connection.key), flags);
    }

    /// Asks the child of the connection that has been idle for longest to close it.
    fn send_one_away(&self, newest: &Connection) {
        let idle: Vec<Arc<Connection>> = {
            let entries = lock(&self.entries);
            let all = entries.all.iter().filter_map(|entry| entry.connection.clone());
            all.filter(|one| one.key != newest.key && !one.sent_away.load(Ordering::Relaxed)).collect()
        };
        let oldest = idle.into_iter().filter(|one| one.state.load(Ordering::Relaxed) == IDLE);
        if let Some(oldest) = oldest.min_by_key(|one| one.left.load(Ordering::Relaxed))
            && oldest.enter()
        {
            oldest.sent_away.store(true, Ordering::Relaxed);
            oldest.channel.go_away();
            if !oldest.leave() {
                // What came meanwhile is told of again.
                oldest.state.store(IDLE, Ordering::Release);
                self.set_interest(&oldest, true);
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn parts(key: u64) -> (usize, u32) {
    let number = usize::try_from(key & u64::from(u32::MAX)).unwrap_or(usize::MAX);
    (number, u32::try_from(key >> 32).unwrap_or(u32::MAX))
}
