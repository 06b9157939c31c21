"""mod_wsgi.server_metrics() as text: what is asked for by the path."""

import json
import os
import threading
import time

import mod_wsgi

_kept = {}


def now(environ):
    return json.dumps(mod_wsgi.server_metrics())


def pid(environ):
    return environ["mod_wsgi.server_pid"]


def ways(environ):
    """How the files of the scoreboard that this process has open are open, and whether they can be opened for writing."""
    said = []
    for number in os.listdir("/proc/self/fd"):
        path = "/proc/self/fd/" + number
        try:
            if "scoreboard" not in os.readlink(path):
                continue
            with open("/proc/self/fdinfo/" + number) as info:
                flags = [line.split()[1] for line in info if line.startswith("flags:")][0]
        except OSError:
            continue
        try:
            os.write(int(number), b"nonsense")
            said.append("written")
        except OSError as error:
            said.append(type(error).__name__)
        try:
            os.close(os.open(path, os.O_WRONLY))
            said.append("opened")
        except OSError as error:
            said.append(type(error).__name__)
        said.append(str(int(flags, 8) & os.O_ACCMODE))
    return " ".join(said)


def begin(environ):
    """A thread that no request waits for asks again and again."""

    def ask():
        for _ in range(50):
            _kept["metrics"] = mod_wsgi.server_metrics()
            time.sleep(0.01)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return json.dumps(sorted(_kept["metrics"] or {}))


PAGES = {"now": now, "pid": pid, "ways": ways, "thread": begin}


def application(environ, start_response):
    body = PAGES[environ["PATH_INFO"].strip("/")](environ).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
