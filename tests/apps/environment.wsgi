"""What a process has in its environment: as Python sees it, as the first code of the application saw it, and as `ps` and /proc show it."""

import json
import os
import subprocess

at_import = dict(os.environ)


def child(name):
    """What a program that the application starts has."""
    return subprocess.run(["/bin/sh", "-c", 'printf %s "$' + name + '"'], stdout=subprocess.PIPE, check=True).stdout.decode()


def shown():
    try:
        with open("/proc/self/environ", "rb") as file:
            return file.read().replace(b"\0", b"\n").decode("utf-8", "replace")
    except PermissionError:
        return "closed"


def readable(path):
    try:
        with open(path):
            return True
    except OSError:
        return False


def application(environ, start_response):
    names = environ["QUERY_STRING"].split("&") if environ["QUERY_STRING"] else []
    body = json.dumps({
        "pid": os.getpid(),
        "values": {name: [os.environ.get(name), at_import.get(name), child(name)] for name in names},
        "names": sorted(os.environ),
        "shown": shown(),
        "readable": readable(environ["PATH_INFO"]) if environ["PATH_INFO"] else None,
    }, sort_keys=True)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body.encode()]
