/*! Python in this child: started once, at its beginning or at the first request that needs it, and stopped at its end.

Whatever goes wrong is kept as the answer: requests get 503 with the reason, nothing is tried again in this process, and the
child serves everything else. *Runs in: child.* */

use std::os::unix::ffi::OsStrExt as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use interpreter::{StartError, libpython, select, virtualenv};
use protocol::settings::EngineSettings;
use protocol::{Level, log_code};

use super::dynlib::{self, Library, Visible};
use super::shared_start_state::{self, Dangerous};
use super::thread;
use crate::httpd::configuration::module_config;
use crate::httpd::configuration::views::views;
use crate::httpd::system::process;
use crate::httpd::system::shared::Shared;
use crate::httpd::{Log, Pool, Server};
use crate::install_paths;
use config::global_checks;
use config::settings::{ImportScript, ProcessSettings, PythonHome, Text};

/// How long shutdown callbacks and `atexit` functions may take when a child ends, milliseconds. httpd kills a child that
/// takes much longer than that.
const STOP_DEADLINE_MS: u32 = 3_000;

/// What this child knows about its Python.
struct Child {
    settings: ProcessSettings,
    main_group: Option<Text>,
    process_id: String,
    shared: Option<&'static Shared>,
    engine: OnceLock<Result<Engine, StartError>>,
    stopping: AtomicBool,
}

static CHILD: OnceLock<Child> = OnceLock::new();

/// Python as the handler sees it.
#[derive(Debug)]
pub struct Engine {
    engine: dynlib::Engine,
    main_group: Option<Text>,
    process_id: String,
}

impl Engine {
    /// The application group that the main interpreter hosts besides `%{GLOBAL}`.
    pub fn main_group(&self) -> Option<&[u8]> {
        self.main_group.as_deref()
    }

    /// This process's id, as text.
    pub fn process_id(&self) -> &[u8] {
        self.process_id.as_bytes()
    }
}

impl std::ops::Deref for Engine {
    type Target = dynlib::Engine;

    fn deref(&self) -> &dynlib::Engine {
        &self.engine
    }
}

/// A child begins: Python is started if the configuration maps anything to it, scripts are loaded, and its end is prepared.
pub fn child_init(pool: Pool<'_>, main: Server<'static>) {
    let servers = views(main);
    let is_directory = |path: &[u8]| std::path::Path::new(std::ffi::OsStr::from_bytes(path)).is_dir();
    let child = CHILD.get_or_init(|| Child {
        settings: module_config::of_server(main).process.clone(),
        main_group: global_checks::main_group(b"", &servers, &is_directory),
        process_id: std::process::id().to_string(),
        shared: main.shared(),
        engine: OnceLock::new(),
        stopping: AtomicBool::new(false),
    });
    pool.at_end(stop);
    prepare_environment(&child.settings);
    if !global_checks::starts_python(&servers) {
        return;
    }
    if let Ok(engine) = child.engine.get_or_init(|| start(child)) {
        for ImportScript { script, application_group, .. } in global_checks::embedded_imports(&servers) {
            // The engine has logged a failure; the script is tried again when a request needs it.
            let _loaded: bool = engine.import(script, application_group);
        }
    }
}

/// Puts the environment in order for a Python that may be started at any time: by then the child has threads, which may be reading it.
fn prepare_environment(settings: &ProcessSettings) {
    // Which Python it is, and how it hashes, is the configuration's to say; httpd's own environment has no part in it.
    process::set_variable(c"PYTHONHOME", None);
    if settings.hash_seed.is_some() {
        process::set_variable(c"PYTHONHASHSEED", None);
    }
    if let Some(eggs) = settings.python_eggs.as_deref() {
        process::set_variable(c"PYTHON_EGG_CACHE", Some(eggs));
    }
}

/// Python of this child, started now if it was not needed before.
///
/// # Errors
/// Why there is none.
pub fn engine() -> Result<&'static Engine, &'static str> {
    let Some(child) = CHILD.get() else {
        return Err("this child process was not initialized, see WSGI1001 in the log");
    };
    if child.stopping.load(Ordering::Acquire) {
        return Err("this child process is exiting");
    }
    child.engine.get_or_init(|| on_a_thread_of_its_own(child)).as_ref().map_err(StartError::text)
}

/// Python takes the thread that starts it for its main thread. Were that a worker thread, applications on it would see
/// themselves on the main thread and the others not. For the same reason this one does not end: its number may be given to a thread that is made later.
fn on_a_thread_of_its_own(child: &'static Child) -> Result<Engine, StartError> {
    let (answer, answered) = channel();
    let begun = std::thread::Builder::new().name("wsgi-start".to_owned()).spawn(move || {
        // Who asked waits for the answer.
        let _asked = answer.send(start(child));
        loop {
            std::thread::park();
        }
    });
    match begun.map(|_stays| answered.recv()) {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(StartError::new(
            &log_code::EMBEDDED_NOT_STARTED,
            "Python did not start, because mod_wsgi_rs panicked. To fix: report this message together with the log",
        )),
        Err(error) => {
            let text = format!(
                "could not create the thread that starts Python: {error}. To fix: check the limits of processes and memory of Apache's user"
            );
            Err(StartError::new(&log_code::EMBEDDED_NOT_STARTED, text))
        }
    }
}

fn start(child: &Child) -> Result<Engine, StartError> {
    let result = open(child);
    match &result {
        Ok(_) => {}
        Err(problem) => Log::MainServer.log_code(problem.code(), format_args!("{problem}")),
    }
    result
}

fn open(child: &Child) -> Result<Engine, StartError> {
    if rustix::process::geteuid().is_root() {
        return Err(StartError::new(
            &log_code::PYTHON_AS_ROOT,
            "Python was not started, because this child process runs as root. To fix: set `User` and `Group` to an unprivileged user and group",
        ));
    }
    let home = child.settings.python_home.as_ref().map(|home| (home.parts(), &*home.defined_at));
    let chosen = select::select(home, std::env::var_os("PATH").as_deref())?;
    let with_reason = |problem: StartError| chosen.with_reason(&problem);
    virtualenv::look_around(&chosen).map_err(with_reason)?;
    let shared = child.shared;
    let facts = shared_start_state::facts(shared, &chosen.executable).map_err(with_reason)?;
    let library = libpython::find(&chosen, &facts)?;
    let file = install_paths::engine()?;
    let (major, minor, micro) = facts.version;
    if (major, minor) > libpython::NEWEST_TESTED {
        Log::MainServer
            .line(Level::Info, format_args!("Python {major}.{minor} has not been tested with this version of mod_wsgi_rs"));
    }
    dynlib::check_alone(std::fs::canonicalize(&library).as_ref().unwrap_or(&library))?;
    let _dangerous = Dangerous::begin(shared)?;
    let _python: Library = dynlib::open(&library, Visible::Everywhere).map_err(|error| {
        let hint = "reinstall the libraries of that Python; if SELinux is enforcing, run `restorecon -v` on the file";
        StartError::new(
            &log_code::LIBPYTHON_NOT_LOADED,
            format!("could not load `{}`: {error}. To fix: {hint}", library.display()),
        )
    })?;
    let opened = dynlib::open(&file, Visible::Nowhere).map_err(|error| {
        let text =
            format!("could not load `{}`: {error}. To fix: install the module and the engine from one build", file.display());
        StartError::new(&log_code::ENGINE_NOT_LOADED, text)
    })?;
    let engine = dynlib::Engine::of(&opened, &file)?;
    Log::MainServer.line(
        Level::Info,
        format_args!(
            "Python {major}.{minor}.{micro} of `{}` ({}), library `{}`, engine {}",
            chosen.executable.display(),
            chosen.reason,
            library.display(),
            engine.version()
        ),
    );
    let settings = engine_settings(child, chosen.executable.as_os_str().as_bytes());
    if !engine.start(&settings.encode()) {
        let text = format!(
            "Python {major}.{minor}.{micro} of `{}` did not start. To fix: correct the cause that the preceding messages name",
            chosen.executable.display()
        );
        return Err(StartError::new(&log_code::EMBEDDED_NOT_STARTED, text));
    }
    Ok(Engine { engine, main_group: child.main_group.clone(), process_id: child.process_id.clone() })
}

/// What the engine is told, from the configuration and the MPM.
fn engine_settings(child: &Child, executable: &[u8]) -> EngineSettings {
    let settings = &child.settings;
    let httpd = process::settings();
    EngineSettings {
        executable: executable.to_vec(),
        first_path: Vec::new(),
        home: settings.python_home.as_ref().map_or_else(Vec::new, two_part_home),
        options: settings.python_options(),
        hash_seed: settings.python_hash_seed(),
        locale: Vec::new(),
        python_path: settings.python_path.iter().map(|path| path.to_vec()).collect(),
        python_eggs: settings.python_eggs.as_deref().unwrap_or_default().to_vec(),
        switch_interval: settings.switch_interval.unwrap_or(0.0),
        restrict_stdin: settings.restrict_stdin,
        restrict_stdout: settings.restrict_stdout,
        restrict_signal: settings.restrict_signal,
        destroy_interpreter: settings.destroy_interpreter,
        case_sensitive: settings.case_sensitive,
        process_group: Vec::new(),
        main_group: child.main_group.as_deref().unwrap_or_default().to_vec(),
        max_dynamic_interpreters: 100,
        multithread: httpd.apache_threads_per_process != 1,
        multiprocess: httpd.apache_maximum_processes != 1,
        run_once: false,
        maximum_processes: httpd.apache_maximum_processes,
        threads_per_process: httpd.apache_threads_per_process,
        server_metrics: settings.server_metrics,
        ..httpd
    }
}

/// `prefix:exec_prefix`, if both are given.
fn two_part_home(home: &PythonHome) -> Vec<u8> {
    home.exec_prefix.as_deref().map_or_else(Vec::new, |exec_prefix| [&home.prefix, &b":"[..], exec_prefix].concat())
}

/// The child ends (its pool is destroyed).
fn stop() {
    let Some(child) = CHILD.get() else { return };
    child.stopping.store(true, Ordering::Release);
    // prefork ends a child from a signal handler, which may have interrupted this very thread inside Python.
    if thread::is_inside() {
        return;
    }
    if let Some(Ok(engine)) = child.engine.get() {
        engine.stop(STOP_DEADLINE_MS);
    }
}
