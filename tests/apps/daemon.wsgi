"""What the trials of daemon mode ask an application for, by path."""

import ctypes
import os
import resource
import sys
import time


def process(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    group = environ["mod_wsgi.process_group"]
    return [f"{group} {os.getpid()} {os.getppid()} {sys.version_info[0]}.{sys.version_info[1]} {os.getuid()}".encode()]


def run_once(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(environ["wsgi.run_once"]).encode()]


def sleep(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"]))
    return process(environ, start_response)


def mark(environ, start_response):
    """Says by a file that it runs, then takes its time: `seconds&file`."""
    seconds, file = environ["QUERY_STRING"].split("&")
    open(file, "w").close()
    time.sleep(float(seconds))
    return process(environ, start_response)


def hold(environ, start_response):
    """Runs until it is released: `directory`, in which it makes `begun` and waits for `go`."""
    directory = environ["QUERY_STRING"]
    open(os.path.join(directory, "begun"), "w").close()
    until = time.monotonic() + 20
    while not os.path.exists(os.path.join(directory, "go")) and time.monotonic() < until:
        time.sleep(0.01)
    return process(environ, start_response)


def fail_late(environ, start_response):
    """Says something, and fails, when it is released: as `hold`."""
    hold(environ, lambda *arguments: None)
    print("said after the client had gone", file=sys.stderr)
    raise RuntimeError("raised after the client had gone")


def count(environ, start_response):
    total = 0
    while data := environ["wsgi.input"].read(100_000):
        total += len(data)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(total).encode()]


def whole(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    return [body]


def unread(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"not read"]


def mirror(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])

    def pieces():
        while data := environ["wsgi.input"].read(50_000):
            yield data

    return pieces()


def say(environ, start_response):
    print(environ["QUERY_STRING"], file=environ["wsgi.errors"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"said"]


def die(environ, start_response):
    how, begun = environ["QUERY_STRING"].split("-")

    def end():
        if how == "exit":
            os._exit(3)
        if how == "kill":
            os.kill(os.getpid(), 9)
            time.sleep(10)
        raise RuntimeError("the trial wants it")

    def pieces():
        yield b"begun"
        time.sleep(0.1)
        end()

    if begun == "first":
        end()
    headers = [("Content-Type", "text/plain")]
    if begun == "length":
        headers.append(("Content-Length", "1000"))
    start_response("200 OK", headers)
    return pieces()


CLOSED = []


def closed(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(len(CLOSED)).encode()]


def gone(environ, start_response):
    """Writes until its client is gone, and notes it."""
    start_response("200 OK", [("Content-Type", "text/plain")])

    class Pieces:
        def __iter__(self):
            while True:
                time.sleep(0.05)
                yield b"x" * 1000

        def close(self):
            CLOSED.append(1)

    return Pieces()


def flood(environ, start_response):
    """As `gone`, and faster than any buffer."""
    start_response("200 OK", [("Content-Type", "text/plain")])

    class Pieces:
        def __iter__(self):
            while True:
                yield b"x" * 1_000_000

        def close(self):
            CLOSED.append(1)

    return Pieces()


def burst(environ, start_response):
    """300,000 bytes at once; the response ends when it is released: `directory`, in which it waits for `go`."""
    directory = environ["QUERY_STRING"]
    start_response("200 OK", [("Content-Type", "text/plain")])

    def pieces():
        for _ in range(3):
            yield b"x" * 100_000
        open(os.path.join(directory, "begun"), "w").close()
        until = time.monotonic() + 20
        while not os.path.exists(os.path.join(directory, "go")) and time.monotonic() < until:
            time.sleep(0.01)

    return pieces()


def long_header(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Long", "x" * int(environ["QUERY_STRING"]))])
    return [b"long"]


def paths(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    values = [environ.get("SCRIPT_FILENAME"), environ.get("DOCUMENT_ROOT"), __file__, sys.executable, sorted(os.listdir("/"))]
    return [repr(values).encode()]


def stack(environ, start_response):
    """The size of this thread's stack, and the limit that the system sets to stacks (0: none)."""
    library = ctypes.CDLL(None)
    library.pthread_self.restype = ctypes.c_ulong
    attributes = ctypes.create_string_buffer(128)
    size = ctypes.c_size_t()
    library.pthread_getattr_np(ctypes.c_ulong(library.pthread_self()), attributes)
    library.pthread_attr_getstacksize(attributes, ctypes.byref(size))
    limit = resource.getrlimit(resource.RLIMIT_STACK)[0]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{size.value} {0 if limit == resource.RLIM_INFINITY else limit}".encode()]


PAGES = {f.__name__: f for f in (run_once, flood, burst, long_header, paths, process, sleep, mark, hold, fail_late, count, whole, unread, mirror, say, die, closed, gone, stack)}


def application(environ, start_response):
    return PAGES[environ["PATH_INFO"].strip("/").split("/")[-1]](environ, start_response)
