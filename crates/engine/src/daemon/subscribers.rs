/*! SIGHUP and SIGUSR2, told to whoever has subscribed with `mod_wsgi.subscribe_signals`: on a thread of their own, which may wait for Python's lock as
the watching thread must not. It is started by the first such signal. *Runs in: daemon.* */

use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use protocol::Level;

use crate::capi::{Attached, Object, PyResult, thread};
use crate::interpreter::Interpreter;
use crate::interpreter::registry;
use crate::logging;

/// More signals than this do not wait to be told: those after them are lost, as the kernel loses them.
const MOST_WAITING: usize = 64;

/// The way to the thread; inside nothing if it could not be started.
#[derive(Default)]
pub struct Subscribers(OnceLock<Option<SyncSender<u8>>>);

impl Subscribers {
    /// Tells of a signal, without waiting.
    pub fn tell(&self, number: u8) {
        if let Some(thread) = self.0.get_or_init(start) {
            // Full: see above.
            let _told = thread.try_send(number);
        }
    }
}

fn start() -> Option<SyncSender<u8>> {
    let (sender, receiver) = sync_channel(MOST_WAITING);
    let started = std::thread::Builder::new().name("wsgi-signal".to_owned()).spawn(move || tell_all(&receiver));
    started
        .map_err(|error| {
            logging::text(
                Level::Error,
                format!("signals cannot be reported, because a thread could not be started: {error}").as_bytes(),
            )
        })
        .ok()
        .map(|_| sender)
}

fn tell_all(signals: &Receiver<u8>) {
    for number in signals {
        let Some(registry) = registry::registry() else { return };
        let heard: i64 = registry
            .all()
            .into_iter()
            .map(|interpreter| {
                thread::attached(interpreter.handle, |py| {
                    publish(py, interpreter, number).map_err(|raised| raised.clear(py)).unwrap_or(0)
                })
            })
            .sum();
        if heard == 0 {
            logging::text(
                Level::Info,
                format!("signal {number} was ignored, because the application has not subscribed to signals").as_bytes(),
            );
        }
    }
}

/// Tells one interpreter's subscribers: how many there are.
fn publish(py: Attached<'_>, interpreter: &Interpreter, number: u8) -> PyResult<i64> {
    let name = if i32::from(number) == libc::SIGHUP { "SIGHUP" } else { "SIGUSR2" };
    let (name, number) = (Object::text(py, name)?, Object::int(py, i64::from(number))?);
    interpreter.helpers.publish_signal.get(py).call(&[&name, &number])?.to_int()
}
