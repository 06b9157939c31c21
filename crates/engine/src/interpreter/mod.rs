/*! One Python interpreter of this process, and all that the engine keeps in it.

Nothing of an interpreter lives in a static: its interned strings, its types, its cache of environ keys and its loaded scripts are in this
value, which is made attached to the interpreter, never freed, and reached only by threads attached to it. */

pub mod environ_cache;
mod environ_keys;
pub mod error_stream;
pub mod failure;
pub mod helpers;
mod interpreter_thread;
pub mod registry;
pub mod script;
pub mod shutdown;
pub mod source;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use protocol::settings::EngineSettings;

use crate::capi::{Attached, Class, Kept, Object, PyResult, Raised, thread::Handle};
use crate::interpreter::environ_cache::EnvironCache;
use crate::interpreter::environ_keys::EnvironKeys;
use crate::interpreter::error_stream::ErrorStream;
use crate::interpreter::helpers::Helpers;
use crate::interpreter::script::Script;
use crate::sync::locks::{Locked, lock};

macro_rules! names {
    ($($field:ident $text:literal),+ $(,)?) => {
        /// Interned strings that requests look up.
        pub struct Names { $(
            #[doc = concat!("The name `", stringify!($field), "`.")]
            pub $field: Kept,
        )+ }

        impl Names {
            fn new(py: Attached<'_>) -> PyResult<Self> {
                Ok(Self { $($field: Object::interned(py, $text)?.keep(),)+ })
            }
        }
    };
}

names! {
    mtime c"__mtime__",
    reload_required c"reload_required",
    start_response c"start_response",
    write c"write",
    close c"close",
    tell c"tell",
    url_scheme c"wsgi.url_scheme",
    https c"https",
    input c"wsgi.input",
    errors c"wsgi.errors",
    thread_id c"mod_wsgi.thread_id",
    request_start c"mod_wsgi.request_start",
    queue_start c"mod_wsgi.queue_start",
    daemon_start c"mod_wsgi.daemon_start",
    application_start c"mod_wsgi.application_start",
    request_rec c"apache.request_rec",
}

/// The types that requests make instances of.
pub struct Classes {
    /// `mod_wsgi.Input`
    pub input: Class,
    /// `mod_wsgi.Adapter`
    pub adapter: Class,
    /// Where `wsgi.errors` ends.
    pub error_sink: Class,
    /// `mod_wsgi.FileWrapper`
    pub file_wrapper: Class,
    /// `mod_wsgi.RequestTimeout`
    pub request_timeout: Kept,
}

/// What those who run applications make in an interpreter before its first request.
pub struct SetUp {
    /// See [`Classes`].
    pub classes: Classes,
    /// What every environ begins as.
    pub environ_template: Kept,
    /// Functions written in Python.
    pub helpers: Helpers,
}

/// Makes that for an application group, attached to its interpreter.
pub type SetUpFn = fn(Attached<'_>, &[u8], &EngineSettings) -> PyResult<SetUp>;

/// One interpreter.
pub struct Interpreter {
    /// How threads attach to it.
    pub handle: Handle,
    /// The application group that it was made for; empty for `%{GLOBAL}`.
    pub group: Vec<u8>,
    /// See [`Names`].
    pub names: Names,
    /// See [`Classes`].
    pub classes: Classes,
    /// What every environ of this interpreter begins as.
    pub environ_template: Kept,
    /// Functions written in Python.
    pub helpers: Helpers,
    keys: Mutex<EnvironKeys>,
    /// Nothing while a request uses them.
    cache: Mutex<Option<Box<EnvironCache>>>,
    scripts: Mutex<HashMap<Vec<u8>, Arc<Script>>>,
    /// Streams for `wsgi.errors` that no request has.
    error_streams: Mutex<Vec<ErrorStream>>,
}

/// So many unused error streams are kept.
const MOST_ERROR_STREAMS: usize = 64;

impl Interpreter {
    /// The interpreter that this thread is attached to, once it has been set up.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn new(py: Attached<'_>, handle: Handle, group: &[u8], set_up: SetUp) -> PyResult<Self> {
        let SetUp { classes, environ_template, helpers } = set_up;
        Ok(Self {
            handle,
            group: group.to_vec(),
            names: Names::new(py)?,
            classes,
            environ_template,
            helpers,
            keys: Mutex::default(),
            cache: Mutex::new(Some(Box::default())),
            scripts: Mutex::default(),
            error_streams: Mutex::default(),
        })
    }

    /// The cache of environ keys. Making a `str` of latin-1 runs no Python code, so it may be held meanwhile; nothing else may be done with it.
    pub fn keys(&self) -> Locked<'_, EnvironKeys> {
        lock(&self.keys)
    }

    /// Takes the environs of earlier requests, to be given back: Python code can run while they are used. `None` while another request has them.
    pub fn take_environ_cache(&self) -> Option<Box<EnvironCache>> {
        lock(&self.cache).take()
    }

    /// Gives them back.
    pub fn give_environ_cache(&self, cache: Box<EnvironCache>) {
        *lock(&self.cache) = Some(cache);
    }

    /// Takes a stream for `wsgi.errors` that an earlier request has left, if there is one.
    pub fn take_error_stream(&self) -> Option<ErrorStream> {
        lock(&self.error_streams).pop()
    }

    /// Keeps one for later requests.
    pub fn give_error_stream(&self, py: Attached<'_>, stream: ErrorStream) {
        let mut unused = lock(&self.error_streams);
        if unused.len() < MOST_ERROR_STREAMS {
            unused.push(stream);
        } else {
            drop(unused);
            stream.release(py);
        }
    }

    /// The entry of a script, loaded or not.
    pub fn script(&self, path: &[u8], case_sensitive: bool) -> Arc<Script> {
        let mut scripts = lock(&self.scripts);
        if let Some(script) = scripts.get(path) {
            return Arc::clone(script);
        }
        let script = Arc::new(Script::new(path, case_sensitive));
        scripts.insert(path.to_vec(), Arc::clone(&script));
        script
    }
}

/// Reports an exception that came while an interpreter was set up.
pub fn setup_failure(py: Attached<'_>, raised: Raised) -> String {
    raised
        .take(py)
        .and_then(|exception| exception.value.call_method(&Object::text(py, "__repr__").ok()?, &[]).ok()?.to_text().ok())
        .unwrap_or_else(|| "an exception without a description".to_owned())
}
