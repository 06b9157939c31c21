/*! `wsgi.input` (PEP 3333, "Input and Error Streams").

Nothing is read from the client until the application reads: the first read sends `100 Continue` to a client that expects it. Data that has
already arrived is read with the GIL held; the GIL is released only to wait for the client.

The body ends where the server says so. `CONTENT_LENGTH` is what the client announced; an input filter of httpd (`SetInputFilter DEFLATE`) makes the body
longer or shorter than that, so the length is only a hint for how much memory to take. */

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crate::capi::{Arguments, Attached, Method, NativeClass, Object, PyResult, Raised, thread};
use crate::request::Request;
use crate::request::exchange::ReadError;
use crate::sync::locks::lock;

/// The request body as a file-like object.
pub struct Input {
    request: Arc<Request>,
    /// Bytes that a line read too far.
    ahead: Mutex<Vec<u8>>,
    /// Bytes handed out or read ahead so far. This and what follows is changed by the thread alone that has set `reading`.
    taken: AtomicU64,
    ended: AtomicBool,
    /// Why a read has failed: no other is tried.
    failed: OnceLock<ReadError>,
    reading: AtomicBool,
}

/// How much a line asks for at a time.
const LINE_BLOCK: usize = 8192;
/// How much is asked for at a time when the length is not known.
const BLOCK: usize = 64 * 1024;

/// Marks an input as being read, so that a second thread is told instead of stealing bytes.
struct Reading<'a>(&'a AtomicBool);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Input {
    /// The body of `request`.
    pub const fn new(request: Arc<Request>) -> Self {
        Self {
            request,
            ahead: Mutex::new(Vec::new()),
            taken: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            failed: OnceLock::new(),
            reading: AtomicBool::new(false),
        }
    }

    /// Checks that a read may begin now.
    fn begin(&self, py: Attached<'_>) -> PyResult<Reading<'_>> {
        self.request.check_open(py)?;
        if self.reading.swap(true, Ordering::Acquire) {
            return Err(Raised::runtime_error(py, "wsgi.input is being read by another thread"));
        }
        let reading = Reading(&self.reading);
        match self.failed.get() {
            Some(error) => Err(raise(py, *error)),
            None => Ok(reading),
        }
    }

    fn fail(&self, py: Attached<'_>, error: ReadError) -> Raised {
        // The first failure is the one to repeat.
        raise(py, *self.failed.get_or_init(|| error))
    }

    fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    fn add_taken(&self, count: usize) {
        self.taken.store(self.taken().saturating_add(count as u64), Ordering::Relaxed);
    }

    fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn set_ended(&self, ended: bool) {
        self.ended.store(ended, Ordering::Relaxed);
    }

    fn take_ahead(&self, limit: usize) -> Vec<u8> {
        let mut ahead = lock(&self.ahead);
        if ahead.len() <= limit {
            return std::mem::take(&mut ahead);
        }
        let rest = ahead.split_off(limit);
        std::mem::replace(&mut ahead, rest)
    }

    /// What is still to come of the length that the client announced, if it announced one. The body may end earlier, or go on.
    fn expected(&self) -> Option<usize> {
        let length = self.request.facts.content_length?;
        Some(usize::try_from(length.saturating_sub(self.taken())).unwrap_or(usize::MAX))
    }

    /// `read()` of at most `limit` bytes (`None`: all).
    fn read_bytes<'py>(&self, py: Attached<'py>, limit: Option<usize>) -> PyResult<Object<'py>> {
        let _reading = self.begin(py)?;
        let ahead = self.take_ahead(limit.unwrap_or(usize::MAX));
        let wanted = limit.map(|limit| limit - ahead.len());
        if self.ended() || wanted == Some(0) {
            if wanted == Some(0) && ahead.is_empty() && self.taken() == 0 {
                self.poke(py)?;
            }
            return Object::bytes(py, &ahead);
        }
        match self.expected() {
            // A body of known length is read straight into its bytes object, whose pages come to be as they are filled.
            Some(expected) if expected > 0 && ahead.is_empty() => self.read_expected(py, expected, wanted),
            _ => self.read_growing(py, ahead, wanted),
        }
    }

    /// Reads up to `wanted` bytes, for which memory for the `expected` ones is probably enough.
    fn read_expected<'py>(&self, py: Attached<'py>, expected: usize, wanted: Option<usize>) -> PyResult<Object<'py>> {
        let capacity = wanted.map_or(expected, |wanted| wanted.min(expected));
        let request = &self.request;
        let filled = Object::bytes_filled(py, capacity, |memory| {
            // A long body is worth giving the GIL up for, whether it has arrived or not.
            let arrived = if capacity <= BLOCK { fill_now(py, request, memory)? } else { 0 };
            let rest = memory.get_mut(arrived..).unwrap_or_default();
            if rest.is_empty() { Ok(arrived) } else { thread::detached(py, || fill(request, rest)).map(|more| arrived + more) }
        })?;
        let bytes = filled.map_err(|error| self.fail(py, error))?;
        let length = bytes.as_bytes().map_or(0, <[u8]>::len);
        self.add_taken(length);
        self.set_ended(length < capacity);
        if self.ended() || wanted == Some(length) {
            return Ok(bytes);
        }
        // Mostly the next look finds the end. Where a filter has made the body longer, there is more.
        let mut more = Vec::new();
        self.more(py, &mut more, wanted.map_or(LINE_BLOCK, |wanted| LINE_BLOCK.min(wanted - length)))?;
        if more.is_empty() {
            return Ok(bytes);
        }
        let wanted = wanted.map(|wanted| wanted - length - more.len());
        self.read_growing(py, [bytes.as_bytes().unwrap_or_default(), &more].concat(), wanted)
    }

    fn read_growing<'py>(&self, py: Attached<'py>, mut data: Vec<u8>, wanted: Option<usize>) -> PyResult<Object<'py>> {
        let goal = wanted.map_or(usize::MAX, |w| w.saturating_add(data.len()));
        while data.len() < goal && !self.ended() {
            let block = BLOCK.min(goal - data.len());
            self.more(py, &mut data, block)?;
        }
        Object::bytes(py, &data)
    }

    /// Appends up to `block` bytes, waiting for the first of them without the GIL.
    fn more(&self, py: Attached<'_>, data: &mut Vec<u8>, block: usize) -> PyResult<()> {
        data.reserve(block);
        let old = data.len();
        let request = &self.request;
        let room = data.spare_capacity_mut();
        let room = room.get_mut(..block).unwrap_or_default();
        let read = match request.read_now(py, room)? {
            Err(ReadError::WouldBlock) => thread::detached(py, || request.read_waiting(room)),
            read => read,
        };
        match read {
            Ok(0) => self.set_ended(true),
            Ok(count) => {
                crate::capi::filled(data, old + count);
                self.add_taken(count);
            }
            Err(error) => return Err(self.fail(py, error)),
        }
        Ok(())
    }

    /// `read(0)` before anything else: lets the server know that the body is wanted (100-continue).
    fn poke(&self, py: Attached<'_>) -> PyResult<()> {
        let mut memory = [MaybeUninit::uninit(); 1];
        match self.request.read_now(py, &mut memory)? {
            Ok(0) => self.set_ended(true),
            Ok(count) => {
                lock(&self.ahead).extend(crate::capi::initialised(&memory, count));
                self.add_taken(count);
            }
            Err(ReadError::WouldBlock) => thread::detached(py, || self.request.ask()),
            Err(error) => return Err(self.fail(py, error)),
        }
        Ok(())
    }

    /// One line of at most `limit` bytes; empty at the end.
    fn line(&self, py: Attached<'_>, limit: Option<usize>) -> PyResult<Vec<u8>> {
        let _reading = self.begin(py)?;
        let mut data = std::mem::take(&mut *lock(&self.ahead));
        let mut searched = 0;
        let goal = limit.unwrap_or(usize::MAX);
        let cut = loop {
            let newline = data.get(searched..).and_then(|rest| rest.iter().position(|c| *c == b'\n'));
            if let Some(at) = newline {
                break searched + at + 1;
            }
            searched = data.len();
            if self.ended() || data.len() >= goal {
                break data.len();
            }
            let block = LINE_BLOCK.max(data.len() / 4);
            if let Err(raised) = self.more(py, &mut data, block) {
                *lock(&self.ahead) = data;
                return Err(raised);
            }
        };
        let rest = data.split_off(cut.min(goal).min(data.len()));
        *lock(&self.ahead) = rest;
        Ok(data)
    }
}

/// Fills `memory` with what has arrived already.
fn fill_now(py: Attached<'_>, request: &Request, memory: &mut [MaybeUninit<u8>]) -> Result<usize, ReadError> {
    let mut filled = 0;
    while let Some(rest) = memory.get_mut(filled..)
        && !rest.is_empty()
    {
        match request.read_now(py, rest) {
            Ok(Ok(0) | Err(ReadError::WouldBlock)) => break,
            Ok(Ok(count)) => filled += count,
            Ok(Err(error)) => return Err(error),
            Err(raised) => {
                // The request ended meanwhile; the caller's next look says so.
                raised.clear(py);
                return Err(ReadError::Aborted);
            }
        }
    }
    Ok(filled)
}

/// Fills `memory` until it is full or the body ends. Called detached.
fn fill(request: &Request, memory: &mut [MaybeUninit<u8>]) -> Result<usize, ReadError> {
    let mut filled = 0;
    while let Some(rest) = memory.get_mut(filled..)
        && !rest.is_empty()
    {
        match request.read_waiting(rest)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

fn raise(py: Attached<'_>, error: ReadError) -> Raised {
    Raised::os_error(py, &format!("mod_wsgi request data read error: {error}"))
}

/// A size argument: `None` for all (absent, `None` or negative).
fn limit(size: Option<Object<'_>>) -> PyResult<Option<usize>> {
    match size.filter(|s| !s.is_none()) {
        None => Ok(None),
        Some(size) => Ok(usize::try_from(size.to_int()?).ok()),
    }
}

impl Input {
    fn read<'py>(&self, this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let [size] = arguments.bind(["size"], 0)?;
        self.read_bytes(this.py(), limit(size)?)
    }

    fn readline<'py>(&self, this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let [size] = arguments.bind(["size"], 0)?;
        let line = self.line(this.py(), limit(size)?)?;
        Object::bytes(this.py(), &line)
    }

    fn readlines<'py>(&self, this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let py = this.py();
        let [hint] = arguments.bind(["hint"], 0)?;
        let hint = limit(hint)?.filter(|hint| *hint > 0).unwrap_or(usize::MAX);
        let (mut lines, mut total) = (Vec::new(), 0usize);
        while total < hint {
            let line = self.line(py, None)?;
            if line.is_empty() {
                break;
            }
            total = total.saturating_add(line.len());
            lines.push(Object::bytes(py, &line)?);
        }
        Object::list(py, lines)
    }

    fn close<'py>(&self, this: &Object<'py>, _arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        self.request.check_open(this.py())?;
        Ok(Object::none(this.py()))
    }
}

impl NativeClass for Input {
    const NAME: &'static std::ffi::CStr = c"mod_wsgi.Input";
    const DOC: &'static std::ffi::CStr = c"The request body: wsgi.input of one request.";
    const METHODS: &'static [Method<Self>] = &[
        Method {
            name: c"read",
            doc: c"read(size=-1): that many bytes, fewer only at the end; all without a size.",
            call: Self::read,
        },
        Method {
            name: c"readline",
            doc: c"readline(size=-1): up to the next newline, or that many bytes.",
            call: Self::readline,
        },
        Method { name: c"readlines", doc: c"readlines(hint=-1): lines, until they reach the hint.", call: Self::readlines },
        Method { name: c"close", doc: c"close(): does nothing; the server closes it.", call: Self::close },
    ];
    const ITERATOR: bool = true;

    fn next_item<'py>(&self, this: &Object<'py>) -> PyResult<Option<Object<'py>>> {
        let line = self.line(this.py(), None)?;
        if line.is_empty() { Ok(None) } else { Object::bytes(this.py(), &line).map(Some) }
    }
}
