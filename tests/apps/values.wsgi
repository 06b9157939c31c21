"""What options of a process group came to."""

import os
import sys

import mod_wsgi


def application(environ, start_response):
    # What stands before the standard library was put there.
    first = sys.path[0] if not sys.path[0].endswith(".zip") else None
    lines = [
        "threads=%s" % mod_wsgi.threads_per_process,
        "processes=%s" % mod_wsgi.maximum_processes,
        "multiprocess=%s" % environ["wsgi.multiprocess"],
        "LANG=%s" % os.environ.get("LANG"),
        "LC_ALL=%s" % os.environ.get("LC_ALL"),
        "first=%s" % first,
    ]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["\n".join(lines).encode()]
