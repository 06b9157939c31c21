/*! The thread on which sub-interpreters are made.

Python takes the thread on which an interpreter imports `threading` for that interpreter's main thread, and knows it by the number that the system gave it. A request's
thread must not be that one, or its requests would differ from all others (`asyncio` makes event loops on the main thread by itself); nor must a thread that ends,
whose number the next thread may get. So there is one that makes the interpreters and otherwise waits until the process ends. The thread that started
Python needs no other: it makes its interpreters itself. *Runs in: Apache child, daemon.* */

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, ThreadId, current};

use crate::sync::locks::lock;

/// What is to be done there.
type Job = Box<dyn FnOnce() + Send>;

/// The way to that thread.
pub struct InterpreterThread {
    /// The thread that started Python.
    starter: ThreadId,
    /// Made when it is first needed.
    jobs: Mutex<Option<Sender<Job>>>,
}

impl InterpreterThread {
    /// To be called on the thread that has started Python.
    pub fn new() -> Self {
        Self { starter: current().id(), jobs: Mutex::new(None) }
    }

    /// Runs `make` on a thread that may be an interpreter's main thread, and waits for it.
    ///
    /// # Errors
    /// What `make` fails with, or why there is no such thread, as a sentence.
    pub fn run<R: Send + 'static>(&self, make: impl FnOnce() -> Result<R, String> + Send + 'static) -> Result<R, String> {
        if current().id() == self.starter {
            return make();
        }
        let (answer, answered) = channel();
        let job: Job = Box::new(move || {
            // Who asked waits for the answer.
            let _asked = answer.send(make());
        });
        self.send(job)?;
        // A thread that a panic has ended answers no more.
        answered.recv().unwrap_or_else(|_| {
            Err("the thread that creates interpreters has ended. To fix: report this message together with the log".to_owned())
        })
    }

    fn send(&self, mut job: Job) -> Result<(), String> {
        let mut jobs = lock(&self.jobs);
        if let Some(sender) = jobs.as_ref() {
            match sender.send(job) {
                Ok(()) => return Ok(()),
                Err(unsent) => job = unsent.0,
            }
        }
        let (sender, receiver) = channel();
        Builder::new().name("wsgi-make".to_owned()).spawn(move || serve(&receiver)).map_err(|error| {
            format!("could not start the thread that creates interpreters: {error}. To fix: check the limits of the user of this process")
        })?;
        // Its receiver lives: the thread has just begun to wait.
        let sent = sender.send(job).map_err(|error| error.to_string());
        *jobs = Some(sender);
        sent
    }
}

fn serve(jobs: &Receiver<Job>) {
    for job in jobs {
        job();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::{InterpreterThread, current};

    #[test]
    fn others_find_the_same_thread_each_time_and_the_starter_itself() {
        let maker = std::sync::Arc::new(InterpreterThread::new());
        assert_eq!(maker.run(|| Ok(current().id())), Ok(current().id()));
        let found: Vec<_> = (0..4)
            .map(|_| {
                let maker = std::sync::Arc::clone(&maker);
                std::thread::spawn(move || (current().id(), maker.run(|| Ok(current().id())))).join().unwrap()
            })
            .collect();
        let made = found[0].1.clone().unwrap();
        assert!(found.iter().all(|(_, on)| *on == Ok(made)), "{found:?}");
        assert!(found.iter().all(|(own, _)| *own != made), "{found:?}");
    }

    #[test]
    fn a_job_that_panics_is_answered_and_the_next_one_is_done() {
        let maker = InterpreterThread::new();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                (maker.run(|| -> Result<u32, String> { panic!("on purpose") }), maker.run(|| Ok(7)), maker.run(|| Ok(8)))
            });
            let (failed, next, last) = other.join().unwrap();
            assert!(failed.is_err_and(|why| why.contains("has ended")));
            // The thread may still be ending when the next job comes; the one after finds a new thread.
            assert!(next == Ok(7) || next.is_err());
            assert_eq!(last, Ok(8));
        });
    }
}
