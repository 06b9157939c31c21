"""An application whose objects lie, call back where nobody expects it, and outlive their requests: each path is one case."""

import os
import sys
import threading

from fixture import Paths, query, text

application = Paths()
PLAIN = [("Content-Type", "text/plain")]
# What requests leave behind for later ones.
kept = {}


@application.path("/fine")
def fine(environ, start_response):
    return text(start_response, "pid=%d\n" % os.getpid())


class Liar(ValueError):
    """A class that says of itself what it is not."""


class Trace:
    """No traceback, though it looks like one."""

    tb_next = tb_frame = None
    tb_lasti = tb_lineno = 0


def traceback():
    try:
        raise ValueError("raised")
    except ValueError as error:
        return error.__traceback__


class FakeClass:
    """No class, though `isinstance(it, type)` says so."""

    __class__ = type
    __mro__ = __bases__ = ()


class LyingMeta(type):
    def __subclasscheck__(cls, other):
        return True

    def __instancecheck__(cls, other):
        return True


class Pretended(metaclass=LyingMeta):
    """A class that claims every exception, and is none."""


class Breaks(Exception):
    """An exception class whose instances can't be made."""

    def __new__(cls, *arguments):
        raise KeyError("no instance for you")


class Returns(Exception):
    """An exception class that makes something else."""

    def __new__(cls, *arguments):
        return 5


# Tuples that are not what sys.exc_info() returns.
EXC_INFOS = {
    "class-int": lambda: (int, 5, traceback()),
    "value-int": lambda: (ValueError, 5, traceback()),
    "value-of-another": lambda: (ValueError, KeyError("x"), traceback()),
    "class-text": lambda: ("ValueError", "x", None),
    "class-none": lambda: (None, ValueError("x"), None),
    "class-instance": lambda: (ValueError("x"), ValueError("x"), None),
    "class-fake": lambda: (FakeClass(), ValueError("x"), None),
    "class-pretended": lambda: (Pretended, ValueError("x"), None),
    "value-pretended": lambda: (ValueError, Pretended(), None),
    "trace-int": lambda: (ValueError, ValueError("x"), 5),
    "trace-fake": lambda: (ValueError, ValueError("x"), Trace()),
    "trace-text": lambda: (ValueError, ValueError("x"), "File x, line 1"),
    "short": lambda: (ValueError, ValueError("x")),
    "long": lambda: (ValueError, ValueError("x"), None, None),
    "list": lambda: [ValueError, ValueError("x"), None],
    "text": lambda: "abc",
    "none-class-and-trace": lambda: (None, None, traceback()),
}


@application.path("/wrong-exc-info", validated=False)
def wrong_exc_info(environ, start_response):
    """start_response after the head went out, with what is no exc_info."""
    write = start_response("200 OK", PLAIN)
    write(b"begun ")
    try:
        start_response("500 Oops", PLAIN, EXC_INFOS[query(environ)["what"]]())
    except TypeError as error:
        return [b"TypeError: " + str(error).encode()]
    return [b"accepted"]


# Tuples that Python itself would take, though they are unusual.
ODD = {
    "no-instance": lambda: (ValueError, None, traceback()),
    "subclass": lambda: (OSError, FileNotFoundError(2, "gone"), traceback()),
    "breaks": lambda: (Breaks, None, None),
    "returns": lambda: (Returns, None, None),
    "base": lambda: (BaseException, BaseException("x"), None),
    "subclass-of-tuple": lambda: type("T", (tuple,), {"__len__": lambda self: 9, "__getitem__": lambda self, i: 5})(
        (ValueError, ValueError("real"), None)),
}


@application.path("/odd-exc-info", validated=False)
def odd_exc_info(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"begun ")
    try:
        start_response("500 Oops", PLAIN, ODD[query(environ)["what"]]())
    except BaseException as error:
        return [type(error).__name__.encode()]
    return [b"accepted"]
