"""Applications that fork, or end their process."""

import ctypes
import os
import sys

from fixture import Paths, query, text

application = Paths()


@application.path("/pid", validated=False)
def pid(environ, start_response):
    return text(start_response, str(os.getpid()))


@application.path("/comes_back", validated=False)
def comes_back(environ, start_response):
    """The child leaves the request as its parent does."""
    child = os.fork()
    if child == 0:
        how = query(environ)["how"]
        if how == "exit":
            sys.exit(0)
        if how == "raise":
            raise ValueError("in the child")
        return text(start_response, "the child's answer")
    return text(start_response, f"the parent's answer {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}")


@application.path("/reads", validated=False)
def reads(environ, start_response):
    """The child tries to read the body first."""
    body = environ["wsgi.input"]
    end, start = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(start, b"read %d" % len(body.read()))
        except OSError:
            os.write(start, b"failed")
        finally:
            os._exit(0)
    os.close(start)
    os.waitpid(child, 0)
    with open(end, "rb") as heard:
        return text(start_response, heard.read().decode() + " " + body.read().decode())


@application.path("/exit", validated=False)
def exit_with_the_lock(environ, start_response):
    """What an extension does that calls exit(): Python's lock is held meanwhile."""
    ctypes.PyDLL(None).exit(9)
