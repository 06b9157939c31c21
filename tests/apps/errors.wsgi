"""Applications that go wrong in every way."""

import os
import sys
import threading
import warnings

from fixture import Paths, query, text

application = Paths()
PLAIN = [("Content-Type", "text/plain")]


@application.path("/fine")
def fine(environ, start_response):
    return text(start_response, "pid=%d\nrequest_id=%s\n" % (os.getpid(), environ["mod_wsgi.request_id"]))


class Awkward(Exception):
    """An exception that cannot even be shown."""

    def __str__(self):
        raise ValueError("no text for you")

    __repr__ = __str__


def deep(level):
    return deep(level + 1)


def chained():
    try:
        {}["the first"]
    except KeyError as error:
        raise RuntimeError("the second") from error


def grouped():
    try:
        {}["the context"]
    except KeyError:
        raise RuntimeError("during handling")


RAISED = {
    "value": lambda: int("not a number"),
    "exit": lambda: sys.exit("leaving"),
    "exit-code": lambda: sys.exit(3),
    "keyboard": lambda: (_ for _ in ()).throw(KeyboardInterrupt()),
    "generator-exit": lambda: (_ for _ in ()).throw(GeneratorExit()),
    "timeout": lambda: (_ for _ in ()).throw(__import__("mod_wsgi").RequestTimeout()),
    "base": lambda: (_ for _ in ()).throw(BaseException("from the very base")),
    "memory": lambda: bytearray(1 << 62),
    "recursion": lambda: deep(0),
    "awkward": lambda: (_ for _ in ()).throw(Awkward()),
    "unicode": lambda: (_ for _ in ()).throw(ValueError("caf\xe9 \u20ac \U0001f600 \udcff")),
    "control": lambda: (_ for _ in ()).throw(ValueError("one\ntwo\x00three\x1b[31mred")),
    "long": lambda: (_ for _ in ()).throw(ValueError("x" * 100000)),
    "chained": chained,
    "grouped": grouped,
    "injected": lambda: (_ for _ in ()).throw(ValueError("a\n[Sat Nov 21 00:00:00.0 2026] [core:emerg] [pid 1:tid 1] forged")),
}


@application.path("/raise", validated=False)
def raises(environ, start_response):
    RAISED[query(environ)["what"]]()


@application.path("/raise-later", validated=False)
def raises_later(environ, start_response):
    """After `sent` bytes of the body. With a length, the response has a Content-Length."""
    asked = query(environ)
    headers = [*PLAIN, ("Content-Length", asked["length"])] if "length" in asked else PLAIN
    start_response("200 OK", headers)

    def items():
        if asked.get("sent"):
            yield asked["sent"].encode()
        RAISED[asked["what"]]()

    return items()


@application.path("/raise-after-start", validated=False)
def raises_after_start(environ, start_response):
    start_response("200 OK", [*PLAIN, ("X-Of-The-Failed", "yes")])
    RAISED[query(environ)["what"]]()


@application.path("/error-page", validated=False)
def error_page(environ, start_response):
    start_response("200 OK", PLAIN)
    raise ValueError("there is no page about it either")


@application.path("/in-thread")
def in_thread(environ, start_response):
    thread = threading.Thread(target=RAISED["value"], name="a-thread-of-the-application")
    thread.start()
    thread.join()
    return text(start_response, "joined")


@application.path("/unraisable")
def unraisable(environ, start_response):
    class Fails:
        def __del__(self):
            raise ValueError("cannot be raised")

    del [Fails()][0:1]
    return text(start_response, "deleted")


@application.path("/warn")
def warn(environ, start_response):
    warnings.warn("a word of warning", UserWarning)
    return text(start_response, "warned")
