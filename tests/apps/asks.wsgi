"""A script that asks to be loaded again, by the two ways that there are, when it is told to."""

import os

import mod_wsgi

WANTED = mod_wsgi.process_group == "always"
ASKED = []


def reload_required(path):
    ASKED.append(path)
    return WANTED


def application(environ, start_response):
    global WANTED, __mtime__
    page = environ["PATH_INFO"].strip("/")
    if page == "mtime":
        __mtime__ = 0
    elif page == "function":
        WANTED = True
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {ASKED[-1:] == [environ['SCRIPT_FILENAME']]} {environ['wsgi.input'].read().decode()}".encode()]
