/*! Starting Python inside an Apache child.

The interpreter is configured as its own command line would be: `PyConfig` filled from an argument vector whose first word is the
virtualenv's `bin/python`, so that prefix, site-packages, options (`-O`, `-B`, `-W`) and the locale's treatment are what
that command would give. `PyConfig`'s layout differs between versions, so it is only ever a zeroed buffer larger than any of
them, handed to Python's own functions. A Python without those functions (announced for 3.15) is
started through `PyInitConfig`; one without either, by `Py_SetProgramName`. *Runs in: Apache child, before its threads start.* */
#![expect(unsafe_code, reason = "this folder is the engine's border with Python's C API")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use pyo3::ffi;

use super::dynamic::symbol;
use super::thread::{self, Handle};

/// `PyStatus` of cpython/initconfig.h: the same in every version from 3.8.
#[repr(C)]
struct Status {
    kind: c_int,
    function: *const c_char,
    message: *const c_char,
    exit_code: c_int,
}

/// Room for a `PyConfig` of any version (about 500 bytes in 3.13).
#[repr(C, align(16))]
struct Config([u8; 8192]);

type InitConfig = unsafe extern "C" fn(*mut Config);
type SetArguments = unsafe extern "C" fn(*mut Config, ffi::Py_ssize_t, *const *const c_char) -> Status;
type FromConfig = unsafe extern "C" fn(*const Config) -> Status;

/// Python's version, from the loaded library: major and minor.
pub fn version() -> (u8, u8) {
    let text = version_text();
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse().ok());
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// `Py_GetVersion()`: works before Python is started.
pub fn version_text() -> String {
    // SAFETY: returns a static string, NUL-terminated, also before initialisation.
    unsafe { CStr::from_ptr(ffi::Py_GetVersion()) }.to_string_lossy().into_owned()
}

/// Starts Python and detaches from it. Signal handlers stay those of httpd.
///
/// # Errors
/// What Python says of the failure.
pub fn start(executable: &[u8], options: &[Vec<u8>]) -> Result<Handle, String> {
    let executable = if executable.is_empty() { &b"python3"[..] } else { executable };
    let signals = Signals::save();
    let started =
        match (symbol(c"PyConfig_InitPythonConfig"), symbol(c"PyConfig_SetBytesArgv"), symbol(c"Py_InitializeFromConfig")) {
            (Some(init), Some(arguments), Some(from)) => by_config(init, arguments, from, executable, options),
            _ => by_init_config(executable, options).unwrap_or_else(|| by_program_name(executable, options)),
        };
    signals.restore();
    started.map(|()| thread::adopt_main())
}

fn by_config(
    init: *mut c_void,
    arguments: *mut c_void,
    from: *mut c_void,
    executable: &[u8],
    options: &[Vec<u8>],
) -> Result<(), String> {
    // SAFETY: the signatures are those of cpython/initconfig.h since 3.8.
    let (init, set_arguments, from) = unsafe {
        (
            std::mem::transmute::<*mut c_void, InitConfig>(init),
            std::mem::transmute::<*mut c_void, SetArguments>(arguments),
            std::mem::transmute::<*mut c_void, FromConfig>(from),
        )
    };
    let words = command_line(executable, options)?;
    let pointers: Vec<*const c_char> = words.iter().map(|w| w.as_ptr()).collect();
    let mut config = Box::new(Config([0; 8192]));
    // SAFETY: the buffer is larger and more aligned than any version's PyConfig; the words outlive the calls. The configuration is
    // deliberately not cleared after a failure: the child goes on without Python and never tries again.
    unsafe {
        init(&raw mut *config);
        check(&set_arguments(&raw mut *config, super::object::size(pointers.len()), pointers.as_ptr()))?;
        check(&from(&raw const *config))?;
        if let Some(clear) = symbol(c"PyConfig_Clear") {
            std::mem::transmute::<*mut c_void, InitConfig>(clear)(&raw mut *config);
        }
    }
    Ok(())
}

/// `python OPTIONS -c pass`: the `-c` keeps Python from looking for a script or a terminal.
fn command_line(executable: &[u8], options: &[Vec<u8>]) -> Result<Vec<CString>, String> {
    std::iter::once(executable)
        .chain(options.iter().map(Vec::as_slice))
        .chain([&b"-c"[..], b"pass"])
        .map(|word| CString::new(word).map_err(|_| "a Python option contains a NUL byte".to_owned()))
        .collect()
}

fn check(status: &Status) -> Result<(), String> {
    if status.kind == 0 {
        return Ok(());
    }
    if status.message.is_null() {
        return Err(format!("Python asked to exit with status {}", status.exit_code));
    }
    // SAFETY: a PyStatus of kind error carries static, NUL-terminated text.
    Err(unsafe { CStr::from_ptr(status.message) }.to_string_lossy().into_owned())
}

/// `PyInitConfig` (Python 3.14 and later): by name, so without any layout.
fn by_init_config(executable: &[u8], options: &[Vec<u8>]) -> Option<Result<(), String>> {
    type Create = unsafe extern "C" fn() -> *mut c_void;
    type SetStr = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> c_int;
    type SetInt = unsafe extern "C" fn(*mut c_void, *const c_char, i64) -> c_int;
    type SetList = unsafe extern "C" fn(*mut c_void, *const c_char, usize, *const *const c_char) -> c_int;
    type Initialize = unsafe extern "C" fn(*mut c_void) -> c_int;
    // SAFETY: the signatures are those that PEP 741 lays down.
    let (create, set_str, set_int, set_list, initialize) = unsafe {
        (
            std::mem::transmute::<*mut c_void, Create>(symbol(c"PyInitConfig_Create")?),
            std::mem::transmute::<*mut c_void, SetStr>(symbol(c"PyInitConfig_SetStr")?),
            std::mem::transmute::<*mut c_void, SetInt>(symbol(c"PyInitConfig_SetInt")?),
            std::mem::transmute::<*mut c_void, SetList>(symbol(c"PyInitConfig_SetStrList")?),
            std::mem::transmute::<*mut c_void, Initialize>(symbol(c"Py_InitializeFromInitConfig")?),
        )
    };
    let program = CString::new(executable).ok()?;
    let warnings: Vec<CString> = options.iter().filter_map(|o| CString::new(o.strip_prefix(b"-W")?).ok()).collect();
    let pointers: Vec<*const c_char> = warnings.iter().map(|w| w.as_ptr()).collect();
    let optimize = i64::try_from(options.iter().filter(|o| o.as_slice() == b"-O").count()).unwrap_or(0);
    let bytecode = i64::from(!options.iter().any(|o| o.as_slice() == b"-B"));
    // SAFETY: the configuration comes from Create; every string outlives the call that copies it.
    let failed = unsafe {
        let config = create();
        config.is_null()
            || set_int(config, c"isolated".as_ptr(), 0) != 0
            || set_int(config, c"use_environment".as_ptr(), 1) != 0
            || set_int(config, c"user_site_directory".as_ptr(), 1) != 0
            || set_int(config, c"optimization_level".as_ptr(), optimize) != 0
            || set_int(config, c"write_bytecode".as_ptr(), bytecode) != 0
            || set_str(config, c"program_name".as_ptr(), program.as_ptr()) != 0
            || set_list(config, c"warnoptions".as_ptr(), pointers.len(), pointers.as_ptr()) != 0
            || initialize(config) != 0
    };
    Some(if failed { Err("Py_InitializeFromInitConfig failed".to_owned()) } else { Ok(()) })
}

/// `Py_SetProgramName` and `Py_InitializeEx`: the oldest door. Options have no way in through it.
fn by_program_name(executable: &[u8], options: &[Vec<u8>]) -> Result<(), String> {
    type Decode = unsafe extern "C" fn(*const c_char, *mut usize) -> *mut c_void;
    type SetName = unsafe extern "C" fn(*mut c_void);
    let (Some(decode), Some(set_name)) = (symbol(c"Py_DecodeLocale"), symbol(c"Py_SetProgramName")) else {
        return Err("this Python has none of the functions that start it inside another program".to_owned());
    };
    if !options.is_empty() {
        return Err(
            "this Python can't be given options (WSGIPythonOptimize, WSGIPythonWarnings, WSGIDontWriteBytecode)".to_owned()
        );
    }
    let name = CString::new(executable).map_err(|_| "the interpreter's path contains a NUL byte".to_owned())?;
    // SAFETY: the signatures are those of pylifecycle.h; the decoded name is leaked on purpose, Python keeps the pointer.
    unsafe {
        let decoded = std::mem::transmute::<*mut c_void, Decode>(decode)(name.as_ptr(), std::ptr::null_mut());
        if decoded.is_null() {
            return Err("the interpreter's path can't be decoded".to_owned());
        }
        std::mem::transmute::<*mut c_void, SetName>(set_name)(decoded);
        ffi::Py_InitializeEx(0);
        if ffi::Py_IsInitialized() == 0 {
            return Err("Py_InitializeEx failed".to_owned());
        }
    }
    Ok(())
}

/// The dispositions of all signals, which belong to httpd in an Apache child.
struct Signals(Vec<(c_int, libc::sigaction)>);

impl Signals {
    fn save() -> Self {
        Self(
            (1..=64)
                .filter_map(|number| {
                    // SAFETY: all-zero is a valid sigaction, filled by the call; asking changes nothing.
                    unsafe {
                        let mut action: libc::sigaction = std::mem::zeroed();
                        (libc::sigaction(number, std::ptr::null(), &raw mut action) == 0).then_some((number, action))
                    }
                })
                .collect(),
        )
    }

    fn restore(&self) {
        for (number, action) in &self.0 {
            // SAFETY: gives back what `save` read. SIGKILL and SIGSTOP refuse, which changes nothing.
            unsafe { libc::sigaction(*number, action, std::ptr::null_mut()) };
        }
    }
}

/// Sets (or with `None` removes) an environment variable; returns what it was. Only before the process has threads.
pub fn set_variable(name: &CStr, value: Option<&[u8]>) -> Option<Vec<u8>> {
    let value = value.and_then(|v| CString::new(v).ok());
    // SAFETY: strings end with NUL; called from child_init, before httpd starts the child's threads, so nobody else reads
    // or changes the environment meanwhile.
    unsafe {
        let old = libc::getenv(name.as_ptr());
        let old = (!old.is_null()).then(|| CStr::from_ptr(old).to_bytes().to_vec());
        match value {
            Some(value) => libc::setenv(name.as_ptr(), value.as_ptr(), 1),
            None => libc::unsetenv(name.as_ptr()),
        };
        old
    }
}
