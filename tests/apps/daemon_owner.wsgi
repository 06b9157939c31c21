"""Takes an address or a lock when it is loaded, under a name that all processes of its group have in common."""

import fcntl
import os
import signal
import socket

import mod_wsgi

NAME = f"mod_wsgi_rs-{os.getppid()}-{mod_wsgi.process_group}"
if mod_wsgi.process_group == "lock":
    # Any file will do that is there for the supervisor's whole life: its processes all see its directory in /proc.
    OWNED = os.open(f"/proc/{os.getppid()}", os.O_RDONLY)
    fcntl.flock(OWNED, fcntl.LOCK_EX | fcntl.LOCK_NB)
else:
    OWNED = socket.socket(socket.AF_UNIX)
    OWNED.bind("\0" + NAME)


def application(environ, start_response):
    if environ["PATH_INFO"] == "/signal":
        os.kill(os.getpid(), signal.SIGTERM)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
