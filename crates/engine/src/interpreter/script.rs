/*! Loads a WSGI script, and reloads it when its file has changed.

As in mod_wsgi, the name of its module in `sys.modules` is `_mod_wsgi_` and the MD5 of its path, and `__mtime__` of the module is the time of the
file. There is one lock per interpreter and script. Threads wait for it without the GIL, so a slow import delays only requests for the same
script. */

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, OnceLock};

use ::interpreter::path_access;
use md5::{Digest, Md5};
use protocol::Level;
use protocol::control::Version;
use protocol::log_code::{CALLABLE_MISSING, RELOAD_CHECK_FAILED, SCRIPT_NOT_LOADED, SCRIPT_OWNER_WRONG, SCRIPT_UNREADABLE};
use protocol::repetition::Repetitions;

use crate::capi::{Attached, Exception, Kept, Object, PyResult, Raised, run_module_code, thread};
use crate::interpreter::Interpreter;
use crate::interpreter::failure::{self, Context};
use crate::interpreter::registry;
use crate::interpreter::source::{self, Refused, Source, modified};
use crate::logging;
use crate::sync::locks::lock;
use crate::sync::turn::{Busy, Turn};

/// What the process wants to know about its scripts. A daemon process sets its own when it starts; an Apache child has none.
pub trait ScriptHooks: Send + Sync {
    /// The version of the file at `path` now, which is compared with later ones. `None` if it can't be had.
    fn version(&self, path: &[u8]) -> Option<Version>;
    /// The script at `path` was loaded for this application group. `mtime` is in microseconds since the epoch; `version` is what the file had
    /// before it was read. Called without the GIL, because it may wait.
    fn loaded(&self, path: &[u8], mtime: i64, version: Option<Version>, application_group: &[u8]);
    /// Whether the process loads its scripts while another process of its group still serves with them.
    fn is_successor(&self) -> bool;
}

static HOOKS: OnceLock<Box<dyn ScriptHooks>> = OnceLock::new();

/// Sets the hooks of the process, once, before any script is loaded.
///
/// # Errors
/// They are set already; then those stay.
pub fn set_hooks(hooks: Box<dyn ScriptHooks>) -> Result<(), ()> {
    HOOKS.set(hooks).map_err(drop)
}

/// One script of one interpreter.
pub struct Script {
    path: Vec<u8>,
    module_name: String,
    /// Whose turn it is to load the script.
    loading: Turn,
    /// The module's dictionary, once loaded.
    loaded: Mutex<Option<Kept>>,
    /// What stands in `__mtime__` unless the script has changed it.
    stored: AtomicI64,
    /// Why it could not be loaded, as it was logged.
    said: Mutex<Repetitions>,
}

/// What becomes of a loaded script that is not what it should be any more: its file has changed, or it says so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// It stays (`WSGIScriptReloading Off`, or there is no request).
    Never,
    /// It is loaded again in this process: embedded mode.
    Here,
    /// A new process is started for it, and nothing is loaded again here: daemon mode.
    Elsewhere,
}

/// What a request knows of the script's file.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Microseconds since the epoch, or `None` to look.
    pub mtime: Option<i64>,
    /// `WSGIScriptReloading`, as the mode has it.
    pub reload: Reload,
    /// The argument of `reload_required`.
    pub resource: &'a [u8],
    /// It is a handler script (`WSGIHandlerScript`), to which no URL leads.
    pub handler: bool,
}

/// The script can't be used; why has been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotLoaded {
    /// It failed.
    Failed,
    /// It is not the group's to load (`script-user=`, `script-group=`).
    Foreign,
    /// It is a service's, and has ended as it wanted to.
    Ended,
}

impl Script {
    /// A script that has not been loaded yet.
    pub fn new(path: &[u8], case_sensitive: bool) -> Self {
        let name = if case_sensitive { path.to_vec() } else { path.to_ascii_lowercase() };
        let module_name = Md5::digest(&name).iter().fold("_mod_wsgi_".to_owned(), |name, byte| format!("{name}{byte:02x}"));
        Self {
            path: path.to_vec(),
            module_name,
            loading: Turn::default(),
            loaded: Mutex::default(),
            stored: AtomicI64::new(0),
            said: Mutex::default(),
        }
    }

    /// The application's callable, from the script as its file is now.
    ///
    /// # Errors
    /// [`NotLoaded`], with the reason in the log.
    pub fn callable<'py>(
        &self,
        py: Attached<'py>,
        interpreter: &Interpreter,
        wanted: Wanted<'_>,
        name: &[u8],
    ) -> Result<Object<'py>, NotLoaded> {
        let namespace = self.ensure(py, interpreter, wanted)?;
        // The lookup may run code of the script's own: its names may be a subclass of `str`.
        let key = interpreter.keys().named(py, name);
        let found = key.and_then(|key| namespace.dict_get(&key));
        match found {
            Ok(Some(callable)) if callable.is_callable() => Ok(callable),
            Ok(found) => {
                self.missing_callable(name, found.is_some());
                Err(NotLoaded::Failed)
            }
            Err(raised) => {
                raised.clear(py);
                Err(NotLoaded::Failed)
            }
        }
    }

    /// The module's dictionary, loaded if it is not yet, or if its file changed.
    ///
    /// # Errors
    /// [`NotLoaded`], with the reason in the log.
    pub fn ensure<'py>(
        &self,
        py: Attached<'py>,
        interpreter: &Interpreter,
        wanted: Wanted<'_>,
    ) -> Result<Object<'py>, NotLoaded> {
        match self.fresh(py, interpreter, wanted) {
            Some(namespace) => Ok(namespace),
            None => self.load(py, interpreter, wanted),
        }
    }

    fn missing_callable(&self, name: &[u8], there: bool) {
        let (path, name) = (logging::shown(&self.path), logging::shown(name));
        let what = if there { "is not callable" } else { "does not exist" };
        logging::log_code(
            CALLABLE_MISSING,
            &format!(
                "`{name}` {what} in {path}. To fix: define it there, or set `WSGICallableObject` to the name that the script uses"
            ),
        );
    }

    /// The module's dictionary, if it is loaded and need not be loaded again.
    fn fresh<'py>(&self, py: Attached<'py>, interpreter: &Interpreter, wanted: Wanted<'_>) -> Option<Object<'py>> {
        let namespace = lock(&self.loaded).as_ref().map(|kept| kept.get(py).clone())?;
        if wanted.reload != Reload::Here {
            return Some(namespace);
        }
        let stored = mtime_in(py, interpreter, &namespace);
        let changed = stored.is_none() || stored != wanted.mtime.or_else(|| thread::detached(py, || modified(&self.path)));
        (!changed && !self.reload_required(py, interpreter, &namespace, wanted.resource)).then_some(namespace)
    }

    /// Whether a loaded script itself asks to be loaded again: it has changed its `__mtime__`, or its `reload_required` says so. Whether its file has
    /// changed is not looked at.
    pub fn asks_for_reload(&self, py: Attached<'_>, interpreter: &Interpreter, resource: &[u8]) -> bool {
        let Some(namespace) = lock(&self.loaded).as_ref().map(|kept| kept.get(py).clone()) else { return false };
        mtime_in(py, interpreter, &namespace) != Some(self.stored.load(Ordering::Relaxed))
            || self.reload_required(py, interpreter, &namespace, resource)
    }

    /// The script's own say: `reload_required(path)`.
    fn reload_required(&self, py: Attached<'_>, interpreter: &Interpreter, namespace: &Object<'_>, resource: &[u8]) -> bool {
        let Ok(Some(function)) = namespace.dict_get(interpreter.names.reload_required.get(py)) else { return false };
        let said = Object::file_system(py, resource).and_then(|path| function.call(&[&path])).and_then(|answer| answer.truth());
        said.unwrap_or_else(|raised| {
            let path = logging::shown(&self.path);
            let context = Context {
                code: RELOAD_CHECK_FAILED,
                what: &format!("`reload_required` of {path} raised an exception; the script was not reloaded"),
            };
            failure::log(py, interpreter, raised, &context);
            false
        })
    }

    /// Loads the script, or waits for whoever is loading it.
    fn load<'py>(&self, py: Attached<'py>, interpreter: &Interpreter, wanted: Wanted<'_>) -> Result<Object<'py>, NotLoaded> {
        let before = lock(&self.loaded).as_ref().map(|kept| kept.get(py).as_ptr());
        let turn = match self.loading.try_take() {
            Err(Busy::Other) => thread::detached(py, || self.loading.take()),
            taken => taken,
        };
        let Ok(turn) = turn else {
            let path = logging::shown(&self.path);
            logging::log_code(SCRIPT_NOT_LOADED, &format!("could not load {path}: this thread is already loading it"));
            return Err(NotLoaded::Failed);
        };
        // Somebody else may have loaded it meanwhile.
        let now = lock(&self.loaded).as_ref().map(|kept| kept.get(py).clone());
        if let Some(namespace) = now.filter(|n| Some(n.as_ptr()) != before) {
            return Ok(namespace);
        }
        let loaded = self.execute(py, interpreter, before.is_some(), wanted);
        drop(turn);
        loaded
    }

    fn execute<'py>(
        &self,
        py: Attached<'py>,
        interpreter: &Interpreter,
        again: bool,
        wanted: Wanted<'_>,
    ) -> Result<Object<'py>, NotLoaded> {
        let path = logging::shown(&self.path);
        logging::text(Level::Info, format!("{} WSGI script '{path}'", if again { "Reloading" } else { "Loading" }).as_bytes());
        let old = lock(&self.loaded).take();
        if let Some(old) = old {
            old.release(py);
        }
        let (version, source) = self.source(py, wanted.handler);
        let Source { text, mtime } = source?;
        match self.run(py, &text, mtime) {
            Ok(namespace) => {
                self.stored.store(mtime, Ordering::Relaxed);
                *lock(&self.loaded) = Some(namespace.clone().keep());
                interpreter.helpers.after_load(py);
                // The supervisor may be slow to hear it.
                if let Some(hooks) = HOOKS.get() {
                    thread::detached(py, || hooks.loaded(&self.path, mtime, version, &interpreter.group));
                }
                Ok(namespace)
            }
            Err(raised) => {
                let exit = raised.is_system_exit(py);
                let exception = raised.take(py);
                let service = registry::registry().is_some_and(|registry| registry.settings.is_service());
                if service && exit && exception.as_ref().is_some_and(|exception| is_success(py, exception)) {
                    // A service that ends itself, or was told to end, has nothing to explain.
                    return Err(NotLoaded::Ended);
                }
                let raised =
                    exception.map_or_else(|| Raised::runtime_error(py, "the script failed without an exception"), Raised::again);
                let what =
                    if exit { format!("{path} raised SystemExit while it was loaded") } else { format!("could not load {path}") };
                let succeeds = HOOKS.get().is_some_and(|hooks| hooks.is_successor());
                let context = Context { code: SCRIPT_NOT_LOADED, what: &what };
                failure::log_load(py, interpreter, raised, &context, failure::Load { script: &path, succeeds, said: &self.said });
                Err(NotLoaded::Failed)
            }
        }
    }

    /// What is in the file, if it belongs to whom it must belong to, and which version it was beforehand. Why not is logged.
    fn source(&self, py: Attached<'_>, handler: bool) -> (Option<Version>, Result<Source, NotLoaded>) {
        let owner = registry::registry().and_then(|registry| registry.settings.script_owner.as_ref());
        // A file system may be slow, and others need not wait for it.
        let (version, read) = thread::detached(py, || {
            (HOOKS.get().and_then(|hooks| hooks.version(&self.path)), source::read(&self.path, owner, handler))
        });
        let read = read.map_err(|refused| {
            let path = logging::shown(&self.path);
            match refused {
                Refused::Missing => {
                    let fix = "correct the path in the directive that names it, or create the script";
                    logging::log_code(SCRIPT_UNREADABLE, &format!("could not read {path}: the file does not exist. To fix: {fix}"));
                    NotLoaded::Failed
                }
                Refused::Closed => {
                    let user = path_access::own_name();
                    logging::log_code(
                        SCRIPT_UNREADABLE,
                        &format!(
                            "could not read {path}: user {user}, who runs this process, may not read it, or may not search a directory above it. To \
                             fix: give that user permission, or move the script, for example below `/srv`; `namei -l` with the path lists the owner \
                             and mode of each component"
                        ),
                    );
                    NotLoaded::Failed
                }
                Refused::Unreadable(why) => {
                    logging::log_code(SCRIPT_UNREADABLE, &format!("could not read {path}: {why}. To fix: replace it with a regular file that contains the script"));
                    NotLoaded::Failed
                }
                Refused::Owner(why) => {
                    logging::log_code(
                        SCRIPT_OWNER_WRONG,
                        &format!(
                            "{path} was not loaded: {why}. To fix: check the contents of the file, then correct its owner and mode with `chown` and \
                             `chmod`, or change `script-user=` or `script-group=`"
                        ),
                    );
                    NotLoaded::Foreign
                }
            }
        });
        (version, read)
    }

    /// Compiles and runs the source as a module, and enters it in `sys.modules`.
    fn run<'py>(&self, py: Attached<'py>, source: &[u8], mtime: i64) -> PyResult<Object<'py>> {
        let name = Object::text(py, &self.module_name)?;
        let modules = Object::modules(py)?;
        modules.dict_remove(&name);
        let module = Object::module(py, &name)?;
        let path = Object::file_system(py, &self.path)?;
        module.set_attribute(c"__file__", &path)?;
        describe(&module, &name, &path)?;
        let compile = Object::import(py, c"builtins")?.attribute_named(c"compile")?;
        let (source, mode) = (Object::bytes(py, source)?, Object::text(py, "exec")?);
        // flags 0, dont_inherit True: nothing of ours rubs off on the script.
        let code = compile.call(&[&source, &path, &mode, &Object::int(py, 0)?, &Object::boolean(py, true)])?;
        modules.dict_set(&name, &module)?;
        match run_module_code(&module, &code) {
            Ok(namespace) => {
                module.set_attribute(c"__mtime__", &Object::int(py, mtime)?)?;
                Ok(namespace)
            }
            Err(raised) => {
                let exception = raised.take(py);
                modules.dict_remove(&name);
                Err(exception.map_or_else(|| Raised::runtime_error(py, "the script failed without an exception"), Raised::again))
            }
        }
    }
}

/// Whether a `SystemExit` says that all is well: `sys.exit()`, or with 0.
fn is_success(py: Attached<'_>, exception: &Exception<'_>) -> bool {
    let code = exception.value.attribute_named(c"code");
    code.and_then(|code| Ok(code.is_none() || !code.truth()?)).unwrap_or_else(|raised| {
        raised.clear(py);
        false
    })
}

/// Gives a script's module the loader and the specification that the import system would give it: Flask looks there for the directory of
/// an application, and `importlib.resources`, `pkgutil` and `inspect` for its source.
fn describe<'py>(module: &Object<'py>, name: &Object<'py>, path: &Object<'py>) -> PyResult<()> {
    let py = module.py();
    let machinery = Object::import(py, c"importlib.machinery")?;
    let loader = machinery.attribute_named(c"SourceFileLoader")?.call(&[name, path])?;
    let spec = machinery.attribute_named(c"ModuleSpec")?.call(&[name, &loader])?;
    spec.set_attribute(c"origin", path)?;
    spec.set_attribute(c"has_location", &Object::boolean(py, true))?;
    module.set_attribute(c"__loader__", &loader)?;
    module.set_attribute(c"__spec__", &spec)
}

/// `__mtime__` as it stands in a script's module now.
fn mtime_in(py: Attached<'_>, interpreter: &Interpreter, namespace: &Object<'_>) -> Option<i64> {
    let value = namespace.dict_get(interpreter.names.mtime.get(py)).ok().flatten()?;
    value.to_int().map_err(|raised| raised.clear(py)).ok()
}
