"""wsgi.file_wrapper around everything that can be read."""

import io
import os

from fixture import Paths, query, text

application = Paths()
PLAIN = [("Content-Type", "application/octet-stream")]
closed = {}


class Noting:
    """A file that notes how often it was closed."""

    def __init__(self, file, key):
        self.file = file
        self.key = key

    def __getattr__(self, name):
        return getattr(self.file, name)

    def close(self):
        closed[self.key] = closed.get(self.key, 0) + 1
        self.file.close()


def opened(environ):
    return open(query(environ)["file"], "rb")


@application.path("/closed")
def how_often_closed(environ, start_response):
    return text(start_response, str(closed.get(query(environ)["key"], 0)))


@application.path("/file", validated=False)
def a_file(environ, start_response):
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](opened(environ))


class Shortened:
    """A file that is shortened when it is closed, which is before its server reads it."""

    def __init__(self, file):
        self.file = file

    def __getattr__(self, name):
        return getattr(self.file, name)

    def close(self):
        os.truncate(self.file.name, 1000)
        self.file.close()


@application.path("/shortened", validated=False)
def shortened(environ, start_response):
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](Shortened(opened(environ)))


@application.path("/validated")
def validated(environ, start_response):
    """Under the validator the server sees an iterator: the wrapper must be one."""
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](opened(environ), 1000)


@application.path("/from", validated=False)
def from_position(environ, start_response):
    file = opened(environ)
    file.seek(int(query(environ)["position"]))
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](file)


@application.path("/range", validated=False)
def a_range(environ, start_response):
    """The application answers a range request itself."""
    first, last = (int(number) for number in environ["HTTP_RANGE"].partition("=")[2].split("-"))
    file = opened(environ)
    size = os.fstat(file.fileno()).st_size
    file.seek(first)
    headers = [*PLAIN, ("Content-Length", str(last - first + 1)), ("Content-Range", "bytes %d-%d/%d" % (first, last, size))]
    start_response("206 Partial Content", headers)
    return environ["wsgi.file_wrapper"](file)


@application.path("/length", validated=False)
def own_length(environ, start_response):
    start_response("200 OK", [*PLAIN, ("Content-Length", query(environ)["is"])])
    return environ["wsgi.file_wrapper"](opened(environ))


@application.path("/memory", validated=False)
def memory(environ, start_response):
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](io.BytesIO(b"memory " * 5000), 777)


@application.path("/read-only", validated=False)
def read_only(environ, start_response):
    """Only `read`: no descriptor, no close."""

    class Reader:
        left = 5

        def read(self, size):
            self.left -= 1
            return b"%d;" % size if self.left >= 0 else b""

    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](Reader(), 11)


@application.path("/pipe", validated=False)
def pipe(environ, start_response):
    """A descriptor that is no regular file."""
    reader, writer = os.pipe()
    os.write(writer, b"through a pipe")
    os.close(writer)
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](os.fdopen(reader, "rb"))


@application.path("/noting", validated=False)
def noting(environ, start_response):
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](Noting(opened(environ), query(environ)["key"]))


@application.path("/after-write", validated=False)
def after_write(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"before;")
    return environ["wsgi.file_wrapper"](opened(environ))


@application.path("/subclass", validated=False)
def subclass(environ, start_response):
    class Mine(environ["wsgi.file_wrapper"]):
        pass

    start_response("200 OK", PLAIN)
    return Mine(opened(environ))


@application.path("/iterated", validated=False)
def iterated(environ, start_response):
    """The application iterates by itself."""
    wrapper = environ["wsgi.file_wrapper"](opened(environ), 4)
    pieces = list(wrapper)
    wrapper.close()
    start_response("200 OK", PLAIN)
    return [b"%d pieces;" % len(pieces), *pieces]


@application.path("/attributes", validated=False)
def attributes(environ, start_response):
    wrapper_type = environ["wsgi.file_wrapper"]
    file = io.BytesIO(b"x")
    wrapper = wrapper_type(file)
    lines = ["filelike=%r" % (wrapper.filelike is file), "blksize=%r" % wrapper.blksize, "other=%r" % wrapper_type(file, 5).blksize]
    for name, call in [
        ("negative", lambda: wrapper_type(file, -1)),
        ("no file", lambda: wrapper_type()),
        ("text size", lambda: wrapper_type(file, "x")),
        ("set filelike", lambda: setattr(wrapper, "filelike", None)),
        ("set blksize", lambda: setattr(wrapper, "blksize", 1)),
    ]:
        try:
            call()
            lines.append("%s=accepted" % name)
        except Exception as error:
            lines.append("%s=%s" % (name, type(error).__name__))
    wrapper.close()
    wrapper.close()
    lines.append("closed=%r" % file.closed)
    return text(start_response, "\n".join(lines))


@application.path("/closed-file", validated=False)
def closed_file(environ, start_response):
    file = opened(environ)
    file.close()
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](file)


@application.path("/failing", validated=False)
def failing(environ, start_response):
    class Reader:
        count = 0

        def read(self, size):
            self.count += 1
            if self.count > 1:
                raise OSError("the disk is gone")
            return b"first"

    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](Reader())


@application.path("/offset-after", validated=False)
def offset_after(environ, start_response):
    """Where the file stands when it is closed."""
    key = query(environ)["key"]

    class File(io.FileIO):
        def close(self):
            if not self.closed:
                closed[key] = self.tell()
            super().close()

    file = File(query(environ)["file"])
    file.seek(3)
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](file)
