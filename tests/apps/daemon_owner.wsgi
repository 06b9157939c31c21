"""Takes an address or a lock when it is loaded, under a name that all processes of its group have in common."""

import fcntl
import os
import signal
import socket
import time

import mod_wsgi

# A trial may ask for a name that the processes of two supervisors have in common.
COMMON = os.environ.get({"sole": "TRIAL_NAME", "port": "TRIAL_PORT"}.get(mod_wsgi.process_group, ""))
NAME = f"mod_wsgi_rs-{COMMON or os.getppid()}-{mod_wsgi.process_group}"
if mod_wsgi.process_group == "lock":
    # Any file will do that is there for the supervisor's whole life: its processes all see its directory in /proc.
    OWNED = os.open(f"/proc/{os.getppid()}", os.O_RDONLY)
    fcntl.flock(OWNED, fcntl.LOCK_EX | fcntl.LOCK_NB)
else:
    OWNED = socket.socket(socket.AF_UNIX)
    OWNED.bind("\0" + NAME)


BUSY = []


def stubborn():
    """Lets nothing end it."""
    BUSY.append(1)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            time.sleep(0.05)
        except BaseException:
            pass


def application(environ, start_response):
    if environ["PATH_INFO"] == "/stubborn":
        stubborn()
    if environ["PATH_INFO"] == "/busy":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(len(BUSY)).encode()]
    if environ["PATH_INFO"] == "/signal":
        os.kill(os.getpid(), signal.SIGTERM)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
