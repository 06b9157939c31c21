"""Prepares one interpreter of mod_wsgi_rs: sys.path, standard streams, the modules mod_wsgi and apache.

Runs once per interpreter, before any application. What requests need is native; this is what would be long-winded in C and is
not on a request's path.
"""
import builtins
import io
import os
import sys

_host = None
_settings = None
event_callbacks = []
active_requests = {}
_shutdown_callbacks = []
_signal_callbacks = []
_warnings_original = None

# What C extensions say that work only in the main interpreter.
_MAIN_ONLY = (
    "does not support loading in subinterpreters",
    "Interpreter change detected",
    "can only be loaded into one interpreter",
    "do not yet support subinterpreters",
    "does not yet support subinterpreters",
    "cannot load module more than once per process",
    "may only be initialized once per interpreter process",
)


class RequestTimeout(BaseException):
    """A request ran out of its time (request-timeout with interrupt-timeout)."""


RequestTimeout.__module__ = "mod_wsgi"


class _RestrictedStdin:
    """sys.stdin under WSGIRestrictStdin: any use is an error that says so."""

    def __getattribute__(self, name):
        raise OSError("sys.stdin access restricted by mod_wsgi (WSGIRestrictStdin On)")


class _RestrictedStdout:
    """sys.stdout under WSGIRestrictStdout: any use is an error that says so."""

    def __getattribute__(self, name):
        raise OSError("sys.stdout access restricted by mod_wsgi (WSGIRestrictStdout On): write to environ['wsgi.errors'] or sys.stderr")


class _LogBuffer(io.BufferedIOBase):
    """The binary stream below a text stream of ours: a sink makes records of Apache's error log of its lines."""

    mode = "wb"
    # The server closes it.
    closed = False

    def __init__(self, sink, name):
        self.sink = sink
        self.name = name

    def writable(self):
        return True

    def write(self, data):
        return self.sink.write(data)

    def flush(self):
        self.sink.flush()

    def close(self):
        self.flush()

    def fileno(self):
        raise io.UnsupportedOperation("the stream goes to Apache's error log and has no file descriptor")


class _LogText(io.TextIOWrapper):
    """A text stream whose whole lines go to Apache's error log at once. To its base class it is written through, not line buffered: that would
    flush the beginning of a line that follows a newline as a line of its own."""

    mode = "w"
    line_buffering = True

    def __init__(self, buffer):
        super().__init__(buffer, encoding="utf-8", errors="replace", write_through=True)

    def reconfigure(self, *, line_buffering=None, write_through=None, **others):
        """Lines stay whole, whatever is asked for."""
        super().reconfigure(**others)


class ErrorStream(_LogText):
    """wsgi.errors. One that the application has changed is not used for another request."""

    def __setattr__(self, name, value):
        self.buffer.sink.changed()
        super().__setattr__(name, value)

    def reconfigure(self, **options):
        self.buffer.sink.changed()
        super().reconfigure(**options)

    def detach(self):
        self.buffer.sink.changed()
        return super().detach()


for _class in (_LogBuffer, _LogText, ErrorStream):
    _class.__module__ = "mod_wsgi"
del _class


def error_stream(sink):
    """A stream for wsgi.errors, and the binary one below it."""
    buffer = _LogBuffer(sink, "<wsgi.errors>")
    return ErrorStream(buffer), buffer


def set_up(host, sink_class, file_wrapper, settings):
    global _host, _settings
    _host, _settings = host, settings
    sys.argv = ["mod_wsgi"]
    _set_up_environment()
    _set_up_locale()
    # Before the path: what a .pth file has to say belongs into the log as any other line.
    _set_up_streams(sink_class)
    _set_up_path()
    _set_up_modules(file_wrapper)
    import threading  # noqa: F401  (early, so that main_thread() is no request's thread)

    _set_up_warnings()
    if settings["service"]:
        _end_on_sigterm()
    elif settings["restrict_signal"]:
        _restrict_signal()
    if settings["switch_interval"] > 0:
        sys.setswitchinterval(settings["switch_interval"])


def _set_up_environment():
    if _settings["hash_seed_set"]:
        os.environ.pop("PYTHONHASHSEED", None)
    if _settings["home_set"]:
        os.environ.pop("PYTHONHOME", None)
    # In an Apache child these are as they should be since before there were threads, which may be reading the environment.
    if _settings["python_eggs"] and os.environ.get("PYTHON_EGG_CACHE") != _settings["python_eggs"]:
        os.environ["PYTHON_EGG_CACHE"] = _settings["python_eggs"]


def _set_up_locale():
    """The whole locale that `locale=` names: Python itself takes only LC_CTYPE from LC_ALL."""
    if not _settings["locale"]:
        return
    import _locale

    try:
        _locale.setlocale(_locale.LC_ALL, _settings["locale"])
    except _locale.Error:
        _host.log_code(_settings["locale_refused"], "the locale %r of `locale=` is not installed, so the process uses the locale C. To fix: install it, or name "
                    "a locale that `locale -a` lists" % _settings["locale"])


def _set_up_path():
    """Each directory as site.addsitedir does it; whatever that adds goes to the front, in its order."""
    import site

    before = list(sys.path)
    for directory in _settings["python_path"]:
        if not os.path.isdir(directory):
            _host.log_code(_settings["path_missing"], "the directory %r of %s does not exist, or the user of this process cannot read it. To fix: correct "
                        "the path, or its permissions" % (directory, _directive("python-path=", "WSGIPythonPath")))
        site.addsitedir(directory)
    added = [entry for entry in sys.path if entry not in before]
    sys.path[:] = added + before
    if _settings["first_path"]:
        sys.path.insert(0, _settings["first_path"])


def _set_up_streams(sink_class):
    """sys.__stdout__ and sys.__stderr__ stay what Python has made: files with descriptors, for faulthandler and the like."""
    sys.stderr = _LogText(_LogBuffer(sink_class(), "<stderr>"))
    if _settings["restrict_stdout"]:
        sys.stdout = _RestrictedStdout()
    elif not _settings["single_process"]:
        sys.stdout = _LogText(_LogBuffer(sink_class(), "<stdout>"))
    if _settings["restrict_stdin"]:
        sys.stdin = _RestrictedStdin()


def _set_up_modules(file_wrapper):
    module = type(sys)("mod_wsgi", "What mod_wsgi offers to applications.")
    module.__dict__.update(
        version=_settings["version"],
        rs_version=_settings["rs_version"],
        process_group=_settings["process_group"],
        application_group=_settings["application_group"],
        maximum_processes=_settings["maximum_processes"],
        threads_per_process=_settings["threads_per_process"],
        FileWrapper=file_wrapper,
        RequestTimeout=RequestTimeout,
        request_data=_host.request_data,
        server_metrics=_host.server_metrics,
        start_recording_metrics=_host.start_recording_metrics,
        request_metrics=_host.request_metrics,
        process_metrics=_host.process_metrics,
        subscribe_events=_subscribe_events,
        subscribe_shutdown=_subscribe_shutdown,
        shutdown_callbacks=_shutdown_callbacks,
        subscribe_signals=_subscribe_signals,
        signal_callbacks=_signal_callbacks,
        __getattr__=_late_attribute,
        __dir__=_names,
    )
    # Whoever has the PyPI package of that name finds its submodules (mod_wsgi.express) below ours.
    from importlib.machinery import PathFinder

    found = PathFinder.find_spec("mod_wsgi")
    if found is not None and found.submodule_search_locations:
        module.__path__ = list(found.submodule_search_locations)
    sys.modules["mod_wsgi"] = module

    apache = type(sys)("apache", "What is known of the Apache around us.")
    apache.version = _settings["apache_version"]
    apache.description = _settings["apache_description"]
    apache.build_date = _settings["apache_build_date"]
    apache.mpm_name = _settings["apache_mpm_name"]
    apache.maximum_processes = _settings["apache_maximum_processes"]
    apache.threads_per_process = _settings["apache_threads_per_process"]
    sys.modules["apache"] = apache


# What is kept only once somebody has asked for it, since it costs each request something.
_OBSERVED = {"event_callbacks": event_callbacks, "active_requests": active_requests}


def _names():
    """dir(mod_wsgi): with what is made late, and without what makes it."""
    names = set(vars(sys.modules["mod_wsgi"])) - {"__getattr__", "__dir__"}
    return sorted(names | {"LogHandler", *_OBSERVED})


def _late_attribute(name):
    """What is there when it is asked for."""
    if name == "LogHandler":
        return _make_log_handler()
    if name in _OBSERVED:
        _host.observe()
        setattr(sys.modules["mod_wsgi"], name, _OBSERVED[name])
        return _OBSERVED[name]
    raise AttributeError("module 'mod_wsgi' has no attribute %r" % name)


def _make_log_handler():
    """mod_wsgi.LogHandler, which needs logging."""
    import logging

    class LogHandler(logging.Handler):
        """Hands log records to Apache's error log, with their level, and their source as the line's origin."""

        def emit(self, record):
            try:
                if _host.logs(record.levelno):
                    _host.log(record.levelno, self.format(record), record.pathname, record.lineno)
            except RecursionError:
                raise
            except Exception:
                self.handleError(record)

    LogHandler.__module__ = "mod_wsgi"
    LogHandler.__qualname__ = "LogHandler"
    sys.modules["mod_wsgi"].LogHandler = LogHandler
    return LogHandler


def _set_up_warnings():
    global _warnings_original
    import warnings

    _warnings_original = warnings.showwarning
    warnings.showwarning = _show_warning


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """A warning goes to the log at level warn, unless it is meant for a file."""
    if file is not None:
        _warnings_original(message, category, filename, lineno, file, line)
        return
    import warnings

    _host.log(30, warnings.formatwarning(message, category, filename, lineno, line).rstrip("\n"), filename, lineno)


def _restrict_signal():
    """signal.signal() of an application would take httpd's handlers away: it is logged and ignored, except in processes
    that the application forks."""
    import _signal

    original, owner = _signal.signal, os.getpid()

    def signal(signalnum, handler):
        if os.getpid() != owner:
            return original(signalnum, handler)
        if _host.logs(20):
            import traceback

            _host.log(20, "Ignoring Python signal handler registration for signal %d (WSGIRestrictSignal On)\n%s"
                      % (signalnum, "".join(traceback.format_stack()[:-1]).rstrip("\n")))
        return handler

    _signal.signal = signal
    if "signal" in sys.modules and sys.modules["signal"].signal is original:
        sys.modules["signal"].signal = signal


def _end_on_sigterm():
    """A service script runs on the main thread until it is told to end: then it sees SystemExit, wherever it is."""
    import signal

    def end(signalnum, frame):
        raise SystemExit(0)

    try:
        signal.signal(signal.SIGTERM, end)
    except ValueError:
        pass  # a sub-interpreter: the main one has done it


def after_load():
    """Once a script has been loaded: a logging module that it imported gets our handler as its last resort, so that a record
    of an application that configures no logging keeps its level."""
    logging = sys.modules.get("logging")
    if logging is None:
        return
    last_resort = getattr(logging, "lastResort", None)
    if type(last_resort).__name__ == "_StderrHandler":
        logging.lastResort = _late_handler(last_resort.level)


def _late_handler(level):
    return sys.modules["mod_wsgi"].LogHandler(level)


# So many lines of a traceback are logged at most: a deep recursion, or a long chain, has no more to say.
_LONGEST_TRACEBACK = 2000
# So many frames of a stack, the innermost ones, and entries of sys.path.
_LONGEST_STACK = 500
_LONGEST_PATH = 500


def describe(kind, value, trace):
    import traceback

    if sum(1 for _ in _chain(value)) < _LONGEST_CHAIN:
        text = traceback.format_exception(kind, value, trace)
    else:
        # What led to it is left out: traceback would walk the chain to its end.
        last = "%s: %s\n[more than %d exceptions led to it]\n" % (kind.__name__, _text_of(value), _LONGEST_CHAIN)
        text = ["Traceback (most recent call last):\n", *traceback.format_tb(trace), last]
    lines = "".join(text).splitlines(True)
    if len(lines) > _LONGEST_TRACEBACK:
        half = _LONGEST_TRACEBACK // 2
        lines[half:-half] = ["  [%d lines are left out]\n" % (len(lines) - 2 * half)]
    return "".join(lines)


def stack_of(thread):
    """Where a thread is, the innermost frame last; empty if it runs no Python. Sources are not read yet: that may wait for a disk."""
    import traceback

    frame = sys._current_frames().get(thread)
    frames = traceback.StackSummary.extract(traceback.walk_stack(frame), limit=_LONGEST_STACK, lookup_lines=False) if frame is not None else []
    frames.reverse()
    return frames


def format_stack(frames):
    return "".join(frames.format()).rstrip("\n") if frames else "  (no Python code)"


# The application may put others in their places.
_stat = os.stat
_names_of = object.__getattribute__


def changed_file(since):
    """A file of a loaded module, of the interpreter or of its virtual environment that has changed at or after a time (microseconds since the epoch); "" if none has."""

    def is_newer(place):
        try:
            return _stat(place).st_ctime_ns // 1000 >= since
        except (OSError, ValueError):
            # In the middle of a deployment it comes back.
            return False

    places = [sys.executable, os.path.join(sys.prefix, "pyvenv.cfg")]
    for module in list(sys.modules.values()):
        try:
            names = _names_of(module, "__dict__")
        except Exception:
            continue
        place = names.get("__file__") if type(names) is dict else None
        if type(place) is str:
            places.append(place)
    return next((place for place in places if type(place) is str and place and is_newer(place)), "")


# What libraries say of something that another process has and that can be had but once.
_HELD = ("address already in use", "database is locked", "resource temporarily unavailable", "already locked", "could not be acquired")


# As BaseException itself keeps them: a subclass may have anything of these names.
_cause = BaseException.__dict__["__cause__"].__get__
_context = BaseException.__dict__["__context__"].__get__
# Groups are there from Python 3.11 on.
_Group = getattr(builtins, "BaseExceptionGroup", None)
_members = _Group.__dict__["exceptions"].__get__ if _Group else None
# How many exceptions that hang together are looked at.
_LONGEST_CHAIN = 500


def _chain(exception):
    """An exception, those that led to it and the members of groups, each once: a chain may lead back into itself (`raise error from error`)."""
    seen = set()
    waiting = [exception]
    while waiting and len(seen) < _LONGEST_CHAIN:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if _members and issubclass(type(one), _Group):
            waiting.extend(_members(one)[:_LONGEST_CHAIN])
        cause = _cause(one)
        waiting.append(cause if cause is not None else _context(one))


def _text_of(exception):
    """What an exception says; nothing if it can't be shown."""
    try:
        return str(exception)
    except Exception:
        return ""


def _is_held(exception):
    """Does an error, or one that led to it, tell of a port or a lock that somebody else has?"""
    import errno

    for one in _chain(exception):
        if isinstance(one, OSError) and one.errno in (errno.EADDRINUSE, errno.EAGAIN, errno.EWOULDBLOCK):
            return True
        text = _text_of(one).lower()
        if any(part in text for part in _HELD):
            return True
    return False


def explain_load(exception, script, succeeds):
    """What helps with a script that could not be imported: the cure where it is known, and what Python is looking at. The process
    `succeeds` another one that goes on serving meanwhile, or does not."""
    lines = []
    if succeeds and _is_held(exception):
        lines.append("To fix: set `overlap=Off` in the WSGIDaemonProcess of the group: then a process exits before its replacement starts. "
                     "The old process still holds the address or lock while the new one loads")
    for seen in _chain(exception):
        text = _text_of(seen)
        if isinstance(seen, ImportError) and any(part in text for part in _MAIN_ONLY):
            lines.append("To fix: set `WSGIApplicationGroup %%{GLOBAL}` for this script (or `application-group=%%{GLOBAL}`, if its alias has that "
                         "option), and for every other script of this process group that needs such a module. The extension module works only in "
                         "Python's main interpreter, and this script runs in the sub-interpreter %r"
                         % _settings["application_group"])
            break
    if isinstance(exception, ImportError):
        from itertools import islice

        lines.append("interpreter: %s (Python %s), sys.prefix: %s" % (sys.executable, sys.version.split()[0], sys.prefix))
        lines.append("sys.path: %s" % os.pathsep.join(map(str, islice(sys.path, _LONGEST_PATH))))
        if isinstance(exception, ModuleNotFoundError) and exception.name:
            lines.append(_where_to_find(exception.name.partition(".")[0], script))
    return "\n".join(lines)


def is_asynchronous(application, answer):
    """Is it an ASGI application, or one that is a coroutine function? What it has answered, if anything, is told as well."""
    import inspect

    if inspect.iscoroutine(answer):
        answer.close()
        return True
    if inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(getattr(type(application), "__call__", None)):
        return True
    names = list(inspect.signature(application).parameters)
    return names[:1] == ["scope"] or names[-3:] == ["scope", "receive", "send"]


def _where_to_find(name, script):
    directory = os.path.dirname(os.path.abspath(script))
    for _ in range(3):
        for entry in (os.path.join(directory, name, "__init__.py"), os.path.join(directory, name + ".py")):
            if os.path.exists(entry):
                if _settings["process_group"]:
                    return "To fix: add `python-path=%s` to `WSGIDaemonProcess %s`: `%s` is in that directory, which is not on sys.path" % (
                        directory, _settings["process_group"], name)
                return "To fix: add `WSGIPythonPath %s`: `%s` is in that directory, which is not on sys.path" % (directory, name)
        if os.path.dirname(directory) == directory:
            break
        directory = os.path.dirname(directory)
    return "To fix: install `%s` in the environment above (`%s -m pip install ...`), or select the environment that contains it with %s" % (
        name, sys.executable, _directive("python-home=", "`WSGIPythonHome`"))


def _directive(option, directive):
    """What names the thing for this process: an option of its group, or the directive of embedded mode."""
    if _settings["process_group"]:
        return "`%s` of `WSGIDaemonProcess %s`" % (option, _settings["process_group"])
    return directive


def _subscribe_events(callback):
    _host.observe()
    event_callbacks.append(callback)
    return callback


def _subscribe_shutdown(callback):
    _shutdown_callbacks.append(callback)
    return callback


def _subscribe_signals(callback):
    if _settings["service"] or not _settings["process_group"]:
        where = "a service" if _settings["service"] else "an Apache child"
        _host.log_code(_settings["signals_not_told"], "mod_wsgi.subscribe_signals() has no effect in %s" % where)
    else:
        _signal_callbacks.append(callback)
    return callback


def _publish(callbacks, name, payload, code):
    """Calls those that were there before the first was called. What one returns as a dict is told to those after it."""
    for callback in list(callbacks):
        _quietly(lambda: payload.update(_dict_or_nothing(callback(name, **payload))), code)


def _dict_or_nothing(returned):
    return returned if isinstance(returned, dict) else {}


def publish_event(name, payload):
    """Tells of a request."""
    _publish(event_callbacks, name, payload, "event_failed")


def publish_signal(name, number):
    """Tells of a signal: how many wanted to hear of it."""
    callbacks = _signal_callbacks + event_callbacks
    _publish(callbacks, "process_signal", {"signame": name, "signum": number}, "event_failed")
    return len(callbacks)


def shut_down(reason):
    """What runs when the process ends: callbacks, and unless WSGIDestroyInterpreter is Off non-daemon threads and atexit functions.
    Python itself is not finalised."""
    _publish(_shutdown_callbacks + event_callbacks, "process_stopping", {"shutdown_reason": reason}, "shutdown_failed")
    if _settings["destroy_interpreter"]:
        _quietly(_join_threads)
        import atexit

        _quietly(atexit._run_exitfuncs)
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if issubclass(type(stream), io.TextIOWrapper):  # not isinstance: a restricted stream raises even at that
            _quietly(stream.flush)


def _join_threads():
    """As threading does at a normal exit: its own callbacks (concurrent.futures stops its workers there), then every
    thread that is not a daemon. threading._shutdown() itself waits for the main thread when it is called from another."""
    import threading

    for callback in reversed(getattr(threading, "_threading_atexits", [])):
        _quietly(callback)
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.main_thread() and thread is not threading.current_thread():
            thread.join()


_FAILED = {"shutdown_failed": "an exception at the end of the process", "event_failed": "a callback for an event raised an exception"}


def _quietly(action, code="shutdown_failed"):
    try:
        action()
    except BaseException as error:  # noqa: B902  (whatever it is, what was to be done goes on)
        _host.log_code(_settings[code], _FAILED[code] + "\n" + describe(type(error), error, error.__traceback__).rstrip("\n"))
