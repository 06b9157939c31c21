"""Everything that an application may write to the error log."""

import logging
import sys
import threading

import mod_wsgi
from fixture import Paths, query, text

application = Paths()
kept = {}


@application.path("/print")
def prints(environ, start_response):
    print(query(environ)["text"])
    return text(start_response, "printed")


@application.path("/stderr")
def to_stderr(environ, start_response):
    sys.stderr.write(query(environ)["text"] + "\n")
    return text(start_response, "written")


@application.path("/pieces")
def pieces(environ, start_response):
    for piece in ["one ", "line ", "in pieces\n", "without an end"]:
        sys.stderr.write(piece)
    return text(start_response, "written")


@application.path("/flushed")
def flushed(environ, start_response):
    sys.stdout.write("before the flush")
    sys.stdout.flush()
    sys.stdout.write("after the flush\n")
    return text(start_response, "written")


@application.path("/strange")
def strange(environ, start_response):
    print("caf\xe9 \u20ac \U0001f600")
    print("lone \udce9 surrogate")
    print("nul \x00 inside")
    print("escape \x1b[31m red")
    print("carriage\rreturn")
    return text(start_response, "written")


@application.path("/long")
def long_line(environ, start_response):
    print("begin-of-long " + "x" * 100000 + " end-of-long")
    return text(start_response, "written")


@application.path("/stream")
def stream(environ, start_response):
    lines = []
    for name, file in [("stdout", sys.stdout), ("stderr", sys.stderr), ("errors", environ["wsgi.errors"].errors)]:
        lines.append("%s.isatty=%r" % (name, file.isatty()))
        lines.append("%s.writable=%r" % (name, file.writable()))
        lines.append("%s.readable=%r" % (name, file.readable()))
        lines.append("%s.encoding=%s" % (name, file.encoding))
        lines.append("%s.errors=%s" % (name, file.errors))
        lines.append("%s.closed=%r" % (name, file.closed))
        try:
            lines.append("%s.fileno=%r" % (name, file.fileno()))
        except OSError:
            lines.append("%s.fileno=OSError" % name)
        file.close()
    print("still open after close()")
    return text(start_response, "\n".join(lines))


@application.path("/bytes")
def as_bytes(environ, start_response):
    sys.stdout.buffer.write(b"bytes on stdout\n")
    sys.stdout.buffer.flush()
    return text(start_response, "written")


@application.path("/types", validated=False)
def types(environ, start_response):
    seen = []
    for value in [b"bytes", None, 3]:
        try:
            environ["wsgi.errors"].write(value)
            seen.append("%s accepted" % type(value).__name__)
        except TypeError:
            seen.append("%s TypeError" % type(value).__name__)
    return text(start_response, "\n".join(seen))


@application.path("/logging-to-stderr")
def logging_to_stderr(environ, start_response):
    logger = logging.getLogger("to-stderr")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    logger.addHandler(handler)
    logger.warning("a warning by logging")
    logger.removeHandler(handler)
    return text(start_response, "logged")


@application.path("/handler")
def handler(environ, start_response):
    logger = logging.getLogger("by-handler")
    logger.setLevel(1)
    logger.propagate = False
    added = mod_wsgi.LogHandler()
    logger.addHandler(added)
    for level, name in [(50, "critical"), (40, "error"), (30, "warning"), (20, "info"), (10, "debug"), (5, "below-debug")]:
        logger.log(level, "record of level %s", name)
    logger.info("first line\nsecond line")
    try:
        raise ValueError("shown by logging")
    except ValueError:
        logger.exception("with a traceback")
    logger.removeHandler(added)
    return text(start_response, "is_handler=%r" % isinstance(added, logging.Handler))


@application.path("/forging")
def forging(environ, start_response):
    evil = "a.py\n[core:emerg] forged\r\x1b[31m"
    handler = mod_wsgi.LogHandler()
    handler.setFormatter(logging.Formatter("%(message)s by %(threadName)s of %(filename)s"))

    def emit():
        handler.emit(logging.LogRecord("forging", logging.ERROR, evil, 7, "the text of a record", (), None))

    emit()
    thread = threading.Thread(target=emit, name=evil)
    thread.start()
    thread.join()
    print("\r\x1b[2Jprinted\x85\u2028", file=environ["wsgi.errors"])
    return text(start_response, "logged")


@application.path("/handler-level")
def handler_level(environ, start_response):
    logger = logging.getLogger("by-level")
    logger.setLevel(1)
    logger.propagate = False
    added = mod_wsgi.LogHandler(level=30)
    logger.addHandler(added)
    logger.info("too low to be seen")
    logger.warning("high enough to be seen")
    logger.removeHandler(added)
    return text(start_response, "level=%d" % added.level)


@application.path("/thread")
def from_a_thread(environ, start_response):
    thread = threading.Thread(target=lambda: print("printed by a thread"))
    thread.start()
    thread.join()
    return text(start_response, "joined")


@application.path("/keep")
def keep(environ, start_response):
    kept["errors"] = environ["wsgi.errors"].errors
    return text(start_response, "kept")


@application.path("/use-kept")
def use_kept(environ, start_response):
    try:
        kept["errors"].write("after its request\n")
        result = "written"
    except Exception as error:
        result = type(error).__name__
    return text(start_response, result)


@application.path("/stdin")
def stdin(environ, start_response):
    try:
        return text(start_response, "read %r" % sys.stdin.read(1))
    except Exception as error:
        return text(start_response, type(error).__name__)


@application.path("/restricted")
def restricted(environ, start_response):
    seen = []
    for name in ["stdin", "stdout"]:
        try:
            getattr(sys, name).read if name == "stdin" else getattr(sys, name).write
            seen.append("%s=open" % name)
        except OSError as error:
            seen.append("%s=OSError" % name)
    return text(start_response, "\n".join(seen))


@application.path("/haunt")
def haunt(environ, start_response):
    """Leaves two threads behind that use its objects."""
    errors, body, stop = environ["wsgi.errors"], environ["wsgi.input"], threading.Event()
    kept["haunted"] = haunted = [stop, [], [0, 0]]
    uses = [lambda: errors.write("a ghost of the first\n"), lambda: body.read(10), errors.flush]

    def ghost():
        while not stop.is_set():
            for use in uses:
                try:
                    use()
                    haunted[2][0] += 1
                except (RuntimeError, OSError):
                    haunted[2][1] += 1

    haunted[1].extend(threading.Thread(target=ghost) for _ in range(2))
    for thread in haunted[1]:
        thread.start()
    while not haunted[2][0]:
        stop.wait(0.001)
    return text(start_response, "haunted")


@application.path("/visited")
def visited(environ, start_response):
    """The next request, which ends the threads when it has written for a while."""
    stop, threads, counts = kept.pop("haunted")
    for _ in range(50):
        print("the second", file=environ["wsgi.errors"])
        stop.wait(0.001)
    stop.set()
    for thread in threads:
        thread.join()
    return text(start_response, "%d %d" % tuple(counts))
