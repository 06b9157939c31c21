/*! The one table of the options of `WSGIDaemonProcess`: the parser, `docs/directives.md` and the completeness test are made from it.
*Runs in: parent.* */

use super::option::{Chapter, DaemonOption, Form};
use super::sizes::{self, Range, Unit};

/// Seconds of which 0 is "no limit", or what else the row says.
const SECONDS: Range = Range::from(0);

/// A row.
const fn row(chapter: Chapter, name: &'static str, form: Form, default: &'static str, help: &'static str) -> DaemonOption {
    DaemonOption { name, chapter, form, default, help }
}

/// Every option, in the order of the documentation.
pub const OPTIONS: &[DaemonOption] = &[
    row(
        Chapter::Identity,
        "user",
        Form::User { root: false, field: |typed| &mut typed.user },
        "httpd's `User`",
        "The user that the processes run as. Requires that httpd is started as root. Root itself is refused.",
    ),
    row(
        Chapter::Identity,
        "group",
        Form::Group { root: false, field: |typed| &mut typed.group },
        "httpd's `Group`",
        "The primary group of the processes. The group of root is refused.",
    ),
    row(
        Chapter::Identity,
        "supplementary-groups",
        Form::Groups(|typed| &mut typed.supplementary_groups),
        "the groups of the user in the system's group database",
        "The complete list of supplementary groups of the processes. Requires root. The group of root is refused. Every other group in the list is \
         granted, including groups such as `shadow` and `disk`.",
    ),
    row(
        Chapter::Identity,
        "umask",
        Form::Octal(|typed| &mut typed.options.umask),
        "httpd's",
        "The umask of the processes, for example `umask=0027`.",
    ),
    row(
        Chapter::Identity,
        "chroot",
        Form::Absolute(|typed| &mut typed.chroot),
        "none",
        "The root directory of the processes. It must contain the interpreter, its libraries, the engine and the scripts; configtest reports missing \
         files. `WSGIScriptAlias` names a script by its path outside of this directory, the other options by the path inside. Requires root.",
    ),
    row(
        Chapter::Identity,
        "home",
        Form::Absolute(|typed| &mut typed.home),
        "the home directory of the user, if httpd is started as root and `user=` names a user other than httpd's; otherwise httpd's working directory",
        "The working directory. It is also the first entry of `sys.path`.",
    ),
    row(Chapter::Identity, "lang", Form::Text(|typed| &mut typed.lang), "httpd's", "The environment variable `LANG`."),
    row(
        Chapter::Identity,
        "locale",
        Form::Text(|typed| &mut typed.locale),
        "httpd's",
        "The environment variable `LC_ALL`, for example `locale=C.UTF-8`, and the argument of `setlocale(LC_ALL)`. It determines how Python encodes \
         file names and standard output.",
    ),
    row(
        Chapter::Identity,
        "display-name",
        Form::Text(|typed| &mut typed.display_name),
        "`%{GROUP}`",
        "The process name that `ps` shows. `%{GROUP}` is replaced by `(wsgi:NAME)`.",
    ),
    row(
        Chapter::Identity,
        "cpu-priority",
        Form::Priority(|typed| &mut typed.cpu_priority),
        "0",
        "The nice value. A process with a higher value gets less processor time. Values below 0 require root.",
    ),
    row(
        Chapter::Identity,
        "socket-user",
        Form::User { root: true, field: |typed| &mut typed.socket_user },
        "httpd's `User`",
        "The owner of the socket files of the group, for servers whose child processes do not run as `User`.",
    ),
    row(
        Chapter::Identity,
        "script-user",
        Form::User { root: true, field: |typed| &mut typed.script_user },
        "none",
        "The script and its directory must belong to this user and must not be writable for their group or others; otherwise the request gets 403. \
         Each process checks this again for the opened file whenever it loads a script, also when it starts (`preload=`), and for scripts of \
         `WSGIImportScript` and `WSGIHandlerScript`, which may also belong to root.",
    ),
    row(
        Chapter::Identity,
        "script-group",
        Form::Group { root: true, field: |typed| &mut typed.script_group },
        "none",
        "The script and its directory must belong to this group and must not be writable for others; otherwise the request gets 403. Each process \
         checks this again when it loads a script, as with `script-user=`. The two options exclude each other.",
    ),
    row(
        Chapter::Identity,
        "no-new-privileges",
        Form::Switch(|typed| &mut typed.no_new_privileges),
        "On if the group runs as a user other than httpd's, otherwise Off",
        "On: programs that the processes start cannot gain privileges (`sudo` and other set-uid programs run without them).",
    ),
    row(
        Chapter::Identity,
        "dumpable",
        Form::Switch(|typed| &mut typed.dumpable),
        "Off if the group runs as a user other than httpd's, otherwise On",
        "Off: the processes write no core dumps, and other processes of the same user cannot inspect them (`ptrace`, `/proc/PID/mem`, `/proc/PID/environ`).",
    ),
    row(
        Chapter::Identity,
        "env-inherit",
        Form::Variables(|typed| &mut typed.env_inherit),
        "if the group runs as a user other than httpd's: `PATH,LANG,LANGUAGE,LC_*,TZ,TZDIR,TMPDIR,USER,USERNAME,LOGNAME,LD_LIBRARY_PATH,\
         MALLOC_*,GLIBC_TUNABLES`; otherwise `all`",
        "The variables of httpd's environment that the processes inherit, in addition to those that other options set: `all`, `none`, or a \
         comma-separated list of names, where `*` matches any characters, for example `env-inherit=PATH,LC_*,DATABASE_URL`. Variables for httpd \
         itself (`LISTEN_*`, `NOTIFY_SOCKET`, `WATCHDOG_*`) and `PYTHONHOME` are never inherited.",
    ),
    row(
        Chapter::Identity,
        "env",
        Form::Assignment(|typed| &mut typed.options.env),
        "none",
        "An environment variable of the processes, set before Python starts, for example `env=DJANGO_SETTINGS_MODULE=shop.settings`. May occur \
         several times. It overrides a \
         variable of the same name of httpd or of `env-file=`. The value is visible in the configuration and the memory of httpd, so use `env-file=` \
         for secrets.",
    ),
    row(
        Chapter::Identity,
        "env-file",
        Form::Files(|typed| &mut typed.options.env_files),
        "none",
        "A file with environment variables of the processes, one `NAME=VALUE` per line. Empty lines and lines that begin with `#` are ignored. Quotes \
         around a value are removed. May \
         occur several times. The file is read each time a process starts. Root reads the file if root owns it and the directories above it, and no \
         other user may write to \
         them; then the user of the group does not need read permission. Any other file is read as the user of the group. `ps` does not show the values.",
    ),
    row(
        Chapter::Identity,
        "descriptors",
        Form::Switch(|typed| &mut typed.descriptors),
        "On if the processes run as httpd's user, otherwise Off",
        "On: if the application returns a file, the process passes its descriptor to httpd, and httpd sends the file. A hostile process can pass a \
         descriptor whose `close()` never returns, so use Off for users that you trust less than httpd's. Off: the process sends the contents of the \
         file through the socket.",
    ),
    row(
        Chapter::Size,
        "processes",
        Form::Small(sizes::PROCESSES, Unit::Count, |typed| &mut typed.processes),
        "1",
        "The number of processes of the group. If the option is present, even with the value 1, `wsgi.multiprocess` is true.",
    ),
    row(
        Chapter::Size,
        "threads",
        Form::Small(Range { min: 0, max: 65533, or_zero: true }, Unit::Count, |typed| &mut typed.threads),
        "15",
        "The number of worker threads of each process: it runs this many requests at a time. 0 makes the group a service, which runs its \
         `WSGIImportScript`s on the main thread and serves no requests.",
    ),
    row(
        Chapter::Size,
        "stack-size",
        Form::Large(sizes::STACK, Unit::Bytes, |typed| &mut typed.stack_size),
        "the system's (`ulimit -s`)",
        "The stack size of a worker thread. Deep recursion in C code needs a large stack, up to Python 3.10 also deep recursion of Python functions. \
         At most 1 GiB.",
    ),
    row(
        Chapter::Size,
        "listen-backlog",
        Form::Small(Range::from(0), Unit::Count, |typed| &mut typed.listen_backlog),
        "100",
        "The number of requests that may wait for a free worker thread of the group; 0 means 1. Further requests get 503 at once.",
    ),
    row(
        Chapter::Size,
        "maximum-in-flight",
        Form::Small(Range::from(0), Unit::Count, |typed| &mut typed.maximum_in_flight),
        "twice the sum of all worker threads (`processes=` times `threads=`) and `listen-backlog=`, to allow for a reload",
        "The number of requests for the group that may be in progress at a time in all child processes of httpd together, independent of what the \
         processes of the group do. Further requests get 503 at once. 0: no limit.",
    ),
    row(
        Chapter::Size,
        "send-buffer-size",
        Form::Small(Range::zero_or_from(512), Unit::Bytes, |typed| &mut typed.send_buffer_size),
        "0, the system's",
        "The size of the socket buffer from the processes to httpd.",
    ),
    row(
        Chapter::Size,
        "receive-buffer-size",
        Form::Small(Range::zero_or_from(512), Unit::Bytes, |typed| &mut typed.receive_buffer_size),
        "0, the system's",
        "The size of the socket buffer from httpd to the processes.",
    ),
    row(
        Chapter::Size,
        "header-buffer-size",
        Form::Small(Range::zero_or_from(8192), Unit::Bytes, |typed| &mut typed.header_buffer_size),
        "0, which means 32768",
        "The maximum length of a response header of the application. If a header is longer, the request gets 500.",
    ),
    row(
        Chapter::Size,
        "response-buffer-size",
        Form::Large(Range::zero_or_from(65536), Unit::Bytes, |typed| &mut typed.response_buffer_size),
        "0, which means 8388608",
        "The amount of a response that httpd buffers before it waits for the client.",
    ),
    row(
        Chapter::Size,
        "response-flush-delay",
        Form::Small(Range::from(0), Unit::Milliseconds, |typed| &mut typed.response_flush_delay),
        "5",
        "How long httpd waits for more data of a response before it sends the data that has arrived. 0: no wait.",
    ),
    row(
        Chapter::Size,
        "memory-limit",
        Form::Large(sizes::DATA, Unit::Bytes, |typed| &mut typed.memory_limit),
        "0, none",
        "The maximum size of the data segment of a process (`RLIMIT_DATA`), which on Linux includes the stacks of the threads. If it is exceeded, \
         Python raises `MemoryError`.",
    ),
    row(
        Chapter::Size,
        "virtual-memory-limit",
        Form::Large(sizes::ADDRESSES, Unit::Bytes, |typed| &mut typed.virtual_memory_limit),
        "0, none",
        "The maximum size of the address space of a process (`RLIMIT_AS`).",
    ),
    row(
        Chapter::Time,
        "connect-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.connect_timeout),
        "15",
        "How long a request waits for a group that is starting, before it gets 503.",
    ),
    row(
        Chapter::Time,
        "socket-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.socket_timeout),
        "0, which means httpd's `Timeout`",
        "The maximum time of one read or write between httpd and a process. If no part of the response arrives in this time, the request gets 504.",
    ),
    row(
        Chapter::Time,
        "response-socket-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.response_socket_timeout),
        "0, which means the value of `socket-timeout=`",
        "The maximum time of one write to the client while a response of the group is sent.",
    ),
    row(
        Chapter::Time,
        "queue-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.queue_timeout),
        "0, none",
        "How long a request may wait for a free worker thread, before it gets 504 without reaching the application. While the group has no process \
         yet, `connect-timeout=` applies instead.",
    ),
    row(
        Chapter::Time,
        "startup-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.startup_timeout),
        "0, none",
        "How long a process may take to load its scripts, or, if it knows none beforehand, to load the script of its first request. Then it is \
         replaced. A reload that takes longer (60 seconds if this is 0) is abandoned, and the old code continues to serve.",
    ),
    row(
        Chapter::Time,
        "request-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.request_timeout),
        "0, none",
        "How long a request may run. Then its process is replaced. With `interrupt-timeout=`, first only the request is ended.",
    ),
    row(
        Chapter::Time,
        "interrupt-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.interrupt_timeout),
        "0, none",
        "When `request-timeout=` expires, `mod_wsgi.RequestTimeout` is raised in the request. The client gets 504, unless the application handles the \
         exception within a second. If the request is still running after `interrupt-timeout=`, its process is replaced.",
    ),
    row(
        Chapter::Time,
        "deadlock-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.deadlock_timeout),
        "300; 0: none",
        "If no thread of a process can acquire the GIL for this time, the process is replaced.",
    ),
    row(
        Chapter::Time,
        "inactivity-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.inactivity_timeout),
        "0, none",
        "If a process has had no request for this time, it is replaced by a new one.",
    ),
    row(
        Chapter::Time,
        "graceful-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.graceful_timeout),
        "15",
        "How long running requests may continue when a process is replaced because of `maximum-requests=`, `restart-interval=` or `cpu-time-limit=`. \
         If the option is set explicitly, it also limits this time for a reload and for `apachectl graceful`. 0: running requests have only \
         `shutdown-timeout=`, but a reload still waits for its requests.",
    ),
    row(
        Chapter::Time,
        "eviction-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.eviction_timeout),
        "0, which means the value of `graceful-timeout=`",
        "As `graceful-timeout=`, but after the signal `SIGUSR1` to the process.",
    ),
    row(
        Chapter::Time,
        "shutdown-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.shutdown_timeout),
        "5; 0: no limit",
        "How long a process that was asked to exit may take, including running requests and exit functions. Then it is killed.",
    ),
    row(
        Chapter::Time,
        "restart-interval",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.restart_interval),
        "0, never",
        "The age at which a process is replaced.",
    ),
    row(
        Chapter::Time,
        "maximum-requests",
        Form::Large(Range::from(0), Unit::Count, |typed| &mut typed.maximum_requests),
        "0, no limit",
        "The number of requests after which a process is replaced.",
    ),
    row(
        Chapter::Time,
        "cpu-time-limit",
        Form::Large(Range::from(0), Unit::Seconds, |typed| &mut typed.cpu_time_limit),
        "0, none",
        "The processor time after which a process is replaced (`RLIMIT_CPU`).",
    ),
    row(
        Chapter::Time,
        "reload-wait",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.reload_wait),
        "10",
        "How long a request that detects a changed script waits for the new code, before the old code serves it. 0: no wait.",
    ),
    row(
        Chapter::Time,
        "overlap",
        Form::Switch(|typed| &mut typed.overlap),
        "On",
        "On: a process exits when its replacement is ready, so both exist for a short time. Off: the old process exits before the new one starts, and \
         requests wait. Use Off for applications that own a port or a lock.",
    ),
    row(
        Chapter::Time,
        "reload",
        Form::Reload(|typed| &mut typed.reload_always),
        "changed",
        "Whether a graceful restart of httpd replaces the processes. `changed`: they are replaced only if an option of the group, its interpreter, a \
         script or a loaded module has changed. The old processes serve until the new ones are ready. `always`: they are always replaced.",
    ),
    row(
        Chapter::Python,
        "python",
        Form::Executable(|typed| &mut typed.python),
        "the Python of `python-home=`, otherwise of `WSGIPythonHome`, otherwise the system's Python",
        "The Python executable of the group. Each group may use another version. This option and `python-home=` exclude each other.",
    ),
    row(
        Chapter::Python,
        "python-home",
        Form::Home(|typed| &mut typed.python_home),
        "`WSGIPythonHome`",
        "The virtual environment of the group, or the prefix of its Python installation.",
    ),
    row(
        Chapter::Python,
        "python-path",
        Form::Paths(|typed| &mut typed.python_path),
        "none",
        "Directories that are added to the front of `sys.path`. Their `.pth` files are processed.",
    ),
    row(
        Chapter::Python,
        "python-eggs",
        Form::Path(|typed| &mut typed.python_eggs),
        "none",
        "The directory to which zipped eggs are extracted (`PYTHON_EGG_CACHE`).",
    ),
    row(
        Chapter::Python,
        "preload",
        Form::Preload(|typed| &mut typed.preload),
        "auto",
        "Whether a process loads the scripts that `WSGIScriptAlias` maps to the group when it starts, before its first request. auto: if there are at \
         most four. Scripts of `WSGIImportScript` are always loaded.",
    ),
    row(
        Chapter::Python,
        "switch-interval",
        Form::Fraction(|typed| &mut typed.switch_interval),
        "Python's default, 0.005",
        "How long a thread keeps the GIL while other threads wait for it.",
    ),
    row(
        Chapter::Python,
        "server-metrics",
        Form::Switch(|typed| &mut typed.server_metrics),
        "Off",
        "Whether applications may call `mod_wsgi.server_metrics()`, which returns the state of all processes and threads of httpd, including clients \
         and requests of every virtual host.",
    ),
];
