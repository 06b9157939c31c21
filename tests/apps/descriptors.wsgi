"""What an application, and what it starts, finds of descriptors."""

import multiprocessing
import os
import select
import signal
import socket
import subprocess
import sys
import time

import open_descriptors


def own(environ):
    return open_descriptors.listing()


def pid(environ):
    return str(os.getpid())


def executed(environ):
    """A program that was told not to close anything."""
    return subprocess.check_output([sys.executable, open_descriptors.__file__], close_fds=False).decode()


def in_child(work):
    """Runs `work` in a forked process and gives what it returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, work().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        result = stream.read().decode()
    os.waitpid(child, 0)
    return result


def forked(environ):
    return in_child(open_descriptors.listing)


def forked_speaks(environ):
    """A forked process prints, and does what the engine's own calls lead to: all of it must fail harmlessly."""

    def work():
        print("said-by-a-forked-process", file=environ["wsgi.errors"], flush=True)
        try:
            environ["wsgi.input"].read()
            return "read"
        except OSError as error:
            return type(error).__name__

    return in_child(work)


def started(environ):
    context = multiprocessing.get_context(environ["QUERY_STRING"])
    receiver, sender = context.Pipe(False)
    process = context.Process(target=open_descriptors.send, args=(sender,))
    process.start()
    sender.close()
    result = receiver.recv()
    process.join()
    return f"{result}\nexit {process.exitcode}"


def terminated(environ):
    """How a forked process ends that is asked to."""
    child = os.fork()
    if child == 0:
        while True:
            time.sleep(1)
    os.kill(child, signal.SIGTERM)
    return str(os.waitpid(child, 0)[1])


def selects(environ):
    """As many descriptors as select() can take."""
    pairs, highest = [], 0
    while highest < 1000:
        pair = socket.socketpair()
        pairs.append(pair)
        highest = max(highest, pair[1].fileno())
    pairs[-1][0].send(b"x")
    ready = select.select([pair[1] for pair in pairs], [], [], 5)[0]
    count = len(pairs)
    for near, far in pairs:
        near.close()
        far.close()
    return f"{len(ready)} of {count}"


def comes_back(environ):
    """The child leaves the request as its parent does."""
    child = os.fork()
    if child == 0:
        if environ["QUERY_STRING"] == "exit":
            sys.exit(0)
        return "the child's answer"
    return f"the parent's answer {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}"


def program(environ):
    """Starts a program that executes another, closes nothing, and stays until a line comes to its end."""
    process = subprocess.Popen(["/bin/sh", "-c", "sleep 600; exit 0"], close_fds=False)
    PROGRAMS.append(process)
    return str(process.pid)


def large(environ):
    """More than goes through a socket."""
    environ["wsgi.input"].read()
    return "x" * 3_000_000


def reap(environ):
    """Takes back the programs, which were killed."""
    while PROGRAMS:
        PROGRAMS.pop().wait()
    return "none"


PROGRAMS = []
PAGES = {
    page.__name__: page
    for page in (own, pid, executed, forked, forked_speaks, started, terminated, selects, comes_back, program, large, reap)
}


def application(environ, start_response):
    body = PAGES[environ["PATH_INFO"].strip("/")](environ).encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
