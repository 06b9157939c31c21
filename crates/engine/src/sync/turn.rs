/*! Turns: what one thread does at a time, though it takes long or runs Python code meanwhile.

Unlike a lock a turn knows its thread: one that comes back to it from within (a destructor, a page that includes another one) is refused instead of
waiting for itself. Whoever waits does so without Python's lock. */

use std::sync::{Condvar, Mutex, PoisonError};

use crate::capi::fork;

/// See the module.
#[derive(Debug, Default)]
pub struct Turn {
    state: Mutex<State>,
    free: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The thread whose turn it is.
    holder: Option<usize>,
    waiting: u32,
}

/// It is another's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// The calling thread has it already.
    Own,
    /// Another thread has it.
    Other,
}

/// It is this thread's turn until this is dropped. `None` inside: a process that the application forked has nobody to take turns with.
#[derive(Debug)]
pub struct Taken<'a>(Option<&'a Turn>);

impl Turn {
    /// Takes the turn if it is free.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn try_take(&self) -> Result<Taken<'_>, Busy> {
        if fork::is_copy() {
            return Ok(Taken(None));
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.holder {
            None => {
                state.holder = Some(own());
                Ok(Taken(Some(self)))
            }
            Some(holder) if holder == own() => Err(Busy::Own),
            Some(_) => Err(Busy::Other),
        }
    }

    /// Takes the turn when it is free. Call it detached from Python.
    ///
    /// # Errors
    /// [`Busy::Own`] alone.
    pub fn take(&self) -> Result<Taken<'_>, Busy> {
        if fork::is_copy() {
            return Ok(Taken(None));
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.holder == Some(own()) {
            return Err(Busy::Own);
        }
        state.waiting += 1;
        while state.holder.is_some() {
            state = self.free.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting -= 1;
        state.holder = Some(own());
        Ok(Taken(Some(self)))
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let Some(turn) = self.0 else { return };
        let mut state = turn.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.holder = None;
        let awaited = state.waiting > 0;
        drop(state);
        if awaited {
            turn.free.notify_one();
        }
    }
}

/// The calling thread: no two that live have the same.
fn own() -> usize {
    thread_local! {
        static MARK: u8 = const { 0 };
    }
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{Busy, Turn};

    #[test]
    fn one_thread_has_it_and_is_refused_when_it_comes_again() {
        let turn = Turn::default();
        let taken = turn.try_take().unwrap();
        assert_eq!((turn.try_take().err(), turn.take().err()), (Some(Busy::Own), Some(Busy::Own)));
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(turn.try_take().err(), Some(Busy::Other)));
        });
        drop(taken);
        assert!(turn.try_take().is_ok());
    }

    #[test]
    fn all_who_wait_get_their_turn_one_by_one() {
        let (turn, inside, most) = (Turn::default(), AtomicU32::new(0), AtomicU32::new(0));
        let first = turn.try_take().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let taken = turn.take().unwrap();
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(taken);
                    }
                });
            }
            drop(first);
        });
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }
}
