/*! Starting Python inside an Apache child.

The interpreter is configured as its own command line would be: `PyConfig` filled from an argument vector whose first word is the
virtualenv's `bin/python`, so that prefix, site-packages, options (`-O`, `-B`, `-W`) and the locale's treatment are what
that command would give. `PyConfig`'s layout differs between versions, so it is only ever a zeroed buffer larger than any of
them, handed to Python's own functions. A Python without those functions (announced for 3.15) is
started through `PyInitConfig`; one without either, by `Py_SetProgramName`. *Runs in: Apache child.* */
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

/// Room for a `PyConfig` or a `PyPreConfig` of any version (about 500 bytes in 3.13), all of whose first fields are `int`.
#[repr(C, align(16))]
struct Config([u8; 8192]);

/// Where `PyConfig` has `use_hash_seed` and, after six `int`, `hash_seed`: the same from Python 3.8 to 3.14.
const USE_HASH_SEED: usize = 5;
const HASH_SEED_AT: usize = 24;
/// Where `PyPreConfig` has `coerce_c_locale`: likewise.
const COERCE_C_LOCALE: usize = 5;

impl Config {
    const fn zeroed() -> Self {
        Self([0; 8192])
    }

    /// The `int` at a place among the first fields.
    fn int(&self, place: usize) -> Option<i32> {
        self.0.get(place * 4..).and_then(|rest| rest.first_chunk()).map(|bytes| i32::from_ne_bytes(*bytes))
    }

    fn set(&mut self, at: usize, bytes: &[u8]) {
        if let Some(field) = self.0.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    }

    /// Are the fields before those that are set here what Python's own functions leave there? Then the layout is the known one.
    fn begins(&self, with: &[Option<i32>]) -> bool {
        with.iter().enumerate().all(|(place, value)| value.is_none_or(|value| self.int(place) == Some(value)))
    }

    /// Sets the seed of a fresh `PyConfig`. `False` if its layout is unknown.
    fn set_hash_seed(&mut self, seed: Option<u32>) -> bool {
        // `_config_init`, `isolated`, `use_environment`, (`dev_mode`), `install_signal_handlers`, `use_hash_seed`.
        let known = self.begins(&[Some(2), Some(0), Some(1), None, Some(1), Some(-1)]);
        if known {
            self.set(USE_HASH_SEED * 4, &i32::from(seed.is_some()).to_ne_bytes());
            self.set(HASH_SEED_AT, &std::ffi::c_ulong::from(seed.unwrap_or(0)).to_ne_bytes());
        }
        known
    }

    /// Keeps Python from changing `LC_CTYPE` in the environment where the locale is C: UTF-8 mode takes its place. `False` if the layout of
    /// the `PyPreConfig` is unknown.
    fn leave_locale_variable(&mut self) -> bool {
        // `_config_init`, `parse_argv`, `isolated`, `use_environment`, `configure_locale`, `coerce_c_locale`, its warning, `utf8_mode`.
        let known = self.begins(&[Some(2), Some(1), Some(0), Some(1), Some(1), Some(-1), Some(-1), Some(-1)]);
        if known {
            self.set(COERCE_C_LOCALE * 4, &0i32.to_ne_bytes());
        }
        known
    }
}

/// How Python is started, besides the executable's name.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// Options as on the command line.
    pub options: &'a [Vec<u8>],
    /// `prefix:exec_prefix` as `PYTHONHOME` takes it, or empty.
    pub home: &'a [u8],
    /// As `PYTHONHASHSEED` takes it: `random`, a number, or empty.
    pub hash_seed: &'a [u8],
}

impl Manner<'_> {
    /// The seed to set, if one is configured; the inner `None` is a random one.
    fn seed(&self) -> Result<Option<Option<u32>>, String> {
        match self.hash_seed {
            b"" => Ok(None),
            b"random" => Ok(Some(None)),
            number => {
                let number = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok());
                number.map(|number| Some(Some(number))).ok_or_else(|| "the hash seed is not a number".to_owned())
            }
        }
    }
}

type InitConfig = unsafe extern "C" fn(*mut Config);
type PreInitialize = unsafe extern "C" fn(*const Config, ffi::Py_ssize_t, *const *const c_char) -> Status;
type SetArguments = unsafe extern "C" fn(*mut Config, ffi::Py_ssize_t, *const *const c_char) -> Status;
type FromConfig = unsafe extern "C" fn(*const Config) -> Status;

/// Starts Python and detaches from it. Signal handlers stay those of httpd. No environment variable is set: Python may be started when the
/// process has threads, which may be reading the environment.
///
/// # Errors
/// What Python says of the failure.
pub fn start(executable: &[u8], manner: Manner<'_>) -> Result<Handle, String> {
    let executable = if executable.is_empty() { &b"python3"[..] } else { executable };
    let signals = Signals::save();
    let started =
        match (symbol(c"PyConfig_InitPythonConfig"), symbol(c"PyConfig_SetBytesArgv"), symbol(c"Py_InitializeFromConfig")) {
            (Some(init), Some(arguments), Some(from)) => by_config(init, arguments, from, executable, manner),
            _ => by_init_config(executable, manner).unwrap_or_else(|| by_program_name(executable, manner)),
        };
    signals.restore();
    started.map(|()| thread::adopt_main())
}

fn by_config(
    init: *mut c_void,
    arguments: *mut c_void,
    from: *mut c_void,
    executable: &[u8],
    manner: Manner<'_>,
) -> Result<(), String> {
    // SAFETY: the signatures are those of cpython/initconfig.h since 3.8.
    let (init, set_arguments, from) = unsafe {
        (
            std::mem::transmute::<*mut c_void, InitConfig>(init),
            std::mem::transmute::<*mut c_void, SetArguments>(arguments),
            std::mem::transmute::<*mut c_void, FromConfig>(from),
        )
    };
    let seed = manner.seed()?;
    let words = command_line(executable, manner.options)?;
    let pointers: Vec<*const c_char> = words.iter().map(|w| w.as_ptr()).collect();
    let mut config = Box::new(Config::zeroed());
    // SAFETY: the buffer is larger and more aligned than any version's PyConfig; the words outlive the calls. The configuration is
    // deliberately not cleared after a failure: the child goes on without Python and never tries again.
    unsafe {
        init(&raw mut *config);
        if let Some(seed) = seed
            && !config.set_hash_seed(seed)
        {
            let unable = "this Python does not support setting a hash seed (WSGIPythonHashSeed)";
            return by_init_config(executable, manner).unwrap_or_else(|| Err(unable.to_owned()));
        }
        if !is_alone() {
            prepare(&pointers)?;
        }
        check(&set_arguments(&raw mut *config, super::object::size(pointers.len()), pointers.as_ptr()))?;
        set_home(manner.home)?;
        check(&from(&raw const *config))?;
        if let Some(clear) = symbol(c"PyConfig_Clear") {
            std::mem::transmute::<*mut c_void, InitConfig>(clear)(&raw mut *config);
        }
    }
    Ok(())
}

/// Is this the process's only thread?
fn is_alone() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.take(2).count() == 1)
}

/// The first step of the start, as Python would do it by itself, but without a change to the environment.
fn prepare(words: &[*const c_char]) -> Result<(), String> {
    let (Some(init), Some(initialize)) = (symbol(c"PyPreConfig_InitPythonConfig"), symbol(c"Py_PreInitializeFromBytesArgs"))
    else {
        return Ok(());
    };
    let mut config = Box::new(Config::zeroed());
    // SAFETY: the signatures are those of cpython/initconfig.h and pylifecycle.h since 3.8; the buffer is larger and more aligned than any
    // version's PyPreConfig; the words outlive the call.
    unsafe {
        std::mem::transmute::<*mut c_void, InitConfig>(init)(&raw mut *config);
        if !config.leave_locale_variable() {
            return Ok(());
        }
        let initialize = std::mem::transmute::<*mut c_void, PreInitialize>(initialize);
        check(&initialize(&raw const *config, super::object::size(words.len()), words.as_ptr()))
    }
}

/// Sets an installation in two parts, as `PYTHONHOME` would.
fn set_home(home: &[u8]) -> Result<(), String> {
    if home.is_empty() {
        return Ok(());
    }
    let (Some(decode), Some(set)) = (symbol(c"Py_DecodeLocale"), symbol(c"Py_SetPythonHome")) else {
        return Err("this Python does not support a home in two parts (WSGIPythonHome)".to_owned());
    };
    let home = CString::new(home).map_err(|_| "the home contains a NUL byte".to_owned())?;
    // SAFETY: the signatures are those of pylifecycle.h and fileutils.h; the decoded text is leaked on purpose, Python may keep the pointer.
    unsafe {
        let decoded = std::mem::transmute::<*mut c_void, Decode>(decode)(home.as_ptr(), std::ptr::null_mut());
        if decoded.is_null() {
            return Err("the Python home could not be decoded".to_owned());
        }
        std::mem::transmute::<*mut c_void, SetText>(set)(decoded);
    }
    Ok(())
}

/// `Py_DecodeLocale`
type Decode = unsafe extern "C" fn(*const c_char, *mut usize) -> *mut c_void;
/// `Py_SetPythonHome`, `Py_SetProgramName`
type SetText = unsafe extern "C" fn(*mut c_void);

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
fn by_init_config(executable: &[u8], manner: Manner<'_>) -> Option<Result<(), String>> {
    let options = manner.options;
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
    let (program, home, seed) = (CString::new(executable).ok()?, CString::new(manner.home).ok()?, manner.seed().ok()?);
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
            || (!manner.home.is_empty() && set_str(config, c"home".as_ptr(), home.as_ptr()) != 0)
            || seed.is_some_and(|seed| {
                set_int(config, c"use_hash_seed".as_ptr(), i64::from(seed.is_some())) != 0
                    || set_int(config, c"hash_seed".as_ptr(), i64::from(seed.unwrap_or(0))) != 0
            })
            || set_list(config, c"warnoptions".as_ptr(), pointers.len(), pointers.as_ptr()) != 0
            || initialize(config) != 0
    };
    Some(if failed { Err("Py_InitializeFromInitConfig failed".to_owned()) } else { Ok(()) })
}

/// `Py_SetProgramName` and `Py_InitializeEx`: the oldest door. Options have no way in through it.
fn by_program_name(executable: &[u8], manner: Manner<'_>) -> Result<(), String> {
    let (Some(decode), Some(set_name)) = (symbol(c"Py_DecodeLocale"), symbol(c"Py_SetProgramName")) else {
        return Err("this Python has none of the functions that embed it in another program".to_owned());
    };
    if !manner.options.is_empty() || !manner.hash_seed.is_empty() {
        let directives = "WSGIPythonOptimize, WSGIPythonWarnings, WSGIDontWriteBytecode, WSGIPythonHashSeed";
        return Err(format!("this Python does not support setting options ({directives})"));
    }
    set_home(manner.home)?;
    let name = CString::new(executable).map_err(|_| "the interpreter's path contains a NUL byte".to_owned())?;
    // SAFETY: the signatures are those of pylifecycle.h; the decoded name is leaked on purpose, Python keeps the pointer.
    unsafe {
        let decoded = std::mem::transmute::<*mut c_void, Decode>(decode)(name.as_ptr(), std::ptr::null_mut());
        if decoded.is_null() {
            return Err("the path of the interpreter could not be decoded".to_owned());
        }
        std::mem::transmute::<*mut c_void, SetText>(set_name)(decoded);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]

    use super::{COERCE_C_LOCALE, Config, HASH_SEED_AT, Manner, USE_HASH_SEED};

    fn of(fields: &[i32]) -> Config {
        let mut config = Config::zeroed();
        for (place, field) in fields.iter().enumerate() {
            config.set(place * 4, &field.to_ne_bytes());
        }
        config
    }

    #[test]
    fn a_seed_is_set_only_where_the_layout_is_known() {
        let fresh = [2, 0, 1, -1, 1, -1];
        let mut config = of(&fresh);
        assert!(config.set_hash_seed(Some(42)));
        assert_eq!((config.int(USE_HASH_SEED), config.int(HASH_SEED_AT / 4)), (Some(1), Some(42)));
        let mut config = of(&fresh);
        assert!(config.set_hash_seed(None));
        assert_eq!(config.int(USE_HASH_SEED), Some(0));
        for place in [0, 1, 2, 4, 5] {
            let mut other = fresh;
            other[place] += 1;
            let mut config = of(&other);
            assert!(!config.set_hash_seed(Some(42)), "{place}");
            assert!(config.begins(&other.map(Some)), "nothing was changed");
        }
    }

    #[test]
    fn the_locale_is_left_only_where_the_layout_is_known() {
        let mut config = of(&[2, 1, 0, 1, 1, -1, -1, -1]);
        assert!(config.leave_locale_variable());
        assert_eq!((config.int(COERCE_C_LOCALE), config.int(COERCE_C_LOCALE + 1)), (Some(0), Some(-1)));
        assert!(!of(&[2, 1, 0, 1, 1, -1, -1, 0]).leave_locale_variable());
    }

    #[test]
    fn a_seed_is_random_a_number_or_nothing() {
        let seed = |text: &[u8]| Manner { options: &[], home: b"", hash_seed: text }.seed();
        assert_eq!((seed(b""), seed(b"random"), seed(b"4294967295")), (Ok(None), Ok(Some(None)), Ok(Some(Some(u32::MAX)))));
        assert!(seed(b"4294967296").is_err() && seed(b"x").is_err() && seed(b"-1").is_err());
    }
}
