"""The plain WSGI workloads: one dictionary look-up of PATH_INFO, no framework."""
import os
import time

HELLO = b"Hello, World!"
JSON = (b'{"items": [' + b", ".join(b'{"id": %04d, "name": "item-%04d", "on": true}' % (i, i) for i in range(21)) + b"]}")
JSON = JSON.ljust(1024)
BODY100K = bytes(range(256)) * 400
CHUNK = bytes(range(256)) * 64
FILE10M = os.environ.get("BENCH_FILE10M") or os.path.join(os.environ.get("BENCH_CACHE", "/var/tmp/mod_wsgi_rs-bench"), "run", "file10m.bin")
SPIN = 62000

HELLO_HEADERS = [("Content-Type", "text/plain"), ("Content-Length", "13")]
JSON_HEADERS = [
    ("Content-Type", "application/json"), ("Content-Length", "1024"),
    ("Cache-Control", "private, max-age=0"), ("ETag", '"33a64df551425fcc55e4d42a148795d9f25f89d4"'),
    ("Vary", "Accept-Encoding, Cookie"), ("X-Request-Id", "7b9f3a52-3c1e-4d0a-9f39-1c2d3e4f5a6b"),
    ("X-Frame-Options", "DENY"), ("Set-Cookie", "session=eyJ1c2VyIjoxMjM0NX0; Path=/; HttpOnly"),
]


def hello(environ, start_response):
    start_response("200 OK", HELLO_HEADERS[:])
    return [HELLO]


def json(environ, start_response):
    start_response("200 OK", JSON_HEADERS[:])
    return [JSON]


def body100k(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", "102400")])
    return [BODY100K]


def stream1m(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    for _ in range(64):
        yield CHUNK


def file10m(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", "10485760")])
    f = open(FILE10M, "rb")
    wrapper = environ.get("wsgi.file_wrapper")
    return wrapper(f, 65536) if wrapper else iter(lambda: f.read(65536), b"")


def post(environ, start_response):
    data = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    out = str(len(data)).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(out)))])
    return [out]


def sleep5(environ, start_response):
    time.sleep(0.005)
    start_response("200 OK", HELLO_HEADERS[:])
    return [HELLO]


def cpu2(environ, start_response):
    # a fixed amount of pure-Python work, about 2 ms: it never lets go of the GIL by itself
    n = 0
    for i in range(SPIN):
        n += i
    start_response("200 OK", HELLO_HEADERS[:])
    return [HELLO]


ROUTES = {"/hello": hello, "/json": json, "/body100k": body100k, "/stream1m": stream1m, "/file10m": file10m,
          "/post": post, "/sleep5": sleep5, "/cpu2": cpu2}


def application(environ, start_response):
    return ROUTES[environ["PATH_INFO"]](environ, start_response)
