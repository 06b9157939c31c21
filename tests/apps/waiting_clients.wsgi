"""Responses that a client may be slow to take."""

from fixture import Paths, query, text

application = Paths()


@application.path("/quick")
def quick(environ, start_response):
    return text(start_response, "quick")


@application.path("/list")
def whole(environ, start_response):
    return text(start_response, "x" * int(query(environ).get("size", "1000")))


@application.path("/pieces")
def pieces(environ, start_response):
    """Each piece is sent when it is yielded."""
    asked = query(environ)
    start_response("200 OK", [("Content-Type", "text/plain")])
    for _ in range(int(asked.get("count", "40"))):
        yield b"x" * int(asked.get("size", "1000"))


@application.path("/long-head")
def long_head(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")] + [("X-%d" % n, "x" * 8000) for n in range(40)])
    yield b"after the head"


@application.path("/peek", validated=False)
def peek(environ, start_response):
    """Asks for the body without waiting for it, and then answers."""
    environ["wsgi.input"].read(0)
    return text(start_response, "peeked")
