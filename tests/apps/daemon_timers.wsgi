"""Applications that take their time, by path; the query says how much."""

import ctypes
import itertools
import os
import subprocess
import sys
import time

import mod_wsgi

mod_wsgi.subscribe_shutdown(lambda name, shutdown_reason: print(f"{os.getpid()} ends: {shutdown_reason}", file=sys.stderr))

HEARD = []


def hears(name, **payload):
    HEARD.append(f"{name} {sorted(payload.items())}")
    return {"more": len(HEARD)}


def fails(name, signame, signum, more):
    raise KeyError(f"{signame} for the trial")


if mod_wsgi.process_group == "hears":
    assert mod_wsgi.subscribe_signals(hears) is hears
    mod_wsgi.subscribe_signals(fails)
    mod_wsgi.subscribe_signals(hears)

PLAIN = [("Content-Type", "text/plain")]


def pid(environ, start_response):
    start_response("200 OK", PLAIN)
    return [str(os.getpid()).encode()]


def turn_in_circles(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def loop(environ, start_response):
    turn_in_circles(float(environ["QUERY_STRING"]))
    return pid(environ, start_response)


def work(environ, start_response):
    """Uses the processor for so long, however many others do."""
    end = time.process_time() + float(environ["QUERY_STRING"])
    while time.process_time() < end:
        pass
    return pid(environ, start_response)


def late(environ, start_response):
    """Loops when it has begun to answer."""
    start_response("200 OK", PLAIN)
    yield b"begun"
    turn_in_circles(float(environ["QUERY_STRING"]))


def native(environ, start_response):
    """A body that waits and ends without running a line of Python, so that nothing raises what was set on the thread meanwhile."""
    start_response("200 OK", PLAIN)
    waits = map(time.sleep, [float(environ["QUERY_STRING"])])
    return itertools.compress([b"-", b"slept"], itertools.chain(waits, [1]))


def answer(environ, start_response):
    """Has an answer of its own for the exception."""
    try:
        turn_in_circles(10)
    except mod_wsgi.RequestTimeout:
        start_response("408 Too Slow", PLAIN)
        return [b"its own answer"]


BUSY = []


def busy(environ, start_response):
    """How many requests nothing ends."""
    start_response("200 OK", PLAIN)
    return [str(len(BUSY)).encode()]


def ignore(environ, start_response):
    """Lets nothing end it."""
    BUSY.append(1)
    end = time.monotonic() + float(environ["QUERY_STRING"])
    while time.monotonic() < end:
        try:
            time.sleep(0.05)
        except BaseException:
            pass
    return pid(environ, start_response)


def hold(environ, start_response):
    """A C function that keeps the interpreter's lock."""
    ctypes.PyDLL(None).sleep(int(environ["QUERY_STRING"]))
    return pid(environ, start_response)


def grip(environ, start_response):
    """The same in a call that goes on after a signal: until a program ends that has the pipe's other end."""
    reading, writing = os.pipe()
    holder = subprocess.Popen(["sleep", environ["QUERY_STRING"]], pass_fds=[writing])
    os.close(writing)
    ctypes.PyDLL(None).read(reading, ctypes.create_string_buffer(1), 1)
    os.close(reading)
    holder.wait()
    return pid(environ, start_response)


def hang(environ, start_response):
    """The same for ever: a lock that waits for itself."""
    library, lock = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
    library.pthread_mutex_lock(lock)
    library.pthread_mutex_lock(lock)


def signal(environ, start_response):
    os.kill(os.getpid(), int(environ["QUERY_STRING"]))
    return pid(environ, start_response)


def finish(environ, start_response):
    """Takes its time, and says when it has done its work: not as a line of the request's, whose client may have gone."""
    BUSY.append(1)
    time.sleep(float(environ["QUERY_STRING"]))
    BUSY.pop()
    os.write(2, b"the work is done\n")
    return pid(environ, start_response)


def heard(environ, start_response):
    start_response("200 OK", PLAIN)
    return ["; ".join(HEARD).encode()]


def sleep(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"]))
    return pid(environ, start_response)


def quiet(environ, start_response):
    return pid(environ, start_response)


PAGES = {f.__name__: f for f in (pid, loop, work, late, native, answer, busy, ignore, hold, grip, hang, finish, heard, signal, sleep, quiet)}


def application(environ, start_response):
    return PAGES[environ["PATH_INFO"].strip("/")](environ, start_response)
