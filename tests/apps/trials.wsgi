"""What the trials of tests/suites/trials ask an application for, by path. Notes go into the script's own directory."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from fixture import query, text

VERSION = 0
SO_ACCEPTCONN = 30
HERE = os.path.dirname(os.path.abspath(__file__))
PAGES = {}
# What a process that serves has loaded; a trial counts these files. Numbers of processes come again, with another time of start.
with open("/proc/self/stat") as file:
    STARTED = file.read().rsplit(")", 1)[1].split()[19]
with open(os.path.join(HERE, "loaded-%d" % os.getpid()), "w") as file:
    file.write("%d %s\n" % (VERSION, STARTED))


def page(function):
    PAGES["/" + function.__name__] = function
    return function


def note(name, what="yes"):
    """Appends a line to a file that the trial reads."""
    with open(os.path.join(HERE, name), "a") as file:
        file.write("%s\n" % what)


def wait_for(name, limit=20.0):
    """Waits until the trial has made a file."""
    end = time.monotonic() + limit
    while not os.path.exists(os.path.join(HERE, name)) and time.monotonic() < end:
        time.sleep(0.005)


@page
def who(environ, start_response):
    return text(start_response, "%d %d %d" % (VERSION, os.getpid(), os.getppid()))


@page
def sleep(environ, start_response):
    time.sleep(float(query(environ)["for"]))
    return who(environ, start_response)


@page
def spin(environ, start_response):
    """Computes, without ever waiting."""
    end = time.monotonic() + float(query(environ)["for"])
    while time.monotonic() < end:
        pass
    return who(environ, start_response)


@page
def hold(environ, start_response):
    """Waits in C and keeps the GIL, as a bad extension does."""
    ctypes.PyDLL(None).usleep(int(float(query(environ)["for"]) * 1e6))
    return who(environ, start_response)


@page
def look(environ, start_response):
    """Asks for a file where nobody answers."""
    note("looks", os.getpid())
    return text(start_response, str(os.path.exists(query(environ)["place"] + "/file")))


@page
def gate(environ, start_response):
    """Says that it has begun, and waits for the trial."""
    name = query(environ)["name"]
    note("begun-" + name)
    wait_for("open-" + name)
    return who(environ, start_response)


def end(how):
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(10)
    elif how == "exit":
        os._exit(3)
    elif how == "abort":
        os.abort()
    elif how == "segv":
        ctypes.string_at(0)
    elif how == "sys-exit":
        sys.exit("the trial wants it")
    else:
        raise RuntimeError("the trial wants it")


class Body:
    """An iterable whose close() is noted."""

    def __init__(self, items, name):
        self.items = iter(items)
        self.name = name

    def __iter__(self):
        return self.items

    def close(self):
        note("closed-" + self.name, time.time())


@page
def die(environ, start_response):
    """Ends the process, or only the request, before its head or in its body."""
    asked = query(environ)
    how, when = asked["how"], asked["when"]
    if when == "first":
        end(how)
    headers = [("Content-Type", "text/plain")]
    if when == "length":
        headers.append(("Content-Length", "1000"))

    def items():
        yield b"begun"
        time.sleep(0.1)
        end(how)

    start_response("200 OK", headers)
    return Body(items(), "die")


@page
def stream(environ, start_response):
    """Writes for as long as somebody reads."""
    start_response("200 OK", [("Content-Type", "text/plain")])

    def items():
        while True:
            time.sleep(0.05)
            yield b"x" * 1000

    return Body(items(), query(environ)["name"])


@page
def compute(environ, start_response):
    """Works for a while and then answers bit by bit, whether somebody waits or not."""
    asked = query(environ)
    note("begun-" + asked["name"])
    time.sleep(float(asked["for"]))
    start_response("200 OK", [("Content-Type", "text/plain")])

    def items():
        for _ in range(200):
            note("wrote-" + asked["name"], time.time())
            yield b"x" * 10_000
            time.sleep(0.05)

    return Body(items(), asked["name"])


@page
def ignore(environ, start_response):
    return text(start_response, "not read")


@page
def refuse(environ, start_response):
    return text(start_response, "refused", "403 Forbidden")


@page
def upload(environ, start_response):
    """Reads everything; notes what went wrong."""
    name = query(environ).get("name", "upload")
    total = 0
    try:
        while True:
            data = environ["wsgi.input"].read(65536)
            if not data:
                break
            total += len(data)
            if total == len(data):
                note("begun-" + name)
    except Exception as error:
        note("failed-" + name, "%s %s %d" % (isinstance(error, OSError), type(error).__name__, total))
        raise
    note("ended-" + name, total)
    return text(start_response, str(total))


@page
def echo(environ, start_response):
    """What was sent, whole, with the name of the request."""
    name = query(environ)["name"]
    body = environ["wsgi.input"].read()
    headers = [("Content-Type", "application/octet-stream"), ("X-Name", name)]
    start_response("200 OK", headers)
    return [body] if len(name) % 2 else (body[at : at + 7000] for at in range(0, len(body), 7000))


@page
def mirror(environ, start_response):
    """Sends back what it reads, as it reads it."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])

    def items():
        while True:
            data = environ["wsgi.input"].read(50_000)
            if not data:
                return
            yield data

    return items()


@page
def download(environ, start_response):
    """So many mebibytes, in pieces of one."""
    count = int(query(environ)["size"])
    piece = bytes(range(256)) * 4096
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(count << 20))])
    return (piece for _ in range(count))


@page
def file(environ, start_response):
    """A file of the trial, from an offset."""
    asked = query(environ)
    opened = open(os.path.join(HERE, asked["name"]), "rb")
    opened.seek(int(asked["from"]))
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](opened, 65536)


@page
def memory(environ, start_response):
    with open("/proc/self/status") as status:
        return text(start_response, next(line.split()[1] for line in status if line.startswith("VmRSS")))


@page
def offspring(environ, start_response):
    """Leaves processes behind, with every descriptor that a child can get."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    children = [subprocess.Popen(command, close_fds=False) for _ in range(3)]
    pid = os.fork()
    if pid == 0:
        try:
            time.sleep(600)
        finally:
            os._exit(0)
    return text(start_response, " ".join(str(p) for p in [pid] + [child.pid for child in children]))


NONSENSE = {
    "garbage": bytes((n * 2654435761 >> 13) & 255 for n in range(1000)),
    "zeros": bytes(1000),
    "head": b"Status: 200 OK\r\nContent-Type: text/plain\r\nX-Injected: yes\r\n\r\ninjected",
    "response": b"HTTP/1.1 200 OK\r\nX-Injected: yes\r\nContent-Length: 8\r\n\r\ninjected",
}


@page
def speak(environ, start_response):
    """Writes into every connection that the process has accepted at a path, as if it were the server."""
    while environ["wsgi.input"].read(100_000):
        pass
    for name in os.listdir("/proc/self/fd"):
        try:
            other = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        with other:
            accepted = other.family == socket.AF_UNIX and other.getsockname() and not other.getsockopt(socket.SOL_SOCKET, SO_ACCEPTCONN)
            if accepted:
                other.send(NONSENSE[query(environ)["what"]])
    return text(start_response, "nobody hears this")


@page
def threads(environ, start_response):
    return text(start_response, str(threading.active_count()))


def application(environ, start_response):
    return PAGES[environ["PATH_INFO"]](environ, start_response)
