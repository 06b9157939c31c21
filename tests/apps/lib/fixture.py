"""What the fixture applications share: small WSGI functions, each with a path, most of them under wsgiref's validator."""

from urllib.parse import parse_qsl
from wsgiref.validate import validator


class Paths:
    """A WSGI application that hands each request to the function registered for its PATH_INFO.

    The longest registered path that is a prefix of PATH_INFO wins. What keeps to PEP 3333 runs inside
    wsgiref.validate, which raises AssertionError for what the server or the application does wrong.
    """

    def __init__(self):
        self.functions = {}

    def path(self, path, validated=True):
        """Decorator: the function serves requests below `path`."""

        def register(function):
            self.functions[path] = validator(function) if validated else function
            return function

        return register

    def __call__(self, environ, start_response):
        asked = environ["PATH_INFO"] or "/"
        best = max((path for path in self.functions if asked.startswith(path)), key=len, default=None)
        if best is None:
            return text(start_response, "no such path: %s" % asked, "404 Not Found")
        return self.functions[best](environ, start_response)


def query(environ):
    """The query string as a dict."""
    return dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))


def text(start_response, body, status="200 OK", headers=()):
    """A plain text response, from str or bytes."""
    if isinstance(body, str):
        body = body.encode("utf-8")
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), *headers])
    return [body]
