"""wsgi.input, one method per path. What an application saw is the response's body, as `repr` or as lines."""

import hashlib

from fixture import Paths, query, text

application = Paths()
kept = {}


@application.path("/read-all", validated=False)
def read_all(environ, start_response):
    return text(start_response, environ["wsgi.input"].read())


@application.path("/read-minus-one")
def read_minus_one(environ, start_response):
    return text(start_response, environ["wsgi.input"].read(-1))


@application.path("/read-sizes")
def read_sizes(environ, start_response):
    body = environ["wsgi.input"]
    sizes = [int(size) for size in query(environ)["sizes"].split(",")]
    return text(start_response, "\n".join(repr(body.read(size)) for size in sizes))


@application.path("/readline-sizes", validated=False)
def readline_sizes(environ, start_response):
    body = environ["wsgi.input"]
    sizes = [int(size) for size in query(environ)["sizes"].split(",")]
    return text(start_response, "\n".join(repr(body.readline(size)) for size in sizes))


@application.path("/readline")
def readline(environ, start_response):
    lines = []
    while True:
        line = environ["wsgi.input"].readline()
        if not line:
            break
        lines.append(line)
    lines.append(environ["wsgi.input"].readline())
    return text(start_response, "\n".join(map(repr, lines)))


@application.path("/line-lengths")
def line_lengths(environ, start_response):
    return text(start_response, ",".join(str(len(line)) for line in iter(environ["wsgi.input"].readline, b"")))


@application.path("/readlines")
def readlines(environ, start_response):
    asked = query(environ).get("hint")
    args = () if asked is None else (int(asked),)
    lines = environ["wsgi.input"].readlines(*args)
    return text(start_response, "\n".join(map(repr, [type(lines).__name__, *lines])))


@application.path("/iterate")
def iterate(environ, start_response):
    return text(start_response, "\n".join(repr(line) for line in environ["wsgi.input"]))


@application.path("/next", validated=False)
def step(environ, start_response):
    body = environ["wsgi.input"]
    seen = [repr(iter(body) is body), repr(next(body)), repr(body.read(2)), repr(next(body))]
    try:
        next(body)
    except StopIteration:
        seen.append("StopIteration")
    return text(start_response, "\n".join(seen))


@application.path("/mixed", validated=False)
def mixed(environ, start_response):
    body = environ["wsgi.input"]
    seen = [body.read(3), body.readline(), body.readline(2), body.readlines(1), body.read(), body.read(), body.readline(), body.readlines()]
    return text(start_response, "\n".join(map(repr, seen)))


@application.path("/attributes", validated=False)
def attributes(environ, start_response):
    body = environ["wsgi.input"]
    names = ["read", "readline", "readlines", "__iter__", "__next__", "close", "readinto", "seek", "tell", "fileno"]
    lines = ["%s=%s" % (name, hasattr(body, name)) for name in names]
    body.close()
    lines.append("read after close=%r" % body.read(4))
    return text(start_response, "\n".join(lines))


@application.path("/wrong-arguments", validated=False)
def wrong_arguments(environ, start_response):
    body = environ["wsgi.input"]
    seen = []
    for name, args in [("read", ("x",)), ("read", (1, 2)), ("readline", ("x",)), ("readlines", ("x",)), ("read", (2.0,)), ("read", (None,))]:
        try:
            seen.append("%s%r=%r" % (name, args, getattr(body, name)(*args)))
        except Exception as error:
            seen.append("%s%r=%s" % (name, args, type(error).__name__))
    return text(start_response, "\n".join(seen))


@application.path("/md5")
def md5(environ, start_response):
    digest, length = hashlib.md5(), 0
    while True:
        data = environ["wsgi.input"].read(int(query(environ).get("size", 10000)))
        if not data:
            break
        length += len(data)
        digest.update(data)
    return text(start_response, "length=%d\nmd5=%s\n" % (length, digest.hexdigest()))


@application.path("/echo")
def echo(environ, start_response):
    body = environ["wsgi.input"].read(-1)
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    return [body]


@application.path("/ignore")
def ignore(environ, start_response):
    return text(start_response, "not read")


@application.path("/partly")
def partly(environ, start_response):
    return text(start_response, repr(environ["wsgi.input"].read(4)))


@application.path("/abort", validated=False)
def abort(environ, start_response):
    """Reads to the end of an upload that its client breaks off; `/abort-result` says what happened."""
    how = query(environ).get("how", "read")
    seen = []
    body = environ["wsgi.input"]
    for _ in range(2):
        try:
            if how == "iterate":
                seen.append("%d lines" % len(list(body)))
            else:
                seen.append("%d bytes" % len(getattr(body, how)()))
        except BaseException as error:
            seen.append("%s: %s" % (type(error).__name__, error))
            seen.append("is OSError=%s" % isinstance(error, OSError))
    kept[query(environ)["key"]] = "\n".join(seen)
    return text(start_response, "nobody reads this")


@application.path("/abort-result")
def abort_result(environ, start_response):
    return text(start_response, kept.get(query(environ)["key"], ""))


@application.path("/keep")
def keep(environ, start_response):
    kept["input"] = environ["wsgi.input"]
    return text(start_response, "kept")


@application.path("/use-kept")
def use_kept(environ, start_response):
    seen = []
    for name in ["read", "readline", "readlines", "__next__"]:
        try:
            seen.append("%s: %r" % (name, getattr(kept["input"].input, name)()))
        except Exception as error:
            seen.append("%s: %s" % (name, type(error).__name__))
    return text(start_response, "\n".join(seen))


@application.path("/generator-reads")
def generator_reads(environ, start_response):
    """Reads its input while it produces its output."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return iter(lambda: environ["wsgi.input"].read(8192), b"")


@application.path("/length")
def length(environ, start_response):
    lines = ["CONTENT_LENGTH=%r" % environ.get("CONTENT_LENGTH"), "terminated=%r" % environ.get("wsgi.input_terminated")]
    lines.append("read=%d" % len(environ["wsgi.input"].read(-1)))
    return text(start_response, "\n".join(lines))


@application.path("/wait-then-read", validated=False)
def wait_then_read(environ, start_response):
    """Sends a first piece before it reads anything."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"before;")
    return [b"read %d" % len(environ["wsgi.input"].read())]
