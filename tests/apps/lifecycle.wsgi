"""An application that says when its process ends."""

import atexit
import os
import time

import mod_wsgi
from fixture import Paths, query, text

application = Paths()
DIRECTORY = os.environ["LIFECYCLE_FILES"]


def note(name):
    with open(os.path.join(DIRECTORY, name), "a") as file:
        file.write("%d\n" % os.getpid())


@application.path("/")
def hello(environ, start_response):
    return text(start_response, "pid=%d\n" % os.getpid())


@application.path("/at-exit")
def at_exit(environ, start_response):
    """Registers a function that notes that it ran; or one that never ends."""
    group = environ["mod_wsgi.application_group"] or "main"
    if query(environ).get("hang"):
        atexit.register(lambda: time.sleep(300))
    atexit.register(note, "at-exit-" + group)
    mod_wsgi.subscribe_shutdown(lambda name, **payload: note("told-" + group))
    return text(start_response, "registered")


@application.path("/slow")
def slow(environ, start_response):
    """Answers in two pieces; the second comes when the test says so."""
    gate = os.path.join(DIRECTORY, query(environ)["gate"])
    start_response("200 OK", [("Content-Type", "text/plain")])

    def items():
        yield b"begun;"
        end = time.monotonic() + 15
        while not os.path.exists(gate) and time.monotonic() < end:
            time.sleep(0.005)
        yield b"ended"

    return items()
