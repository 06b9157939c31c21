"""Fails in the way that the path asks for."""

import os
import sys
import time

from fixture import query, text


def application(environ, start_response):
    how = environ["PATH_INFO"].strip("/")
    if how == "raise":
        raise RuntimeError("the trial wants it")
    if how == "leave":
        sys.exit(3)
    if how == "end":
        os._exit(3)
    if how == "header":
        size = int(query(environ)["size"])
        return text(start_response, "a long header", headers=[("X-Long", "h" * size)])
    if how == "sleep":
        time.sleep(float(query(environ)["for"]))
    if how == "read":
        return text(start_response, str(len(environ["wsgi.input"].read())))
    if how == "read-on":
        try:
            environ["wsgi.input"].read()
        except OSError as error:
            return text(start_response, "OSError: %s" % error)
    return text(start_response, "served")
