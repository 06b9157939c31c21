"""Takes its time to be loaded."""

import time

time.sleep(20)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"at last"]
