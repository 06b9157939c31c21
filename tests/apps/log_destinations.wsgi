"""Writes to the error log in every way that there is."""

import ctypes
import os
import sys
import threading

import mod_wsgi

GROUP = mod_wsgi.process_group
sys.stderr.write(f"{GROUP}: at import, \"quoted\"\n")


def raw(environ):
    os.write(1, f"{GROUP}: raw on 1\n".encode())
    os.write(2, f"{GROUP}: raw on 2 \\ \x1b[31m \u00e4\u20ac ".encode() + b"\x85\xff\t.\n")


def thread(environ):
    other = threading.Thread(target=lambda: print(f"{GROUP}: of a thread", file=sys.stderr, flush=True))
    other.start()
    other.join()


def request(environ):
    print(f"{GROUP}: of a request, \"quoted\" \u00e4 \x1b[31m", file=environ["wsgi.errors"])
    print(f"{GROUP}: long in a request " + "\u00e4" * 50000, file=environ["wsgi.errors"])


def long(environ):
    os.write(2, f"{GROUP}: long \"".encode() + b"\"x\x01\xe4" * 25_000 + b"\n")


def many(environ):
    for number in range(int(environ["QUERY_STRING"])):
        os.write(2, f"{GROUP}: line {number}.\n".encode())


def pid(environ):
    return str(os.getpid())


def crash(environ):
    ctypes.string_at(0)


def application(environ, start_response):
    said = globals()[environ["PATH_INFO"].strip("/")](environ) or "done"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [said.encode()]
