"""What packages ask of `wsgi.errors`, `sys.stdout` and `sys.stderr`."""

import faulthandler
import io
import os
import signal
import sys

from fixture import Paths, text

application = Paths()
kept = []

# As many a deployment has it, for a look at what hangs.
faulthandler.register(signal.SIGRTMIN + 7, file=sys.__stderr__)


def streams(environ):
    return {"errors": environ["wsgi.errors"], "stdout": sys.stdout, "stderr": sys.stderr}


def outcome(function):
    try:
        return repr(function())
    except Exception as error:
        return type(error).__name__


@application.path("/facts", validated=False)
def facts(environ, start_response):
    lines = []
    for name, stream in streams(environ).items():
        say = lambda what, function: lines.append("%s.%s=%s" % (name, what, outcome(function)))
        say("text", lambda: isinstance(stream, io.TextIOWrapper))
        for attribute in ["encoding", "errors", "line_buffering", "write_through", "newlines", "name", "closed"]:
            say(attribute, lambda: getattr(stream, attribute))
        for method in ["isatty", "readable", "writable", "seekable", "tell", "read"]:
            say(method, getattr(stream, method))
        try:
            stream.fileno()
            lines.append("%s.fileno=descriptor" % name)
        except OSError as error:
            lines.append("%s.fileno=OSError" % name)
            lines.append("%s.unsupported=%r" % (name, isinstance(error, io.UnsupportedOperation)))
        say("buffer.binary", lambda: isinstance(stream.buffer, io.BufferedIOBase))
        for method in ["isatty", "readable", "writable", "seekable"]:
            say("buffer." + method, getattr(stream.buffer, method))
        say("bytes", lambda: stream.write(b"x"))
        say("buffer.number", lambda: stream.buffer.write(5))
    return text(start_response, "\n".join(lines))


@application.path("/buffer", validated=False)
def binary(environ, start_response):
    for name, stream in streams(environ).items():
        for kind in [bytes, bytearray, memoryview]:
            stream.buffer.write(kind(("%s of %s\n" % (kind.__name__, name)).encode()))
        lines = [kind(("%s among lines of %s\n" % (kind.__name__, name)).encode()) for kind in [bytes, bytearray, memoryview]]
        stream.buffer.writelines(lines)
        stream.writelines(["a text line of %s\n" % name, "another of %s\n" % name])
        stream.buffer.flush()
    return text(start_response, "written")


@application.path("/real", validated=False)
def real(environ, start_response):
    faulthandler.dump_traceback(file=sys.__stderr__)
    os.kill(os.getpid(), signal.SIGRTMIN + 7)
    return text(start_response, "%d %d" % (sys.__stdout__.fileno(), sys.__stderr__.fileno()))


CHANGES = {
    "nothing": lambda stream: None,
    "attribute": lambda stream: setattr(stream, "mark", 1),
    "class": lambda stream: setattr(stream, "__class__", type("Other", (type(stream),), {"encoding": "other"})),
    "reconfigure": lambda stream: stream.reconfigure(encoding="utf-16", errors="strict", newline="\r\n"),
    "detach": lambda stream: stream.detach(),
    "detach-and-keep": lambda stream: kept.append(stream.detach()),
    "close": lambda stream: stream.close(),
    "keep": kept.append,
    "keep-buffer": lambda stream: kept.append(stream.buffer),
    "keep-method": lambda stream: kept.append(stream.write),
    "half-a-line": lambda stream: stream.write("half a line"),
}


@application.path("/change", validated=False)
def change(environ, start_response):
    CHANGES[environ["QUERY_STRING"]](environ["wsgi.errors"])
    return text(start_response, "changed")


@application.path("/fresh", validated=False)
def fresh(environ, start_response):
    """Is the stream of this request as it should be, and refuse those of earlier requests to write into its log?"""
    stream = environ["wsgi.errors"]
    late = {outcome(lambda: getattr(old, "write", old)("a late line\n")) for old in kept}
    seen = [stream.encoding, stream.errors, hasattr(stream, "mark"), outcome(lambda: stream.write("a line of its own\n")), sorted(late)]
    return text(start_response, repr(seen))


@application.path("/late", validated=False)
def late(environ, start_response):
    """What a handler of logging does when the process ends."""
    return text(start_response, "%s %s" % (outcome(kept[0].flush), outcome(kept[0].close)))


@application.path("/reopened", validated=False)
def reopened(environ, start_response):
    """A common way to another encoding."""
    before = sys.stdout
    sys.stdout = io.TextIOWrapper(before.buffer, encoding="utf-8", line_buffering=True)
    print("through a stream of its own")
    sys.stdout.flush()
    sys.stdout = before
    print("and through ours again")
    return text(start_response, "printed")
