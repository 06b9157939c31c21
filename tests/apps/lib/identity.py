"""Who serves a request: interpreter, module, thread, process."""

import ctypes
import os
import threading


def interpreter_number():
    """0 in the main interpreter, another number in a sub-interpreter."""
    current = ctypes.pythonapi.PyInterpreterState_Get
    current.restype = ctypes.c_void_p
    number = ctypes.pythonapi.PyInterpreterState_GetID
    number.restype = ctypes.c_int64
    number.argtypes = [ctypes.c_void_p]
    return number(current())


def lines(environ, *names):
    """`key=value` lines of the environ's entries, and of who is running."""
    found = ["%s=%s" % (name, environ[name]) for name in names if name in environ]
    found.append("interpreter=%d" % interpreter_number())
    found.append("pid=%d" % os.getpid())
    found.append("thread=%d" % threading.get_ident())
    return "\n".join(found) + "\n"
