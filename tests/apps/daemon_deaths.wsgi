"""Ways to die, by path."""

import ctypes
import faulthandler
import os
import sys
import time

PLAIN = [("Content-Type", "text/plain")]


def pid(environ, start_response):
    start_response("200 OK", PLAIN)
    return [str(os.getpid()).encode()]


ASLEEP = []


def asleep(environ, start_response):
    start_response("200 OK", PLAIN)
    return [str(len(ASLEEP)).encode()]


def sleep(environ, start_response):
    ASLEEP.append(1)
    time.sleep(float(environ["QUERY_STRING"]))
    return pid(environ, start_response)


def read_nowhere():
    ctypes.string_at(0)


def segv(environ, start_response):
    read_nowhere()


def abort(environ, start_response):
    os.abort()


def status(environ, start_response):
    os._exit(3)


def leave(environ, start_response):
    sys.exit("the application wants it")


def faults(environ, start_response):
    """Has its own use for faulthandler."""
    faulthandler.enable(2)
    read_nowhere()


def child(environ, start_response):
    """A child process dies alike, and its parent then otherwise."""
    forked = os.fork()
    if forked == 0:
        read_nowhere()
    os.waitpid(forked, 0)
    os._exit(4)


def much(environ, start_response):
    start_response("200 OK", PLAIN)
    return [str(len(b"x" * 4_000_000_000)).encode()]


PAGES = {f.__name__: f for f in (pid, asleep, sleep, segv, abort, status, leave, faults, child, much)}


def application(environ, start_response):
    return PAGES[environ["PATH_INFO"].strip("/")](environ, start_response)
