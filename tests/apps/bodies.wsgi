"""Bodies whose every byte shows where it belongs, in every form that PEP 3333 knows, and the clients' bodies as they came."""

import os

from fixture import Paths, query, text

application = Paths()
PATTERN = bytes(range(251)) * 16_000


@application.path("/process")
def process(environ, start_response):
    return text(start_response, str(os.getpid()))


@application.path("/pattern", validated=False)
def pattern(environ, start_response):
    wanted = query(environ)
    size, piece, form = int(wanted["size"]), int(wanted["piece"]), wanted["form"]
    # Where it begins differs from one request to the next, so that bytes of another one show.
    start = int(wanted["start"])
    pieces = (PATTERN[start + at : start + min(at + piece, size)] for at in range(0, size, piece))
    headers = [("Content-Type", "text/plain")]
    if form in ("counted", "written"):
        headers.append(("Content-Length", str(size)))
    write = start_response("200 OK", headers)
    if form == "written":
        for one in pieces:
            write(one)
        return []
    return list(pieces) if form == "list" else pieces


def read_all(body):
    return body.read()


def read_pieces(body):
    return b"".join(iter(lambda: body.read(7001), b""))


def read_lines(body):
    return b"".join(iter(body.readline, b""))


def read_half(body):
    return body.read(5000)


def read_nothing(body):
    return b""


READERS = {reader.__name__: reader for reader in (read_all, read_pieces, read_lines, read_half, read_nothing)}


@application.path("/upload", validated=False)
def upload(environ, start_response):
    return text(start_response, READERS[query(environ)["reader"]](environ["wsgi.input"]))


@application.path("/forked", validated=False)
def forked(environ, start_response):
    """A process that the application forks tries to read first, and then the application itself."""
    body = environ["wsgi.input"]
    end, start = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(start, b"read %d" % len(body.read()))
        except OSError:
            os.write(start, b"failed")
        finally:
            os._exit(0)
    os.close(start)
    os.waitpid(pid, 0)
    with open(end, "rb") as heard:
        return text(start_response, heard.read() + b" " + body.read())
