"""Shows the environ: `key=repr` lines, or what a key's type is."""

import os
import sys

from fixture import Paths, query, text

application = Paths()


@application.path("/", validated=True)
def show(environ, start_response):
    return text(start_response, "".join("%s=%r\n" % (key, environ[key]) for key in sorted(environ) if isinstance(environ[key], str)))


@application.path("/raw", validated=False)
def raw(environ, start_response):
    """Every entry, as the server gave it, with its type."""
    lines = ["%s=%s %r\n" % (key, type(value).__name__, value) for key, value in sorted(environ.items())]
    lines.append("environ=%s\n" % type(environ).__name__)
    return text(start_response, "".join(lines).encode("utf-8", "surrogateescape"))


@application.path("/os")
def of_the_process(environ, start_response):
    asked = query(environ)["name"]
    return text(start_response, "%s=%r\nargv=%r\n" % (asked, os.environ.get(asked), sys.argv))


@application.path("/identity", validated=False)
def identity(environ, start_response):
    """Is the environ a fresh dict for each request?"""
    seen = "marked=%r\n" % environ.get("left.by.an.earlier.request")
    environ["left.by.an.earlier.request"] = "yes"
    environ["HTTP_HOST"] = "changed"
    return text(start_response, seen + "host=%r\n" % environ["HTTP_HOST"])


@application.path("/errors")
def errors(environ, start_response):
    stream = environ["wsgi.errors"]
    stream.write("a line for the log\n")
    stream.writelines(["and ", "another\n"])
    stream.flush()
    return text(start_response, "written")


@application.path("/file-wrapper", validated=False)
def file_wrapper(environ, start_response):
    wrapper = environ["wsgi.file_wrapper"]
    return text(start_response, "module=%s\nname=%s\ntype=%s\n" % (wrapper.__module__, wrapper.__name__, isinstance(wrapper, type)))


@application.path("/method")
def method(environ, start_response):
    headers = [("X-Method", environ["REQUEST_METHOD"])]
    return text(start_response, "shown as %s" % environ["REQUEST_METHOD"] * 100, headers=headers)
