/*! The Python interpreter of a process: where it is, how it starts, what it allows. */

use super::arguments;
use crate::directive::{Apply, Arity, Chapter, Contexts, Directive, DirectiveContext};
use crate::error::{ConfigError, quoted};
use crate::settings::{HashSeed, PythonHome, ServerConfig};

const ONE: Arity = Arity { min: 1, max: Some(1) };

/// A row for a switch of the whole server.
macro_rules! switch {
    ($name:literal, $default:literal, $help:literal, $doc:expr, $field:ident) => {
        Directive {
            name: $name,
            chapter: Chapter::Python,
            contexts: Contexts::MainServer,
            arity: ONE,
            syntax: "On|Off",
            default: $default,
            help: $help,
            doc: $doc,
            apply: Apply::Server(|config, words, _| {
                if let [word, ..] = words {
                    config.process.$field = arguments::on_off($name, word)?;
                }
                Ok(())
            }),
        }
    };
}

pub const PYTHON_HOME: Directive = Directive {
    name: "WSGIPythonHome",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "prefix|prefix:exec-prefix",
    default: "none",
    help: "The virtual environment, or the Python installation, that is used.",
    doc: "\
The directory of a virtual environment, or the prefix of a Python installation (the value of its `sys.prefix`). Every CPython from 3.9 with a shared \
library is supported. The module tries `bin/python`, `bin/python3` and the newest `bin/python3.X` in the directory, in this order. Without \
this directive, it tries `/usr/bin/python3`, `/usr/local/bin/python3` and the first `python3` of `PATH`. With `LogLevel wsgi:info`, the \
error log shows which Python was selected, and why.

Name the directory: the path of an executable is refused. Apache's user must be able to read the directory. A virtual environment below a home \
directory with mode 0700 cannot be used.",
    apply: Apply::Server(python_home),
};

pub const PYTHON_PATH: Directive = Directive {
    name: "WSGIPythonPath",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "directory[:directory...]",
    default: "none",
    help: "Directories that are added to the front of Python's module search path.",
    doc: "\
Each directory is added with `site.addsitedir()`, so its `.pth` files are processed. The new entries are moved to the front of `sys.path`, in this \
order. A relative path is resolved against `ServerRoot`.",
    apply: Apply::Server(python_path),
};

pub const PYTHON_EGGS: Directive = Directive {
    name: "WSGIPythonEggs",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "directory",
    default: "none",
    help: "The directory to which zipped Python eggs are extracted.",
    doc: "Sets `PYTHON_EGG_CACHE` in `os.environ`. Apache's user must be able to write there.",
    apply: Apply::Server(|config, words, context| {
        if let [word, ..] = words {
            config.process.python_eggs = Some(arguments::path(word, context));
        }
        Ok(())
    }),
};

pub const PYTHON_OPTIMIZE: Directive = Directive {
    name: "WSGIPythonOptimize",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "0|1|2",
    default: "0",
    help: "Python's optimization level.",
    doc: "As Python's options `-O` (1: without `assert`) and `-OO` (2: also without docstrings). If httpd's environment contains `PYTHONOPTIMIZE`, \
          the higher of the two levels is used.",
    apply: Apply::Server(python_optimize),
};

pub const PYTHON_WARNINGS: Directive = Directive {
    name: "WSGIPythonWarnings",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "action[:message[:category[:module[:line]]]]",
    default: "none",
    help: "A warnings filter, as Python's option -W.",
    doc: "\
May occur several times. The filters are passed to Python in this order. The action is one of `default`, `error`, `always`, `module`, `once` and \
`ignore`, or an abbreviation of one.",
    apply: Apply::Server(python_warnings),
};

pub const PYTHON_HASH_SEED: Directive = Directive {
    name: "WSGIPythonHashSeed",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "random|0...4294967295",
    default: "Python's default, a random seed",
    help: "The seed of Python's string hashes.",
    doc: "\
As the environment variable `PYTHONHASHSEED`. With a number, sets have the same order in each process. 0 disables the randomization. `random` uses a \
new seed for each process.",
    apply: Apply::Server(python_hash_seed),
};

pub const DONT_WRITE_BYTECODE: Directive = switch!(
    "WSGIDontWriteBytecode",
    "Off",
    "Whether Python does not write .pyc files.",
    "On: modules are not cached in `__pycache__`. Scripts themselves are never cached.",
    dont_write_bytecode
);

pub const SWITCH_INTERVAL: Directive = Directive {
    name: "WSGISwitchInterval",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "seconds",
    default: "Python's default, 0.005",
    help: "How long a thread keeps the GIL while other threads wait for it.",
    doc: "A number of seconds above 0, which may have a fraction: the argument of `sys.setswitchinterval()`.",
    apply: Apply::Server(switch_interval),
};

pub const DESTROY_INTERPRETER: Directive = switch!(
    "WSGIDestroyInterpreter",
    "On",
    "Whether exit functions run when a process exits.",
    "Off: when a process exits, it does not call functions registered with `atexit`, and does not wait for non-daemon threads. Callbacks of \
     `mod_wsgi.subscribe_shutdown` are still called.",
    destroy_interpreter
);

pub const RESTRICT_STDIN: Directive = switch!(
    "WSGIRestrictStdin",
    "Off",
    "Whether using sys.stdin is an error.",
    "On: any use of `sys.stdin` raises `OSError`. Use it to find code that expects a terminal.",
    restrict_stdin
);

pub const RESTRICT_STDOUT: Directive = switch!(
    "WSGIRestrictStdout",
    "Off",
    "Whether using sys.stdout is an error.",
    "On: any use of `sys.stdout`, including `print()`, raises `OSError`. Off: text that is written to `sys.stdout` goes to the error log.",
    restrict_stdout
);

pub const RESTRICT_SIGNAL: Directive = switch!(
    "WSGIRestrictSignal",
    "On",
    "Whether applications may not install signal handlers.",
    "\
On: `signal.signal()` installs no handler, logs the stack of the call at level notice, and returns the handler that it was given. In processes that \
     the application forks, the function works normally. Off: an application can intercept signals for httpd.",
    restrict_signal
);

pub const VERBOSE_DEBUGGING: Directive = Directive {
    name: "WSGIVerboseDebugging",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "On|Off",
    default: "Off",
    help: "Accepted for old configurations. Has no effect.",
    doc: "The directive is deprecated in mod_wsgi, too. Use `LogLevel wsgi:debug` or `LogLevel wsgi:trace1` instead.",
    apply: Apply::Server(|_, words, _| {
        if let [word, ..] = words {
            arguments::on_off("WSGIVerboseDebugging", word)?;
        }
        Ok(())
    }),
};

fn python_home(config: &mut ServerConfig, words: &[&[u8]], context: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    let [word, ..] = words else { return Ok(()) };
    let (prefix, exec_prefix) = arguments::home(word, context).ok_or_else(|| {
        ConfigError::new(
            format!("WSGIPythonHome must be a directory, or two directories separated by a colon, found: {}", quoted(word)),
            "write the directory of the virtual environment, for example `WSGIPythonHome /srv/shop/venv`",
        )
    })?;
    if let Some(home) = arguments::home_of_interpreter(&prefix) {
        return Err(ConfigError::new(
            format!("WSGIPythonHome must be a directory, found an executable: {}", quoted(word)),
            format!(
                "write `WSGIPythonHome {}`; to name the executable for a process group, set `python={}` in its WSGIDaemonProcess",
                String::from_utf8_lossy(home).escape_debug(),
                String::from_utf8_lossy(&prefix).escape_debug()
            ),
        ));
    }
    config.process.python_home = Some(PythonHome { prefix, exec_prefix, defined_at: context.name() });
    Ok(())
}

fn python_path(config: &mut ServerConfig, words: &[&[u8]], context: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    let [word, ..] = words else { return Ok(()) };
    config.process.python_path = arguments::paths(word, context)
        .ok_or_else(|| ConfigError::new("WSGIPythonPath names no directory", "write a colon-separated list of directories"))?;
    Ok(())
}

fn python_optimize(config: &mut ServerConfig, words: &[&[u8]], _: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    let [word, ..] = words else { return Ok(()) };
    config.process.optimize = match *word {
        b"0" => 0,
        b"1" => 1,
        b"2" => 2,
        word => {
            return Err(ConfigError::new(
                format!("WSGIPythonOptimize must be one of: 0 | 1 | 2, found: {}", quoted(word)),
                "write `WSGIPythonOptimize 1` for `python -O`, `WSGIPythonOptimize 2` for `python -OO`",
            ));
        }
    };
    Ok(())
}

fn python_warnings(config: &mut ServerConfig, words: &[&[u8]], _: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    const ACTIONS: [&str; 6] = ["default", "error", "always", "module", "once", "ignore"];
    let [word, ..] = words else { return Ok(()) };
    let action = word.split(|byte| *byte == b':').next().unwrap_or_default();
    if !ACTIONS.iter().any(|known| known.as_bytes().starts_with(&action.to_ascii_lowercase())) {
        return Err(ConfigError::new(
            format!("WSGIPythonWarnings: {} does not begin with an action that Python knows", quoted(word)),
            format!("begin with one of: {}; for example `WSGIPythonWarnings ignore::DeprecationWarning`", ACTIONS.join(" | ")),
        ));
    }
    config.process.warnings.push((*word).into());
    Ok(())
}

fn python_hash_seed(config: &mut ServerConfig, words: &[&[u8]], _: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    let [word, ..] = words else { return Ok(()) };
    config.process.hash_seed = if word.eq_ignore_ascii_case(b"random") {
        Some(HashSeed::Random)
    } else {
        let seed = number(word).ok_or_else(|| {
            ConfigError::new(
                format!("WSGIPythonHashSeed must be `random` or a number from 0 to 4294967295, found: {}", quoted(word)),
                "write `WSGIPythonHashSeed random`, or remove the directive; use a number only if you need a reproducible order",
            )
        })?;
        Some(HashSeed::Fixed(seed))
    };
    Ok(())
}

/// A decimal number without a sign.
fn number(word: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(word).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

fn switch_interval(config: &mut ServerConfig, words: &[&[u8]], _: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    let [word, ..] = words else { return Ok(()) };
    let seconds = arguments::positive_seconds(word).ok_or_else(|| {
        ConfigError::new(
            format!("WSGISwitchInterval must be a number of seconds above 0, found: {}", quoted(word)),
            "write a number, for example Python's default of 0.005",
        )
    })?;
    config.process.switch_interval = Some(seconds);
    Ok(())
}
