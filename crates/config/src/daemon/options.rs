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
        "The user whose rights the processes have. Works only if httpd is started as root; root itself is refused.",
    ),
    row(
        Chapter::Identity,
        "group",
        Form::Group { root: false, field: |typed| &mut typed.group },
        "httpd's `Group`",
        "The primary group of the processes. Root's group is refused.",
    ),
    row(
        Chapter::Identity,
        "supplementary-groups",
        Form::Groups(|typed| &mut typed.supplementary_groups),
        "those that the system lists for the user",
        "The further groups of the processes, and no others. Needs root. Root's group is refused; any other is given if it is named here, `shadow` and \
         `disk` as well.",
    ),
    row(
        Chapter::Identity,
        "umask",
        Form::Octal(|typed| &mut typed.options.umask),
        "httpd's",
        "The bits that files made by the application do not get, as `umask=0027`.",
    ),
    row(
        Chapter::Identity,
        "chroot",
        Form::Absolute(|typed| &mut typed.chroot),
        "none",
        "The directory that is the root of all paths for the processes. Interpreter, libraries, engine and scripts must lie in it; configtest says \
         what is missing. `WSGIScriptAlias` names a script as Apache sees it, the other options name paths as they are inside. Needs root.",
    ),
    row(
        Chapter::Identity,
        "home",
        Form::Absolute(|typed| &mut typed.home),
        "with `user=` of another user than httpd's, where httpd is started by root: that user's home; else httpd's working directory",
        "The working directory. It is also the first entry of `sys.path`.",
    ),
    row(Chapter::Identity, "lang", Form::Text(|typed| &mut typed.lang), "httpd's", "The environment variable `LANG`."),
    row(
        Chapter::Identity,
        "locale",
        Form::Text(|typed| &mut typed.locale),
        "httpd's",
        "The environment variable `LC_ALL`, as `locale=C.UTF-8`: it decides how Python encodes file names and standard output. \
         `setlocale(LC_ALL)` is called with it, too.",
    ),
    row(
        Chapter::Identity,
        "display-name",
        Form::Text(|typed| &mut typed.display_name),
        "`%{GROUP}`",
        "What `ps` shows for the processes; `%{GROUP}` stands for `(wsgi:NAME)`.",
    ),
    row(
        Chapter::Identity,
        "cpu-priority",
        Form::Priority(|typed| &mut typed.cpu_priority),
        "0",
        "The nice value; a higher one gives way to others. Below 0 needs root.",
    ),
    row(
        Chapter::Identity,
        "socket-user",
        Form::User { root: true, field: |typed| &mut typed.socket_user },
        "httpd's `User`",
        "The owner of the group's socket file, for servers whose children do not run as `User`.",
    ),
    row(
        Chapter::Identity,
        "script-user",
        Form::User { root: true, field: |typed| &mut typed.script_user },
        "none",
        "The script and its directory must belong to this user, and neither group nor others may write them; else the request gets 403. Looked at again \
         when a process loads a script, at the file that it has opened: also at start (`preload=`) and for scripts of `WSGIImportScript` and \
         `WSGIHandlerScript`, which may be root's own as well.",
    ),
    row(
        Chapter::Identity,
        "script-group",
        Form::Group { root: true, field: |typed| &mut typed.script_group },
        "none",
        "The script and its directory must belong to this group, and others may not write them; else the request gets 403. \
         Looked at again at each load, as with `script-user=`, which it excludes.",
    ),
    row(
        Chapter::Identity,
        "no-new-privileges",
        Form::Switch(|typed| &mut typed.no_new_privileges),
        "On where the group runs as another user than httpd's, else Off",
        "On: nothing that the processes start can gain rights (`sudo` and other set-uid programs run without them).",
    ),
    row(
        Chapter::Identity,
        "dumpable",
        Form::Switch(|typed| &mut typed.dumpable),
        "Off where the group runs as another user than httpd's, else On",
        "Off: no core dumps, and no process of the same user can look into these (`ptrace`, `/proc/PID/mem`, `/proc/PID/environ`).",
    ),
    row(
        Chapter::Identity,
        "env-inherit",
        Form::Variables(|typed| &mut typed.env_inherit),
        "where the group runs as another user than httpd's: `PATH,LANG,LANGUAGE,LC_*,TZ,TZDIR,TMPDIR,USER,USERNAME,LOGNAME,LD_LIBRARY_PATH,\
         MALLOC_*,GLIBC_TUNABLES`; else `all`",
        "Which variables of httpd's own environment the processes get, besides those that other options set: `all`, `none`, or names with commas \
         between them, in which `*` stands for any characters, as `env-inherit=PATH,LC_*,DATABASE_URL`. Those that are meant for httpd itself \
         (`LISTEN_*`, `NOTIFY_SOCKET`, `WATCHDOG_*`) and `PYTHONHOME` are never among them.",
    ),
    row(
        Chapter::Identity,
        "env",
        Form::Assignment(|typed| &mut typed.options.env),
        "none",
        "An environment variable of the processes, in place before Python starts: `os.environ` has it, as `env=DJANGO_SETTINGS_MODULE=shop.settings`. May be written several times. It takes          the place of a variable of the same name of httpd or of `env-file=`. The line is in httpd's configuration and memory, so a secret belongs in a file of `env-file=`.",
    ),
    row(
        Chapter::Identity,
        "env-file",
        Form::Files(|typed| &mut typed.options.env_files),
        "none",
        "A file with environment variables of the processes: `NAME=VALUE` on each line; empty lines and lines that begin with `#` are ignored, quotes around a value are removed. May be          written several times. Read each time a process starts. A file that root owns, in directories that root owns, and that no other user may write to, is read by root, so the          group's user need not be able to read it; any other file is read as the group's user. `ps` shows none of its values.",
    ),
    row(
        Chapter::Identity,
        "descriptors",
        Form::Switch(|typed| &mut typed.descriptors),
        "On where the processes run as httpd's own user, else Off",
        "On: the process passes the descriptor of a file that the application returns, and Apache sends the file itself. A hostile process can pass a descriptor whose \
         `close()` never returns, so leave it Off for users that you trust less than httpd's. Off: the process copies the file through the socket.",
    ),
    row(
        Chapter::Size,
        "processes",
        Form::Small(sizes::PROCESSES, Unit::Count, |typed| &mut typed.processes),
        "1",
        "How many processes the group has. Given at all, be it 1, it makes `wsgi.multiprocess` true.",
    ),
    row(
        Chapter::Size,
        "threads",
        Form::Small(Range { min: 0, max: 65533, or_zero: true }, Unit::Count, |typed| &mut typed.threads),
        "15",
        "How many requests a process runs at a time. 0 makes the group a service: its `WSGIImportScript`s run on the main thread, and no requests come.",
    ),
    row(
        Chapter::Size,
        "stack-size",
        Form::Large(sizes::STACK, Unit::Bytes, |typed| &mut typed.stack_size),
        "the system's (`ulimit -s`)",
        "The stack of a worker thread. A deep recursion needs a large one, up to Python 3.10 also one of Python functions. At most 1 GiB.",
    ),
    row(
        Chapter::Size,
        "listen-backlog",
        Form::Small(Range::from(0), Unit::Count, |typed| &mut typed.listen_backlog),
        "100",
        "How many requests may wait for a free thread of the group; 0 counts as 1. Further ones get 503 at once.",
    ),
    row(
        Chapter::Size,
        "maximum-in-flight",
        Form::Small(Range::from(0), Unit::Count, |typed| &mut typed.maximum_in_flight),
        "twice (for a reload) what the group has: `processes=` times `threads=`, and `listen-backlog=`",
        "How many requests for the group may be in httpd's workers at a time, in all children together, whatever the group's processes do. Further ones get 503 at once. 0: no limit.",
    ),
    row(
        Chapter::Size,
        "send-buffer-size",
        Form::Small(Range::zero_or_from(512), Unit::Bytes, |typed| &mut typed.send_buffer_size),
        "0, the system's",
        "The kernel's buffer from the processes to Apache.",
    ),
    row(
        Chapter::Size,
        "receive-buffer-size",
        Form::Small(Range::zero_or_from(512), Unit::Bytes, |typed| &mut typed.receive_buffer_size),
        "0, the system's",
        "The kernel's buffer from Apache to the processes.",
    ),
    row(
        Chapter::Size,
        "header-buffer-size",
        Form::Small(Range::zero_or_from(8192), Unit::Bytes, |typed| &mut typed.header_buffer_size),
        "0, which is 32768",
        "The longest response header that is accepted from the application; with a longer one the request gets 500.",
    ),
    row(
        Chapter::Size,
        "response-buffer-size",
        Form::Large(Range::zero_or_from(65536), Unit::Bytes, |typed| &mut typed.response_buffer_size),
        "0, which is 8388608",
        "How much of a response may pile up in Apache before it waits for the client.",
    ),
    row(
        Chapter::Size,
        "response-flush-delay",
        Form::Small(Range::from(0), Unit::Milliseconds, |typed| &mut typed.response_flush_delay),
        "5",
        "How long Apache waits for more of a response before it sends on what has come. 0: not at all.",
    ),
    row(
        Chapter::Size,
        "memory-limit",
        Form::Large(sizes::DATA, Unit::Bytes, |typed| &mut typed.memory_limit),
        "0, none",
        "The data segment of a process (`RLIMIT_DATA`), to which Linux counts the threads' stacks too; beyond it Python raises `MemoryError`.",
    ),
    row(
        Chapter::Size,
        "virtual-memory-limit",
        Form::Large(sizes::ADDRESSES, Unit::Bytes, |typed| &mut typed.virtual_memory_limit),
        "0, none",
        "The address space of a process (`RLIMIT_AS`).",
    ),
    row(
        Chapter::Time,
        "connect-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.connect_timeout),
        "15",
        "How long a request waits for a group that is starting; then it gets 503.",
    ),
    row(
        Chapter::Time,
        "socket-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.socket_timeout),
        "0, which is httpd's `Timeout`",
        "How long one read or write between Apache and a process may take. Without a sign of the response the request gets 504.",
    ),
    row(
        Chapter::Time,
        "response-socket-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.response_socket_timeout),
        "0, which is as `socket-timeout=`",
        "How long one write to the client may take while a response of the group goes out.",
    ),
    row(
        Chapter::Time,
        "queue-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.queue_timeout),
        "0, none",
        "How long a request may wait for a free thread; then it gets 504 and the application never sees it. The time in which the group has \
         no process yet counts against `connect-timeout=` alone.",
    ),
    row(
        Chapter::Time,
        "startup-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.startup_timeout),
        "0, none",
        "How long a process may take to load its scripts, or from its first request to its first script if none is known beforehand; then it is \
         replaced. A reload that takes longer (60 seconds if this is 0) is given up, \
         and the old code serves on.",
    ),
    row(
        Chapter::Time,
        "request-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.request_timeout),
        "0, none",
        "How long a request may run. Then its process is replaced; with `interrupt-timeout=` the request alone is ended first.",
    ),
    row(
        Chapter::Time,
        "interrupt-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.interrupt_timeout),
        "0, none",
        "When a request runs into `request-timeout=`, `mod_wsgi.RequestTimeout` is raised in it, which the client sees as 504 \
         unless the application answers the exception itself within a second. If it still runs after so long, its process is replaced.",
    ),
    row(
        Chapter::Time,
        "deadlock-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.deadlock_timeout),
        "300; 0: none",
        "How long no thread of a process may get the interpreter's lock; then the process is replaced.",
    ),
    row(
        Chapter::Time,
        "inactivity-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.inactivity_timeout),
        "0, none",
        "How long a process may be without a request; then it is replaced by a fresh one.",
    ),
    row(
        Chapter::Time,
        "graceful-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.graceful_timeout),
        "15",
        "How long running requests may go on when a process is replaced because of `maximum-requests=`, `restart-interval=` or `cpu-time-limit=`. \
         Written out, it also bounds that time at a reload and at `apachectl graceful`. 0: no such time, and `shutdown-timeout=` for what runs; \
         a reload waits for its requests all the same.",
    ),
    row(
        Chapter::Time,
        "eviction-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.eviction_timeout),
        "0, which is as `graceful-timeout=`",
        "The same after a signal to the process (`SIGUSR1`).",
    ),
    row(
        Chapter::Time,
        "shutdown-timeout",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.shutdown_timeout),
        "5; 0: no limit",
        "How long a process may take to end once it is told to, exit functions and what still runs included; then it is killed.",
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
        "After how many requests a process is replaced.",
    ),
    row(
        Chapter::Time,
        "cpu-time-limit",
        Form::Large(Range::from(0), Unit::Seconds, |typed| &mut typed.cpu_time_limit),
        "0, none",
        "After how much processor time a process is replaced (`RLIMIT_CPU`).",
    ),
    row(
        Chapter::Time,
        "reload-wait",
        Form::Small(SECONDS, Unit::Seconds, |typed| &mut typed.reload_wait),
        "10",
        "How long the request that finds a changed script waits for the new code; then the old code answers it. 0: not at all.",
    ),
    row(
        Chapter::Time,
        "overlap",
        Form::Switch(|typed| &mut typed.overlap),
        "On",
        "On: a process is replaced when its successor is ready, so both exist for a moment. Off: requests wait while the old one ends and the new \
         one starts, for applications that own a port or a lock.",
    ),
    row(
        Chapter::Time,
        "reload",
        Form::Reload(|typed| &mut typed.reload_always),
        "changed",
        "What a graceful restart of Apache does to the processes. `changed`: they go on, unless an option of the group, its interpreter, a script or a module \
         that they have loaded has changed; then they are replaced, and the old ones serve until the new ones do. `always`: they are always replaced.",
    ),
    row(
        Chapter::Python,
        "python",
        Form::Executable(|typed| &mut typed.python),
        "that of `python-home=`, else of `WSGIPythonHome`, else the system's",
        "The Python executable that the group runs on; every group may have another version. Excludes `python-home=`.",
    ),
    row(
        Chapter::Python,
        "python-home",
        Form::Home(|typed| &mut typed.python_home),
        "`WSGIPythonHome`",
        "The directory of the virtual environment, or the prefix of the installation, whose Python the group runs on.",
    ),
    row(
        Chapter::Python,
        "python-path",
        Form::Paths(|typed| &mut typed.python_path),
        "none",
        "Directories put at the front of `sys.path`; their `.pth` files count.",
    ),
    row(
        Chapter::Python,
        "python-eggs",
        Form::Path(|typed| &mut typed.python_eggs),
        "none",
        "The directory that zipped eggs are unpacked to (`PYTHON_EGG_CACHE`).",
    ),
    row(
        Chapter::Python,
        "preload",
        Form::Preload(|typed| &mut typed.preload),
        "auto",
        "Whether the scripts that `WSGIScriptAlias` maps to the group are loaded when a process starts, before its first request. \
         auto: if they are at most four. Those of `WSGIImportScript` always are.",
    ),
    row(
        Chapter::Python,
        "switch-interval",
        Form::Fraction(|typed| &mut typed.switch_interval),
        "Python's own, 0.005",
        "How long a thread keeps the interpreter's lock while others wait.",
    ),
    row(
        Chapter::Python,
        "server-metrics",
        Form::Switch(|typed| &mut typed.server_metrics),
        "Off",
        "Whether applications may ask with `mod_wsgi.server_metrics()` what all of Apache's processes and threads do: clients and requests of every host are in it.",
    ),
];
