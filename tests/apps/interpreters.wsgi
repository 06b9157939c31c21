"""Interpreters, threads and modules: what is shared and what is not."""

import ctypes
import os
import subprocess
import sys
import threading

from fixture import Paths, query, text
from identity import interpreter_number, lines

application = Paths()
local = threading.local()
barriers = {}
lock = threading.Lock()
counter = 0


@application.path("/")
def who(environ, start_response):
    return text(start_response, lines(environ, "mod_wsgi.application_group", "mod_wsgi.process_group"))


@application.path("/count")
def count(environ, start_response):
    global counter
    with lock:
        counter += 1
    sys.count_of_this_interpreter = getattr(sys, "count_of_this_interpreter", 0) + 1
    return text(start_response, "module=%d\nsys=%d\npid=%d\n" % (counter, sys.count_of_this_interpreter, os.getpid()))


@application.path("/local")
def thread_local(environ, start_response):
    """How often this thread has served this path in this interpreter, by its own thread-local count."""
    local.count = getattr(local, "count", 0) + 1
    return text(start_response, "count=%d\nthread=%d\npid=%d\n" % (local.count, threading.get_ident(), os.getpid()))


@application.path("/threads")
def threads(environ, start_response):
    me, main = threading.current_thread(), threading.main_thread()
    body = "is_main=%r\nname=%s\nalive=%r\n" % (me is main, me.name, me.is_alive())
    return text(start_response, body + "in_enumerate=%r\n" % (me in threading.enumerate()))


@application.path("/barrier")
def barrier(environ, start_response):
    """Answers when `parties` requests are here at the same time."""
    asked = query(environ)
    with lock:
        meeting = barriers.setdefault(asked["key"], threading.Barrier(int(asked["parties"])))
    meeting.wait(15)
    return text(start_response, "met")


@application.path("/module")
def module(environ, start_response):
    """What the mod_wsgi and apache modules say. `dir()` comes first: it must name what nobody has asked for yet."""
    import apache
    import mod_wsgi

    listed = dir(mod_wsgi)
    names = ["version", "process_group", "application_group", "maximum_processes", "threads_per_process"]
    out = ["%s=%r" % (name, getattr(mod_wsgi, name)) for name in names]
    out += ["apache.%s=%r" % (name, getattr(apache, name)) for name in ["version", "mpm_name"]]
    out.append("apache.description=%r" % (apache.description[:7],))
    out.append("known=%r" % (sys.modules["mod_wsgi"] is mod_wsgi))
    names = [name for name in environ["HTTP_X_NAMES"].split() if hasattr(mod_wsgi, name)] if "HTTP_X_NAMES" in environ else []
    out.append("names=" + " ".join(names))
    out.append("unlisted=" + " ".join(name for name in names if name not in listed))
    out.append("rs_version=%s" % type(getattr(mod_wsgi, "rs_version", None)).__name__)
    out.append("FileWrapper=%r" % (mod_wsgi.FileWrapper is environ["wsgi.file_wrapper"].__class__ or mod_wsgi.FileWrapper.__name__))
    return text(start_response, "\n".join(out))


@application.path("/subprocess")
def run_a_process(environ, start_response):
    said = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True, timeout=30)
    return text(start_response, "said=%s\nstatus=%d\nerrors=%r\n" % (said.stdout.strip(), said.returncode, said.stderr))


@application.path("/thread-runs")
def thread_runs(environ, start_response):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(interpreter_number()))
    thread.start()
    thread.join(20)
    return text(start_response, "same=%r\n" % (seen == [interpreter_number()]))


@application.path("/callback")
def callback(environ, start_response):
    """A C function that calls back into Python, the way extension modules do (PyGILState_Ensure)."""
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    numbers = (ctypes.c_int * 5)(3, 1, 4, 1, 5)
    here = interpreter_number()
    seen = set()

    @compare
    def by_value(left, right):
        seen.add(interpreter_number())
        return left[0] - right[0]

    ctypes.CDLL(None).qsort(numbers, 5, ctypes.sizeof(ctypes.c_int), by_value)
    return text(start_response, "sorted=%r\nsame=%r\n" % (list(numbers), seen == {here}))


@application.path("/modules")
def modules(environ, start_response):
    """Is a module that one interpreter marked the same object in another?"""
    import fixture

    marked = getattr(fixture, "marked", None)
    fixture.marked = environ["mod_wsgi.application_group"]
    return text(start_response, "marked=%s\n" % marked)
