/*! The C boundary of embedded mode: libpython and the engine are opened, and called through the engine's table.

libpython is opened first and for everybody (`RTLD_GLOBAL`), because the engine and every extension module look their Python
symbols up there; the engine for itself (`RTLD_LOCAL`). Neither is ever closed. [`host`] holds the callbacks. *Runs in: child.* */
#![expect(unsafe_code, reason = "dlopen, and calls through the engine's table")]

mod handle;
pub mod host;

use std::mem::ManuallyDrop;
use std::path::Path;

use protocol::embedded::{ABI, ENTRY_SYMBOL, EngineTable, EntryFn, ImportCall, Pair, RequestCall, Slice, UNKNOWN_MTIME, outcome};
use protocol::log_code;

use super::thread::{self, Inside};
use crate::httpd::module;
use crate::request::conversation::{Call, Conversation};
use crate::request::response_body::Ending;
use handle::Lending;
use interpreter::StartError;

/// Who may look a library's symbols up.
#[derive(Clone, Copy, Debug)]
pub enum Visible {
    /// Every library opened later.
    Everywhere,
    /// Nobody without its handle.
    Nowhere,
}

/// Opens a library for good.
///
/// # Errors
/// The dynamic loader's own words.
pub fn open(path: &Path, visible: Visible) -> Result<Library, String> {
    let scope = match visible {
        Visible::Everywhere => libc::RTLD_GLOBAL,
        Visible::Nowhere => libc::RTLD_LOCAL,
    };
    // SAFETY: the library's initialisers run: it is one that the administrator chose, and this process does not run as root (`start` asks).
    let opened = unsafe { libloading::os::unix::Library::open(Some(path), libc::RTLD_NOW | scope) };
    opened.map(|library| Library(ManuallyDrop::new(library))).map_err(|error| {
        // What the loader says is the error's source.
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    })
}

/// An opened library. It is never closed: Python, the engine and what they have started go on to use it.
#[derive(Debug)]
pub struct Library(ManuallyDrop<libloading::os::unix::Library>);

/// A process has room for one libpython: of a second one, half the symbols would be the first one's. Is `library`, a real path, the only one?
///
/// # Errors
/// [`log_code::LIBPYTHON_NOT_LOADED`]: another one is in the process already.
pub fn check_alone(library: &Path) -> Result<(), StartError> {
    // SAFETY: the name is NUL-terminated; whatever Apache, its modules and what was preloaded show to everybody is searched.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"Py_IsInitialized".as_ptr()) };
    if found.is_null() {
        return Ok(());
    }
    let Some(other) = module::file_of(found.addr()) else { return Ok(()) };
    if library == other {
        return Ok(());
    }
    let text = format!(
        "could not load `{}`, because httpd has already loaded a different libpython: `{}`. To fix: remove the `LoadFile`, `LD_PRELOAD` or module \
         that loads it, or set `WSGIPythonHome` to the Python that it belongs to; process groups can use any Python",
        library.display(),
        other.display()
    );
    Err(StartError::new(&log_code::LIBPYTHON_NOT_LOADED, text))
}

/// The engine in this process, with Python running.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    table: &'static EngineTable,
}

// SAFETY: the table is static data of the engine, and its functions may be called from any thread (protocol::embedded).
unsafe impl Send for Engine {}
// SAFETY: as above.
unsafe impl Sync for Engine {}

impl Engine {
    /// Finds the engine's table in its library, and checks that both are of one build.
    ///
    /// # Errors
    /// [`log_code::ENGINE_NOT_LOADED`]
    pub fn of(library: &Library, path: &Path) -> Result<Self, StartError> {
        let problem = |what: &str| {
            StartError::new(
                &log_code::ENGINE_NOT_LOADED,
                format!("`{}` {what}. To fix: install the module and the engine from one build", path.display()),
            )
        };
        // SAFETY: the engine exports the symbol with this type (protocol::embedded).
        let entry = unsafe { library.0.get::<EntryFn>(ENTRY_SYMBOL) }.map_err(|_| problem("is not an engine of mod_wsgi_rs"))?;
        // SAFETY: as above; the table is static in it.
        let table = unsafe { entry().as_ref() };
        let table = table.ok_or_else(|| problem("returned no table of functions"))?;
        if table.abi != ABI {
            return Err(problem(&format!(
                "has version {} of the interface to the module, which expects version {ABI}",
                table.abi
            )));
        }
        Ok(Self { table })
    }

    /// The engine's version.
    pub fn version(&self) -> String {
        // SAFETY: a static text of the engine.
        let version = unsafe { bytes(&self.table.version) }.unwrap_or_default();
        String::from_utf8_lossy(version).into_owned()
    }

    /// Starts Python with encoded settings. Once per process. False when it could not; the engine has said why.
    pub fn start(&self, settings: &[u8]) -> bool {
        let _inside = Inside::enter();
        // SAFETY: the settings are lent for the call, the host table is static, and nobody calls this twice (`start` asks once).
        unsafe { (self.table.start)(Slice::new(settings), &raw const host::TABLE) == 0 }
    }

    /// Loads a script ahead of the first request. False when it failed; the engine has said why.
    pub fn import(&self, script: &[u8], application_group: &[u8]) -> bool {
        let _inside = Inside::enter();
        let call = ImportCall { script: Slice::new(script), application_group: Slice::new(application_group) };
        // SAFETY: everything is lent for the call; Python runs.
        unsafe { (self.table.import)(&raw const call) == 0 }
    }

    /// Runs one request to its end.
    pub fn run(&self, conversation: &mut Conversation<'_>, call: &Call<'_>) -> Ending {
        let _inside = Inside::enter();
        let request = conversation.request;
        let lending = Lending::new(conversation);
        let pairs: Vec<Pair> = call
            .environ
            .entries
            .iter()
            .map(|entry| Pair { key: Slice::new(entry.key), value: entry.value.as_deref().map_or(Slice::NONE, Slice::new) })
            .collect();
        let call = RequestCall {
            request: lending.pointer(),
            environ: pairs.as_ptr(),
            environ_len: pairs.len(),
            script: Slice::new(call.script),
            script_mtime: call.script_mtime.unwrap_or(UNKNOWN_MTIME),
            resource: Slice::new(call.resource),
            application_group: Slice::new(call.interpreter),
            callable: Slice::new(call.callable),
            flags: call.flags,
            thread_id: thread::index(),
            request_start: request.time(),
            queue_start: 0,
            daemon_start: 0,
            request_rec: if call.pass_request { request.as_pointer() } else { std::ptr::null_mut() },
        };
        // SAFETY: everything is lent for the call; the handle leads to the conversation until `lending` is dropped.
        let ending = unsafe { (self.table.run)(&raw const call) };
        drop(lending);
        match ending {
            outcome::DONE => Ending::Done,
            outcome::TRUNCATED => Ending::Truncated,
            outcome::CLIENT_GONE => Ending::ClientGone,
            outcome::TIMEOUT => Ending::Failed(504),
            outcome::UNAVAILABLE => Ending::Failed(503),
            _ => Ending::Failed(500),
        }
    }

    /// Runs shutdown callbacks and `atexit` functions, for at most `deadline_ms` milliseconds.
    pub fn stop(&self, deadline_ms: u32) {
        let _inside = Inside::enter();
        // SAFETY: Python runs; this thread is not inside it (`start` asks).
        unsafe { (self.table.stop)(deadline_ms) };
    }
}

/// The bytes of a slice that the engine lends; `None` for no value, and for a length that no slice can have.
///
/// # Safety
/// The slice is one that the engine lends for `'s`.
unsafe fn bytes<'s>(slice: &Slice) -> Option<&'s [u8]> {
    // SAFETY: promised by the caller.
    (!slice.data.is_null() && slice.len <= isize::MAX.cast_unsigned())
        .then(|| unsafe { std::slice::from_raw_parts(slice.data, slice.len) })
}
