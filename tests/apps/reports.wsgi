"""Answers whose circumstances somebody else sees: the access log, an error page, a client that waits."""

from fixture import Paths, query, text

application = Paths()
kept = {}


@application.path("/say", validated=False)
def say(environ, start_response):
    return text(start_response, environ["PATH_INFO"])


@application.path("/missing", validated=False)
def missing(environ, start_response):
    return text(start_response, "not this one", "404 Not Found")


@application.path("/page", validated=False)
def page(environ, start_response):
    """An error page."""
    names = sorted(name for name in environ if name.startswith("REDIRECT_"))
    return text(start_response, "\n".join("%s=%s" % (name, environ[name]) for name in names))


@application.path("/head", validated=False)
def head(environ, start_response):
    """Names the length that GET would have, and gives nothing."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1000")])
    return []


@application.path("/nothing", validated=False)
def nothing(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return []


@application.path("/read", validated=False)
def read(environ, start_response):
    try:
        seen = "%d bytes" % len(environ["wsgi.input"].read())
    except OSError as error:
        seen = str(error)
    kept[environ["QUERY_STRING"]] = seen
    return text(start_response, seen)


@application.path("/flood", validated=False)
def flood(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        while True:
            write(b"x" * 1000000)
    except OSError as error:
        kept[environ["QUERY_STRING"]] = str(error)
    return []


@application.path("/seen", validated=False)
def seen(environ, start_response):
    return text(start_response, kept.get(environ["QUERY_STRING"], ""))
