"""Responses that may be cached, whole or cut: `/HOW/FRAMING`."""

import os
import time


def application(environ, start_response):
    how, framing = environ["PATH_INFO"].strip("/").split("/")
    headers = [
        ("Content-Type", "text/plain"),
        ("Cache-Control", "public, max-age=600"),
        ("Last-Modified", "Mon, 02 Nov 2026 08:00:00 GMT"),
        ("X-Stamp", str(time.time_ns())),
    ]
    if framing == "length":
        headers.append(("Content-Length", "4000"))
    start_response("200 OK", headers)

    def pieces():
        yield b"x" * 2000
        time.sleep(0.1)
        if how == "exit":
            os._exit(3)
        if how == "kill":
            os.kill(os.getpid(), 9)
            time.sleep(10)
        if how == "raise":
            raise RuntimeError("the trial wants it")
        yield b"y" * 2000

    return pieces()
