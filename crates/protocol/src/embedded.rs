/*! The C boundary between the Apache module and the engine inside one Apache child (embedded mode).

The module opens libpython, then the engine, and asks the engine for one symbol, [`ENTRY_SYMBOL`]: a function that returns
an [`EngineTable`]. Everything else is a call through that table or through the [`HostTable`] that the module hands over
at start. Both sides check [`ABI`] before they touch anything else. Nothing here is unsafe by itself; the two sides that
call through the pointers are. *Runs in: Apache child.*

Ownership: every [`Slice`] is lent for the duration of the call it is passed to, and copied by whoever wants to keep it.
Threads: every function may be called from any thread. [`RequestCall::request`] is lent for `run`; kept with [`HostTable::keep`], it stays valid until
[`HostTable::release`], and a callback after the end of `run`, or out of another callback of its thread, is refused. */

use std::ffi::{CStr, c_void};

/// Version of this boundary. A module and an engine of different versions refuse each other at start.
pub const ABI: u32 = 4;

/// The engine's one exported symbol besides `PyInit_*`: [`EntryFn`].
pub const ENTRY_SYMBOL: &CStr = c"mod_wsgi_rs_engine";

/// The type of [`ENTRY_SYMBOL`].
pub type EntryFn = unsafe extern "C" fn() -> *const EngineTable;

/// Bytes lent for one call. A null `data` says that there is no value (the environ key gets `None`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// First byte, or null.
    pub data: *const u8,
    /// Length in bytes.
    pub len: usize,
}

impl Slice {
    /// No value at all.
    pub const NONE: Self = Self { data: std::ptr::null(), len: 0 };

    /// Lends `bytes` for one call. An empty slice has a dangling but non-null pointer, so it stays apart from [`Slice::NONE`].
    pub const fn new(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr(), len: bytes.len() }
    }
}

/// A name and its value: an environ entry, or a response header.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The name.
    pub key: Slice,
    /// The value; [`Slice::NONE`] for an environ entry without one.
    pub value: Slice,
}

/// One request, as the module hands it to [`EngineTable::run`].
#[repr(C)]
#[derive(Debug)]
pub struct RequestCall {
    /// The module's own handle, given back with every callback.
    pub request: *mut c_void,
    /// The text entries of the environ: everything that is a string.
    /// What has another type (`wsgi.*`, times, tuples) the engine adds itself.
    pub environ: *const Pair,
    /// How many entries `environ` has.
    pub environ_len: usize,
    /// Path of the WSGI script to load.
    pub script: Slice,
    /// The script's modification time, microseconds since the epoch; [`UNKNOWN_MTIME`] if the engine must look itself.
    pub script_mtime: i64,
    /// `r->filename`, the argument of the script's `reload_required`.
    pub resource: Slice,
    /// Resolved application group; empty for `%{GLOBAL}`.
    pub application_group: Slice,
    /// Name of the callable.
    pub callable: Slice,
    /// What holds for the request.
    pub flags: RequestFlags,
    /// Index of the worker thread in its process, for `mod_wsgi.thread_id`.
    pub thread_id: i64,
    /// `r->request_time`, microseconds since the epoch.
    pub request_start: i64,
    /// When the Apache child began handing over to the daemon, microseconds; 0 in embedded mode.
    pub queue_start: i64,
    /// When the daemon's worker began, microseconds; 0 in embedded mode.
    pub daemon_start: i64,
    /// The `request_rec` for `apache.request_rec`, or null.
    pub request_rec: *mut c_void,
}

/// [`RequestCall::script_mtime`] when the module has not looked at the file.
pub const UNKNOWN_MTIME: i64 = i64::MIN;

bitflags::bitflags! {
    /// What holds for one request. Bits that the receiver does not know are kept and ignored.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[repr(transparent)]
    pub struct RequestFlags: u32 {
        /// `WSGIScriptReloading On`: look whether the script changed.
        const RELOAD = 1;
        /// The client's connection is TLS (or a trusted proxy says so): `wsgi.url_scheme` is `https`.
        const HTTPS = 2;
        /// The request is a HEAD: no body goes out, whatever the application yields.
        const HEAD = 4;
        /// The application group was named by something the client may choose (`%{HOST}`, `%{ENV:}`): the limit on
        /// dynamically named interpreters applies.
        const DYNAMIC_GROUP = 8;
        /// The client asked by HEAD, whatever the application is shown: no body reaches it that could be too short.
        const ASKED_BY_HEAD = 128;
        /// The client waits for `100 Continue`: no request body comes before the application reads (daemon mode).
        const ON_DEMAND = 16;
        /// `WSGIIgnoreActivity On`: the request does not push back `inactivity-timeout` (daemon mode).
        const IGNORE_ACTIVITY = 32;
        /// The request has waited for new code already, so it takes what it finds (daemon mode).
        const WAITED = 64;
    }
}

/// What [`EngineTable::run`] returns.
pub mod outcome {
    /// The response is complete: the module sends what is pending, then the end of the stream.
    pub const DONE: i32 = 0;
    /// The application failed before anything was sent: 500. The traceback is in the log.
    pub const FAILED: i32 = 1;
    /// The response broke off after its head was sent: it must look truncated to the client.
    pub const TRUNCATED: i32 = 2;
    /// The client went away. Nothing more can be sent.
    pub const CLIENT_GONE: i32 = 3;
    /// The application ran out of time before it answered: 504.
    pub const TIMEOUT: i32 = 4;
    /// There is no interpreter for the request and none may be made: 503. The reason is in the log.
    pub const UNAVAILABLE: i32 = 5;
}

/// What [`HostTable::read`] returns besides a count of bytes (0 is the end of the input).
pub mod read_failure {
    /// Only with [`super::READ_NOW`]: nothing has arrived yet.
    pub const WOULD_BLOCK: isize = -1;
    /// The client went away in the middle of the body.
    pub const ABORTED: isize = -2;
    /// `Timeout` (or mod_reqtimeout's limit) ran out.
    pub const TIMEOUT: isize = -3;
    /// The body is longer than `LimitRequestBody`.
    pub const TOO_LARGE: isize = -4;
    /// The body's framing is broken (bad chunk), or a filter failed.
    pub const BROKEN: isize = -5;
}

/// [`HostTable::read`]: return what has arrived, never wait. Also "nothing has arrived" where looking might have to wait. The GIL may be kept.
pub const READ_NOW: u32 = 1;

/// [`HostTable::read`]: read nothing, but ask a client that waits for `100 Continue` to send the body. May wait for the client: call it without
/// the GIL. The answer is 0.
pub const READ_ASK: u32 = 2;

/// How [`HostTable::write`] treats the data.
pub mod write_how {
    /// Copy and keep; it goes out with the next flush or when `run` has returned. Never waits.
    pub const BUFFER: u32 = 0;
    /// Everything kept so far and this goes to the client now. May wait: call it without the GIL.
    pub const FLUSH: u32 = 1;
    /// As [`FLUSH`], if that is certain not to wait for the client; otherwise nothing is taken, and the answer is
    /// [`super::sent::WOULD_WAIT`]. The GIL may be kept.
    pub const PROMPT: u32 = 2;
}

/// What [`HostTable::start`], [`HostTable::write`] and [`HostTable::send_file`] return.
pub mod sent {
    /// Taken.
    pub const OK: i32 = 0;
    /// The client is gone.
    pub const CLIENT_GONE: i32 = 1;
    /// It could not be done (out of memory, a bad descriptor); the module has logged why.
    pub const FAILED: i32 = 2;
    /// Only with [`super::write_how::PROMPT`]: nothing was taken, because sending it might wait.
    pub const WOULD_WAIT: i32 = 3;
    /// The client is there, and has taken nothing for as long as httpd's `Timeout` allows.
    pub const OVERDUE: i32 = 4;
}

/// The module's callbacks. `request` is [`RequestCall::request`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HostTable {
    /// [`ABI`] of the module.
    pub abi: u32,
    /// Keeps a request handle beyond `run`, during which it was lent.
    pub keep: unsafe extern "C" fn(request: *mut c_void),
    /// Gives back what [`HostTable::keep`] kept, once for each time.
    pub release: unsafe extern "C" fn(request: *mut c_void),
    /// Reads up to `len` bytes of the request body into `buffer`: the count, 0 at the end, or a [`read_failure`].
    /// Without [`READ_NOW`] it waits until at least one byte has come: call it without the GIL.
    pub read: unsafe extern "C" fn(request: *mut c_void, buffer: *mut u8, len: usize, flags: u32) -> isize,
    /// Records status and headers; nothing is sent yet. `reason` is the reason phrase, without the number.
    pub start: unsafe extern "C" fn(request: *mut c_void, status: u16, reason: Slice, headers: *const Pair, count: usize) -> i32,
    /// Takes body bytes; `how` is one of [`write_how`].
    pub write: unsafe extern "C" fn(request: *mut c_void, chunks: *const Slice, count: usize, how: u32) -> i32,
    /// Takes `length` bytes of a regular file from `offset`. The descriptor is duplicated before the call returns.
    pub send_file: unsafe extern "C" fn(request: *mut c_void, descriptor: i32, offset: i64, length: i64) -> i32,
    /// Writes one line to the error log: of the request, or of the main server if `request` is null. When the request has ended, or another thread
    /// is in one of its callbacks, the line goes to its virtual host's log, as no request's.
    /// `level` is a [`crate::Level`]; `file` and `line` name the source as Apache's log format shows it (may be empty and 0).
    pub log: unsafe extern "C" fn(request: *mut c_void, level: i32, text: Slice, file: Slice, line: i32),
    /// 1 if a line of that level would be written.
    pub log_enabled: unsafe extern "C" fn(request: *mut c_void, level: i32) -> i32,
    /// Calls `take` with `taker` and an encoded [`crate::scoreboard::Scoreboard`], once, before it returns; not at all if httpd has none.
    pub scoreboard: unsafe extern "C" fn(taker: *mut c_void, take: TakeFn),
}

/// Who is lent bytes by [`HostTable::scoreboard`].
pub type TakeFn = unsafe extern "C" fn(taker: *mut c_void, bytes: Slice);

/// A script to load when the process starts (`WSGIImportScript`, or an alias that names its groups).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ImportCall {
    /// Path of the script.
    pub script: Slice,
    /// Application group to load it in; empty for `%{GLOBAL}`.
    pub application_group: Slice,
}

/// The engine's functions.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EngineTable {
    /// [`ABI`] of the engine.
    pub abi: u32,
    /// The engine's version, as in its Cargo.toml.
    pub version: Slice,
    /// Starts Python in this process. `settings` is an encoded [`crate::settings::EngineSettings`]; `host` stays valid for ever.
    /// Returns 0, or 1 when Python could not be started: the reason has been logged through `host`. Called once.
    pub start: unsafe extern "C" fn(settings: Slice, host: *const HostTable) -> i32,
    /// Runs one request to its end: an [`outcome`].
    pub run: unsafe extern "C" fn(call: *const RequestCall) -> i32,
    /// Loads a script ahead of the first request. Returns 0, or 1 when it failed (logged).
    pub import: unsafe extern "C" fn(call: *const ImportCall) -> i32,
    /// The process ends: shutdown callbacks and `atexit` functions run, for at most `deadline_ms` milliseconds. Python is not finalised.
    pub stop: unsafe extern "C" fn(deadline_ms: u32),
}
