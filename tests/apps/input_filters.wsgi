"""Returns the request's body as it was read, by the way of reading that the path names; `CONTENT_LENGTH` goes along in a header."""

import resource
from fixture import Paths, query, text

application = Paths()


def by_size(body, size):
    parts = list(iter(lambda: body.read(size), b""))
    # A read of fixed size gives less only at the end.
    assert all(len(part) == size for part in parts[:-1]), [len(part) for part in parts]
    return parts


def announced_first(environ):
    """Reads what was announced, as one that trusts in it, and then the rest."""
    body = environ["wsgi.input"]
    return [body.read(int(environ.get("CONTENT_LENGTH") or 0)), body.read(), body.read(), body.read(1)]


WAYS = {
    "read": lambda environ: [environ["wsgi.input"].read()],
    "read-minus-one": lambda environ: [environ["wsgi.input"].read(-1), environ["wsgi.input"].read()],
    "read-once-with-size": lambda environ: [environ["wsgi.input"].read(10_000_000), environ["wsgi.input"].read(5)],
    "read-with-size": lambda environ: by_size(environ["wsgi.input"], 4099),
    "read-with-large-size": lambda environ: by_size(environ["wsgi.input"], 100_000),
    "announced-first": announced_first,
    "readline": lambda environ: list(iter(environ["wsgi.input"].readline, b"")),
    "readlines": lambda environ: environ["wsgi.input"].readlines(),
    "iterate": lambda environ: list(environ["wsgi.input"]),
    "line-then-read": lambda environ: [environ["wsgi.input"].readline(), environ["wsgi.input"].read()],
    "part-then-lines": lambda environ: [environ["wsgi.input"].read(10), *environ["wsgi.input"]],
}


@application.path("/", validated=False)
def way(environ, start_response):
    parts = WAYS[environ["PATH_INFO"].lstrip("/")](environ)
    body = b"".join(parts)
    headers = [("X-Content-Length", environ.get("CONTENT_LENGTH", "none")), ("X-Terminated", str(environ["wsgi.input_terminated"]))]
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body))), *headers])
    return [body]


@application.path("/memory", validated=False)
def memory(environ, start_response):
    """Kilobytes that this process has had at most."""
    return text(start_response, str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
