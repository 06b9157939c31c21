/*! The interpreters of this process, by application group.

The main interpreter is there from the start and hosts `%{GLOBAL}` and the one group that was promoted into it; every other
group gets a sub-interpreter on first use, kept until the process ends. Groups that a client can name are limited in number. */

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{OnceLock, RwLock};

use protocol::log_code::{INTERPRETER_FAILED, TOO_MANY_INTERPRETERS};
use protocol::settings::{EngineSettings, MainChoice};

use crate::capi::{self, start, thread};
use crate::interpreter::interpreter_thread::InterpreterThread;
use crate::interpreter::{Interpreter, SetUpFn, setup_failure};
use crate::logging;
use crate::sync::turn::Turn;

/// All interpreters of the process.
pub struct Registry {
    /// What the process was started with.
    pub settings: EngineSettings,
    /// When Python was started here: microseconds since the epoch.
    pub started: i64,
    /// Files that have changed at this time of [`crate::sync::clock::of_files`] or later may not be as they were loaded.
    pub unchanged_until: i64,
    main: &'static Interpreter,
    set_up: SetUpFn,
    named: RwLock<Named>,
    /// Whose turn it is to have an interpreter made.
    making: Turn,
    thread: InterpreterThread,
}

#[derive(Default)]
struct Named {
    interpreters: HashMap<Vec<u8>, &'static Interpreter>,
    dynamic: u32,
}

static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// The registry, once Python has started.
pub fn registry() -> Option<&'static Registry> {
    REGISTRY.get()
}

/// Starts Python with these settings and prepares the main interpreter; `set_up` is called in this and each later one.
///
/// # Errors
/// What went wrong, as a sentence.
pub fn start(settings: EngineSettings, set_up: SetUpFn) -> Result<(), String> {
    let (major, minor) = capi::version();
    if (major, minor) < (3, 9) {
        return Err(format!("Python {} is too old: mod_wsgi_rs requires 3.9 or later", capi::version_text()));
    }
    if capi::version_text().contains("free-threading") {
        return Err(format!(
            "Python {} is a free-threaded build, which is not supported: use the ordinary build",
            capi::version_text()
        ));
    }
    let manner = start::Manner { options: &settings.options, home: &settings.home, hash_seed: &settings.hash_seed };
    let handle = start::start(&settings.executable, manner)?;
    adopt(handle, settings, set_up)
}

/// Prepares the main interpreter of a Python that runs already.
///
/// # Errors
/// What went wrong, as a sentence.
pub fn adopt(handle: thread::Handle, mut settings: EngineSettings, set_up: SetUpFn) -> Result<(), String> {
    crate::capi::share_heaps();
    let unchanged_until = crate::sync::clock::of_files();
    choose_main(&mut settings);
    let main = prepare(handle, &settings.main_group, &settings, set_up)?;
    REGISTRY
        .set(Registry {
            settings,
            started: crate::sync::clock::now(),
            unchanged_until,
            main,
            set_up,
            named: RwLock::default(),
            making: Turn::default(),
            thread: InterpreterThread::new(),
        })
        .map_err(|_| "Python has already been started".to_owned())
}

/// Decides whom the main interpreter hosts: this process may look at what aliases lead to, which httpd's parent does not.
fn choose_main(settings: &mut EngineSettings) {
    let hosts = |choice: &MainChoice| {
        choice.unless_directory.is_empty() || !Path::new(OsStr::from_bytes(&choice.unless_directory)).is_dir()
    };
    if !settings.main_choices.is_empty() {
        let chosen = settings.main_choices.iter().find(|choice| hosts(choice));
        settings.main_group = chosen.map_or_else(Vec::new, |choice| choice.group.clone());
    }
}

fn prepare(
    handle: thread::Handle,
    group: &[u8],
    settings: &EngineSettings,
    set_up: SetUpFn,
) -> Result<&'static Interpreter, String> {
    thread::attached(handle, |py| {
        set_up(py, group, settings)
            .and_then(|set_up| Interpreter::new(py, handle, group, set_up))
            // An interpreter lives as long as its process: leaking it is what "never freed" means.
            .map(|interpreter| &*Box::leak(Box::new(interpreter)))
            .map_err(|raised| setup_failure(py, raised))
    })
}

impl Registry {
    /// The interpreter of an application group, made if need be. The thread must be detached.
    ///
    /// A `dynamic` name is one that a client may choose: those are limited. `None` has been explained in the log.
    pub fn find(&'static self, group: &[u8], dynamic: bool) -> Option<&'static Interpreter> {
        if group.is_empty() || group == self.settings.main_group {
            return Some(self.main);
        }
        if let Some(known) = self.known(group) {
            return Some(known);
        }
        // Code of the new interpreter's packages runs meanwhile, on another thread.
        let Ok(making) = self.making.take() else {
            let shown = logging::shown(group);
            logging::log_code(
                INTERPRETER_FAILED,
                &format!(
                    "could not create an interpreter for the application group `{shown}`: this thread is already creating one"
                ),
            );
            return None;
        };
        let found = self.known(group).or_else(|| self.make(group, dynamic));
        drop(making);
        found
    }

    fn known(&self, group: &[u8]) -> Option<&'static Interpreter> {
        let named = self.named.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        named.interpreters.get(group).copied()
    }

    fn make(&'static self, group: &[u8], dynamic: bool) -> Option<&'static Interpreter> {
        let shown = String::from_utf8_lossy(group);
        let used = self.named.read().unwrap_or_else(std::sync::PoisonError::into_inner).dynamic;
        if dynamic && used >= self.settings.max_dynamic_interpreters {
            logging::log_code(
                TOO_MANY_INTERPRETERS,
                &format!(
                    "could not create an interpreter for the application group `{}`: this process already has {used} interpreters whose names came \
                     from requests. To fix: give the group a fixed name (`WSGIApplicationGroup NAME`), or restrict the values of `%{{HOST}}` and `%{{ENV:}}`",
                    shown.escape_debug()
                ),
            );
            return None;
        }
        let name = group.to_vec();
        let made = self
            .thread
            .run(move || thread::new_interpreter().and_then(|handle| prepare(handle, &name, &self.settings, self.set_up)));
        match made {
            Ok(interpreter) => {
                let mut named = self.named.write().unwrap_or_else(std::sync::PoisonError::into_inner);
                named.interpreters.insert(group.to_vec(), interpreter);
                named.dynamic += u32::from(dynamic);
                drop(named);
                logging::text(
                    protocol::Level::Info,
                    format!("created the sub-interpreter `{}`", shown.escape_debug()).as_bytes(),
                );
                Some(interpreter)
            }
            Err(why) => {
                logging::log_code(
                    INTERPRETER_FAILED,
                    &format!("could not create an interpreter for the application group `{}`: {why}", shown.escape_debug()),
                );
                None
            }
        }
    }

    /// Every interpreter, the main one last.
    pub fn all(&self) -> Vec<&'static Interpreter> {
        let named = self.named.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        named.interpreters.values().copied().chain([self.main]).collect()
    }
}
