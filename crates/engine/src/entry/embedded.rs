/*! The engine's door for an Apache child (embedded mode): the C functions of [`EngineTable`].

Every one goes through [`guarded`]: a panic is logged with its place and becomes the answer that the function's return value allows; it
never unwinds into C. *Runs in: Apache child.* */
#![expect(unsafe_code, reason = "C functions, and calls through the module's C function pointers")]

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::time::Duration;

use protocol::Level;
use protocol::embedded::{
    ABI, EngineTable, HostTable, ImportCall, Pair, READ_ASK, READ_NOW, RequestCall, RequestFlags, Slice, UNKNOWN_MTIME, outcome,
    read_failure, sent, write_how,
};
use protocol::log_code::PYTHON_NOT_STARTED;
use protocol::settings::EngineSettings;

use crate::capi::{fork, thread};
use crate::gateway::{self, serve};
use crate::interpreter::registry;
use crate::interpreter::script::{Reload, Wanted};
use crate::interpreter::source;
use crate::logging::panics::caught;
use crate::logging::{self, ProcessLog};
use crate::metrics::server;
use crate::request::Facts;
use crate::request::call::Call;
use crate::request::exchange::{Exchange, ReadError, Send, SendError};
use crate::request::response_head::ResponseHead;

static TABLE: Table =
    Table(EngineTable { abi: ABI, version: Slice::new(env!("CARGO_PKG_VERSION").as_bytes()), start, run, import, stop });

#[repr(transparent)]
struct Table(EngineTable);

// SAFETY: the table holds function pointers and a static string; nothing in it changes.
unsafe impl Sync for Table {}

/// The engine's one C symbol for the module ([`protocol::embedded::ENTRY_SYMBOL`]).
#[unsafe(no_mangle)]
pub extern "C" fn mod_wsgi_rs_engine() -> *const EngineTable {
    &raw const TABLE.0
}

/// Runs `body`; a panic is reported and gives `failure`.
fn guarded<R>(failure: R, body: impl FnOnce() -> R) -> R {
    caught(body).unwrap_or(failure)
}

/// # Safety
/// A slice from the module is null or points to that many bytes, for the call.
const unsafe fn bytes<'a>(slice: Slice) -> &'a [u8] {
    if slice.data.is_null() {
        return &[];
    }
    // SAFETY: the caller's contract, which is that of `Slice`.
    unsafe { std::slice::from_raw_parts(slice.data, slice.len) }
}

unsafe extern "C" fn start(settings: Slice, host: *const HostTable) -> i32 {
    crate::logging::panics::install_hook();
    guarded(1, || {
        // SAFETY: the module hands over a table that stays valid for ever, or null.
        let Some(host) = (unsafe { host.as_ref() }) else { return 1 };
        if host.abi != ABI {
            return 1;
        }
        let host = HOST.get_or_init(|| *host);
        logging::set_process_log(Box::new(Host(*host)));
        server::set_source(Box::new(|| scoreboard(host)));
        // SAFETY: lent by the module for the call.
        let started = EngineSettings::decode(unsafe { bytes(settings) })
            .map_err(|e| e.to_string())
            .and_then(|settings| fork::notice().map_err(|e| format!("pthread_atfork: {e}")).map(|()| settings))
            .and_then(|settings| registry::start(settings, gateway::set_up));
        match started {
            Ok(()) => 0,
            Err(why) => {
                logging::log_code(PYTHON_NOT_STARTED, &format!("could not start Python: {why}"));
                1
            }
        }
    })
}

unsafe extern "C" fn run(call: *const RequestCall) -> i32 {
    guarded(outcome::FAILED, || {
        // SAFETY: the module passes a call that lives until this function returns.
        let (Some(call), Some(registry)) = (unsafe { call.as_ref() }, registry::registry()) else { return outcome::UNAVAILABLE };
        let Some(host) = host() else { return outcome::UNAVAILABLE };
        // SAFETY: everything in the call is lent for its duration; the entries are an array of `environ_len` pairs.
        unsafe {
            let entries: &[Pair] =
                if call.environ.is_null() { &[] } else { std::slice::from_raw_parts(call.environ, call.environ_len) };
            let environ: Vec<(&[u8], Option<&[u8]>)> =
                entries.iter().map(|pair| (bytes(pair.key), (!pair.value.data.is_null()).then(|| bytes(pair.value)))).collect();
            let target =
                serve::Target { group: bytes(call.application_group), dynamic: call.flags.contains(RequestFlags::DYNAMIC_GROUP) };
            let call_view = Call {
                environ: &environ,
                script: bytes(call.script),
                wanted: Wanted {
                    mtime: (call.script_mtime != UNKNOWN_MTIME).then_some(call.script_mtime),
                    reload: if call.flags.contains(RequestFlags::RELOAD) { Reload::Here } else { Reload::Never },
                    resource: bytes(call.resource),
                    // `script-user=` and `script-group=` are daemon mode's.
                    handler: false,
                },
                callable: bytes(call.callable),
                https: call.flags.contains(RequestFlags::HTTPS),
                thread_id: call.thread_id,
                request_start: call.request_start,
                queue_start: call.queue_start,
                daemon_start: call.daemon_start,
                waited: false,
                request_rec: NonNull::new(call.request_rec),
            };
            let facts = Facts {
                head_only: call.flags.contains(RequestFlags::HEAD),
                head: call.flags.contains(RequestFlags::ASKED_BY_HEAD),
                content_length: call_view.entry(b"CONTENT_LENGTH").and_then(|v| std::str::from_utf8(v).ok()?.parse().ok()),
            };
            let exchange = Box::new(HostExchange::new(host, call.request));
            serve::run(registry, &target, exchange, facts, &call_view, &serve::Unobserved)
        }
    })
}

unsafe extern "C" fn import(call: *const ImportCall) -> i32 {
    guarded(1, || {
        // SAFETY: the module passes a call that lives until this function returns.
        let (Some(call), Some(registry)) = (unsafe { call.as_ref() }, registry::registry()) else { return 1 };
        // SAFETY: lent by the module for the call.
        let (script, group) = unsafe { (bytes(call.script), bytes(call.application_group)) };
        if source::is_directory(script) {
            // The target of an alias that names both its groups: which of its files are scripts is known when they are asked for.
            return 0;
        }
        let Some(interpreter) = registry.find(group, false) else { return 1 };
        thread::attached(interpreter.handle, |py| {
            let entry = interpreter.script(script, registry.settings.case_sensitive);
            let wanted = Wanted { mtime: None, reload: Reload::Never, resource: script, handler: false };
            let failed = entry.ensure(py, interpreter, wanted).is_err();
            if fork::is_copy() {
                serve::leave_copy(&format!(" loading {}", logging::shown(script)), failed);
            }
            i32::from(failed)
        })
    })
}

unsafe extern "C" fn stop(deadline_ms: u32) {
    guarded((), || {
        if registry::registry().is_none() {
            return;
        }
        crate::interpreter::shutdown::within(Duration::from_millis(deadline_ms.into()), "");
        thread::leaving();
    });
}

/// The scoreboard, as the module has it encoded.
fn scoreboard(host: &HostTable) -> Option<Vec<u8>> {
    let mut taken: Option<Vec<u8>> = None;
    // SAFETY: a function of the module, which calls `take` before it returns, if at all.
    unsafe { (host.scoreboard)((&raw mut taken).cast(), take) };
    taken
}

/// Keeps what is lent to [`scoreboard`].
unsafe extern "C" fn take(taker: *mut c_void, lent: Slice) {
    // SAFETY: what `scoreboard` gave along, and nobody else uses meanwhile; the bytes are lent for the call.
    if let (Some(taken), lent) = unsafe { (taker.cast::<Option<Vec<u8>>>().as_mut(), bytes(lent)) } {
        *taken = Some(lent.to_vec());
    }
}

/// The module's callbacks, kept for the life of the process.
#[derive(Clone, Copy)]
struct Host(HostTable);

static HOST: std::sync::OnceLock<HostTable> = std::sync::OnceLock::new();

fn host() -> Option<&'static HostTable> {
    HOST.get()
}

impl ProcessLog for Host {
    fn line(&self, level: Level, text: &[u8], file: &[u8], line: i32) {
        // SAFETY: a function of the module; a null request means the server's log.
        unsafe { (self.0.log)(std::ptr::null_mut(), level as i32, Slice::new(text), Slice::new(file), line) }
    }

    fn takes(&self, level: Level) -> bool {
        // SAFETY: as above.
        unsafe { (self.0.log_enabled)(std::ptr::null_mut(), level as i32) != 0 }
    }
}

/// A request's callbacks. It may live longer than the request, which the module's handle then does not lead to any more. A process that the
/// application forked has the connection too, but no part in it: its copy of httpd would speak to the client beside the original.
struct HostExchange {
    host: &'static HostTable,
    request: *mut c_void,
}

// SAFETY: the handle is opaque here, and kept until the drop; the module lets one thread at a time through it, and none after the end.
unsafe impl std::marker::Send for HostExchange {}
// SAFETY: as above.
unsafe impl Sync for HostExchange {}

const fn sent_result(code: i32) -> Result<(), SendError> {
    match code {
        sent::OK => Ok(()),
        sent::CLIENT_GONE => Err(SendError::ClientGone),
        sent::OVERDUE => Err(SendError::Overdue),
        _ => Err(SendError::Failed),
    }
}

impl Drop for HostExchange {
    fn drop(&mut self) {
        // SAFETY: kept in `new`, and given back here alone.
        unsafe { (self.host.release)(self.request) }
    }
}

impl HostExchange {
    /// # Safety
    /// `request` is the handle of a call that is under way.
    unsafe fn new(host: &'static HostTable, request: *mut c_void) -> Self {
        // SAFETY: promised by the caller.
        unsafe { (host.keep)(request) };
        Self { host, request }
    }

    fn hand_over(&self, chunks: &[&[u8]], how: u32) -> i32 {
        if fork::is_copy() {
            return sent::CLIENT_GONE;
        }
        // SAFETY: the chunks are lent for the call.
        let send = |slices: &[Slice]| unsafe { (self.host.write)(self.request, slices.as_ptr(), slices.len(), how) };
        match chunks {
            [one] => send(&[Slice::new(one)]),
            many => send(&many.iter().map(|chunk| Slice::new(chunk)).collect::<Vec<_>>()),
        }
    }
}

impl Exchange for HostExchange {
    fn read(&self, buffer: &mut [MaybeUninit<u8>], wait: bool) -> Result<usize, ReadError> {
        if fork::is_copy() {
            return Err(ReadError::Broken);
        }
        let flags = if wait { 0 } else { READ_NOW };
        // SAFETY: the buffer is that long and ours for the call, which writes at most its length.
        let read = unsafe { (self.host.read)(self.request, buffer.as_mut_ptr().cast(), buffer.len(), flags) };
        match read {
            read_failure::WOULD_BLOCK => Err(ReadError::WouldBlock),
            read_failure::ABORTED => Err(ReadError::Aborted),
            read_failure::TIMEOUT => Err(ReadError::TimedOut),
            read_failure::TOO_LARGE => Err(ReadError::TooLarge),
            count => usize::try_from(count).map(|count| count.min(buffer.len())).map_err(|_| ReadError::Broken),
        }
    }

    fn ask(&self) {
        if !fork::is_copy() {
            // SAFETY: nothing is written to.
            unsafe { (self.host.read)(self.request, std::ptr::null_mut(), 0, READ_ASK) };
        }
    }

    fn start(&self, head: &ResponseHead) -> Result<(), SendError> {
        if fork::is_copy() {
            return Err(SendError::ClientGone);
        }
        let fields: Vec<Pair> =
            head.fields().map(|(name, value)| Pair { key: Slice::new(name), value: Slice::new(value) }).collect();
        // SAFETY: everything is lent for the call.
        sent_result(unsafe {
            (self.host.start)(self.request, head.status, Slice::new(head.reason()), fields.as_ptr(), fields.len())
        })
    }

    fn write(&self, chunks: &[&[u8]], how: Send) -> Result<(), SendError> {
        sent_result(self.hand_over(
            chunks,
            match how {
                Send::Buffered => write_how::BUFFER,
                Send::Flushed | Send::Last => write_how::FLUSH,
            },
        ))
    }

    fn write_promptly(&self, chunks: &[&[u8]]) -> Result<Option<bool>, SendError> {
        match self.hand_over(chunks, write_how::PROMPT) {
            sent::WOULD_WAIT => Ok(None),
            code => sent_result(code).map(|()| Some(true)),
        }
    }

    fn flush(&self) -> Result<(), SendError> {
        self.write(&[], Send::Flushed)
    }

    fn send_file(&self, descriptor: i32, offset: i64, length: i64) -> Result<(), SendError> {
        if fork::is_copy() {
            return Err(SendError::ClientGone);
        }
        // SAFETY: numbers only; the module checks the descriptor and duplicates it.
        sent_result(unsafe { (self.host.send_file)(self.request, descriptor, offset, length) })
    }

    fn log(&self, level: Level, text: &[u8], file: &[u8], line: i32) {
        // SAFETY: everything is lent for the call.
        unsafe { (self.host.log)(self.request, level as i32, Slice::new(text), Slice::new(file), line) }
    }

    fn logs(&self, level: Level) -> bool {
        // SAFETY: the request handle is kept.
        unsafe { (self.host.log_enabled)(self.request, level as i32) != 0 }
    }
}
