/*! One request inside the engine: its way back to the server, and how far its response has come.

The objects that an application holds (`wsgi.input`, `start_response`, `wsgi.errors`) may outlive the request or be used by another
thread; they share this value, and `end` closes the door behind the last call that is under way. */

pub mod call;
pub mod exchange;
pub mod observed;
pub mod response_head;

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use protocol::Level;

use crate::capi::{Attached, Kept, Object, PyResult, Raised, fork, thread};
use crate::interpreter::Interpreter;
use crate::interpreter::error_stream::ErrorStream;
use crate::logging::{self, ThreadLog};
use crate::request::exchange::{Exchange, ReadError, Send, SendError};
use crate::request::observed::Observed;
use crate::request::response_head::ResponseHead;
use crate::sync::locks::{Locked, lock};
use crate::sync::turn::{Busy, Taken, Turn};
use protocol::line_buffer::LineBuffer;

/// How far a response has come.
#[derive(Default)]
pub struct Output {
    /// What `start_response` gave last.
    pub head: Option<ResponseHead>,
    /// Whether that went to the server.
    pub started: bool,
    /// Body bytes handed on.
    pub sent: u64,
    /// Whether something of it went to the client, so that it cannot be taken back.
    pub flushed: bool,
    /// The application sent more than its Content-Length: said once.
    pub excess: u64,
    /// The client is known to be gone.
    pub client_gone: bool,
}

/// Facts about a request that do not change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// HEAD: nothing of a body goes out.
    pub head_only: bool,
    /// The client asked by HEAD, though a filter of httpd may want to see the body: it can't be too short.
    pub head: bool,
    /// The request's `CONTENT_LENGTH`, if it has one.
    pub content_length: Option<u64>,
}

/// One request.
pub struct Request {
    /// The interpreter that runs it.
    pub interpreter: &'static Interpreter,
    /// See [`Facts`].
    pub facts: Facts,
    exchange: Box<dyn Exchange>,
    /// Whose call to the server is under way.
    door: Turn,
    /// The request has ended.
    ended: AtomicBool,
    output: Mutex<Output>,
    errors: Mutex<LineBuffer>,
    error_stream: Mutex<Option<ErrorStream>>,
    data: Mutex<Option<Kept>>,
    observed: OnceLock<Box<Observed>>,
}

impl Request {
    /// A request that has just come.
    pub fn new(interpreter: &'static Interpreter, exchange: Box<dyn Exchange>, facts: Facts) -> Arc<Self> {
        Arc::new(Self {
            interpreter,
            facts,
            exchange,
            door: Turn::default(),
            ended: AtomicBool::new(false),
            output: Mutex::default(),
            errors: Mutex::default(),
            error_stream: Mutex::default(),
            data: Mutex::default(),
            observed: OnceLock::new(),
        })
    }

    /// Begins to measure it. Once.
    pub fn observe(&self, observed: Observed) -> &Observed {
        self.observed.get_or_init(|| Box::new(observed))
    }

    /// What is measured of it, if anybody wants to know.
    pub fn observed(&self) -> Option<&Observed> {
        self.observed.get().map(AsRef::as_ref)
    }

    /// The response's state. Never held while Python code may run.
    pub fn output(&self) -> Locked<'_, Output> {
        lock(&self.output)
    }

    /// Takes the place of an earlier head; `false` if that has gone to the server: what counts the body must be what the client has.
    pub fn replace_head(&self, head: ResponseHead) -> bool {
        let mut output = self.output();
        if !output.started {
            output.head = Some(head);
        }
        !output.started
    }

    /// The door to the server. Waits for a call of another thread without the GIL. `RuntimeError` after the end, and from within a call of this very
    /// thread: a page that this one includes, say, that has got hold of this one's objects.
    fn door(&self, py: Attached<'_>) -> PyResult<Taken<'_>> {
        let door = match self.door.try_take() {
            Err(Busy::Other) => thread::detached(py, || self.door.take()),
            taken => taken,
        };
        match door {
            Ok(_) if self.has_ended() => {
                Err(Raised::runtime_error(py, "the request has ended: its objects cannot be used any more"))
            }
            Ok(door) => Ok(door),
            Err(_) => Err(Raised::runtime_error(
                py,
                "the objects of the request cannot be used here: this thread is inside a call for the same request",
            )),
        }
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// `RuntimeError` after the end.
    ///
    /// # Errors
    /// As said.
    pub fn check_open(&self, py: Attached<'_>) -> PyResult<()> {
        self.door(py).map(drop)
    }

    /// Reads body bytes with the GIL kept, if any have arrived.
    ///
    /// # Errors
    /// `RuntimeError` after the end; the inner result is the server's.
    pub fn read_now(&self, py: Attached<'_>, buffer: &mut [MaybeUninit<u8>]) -> PyResult<Result<usize, ReadError>> {
        let door = self.door(py)?;
        let read = self.take(buffer, false);
        drop(door);
        Ok(read)
    }

    /// Reads body bytes, waiting for them: call it detached.
    ///
    /// # Errors
    /// [`ReadError::Aborted`] after the end of the request, too.
    pub fn read_waiting(&self, buffer: &mut [MaybeUninit<u8>]) -> Result<usize, ReadError> {
        let Ok(_door) = self.door.take() else { return Err(ReadError::Aborted) };
        if self.has_ended() { Err(ReadError::Aborted) } else { self.take(buffer, true) }
    }

    /// Lets a client that waits for it know that its body is wanted: call it detached.
    pub fn ask(&self) {
        if let Ok(_door) = self.door.take()
            && !self.has_ended()
        {
            self.exchange.ask();
        }
    }

    fn take(&self, buffer: &mut [MaybeUninit<u8>], wait: bool) -> Result<usize, ReadError> {
        let Some(observed) = self.observed() else { return self.exchange.read(buffer, wait) };
        let since = Instant::now();
        let read = self.exchange.read(buffer, wait);
        let taken = *read.as_ref().unwrap_or(&0);
        observed.input.count(usize::from(taken > 0), taken as u64, since);
        read
    }

    /// Hands the head to the server, once.
    ///
    /// # Errors
    /// `RuntimeError` after the end; the inner result is the server's.
    pub fn start(&self, py: Attached<'_>) -> PyResult<Result<(), SendError>> {
        let door = self.door(py)?;
        let mut output = self.output();
        if output.started {
            return Ok(Ok(()));
        }
        let started = output.head.as_ref().map_or(Err(SendError::Failed), |head| self.exchange.start(head));
        output.started = started.is_ok();
        drop(output);
        drop(door);
        Ok(started)
    }

    /// Hands body bytes on; a flush is made without the GIL.
    ///
    /// # Errors
    /// `RuntimeError` after the end; the inner result is the server's.
    pub fn write(&self, py: Attached<'_>, chunks: &[&[u8]], how: Send) -> PyResult<Result<(), SendError>> {
        let door = self.door(py)?;
        let observed = self.observed().map(|observed| (observed, Instant::now()));
        let sent = match how {
            Send::Buffered => self.exchange.write(chunks, how),
            Send::Flushed => self.write_now(py, self.exchange.write_promptly(chunks), chunks),
            Send::Last => self.write_now(py, self.exchange.write_last(chunks), chunks),
        };
        drop(door);
        let length = chunks.iter().fold(0u64, |sum, c| sum.saturating_add(c.len() as u64));
        if let Some((observed, since)) = observed {
            observed.output.count(chunks.len(), length, since);
        }
        let mut output = self.output();
        output.sent = output.sent.saturating_add(length);
        output.flushed |= how != Send::Buffered;
        output.client_gone |= matches!(sent, Err(SendError::ClientGone | SendError::Overdue | SendError::OutOfTime));
        drop(output);
        Ok(sent)
    }

    /// Sends what could not be `tried` without waiting, and gives the GIL up for that.
    fn write_now(&self, py: Attached<'_>, tried: Result<Option<bool>, SendError>, chunks: &[&[u8]]) -> Result<(), SendError> {
        match tried? {
            Some(true) => Ok(()),
            Some(false) => thread::detached(py, || self.exchange.flush()),
            None => thread::detached(py, || self.exchange.write(chunks, Send::Flushed)),
        }
    }

    /// How a body of `length` bytes that is there as a whole is best handed on.
    ///
    /// # Errors
    /// `RuntimeError` after the end.
    pub fn best(&self, py: Attached<'_>, length: usize) -> PyResult<Send> {
        // Another thread of the application may be waiting for the client in a call of its own.
        let door = self.door(py)?;
        let keeps = self.exchange.keeps(length);
        drop(door);
        Ok(if keeps { Send::Buffered } else { Send::Flushed })
    }

    /// Hands part of a file on.
    ///
    /// # Errors
    /// `RuntimeError` after the end; the inner result is the server's.
    pub fn send_file(&self, py: Attached<'_>, descriptor: i32, offset: i64, length: i64) -> PyResult<Result<(), SendError>> {
        let door = self.door(py)?;
        let observed = self.observed().map(|observed| (observed, Instant::now()));
        // What was gathered may have to go first, to a child that does not read.
        let sent = thread::detached(py, || self.exchange.send_file(descriptor, offset, length));
        drop(door);
        if sent.is_ok() {
            let length = u64::try_from(length).unwrap_or(0);
            self.output().sent += length;
            if let Some((observed, since)) = observed {
                // As mod_wsgi has it, whose files are no writes of the application's.
                observed.output.count(0, length, since);
            }
        }
        Ok(sent)
    }

    /// Keeps what its `wsgi.errors` is made of until its end.
    pub fn keep_error_stream(&self, stream: ErrorStream) {
        *lock(&self.error_stream) = Some(stream);
    }

    /// Takes that out again.
    pub fn take_error_stream(&self) -> Option<ErrorStream> {
        lock(&self.error_stream).take()
    }

    /// Text for `wsgi.errors` or `sys.stderr`: whole lines go out at once, the rest waits.
    pub fn errors_write(&self, text: &[u8]) {
        let lines = lock(&self.errors).push(text);
        for line in lines {
            self.log(Level::Error, &line, b"", 0);
        }
    }

    /// Writes out what waits for its newline.
    pub fn errors_flush(&self) {
        let rest = lock(&self.errors).take();
        if let Some(rest) = rest {
            self.log(Level::Error, &rest, b"", 0);
        }
    }

    /// The request's dictionary (`mod_wsgi.request_data()`), made on first use.
    ///
    /// # Errors
    /// `MemoryError`; `RuntimeError` after the end.
    pub fn data<'py>(&self, py: Attached<'py>) -> PyResult<Object<'py>> {
        self.check_open(py)?;
        if let Some(data) = lock(&self.data).as_ref() {
            return Ok(data.get(py).clone());
        }
        // Making it may run the garbage collector, and that code which asks for it as well.
        let fresh = Object::dict(py)?;
        let mut data = lock(&self.data);
        match data.as_ref() {
            Some(data) => Ok(data.get(py).clone()),
            None => {
                *data = Some(fresh.clone().keep());
                Ok(fresh)
            }
        }
    }

    /// The end: what is still buffered is logged, and from here on every call of the application's objects is refused.
    pub fn end(&self, py: Attached<'_>) {
        self.errors_flush();
        match self.door(py) {
            Ok(_door) => self.ended.store(true, Ordering::Release),
            Err(raised) => {
                // It has ended already, or this thread is in one of its calls: then that has to end first, and can't do anything any more.
                raised.clear(py);
                self.ended.store(true, Ordering::Release);
            }
        }
        let data = lock(&self.data).take();
        if let Some(data) = data {
            data.release(py);
        }
    }
}

/// A line goes to the request's log; after the end, to the server's.
impl ThreadLog for Request {
    fn log(&self, level: Level, text: &[u8], file: &[u8], line: i32) {
        if fork::is_copy() {
            // A process that the application forked has no part in the request's connection.
            return logging::of_process(level, text, file, line);
        }
        // Logging never waits for the door: another thread may be in a call that waits for the client, and the server's side of a log line looks after itself.
        if self.has_ended() {
            logging::of_process(level, text, file, line);
        } else {
            self.exchange.log(level, text, file, line);
        }
    }

    fn logs(&self, level: Level) -> bool {
        !self.has_ended() && self.exchange.logs(level)
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Request>>> = const { RefCell::new(None) };
}

/// The request that this thread runs.
pub fn current() -> Option<Arc<Request>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// Makes `request` this thread's own, and its log the thread's, until the guard is dropped.
pub fn enter(request: &Arc<Request>) -> Entered {
    let log: Arc<dyn ThreadLog> = Arc::<Request>::clone(request);
    let before = CURRENT.with(|current| current.replace(Some(Arc::clone(request))));
    Entered { before, _log: logging::enter(log) }
}

/// Gives the thread back what it ran before [`enter`].
pub struct Entered {
    before: Option<Arc<Request>>,
    _log: logging::Entered,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| current.replace(self.before.take()));
    }
}
