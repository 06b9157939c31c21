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
    help: "The virtual environment, or the installation, whose Python is used.",
    doc: "\
The directory of a virtual environment, or the prefix of a Python installation (what `sys.prefix` shows there). Any CPython from 3.9 up \
that has a shared library serves. In the directory `bin/python`, `bin/python3` and the newest `bin/python3.X` are tried, in this \
order; without this directive it is `/usr/bin/python3`, then `/usr/local/bin/python3`, then the first `python3` of `PATH`. The start-up \
line of the error log says which was chosen, and why.

It is the directory that is named, not the executable in it, which is refused. Apache's user must be able to read it: a virtual environment below a home \
directory of mode 0700 cannot be used.",
    apply: Apply::Server(python_home),
};

pub const PYTHON_PATH: Directive = Directive {
    name: "WSGIPythonPath",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "directory[:directory...]",
    default: "none",
    help: "Directories put at the front of Python's module search path.",
    doc: "\
Each directory is added as `site.addsitedir()` does it, so its `.pth` files count; what was added then stands at the front of \
`sys.path`, in this order. A relative directory is taken from `ServerRoot`.",
    apply: Apply::Server(python_path),
};

pub const PYTHON_EGGS: Directive = Directive {
    name: "WSGIPythonEggs",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "directory",
    default: "none",
    help: "The directory that zipped Python eggs are unpacked to.",
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
    help: "Python's optimisation level.",
    doc: "As Python's own `-O` (1: no `assert`) and `-OO` (2: no docstrings either). `PYTHONOPTIMIZE` of Apache's environment counts as well: the higher of the two holds.",
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
May be given several times; the filters are handed to Python in this order. The action is one of `default`, `error`, `always`, `module`, \
`once` and `ignore`, or the beginning of one.",
    apply: Apply::Server(python_warnings),
};

pub const PYTHON_HASH_SEED: Directive = Directive {
    name: "WSGIPythonHashSeed",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "random|0...4294967295",
    default: "Python's own choice, which is random",
    help: "The seed of Python's string hashes.",
    doc: "\
As the environment variable `PYTHONHASHSEED`: a number makes the order of sets repeat from process to process, 0 switches the \
randomisation off, `random` draws a new seed for each process.",
    apply: Apply::Server(python_hash_seed),
};

pub const DONT_WRITE_BYTECODE: Directive = switch!(
    "WSGIDontWriteBytecode",
    "Off",
    "Whether Python leaves out writing .pyc files.",
    "On: modules are not cached in `__pycache__`. Scripts themselves are never cached.",
    dont_write_bytecode
);

pub const SWITCH_INTERVAL: Directive = Directive {
    name: "WSGISwitchInterval",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "seconds",
    default: "Python's own, 0.005",
    help: "How long a thread keeps the interpreter lock while others wait.",
    doc: "A number above 0, fractions allowed: what `sys.setswitchinterval()` takes.",
    apply: Apply::Server(switch_interval),
};

pub const DESTROY_INTERPRETER: Directive = switch!(
    "WSGIDestroyInterpreter",
    "On",
    "Whether exit functions run when a process ends.",
    "Off: when a process ends, functions registered with `atexit` are not called, and threads that are no daemons not waited for. Callbacks of `mod_wsgi.subscribe_shutdown` are called all the same.",
    destroy_interpreter
);

pub const RESTRICT_STDIN: Directive = switch!(
    "WSGIRestrictStdin",
    "Off",
    "Whether using sys.stdin is an error.",
    "On: any use of `sys.stdin` raises `OSError`, which finds code that wants a terminal.",
    restrict_stdin
);

pub const RESTRICT_STDOUT: Directive = switch!(
    "WSGIRestrictStdout",
    "Off",
    "Whether using sys.stdout is an error.",
    "On: any use of `sys.stdout`, and so `print()`, raises `OSError`. Off: what is written there goes to the error log.",
    restrict_stdout
);

pub const RESTRICT_SIGNAL: Directive = switch!(
    "WSGIRestrictSignal",
    "On",
    "Whether applications are kept from installing signal handlers.",
    "\
On: `signal.signal()` installs nothing, writes a notice with the place of the call to the error log, and returns the handler that it was \
given. Processes that the application forks get the real function. Off: an application can take signals away from Apache.",
    restrict_signal
);

pub const VERBOSE_DEBUGGING: Directive = Directive {
    name: "WSGIVerboseDebugging",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "On|Off",
    default: "Off",
    help: "Accepted for old configurations; does nothing.",
    doc: "Deprecated in mod_wsgi as well. Use `LogLevel wsgi:debug` or `LogLevel wsgi:trace1` instead.",
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
